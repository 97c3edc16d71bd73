"""What goes wrong one day, on demand: for lessons, and for our own tests. `server.chaos.slow(2)`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from batchdemo.arguments import real, whole
from batchdemo.live.batcher import TextBatcher
from batchdemo.live.connection import Door
from batchdemo.live.handling import handle, runs_on_loop

LONGEST = 3_600.0  # seconds


class PoisonedError(RuntimeError):
    """What the handler raises over an item that was named to `fail`."""


class Chaos:
    """Orders for a server that runs; each is carried out at once, in the server's own loop.

    `send` has the loop do what it names; `kill` ends the process, where the server has one of its own.
    """

    def __init__(self, order: Callable[..., object], kill: Callable[[], None]) -> None:
        self._order = order
        self._kill = kill

    def slow(self, seconds: float) -> None:
        """From now on the handler takes so much longer over each batch; 0 ends it. The loop goes on meanwhile."""
        self._order("slow", real("seconds", seconds, 0, LONGEST, "seconds"))

    def fail(self, *items: int | str) -> None:
        """From now on the handler raises over a batch that holds one of these; none at all ends it."""
        self._order("fail", frozenset(str(item) for item in items))

    def drop_connections(self) -> None:
        """Cut every connection without a word, as when a cable is pulled."""
        self._order("drop_connections")

    def block_loop(self, seconds: float) -> None:
        """Keep the loop from everything for so long, as a handler does that blocks in an async function."""
        self._order("block_loop", real("seconds", seconds, 0, LONGEST, "seconds"))

    def duplicate(self, batches: int = 1) -> None:
        """Send the replies of so many of the next batches twice, as when a confirmation was lost."""
        self._order("duplicate", whole("batches", batches, 0, 1_000_000))

    def kill(self) -> None:
        """End the process at once, as kill -9 and a power cut do. Needs `Server(…, process=True)`."""
        self._kill()

    def __repr__(self) -> str:
        return "<Chaos: slow(seconds), fail(*items), drop_connections(), block_loop(seconds), duplicate(), kill()>"


class Mischief:
    """Carries the orders out; lives in the server's loop."""

    def __init__(self, batcher: TextBatcher, door: Door) -> None:
        self._batcher = batcher
        self._door = door
        self._handler = batcher.handler
        self._on_loop = runs_on_loop(batcher.handler)
        self._delay = 0.0
        self._poison: frozenset[str] = frozenset()

    def slow(self, seconds: float) -> None:
        """Sleep so long before the handler is called."""
        self._delay = seconds
        self._batcher.handle_with(self._troubled)

    def fail(self, items: frozenset[str]) -> None:
        """Raise where one of these is in the batch."""
        self._poison = items
        self._batcher.handle_with(self._troubled)

    def drop_connections(self) -> None:
        """Cut them all."""
        for connection in list(self._door.open):
            connection.protocol.transport.abort()

    def block_loop(self, seconds: float) -> None:
        """Sleep on the loop."""
        time.sleep(seconds)

    def duplicate(self, batches: int) -> None:
        """So many batches are answered twice."""
        self._batcher.twice = batches

    async def _troubled(self, items: list[Any]) -> Any:
        if self._delay:
            await asyncio.sleep(self._delay)
        for item in items:
            if item in self._poison:
                raise PoisonedError(f"the batch holds {item!r}")
        return await handle(self._handler, items, on_loop=self._on_loop)
