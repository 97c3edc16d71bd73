"""Exercises of notebook 01, First light: a burst, a size, an interval."""

from __future__ import annotations

import math
import random
from typing import Any

from batchdemo.course.answers import ARun, Function, Misfit, Real, Several, Whole, shown
from batchdemo.course.exercise import Exercise, Numbers, ordinal
from batchdemo.course.trying import Trial


def _batch_of(i: int, size: int) -> int:
    return -(-i // size)


def _burst(dice: random.Random) -> Numbers:
    """A burst that fills some batches and leaves the last one short."""
    size = dice.choice([3, 4, 6, 7])
    n = size * dice.randint(3, 6) + dice.randint(1, size - 1)
    i = size * dice.randint(1, n // size - 1) + dice.randint(1, size - 1)
    return {"n": n, "size": size, "interval": dice.choice([2, 3, 4, 6]), "i": i}


CLASSIC = {"n": 18, "size": 5, "interval": 5, "i": 12}


def _count(given: Numbers, said: int) -> str | None:
    n, size = given["n"], given["size"]
    if said < 1:
        return f"{n} messages must leave in at least one batch."
    if said * size < n:
        return f"{said} batches hold {said * size} messages at most, and {n} were sent."
    if (said - 1) * size >= n:
        return f"With {said} batches the last would leave empty, and a tick that finds nobody makes no batch."
    return None


def _when(given: Numbers, said: float) -> str | None:
    i, size, interval = given["i"], given["size"], given["interval"]
    right = _batch_of(i, size)
    if abs(said - right * interval) <= interval / 50:
        return None
    tick = round(said / interval)
    comes = f"#{i} comes in the {ordinal(right)} batch"
    if said < interval / 2:
        return f"{comes}; nothing at all is answered before the first tick, and you said {said:g} s."
    if abs(said - tick * interval) > interval / 50:
        return f"{comes}; batches leave every {interval} s, and at {said:g} s, which you said, none does."
    return f"{comes}; you said {said:g} s, which is when the {ordinal(tick)} leaves."


def _sizes(given: Numbers, said: list[int]) -> str | None:
    n, size = given["n"], given["size"]
    for batch, mine in enumerate(said, 1):
        if mine < 1:
            return f"Your {ordinal(batch)} batch holds {mine}; a tick that finds nobody waiting makes no batch."
        if mine > size:
            return f"Your {ordinal(batch)} batch holds {mine}; a batch takes up to {size}."
    if sum(said) != n:
        return f"Your batches hold {sum(said)} messages together; {n} were sent."
    left = n
    for batch, mine in enumerate(said, 1):
        if mine < min(size, left):
            return f"Your {ordinal(batch)} batch takes {mine}, when {left} are waiting and up to {size} may go."
        left -= mine
    return None


def _formula(given: Numbers, said: Any) -> str | None:
    trial = Trial(said, "reply_time")
    size, interval = given["size"], given["interval"]
    first = True
    for i, b, t in [(given["i"], size, interval), (1, size, interval), (size, size, interval),
                    (size + 1, size, interval), (7, 3, 2.0), (10, 10, 0.5), (11, 1, 1), (1000, 64, 0.25)]:  # fmt: skip
        got = (trial.first if first else trial.call)(i, b, t)
        first = False
        try:
            seconds = Real().read(got)
        except Misfit:
            return f"{trial.said(i, b, t)} gave {shown(got)}; a number of seconds is wanted."
        if not math.isclose(seconds, _batch_of(i, b) * t, rel_tol=1e-6):
            comes = f"with {b} a batch, #{i} comes in the {ordinal(_batch_of(i, b))}"
            return f"{trial.said(i, b, t)} gave {seconds:g}; {comes}, and a batch leaves every {t:g} s."
    return None


def _earlier(given: Numbers, said: int) -> str | None:
    size, n = given["size"], given["n"]
    if not 1 <= said <= n:
        return f"The messages are numbered from 1 to {n}; you said {said}."
    before, now = _batch_of(said, size), _batch_of(said, size + 1)
    if before == now:
        return f"#{said} comes in the {ordinal(now)} batch, with {size} a batch and with {size + 1} alike."
    if said != size + 1:
        return f"#{said} does come earlier; but so does one before it."
    return None


def _made(given: Numbers, run: Any) -> str | None:
    sizes = [int(size) for size in run.batch_table.size]
    batches, last, size = given["batches"], given["last"], run.about.max_batch_size
    if size is None:
        return "Send it to a bd.Server of yours: from a foreign server the batches could only be guessed."
    if size <= last:
        return f"Your server takes up to {size}, so a last batch of {last} could not be told from a full one."
    if len(sizes) != batches:
        return f"Your run has {len(sizes)} batch{'' if len(sizes) == 1 else 'es'}; {batches} are wanted."
    if sizes[-1] != last:
        return f"Your last batch holds {sizes[-1]}; {last} are wanted."
    if any(held != size for held in sizes[:-1]):
        return f"Your batches hold {sizes}; all but the last should be full, which is {size} here."
    failed = [verdict for verdict in run.check() if verdict.holds is False]
    return f"In your run something went wrong with {failed[0].name!r}: {failed[0].says}." if failed else None


def _ready_run(given: Numbers) -> Any:
    """The run that a server of 5 every second would give."""
    return _run_of(5 * (given["batches"] - 1) + given["last"])


def _run_of(n: int) -> Any:
    from batchdemo.policies import FixedInterval  # noqa: PLC0415
    from batchdemo.prediction import arrivals, simulate  # noqa: PLC0415  - NumPy, for this exercise alone

    return simulate(FixedInterval(5, 1.0), arrivals.burst(n))


EXERCISES = (
    Exercise(
        name="ex01_1",
        title="How many batches?",
        points=1,
        text="{n} messages are sent at once to a server that takes up to {size} every {interval} s. "
        "How many batches will there be?",
        kind=Whole(),
        check=_count,
        hints=(
            "Each tick takes as many as it may. Who is left waits for the next.",
            "Deal the messages out by hand: how many are left after the first tick, after the second?",
            "Divide the messages by the size of a batch; what is left over needs a batch of its own.",
        ),
        solution=lambda given: _batch_of(given["n"], given["size"]),
        usual=lambda given: {
            "a batch each": given["n"],
            "the last one forgotten": given["n"] // given["size"],
            "an empty one at the end": given["n"] // given["size"] + 2,
            "none": 0,
        },
        classic=CLASSIC,
        draw=_burst,
    ),
    Exercise(
        name="ex01_2",
        title="When does it answer?",
        points=1,
        text="{n} messages, numbered from 1, are sent at once, just after the start of a server that takes up to "
        "{size} every {interval} s. After how many seconds does the reply to number {i} come?",
        kind=Real(),
        check=_when,
        hints=(
            "First find the batch in which it leaves.",
            "The first batch leaves at the first tick, which comes one interval after the start, not at 0.",
            "The batch is the number divided by the size, rounded up; the time is the batch times the interval.",
        ),
        solution=lambda given: float(_batch_of(given["i"], given["size"]) * given["interval"]),
        usual=lambda given: {
            "at once": 0,
            "the tick before": (_batch_of(given["i"], given["size"]) - 1) * given["interval"],
            "the tick after": (_batch_of(given["i"], given["size"]) + 1) * given["interval"],
            "one after another": given["i"] * given["interval"],
            "not rounded": given["i"] / given["size"] * given["interval"],
        },
        classic=CLASSIC,
        draw=_burst,
    ),
    Exercise(
        name="ex01_3",
        title="The sizes",
        points=2,
        text="Now {n} messages are sent at once; up to {size} leave at a tick. How many does each batch hold, "
        "from the first to the last?",
        kind=Several(Whole(), "a list of whole numbers, one a batch"),
        check=_sizes,
        hints=(
            "A tick never leaves a seat empty while somebody waits.",
            "All batches are full, but for the last.",
            "Take the size away from the messages as often as you can; the rest is the last batch.",
        ),
        solution=lambda given: [min(given["size"], given["n"] - done) for done in range(0, given["n"], given["size"])],
        usual=lambda given: {
            "all in one": [given["n"]],
            "the last one full too": [given["size"]] * _batch_of(given["n"], given["size"]),
            "the rest forgotten": [given["size"]] * (given["n"] // given["size"]),
            "the rest first": [given["n"] % given["size"], *[given["size"]] * (given["n"] // given["size"])],
            "an empty one": [given["size"]] * (given["n"] // given["size"]) + [given["n"] % given["size"], 0],
        },
        classic={"n": 23, "size": 5, "interval": 5, "i": 12},
        draw=_burst,
    ),
    Exercise(
        name="ex01_4",
        title="The formula",
        points=3,
        text="Write reply_time(i, B, T): after how many seconds does the reply to message i of a burst come, where "
        "up to B leave every T seconds? Messages are numbered from 1, and the burst comes just after the start. "
        "So reply_time({i}, {size}, {interval}) says when number {i} is answered if {size} leave every {interval} s.",
        kind=Function("reply_time(i, B, T)"),
        check=_formula,
        hints=(
            "Compute the batch first, then when it leaves.",
            "Messages 1 to B share a batch. What must be done to i before it is divided by B, or after?",
            "math.ceil rounds up. Without it: -(-i // B).",
        ),
        solution=lambda given: lambda i, B, T: math.ceil(i / B) * T,  # noqa: N803
        usual=lambda given: {
            "not rounded": lambda i, B, T: i / B * T,  # noqa: N803
            "rounded down": lambda i, B, T: i // B * T,  # noqa: N803
            "one too many": lambda i, B, T: (i // B + 1) * T,  # noqa: N803
            "only 5 and 5": lambda i, B, T: math.ceil(i / 5) * 5,  # noqa: N803
            "a text": lambda i, B, T: f"{math.ceil(i / B) * T} s",  # noqa: N803
        },
        classic={"size": 5, "interval": 5, "i": 12},
        draw=_burst,
    ),
    Exercise(
        name="ex01_5",
        title="One seat more",
        points=1,
        text="{n} messages are sent at once; a batch may hold {more} now instead of {size}. Which is the first "
        "message whose reply comes earlier than before?",
        kind=Whole("the number of a message"),
        check=_earlier,
        hints=(
            "Who gains must be in another batch than before.",
            "Compare the last seats of the first batch, before and now.",
            "Exactly one passenger more gets a seat on the first ferry.",
        ),
        solution=lambda given: given["size"] + 1,
        usual=lambda given: {
            "the first of all": 1,
            "the last of the first batch": given["size"],
            "the next one": given["size"] + 2,
            "beyond the end": given["n"] + 5,
        },
        classic={"n": 18, "size": 5},
        draw=_burst,
        further=lambda given: {"more": given["size"] + 1},
    ),
    Exercise(
        name="ex01_6",
        title="Make it so",
        points=2,
        text="Make a run of exactly {batches} batches, all full but for the last, which holds {last}. "
        "The server is yours to choose.",
        kind=ARun(),
        check=_made,
        hints=(
            "How many messages fill all batches but the last, and how many more does the last need?",
            "Send them at once, just after a tick: a tick in the middle of your burst would part it.",
            "with bd.Server(bd.FixedInterval(5, 0.5)) as quick: my_run = bd.send(range(1, N + 1), quick)",
        ),
        solution=_ready_run,
        usual=lambda given: {
            "the last one full": _run_of(5 * given["batches"]),
            "one batch more": _run_of(5 * given["batches"] + given["last"]),
            "one batch only": _run_of(given["last"]),
        },
        classic={"batches": 2, "last": 2},
        draw=lambda dice: {"batches": dice.randint(2, 4), "last": dice.randint(1, 3)},
    ),
)
