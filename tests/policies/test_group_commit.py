"""GroupCommit: a delay before the flush, but only in company."""

from __future__ import annotations

import math

import pytest
from engine import batches

from batchdemo.policies import BUSY, GroupCommit, QueueView, Release, Wait


@pytest.mark.parametrize(
    ("view", "answer"),
    [
        (QueueView(1.0, 1, 1.0, 1.0, 0, 1), Release(1, "idle")),
        (QueueView(1.0, 2, 1.0, 1.0, 0, 1), Release(2, "idle")),
        (QueueView(1.0, 3, 0.0, 1.0, 0, 1), Wait(1.5, 8)),  # two others, from now on and not from 0.0
        (QueueView(1.0, 2, 1.0, 1.0, 1, 1), Wait(1.5, 8)),  # one beside it and one that is being handled
        (QueueView(1.0, 8, 1.0, 1.0, 0, 1), Release(8, "full")),
        (QueueView(1.0, 9, 1.0, 1.0, 0, 1), Release(8, "full")),
        (QueueView(1.0, 9, 1.0, 1.0, 1, 0), BUSY),
    ],
)
def test_its_first_decision(view, answer):
    assert GroupCommit(8, 2, 0.5).decide(view) == answer


def test_a_lone_client_never_waits():
    seconds = [0.0, 1.0, 2.0]
    assert batches(GroupCommit(), seconds, b=0.5) == [(when, 1, "idle") for when in seconds]


def test_in_company_the_flush_is_put_off_once_and_takes_all_who_came():
    arrivals = [0.0, 0.1, 0.2, 0.3, 1.4, 1.6]
    released = batches(GroupCommit(8, 2, 0.5), arrivals, b=1.0)
    assert released == [(0.0, 1, "idle"), (1.5, 4, "timeout"), (2.5, 1, "idle")]


def test_it_counts_once_and_does_not_change_its_mind():
    policy = GroupCommit(8, 2, 0.5)
    assert policy.decide(QueueView(1.0, 3, 0.0, 1.0, 0, 1)) == Wait(1.5, 8)
    assert policy.decide(QueueView(1.25, 2, 0.0, 1.0, 0, 1)) == Wait(1.5, 8)  # one has gone meanwhile
    assert policy.decide(QueueView(1.5, 2, 0.0, 1.0, 0, 1)) == Release(2, "timeout")
    assert policy.decide(QueueView(1.5, 1, 0.0, 1.0, 0, 1)) == Release(1, "idle")  # and then counts anew


def test_where_all_who_waited_are_gone_the_delay_is_over():
    policy = GroupCommit(8, 2, 0.5)
    assert policy.decide(QueueView(1.0, 3, 0.0, 1.0, 0, 1)) == Wait(1.5, 8)
    assert policy.decide(QueueView(1.25, 0, math.nan, math.nan, 0, 1)) == Wait(None)
    assert policy.decide(QueueView(9.0, 3, 9.0, 9.0, 0, 1)) == Wait(9.5, 8)


def test_who_is_left_over_by_a_full_batch_is_the_first_of_the_next():
    policy = GroupCommit(4, 2, 0.5)
    assert policy.decide(QueueView(1.0, 3, 0.0, 1.0, 0, 2)) == Wait(1.5, 4)
    assert policy.decide(QueueView(1.25, 5, 0.0, 1.25, 0, 2)) == Release(4, "full")
    assert policy.decide(QueueView(1.25, 1, 1.25, 1.25, 1, 1)) == Release(1, "idle")


def test_a_full_batch_ends_the_delay():
    released = batches(GroupCommit(4, 2, 0.5), [0.0, 0.1, 0.2, 0.3, 1.25], b=1.0)
    assert released == [(0.0, 1, "idle"), (1.25, 4, "full")]


def test_no_siblings_wanted_means_always_and_no_delay_never():
    assert batches(GroupCommit(8, 0, 0.5), [0.0]) == [(0.5, 1, "timeout")]
    assert batches(GroupCommit(8, 0, 0), [0.0, 0.0]) == [(0.0, 1, "idle")] * 2
