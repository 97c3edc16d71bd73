"""Who goes next, of many: the client with the lowest turn, found without a look at the others."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

Turn = tuple[float, int]
"""When a client goes: first what the rule of a queue says, then a number that no other turn has."""

SLACK = 64  # stale entries that are always let be


class Turns:
    """A turn a client, in a heap. One that is changed or dropped stays in it, stale, until it comes to the top.

    Every operation takes O(log clients), amortised; there are never more stale entries than others and `SLACK`.
    """

    def __init__(self) -> None:
        self._turn: dict[str, Turn] = {}
        self._heap: list[tuple[Turn, str]] = []

    def __len__(self) -> int:
        return len(self._turn)

    def __getitem__(self, client: str) -> Turn:
        return self._turn[client]

    def __setitem__(self, client: str, turn: Turn) -> None:
        """Give the client this turn, in place of the one it had."""
        if self._turn.get(client) == turn:
            return
        self._turn[client] = turn
        heappush(self._heap, (turn, client))
        self._tidy()

    def __delitem__(self, client: str) -> None:
        """Forget the client."""
        del self._turn[client]
        self._tidy()

    def first(self) -> str:
        """The client with the lowest turn; there must be one."""
        heap = self._heap
        while self._turn.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        return heap[0][1]

    def _tidy(self) -> None:
        """Build the heap anew where most of it is stale: clients may come and go while the top one stays."""
        if not self._turn or len(self._heap) > 2 * len(self._turn) + SLACK:
            self._heap = [(turn, client) for client, turn in self._turn.items()]
            heapify(self._heap)
