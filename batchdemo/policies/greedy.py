"""Two policies without any clock: take all there is whenever the executor is free, and one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from batchdemo.policies.interface import BUSY, QueueView, Release, Wait
from batchdemo.policies.settings import Checked, batch_size


@dataclass
class TakeAll(Checked):
    """Never lets the executor idle: whenever it is free, all that wait leave, up to `max_batch_size`.

    For batching that never makes anyone wait for it: batches are small while there is little to do, and grow by
    themselves under load. A database that commits all that came during the last flush does so; Inoue (arXiv
    1912.06322) analyses it, and bounds its mean latency.

    Clock: none; nobody waits for others to come.
    Side: the batch is formed when the executor is free.
    Reasons: "full" at `max_batch_size`, "idle" else.
    """

    CHECKS: ClassVar = {"max_batch_size": batch_size}

    max_batch_size: int = 32

    def decide(self, view: QueueView) -> Release | Wait:
        """All that wait, if the executor is free."""
        if view.free < 1:
            return BUSY
        if not view.waiting:
            return Wait()
        if view.waiting >= self.max_batch_size:
            return Release(self.max_batch_size, "full")
        return Release(view.waiting, "idle")

    def __str__(self) -> str:
        return f"all that wait, up to {self.max_batch_size:,}, whenever the executor is free"


@dataclass
class NoBatching(Checked):
    """Makes every request a batch of its own: what all batching is to be compared with.

    Clock: none; a request leaves as soon as it has come.
    Side: the batch is formed before the executor is free, and queues up behind it.
    Reasons: always "full", for its size limit is 1.
    """

    def decide(self, view: QueueView) -> Release | Wait:
        """The next one, at once."""
        return Release(1, "full") if view.waiting else Wait()

    def __str__(self) -> str:
        return "each request on its own, at once"
