"""Exercises of notebook 05, Whose batch?: which policy made this, and one of one's own."""

from __future__ import annotations

import random
from typing import Any

from batchdemo.course.answers import APolicy, Choice, Real, Several
from batchdemo.course.exercise import Exercise, Numbers
from batchdemo.course.trying import Trial

LETTERS = "ABCD"
NAMES = ("FixedInterval", "SizeOrTimeout", "TakeAll", "NoBatching")
AXES = ("FixedInterval", "SizeOrTimeout", "IdleOrTimeout", "TakeAll")


def _policies(given: Numbers) -> dict[str, Any]:
    from batchdemo.policies import FixedInterval, NoBatching, SizeOrTimeout, TakeAll  # noqa: PLC0415

    size, wait = given["size"], given["wait"]
    made = (FixedInterval(size, wait), SizeOrTimeout(size, wait), TakeAll(size), NoBatching())
    return dict(zip(NAMES, made, strict=True))


def mystery(seed: int = 0) -> dict[str, Any]:
    """The four runs of exercise ex05_1, under the letters that stand for their policies."""
    from batchdemo.prediction.simulating import simulate  # noqa: PLC0415  - NumPy, for this exercise alone

    given = EXERCISES[0].numbers(seed)
    policies = _policies(given)
    return {
        letter: simulate(policies[name], given["times"], service=(0.1, 0.4))
        for letter, name in zip(LETTERS, given["order"], strict=True)
    }


def _told(given: Numbers) -> dict[str, Any]:
    from batchdemo.prediction.simulating import simulate  # noqa: PLC0415

    policies = _policies(given)
    rows = []
    for letter, name in zip(LETTERS, given["order"], strict=True):
        batches = simulate(policies[name], given["times"], service=(0.1, 0.4)).batch_table
        left = ", ".join(f"{size} at {at:g} s" for size, at in zip(batches.size, batches.released, strict=True))
        rows.append(f"{letter}: {left}")
    return {"runs": "\n".join(rows), "when": ", ".join(f"{at:g}" for at in given["times"])}


def _shuffled(dice: random.Random) -> Numbers:
    order = list(NAMES)
    dice.shuffle(order)
    times = sorted({round(dice.uniform(0, 9), 1) for _ in range(6)} | {0.3, 0.4, 0.6, 4.2})
    return {"size": 3, "wait": 2.0, "order": order, "times": times}


def _matched(given: Numbers, said: list[str]) -> str | None:
    if sorted(said) != sorted(NAMES):
        return "Each of the four policies belongs to exactly one letter."
    clues = {
        "FixedInterval": "its batches leave at the points of a grid, whenever requests come",
        "SizeOrTimeout": "it lets go at the moment at which the size is reached, or the oldest has waited long enough",
        "TakeAll": "its batches leave when the one before is answered, and the first request leaves alone and at once",
        "NoBatching": "its batches never hold two",
    }
    for letter, mine, right in zip(LETTERS, said, given["order"], strict=True):
        if mine != right:
            return f"{letter} cannot be {mine}: {clues[mine]}. Look at the times of {letter} again."
    return None


def _trickle(dice: random.Random) -> Numbers:
    first = dice.choice([1.5, 2.0, 3.5])
    return {"first": first, "second": first + 1, "third": first + 2.5, "size": 4, "timeout": dice.choice([3, 4, 6])}


def _left(given: Numbers, said: float) -> str | None:
    if abs(said - (given["first"] + given["timeout"])) < 1e-6:
        return None
    slips = {
        given["timeout"]: f"At {said:g} s the clock would have started at 0, when nobody was there.",
        given["third"] + given["timeout"]: "That is the time-out after the newest; this clock belongs to the oldest.",
        given["second"] + given["timeout"]: "That is the time-out after the second; this clock belongs to the oldest.",
        given["third"]: f"At {said:g} s the third comes; a batch is full with {given['size']}.",
    }
    near = (word for slip, word in slips.items() if abs(said - slip) < 1e-6)
    return next(near, f"At {said:g} s nothing is due. When did the clock start, and how long does it run?")


def _gated(given: Numbers, said: str) -> str | None:
    if said == "TakeAll":
        return None
    return f"{said} forms its batch when its clock or its size says so, and the batch then waits for the handler."


ARRIVALS = (
    [0.0, 0.5, 1.0],
    [0.0, 0.1, 5.0],
    [1.0],
    [0.0, 0.0, 0.0, 0.0],
    [0.0, 1.9, 2.5, 2.6, 9.0],
    [0.2 * at for at in range(20)],
)


def _written(given: Numbers, said: Any) -> str | None:
    """Held against the same policy of ours on virtual time, on several arrivals."""
    from batchdemo.errors import PolicyError  # noqa: PLC0415
    from batchdemo.policies import SizeOrTimeout  # noqa: PLC0415
    from batchdemo.prediction.simulating import simulate  # noqa: PLC0415

    size, wait = given["size"], given["wait"]
    trial = Trial(lambda times: simulate(said, times), "your policy on arrivals at ")
    for times in ARRIVALS:
        try:
            mine = trial.call(times, let=PolicyError)
        except PolicyError as error:
            return f"On arrivals at {times} it broke a rule: {error}"
        right = simulate(SizeOrTimeout(size, wait), times)
        for batch, (ours, theirs) in enumerate(zip(_rows(right), _rows(mine), strict=False), 1):
            if ours != theirs:
                return (
                    f"On arrivals at {times} your batch {batch} holds {theirs[0]} and leaves at {theirs[1]:g} s. "
                    f"By then, were {size} waiting, or had the oldest waited {wait:g} s, and not before?"
                )
    return None


def _rows(run: Any) -> list[tuple[int, float]]:
    table = run.batch_table
    return [(int(size), round(float(at), 9)) for size, at in zip(table.size, table.released, strict=True)]


def _usual_policies(given: Numbers) -> dict[str, Any]:
    from batchdemo.policies import FixedInterval, IdleOrTimeout, NoBatching, SizeOrTimeout  # noqa: PLC0415

    size, wait = given["size"], given["wait"]
    return {
        "ticks": FixedInterval(size, wait),
        "no wait": NoBatching(),
        "one more": SizeOrTimeout(size + 1, wait),
        "longer": SizeOrTimeout(size, wait + 1),
        "idle": IdleOrTimeout(size, wait / 2, wait),
    }


def _ours(given: Numbers) -> Any:
    from batchdemo.policies import SizeOrTimeout  # noqa: PLC0415

    return SizeOrTimeout(given["size"], given["wait"])


EXERCISES = (
    Exercise(
        name="ex05_1",
        title="Whose batch is this?",
        points=2,
        text="Requests come at {when} s. A batch holds up to {size}; where a policy has a wait or an interval, it is "
        "{wait:g} s; a batch of n is handled in 0.1·n + 0.4 s, one at a time. Four policies gave these "
        "batches:\n{runs}\n"
        "Which policy is A, which B, C and D?",
        kind=Several(
            Choice(NAMES), f"a list of the four names, in the order of the letters: {', '.join(NAMES)}", count=4
        ),
        check=_matched,
        hints=(
            "One of them never puts two together.",
            "One of them leaves at multiples of the interval only.",
            "Of the last two, one waits for its size or its time-out, the other leaves whenever the handler is free.",
        ),
        solution=lambda given: list(given["order"]),
        usual=lambda given: {
            "one shifted": [*given["order"][1:], given["order"][0]],
            "two swapped": [given["order"][1], given["order"][0], *given["order"][2:]],
            "one name for all": ["TakeAll"] * 4,
        },
        classic=_shuffled(random.Random("whose")),  # noqa: S311  - an order, not a secret
        draw=_shuffled,
        further=_told,
    ),
    Exercise(
        name="ex05_2",
        title="When does the clock start?",
        points=1,
        text="SizeOrTimeout({size}, {timeout}): requests come at {first:g}, {second:g} and {third:g} s, and none "
        "after. "
        "At which second does the first batch leave?",
        kind=Real(),
        check=_left,
        hints=(
            "Is the size ever reached?",
            "The clock of this policy starts when its oldest request arrives.",
            "The oldest arrives first, and waits for the time-out at most.",
        ),
        solution=lambda given: given["first"] + given["timeout"],
        usual=lambda given: {
            "from 0": given["timeout"],
            "from the newest": given["third"] + given["timeout"],
            "when the third comes": given["third"],
            "elsewhere": given["first"] + given["timeout"] + 0.25,
        },
        classic={"first": 2.0, "second": 3.0, "third": 4.5, "size": 5, "timeout": 5},
        draw=_trickle,
    ),
    Exercise(
        name="ex05_3",
        title="The second axis",
        points=1,
        text="The handler is busy for a long time, and requests keep coming. Which of these policies forms no batch at "
        "all until the handler is free, so that the next batch can be as large as it may?",
        kind=Choice(AXES),
        check=_gated,
        hints=(
            "Three of them look at a clock or at the size of the queue, and never at the handler.",
            "A batch that was formed early cannot grow any more while it waits.",
            "Greedy: whenever the executor is free, all that wait.",
        ),
        solution=lambda given: "TakeAll",
        usual=lambda given: {"ticks": "FixedInterval", "size": "SizeOrTimeout", "idle": "IdleOrTimeout"},
        classic={},
    ),
    Exercise(
        name="ex05_4",
        title="A policy of your own",
        points=4,
        text="Write a policy that releases {size} as soon as {size} are waiting, and all that wait as soon as "
        "the oldest "
        "has waited {wait:g} s. It is a class with decide(view), which returns Release(size, reason) or Wait(until), "
        "and observe(batch), which may do nothing. Hand in an object of it.",
        kind=APolicy(),
        check=_written,
        hints=(
            "view.waiting says how many wait, view.oldest when the first of them arrived, view.now what time it is.",
            "Three cases: enough are waiting; the oldest has waited long enough; neither, and you Wait(until) when?",
            "Where nobody waits there is no oldest: Wait(). Else Wait(view.oldest + the wait).",
        ),
        solution=_ours,
        usual=_usual_policies,
        classic={"size": 3, "wait": 2.0},
        draw=lambda dice: {"size": dice.choice([2, 3, 4]), "wait": dice.choice([1.5, 2.0, 2.2])},
    ),
)
