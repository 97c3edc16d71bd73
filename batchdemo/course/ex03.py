"""Exercises of notebook 03, Inside the server: one message's life, and a server of one's own."""

from __future__ import annotations

import random
from collections import deque
from itertools import pairwise
from typing import Any

import batchdemo.course.answers as kinds
from batchdemo.course.answers import shown
from batchdemo.course.exercise import Exercise, Numbers
from batchdemo.course.trying import Trial

# One message's life in the tutorial's server, in its order.
LIFE = (
    "the client sends the message",
    "the route's receive_text() returns it",
    "it is put in the queue, together with its connection",
    "the clock ticks, and the job starts",
    "the job takes it from the queue",
    "the job sends its reply over its own connection",
    "the client reads the reply",
)
LETTERS = "ABCDEFG"


def _shuffled(dice: random.Random) -> Numbers:
    """Which letter stands for which event: `order` holds the right order of the letters."""
    letters = list(LETTERS)
    while letters == list(LETTERS):
        dice.shuffle(letters)
    return {"order": letters}


def _events(given: Numbers) -> dict[str, Any]:
    by_letter = dict(sorted(zip(given["order"], LIFE, strict=True)))
    return {"events": "\n".join(f"{letter}: {event}" for letter, event in by_letter.items())}


def _ordered(given: Numbers, said: list[str]) -> str | None:
    if len(set(said)) < len(said):
        twice = next(letter for letter in said if said.count(letter) > 1)
        return f"{twice} is in your list twice, and each event happens once."
    place = {letter: at for at, letter in enumerate(given["order"])}
    for earlier, later in pairwise(said):
        if place[earlier] > place[later]:
            return f"You put {earlier} before {later}: {LIFE[place[earlier]]}, before {LIFE[place[later]]}?"
    return None


def _popped(given: Numbers, said: Any) -> str | None:
    """Tried on full, short and empty queues. A fresh queue for each call, as the function changes it."""
    trial = Trial(said, "pop_batch")
    size = given["size"]
    for at, (length, limit) in enumerate([(7, 5), (size + 3, size), (5, 5), (3, 5), (0, 5), (4, 1), (1000, 999)]):
        queue = deque(range(1, length + 1))
        call = f"pop_batch(a queue of {length}, {limit})"
        got = (trial.call if at else trial.first)(queue, limit)
        if not isinstance(got, list):
            return f"{call} gave {shown(got)}; a list is wanted, also where nobody waits."
        wrong = _wrong_batch(got, length, limit) or _wrong_rest(list(queue), length, limit)
        if wrong:
            return f"{call} gave {shown(got)}: {wrong}"
    return None


def _wrong_batch(got: list[Any], length: int, limit: int) -> str | None:
    if len(got) > limit:
        return f"that is more than {limit}."
    if len(got) < min(length, limit):
        return f"{length} were waiting and {limit} may go, so more could have been taken."
    right = list(range(1, len(got) + 1))
    if got == right:
        return None
    return (
        "who waits longest goes first." if sorted(map(str, got)) != sorted(map(str, right)) else "the order is wrong."
    )


def _wrong_rest(rest: list[Any], length: int, limit: int) -> str | None:
    right = list(range(min(length, limit) + 1, length + 1))
    if rest == right:
        return None
    if len(rest) == length and length:
        return "but all of them are still in the queue, and would be answered again."
    return f"but the queue is left with {shown(rest)}."


def _judged(given: Numbers, run: Any) -> str | None:
    """Five at a time, evenly, in order, none lost: judged as from outside, at whatever interval the run shows."""
    import numpy as np  # noqa: PLC0415  - for this exercise alone

    if len(run) < 11:
        return f"Your run has {len(run)} messages; send at least 11, so that there are three batches to judge."
    gaps = np.diff(np.sort(run.batch_table.released))
    interval = float(np.median(gaps)) if len(gaps) else None
    checks = run.check(max_batch_size=5, interval=interval if interval and interval > 0.001 else None)
    failed = [verdict for verdict in checks if verdict.holds is False]
    if failed:
        return f"The check of {failed[0].name!r} fails: {failed[0].says}."
    sizes = [int(size) for size in run.batch_table.size]
    if any(size != 5 for size in sizes[:-1]):
        return f"Your batches hold {shown(sizes)}; while five are waiting, five should go."
    return None


def _paper(n: int, size: int, lose: bool = False) -> Any:
    from batchdemo.policies import FixedInterval  # noqa: PLC0415
    from batchdemo.prediction import arrivals, simulate  # noqa: PLC0415  - NumPy, for this exercise alone

    run = simulate(FixedInterval(size, 1.0), arrivals.burst(n))
    if lose:
        run.request_table.columns["received"][6] = float("nan")
        run.request_table.columns["outcome"][6] = 5
    return run


SCRIPT = ("await main()", "asyncio.run(main())", "bd.send(range(1, 19), server)")


def _scripted(given: Numbers, said: str) -> str | None:
    if said == SCRIPT[0]:
        return "await outside a function is a SyntaxError in a script; only a notebook's cells allow it."
    if said == SCRIPT[2]:
        return "That works in both: it brings a thread and a loop of its own."
    return None


EXERCISES = (
    Exercise(
        name="ex03_1",
        title="The life of message 7",
        points=2,
        text="These events are out of order. Bring them into the order in which they happen.\n{events}",
        kind=kinds.Several(kinds.Choice(tuple(LETTERS)), 'a list of the seven letters, as ["B", "A", …]', count=7),
        check=_ordered,
        hints=(
            "Begin with the client, and follow the message.",
            "Between the queue and the reply stands the clock.",
            "The job takes nothing before the tick, and the message is in the queue long before it.",
        ),
        solution=lambda given: given["order"],
        usual=lambda given: {
            "as they stand": list(LETTERS),
            "backwards": given["order"][::-1],
            "answered before the tick": [*given["order"][:3], *given["order"][5:], *given["order"][3:5]],
            "one twice": [given["order"][0], *given["order"][:6]],
            "one forgotten": given["order"][:6],
        },
        classic=_shuffled(random.Random("7")),  # noqa: S311  - an order, not a secret
        draw=_shuffled,
        further=_events,
    ),
    Exercise(
        name="ex03_2",
        title="pop_batch",
        points=3,
        text="Write pop_batch(queue, max_batch_size): take up to max_batch_size entries from a collections.deque, who "
        "waits longest first, and return them as a list. New entries are put at its right end. "
        "With a size of {size}, a queue of 12 gives its {size} oldest.",
        kind=kinds.Function("pop_batch(queue, max_batch_size)"),
        check=_popped,
        hints=(
            "popleft() takes from the left end, where the oldest stands.",
            "Look at the length once: there may be fewer than max_batch_size, even none.",
            "A list comprehension over range(min(max_batch_size, len(queue))).",
        ),
        solution=lambda given: lambda queue, size: [queue.popleft() for _ in range(min(size, len(queue)))],
        usual=lambda given: {
            "the newest first": lambda queue, size: [queue.pop() for _ in range(min(size, len(queue)))],
            "only looked": lambda queue, size: list(queue)[:size],
            "all of them": lambda queue, size: [queue.popleft() for _ in range(len(queue))],
            "never fewer": lambda queue, size: [queue.popleft() for _ in range(size)],
            "one alone": lambda queue, size: [queue.popleft()],
            "None where nobody waits": lambda queue, size: (
                [queue.popleft() for _ in range(min(size, len(queue)))] or None
            ),
            "no list": lambda queue, size: deque(queue.popleft() for _ in range(min(size, len(queue)))),
        },
        classic={"size": 5},
        draw=lambda dice: {"size": dice.randint(2, 9)},
    ),
    Exercise(
        name="ex03_3",
        title="Judge your server",
        points=3,
        text="Drive the server that you built with bd.send, and hand in the run: at least 11 messages sent at once, "
        "answered five at a time, evenly, in order, none lost.",
        kind=kinds.ARun(),
        check=_judged,
        hints=(
            "bd.send takes the address of any server.",
            "own_run = bd.send(range(1, 19), own.ws_url)",
            "Send just after a tick; own_run.check(max_batch_size=5) says what it finds.",
        ),
        solution=lambda given: _paper(18, 5),
        usual=lambda given: {
            "too few": _paper(5, 5),
            "six at a time": _paper(18, 6),
            "four at a time": _paper(18, 4),
            "one lost": _paper(18, 5, lose=True),
        },
        classic={},
    ),
    Exercise(
        name="ex03_4",
        title="Cell or script?",
        points=1,
        text="Which of these lines works in a script, and fails in a cell?",
        kind=kinds.Choice(SCRIPT),
        check=_scripted,
        hints=(
            "A cell runs inside an event loop, a script does not.",
            "Which of the three starts a loop in its own thread, where one may be running already?",
            "Run all three in a cell of this notebook: one of them raises RuntimeError.",
        ),
        solution=lambda given: SCRIPT[1],
        usual=lambda given: {"await": SCRIPT[0], "send": SCRIPT[2]},
        classic={},
    ),
)
