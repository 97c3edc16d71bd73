"""What the fair queues share: a line for each client, first come, first served in it, and a turn for each line."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar

from batchdemo.arguments import refuse
from batchdemo.queues.turns import Turn, Turns

FEW = 4  # clients up to which a queue names each
K = TypeVar("K", int, float)


class Waiting(Protocol):
    """What a fair queue needs to know of an item: when it came, whose it is, and by when it should be answered."""

    @property
    def arrived(self) -> float:
        """Seconds."""
        ...

    @property
    def client_id(self) -> str:
        """Must not change while it waits."""
        ...

    @property
    def deadline(self) -> float:
        """Seconds, on the clock of `arrived`; infinite where there is none."""
        ...


T = TypeVar("T", bound=Waiting)


class ByClient(Generic[T]):
    """A queue over clients. Within each the first goes first; a subclass says whose turn it is.

    Each operation takes O(log clients) at most, amortised, however many items wait. Nothing is kept of a client
    that has none waiting. How many may wait is not the queue's business.
    """

    def __init__(self) -> None:
        # An OrderedDict, since a plain dict looks for its first entry past all that were deleted before it.
        self._waiting: OrderedDict[int, T] = OrderedDict()  # by identity, in order of arrival
        self._lines: dict[str, OrderedDict[int, int]] = {}  # of each client: identity to number
        self._turns = Turns()
        self._number = 0  # of the item that came last
        self._passed = 0.0  # first half of the turn that was taken last; 0 when none waits

    def _turn(self, client: str, head: T, number: int, kept: Turn | None) -> Turn:
        """When the client goes, whose first item is now `head`, the `number`-th to come. The lowest goes first.

        kept: its present turn, where the item before `head` was removed unserved; None where it was served, or
        where the client begins to wait.
        """
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[T]:
        """Those who wait, in order of arrival; the queue must not change meanwhile."""
        return iter(self._waiting.values())

    def push(self, item: T) -> None:
        """Take the item, at the end of its client's line. ArgumentError where it waits already."""
        key, client = id(item), item.client_id
        if key in self._waiting:
            refuse("item", "one that does not wait already", item)
        self._number += 1
        self._waiting[key] = item
        line = self._lines.get(client)
        if line is not None:
            line[key] = self._number
            return
        self._lines[client] = OrderedDict({key: self._number})
        self._turns[client] = self._turn(client, item, self._number, None)

    def pop(self, size: int) -> list[T]:
        """The next `size` items, or all where fewer wait."""
        return [self._take() for _ in range(min(size, len(self._waiting)))]

    def remove(self, item: T) -> bool:
        """Let go one who waits no longer; False where it isn't there."""
        key, client = id(item), item.client_id
        if key not in self._waiting:
            return False
        first = next(iter(self._lines[client])) == key
        del self._waiting[key], self._lines[client][key]
        if first:
            self._go_on(client, self._turns[client])
        return True

    @property
    def oldest(self) -> float:
        """Arrival of the one that waits longest, NaN when empty."""
        return next(iter(self._waiting.values())).arrived if self._waiting else math.nan

    @property
    def newest(self) -> float:
        """Arrival of the one that came last, NaN when empty."""
        return next(reversed(self._waiting.values())).arrived if self._waiting else math.nan

    def _take(self) -> T:
        client = self._turns.first()
        self._passed = self._turns[client][0]
        key, _ = self._lines[client].popitem(last=False)
        item = self._waiting.pop(key)
        self._go_on(client, None)
        return item

    def _go_on(self, client: str, kept: Turn | None) -> None:
        """Give the client's next item a turn, or forget the client where it has none."""
        line = self._lines[client]
        if line:
            key, number = next(iter(line.items()))
            self._turns[client] = self._turn(client, self._waiting[key], number, kept)
            return
        del self._lines[client], self._turns[client]
        if not self._waiting:
            self._passed = 0.0

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy holds copies of the items, and these are other objects."""
        self.__dict__.update(state)
        key = {old: id(item) for old, item in self._waiting.items()}
        self._waiting = OrderedDict((id(item), item) for item in self._waiting.values())
        for client, line in self._lines.items():
            self._lines[client] = OrderedDict((key[old], number) for old, number in line.items())

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def per_client(name: str, values: Any, check: Callable[[str, Any], K], example: str) -> dict[str, K]:
    """A copy of the setting of each client, every one checked."""
    if not isinstance(values, Mapping):
        refuse(name, "a dict from client to number", values, f"For example {example}.")
    for client in values:
        if not isinstance(client, str):
            refuse(f"a client in {name}", "a text", client, f"Write {str(client)!r}.")
    return {client: check(f"{name}[{client!r}]", value) for client, value in values.items()}


def in_words(values: Mapping[str, float], default: float) -> str:
    """`ann 3, bob 2, all others 1`."""
    said = [f"{client} {value:g}" for client, value in list(values.items())[:FEW]]
    if len(values) > FEW:
        said.append(f"{len(values) - FEW:,} more")
    return ", ".join([*said, f"all {'others ' if values else ''}{default:g}"])
