"""What a batcher is made of, whatever waits in it: the queue it needs, a batch on its way, and a policy at the door."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

from batchdemo.arguments import real, refuse
from batchdemo.policies import Policy
from batchdemo.records import BatchRecord

R = TypeVar("R")


class Queue(Protocol[R]):
    """What the core needs of a queue, whoever goes first in it; `Fifo` explains it."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[R]:
        """Those who wait, in order of arrival."""
        ...

    def push(self, item: R) -> None:
        """Take the item."""
        ...

    def pop(self, size: int) -> list[R]:
        """The first `size` items."""
        ...

    def remove(self, item: R) -> bool:
        """Let go one who waits no longer; False where it isn't there."""
        ...

    @property
    def oldest(self) -> float:
        """Arrival of the one that waits longest, NaN when empty."""
        ...

    @property
    def newest(self) -> float:
        """Arrival of the one that came last, NaN when empty."""
        ...


class Batch(Generic[R]):
    """A batch on its way through the handler; `record` is what is kept of it."""

    __slots__ = ("life", "record", "replied", "requests")

    def __init__(self, record: BatchRecord, requests: list[R]) -> None:
        self.record = record
        self.requests = requests
        self.replied = math.nan
        self.life = 0  # of a durable server, in which it left


def a_policy(value: Any) -> Policy:
    """The policy, if it is one."""
    if isinstance(value, type):
        refuse("policy", "a policy", value, f"That is a class. Make one first: {value.__name__}(…).")
    if not isinstance(value, Policy):
        refuse("policy", "a policy, with decide(view) and observe(batch)", value, "For example FixedInterval(5, 5.0).")
    if getattr(value, "on_ticks", False) and hasattr(value, "interval"):
        real("policy.interval", value.interval, 0.001, 86_400, "seconds")
    return value
