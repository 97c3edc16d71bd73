"""Exercises of notebook 06, The clock: drift, the grid, and a loop that was blocked."""

from __future__ import annotations

import math
import random
from typing import Any

from batchdemo.course.answers import Function, Misfit, Real, Whole, shown
from batchdemo.course.exercise import Exercise, Numbers
from batchdemo.course.trying import Trial


def _drifting(dice: random.Random) -> Numbers:
    return {
        "interval": dice.choice([2, 5, 10]),
        "work_ms": dice.choice([20, 40, 50]),
        "ticks": dice.choice([50, 100, 150]),
    }


def _late(given: Numbers, said: float) -> str | None:
    right = given["ticks"] * given["work_ms"] / 1000
    if math.isclose(said, right, rel_tol=1e-3):
        return None
    if math.isclose(said, given["work_ms"] / 1000, rel_tol=1e-3):
        return f"{said:g} s late is the first tick; the loop forgets it, and adds as much at each tick."
    if math.isclose(said, given["ticks"] * given["work_ms"], rel_tol=1e-3):
        return f"You said {said:g}; the work is given in milliseconds, and seconds are asked for."
    if said == 0:
        return "It would be on time if the loop slept less by what the work took; it does not."
    return f"You said {said:g} s. By how much does each turn of the loop take longer than the interval?"


def _next_tick(given: Numbers, said: Any) -> str | None:
    trial = Trial(said, "next_tick")
    interval = given["interval"]
    cases = [(0.4 * interval, 0.0, interval), (12.3 * interval, 0.0, interval), (7.3, 2.0, 5.0), (2.0, 2.0, 5.0),
             (7.0, 2.0, 5.0), (103.9, 2.0, 5.0), (0.35, 0.0, 0.1), (1000.05, 1000.0, 0.25)]  # fmt: skip
    for at, (now, start, step) in enumerate(cases):
        got = (trial.call if at else trial.first)(now, start, step)
        try:
            tick = Real().read(got)
        except Misfit:
            return f"{trial.said(now, start, step)} gave {shown(got)}; a number of seconds is wanted."
        call = f"{trial.said(now, start, step)} gave {tick:g}"
        steps = (tick - start) / step
        if tick <= now + 1e-9:
            return f"{call}, which is not after now."
        if abs(steps - round(steps)) > 1e-6:
            return f"{call}, which is no point of the grid {start:g}, {start + step:g}, {start + 2 * step:g} and so on."
        if tick > now + step * (1 + 1e-9):
            return f"{call}; a point of the grid that comes before it is after now as well."
    return None


def _blocked(dice: random.Random) -> Numbers:
    first = dice.randint(1, 3)
    return {"interval": 1, "begins": first + 0.2, "ends": first + dice.choice([3, 4, 5]) + 0.5}


def _due(given: Numbers) -> list[int]:
    return [tick for tick in range(1, 30) if given["begins"] < tick * given["interval"] <= given["ends"]]


def _lost(given: Numbers, said: int) -> str | None:
    due = len(_due(given))
    if said == due - 1:
        return None
    if said == due:
        return (
            f"{due} ticks were due in that time; but they are not all lost. What happens when the loop is free again?"
        )
    if said == 0:
        return "The scheduler rolls the ticks that it missed into one; so some have no run of their own."
    return f"You said {said}. List the ticks that were due while the loop was blocked; one run stands for them all."


EXERCISES = (
    Exercise(
        name="ex06_1",
        title="A clock that forgets",
        points=2,
        text="A loop does work of {work_ms} ms, then sleeps {interval} s, and so on. By how many seconds does it lag "
        "behind a clock that ticks every {interval} s after {ticks} turns?",
        kind=Real(),
        check=_late,
        hints=(
            "How long does one turn of the loop take?",
            "What a turn takes beyond the interval is never caught up.",
            "The lag is the number of turns times the work.",
        ),
        solution=lambda given: given["ticks"] * given["work_ms"] / 1000,
        usual=lambda given: {
            "one turn": given["work_ms"] / 1000,
            "milliseconds": given["ticks"] * given["work_ms"],
            "none": 0,
            "all of it": given["ticks"] * (given["interval"] + given["work_ms"] / 1000),
        },
        classic={"interval": 5, "work_ms": 30, "ticks": 100},
        draw=_drifting,
    ),
    Exercise(
        name="ex06_2",
        title="Fix the drift",
        points=3,
        text="Write next_tick(now, start, interval): the first point of the grid start + interval, start + "
        "2·interval, … "
        "that comes after now. A loop that sleeps until then never drifts, however long its work took. So "
        "next_tick({interval}, 0, {interval}) is the second point.",
        kind=Function("next_tick(now, start, interval)"),
        check=_next_tick,
        hints=(
            "How many whole intervals have passed since the start?",
            "One more than have passed, times the interval, after the start.",
            "math.floor((now - start) / interval) + 1",
        ),
        solution=lambda given: (
            lambda now, start, interval: start + (math.floor((now - start) / interval + 1e-12) + 1) * interval
        ),
        usual=lambda given: {
            "an interval from now": lambda now, start, interval: now + interval,
            "rounded up": lambda now, start, interval: start + math.ceil((now - start) / interval) * interval,
            "the second one": lambda now, start, interval: start + 2 * interval,
            "without the start": lambda now, start, interval: (math.floor(now / interval) + 1) * interval,
            "one too many": lambda now, start, interval: start + (math.floor((now - start) / interval) + 2) * interval,
        },
        classic={"interval": 5},
        draw=lambda dice: {"interval": dice.choice([2, 3, 4, 8])},
    ),
    Exercise(
        name="ex06_3",
        title="The silent loss",
        points=2,
        text="A job runs every {interval} s, at 1, 2, 3, … The event loop is blocked from {begins:g} s to "
        "{ends:g} s. The "
        "scheduler coalesces: all ticks that were missed become one run as soon as the loop is free. How many of the "
        "ticks never have a run of their own?",
        kind=Whole("a number of ticks"),
        check=_lost,
        hints=(
            "Which ticks were due while the loop was blocked?",
            "One run stands for all of them.",
            "So all but one of those that were due are without.",
        ),
        solution=lambda given: len(_due(given)) - 1,
        usual=lambda given: {"all": len(_due(given)), "none": 0, "too many": len(_due(given)) + 3},
        classic={"interval": 1, "begins": 1.2, "ends": 4.5},
        draw=_blocked,
    ),
)
