"""BentoML's CORK: what a batch costs is learnt as it goes, and says who can still be answered in time."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import ClassVar

from batchdemo.policies.cost_line import CostLine
from batchdemo.policies.interface import QueueView, Refuse, Release, Wait
from batchdemo.policies.settings import Checked, above_zero, batch_size
from batchdemo.records import BatchRecord

KEPT = 50  # batches that the costs and the mean wait are taken from
WARM_UP = (1, 1, 1, 2, 3)  # the sizes of the first batches
SKIPPED = 2  # of these, not to be learnt from: a handler's first calls are slow
PATIENCE = 0.95


@dataclass
class CostModel(Checked):
    """Refuses early whom it could only answer late: later than `max_latency` seconds after they came.

    For an objective that is to hold under overload too, as far as costs are a straight line. It is the dispatcher
    of BentoML (`CorkDispatcher` in _internal/marshal/dispatcher.py): a batch of n takes a·n + b seconds, by least
    squares over the last 50 batches. With n requests waiting:

    - The oldest is refused if it would be late even in a batch that began now; not one that waits alone for a
      free executor, so that there is always something to learn from.
    - They wait on while n·(age of the newest + a) is at most 0.95 times the mean time that the oldest of the last
      50 batches had waited. So waiting needs requests that come close together, and fades by itself.
    - They leave before that where the oldest would otherwise be late.

    It warms up with batches of 1, 1, 1, 2 and 3, and refuses only who is late already until then. BentoML looks
    every millisecond, takes all that wait for one batch even beyond `max_batch_size`, refits every few seconds
    and serves the newest first; here the times are exact, a batch is no larger than it may be, every batch is
    learnt from, and the oldest go first.

    Clock: the arrivals of the oldest and of the newest request.
    Side: the batch is formed when the executor is free, and one at a time, however many that could handle.
    Reasons: "full" at `max_batch_size` or at a size of the warm-up, "idle" where waiting no longer pays, "deadline"
    where waiting longer would break `max_latency`, "timeout" where the warm-up waited for company in vain.
    """

    CHECKS: ClassVar = {"max_batch_size": batch_size, "max_latency": above_zero}

    max_batch_size: int = 100
    max_latency: float = 60.0  # seconds
    costs: CostLine = field(init=False, repr=False, compare=False)  # as learnt by now
    _waits: deque[float] = field(init=False, repr=False, compare=False)  # of the oldest in each of the last batches
    _mean_wait: float = field(default=0.0, init=False, repr=False, compare=False)
    _heard: int = field(default=0, init=False, repr=False, compare=False)  # batches

    def __post_init__(self) -> None:
        self.costs = CostLine(min(2.0, self.max_latency / 15), min(1.0, self.max_latency / 30), KEPT)
        self._waits = deque(maxlen=KEPT)

    def decide(self, view: QueueView) -> Release | Refuse | Wait:
        """Refuse who would be late, wait while that pays, else let go all that may."""
        if not view.waiting:
            return Wait()
        learnt = self._heard >= len(WARM_UP)
        cost = self.costs.cost(min(view.waiting, self.max_batch_size))
        busy = view.running > 0 or view.free < 1
        last = view.oldest + (self.max_latency - (cost if learnt and view.waiting > 1 else 0.0))
        # An executor that is busy at the last moment begins after it; one that is free begins at it.
        if (view.now > last and view.waiting > 1) or (view.now >= last and busy):
            return Refuse(1)
        if busy:
            return Wait(last)
        return self._cork(view, cost) if learnt else self._warm_up(view)

    def _cork(self, view: QueueView, cost: float) -> Release | Wait:
        if view.waiting >= self.max_batch_size:
            return self._release(view, self.max_batch_size, "full")
        quiet = view.newest + (PATIENCE * self._mean_wait / view.waiting - self.costs.per_item)
        last = view.oldest + (self.max_latency - cost)
        if view.now < min(quiet, last):
            return Wait(min(quiet, last))
        return self._release(view, view.waiting, "deadline" if view.now >= last else "idle")

    def _warm_up(self, view: QueueView) -> Release | Wait:
        size = min(WARM_UP[self._heard], self.max_batch_size)
        if view.waiting >= size:
            return self._release(view, size, "full")
        longest = min(PATIENCE * self.max_latency, (2 * size + 1) * self.costs.cost(1))
        until = view.oldest + (longest - self.costs.cost(size))
        return Wait(until) if view.now < until else self._release(view, view.waiting, "timeout")

    def _release(self, view: QueueView, size: int, reason: str) -> Release:
        # The warm-up waits on purpose, which says nothing about how close together requests come.
        self._waits.append(view.now - view.oldest if self._heard >= len(WARM_UP) else 0.0)
        self._mean_wait = sum(self._waits) / len(self._waits)
        return Release(size, reason)

    def observe(self, batch: BatchRecord) -> None:
        """Learn what the batch cost, where its duration is known."""
        if not math.isfinite(batch.duration):
            return
        self._heard += 1
        if self._heard > SKIPPED:
            self.costs.learn(batch.size, batch.duration)

    def __str__(self) -> str:
        return (
            f"up to {self.max_batch_size:,}, answered within {self.max_latency:g} s or refused, by its own cost model"
        )
