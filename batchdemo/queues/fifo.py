"""First come, first served."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar


class Arrived(Protocol):
    """What a queue needs to know of an item: when it came, in seconds."""

    @property
    def arrived(self) -> float:
        """Seconds."""
        ...


T = TypeVar("T", bound=Arrived)


class Fifo(Generic[T]):
    """The queue of the tutorial: whoever came first goes first, whichever client it is.

    Each operation takes constant time, an item's removal from the middle too. How many may wait is not the queue's
    business.
    """

    def __init__(self) -> None:
        self._items: OrderedDict[int, T] = OrderedDict()  # by identity; a dict finds its first entry more slowly

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        """Those who wait, in order of arrival; the queue must not change meanwhile."""
        return iter(self._items.values())

    def push(self, item: T) -> None:
        """Take the item."""
        self._items[id(item)] = item

    def pop(self, size: int) -> list[T]:
        """The first `size` items, or all where fewer wait."""
        items = self._items
        return [items.popitem(last=False)[1] for _ in range(min(size, len(items)))]

    def remove(self, item: T) -> bool:
        """Let go one who waits no longer; False where it isn't there."""
        return self._items.pop(id(item), None) is not None

    @property
    def oldest(self) -> float:
        """Arrival of the first item, NaN when empty."""
        return next(iter(self._items.values())).arrived if self._items else math.nan

    @property
    def newest(self) -> float:
        """Arrival of the last item, NaN when empty."""
        return next(reversed(self._items.values())).arrived if self._items else math.nan

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy holds copies of the items, and these are other objects."""
        self._items = OrderedDict((id(item), item) for item in state["_items"].values())

    def __str__(self) -> str:
        return "first come, first served"

    def __repr__(self) -> str:
        return "Fifo()"
