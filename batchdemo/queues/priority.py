"""The important first, whatever becomes of the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchdemo.arguments import whole
from batchdemo.queues.by_client import ByClient, T, in_words, per_client
from batchdemo.queues.turns import Turn


def _level(name: str, value: Any) -> int:
    return whole(name, value, -1_000_000, 1_000_000)


class Priority(ByClient[T]):
    """Serves the client of the HIGHEST level that has a request waiting; on one level, first come, first served.

    Strict, as RabbitMQ's priority queues: as long as a higher level has something waiting, a lower one gets
    nothing. Where the higher levels alone fill the server, the others starve; `run.by_client` shows it as
    their `longest_gap`.
    """

    def __init__(self, levels: Mapping[str, int], default: int = 0) -> None:
        """levels: of each client, a whole number, higher first; default: of each that is not named."""
        super().__init__()
        self.levels = per_client("levels", levels, _level, 'Priority({"1": 10})')
        self.default = _level("default", default)

    def _turn(self, client: str, head: T, number: int, kept: Turn | None) -> Turn:
        """By level, then by the arrival of the first that waits."""
        return -self.levels.get(client, self.default), number

    def __repr__(self) -> str:
        return f"Priority({self.levels!r}, default={self.default})"

    def __str__(self) -> str:
        return f"strict priority over clients, highest first: {in_words(self.levels, self.default)}"
