"""Histories of requests through a crash, made up: what was sent, accepted, served and answered, and how often.

An event is a word and a number: ("sent", 3), ("accepted", 3), ("served", 3), ("reply", 3), ("crash", 0).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

Event = tuple[str, int]
Life = tuple[str, str]  # what happens to one request before the crash, and what after it
PROMISES = ("at most once", "at least once", "exactly once")
CRASH: Event = ("crash", 0)

# Lives in which a request is served once, never and twice. Sent, accepted or answered twice is not served twice.
PLAIN: tuple[Life, ...] = (("sent accepted served reply", ""), ("sent accepted", "served reply"))
ODD: tuple[Life, ...] = (
    ("sent accepted served", ""),  # nobody was told
    ("sent accepted served reply", "reply"),  # told twice
    ("sent accepted served", "sent reply"),  # sent again, with a key
    ("sent", "sent accepted served reply"),
    ("sent accepted", "sent accepted served reply reply"),
)
NEVER: tuple[Life, ...] = (("sent", ""), ("sent accepted", ""), ("sent", "sent"), ("sent accepted", "sent"))
TWICE: tuple[Life, ...] = (
    ("sent accepted served", "served reply"),  # its being done was not on the disk
    ("sent accepted served", "sent accepted served reply"),
    ("sent accepted", "sent accepted served reply served reply"),
    ("sent accepted served", "served"),  # and nobody was told
)


def times(history: Sequence[Event]) -> dict[int, int]:
    """How often each number that was sent was served."""
    served = Counter(number for what, number in history if what == "served")
    return {number: served[number] for what, number in history if what == "sent"}


def promise(history: Sequence[Event]) -> str | None:
    """The strongest promise that it keeps, or None where something was lost and something was served twice."""
    often = times(history).values()
    if all(count == 1 for count in often):
        return "exactly once"
    if max(often) <= 1:
        return "at most once"
    return "at least once" if min(often) >= 1 else None


def mixed(dice: random.Random, lives: Sequence[Life], first: int) -> list[Event]:
    """The lives of `first` and the numbers after it, their events mixed, with one crash between before and after."""
    halves: list[list[Event]] = []
    for half in (0, 1):
        queues = [[(what, first + at) for what in life[half].split()] for at, life in enumerate(lives)]
        events: list[Event] = []
        while any(queues):
            # Mostly the lower numbers first, as a queue has it.
            queue = next(queue for queue in queues if queue and (dice.random() < 0.5 or queue is _last(queues)))
            events.append(queue.pop(0))
        halves.append(events)
    return [*halves[0], CRASH, *halves[1]]


def _last(queues: list[list[Event]]) -> list[Event]:
    return [queue for queue in queues if queue][-1]


def that_keeps(dice: random.Random, wanted: str, first: int) -> list[Event]:
    """A history of three requests of which `promise` gives this, none so plain that it is seen at a glance."""
    other = {"at most once": NEVER, "at least once": TWICE, "exactly once": ODD}[wanted]
    lives = [dice.choice(other), dice.choice(ODD), dice.choice((*PLAIN, *ODD))]
    dice.shuffle(lives)
    return mixed(dice, lives, first)


def long(dice: random.Random, first: int) -> list[Event]:
    """A history of a dozen: two or three lost, two or three twice."""
    lives = [dice.choice(NEVER) for _ in range(dice.choice((2, 3)))]
    lives += [dice.choice(TWICE) for _ in range(dice.choice((2, 3)))]
    lives += dice.sample(ODD, 4)
    lives += [dice.choice(PLAIN) for _ in range(12 - len(lives))]
    dice.shuffle(lives)
    return mixed(dice, lives, first)


def told(history: Sequence[Event]) -> str:
    """A history in a line."""
    return ", ".join("CRASH" if what == "crash" else f"#{number} {what}" for what, number in history)
