"""Where requests wait for a place in a full queue, with `overflow="wait"`: outside, and their client is read no more.

Reading stops, so the system's own buffers fill and the client's sending blocks: that is how TCP pushes back.
What had been read already waits here, at most what one read of the socket holds for each client.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

R = TypeVar("R")


class Outside(Generic[R]):
    """A line for each client, and one from each in turn. `pause` and `resume` are of its connection."""

    def __init__(self, pause: Callable[[Any], object], resume: Callable[[Any], object]) -> None:
        self._lines: OrderedDict[Any, deque[R]] = OrderedDict()
        self._letting_in = False
        self._pause = pause
        self._resume = resume

    def __len__(self) -> int:
        return sum(len(line) for line in self._lines.values())

    def __contains__(self, client: object) -> bool:
        return client in self._lines

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, client: Any, request: R) -> None:
        """It waits behind all others of its client."""
        if client not in self._lines:
            self._lines[client] = deque()
            self._pause(client)
        self._lines[client].append(request)

    def let_in(self, admit: Callable[[R], bool]) -> None:
        """Offer each client's first in turn, until nobody's is taken.

        One that is taken may let a batch go, which asks for the next at once: that is what is being done already.
        """
        if self._letting_in:
            return
        self._letting_in = True
        try:
            self._offer(admit)
        finally:
            self._letting_in = False

    def _offer(self, admit: Callable[[R], bool]) -> None:
        refused = 0
        while self._lines and refused < len(self._lines):
            client, line = next(iter(self._lines.items()))
            self._lines.move_to_end(client)
            if not admit(line[0]):
                refused += 1
                continue
            refused = 0
            line.popleft()
            self._close(client, line)

    def remove(self, client: Any, request: R) -> bool:
        """One waits no longer; False where it isn't there."""
        line = self._lines.get(client)
        if line is None or request not in line:
            return False
        line.remove(request)
        self._close(client, line)
        return True

    def leave(self, client: Any) -> list[R]:
        """All of a client, who has gone."""
        return list(self._lines.pop(client, ()))

    def _close(self, client: Any, line: deque[R]) -> None:
        if not line:
            del self._lines[client]
            self._resume(client)
