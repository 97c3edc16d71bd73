"""What a server takes, from whom, and for how long: checked at the door, and told to whom it hits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from batchdemo.arguments import real, whole
from batchdemo.queues.checks import OVERFLOW, one_of

ON_DISCONNECT = ("cancel", "keep")
MEMORY = 0.2  # weight of the newest batch in the mean duration


@dataclass(frozen=True)
class Limits:
    """The bounds of a server; `Server` explains each."""

    max_queue_size: int = 10_000
    max_pending_per_client: int | None = None
    overflow: str = "reject"
    deadline: float | None = None
    on_disconnect: str = "cancel"

    def __post_init__(self) -> None:
        whole("max_queue_size", self.max_queue_size, 1, 10_000_000)
        if self.max_pending_per_client is not None:
            whole("max_pending_per_client", self.max_pending_per_client, 1, 10_000_000, "None is no bound.")
        one_of("overflow", self.overflow, OVERFLOW)
        if self.deadline is not None:
            a_deadline(self.deadline)
        one_of("on_disconnect", self.on_disconnect, ON_DISCONNECT)

    @property
    def per_client(self) -> float:
        """Requests that one client may have under way."""
        return math.inf if self.max_pending_per_client is None else self.max_pending_per_client


def a_deadline(value: Any) -> float:
    """Seconds after its arrival by which a request must have left the queue."""
    return real("deadline", value, 0.001, 86_400, "seconds")


class Capacity:
    """Foretells when a place will be free, from how fast the policy lets batches go and how long they take.

    Whoever is refused is told another time than the one before: if all came back at the next batch, all but a
    few would be refused again.
    """

    def __init__(self, policy: Any, slots: int, left: Callable[[], float | None]) -> None:
        self._policy = policy
        self._slots = slots
        self._left = left  # seconds to the next tick or timer
        self._duration: float | None = None  # of a batch, the mean
        self._refused = 0  # since places last became free

    def finished(self, duration: float) -> None:
        """A batch took so many seconds, and its places are free."""
        self._refused = 0
        before = duration if self._duration is None else self._duration
        self._duration = before + MEMORY * (duration - before)

    def retry_after(self) -> float | None:
        """Seconds after which there should be a place for the one who is refused now; None where nobody knows."""
        ahead = self._refused // max(1, int(getattr(self._policy, "max_batch_size", 1)))
        self._refused += 1
        period: float | None = getattr(self._policy, "interval", None)
        if period is None and self._duration is not None:
            period = self._duration / self._slots
        left = self._left()
        if left is None:
            return None if period is None else (ahead + 1) * period
        return left + ahead * (period or 0.0)
