"""FixedInterval: up to B at every tick of a free-running clock, on a grid that nothing moves."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batchdemo.errors import ArgumentError
from batchdemo.policies import FixedInterval, Policy, QueueView, Release, Wait

NAN = math.nan
INTERVALS = st.floats(0.001, 86_400) | st.sampled_from([0.1, 0.3, 0.7, 1 / 3, 1.1, 5.0])


def view(now, waiting=0):
    return QueueView(now, waiting, NAN if not waiting else 0.0, NAN if not waiting else 0.0, 0)


def released(policy, arrivals, ticks):
    """A fake-clock engine: the batches as (time, size), with a timer that fires exactly when it is due."""
    waiting, batches, due = 0, [], policy.decide(view(0.0)).until
    arrivals = list(arrivals)
    for _ in range(ticks):
        while arrivals and arrivals[0] <= due:
            waiting += 1
            arrivals.pop(0)
        while isinstance(answer := policy.decide(view(due, waiting)), Release):
            batches.append((due, answer.size))
            waiting -= answer.size
        due = answer.until
    return batches


def test_it_is_a_policy():
    assert isinstance(FixedInterval(), Policy)


def test_the_default_is_the_tutorials_five_every_five_seconds():
    assert FixedInterval() == FixedInterval(max_batch_size=5, interval=5.0)


@pytest.mark.parametrize("size", [0, -1, NAN, math.inf, 5.0, "5", True, None, 1_000_001], ids=repr)
def test_a_bad_size_is_refused_by_name(size):
    with pytest.raises(ArgumentError, match=r"^max_batch_size must be a whole number from 1 to 1,000,000, got "):
        FixedInterval(size, 5.0)


@pytest.mark.parametrize("interval", [0, -1, NAN, math.inf, "5", True, None, 0.0001, 86_401], ids=repr)
def test_a_bad_interval_is_refused_by_name(interval):
    with pytest.raises(ArgumentError, match=r"^interval must be a number of seconds from 0\.001 to 86,400, got "):
        FixedInterval(5, interval)


def test_eighteen_at_once_are_released_5_5_5_3_at_the_first_four_ticks():
    batches = released(FixedInterval(5, 5.0), [0.0] * 18, ticks=6)
    assert batches == [(5.0, 5), (10.0, 5), (15.0, 5), (20.0, 3)]


def test_an_arrival_does_not_move_the_grid():
    batches = released(FixedInterval(5, 5.0), [3.0, 7.5, 7.6, 31.0], ticks=8)
    assert batches == [(5.0, 1), (10.0, 2), (35.0, 1)]


@pytest.mark.parametrize("now", [0.0, 2.5, math.nextafter(5.0, 0.0)])
def test_an_early_question_waits_for_the_tick_however_many_wait(now):
    assert FixedInterval(5, 5.0).decide(view(now, 100)) == Wait(5.0)


def test_a_tick_at_which_nothing_waits_releases_nothing():
    assert FixedInterval(5, 5.0).decide(view(5.0)) == Wait(10.0)


def test_a_tick_releases_no_more_than_wait_and_no_more_than_the_size():
    assert FixedInterval(5, 5.0).decide(view(5.0, 3)) == Release(3, "tick")
    assert FixedInterval(5, 5.0).decide(view(5.0, 8)) == Release(5, "tick")


def test_asked_again_after_a_release_it_waits_even_where_more_wait():
    policy = FixedInterval(5, 5.0)
    assert policy.decide(view(5.0, 18)) == Release(5, "tick")
    assert policy.decide(view(5.0, 13)) == Wait(10.0)
    assert policy.decide(view(5.0, 13)) == Wait(10.0)


def test_a_late_tick_releases_one_batch_and_the_next_is_due_on_the_grid():
    policy = FixedInterval(5, 5.0)
    assert policy.decide(view(7.3, 18)) == Release(5, "tick")
    assert policy.decide(view(7.3, 13)) == Wait(10.0)


@pytest.mark.parametrize("now", [20.0, 23.9])
def test_several_missed_ticks_are_one(now):
    policy = FixedInterval(5, 5.0)
    assert policy.decide(view(now, 18)) == Release(5, "tick")
    assert policy.decide(view(now, 13)) == Wait(25.0)


@settings(max_examples=300, deadline=None)
@given(INTERVALS, st.lists(st.integers(1, 1000), min_size=1, max_size=5))
@example(0.1, [43])  # 43 * 0.1 / 0.1 is just below 43
@example(1 / 3, [5, 6])
def test_at_any_points_of_any_grid_it_releases_once_and_waits_for_a_time_after_now(interval, strides):
    policy, step = FixedInterval(5, interval), 0
    for stride in strides:  # more than 1: the ticks between were missed
        step += stride
        now = step * interval
        assert policy.decide(view(now, 20)) == Release(5, "tick")
        answer = policy.decide(view(now, 15))
        assert isinstance(answer, Wait)
        assert answer.until > now
        assert answer.until == pytest.approx((step + 1) * interval, rel=1e-12)


@settings(max_examples=200, deadline=None)
@given(INTERVALS, st.lists(st.floats(0, 1e6), min_size=1, max_size=5))
def test_at_any_time_it_never_waits_for_a_time_that_has_passed(interval, times):
    policy = FixedInterval(5, interval)
    for now in sorted(times):
        answer = policy.decide(view(now))
        assert now < answer.until <= (now + interval) * (1 + 1e-12)


@settings(max_examples=50, deadline=None)
@given(INTERVALS)
def test_a_thousand_ticks_drift_by_nothing(interval):
    policy, due = FixedInterval(5, interval), interval
    for step in range(1, 1001):
        assert due == step * interval
        due = policy.decide(view(due)).until


def test_policies_are_equal_by_their_settings_whatever_they_have_been_through():
    used = FixedInterval(5, 5.0)
    used.decide(view(5.0, 18))
    assert used == FixedInterval(5, 5.0)
    assert used != FixedInterval(5, 6.0)
    assert used != FixedInterval(6, 5.0)


def test_its_repr_and_its_words_show_the_settings_and_not_the_state():
    used = FixedInterval(1000, 0.25)
    used.decide(view(5.0, 18))
    assert repr(used) == "FixedInterval(max_batch_size=1000, interval=0.25)"
    assert str(used) == "up to 1,000 every 0.25 s"
    assert str(FixedInterval()) == "up to 5 every 5 s"


@pytest.mark.parametrize(("name", "value"), [("max_batch_size", 0), ("max_batch_size", 2.5), ("interval", -1.0),
                                             ("interval", "5"), ("interval", NAN)])  # fmt: skip
def test_a_bad_setting_is_refused_afterwards_too_and_the_good_one_kept(name, value):
    policy = FixedInterval(4, 2.0)
    with pytest.raises(ArgumentError, match=f"^{name} must be "):
        setattr(policy, name, value)
    assert policy == FixedInterval(4, 2.0)


def test_a_good_setting_may_be_changed():
    policy = FixedInterval(4, 2.0)
    policy.max_batch_size, policy.interval = 5, 3
    assert policy == FixedInterval(5, 3.0)
    assert type(policy.interval) is float
    assert policy.decide(view(3.0, 8)) == Release(5, "tick")
