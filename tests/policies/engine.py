"""A fake-clock engine: a list of events, and a policy that is asked after each of them. No second passes.

At one instant batches finish first, then requests arrive, then a timer is due. A batch of n is handled in
a·n + b seconds; batches that are formed while all `max_concurrent` places are busy are handled in their order.
"""

from __future__ import annotations

import copy
import heapq
import math
from typing import NamedTuple

from batchdemo.policies import QueueView, Refuse, Release, Wait, fault
from batchdemo.records import BatchRecord

FINISHED, ARRIVED, DUE = range(3)  # in this order where they come at one instant


class Played(NamedTuple):
    """What happened. Requests are numbered from 0, in the order of their arrival."""

    batches: list  # (time of release, numbers, reason)
    refused: list  # (time, number)
    finished: list  # when each batch was, in the order of their release
    views: list  # what the policy was shown, in turn
    policy: object  # the copy that was asked, as it was at the end


class Engine:
    """One run of one policy."""

    def __init__(self, policy, arrivals, *, a=0.0, b=0.0, max_concurrent=1, until=math.inf):
        self.policy = copy.deepcopy(policy)
        self.cost = lambda n: a * n + b
        self.max_concurrent = max_concurrent
        self.until = until
        self.events = [(when, ARRIVED, number) for number, when in enumerate(sorted(arrivals))]
        self.queue = []  # (number, time of arrival)
        self.places = [0.0] * max_concurrent  # when each place of the executor is free
        self.running = 0
        self.played = Played([], [], [], [], self.policy)

    def play(self):
        """Take the events in turn until none is left, or the time is up."""
        timer = self.ask(0.0)
        while self.events or timer is not None:
            due = (math.inf if timer is None else timer, DUE, 0)
            now, kind, what = min([due, *self.events[:1]])
            if now > self.until:
                break
            if kind != DUE:
                heapq.heappop(self.events)
            if kind == ARRIVED:
                self.queue.append((what, now))
            if kind == FINISHED:
                self.running -= 1
                self.policy.observe(self.record(what))
            timer = self.ask(now)
        return self.played

    def ask(self, now):
        """Until it waits; the time at which its timer is due then."""
        for _ in range(len(self.queue) + 2):
            free = max(0, self.max_concurrent - self.running)
            oldest, newest = (self.queue[0][1], self.queue[-1][1]) if self.queue else (math.nan, math.nan)
            view = QueueView(now, len(self.queue), oldest, newest, self.running, free)
            self.played.views.append(view)
            answer = self.policy.decide(view)
            assert fault(answer, view) == "", (self.policy, view, answer)
            if isinstance(answer, Wait):
                return answer.until
            gone = [number for number, _ in self.queue[: answer.size]]
            del self.queue[: answer.size]
            if isinstance(answer, Refuse):
                self.played.refused.extend((now, number) for number in gone)
            else:
                self.release(now, gone, answer)
        raise AssertionError(f"{self.policy} never waits at {now}")

    def release(self, now, numbers, answer: Release):
        """Hand a batch to the place that is free first."""
        began = max(now, heapq.heappop(self.places))
        done = began + self.cost(len(numbers))
        heapq.heappush(self.places, done)
        heapq.heappush(self.events, (done, FINISHED, len(self.played.batches)))
        self.running += 1
        self.played.batches.append((now, numbers, answer.reason))
        self.played.finished.append(done)

    def record(self, batch):
        """The row of a finished batch; nobody counts clients here."""
        released, numbers, reason = self.played.batches[batch]
        return BatchRecord(batch + 1, released, len(numbers), reason, -1, -1, 1, self.cost(len(numbers)))


def play(policy, arrivals, **service):
    """Let the policy serve these arrivals to the end; `service` is a, b, max_concurrent, and until when."""
    return Engine(policy, arrivals, **service).play()


def batches(policy, arrivals, **service):
    """The batches as (time of release, size, reason)."""
    return [(when, len(numbers), reason) for when, numbers, reason in play(policy, arrivals, **service).batches]
