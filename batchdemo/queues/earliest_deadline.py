"""The most urgent first."""

from __future__ import annotations

from batchdemo.queues.by_client import ByClient, T
from batchdemo.queues.turns import Turn


class EarliestDeadline(ByClient[T]):
    """Serves the client whose first request has the earliest deadline; who has none goes last, by arrival.

    Earliest deadline first (Liu & Layland, "Scheduling algorithms for multiprogramming in a hard-real-time
    environment", J. ACM 20, 1973). It is at its best where all deadlines can be met; under overload it serves
    those that are nearly late, and then many are. Since each client keeps its order, an urgent request waits
    for a patient one that its client sent before.
    """

    def _turn(self, client: str, head: T, number: int, kept: Turn | None) -> Turn:
        """By the deadline of the first that waits, then by its arrival."""
        return head.deadline, number

    def __str__(self) -> str:
        return "earliest deadline first, over clients"
