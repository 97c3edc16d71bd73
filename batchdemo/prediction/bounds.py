"""What a simulated server takes, from whom, who goes next and for how long: checked at the door, said in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from batchdemo.arguments import real, whole
from batchdemo.policies import named
from batchdemo.queues import Fifo
from batchdemo.queues.checks import OVERFLOW, a_queue, one_of

MOST = 10_000_000  # requests that a bound may let in


@dataclass(frozen=True)
class Bounds:
    """The queue and its bounds; `simulate` explains each."""

    queue: Any = None
    max_queue_size: int | None = None
    max_pending_per_client: int | None = None
    overflow: str = "reject"
    deadline: float | None = None

    def __post_init__(self) -> None:
        a_queue(self.queue)
        for name in ("max_queue_size", "max_pending_per_client"):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name), 1, MOST, "None is no bound.")
        one_of("overflow", self.overflow, OVERFLOW)
        if self.deadline is not None:
            real("deadline", self.deadline, 1e-9, 1e9, "seconds", "None is no deadline.")

    @property
    def plain(self) -> bool:
        """Whether it is first come, first served, for everybody and for as long as it takes."""
        bounds = (self.max_queue_size, self.max_pending_per_client, self.deadline)
        return (self.queue is None or type(self.queue) is Fifo) and bounds == (None, None, None)

    @property
    def places(self) -> float:
        """Requests that may be under way: waiting, or in a batch that is not finished."""
        return math.inf if self.max_queue_size is None else self.max_queue_size

    @property
    def per_client(self) -> float:
        """Those that one client may have under way."""
        return math.inf if self.max_pending_per_client is None else self.max_pending_per_client

    @property
    def patience(self) -> float:
        """Seconds for which a request waits."""
        return math.inf if self.deadline is None else float(self.deadline)

    def __str__(self) -> str:
        """What was asked for beyond first come, first served; empty where nothing was."""
        if self.plain:
            return ""
        said = [named(Fifo() if self.queue is None else self.queue)]
        for name in ("max_queue_size", "max_pending_per_client"):
            if getattr(self, name) is not None:
                said.append(f"{name}={getattr(self, name)}")
        if len(said) > 1 and self.overflow != "reject":
            said.append(f"overflow={self.overflow!r}")
        if self.deadline is not None:
            said.append(f"deadline={self.deadline:g} s")
        return ", ".join(said)
