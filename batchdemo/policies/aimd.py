"""Clipper's search for the size: up step by step while batches are fast enough, down by a tenth when one is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from batchdemo.arguments import real, whole
from batchdemo.policies.interface import BUSY, QueueView, Release, Wait
from batchdemo.policies.settings import MOST, Checked, above_zero, batch_size
from batchdemo.records import BatchRecord


def _step(name: str, value: Any) -> int:
    return whole(name, value, 1, MOST)


def _backoff(name: str, value: Any) -> float:
    return real(name, value, 0.01, 0.99, "times the size")


@dataclass
class AIMD(Checked):
    """Finds the largest batch that the executor handles within `objective` seconds, whatever it costs.

    For a handler whose costs nobody knows, or that change. Clipper's paper (Crankshaw et al., NSDI 2017, §4.3.1):
    the size grows by a fixed step until a batch takes longer than the objective, then shrinks by a tenth; additive
    increase, multiplicative decrease, as TCP has it. (What Clipper shipped is another estimator.) It begins at 1,
    and grows only by batches that used the whole size: a small one that was fast says nothing about a large one.

    The objective is for the handling of a batch alone; what a request waits for it comes on top.

    Clock: none; greedy up to the size it has come to.
    Side: the batch is formed when the executor is free.
    Reasons: "full" at the size it has come to, "idle" else.
    """

    CHECKS: ClassVar = {"objective": above_zero, "step": _step, "backoff": _backoff, "max_batch_size": batch_size}

    objective: float  # seconds
    step: int = 1  # requests
    backoff: float = 0.9
    max_batch_size: int = 1000
    _size: float = field(default=1.0, init=False, repr=False, compare=False)  # with fractions, or 0.9 · 1 is stuck

    @property
    def size(self) -> int:
        """The size that it has come to: no batch is larger now."""
        return min(int(self._size), self.max_batch_size)

    def decide(self, view: QueueView) -> Release | Wait:
        """All that wait, up to the size it has come to, if the executor is free."""
        if view.free < 1:
            return BUSY
        if not view.waiting:
            return Wait()
        if view.waiting >= self.size:
            return Release(self.size, "full")
        return Release(view.waiting, "idle")

    def observe(self, batch: BatchRecord) -> None:
        """Shrink after a batch that took too long, grow after a whole one that did not."""
        if batch.duration > self.objective:
            self._size = max(1.0, self._size * self.backoff)
        elif batch.duration <= self.objective and batch.size >= self.size:  # neither is true of NaN
            self._size = min(self._size + self.step, float(self.max_batch_size))

    def __str__(self) -> str:
        return f"as many as take {self.objective:g} s, found by steps, up to {self.max_batch_size:,}"
