"""A batch's number in the file of a durable server: each life of the server counts from 1, the file outlives them."""

from __future__ import annotations

import time

MOST = 10**8  # batches of one life that are told from those of the next


def begun() -> int:
    """The name of a life that begins now: the wall time, in tenths of a second."""
    return int(time.time() * 10)


def numbered(life: int, batch: int) -> int:
    """The number of a batch among all batches of all lives; where there is but one, 0, its own."""
    return life * MOST + batch


def told(number: int) -> tuple[int, int]:
    """The life and the batch that were `numbered` so."""
    return divmod(number, MOST)
