"""Exercises of notebook 02, Why batch at all?: a cost of a·n + b, and what it makes of the batch size."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import Any

from batchdemo.course.answers import Choice, Function, Misfit, Real, Several, Whole, shown
from batchdemo.course.exercise import Exercise, Numbers
from batchdemo.course.trying import Trial

HANDLERS = ("letters", "invoices", "pictures", "sums")


def _two_points(dice: random.Random) -> Numbers:
    return _table(dice.choice([1, 2, 3, 4]) / 10, dice.randint(2, 9), dice.choice([11, 21, 41]))


def _table(per_item: float, per_batch: float, large: int) -> Numbers:
    """Two batches that were timed, in ms."""
    one, many = round(per_item + per_batch, 3), round(per_item * large + per_batch, 3)
    return {"per_item": per_item, "per_batch": per_batch, "large": large, "one_ms": one, "many_ms": many}


def _fitted(given: Numbers, said: list[float]) -> str | None:
    a, b = said
    for size, took in ((1, given["one_ms"]), (given["large"], given["many_ms"])):
        would = a * size + b
        if not math.isclose(would, took, rel_tol=0.01):
            swapped = math.isclose(b * size + a, took, rel_tol=0.01)
            order = " Is the order right? First a, for each request, then b, for the batch." if swapped else ""
            return f"With a = {a:g} and b = {b:g} a batch of {size} takes {would:.3g} ms; it took {took:g} ms.{order}"
    return None


def _smallest(share: Fraction, a: Fraction, b: Fraction) -> int:
    return max(1, math.ceil(share / (1 - share) * b / a))


def _sized(given: Numbers, said: Any) -> str | None:
    trial = Trial(said, "size_for")
    first = True
    for share, a, b in [(0.9, given["a"], given["b"]), (0.5, 2, 7), (0.9, 0.3, 1.25), (0.99, 1, 0.25), (0.75, 4, 1),
                        (0.8, 5, 0)]:  # fmt: skip
        got = (trial.first if first else trial.call)(share, a, b)
        first = False
        call = trial.said(share, a, b)
        try:
            size = Whole().read(got)
        except Misfit:
            return f"{call} gave {shown(got)}; a batch holds a whole number of requests."
        right = _smallest(*(Fraction(str(value)) for value in (share, a, b)))
        if size == right:
            continue
        if size < 1:
            return f"{call} gave {size}; a batch holds at least one request."
        reached = a * size / (a * size + b)
        if size < right:
            return f"{call} gave {size}, which reaches {reached:.4g} of the highest throughput; {share} is wanted."
        return f"{call} gave {size}, which reaches {reached:.4g}; but a smaller size reaches {share} as well."
    return None


def _costs(dice: random.Random) -> Numbers:
    """Four handlers; only one has next to no cost a batch."""
    names = list(HANDLERS)
    dice.shuffle(names)
    return {name: cost for name, cost in zip(names, ((2.0, 0.02), (0.1, 4.0), (0.5, 8.0), (1.0, 3.0)), strict=True)}  # noqa: C416


def _useless(given: Numbers) -> str:
    return min(given, key=lambda name: given[name][1] / given[name][0])


def _named(given: Numbers, said: str) -> str | None:
    if said == _useless(given):
        return None
    a, b = given[said]
    alone, together = a + b, a + b / 64
    return (
        f"{said.capitalize()} gain much: {alone:.3g} ms a request when alone, {together:.3g} ms in a batch of 64, "
        f"{alone / together:.3g} times less."
    )


def _patience(dice: random.Random) -> Numbers:
    return {"gap": dice.choice([2, 3, 4, 5]), "n": dice.choice([6, 8, 11, 16]), "a": 1, "b": dice.choice([5, 10, 20])}


def _first_waits(given: Numbers, said: float) -> str | None:
    gap, n, a, b = (given[name] for name in ("gap", "n", "a", "b"))
    filling, handling = (n - 1) * gap, a * n + b
    if math.isclose(said, filling + handling, rel_tol=1e-3):
        return None
    slips = {
        filling: f"In {said:g} ms the batch is full, but not yet handled.",
        handling: f"{said:g} ms is what the handling takes; before that the batch must fill.",
        n * gap + handling: f"{n} requests have {n - 1} gaps between them, not {n}.",
        filling + a + b: f"The handler is given all {n} at once, and the reply to the first comes with the last.",
    }
    for slip, word in slips.items():
        if math.isclose(said, slip, rel_tol=1e-3):
            return word
    much = "more" if said > filling + handling else "less"
    return f"You said {said:g} ms, which is {much} than filling the batch and handling it take together."


EXERCISES = (
    Exercise(
        name="ex02_1",
        title="Two numbers say it all",
        points=2,
        text="A batch of 1 took {one_ms:g} ms, a batch of {large} took {many_ms:g} ms. If a batch of n takes a·n + b "
        "milliseconds, what are a and b?",
        kind=Several(Real("a number of milliseconds"), "a list [a, b] of two numbers of milliseconds", count=2),
        check=_fitted,
        hints=(
            "How many requests more are in the large batch, and how much longer did it take?",
            "a is the additional time divided by the additional requests.",
            "Once a is known, b is what a batch of 1 takes beyond one a.",
        ),
        solution=lambda given: [given["per_item"], given["per_batch"]],
        usual=lambda given: {
            "swapped": [given["per_batch"], given["per_item"]],
            "no cost a batch": [given["many_ms"] / given["large"], 0],
            "the first as b": [given["per_item"], given["one_ms"]],
            "one number": [given["per_item"]],
        },
        classic=_table(0.1, 2, 11),
        draw=_two_points,
    ),
    Exercise(
        name="ex02_2",
        title="How large is large enough?",
        points=3,
        text="However large the batch, the throughput n / (a·n + b) stays below 1 / a. Write size_for(share, a, b): "
        "the smallest whole batch size that reaches the given share of 1 / a. For a share of 0.9, a = {a:g} ms and "
        "b = {b:g} ms, say.",
        kind=Function("size_for(share, a, b)"),
        check=_sized,
        hints=(
            "Set n / (a·n + b) equal to share / a, and solve for n.",
            "n·(1 - share) = share · b / a. A batch is a whole number: round to which side?",
            "Rounded up, and at least 1: there is no batch of none, even where b is 0.",
        ),
        solution=lambda given: lambda share, a, b: max(1, math.ceil(share * b / (a * (1 - share)))),
        usual=lambda given: {
            "rounded down": lambda share, a, b: max(1, int(share * b / (a * (1 - share)))),
            "not rounded": lambda share, a, b: share * b / (a * (1 - share)),
            "share alone": lambda share, a, b: max(1, math.ceil(share * b / a)),
            "a and b swapped": lambda share, a, b: max(1, math.ceil(share * a / ((b or 1) * (1 - share)))),
            "always large": lambda share, a, b: 1000,
            "none at b = 0": lambda share, a, b: math.ceil(share * b / (a * (1 - share))),
        },
        classic={"a": 0.07, "b": 2.0},
        draw=lambda dice: {"a": dice.choice([0.07, 0.11, 0.13]), "b": dice.choice([2.0, 4.0, 5.0])},
    ),
    Exercise(
        name="ex02_3",
        title="Where it does not pay",
        points=1,
        text="Four handlers, each with a·n + b milliseconds for a batch of n:\n{table}\n"
        "Which of them gains next to nothing from batching?",
        kind=Choice(HANDLERS),
        check=_named,
        hints=(
            "Batching shares b among the requests of a batch. It cannot make a smaller.",
            "Compare a + b, a request alone, with a + b/64, a request in a batch of 64.",
            "Look for the handler whose b is small beside its a.",
        ),
        solution=_useless,
        usual=lambda given: {
            "the dearest batch": max(given, key=lambda name: given[name][1]),
            "the cheapest request": min(given, key=lambda name: given[name][0]),
        },
        classic={"letters": (0.1, 4.0), "invoices": (0.5, 8.0), "pictures": (2.0, 0.02), "sums": (1.0, 3.0)},
        draw=_costs,
        further=lambda given: {
            "table": "\n".join(f"{name}: a = {given[name][0]:g}, b = {given[name][1]:g}" for name in HANDLERS)
        },
    ),
    Exercise(
        name="ex02_4",
        title="The price of company",
        points=2,
        text="A request comes every {gap} ms. The server waits until {n} have come, then handles them in "
        "{a}·n + {b} ms, and answers all at the end. After how many milliseconds does the first of them, which came "
        "at 0, have its reply?",
        kind=Real("a number of milliseconds"),
        check=_first_waits,
        hints=(
            "Two things take time, one after the other: the batch fills, then it is handled.",
            "When does the last of them come, if the first came at 0?",
            "(n - 1) gaps, and then a·n + b.",
        ),
        solution=lambda given: (given["n"] - 1) * given["gap"] + given["a"] * given["n"] + given["b"],
        usual=lambda given: {
            "the filling alone": (given["n"] - 1) * given["gap"],
            "the handling alone": given["a"] * given["n"] + given["b"],
            "a gap too many": given["n"] * given["gap"] + given["a"] * given["n"] + given["b"],
            "handled alone": (given["n"] - 1) * given["gap"] + given["a"] + given["b"],
            "at once": 0,
        },
        classic={"gap": 2, "n": 16, "a": 1, "b": 10},
        draw=_patience,
    ),
)
