"""First come, first served, up to a bound."""

from __future__ import annotations

import math
from collections import deque
from typing import Generic, Protocol, TypeVar


class Arrived(Protocol):
    """What a queue needs to know of an item: when it came, in seconds."""

    arrived: float


T = TypeVar("T", bound=Arrived)


class Fifo(Generic[T]):
    """A queue that refuses, rather than grows, once `max_size` places are taken.

    `held` counts places still taken by items that have left, but are not done with: without it a slow
    handler would turn a bounded queue into an unbounded pile of batches.
    """

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self.held = 0
        self._items: deque[T] = deque()

    def __len__(self) -> int:
        return len(self._items)

    def push(self, item: T) -> bool:
        """Take the item, or return False where no place is free."""
        if len(self._items) + self.held >= self.max_size:
            return False
        self._items.append(item)
        return True

    def pop(self, size: int) -> list[T]:
        """The first `size` items, or all where fewer wait."""
        items = self._items
        return [items.popleft() for _ in range(min(size, len(items)))]

    @property
    def oldest(self) -> float:
        """Arrival of the first item, NaN when empty."""
        return self._items[0].arrived if self._items else math.nan

    @property
    def newest(self) -> float:
        """Arrival of the last item, NaN when empty."""
        return self._items[-1].arrived if self._items else math.nan
