"""AIMD: up step by step, down by a tenth."""

from __future__ import annotations

import math

import pytest
from engine import batches, play

from batchdemo.policies import AIMD, BUSY, QueueView, Release
from batchdemo.records import BatchRecord


def batch(size, duration):
    return BatchRecord(1, 0.0, size, "full", -1, -1, 1, duration)


def test_it_climbs_to_the_size_that_the_objective_allows_and_stays_about_there():
    """A batch of n takes n + 2 seconds: 8 are within 10.5 s, 9 are not. 9 · 0.9 is 8.1, and so on."""
    sizes = [size for _, size, _ in batches(AIMD(10.5), [0.0] * 79, a=1.0, b=2.0)]
    assert sizes == [1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 9, 8, 9]


def test_it_is_greedy_up_to_the_size_it_has_come_to():
    policy = AIMD(1.0, step=3)
    assert policy.decide(QueueView(0.0, 9, 0.0, 0.0, 0, 1)) == Release(1, "full")
    policy.observe(batch(1, 0.5))
    assert policy.decide(QueueView(0.0, 9, 0.0, 0.0, 0, 1)) == Release(4, "full")
    assert policy.decide(QueueView(0.0, 3, 0.0, 0.0, 0, 1)) == Release(3, "idle")
    assert policy.decide(QueueView(0.0, 9, 0.0, 0.0, 1, 0)) == BUSY


@pytest.mark.parametrize(
    ("finished", "size"),
    [
        (batch(20, 0.99), 21),
        (batch(20, 1.0), 21),  # the objective is met by a batch that takes just as long
        (batch(20, 1.01), 18),
        (batch(19, 0.99), 20),  # it did not use the whole size
        (batch(3, 1.01), 18),  # but too long is too long
        (batch(20, math.nan), 20),  # nobody saw how long
    ],
)
def test_what_it_learns_from_a_batch(finished, size):
    policy = AIMD(1.0, max_batch_size=1000)
    for last in range(1, 20):
        policy.observe(batch(last, 0.5))
    assert policy.size == 20
    policy.observe(finished)
    assert policy.size == size


def test_it_grows_no_further_than_the_largest_batch_and_shrinks_no_further_than_one():
    policy = AIMD(1.0, step=5, backoff=0.5, max_batch_size=8)
    for _ in range(9):
        policy.observe(batch(8, 0.5))
    assert policy.size == 8
    policy.observe(batch(8, 2.0))
    assert policy.size == 4
    for _ in range(9):
        policy.observe(batch(1, 2.0))
    assert policy.size == 1
    policy.observe(batch(1, 0.5))
    assert policy.size == 6


def test_a_smaller_largest_batch_holds_at_once():
    policy = AIMD(1.0, step=50)
    policy.observe(batch(1, 0.5))
    policy.max_batch_size = 10
    assert policy.decide(QueueView(0.0, 99, 0.0, 0.0, 0, 1)) == Release(10, "full")


def test_under_little_load_the_size_stays_where_it_is():
    assert play(AIMD(1.0), [float(second) for second in range(50)], b=0.1).policy.size == 2
