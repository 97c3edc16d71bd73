"""Batches read from the gaps between replies: found exactly where they are clear, never made up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchdemo.runs.inference import infer_batches

NAN = float("nan")


def sizes(received):
    found = infer_batches(received)
    return np.bincount(found[found > 0])[1:].tolist()


def times(gaps):
    return np.cumsum([5.0, *gaps])


def test_the_tutorials_batches_are_found_in_noisy_gaps():
    noise = np.random.default_rng(1)
    received = [
        5.0 * batch + noise.normal(0, 0.002) + np.sort(noise.exponential(0.0004, size)).cumsum()
        for batch, size in enumerate((5, 5, 5, 3), 1)
    ]
    assert infer_batches(np.concatenate(received)).tolist() == [1] * 5 + [2] * 5 + [3] * 5 + [4] * 3


def test_replies_that_all_came_together_are_one_batch():
    assert infer_batches([5.0, 5.0001, 5.0002, 5.0002]).tolist() == [1, 1, 1, 1]


def test_replies_that_all_stand_alone_are_batches_of_one():
    assert infer_batches([1.0, 2.1, 3.0, 4.2, 5.1]).tolist() == [1, 2, 3, 4, 5]


def test_two_replies_are_one_batch_or_two():
    assert infer_batches([5.0, 5.0005]).tolist() == [1, 1]
    assert infer_batches([5.0, 10.0]).tolist() == [1, 2]


def test_gaps_four_times_as_long_are_clear_and_shorter_ones_are_not():
    assert sizes(times([0.01, 0.01, 0.041, 0.01])) == [3, 2]
    assert sizes(times([0.01, 0.01, 0.039, 0.01])) == [1, 1, 1, 1, 1]


def in_batches(*between, size=5, within=0.0002):
    """Gaps of batches of one size, so many seconds from the last reply of one to the first of the next."""
    gaps = [within] * (size - 1)
    for gap in between:
        gaps += [gap] + [within] * (size - 1)
    return gaps


def test_a_long_pause_does_not_hide_short_intervals():
    assert sizes(times(in_batches(*[0.05] * 6, 300.0, *[0.05] * 5))) == [5] * 13


@pytest.mark.parametrize("pause", [0.3, 3.0, 300.0, 1e5])
@pytest.mark.parametrize("pauses", [1, 2, 5, 12])
def test_pauses_of_any_length_and_number_hide_nothing(pause, pauses):
    assert sizes(times(in_batches(*[0.05, pause] * pauses, 0.05))) == [5] * (2 * pauses + 2)


def test_pauses_of_many_lengths_hide_nothing():
    assert sizes(times(in_batches(0.05, 1.0, 0.05, 10.0, 0.05, 100.0, 0.05, 1000.0, 1000.0))) == [5] * 10


def test_pauses_may_outnumber_the_intervals():
    assert sizes(times(in_batches(60.0, 60.0, 60.0, 0.05, 60.0, 60.0))) == [5] * 7


@pytest.mark.parametrize("hiccup", [0.003, 0.005, 0.012])
def test_a_hiccup_within_a_batch_does_not_part_it(hiccup):
    gaps = in_batches(5.0, 5.0, 5.0)
    gaps[6] = hiccup
    assert sizes(times(gaps)) == [5, 5, 5, 5]
    gaps[1] = gaps[11] = hiccup
    assert sizes(times(gaps)) == [5, 5, 5, 5]


def test_intervals_as_short_as_a_hiccup_are_found_where_they_are_the_rule():
    assert sizes(times(in_batches(*[0.01] * 6, 2.0, 0.01))) == [5] * 9


def test_one_reply_is_one_batch():
    assert infer_batches([5.0]).tolist() == [1]


@pytest.mark.parametrize("received", [[], [NAN], [NAN, NAN]])
def test_where_nothing_came_there_is_no_batch(received):
    assert infer_batches(received).tolist() == [0] * len(received)


def test_a_reply_that_never_came_is_in_no_batch_and_changes_no_other():
    assert infer_batches([5.0, NAN, 5.0001, 10.0, NAN]).tolist() == [1, 0, 1, 2, 0]


def test_batches_are_numbered_by_time_and_not_by_row():
    assert infer_batches([10.0, 5.0, 10.0001, 5.0001]).tolist() == [2, 1, 2, 1]


def test_a_list_is_as_good_as_an_array():
    assert infer_batches([5, 10]).tolist() == infer_batches(np.array([5.0, 10.0])).tolist()


@st.composite
def batches(draw):
    """Sizes, and gaps: below half a millisecond within a batch, ten or more between, of up to thrice the shortest."""
    counts = draw(st.lists(st.integers(1, 8), min_size=1, max_size=12))
    shortest = draw(st.floats(0.01, 30.0))
    gaps = []
    for at, count in enumerate(counts):
        between = [draw(st.floats(1.0, 3.0)) * shortest] if at else []
        gaps += between + draw(st.lists(st.floats(0.0, 0.0005), min_size=count - 1, max_size=count - 1))
    return counts, gaps


@settings(max_examples=200, deadline=None)
@given(batches())
def test_batches_that_lie_clearly_apart_are_found_exactly(made):
    counts, gaps = made
    assert sizes(times(gaps)) == counts


@settings(max_examples=100, deadline=None)
@given(batches(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(made, random):
    counts, gaps = made
    received = list(times(gaps))
    random.shuffle(received)
    assert sizes(received) == counts


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 1e4) | st.just(NAN), max_size=40))
def test_whatever_comes_batches_are_numbered_from_1_without_a_hole_and_follow_time(received):
    found = infer_batches(received)
    seen = ~np.isnan(np.array(received, dtype=float))
    assert (found[~seen] == 0).all()
    assert np.unique(found[seen]).tolist() == list(range(1, len(np.unique(found[seen])) + 1))
    by_time = found[seen][np.argsort(np.array(received, dtype=float)[seen], kind="stable")]
    assert (np.diff(by_time) >= 0).all()


@settings(max_examples=100, deadline=None)
@given(batches(), st.floats(0, 1000))
def test_a_later_start_of_the_clock_changes_nothing(made, later):
    counts, gaps = made
    assert sizes(times(gaps) + later) == counts


def test_a_hundred_thousand_replies_are_parted():
    received = np.repeat(np.arange(1, 20_001) * 0.05, 5)
    assert sizes(received) == [5] * 20_000
