"""Requests that are worth nothing after a time: each is called by name when its own has come."""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Generic, TypeVar

R = TypeVar("R")


class Deadlines(Generic[R]):
    """The deadlines of those who wait, in a heap. An `Alarm` rings it; `set_alarm` is called with the next one.

    One that has left the queue stays in the heap until its deadline: to take it out would cost more than that.
    """

    def __init__(self, expire: Callable[[R], object]) -> None:
        self.set_alarm: Callable[[float | None], object] = bool  # anything that takes it and does nothing
        self._expire = expire
        self._heap: list[tuple[float, int, R]] = []
        self._number = count().__next__

    def add(self, deadline: float, request: R) -> None:
        """Call `expire(request)` at `deadline`, in seconds; infinity: never."""
        if deadline == math.inf:
            return
        first = not self._heap or deadline < self._heap[0][0]
        heappush(self._heap, (deadline, self._number(), request))
        if first:
            self.set_alarm(deadline)

    def pass_by(self, now: float) -> None:
        """Expire all whose deadline is not after `now`."""
        heap = self._heap
        if not heap:
            return
        while heap and heap[0][0] <= now:
            self._expire(heappop(heap)[2])
        self.set_alarm(heap[0][0] if heap else None)
