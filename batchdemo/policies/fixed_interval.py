"""The tutorial's policy: up to B requests every T seconds, whatever else happens."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

from batchdemo.arguments import real, whole
from batchdemo.policies.interface import QueueView, Release, Wait
from batchdemo.records import BatchRecord


def ticks_by(now: float, interval: float) -> int:
    """How many ticks of the grid T, 2T, 3T, … are due by `now`, that at `now` itself included.

    Not just floor(now / interval): 43 * 0.1 / 0.1 rounds to just below 43.
    """
    count = math.floor(now / interval)
    return count + 1 if (count + 1) * interval <= now else count


@dataclass
class FixedInterval:
    """Releases up to `max_batch_size` requests at each tick of a free-running clock.

    Clock: it ticks at T, 2T, 3T, … seconds from the start, on an absolute grid that arrivals never move.
    Side: the batch is formed before the executor is free; a slow handler makes batches wait, not ticks.

    A tick that comes late, or that stands for several missed ones, releases one batch, and the next is due
    at the next point of the grid. The queueing literature calls this a slotted bulk service.
    """

    max_batch_size: int = 5
    interval: float = 5.0  # seconds
    on_ticks: ClassVar[bool] = True  # asked at its ticks alone: an arrival at the instant of a tick is in time for it
    _next: int = field(default=1, init=False, repr=False, compare=False)  # the tick that is due next

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse a bad setting, at the beginning and whenever it is changed."""
        if name == "max_batch_size":
            value = whole(name, value, 1, 1_000_000)
        elif name == "interval":
            value = real(name, value, 0.001, 86_400, "seconds")
        super().__setattr__(name, value)

    def decide(self, view: QueueView) -> Release | Wait:
        """At a tick, what waits, up to the size; else wait for the next tick."""
        if view.now < self._next * self.interval:
            return Wait(self._next * self.interval)
        self._next = max(self._next, ticks_by(view.now, self.interval)) + 1
        if view.waiting:
            return Release(min(view.waiting, self.max_batch_size), "tick")
        return Wait(self._next * self.interval)

    def observe(self, batch: BatchRecord) -> None:
        """A fixed interval learns nothing."""

    def __str__(self) -> str:
        return f"up to {self.max_batch_size:,} every {self.interval:g} s"
