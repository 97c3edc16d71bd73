"""Postgres' group commit: wait a little before the flush, but only where others are about to commit too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from batchdemo.arguments import whole
from batchdemo.policies.interface import BUSY, QueueView, Release, Wait
from batchdemo.policies.settings import Checked, batch_size, seconds


def _siblings(name: str, value: Any) -> int:
    return whole(name, value, 0, 1000)


@dataclass
class GroupCommit(Checked):
    """Waits for company only where company is likely: a lone client never pays for a batch.

    Postgres (`XLogFlush` in access/transam/xlog.c): who gets the lock to write the log sleeps `commit_delay` if at
    least `commit_siblings` others have a transaction open, then flushes for all that have come by then. Its
    manual advises half the time of a flush as a delay; shipped is 0, which waits for nobody.

    Active, here, are the requests that wait beside the first, and one for each batch that is being handled. A
    queue cannot see what Postgres also counts, transactions that have not come to their commit, so this one
    waits less often. It counts once, when the executor is free and the first is there, as Postgres does.

    Clock: the first request taken, that is, the moment at which the executor was free and a request there.
    Side: the batch is formed when the executor is free.
    Reasons: "full" at `max_batch_size` (Postgres has no such bound), "idle" where too few others are active,
    "timeout" after the delay.
    """

    CHECKS: ClassVar = {"max_batch_size": batch_size, "siblings": _siblings, "delay": seconds}

    max_batch_size: int = 100
    siblings: int = 5  # others, beside the first
    delay: float = 0.005  # seconds
    _taken: float | None = field(default=None, init=False, repr=False, compare=False)  # since when it waits

    def decide(self, view: QueueView) -> Release | Wait:
        """All that wait, if the executor is free: at once, or after the delay where others are active."""
        if view.free < 1 or not view.waiting:
            self._taken = None
            return BUSY if view.free < 1 else Wait()
        if view.waiting >= self.max_batch_size:
            self._taken = None
            return Release(self.max_batch_size, "full")
        if self._taken is None:
            active = view.waiting - 1 + view.running
            if active < self.siblings or not self.delay:
                return Release(view.waiting, "idle")
            self._taken = view.now
        if view.now < self._taken + self.delay:
            return Wait(self._taken + self.delay, self.max_batch_size)
        self._taken = None
        return Release(view.waiting, "timeout")

    def __str__(self) -> str:
        wait = f"{self.delay:g} s later where {self.siblings:,} others are active"
        return f"up to {self.max_batch_size:,} when the executor is free, {wait}"
