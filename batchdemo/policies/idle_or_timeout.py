"""Two windows: wait until the burst is over, but not for ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from batchdemo.policies.interface import QueueView, Release, Wait
from batchdemo.policies.settings import Checked, batch_size, seconds


@dataclass
class IdleOrTimeout(Checked):
    """Keeps a burst together: what waits leaves once nothing more has come for `idle` seconds.

    For traffic in bursts of unknown size, where a split burst costs more than a wait. A burst that does not end
    leaves when its first request has waited `timeout`. Karpenter gathers pods this way, 1 s and 10 s
    (`batchIdleDuration`, `batchMaxDuration`), to buy few large machines in place of many small ones; its loop
    opens the windows only when it has dealt with the last batch, and bounds no size.

    Clock: two, the arrival of the newest request for `idle` and that of the oldest for `timeout`. An `idle` of
    `timeout` or more never acts; one of 0 releases at once what there is.
    Side: the batch is formed before the executor is free.
    Reasons: "full" at `max_batch_size`, "idle" and "timeout" by the window that ended first.
    """

    CHECKS: ClassVar = {"max_batch_size": batch_size, "idle": seconds, "timeout": seconds}

    max_batch_size: int = 1000
    idle: float = 1.0  # seconds
    timeout: float = 10.0  # seconds

    def decide(self, view: QueueView) -> Release | Wait:
        """A full batch at once, a smaller one at the end of either window."""
        if view.waiting >= self.max_batch_size:
            return Release(self.max_batch_size, "full")
        if not view.waiting:
            return Wait()
        quiet, late = view.newest + self.idle, view.oldest + self.timeout
        if view.now < min(quiet, late):
            return Wait(min(quiet, late), self.max_batch_size)  # asked then, it sees who came meanwhile
        return Release(view.waiting, "idle" if quiet < late else "timeout")

    def __str__(self) -> str:
        windows = f"once nothing came for {self.idle:g} s or the oldest has waited {self.timeout:g} s"
        return f"up to {self.max_batch_size:,}, {windows}"
