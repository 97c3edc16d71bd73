"""WHAT IS DONE with a batch: a handler takes the texts of a batch and returns as many replies, in their order.

A handler may be a plain function, which the server runs in a thread of its own so that it may block, or
an `async def`, which runs on the server's event loop and must not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Handler = Callable[[list[str]], "list[str] | Awaitable[list[str]]"]


async def echo(batch: list[str]) -> list[str]:
    """The tutorial's reply. Async, because it takes no time worth a change of thread."""
    return [f"You wrote: {text}" for text in batch]
