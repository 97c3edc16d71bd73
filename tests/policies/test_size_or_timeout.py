"""SizeOrTimeout: a full batch at once, a smaller one when the oldest has waited long enough."""

from __future__ import annotations

import pytest
from engine import batches

from batchdemo.policies import QueueView, Release, SizeOrTimeout, Wait


@pytest.mark.parametrize(
    ("view", "answer"),
    [
        (QueueView(10.0, 4, 8.0, 9.0, 0), Wait(13.0, 5)),
        (QueueView(12.9, 4, 8.0, 9.0, 0), Wait(13.0, 5)),
        (QueueView(13.0, 4, 8.0, 9.0, 0), Release(4, "timeout")),
        (QueueView(20.0, 4, 8.0, 9.0, 0), Release(4, "timeout")),
        (QueueView(8.0, 5, 8.0, 8.0, 0), Release(5, "full")),
        (QueueView(13.0, 9, 8.0, 9.0, 0), Release(5, "full")),  # the size comes first
        (QueueView(13.0, 4, 8.0, 9.0, 7, 0), Release(4, "timeout")),  # and the executor is nothing to it
    ],
)
def test_its_decisions_one_by_one(view, answer):
    assert SizeOrTimeout(5, 5.0).decide(view) == answer


def test_the_clock_starts_at_the_oldest_arrival_and_each_batch_has_its_own():
    released = batches(SizeOrTimeout(2, 5.0), [3.0, 7.5, 7.6, 31.0])
    assert released == [(7.5, 2, "full"), (7.6 + 5.0, 1, "timeout"), (36.0, 1, "timeout")]


def test_eighteen_at_once_leave_at_once_but_for_the_rest():
    assert batches(SizeOrTimeout(5, 5.0), [0.0] * 18) == [(0.0, 5, "full")] * 3 + [(5.0, 3, "timeout")]


def test_who_comes_at_the_very_time_is_taken_along():
    assert batches(SizeOrTimeout(5, 5.0), [0.0, 5.0]) == [(5.0, 2, "timeout")]


def test_a_timeout_of_nothing_waits_for_nobody():
    assert batches(SizeOrTimeout(5, 0), [0.0, 0.0, 1.0]) == [(0.0, 1, "timeout")] * 2 + [(1.0, 1, "timeout")]
