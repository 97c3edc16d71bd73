"""One request from each client in turn."""

from __future__ import annotations

from batchdemo.queues.by_client import ByClient, T
from batchdemo.queues.turns import Turn


class RoundRobin(ByClient[T]):
    """Protects clients from one that sends much: one request from each in turn, whoever has one waiting.

    Nagle's fair queueing ("On packet switches with infinite storage", RFC 970, 1985): of clients that wait all the
    time none is ever more than one ahead. Who begins to wait goes to the end of the round.
    """

    def __init__(self) -> None:
        super().__init__()
        self._given = 0  # turns so far

    def _turn(self, client: str, head: T, number: int, kept: Turn | None) -> Turn:
        """The end of the round, or its old place where only its first request was removed."""
        if kept is not None:
            return kept
        self._given += 1
        return 0.0, self._given

    def __str__(self) -> str:
        return "round-robin over clients"
