"""PreFormed: Ray Serve's batcher, against its own loop, and what it costs not to look at the executor."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine import batches, play
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import ARRIVALS, SIZES

from batchdemo.policies import BUSY, PreFormed, QueueView, Release, Wait


def ray(arrivals, size, wait, *, a=0.0, b=0.0, gated=False):
    """(time of release, size) by the loop of `_BatchQueue` in ray/serve/batching.py.

    Take one, note the time, drain until there are enough or the wait is over, hand over, begin again. With `gated`
    the semaphore is taken before the first request, and not by the task that the batch is handed to.
    """
    released, at, free = [], 0, 0.0
    previous = 0.0  # when the batcher came back to take a request
    while at < len(arrivals):
        took = max(arrivals[at], free if gated else previous)
        over = took + wait
        in_time = [when for when in arrivals[at : at + size] if when < over]
        in_time += [when for when in arrivals[at + len(in_time) : at + size] if when == over][:1]  # and then it is
        full = len(in_time) == size
        previous = max(took, in_time[-1]) if full else over
        released.append((previous, len(in_time)))
        free = previous + (a * len(in_time) + b)
        at += len(in_time)
    return released


@settings(max_examples=300, deadline=None)
@given(ARRIVALS, SIZES, st.floats(0.001, 10) | st.sampled_from([0.1, 0.3]), st.sampled_from([0.0, 0.05, 1.0]))
@pytest.mark.parametrize("gated", [False, True])
def test_it_forms_the_batches_that_ray_forms(gated, arrivals, size, wait, b):
    ours = batches(PreFormed(size, wait, preform=not gated), arrivals, a=0.001, b=b)
    theirs = ray(arrivals, size, wait, a=0.001, b=b, gated=gated)
    assert [(when, count) for when, count, _ in ours] == theirs


def test_a_wait_of_nothing_takes_what_is_there_when_it_is_asked():
    assert batches(PreFormed(3, 0), [0.0, 0.0, 1.0]) == [(0.0, 1, "timeout")] * 2 + [(1.0, 1, "timeout")]
    assert batches(PreFormed(3, 0, preform=False), [0.0, 0.5, 0.5], b=1.0) == [(0.0, 1, "timeout"), (1.0, 2, "timeout")]


@pytest.mark.parametrize("preform", [True, False])
def test_its_decisions_one_by_one(preform):
    policy = PreFormed(3, 0.5, preform)
    assert policy.decide(QueueView(1.0, 1, 1.0, 1.0, 0, 1)) == Wait(1.5, 3)
    assert policy.decide(QueueView(1.25, 2, 1.0, 1.25, 0, 1)) == Wait(1.5, 3)
    assert policy.decide(QueueView(1.5, 2, 1.0, 1.25, 0, 1)) == Release(2, "timeout")
    assert policy.decide(QueueView(2.0, 5, 1.0, 2.0, 0, 1)) == Release(3, "full")
    assert policy.decide(QueueView(2.0, 2, 1.0, 2.0, 0, 1)) == Wait(2.5, 3)  # from when they were taken, not from 1.0


def test_the_clock_of_those_left_behind_starts_when_the_full_batch_leaves():
    policy = PreFormed(3, 0.5)
    assert policy.decide(QueueView(1.0, 1, 1.0, 1.0, 0, 1)) == Wait(1.5, 3)
    assert policy.decide(QueueView(1.25, 4, 1.0, 1.25, 0, 1)) == Release(3, "full")
    assert policy.decide(QueueView(1.25, 1, 1.25, 1.25, 1, 0)) == Wait(1.75, 3)


@pytest.mark.parametrize("preform", [True, False])
def test_where_all_who_were_taken_are_gone_the_clock_stops(preform):
    policy = PreFormed(3, 0.5, preform)
    assert policy.decide(QueueView(1.0, 1, 1.0, 1.0, 0, 1)) == Wait(1.5, 3)
    assert policy.decide(QueueView(1.25, 0, math.nan, math.nan, 0, 1)) == Wait(None)
    assert policy.decide(QueueView(9.0, 1, 9.0, 9.0, 0, 1)) == Wait(9.5, 3)


def test_gated_it_takes_nobody_before_the_executor_is_free():
    policy = PreFormed(3, 0.5, preform=False)
    assert policy.decide(QueueView(1.0, 1, 1.0, 1.0, 1, 0)) == BUSY
    assert policy.decide(QueueView(9.0, 2, 1.0, 2.0, 0, 1)) == Wait(9.5, 3)
    assert policy.decide(QueueView(9.5, 2, 1.0, 2.0, 0, 1)) == Release(2, "timeout")


def test_on_one_side_of_the_executor_and_on_the_other():
    """One every second, a batch takes 3 s, the first is joined for 1.5 s."""
    arrivals = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    before = play(PreFormed(10, 1.5), arrivals, b=3.0)
    assert [(when, len(numbers)) for when, numbers, _ in before.batches] == [(1.5, 2), (3.5, 2), (5.5, 2)]
    assert before.finished == [4.5, 7.5, 10.5]
    after = play(PreFormed(10, 1.5, preform=False), arrivals, b=3.0)
    assert [(when, len(numbers)) for when, numbers, _ in after.batches] == [(1.5, 2), (6.0, 4)]
    assert after.finished == [4.5, 9.0]


def test_formed_before_the_executor_is_free_it_serves_a_quarter_of_what_it_could():
    """300 requests/s, 50 ms + 1 ms an item, 32 within 10 ms: a batch holds its first and 300 · 0.01 more."""
    seconds = 60.0
    arrivals = np.cumsum(np.random.default_rng(3).exponential(1 / 300, 18_000))
    served, mean = {}, {}
    for preform in (True, False):
        played = play(PreFormed(32, 0.01, preform), arrivals.tolist(), a=0.001, b=0.05, until=seconds)
        pairs = zip(played.batches, played.finished, strict=True)
        sizes = [len(numbers) for (_, numbers, _), done in pairs if done <= seconds]
        served[preform], mean[preform] = sum(sizes) / seconds, np.mean(sizes)
    assert mean[True] == pytest.approx(4, rel=0.05)
    assert served[True] == pytest.approx(4 / (0.05 + 4 * 0.001), rel=0.05)  # 74 a second, and the queue grows
    assert mean[False] == pytest.approx(25.6, rel=0.05)
    assert served[False] == pytest.approx(300, rel=0.03)  # all that come
