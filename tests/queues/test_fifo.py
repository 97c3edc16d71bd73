"""Fifo: first come, first served, and some who leave before."""

from __future__ import annotations

import copy
import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from batchdemo.queues import Fifo


class Item:
    """The least that a queue can hold."""

    def __init__(self, arrived):
        self.arrived = arrived


def filled(count):
    queue = Fifo()
    for at in range(count):
        queue.push(Item(float(at)))
    return queue


def times(items):
    return [item.arrived for item in items]


def test_items_leave_in_the_order_in_which_they_came():
    assert times(filled(18).pop(18)) == [float(at) for at in range(18)]


@pytest.mark.parametrize(("size", "got"), [(0, 0), (1, 1), (5, 5), (18, 18), (19, 18), (1000, 18)])
def test_pop_gives_as_many_as_were_asked_for_or_all(size, got):
    queue = filled(18)
    assert len(queue.pop(size)) == got
    assert len(queue) == 18 - got


def test_one_leaves_from_the_middle_and_nobody_else_notices():
    queue = filled(4)
    second = list(queue)[1]
    assert queue.remove(second)
    assert times(queue) == [0.0, 2.0, 3.0]
    assert times(queue.pop(10)) == [0.0, 2.0, 3.0]


def test_one_that_is_not_there_cannot_leave():
    queue = filled(3)
    (first,) = queue.pop(1)
    assert not queue.remove(first)
    assert not queue.remove(Item(1.0))  # alike, but another
    assert len(queue) == 2


def test_a_copy_lives_for_itself():
    queue = filled(3)
    other = copy.deepcopy(queue)
    assert other.remove(next(iter(other)))
    assert (len(queue), len(other)) == (3, 2)
    assert times(other.pop(9)) == [1.0, 2.0]


def test_oldest_and_newest_are_the_arrivals_at_both_ends():
    queue = filled(3)
    assert (queue.oldest, queue.newest) == (0.0, 2.0)
    queue.pop(2)
    assert (queue.oldest, queue.newest) == (2.0, 2.0)


def test_oldest_and_newest_of_an_empty_queue_are_nan():
    queue = filled(1)
    queue.pop(1)
    assert math.isnan(queue.oldest)
    assert math.isnan(queue.newest)


class FifoAgainstAList(RuleBasedStateMachine):
    """Every sequence of pushes, pops and departures leaves the queue as it leaves a plain list."""

    @initialize()
    def begin(self):
        self.queue = Fifo()
        self.model = []

    @rule()
    def push(self):
        item = Item(float(len(self.model)))
        self.queue.push(item)
        self.model.append(item)

    @rule(size=st.integers(0, 15))
    def pop(self, size):
        taken, self.model = self.model[:size], self.model[size:]
        assert self.queue.pop(size) == taken

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove(self, data):
        item = self.model.pop(data.draw(st.integers(0, len(self.model) - 1)))
        assert self.queue.remove(item)
        assert not self.queue.remove(item)

    @invariant()
    def agrees_with_the_list(self):
        assert len(self.queue) == len(self.model)
        assert list(self.queue) == self.model
        ends = [self.model[0].arrived, self.model[-1].arrived] if self.model else [math.nan, math.nan]
        assert [self.queue.oldest, self.queue.newest] == pytest.approx(ends, nan_ok=True)


TestFifoAgainstAList = FifoAgainstAList.TestCase
TestFifoAgainstAList.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
