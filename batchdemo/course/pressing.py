"""Exercises under pressure: who was answered in time, how to come again, and which rule made a picture."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from batchdemo.course.answers import Misfit, Real, shown
from batchdemo.course.exercise import Numbers
from batchdemo.course.fifo import NONE, Row, made_up
from batchdemo.course.trying import Trial

if TYPE_CHECKING:
    from batchdemo.runs.run import Run


# --- ex08_2: in_time ------------------------------------------------------------------------------------------


def in_time(run: Run, patience: float) -> float:
    """The share of all requests that were served within so many seconds after they were sent."""
    table = run.request_table
    return float(((table.outcome == 0) & (table.received - table.sent <= patience)).mean())


_SERVED = (Row(1, 1, 0, 3), Row(2, 1, 1, 9), Row(3, 1, 2, 20), Row(4, 1, 3, 5))
CASES: tuple[tuple[str, tuple[Row, ...]], ...] = (
    ("all served, one of four too late", _SERVED),
    ("a request that was rejected at once, and one that was served",
     (Row(1, 1, 0, 4), Row(2, 1, 1, 1.1, "rejected"))),
    ("two that expired early, and two that were served", (
        Row(1, 1, 0, 4), Row(2, 1, 1, 5, "expired"), Row(3, 1, 1, 5, "expired"), Row(4, 1, 2, 4))),
    ("one that never heard anything, and three that were served",
     (Row(1, 1, 0, 4), Row(2, 1, 1, NONE, "unknown"), Row(3, 1, 2, 6), Row(4, 1, 3, 6))),
    ("one whose handler failed, and one that was served", (Row(1, 1, 0, 3, "failed"), Row(2, 1, 1, 4))),
    ("one at the very last moment, and one after it", (Row(1, 1, 10, 20), Row(2, 1, 10, 20.5))),
    ("sent late, answered soon, and sent early, answered late", (Row(1, 1, 50, 53), Row(2, 1, 1, 53))),
    ("nobody in time", (Row(1, 1, 0, 30), Row(2, 1, 1, 1.1, "rejected"))),
    ("everybody in time", (Row(1, 1, 0, 1), Row(2, 2, 1, 3))),
)  # fmt: skip
"""Made-up runs for a patience of 10 s; for another one all times are stretched."""


def counted(given: Numbers, said: Any) -> str | None:
    """Tried on made-up runs, a fresh one for each call, all stretched to the student's patience."""
    import pandas  # noqa: F401, PLC0415  - what run.requests needs; its import is not the function's time

    patience = float(given["patience"])
    runs = {what: _stretched(rows, patience / 10) for what, rows in CASES}
    trial = Trial(lambda what, seconds: said(made_up(runs[what]), seconds), "in_time")
    for at, (what, _) in enumerate(CASES):
        got = (trial.call if at else trial.first)(what, patience)
        try:
            share = Real("a share between 0 and 1").read(got)
        except Misfit:
            return f"in_time gave {shown(got)} for {what}; a share between 0 and 1 is wanted."
        if not math.isclose(share, in_time(made_up(runs[what]), patience), abs_tol=1e-6):
            asked = "How many of all these had what they came for by then?"
            listed = _listed(runs[what])
            return f"in_time gave {share:.3g} for this run and a patience of {patience:g} s: {what}.\n{listed}\n{asked}"
    return None


def _stretched(rows: tuple[Row, ...], by: float) -> list[Row]:
    # By a power of two, so that "the very last moment" stays exactly that.
    return [Row(row.number, row.client, row.sent * by, row.received * by, row.outcome) for row in rows]


def _listed(rows: list[Row]) -> str:
    def end(row: Row) -> str:
        return f"{row.outcome}, no reply" if math.isnan(row.received) else f"{row.outcome} at {row.received:g} s"

    return "\n".join(f"#{row.number}: sent at {row.sent:g} s, {end(row)}" for row in rows)


def _share(kept: str = "served", of: str = "all", strictly: bool = False, by: str = "latency") -> Callable[..., Any]:
    """`in_time` with something wrong in it."""

    def share(run: Run, patience: float) -> float:
        table = run.request_table
        took = table.received if by == "received" else table.received - table.sent
        ends = {"served": table.outcome == 0, "any": table.outcome >= 0, "not refused": table.outcome != 1}[kept]
        good = ends & ((took < patience) if strictly else (took <= patience))
        total = {"all": len(table), "served": int((table.outcome == 0).sum()),
                 "heard": int((table.received == table.received).sum())}[of]  # fmt: skip
        return float(good.sum()) / max(total, 1)

    return share


def usual_shares(given: Numbers) -> dict[str, Any]:
    """Functions that are wrong in the usual ways."""
    return {
        "of those served": _share(of="served"),
        "of those who heard": _share(of="heard"),
        "a refusal in time": _share(kept="any"),
        "an expiry in time": _share(kept="not refused"),
        "strictly": _share(strictly=True),
        "by the clock on the wall": _share(by="received"),
        "percent": lambda run, patience: 100 * in_time(run, patience),
        "a count": lambda run, patience: in_time(run, patience) * len(run),
        "who was not": lambda run, patience: 1 - in_time(run, patience),
        "ten seconds whatever is asked, and served in any time": lambda run, patience: in_time(run, 1e9),
        "a list": lambda run, patience: [in_time(run, patience)],
    }


# --- ex08_4: a polite retry -----------------------------------------------------------------------------------


class _Dice(random.Random):
    """Dice that are shown by their name, in the word on a call."""

    def __repr__(self) -> str:
        return "dice"


class Manners(NamedTuple):
    """How to come again."""

    attempts: int
    base: float
    cap: float

    def span(self, tried: int) -> float:
        """The longest random part after so many tries."""
        return min(self.cap, self.base * 2.0 ** (tried - 1))

    def wait(self, tried: int, retry_after: float | None, dice: random.Random) -> float | None:
        """The answer of exercise ex08_4."""
        if tried >= self.attempts:
            return None
        return (retry_after or 0.0) + dice.uniform(0.0, self.span(tried))


DRAWS = 200


def polite(given: Numbers, said: Any) -> str | None:
    """Tried many times for a few inputs each: every wait within its bounds, all of the span used, None at the end."""
    manners = Manners(given["attempts"], given["base"], given["cap"])

    def many(tried: int, retry_after: float | None, dice: _Dice) -> Any:
        first = said(tried, retry_after, dice)
        if first is None or first is ...:
            return first
        return [first, *(said(tried, retry_after, dice) for _ in range(DRAWS - 1))]

    trial = Trial(many, "wait_before")
    cases = [(1, None), (1, 0.0), (1, 3.5), *((tried, 2.0) for tried in range(2, manners.attempts)),
             (manners.attempts - 1, None)]  # fmt: skip
    for at, (tried, after) in enumerate(cases):
        got = (trial.call if at else trial.first)(tried, after, _Dice(at))
        wrong = _unlike(manners, trial, got, tried, after)
        if wrong:
            return wrong
    for tried in (manners.attempts, manners.attempts + 3):
        got = trial.call(tried, 2.0, _Dice(0))
        if got is not None:
            one = got[0] if isinstance(got, list) else got
            call = trial.said(tried, 2.0, _Dice(0))
            return f"{call} gave {shown(one)}; after {manners.attempts} tries it is time to give up, with None."
    once, again = (trial.call(1, None, _Dice(7)) for _ in range(2))
    if once != again:
        return "With equal dice, wait_before gave other waits the second time. Draw from the dice that it is given."
    return None


def _unlike(manners: Manners, trial: Trial, got: Any, tried: int, after: float | None) -> str | None:
    """What is wrong with these waits, if anything."""
    call = trial.said(tried, after, _Dice())
    if got is None or got is ...:
        return f"{call} gave up after {tried} of {manners.attempts} tries."
    try:
        waits = [Real().read(one) for one in got]
    except Misfit:
        bad = next(one for one in got if not _is_number(one))
        return f"{call} gave {shown(bad)}; a number of seconds is wanted."
    return _out_of_bounds(call, waits, after or 0.0, manners.span(tried), tried) or _uneven(
        call, waits, after or 0.0, manners.span(tried)
    )


def _out_of_bounds(call: str, waits: list[float], asked: float, span: float, tried: int) -> str | None:
    """Too soon, or too late."""
    shortest, longest = min(waits), max(waits)
    if shortest < asked - 1e-9:
        who = "the server asked for" if asked else "is possible"
        return f"{call} gave {shortest:.3g} s once, sooner than {who}."
    if longest > asked + span + 1e-9:
        what = "seconds beyond what the server asked for" if asked else "seconds"
        return (
            f"{call} gave {longest:.3g} s once, which is {longest - asked:.3g} {what}. After try {tried}, how long may "
            f"the random part be at most?"
        )
    return None


def _uneven(call: str, waits: list[float], asked: float, span: float) -> str | None:
    """Not every time of the span as likely as any other."""
    shortest, longest = min(waits), max(waits)
    if longest - shortest < 1e-6:
        return f"{call} gave {longest:.3g} s each time: all who were refused together come back together."
    if shortest > asked + 0.1 * span or longest < asked + 0.9 * span:
        low, high = shortest - asked, longest - asked
        return (
            f"{call}, asked {DRAWS} times, gave random parts from {low:.3g} to {high:.3g} s. Full jitter uses all of "
            f"its span, from 0 on."
        )
    middle = sum(waits) / len(waits) - asked
    if len(set(waits)) < DRAWS / 4 or not 0.4 * span < middle < 0.6 * span:
        return f"{call} did not give every wait of its span as often as any other. Is it uniform?"
    return None


def _is_number(value: Any) -> bool:
    try:
        Real().read(value)
    except Misfit:
        return False
    return True


def usual_manners(given: Numbers) -> dict[str, Any]:
    """Functions that are wrong in the usual ways."""
    own = Manners(given["attempts"], given["base"], given["cap"])

    def until(last: int, wait: Callable[[int, float, random.Random], Any]) -> Callable[..., Any]:
        return lambda tried, after, dice: None if tried >= last else wait(tried, after or 0.0, dice)

    end = own.attempts
    return {
        "at once": lambda tried, after, dice: 0.0,
        "no jitter": until(end, lambda tried, after, dice: after + own.span(tried)),
        "when the server says, to the moment": until(end, lambda tried, after, dice: after),
        "what the server says is not heard": until(end, lambda tried, after, dice: dice.uniform(0, own.span(tried))),
        "the longer of the two": until(end, lambda tried, after, dice: max(after, dice.uniform(0, own.span(tried)))),
        "around what the server says": until(
            end, lambda tried, after, dice: after + dice.uniform(-0.5, 0.5) * own.span(tried)
        ),
        "half of it fixed": until(
            end, lambda tried, after, dice: after + own.span(tried) / 2 + dice.uniform(0, own.span(tried) / 2)
        ),
        "no cap": until(end, lambda tried, after, dice: after + dice.uniform(0, own.base * 2.0 ** (tried - 1))),
        "a cap over all": until(
            end, lambda tried, after, dice: min(own.cap, after + dice.uniform(0, own.base * 2.0 ** (tried - 1)))
        ),
        "doubled once too often": until(
            end, lambda tried, after, dice: after + dice.uniform(0, min(own.cap, own.base * 2.0**tried))
        ),
        "a step more a try": until(
            end, lambda tried, after, dice: after + dice.uniform(0, min(own.cap, own.base * tried))
        ),
        "as long as the first": until(end, lambda tried, after, dice: after + dice.uniform(0, own.base)),
        "always the cap": until(end, lambda tried, after, dice: after + dice.uniform(0, own.cap)),
        "never gives up": until(
            10**9, lambda tried, after, dice: own.wait(1, after, dice) if tried >= end else own.wait(tried, after, dice)
        ),
        "one try too many": until(end + 1, lambda tried, after, dice: own.wait(min(tried, end - 1), after, dice)),
        "one too few": until(end - 1, own.wait),
        "gives up with 0": lambda tried, after, dice: 0.0 if tried >= end else own.wait(tried, after, dice),
        "None is no number": until(end, lambda tried, after, dice: [after]),
        "dice of its own": until(end, lambda tried, after, dice: own.wait(tried, after, random.Random())),  # noqa: S311
    }
