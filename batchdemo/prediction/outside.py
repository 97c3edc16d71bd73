"""A request under pressure, and where those wait for whom there is no place: outside, on virtual time.

By the rules of the live server's own, which this room must not know.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

INSIDE, OUTSIDE, GONE = range(3)


class Item:
    """A request while it waits: what a queue may know of it, and where it is."""

    __slots__ = ("arrived", "client_id", "deadline", "number", "where")

    def __init__(self, number: int, client_id: str, came: float, deadline: float) -> None:
        self.number = number  # from 0, in the order of coming
        self.client_id = client_id
        self.arrived = came  # anew when it is taken in
        self.deadline = deadline
        self.where = GONE


class Outside:
    """Those for whom there is no place: a line for each client, and one from each in turn."""

    def __init__(self) -> None:
        self._lines: OrderedDict[str, deque[Item]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._lines)

    def __contains__(self, client_id: str) -> bool:
        return client_id in self._lines

    def add(self, item: Item) -> None:
        """It waits behind all others of its client."""
        item.where = OUTSIDE
        self._lines.setdefault(item.client_id, deque()).append(item)

    def remove(self, item: Item) -> None:
        """It waits no longer. The first of its line goes quickly, and who loses patience is the first."""
        self._lines[item.client_id].remove(item)
        if not self._lines[item.client_id]:
            del self._lines[item.client_id]

    def next(self, may: Callable[[str], bool]) -> Item | None:
        """Take out the first of the client whose turn it is, of those who may come in; None where nobody may."""
        for _ in range(len(self._lines)):
            client_id, line = next(iter(self._lines.items()))
            self._lines.move_to_end(client_id)
            if may(client_id):
                item = line.popleft()
                if not line:
                    del self._lines[client_id]
                return item
        return None
