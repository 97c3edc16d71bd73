"""Triton's dynamic batcher: sizes that the model likes best, and a delay that it may cost to reach one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from batchdemo.arguments import refuse, whole
from batchdemo.policies.interface import BUSY, QueueView, Release, Wait
from batchdemo.policies.settings import MOST, Checked, seconds


@dataclass
class Preferred(Checked):
    """Looks for a size that the executor is good at, and waits `max_queue_delay` seconds at most to reach one.

    For a GPU, say, on which 8 cost hardly more than 5. It is the dynamic batcher of NVIDIA Triton
    (`GetDynamicBatch` in core/src/dynamic_batch_scheduler.cc) for requests of one item and one priority, without
    time-outs of single requests. Where the executor is free: the largest preferred size that is there leaves at
    once, and only that many. Where there is none, or the oldest has waited `max_queue_delay`: all that wait.

    A delay of 0 waits for nobody. No preferred sizes mean `max_batch_size` alone, as in Triton. With sizes of 4
    and 8, twelve requests leave as 8 and then, if they are not too old by then, as 4.

    Clock: the arrival of the oldest request that waits; it runs on while the executor is busy.
    Side: the batch is formed when the executor is free. (Triton may add to a batch that still waits for an
    executor; here it is not formed by then.)
    Reasons: "full" at a preferred size or at `max_batch_size`, "timeout" when the delay is over, "idle" for a
    smaller batch with a delay of 0.
    """

    CHECKS: ClassVar = {"max_queue_delay": seconds}

    max_batch_size: int = 8
    preferred: tuple[int, ...] = ()  # rising, each of them once
    max_queue_delay: float = 0.0  # seconds

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse a bad setting, also one that the other setting forbids."""
        if name == "max_batch_size":
            largest = max(self.preferred, default=1)
            remedy = "The preferred sizes must fit." if largest > 1 else ""
            value = whole(name, value, largest, MOST, remedy)
        elif name == "preferred":
            value = _sizes(value, self.max_batch_size)
        super().__setattr__(name, value)

    def decide(self, view: QueueView) -> Release | Wait:
        """The largest preferred size that is there, else all when the delay is over, else wait for it."""
        if view.free < 1:
            return BUSY
        if not view.waiting:
            return Wait()
        most = min(view.waiting, self.max_batch_size)
        best = most if most == self.max_batch_size else 0
        if self.preferred:
            best = max((size for size in self.preferred if size <= most), default=0)
        if not self.max_queue_delay:
            return Release(best, "full") if best else Release(most, "idle")
        if view.now >= view.oldest + self.max_queue_delay:
            return Release(most, "full" if most in (best, self.max_batch_size) else "timeout")
        if best:
            return Release(best, "full")
        return Wait(view.oldest + self.max_queue_delay, min(self.preferred or (self.max_batch_size,)))

    def __str__(self) -> str:
        sizes = " or ".join(f"{size:,}" for size in self.preferred or (self.max_batch_size,))
        delay = f"once the oldest has waited {self.max_queue_delay:g} s" if self.max_queue_delay else "at once"
        return f"{sizes} when the executor is free, else up to {self.max_batch_size:,} {delay}"


def _sizes(value: Any, most: int) -> tuple[int, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        refuse("preferred", f"whole numbers from 1 to {most:,}, such as (4, 8)", value)
    return tuple(sorted({whole("each of preferred", size, 1, most) for size in value}))
