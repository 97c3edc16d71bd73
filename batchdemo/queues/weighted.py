"""Each client its share, by weight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchdemo.arguments import real
from batchdemo.queues.by_client import ByClient, T, in_words, per_client
from batchdemo.queues.turns import Turn


def _weight(name: str, value: Any) -> float:
    return real(name, value, 0.001, 1000, "shares")


class Weighted(ByClient[T]):
    """Gives paying clients more without starving the others: shares in the ratio of the weights.

    Self-clocked fair queueing (Golestani, "A self-clocked fair queueing scheme for broadband applications",
    INFOCOM 1994), every request of length 1. Time is virtual: a client's first request is due 1/weight after that
    which left last, each further one 1/weight after the one before, and the earliest due goes. While two
    clients both wait, what they were served, each divided by its weight, differs by no more than the sum
    of 1/weight of both. With equal weights it is a round-robin.

    A client that comes back is due 1/weight from now: no credit for the time it was away, no debt either, so that
    nothing need be kept of it.
    """

    def __init__(self, weights: Mapping[str, float], default: float = 1) -> None:
        """weights: the share of each client, 0.001 to 1000; default: of each that is not named."""
        super().__init__()
        self.weights = per_client("weights", weights, _weight, 'Weighted({"1": 3, "2": 1})')
        self.default = _weight("default", default)
        self._given = 0  # turns so far

    def _turn(self, client: str, head: T, number: int, kept: Turn | None) -> Turn:
        """One request's length after what left last, or its old turn where only its first request was removed."""
        if kept is not None:
            return kept
        self._given += 1
        return self._passed + 1 / self.weights.get(client, self.default), self._given

    def __repr__(self) -> str:
        return f"Weighted({self.weights!r}, default={self.default:g})"

    def __str__(self) -> str:
        return f"shares over clients by weight: {in_words(self.weights, self.default)}"
