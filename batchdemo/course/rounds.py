"""A round over clients, as a student writes it: `take(lines, size)`, tried in rounds that were made up."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from batchdemo.course.answers import Misfit, shown
from batchdemo.course.exercise import Numbers
from batchdemo.course.trying import Trial

Lines = dict[str, deque[Any]]
Step = tuple[str, ...] | int

# What happens, in order: requests that come, or a batch that is taken. "a1" is the first request of client a.
ROUNDS: tuple[tuple[str, tuple[Step, ...]], ...] = (
    ("one client", (("a1", "a2", "a3"), 2, 2)),
    ("nobody waits", (3,)),
    ("two clients with one request each", (("a1", "b1"), 2)),
    ("a flooder before two others", (("a1", "a2", "a3", "a4", "b1", "c1"), 3, 3)),
    ("a batch that is larger than a round", (("a1", "a2", "a3", "a4", "a5", "b1", "c1"), 5, 5)),
    ("a batch that is smaller than a round", (("a1", "a2", "a3", "b1", "b2", "c1", "c2"), 2, 2, 2, 2)),
    ("batches of one", (("a1", "a2", "b1", "b2", "c1", "c2"), 1, 1, 1, 1, 1, 1)),
    ("more seats than requests", (("a1", "b1", "a2"), 9, 1)),
    ("somebody who comes later", (("a1", "a2", "a3", "b1", "b2"), 1, ("c1",), 3, 3)),
    ("somebody who had none left and comes again", (("a1", "b1", "b2", "b3"), 1, ("a2", "c1"), 2, 4)),
    ("two clients, the names not in the order of the alphabet", (("z1", "z2", "b1", "b2"), 1, 3)),
)


def take(lines: Lines, size: int) -> list[Any]:
    """One of each client in turn, up to `size`; `lines` holds the round that is left."""
    batch: list[Any] = []
    while lines and len(batch) < size:
        client = next(iter(lines))
        line = lines.pop(client)
        batch.append(line.popleft())
        if line:
            lines[client] = line
    return batch


def in_turn(given: Numbers, said: Any) -> str | None:
    """Tried on rounds of which each goes on where the batch before ended."""
    trial = Trial(said, "take")
    trial.first({"a": deque(["a1"])}, 1)
    for what, steps in ROUNDS:
        mine: Lines = {}
        right: Lines = {}
        told: list[str] = []
        for step in steps:
            if isinstance(step, tuple):
                _come(mine, step, given)
                _come(right, step, given)
                told.append(f"{', '.join(named(text, given) for text in step)} come")
                continue
            wanted, got = take(right, step), trial.call(mine, step)
            told.append(f"take(lines, {step}) gives {shown(got)}")
            if not isinstance(got, (list, tuple, deque)):
                return f"In the round of {what}, take(lines, {step}) gave {shown(got)}; a list is wanted."
            if list(got) != wanted:
                return f"{what[0].upper()}{what[1:]}: {'; '.join(told)}. {_wrong(list(got), wanted, step)}"
            if left := _left(mine, right):
                return f"{what[0].upper()}{what[1:]}: {'; '.join(told)}. {left}"
    return None


def _come(lines: Lines, texts: tuple[str, ...], given: Numbers) -> None:
    """Each at the end of its client's line, and a client who had none waiting at the end of the round."""
    for text in texts:
        name = named(text, given)
        lines.setdefault(name[:-1], deque()).append(name)


def named(text: str, given: Numbers) -> str:
    """The request under the name that its client has for this student."""
    names: dict[str, str] = given["names"]
    return f"{names[text[0]]}{text[1:]}"


def _wrong(got: list[Any], wanted: list[Any], size: int) -> str:
    """What is wrong with a batch, but not the right one."""
    if len(got) > size:
        return f"That is more than {size}."
    if len(set(map(str, got))) < len(got):
        return "One request is in it twice. Whoever is taken must leave the line."
    if len(got) < len(wanted):
        return "Seats stay empty while somebody waits."
    if len(got) > len(wanted):
        return "There is more in it than was waiting: who was taken before, or never came?"
    place = next(at for at, (one, other) in enumerate(zip(got, wanted, strict=True)) if one != other)
    return f"Look at place {place + 1}: whose turn is it there? The first key of lines is the client who is next."


def _left(mine: Lines, right: Lines) -> str | None:
    if set(mine) - set(right):
        return "A client who has nothing waiting any more is still in lines."
    if set(right) - set(mine):
        return "A client who has requests waiting is gone from lines."
    if any(list(mine[client]) != list(right[client]) for client in right):
        return "The lines that are left do not hold who was not taken, in order of arrival."
    return None


def drawn(dice: random.Random) -> Numbers:
    """Names of one's own for the clients, in no order."""
    names = dice.sample("bdfghjkmnpqrtvwxyz", 4)
    return {"names": dict(zip("abcz", names, strict=True)), "one": names[0], "two": names[1]}


CLASSIC: Numbers = {"names": {name: name for name in "abcz"}, "one": "a", "two": "b"}


def usual(given: Numbers) -> dict[str, Callable[..., Any]]:
    """Functions that are wrong in the usual ways."""
    return {
        "client after client": _client_after_client,
        "every round from the start": _from_the_start,
        "the alphabet": _by_name,
        "one round and no more": lambda lines, size: take(lines, min(size, len(lines))),
        "one too many": lambda lines, size: take(lines, size + 1),
        "the newest first": _newest_first,
        "nobody leaves": lambda lines, size: take({client: deque(line) for client, line in lines.items()}, size),
        "a generator": lambda lines, size: iter(take(lines, size)),
        "empty lines stay": _empty_lines_stay,
        "IndexError": lambda lines, size: [next(iter(lines.values())).popleft() for _ in range(size)],
    }


def _client_after_client(lines: Lines, size: int) -> list[Any]:
    batch: list[Any] = []
    while lines and len(batch) < size:
        client = next(iter(lines))
        batch.append(lines[client].popleft())
        if not lines[client]:
            del lines[client]
    return batch


def _from_the_start(lines: Lines, size: int) -> list[Any]:
    batch: list[Any] = []
    while lines and len(batch) < size:
        for client in list(lines):
            if len(batch) < size:
                batch.append(lines[client].popleft())
                if not lines[client]:
                    del lines[client]
    return batch


def _by_name(lines: Lines, size: int) -> list[Any]:
    ordered = {client: lines.pop(client) for client in sorted(lines)}
    batch = take(ordered, size)
    lines.update(ordered)
    return batch


def _newest_first(lines: Lines, size: int) -> list[Any]:
    batch: list[Any] = []
    while lines and len(batch) < size:
        client, line = next(iter(lines.items()))
        del lines[client]
        batch.append(line.pop())
        if line:
            lines[client] = line
    return batch


def _empty_lines_stay(lines: Lines, size: int) -> list[Any]:
    batch: list[Any] = []
    while any(lines.values()) and len(batch) < size:
        client = next(iter(lines))
        line = lines[client] = lines.pop(client)
        if line:
            batch.append(line.popleft())
    return batch


class TakenBy:
    """A queue for `simulate` and for a server, in which a student's `take` says who goes next."""

    def __init__(self, take: Callable[[Lines, int], list[Any]]) -> None:
        self._take = take
        self._lines: Lines = {}

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def __iter__(self) -> Iterator[Any]:
        return iter(sorted((item for line in self._lines.values() for item in line), key=lambda item: item.arrived))

    def push(self, item: Any) -> None:
        """At the end of its client's line."""
        self._lines.setdefault(item.client_id, deque()).append(item)

    def pop(self, size: int) -> list[Any]:
        """Whom `take` names."""
        batch = self._take(self._lines, size)
        if not isinstance(batch, list):
            raise Misfit(f"take(lines, {size}) gave {shown(batch)}; a list is wanted.")
        return batch

    def remove(self, item: Any) -> bool:
        """Let go one who waits no longer."""
        line = self._lines.get(item.client_id, deque())
        if item not in line:
            return False
        line.remove(item)
        if not line:
            del self._lines[item.client_id]
        return True

    @property
    def oldest(self) -> float:
        """Arrival of the one that waits longest, NaN when empty."""
        return min((line[0].arrived for line in self._lines.values()), default=math.nan)

    @property
    def newest(self) -> float:
        """Arrival of the one that came last, NaN when empty."""
        return max((line[-1].arrived for line in self._lines.values()), default=math.nan)

    def __str__(self) -> str:
        return "as your take says"
