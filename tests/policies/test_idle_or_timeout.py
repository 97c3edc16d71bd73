"""IdleOrTimeout: when the burst is over, or when its first request has waited long enough."""

from __future__ import annotations

import pytest
from engine import batches

from batchdemo.policies import IdleOrTimeout, QueueView, Release, Wait


@pytest.mark.parametrize(
    ("view", "answer"),
    [
        (QueueView(6.0, 4, 1.0, 5.5, 0), Wait(6.5, 50)),  # the newest decides
        (QueueView(10.7, 4, 1.0, 10.6, 0), Wait(11.0, 50)),  # the oldest decides
        (QueueView(6.5, 4, 1.0, 5.5, 0), Release(4, "idle")),
        (QueueView(11.0, 4, 1.0, 10.6, 0), Release(4, "timeout")),
        (QueueView(11.0, 4, 1.0, 10.0, 0), Release(4, "timeout")),  # both at once
        (QueueView(30.0, 4, 1.0, 2.0, 0), Release(4, "idle")),  # asked late: that which was over first
        (QueueView(6.0, 50, 1.0, 5.5, 0), Release(50, "full")),
        (QueueView(6.5, 60, 1.0, 5.5, 3, 0), Release(50, "full")),
    ],
)
def test_its_decisions_one_by_one(view, answer):
    assert IdleOrTimeout(50, 1.0, 10.0).decide(view) == answer


def test_a_burst_stays_together_and_the_next_is_another():
    released = batches(IdleOrTimeout(), [0.0, 0.5, 1.25, 5.0, 5.0])
    assert released == [(2.25, 3, "idle"), (6.0, 2, "idle")]


def test_a_burst_without_an_end_is_cut_after_the_timeout():
    """One each 0.9 s: those at 0, 0.9, …, 9.9 leave at 10; the next window opens at 10.8, with its first."""
    arrivals = [0.9 * number for number in range(14)]
    first, second = batches(IdleOrTimeout(), arrivals)
    assert first == (10.0, 12, "timeout")
    assert second == (arrivals[13] + 1.0, 2, "idle")


def test_an_idle_window_of_nothing_waits_for_nobody():
    assert batches(IdleOrTimeout(50, 0, 10.0), [0.0, 0.0]) == [(0.0, 1, "idle")] * 2


def test_an_idle_window_as_long_as_the_timeout_never_acts():
    assert batches(IdleOrTimeout(50, 10.0, 10.0), [0.0, 9.0]) == [(10.0, 2, "timeout")]
