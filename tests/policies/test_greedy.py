"""TakeAll and NoBatching: no clock at all, on either side of the executor."""

from __future__ import annotations

import numpy as np
import pytest
from engine import batches, play

from batchdemo.policies import BUSY, NoBatching, QueueView, Release, TakeAll


@pytest.mark.parametrize(
    ("view", "answer"),
    [
        (QueueView(1.0, 2, 0.0, 1.0, 0, 1), Release(2, "idle")),
        (QueueView(1.0, 3, 0.0, 1.0, 0, 1), Release(3, "full")),
        (QueueView(1.0, 9, 0.0, 1.0, 1, 1), Release(3, "full")),
        (QueueView(1.0, 9, 0.0, 1.0, 1, 0), BUSY),
    ],
)
def test_take_all_decides_by_the_executor_alone(view, answer):
    assert TakeAll(3).decide(view) == answer


def test_take_all_takes_what_came_while_the_executor_was_busy():
    released = batches(TakeAll(3), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], b=2.5)
    assert released == [(0.0, 1, "idle"), (2.5, 2, "idle"), (5.0, 2, "idle"), (7.5, 1, "idle")]


def test_take_all_takes_no_more_than_the_size():
    assert batches(TakeAll(3), [0.0] * 6, b=1.0) == [(0.0, 1, "idle"), (1.0, 3, "full"), (2.0, 2, "idle")]


def test_take_all_fills_every_place_of_the_executor():
    released = batches(TakeAll(3), [0.0] * 6, b=1.0, max_concurrent=2)
    assert released == [(0.0, 1, "idle"), (0.0, 1, "idle"), (1.0, 3, "full"), (1.0, 1, "idle")]


def test_without_batching_each_leaves_when_it_comes_and_waits_behind_the_executor():
    played = play(NoBatching(), [0.0, 0.5, 0.5], b=1.0)
    assert played.batches == [(0.0, [0], "full"), (0.5, [1], "full"), (0.5, [2], "full")]
    assert played.finished == [1.0, 2.0, 3.0]


def test_take_all_has_the_mean_latency_that_theory_gives():
    """Inoue (arXiv 1912.06322), no bound on the size: his φ1, which is close under load."""
    rate, a, b = 300.0, 0.001, 0.05
    arrivals = np.cumsum(np.random.default_rng(7).exponential(1 / rate, 30_000))
    played = play(TakeAll(100_000), arrivals.tolist(), a=a, b=b)
    sizes = [len(numbers) for _, numbers, _ in played.batches]
    latency = np.mean(np.repeat(played.finished, sizes) - arrivals)
    bound = 1.5 * b / (1 - rate * a) + a / 2 * (rate * a + 2) / (1 - (rate * a) ** 2)
    assert bound == pytest.approx(0.1084, abs=1e-4)
    assert latency == pytest.approx(bound, rel=0.02)
