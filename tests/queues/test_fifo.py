"""Fifo: first come, first served, and refused once the places are taken."""

from __future__ import annotations

import math
from typing import NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from batchdemo.queues import Fifo


class Item(NamedTuple):
    """The least that a queue can hold."""

    arrived: float


def filled(count, max_size=100):
    queue = Fifo(max_size)
    for at in range(count):
        assert queue.push(Item(float(at)))
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


def test_a_full_queue_refuses_and_stays_as_it_was():
    queue = filled(3, max_size=3)
    assert not queue.push(Item(9.0))
    assert times(queue.pop(10)) == [0.0, 1.0, 2.0]


def test_a_place_that_was_left_is_free_again():
    queue = filled(3, max_size=3)
    queue.pop(1)
    assert queue.push(Item(9.0))
    assert not queue.push(Item(10.0))


def test_a_held_place_is_taken_though_its_item_has_left():
    queue = filled(3, max_size=3)
    queue.pop(2)
    queue.held = 2
    assert not queue.push(Item(9.0))
    queue.held = 1
    assert queue.push(Item(9.0))
    assert len(queue) == 2


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
    """Every sequence of pushes, pops and answers leaves the queue as it leaves a plain list."""

    @initialize(max_size=st.integers(1, 12))
    def begin(self, max_size):
        self.queue = Fifo(max_size)
        self.max_size = max_size
        self.model = []
        self.held = 0
        self.clock = 0.0

    @rule()
    def push(self):
        self.clock += 1.0
        free = len(self.model) + self.held < self.max_size
        assert self.queue.push(Item(self.clock)) is free
        if free:
            self.model.append(self.clock)

    @rule(size=st.integers(0, 15), hold=st.booleans())
    def pop(self, size, hold):
        taken, self.model = self.model[:size], self.model[size:]
        assert times(self.queue.pop(size)) == taken
        if hold:
            self.held += len(taken)
            self.queue.held += len(taken)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def answer(self, data):
        done = data.draw(st.integers(1, self.held))
        self.held -= done
        self.queue.held -= done

    @invariant()
    def agrees_with_the_list(self):
        assert len(self.queue) == len(self.model)
        assert len(self.model) + self.held <= self.max_size
        ends = [self.model[0], self.model[-1]] if self.model else [math.nan, math.nan]
        assert [self.queue.oldest, self.queue.newest] == pytest.approx(ends, nan_ok=True)


TestFifoAgainstAList = FifoAgainstAList.TestCase
TestFifoAgainstAList.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
