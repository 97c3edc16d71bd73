"""The alarm: one timer at most, and a policy is told when it was due, not when it rang."""

from __future__ import annotations

import asyncio

import pytest

from batchdemo.live.alarm import Alarm


class Loop:
    """A loop that keeps the timers it is given, and fires when told to."""

    def __init__(self):
        self.timers = []

    def call_later(self, delay, callback):
        self.timers.append((delay, callback))
        return self

    def cancel(self):
        self.timers.pop(0)

    def fire(self):
        self.timers.pop(0)[1]()


@pytest.fixture
def world(monkeypatch):
    """(alarm, loop, what rang, a list that holds the time)."""
    loop, rang, now = Loop(), [], [0.0]
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    alarm = Alarm(lambda: now[0], rang.append)
    alarm.start()
    assert rang.pop() == 0.0
    return alarm, loop, rang, now


@pytest.mark.parametrize("fired_at", [4.9999, 5.0, 5.3])
def test_it_rings_with_the_time_that_was_due_however_early_or_late_the_loop_fires(world, fired_at):
    alarm, loop, rang, now = world
    alarm.set(5.0)
    assert [delay for delay, _ in loop.timers] == [5.0]
    now[0] = fired_at
    loop.fire()
    assert (rang, loop.timers, alarm.due) == ([5.0], [], None)


def test_a_time_that_is_put_off_rings_once_and_at_the_new_time(world):
    alarm, loop, rang, now = world
    for due in (5.0, 6.0, 8.0):
        alarm.set(due)
        assert len(loop.timers) == 1
    now[0] = 5.0
    loop.fire()
    assert (rang, [delay for delay, _ in loop.timers]) == ([], [3.0])
    now[0] = 8.0
    loop.fire()
    assert rang == [8.0]


def test_a_time_that_is_moved_forward_takes_the_place_of_the_later_one(world):
    alarm, loop, rang, _ = world
    alarm.set(5.0)
    alarm.set(2.0)
    assert [delay for delay, _ in loop.timers] == [2.0]
    loop.fire()
    assert rang == [2.0]


def test_where_nothing_is_due_any_more_nothing_rings(world):
    alarm, loop, rang, _ = world
    alarm.set(5.0)
    alarm.set(None)
    loop.fire()
    assert (rang, loop.timers) == ([], [])


def test_a_stopped_alarm_is_silent_and_takes_no_new_time(world):
    alarm, loop, rang, _ = world
    alarm.set(5.0)
    alarm.stop()
    alarm.stop()
    alarm.set(1.0)
    assert (rang, loop.timers) == ([], [])
