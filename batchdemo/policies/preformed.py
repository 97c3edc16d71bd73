"""Ray Serve's batcher, and the same settings on the other side of the executor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from batchdemo.arguments import refuse
from batchdemo.policies.interface import BUSY, QueueView, Release, Wait
from batchdemo.policies.settings import Checked, batch_size, seconds


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        refuse(name, "True or False", value)
    return value


@dataclass
class PreFormed(Checked):
    """Shows what it costs to form a batch before anyone can handle it.

    It is `@serve.batch` of Ray Serve (`wait_for_batch` in python/ray/serve/batching.py): take the first request,
    then take what comes until there are `max_batch_size` or `batch_wait_timeout` seconds have passed; hand the
    batch to a task that waits for the executor, and form the next at once. While the executor is busy the
    waiting requests so end up in many small batches, each of which pays the whole cost of a batch.
    `preform=False` keeps the settings and lets a batch begin to form only when the executor is free.

    Clock: the first request taken. With `preform` that is its arrival, or, for one that a full batch left behind,
    the moment that batch left; without, the moment at which the executor was free and a request there.
    Side: before the executor is free with `preform`, when it is free without.
    Reasons: "full" at `max_batch_size`, "timeout" else.
    """

    CHECKS: ClassVar = {"max_batch_size": batch_size, "batch_wait_timeout": seconds, "preform": _flag}

    max_batch_size: int = 10
    batch_wait_timeout: float = 0.01  # seconds
    preform: bool = True
    _taken: float | None = field(default=None, init=False, repr=False, compare=False)  # when the first one was

    def decide(self, view: QueueView) -> Release | Wait:
        """A full batch at once, a smaller one when the first has been in it for `batch_wait_timeout`."""
        if not view.waiting or not (self.preform or view.free > 0):
            self._taken = None
            return BUSY if view.waiting else Wait()
        if self._taken is None:
            self._taken = view.now
        due = self._taken + self.batch_wait_timeout
        full = view.waiting >= self.max_batch_size
        if not full and view.now < due:
            return Wait(due, self.max_batch_size)
        self._taken = None
        return Release(self.max_batch_size, "full") if full else Release(view.waiting, "timeout")

    def __str__(self) -> str:
        when = "before the executor is free" if self.preform else "when the executor is free"
        return f"up to {self.max_batch_size:,} within {self.batch_wait_timeout:g} s of the first, formed {when}"
