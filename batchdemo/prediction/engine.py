"""The event engine: any policy on virtual time, by the rules of the live batcher.

Events at the same instant happen in this order: a batch is finished, requests arrive one by one, a timer is due.
After each the policy is asked until it waits; but not at the arrivals of which it promised that they change nothing,
so all who come at the very instant a timer is due are in time for it.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from batchdemo.errors import PolicyError
from batchdemo.policies import Policy, QueueView, Refuse, Release, Wait, fault, named
from batchdemo.prediction.service import Service
from batchdemo.records import REASONS, BatchRecord

IDLE_TIMERS = 10_000_000  # timers in a row at which nothing is released, before a policy is said never to


@dataclass
class History:
    """What happened, batch by batch, in the order of release: plain lists, or arrays from the shortcut."""

    released: Any = field(default_factory=list)
    size: Any = field(default_factory=list)
    reason: list[str] = field(default_factory=list)
    first: Any = field(default_factory=list)  # the index of its first request, from 0
    waiting: Any = field(default_factory=list)  # just before, itself included
    began: Any = field(default_factory=list)
    finished: Any = field(default_factory=list)
    refused: list[tuple[int, int, float]] = field(default_factory=list)  # first index, how many, when
    # Where the first to come is not the first to go, or not all are taken in:
    order: list[int] | None = None  # the indexes of requests as they were released; `first` is a place in it
    arrived: list[float] | None = None  # when each was taken in, if not when it came
    lost: dict[str, tuple[list[int], list[float]]] = field(default_factory=dict)  # by outcome, indexes and when


def simulate(policy: Policy, times: list[float], service: Service | None, slots: int) -> History:
    """Run the policy over requests that arrive at `times`; `slots` batches are handled at once.

    The policy is changed by it: give a copy. PolicyError: it broke the rules, or lets requests wait for ever.
    """
    return Engine(policy, times, service, slots).run()


class Engine:
    """One run of one policy, first come, first served, with room for all; a subclass may have it otherwise."""

    def __init__(self, policy: Policy, times: list[float], service: Service | None, slots: int) -> None:
        self.policy = policy
        self.times = times
        self.service = service
        self.slots = slots
        self.history = History()
        self.head = 0  # the first request that waits
        self.arrived = 0  # requests that have come
        self.on_ticks = bool(getattr(policy, "on_ticks", False))  # its answer cannot change between its ticks
        self.enough: float = math.inf if self.on_ticks else 0  # the policy is asked on arrival if so many wait
        self.running = 0  # released and not finished
        self.ready: deque[int] = deque()  # batches that wait for the executor
        self.handling: list[tuple[float, int]] = []  # (when it is finished, batch), a heap

    def run(self) -> History:
        """Event after event, until all is answered."""
        times, handling = self.times, self.handling
        count = len(times)
        timer = self._ask(0.0)
        idle = 0
        while self.head < count or handling:
            arrival = times[self.arrived] if self.arrived < count else math.inf
            finish = handling[0][0] if handling else math.inf
            if handling and finish <= arrival and finish <= timer:
                self._finish()
                timer = timer if self.on_ticks else self._ask(finish)
            elif self.arrived < count and arrival <= timer:
                if self.arrived + 1 - self.head < self.enough:
                    self._come(timer, finish)
                else:
                    self.arrived += 1
                    timer = self._ask(arrival)
            elif timer < math.inf:
                before = self.head
                timer = self._ask(timer)
                idle = idle + 1 if self.head == before < self.arrived else 0
                if idle > IDLE_TIMERS:
                    raise self._stuck(timer, self.arrived - self.head)
            else:
                raise self._stuck(times[-1], self.arrived - self.head)
        return self.history

    def _come(self, timer: float, finish: float) -> None:
        """Take in at once all who come before so many wait, a batch is finished or the timer is due."""
        times, first = self.times, self.arrived
        most = math.ceil(min(len(times), self.head + self.enough - 1))  # up: 2.5 is not before three wait
        in_time = timer < finish
        self.arrived = bisect_right(times, timer, first, most) if in_time else bisect_left(times, finish, first, most)

    def _ask(self, now: float) -> float:
        """Ask until the answer is Wait; when to ask again at the latest."""
        times, decide, arrived, slots = self.times, self.policy.decide, self.arrived, self.slots
        while True:
            head, running = self.head, self.running
            waiting = arrived - head
            free = slots - running if running < slots else 0
            if waiting:
                view = QueueView(now, waiting, times[head], times[arrived - 1], running, free)
            else:
                view = QueueView(now, 0, math.nan, math.nan, running, free)
            answer = decide(view)
            if isinstance(answer, Wait):
                until, enough = answer
                try:
                    usual = enough >= 0 and (until is None or now < until < math.inf)
                except TypeError:  # it is no number
                    usual = False
                if usual:  # as `_wait` has it; a call more would be felt here
                    if not self.on_ticks:
                        self.enough = enough if running or until is not None else 0
                    return math.inf if until is None else until
            elif isinstance(answer, Release):
                size, reason = answer.size, answer.reason
                if type(size) is int and 0 < size <= waiting and reason in REASONS:  # as nearly always
                    self._release(now, size, reason, waiting)
                    continue
            later = self._obey(answer, view)
            if later is not None:
                return later

    def _obey(self, answer: Any, view: QueueView) -> float | None:
        """Do what was answered, with a look at all of it; when to ask again at the latest, None for at once."""
        now = view.now
        wrong = fault(answer, view)
        if wrong:
            raise PolicyError(f"{named(self.policy)} answered {answer} at {now:g} s, {wrong}")
        if isinstance(answer, Release):
            self._release(now, int(answer.size), answer.reason, view.waiting)
        elif isinstance(answer, Refuse):
            self._turn_away(int(answer.size), now)
        else:
            return self._wait(answer.until, answer.waiting)
        return None

    def _wait(self, until: float | None, enough: float) -> float:
        if not self.on_ticks:  # where nothing else would wake it, it is asked whatever it promised
            self.enough = enough if self.running or until is not None else 0
        return math.inf if until is None else until

    def _turn_away(self, size: int, now: float) -> None:
        self.history.refused.append((self.head, size, now))
        self.head += size

    def _release(self, now: float, size: int, reason: str, waiting: int) -> None:
        history = self.history
        batch = len(history.size)
        history.released.append(now)
        history.size.append(size)
        history.reason.append(reason)
        history.first.append(self.head)
        history.waiting.append(waiting)
        self.head += size
        self.running += 1
        if len(self.handling) < self.slots:
            self._begin(batch, now)
        else:
            self.ready.append(batch)

    def _begin(self, batch: int, now: float) -> None:
        """Batches begin in the order of their release, so these lists are in it too."""
        finish = now + self.service(self.history.size[batch]) if self.service else now
        self.history.began.append(now)
        self.history.finished.append(finish)
        heappush(self.handling, (finish, batch))

    def _finish(self) -> None:
        """The batch that is next: tell the policy how it went, and begin the one that waits for its place."""
        now, batch = heappop(self.handling)
        self.running -= 1
        if self.ready:
            self._begin(self.ready.popleft(), now)
        history = self.history
        size, waiting = history.size[batch], history.waiting[batch]
        took = history.finished[batch] - history.began[batch]
        record = BatchRecord(
            batch + 1, history.released[batch], size, history.reason[batch], waiting, waiting - size, 1, took
        )
        self.policy.observe(record)

    def _stuck(self, now: float, waiting: int) -> PolicyError:
        return PolicyError(
            f"{named(self.policy)} never releases the {waiting:,} that wait at {now:g} s: it waits for something to "
            "happen, and nothing will. A policy must answer Wait(until) with a time, or Release(size, reason)."
        )
