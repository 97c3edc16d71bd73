"""Where those wait for whom a full queue has no place, and who comes in next: in the server and on virtual time."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")


class Outside(Generic[K, T]):
    """A line for each client, first come, first served in it; and one from each line in turn."""

    def __init__(self) -> None:
        self._lines: OrderedDict[K, deque[T]] = OrderedDict()

    def __len__(self) -> int:
        """Those who wait outside, of all clients."""
        return sum(len(line) for line in self._lines.values())

    def __bool__(self) -> bool:
        return bool(self._lines)

    def __contains__(self, client: object) -> bool:
        """Whether the client has one waiting outside."""
        return client in self._lines

    def add(self, client: K, item: T) -> None:
        """It waits behind all others of its client."""
        self._lines.setdefault(client, deque()).append(item)

    def next(self, may: Callable[[K], bool]) -> tuple[K, T] | None:
        """Take out the first of the client whose turn it is, of those who may come in; None where nobody may."""
        for _ in range(len(self._lines)):
            client, line = next(iter(self._lines.items()))
            self._lines.move_to_end(client)
            if may(client):
                item = line.popleft()
                self._tidy(client, line)
                return client, item
        return None

    def remove(self, client: K, item: T) -> bool:
        """It waits no longer; False where it isn't there. Quick for the first of a line."""
        line = self._lines.get(client)
        if line is None or item not in line:
            return False
        line.remove(item)
        self._tidy(client, line)
        return True

    def leave(self, client: K) -> list[T]:
        """All of a client wait no longer: who they were."""
        return list(self._lines.pop(client, ()))

    def clients(self) -> list[K]:
        """Those who have one waiting."""
        return list(self._lines)

    def _tidy(self, client: K, line: deque[T]) -> None:
        if not line:
            del self._lines[client]
