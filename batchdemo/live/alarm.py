"""The clock of policies that have none of their own: one timer on the running loop, set anew as they answer."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable


class Alarm:
    """Calls `ring(due)` when `due` has come; made anew at each start, as a `Ticker` is.

    `due` is seconds of `clock`, None where nothing is due. At most one timer is under way. It is left standing
    where the time is put off, and when it fires begins again for the rest: under load the time is put off with
    every batch, and a timer for each would cost more than the batch.
    """

    def __init__(self, clock: Callable[[], float], ring: Callable[[float], object]) -> None:
        self.due: float | None = None
        self._clock = clock
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None
        self._stands = -math.inf  # when the timer will fire; before the start no time is earlier
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin, from within the running loop: the first question is due at 0."""
        self._loop = asyncio.get_running_loop()
        self._stands = math.inf
        self._ring(0.0)

    def stop(self) -> None:
        """End; nothing rings any more. Harmless twice."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop = self.due = None
        self._stands = -math.inf

    def set(self, due: float | None) -> None:
        """Ring at `due`, and no longer at any other time."""
        self.due = due
        if due is not None and due < self._stands:
            self._begin(due)

    def _begin(self, due: float) -> None:
        if self._loop is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._stands = due
        self._timer = self._loop.call_later(due - self._clock(), self._fire)

    def _fire(self) -> None:
        due, stood = self.due, self._stands
        self._timer, self._stands = None, math.inf
        if due is None:
            return
        if due > stood:
            self._begin(due)
        else:
            self.due = None
            self._ring(due)  # the time that was due: a loop may fire a hair early, and a policy must not see that
