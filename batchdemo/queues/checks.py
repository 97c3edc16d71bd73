"""A queue and what happens when it is full, checked at the door: of the server, and of the simulation."""

from __future__ import annotations

from typing import Any

from batchdemo.arguments import refuse

OVERFLOW = ("reject", "wait", "drop_oldest")
NEEDED = ("push", "pop", "remove", "oldest", "newest", "__len__", "__iter__")


def one_of(name: str, value: Any, words: tuple[str, ...]) -> str:
    """The word, if it is one of these."""
    if not isinstance(value, str) or value not in words:
        refuse(name, " or ".join(map(repr, words)), value)
    return value


def a_queue(value: Any) -> Any:
    """The queue, if it is one, and empty; or None."""
    if value is None:
        return None
    if isinstance(value, type):
        refuse("queue", "a queue of batchdemo.queues", value, f"That is a class. Make one first: {value.__name__}(…).")
    if not all(hasattr(value, name) for name in NEEDED):
        refuse("queue", "a queue of batchdemo.queues", value, "For example RoundRobin().")
    if len(value):
        refuse("queue", "a queue in which nobody waits", value)
    return value
