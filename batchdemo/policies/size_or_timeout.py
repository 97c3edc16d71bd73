"""The batcher of most libraries: a full batch, or what there is once the oldest has waited long enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from batchdemo.policies.interface import QueueView, Release, Wait
from batchdemo.policies.settings import Checked, batch_size, seconds


@dataclass
class SizeOrTimeout(Checked):
    """Bounds the wait: nobody waits longer than `timeout` seconds for others to come.

    For traffic that comes now thin, now dense, and clients that are promised a longest wait. It is what the manuals
    of Kafka (`batch.size`, `linger.ms`), AWS Lambda (`BatchSize`, `MaximumBatchingWindowInSeconds`) and many others
    describe; when the clock starts, few of them say.

    Clock: the arrival of the oldest request that waits. A timeout of 0 releases at once what there is.
    Side: the batch is formed before the executor is free; while that is busy, small batches queue up behind it.
    Reasons: "full" at `max_batch_size`, "timeout" else.
    """

    CHECKS: ClassVar = {"max_batch_size": batch_size, "timeout": seconds}

    max_batch_size: int = 5
    timeout: float = 5.0  # seconds

    def decide(self, view: QueueView) -> Release | Wait:
        """A full batch at once, a smaller one when the oldest has waited `timeout`."""
        if view.waiting >= self.max_batch_size:
            return Release(self.max_batch_size, "full")
        if not view.waiting:
            return Wait()
        if view.now >= view.oldest + self.timeout:
            return Release(view.waiting, "timeout")
        return Wait(view.oldest + self.timeout, self.max_batch_size)

    def __str__(self) -> str:
        return f"{self.max_batch_size:,}, or what waits {self.timeout:g} s after the oldest came"
