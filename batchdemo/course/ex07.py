"""Exercises of notebook 07, Predict: a burst, utilisation, Little's law, and an interval that keeps a promise."""

from __future__ import annotations

import math
import random
from typing import Any

from batchdemo.course.answers import Function, Misfit, Real, shown
from batchdemo.course.exercise import Exercise, Numbers
from batchdemo.course.trying import Trial


def _mean_wait(n: int, size: int, interval: float) -> float:
    return sum(-(-i // size) * interval for i in range(1, n + 1)) / n


def _mean(given: Numbers, said: Any) -> str | None:
    trial = Trial(said, "mean_wait")
    cases = [
        (given["n"], given["size"], given["interval"]),
        (5, 5, 5),
        (6, 5, 5),
        (1, 3, 2),
        (10, 1, 0.5),
        (1000, 64, 0.25),
    ]
    for at, case in enumerate(cases):
        got = (trial.call if at else trial.first)(*case)
        try:
            seconds = Real().read(got)
        except Misfit:
            return f"{trial.said(*case)} gave {shown(got)}; a number of seconds is wanted."
        if not math.isclose(seconds, _mean_wait(*case), rel_tol=1e-6):
            n, size, interval = case
            first = f"the first {min(n, size)} wait {interval:g} s each"
            further = "" if n <= size else f", the next ones {2 * interval:g} s, and so on"
            return f"{trial.said(*case)} gave {seconds:g}; {first}{further}, and the mean is over all {n}."
    return None


def _load(dice: random.Random) -> Numbers:
    return {
        "rate": dice.choice([0.4, 0.6, 0.7]),
        "size": dice.choice([5, 8]),
        "interval": dice.choice([4, 5, 6]),
    }


def _rho(given: Numbers, said: float) -> str | None:
    right = given["rate"] * given["interval"] / given["size"]
    if math.isclose(said, right, rel_tol=0.01):
        return None
    if math.isclose(said, right * 100, rel_tol=0.01):
        return f"You said {said:g}; as a share it is between 0 and 1 where the server keeps up, not in percent."
    if math.isclose(said, 1 / right, rel_tol=0.01):
        return f"You said {said:g}, which is the places for each request; asked for are the requests for each place."
    if math.isclose(said, given["rate"] * given["interval"], rel_tol=0.01):
        return f"{said:g} requests come in each interval. What share of the places of a batch is that?"
    return f"You said {said:g}. How many requests come in an interval, and how many may leave at its end?"


def _shop(dice: random.Random) -> Numbers:
    return {"rate": dice.choice([2, 3, 5]), "waiting": dice.choice([12, 20, 30])}


def _little(given: Numbers, said: float) -> str | None:
    rate, waiting = given["rate"], given["waiting"]
    if math.isclose(said, waiting / rate, rel_tol=0.01):
        return None
    if math.isclose(said, waiting * rate, rel_tol=0.01):
        return f"{said:g} is the product. L = λ·W: the queue is the product, and the wait is what is looked for."
    if math.isclose(said, rate / waiting, rel_tol=0.01):
        return f"{said:g} is upside down: twice as many who wait mean that each waits longer, not shorter."
    return f"You said {said:g} s. In that time {said * rate:g} requests would come; on average {waiting} are there."


def _calm(dice: random.Random) -> Numbers:
    return {"interval": dice.choice([4, 8, 10, 12])}


def _half(given: Numbers, said: float) -> str | None:
    interval = given["interval"]
    if math.isclose(said, interval / 2, rel_tol=0.01):
        return None
    if said == 0:
        return "Nothing leaves between ticks, not even where nobody else waits."
    if math.isclose(said, interval, rel_tol=0.01):
        return f"{said:g} s is the longest wait, of one that just missed a tick; others come later in the interval."
    return f"You said {said:g} s. Some come just after a tick, some just before; what is the mean?"


def _promise(dice: random.Random) -> Numbers:
    return {
        "rate": dice.choice([0.5, 0.6, 0.8, 1.0]),
        "size": dice.choice([4, 5, 6]),
        "wait": dice.choice([1.5, 2.0, 2.5]),
    }


def _wait_at(given: Numbers, interval: float) -> float:
    """Mean wait in seconds; infinite where the server does not keep up."""
    from batchdemo.prediction import theory  # noqa: PLC0415  - NumPy, for this exercise alone

    if given["rate"] * interval / given["size"] >= 0.999:
        return math.inf
    return float(theory.fixed_interval(given["rate"], given["size"], interval).mean_waiting_time)


def _longest(given: Numbers) -> float:
    low, high = 0.01, given["size"] / given["rate"]
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _wait_at(given, middle) <= given["wait"] else (low, middle)
    return low


def _interval(given: Numbers, said: float) -> str | None:
    if not 0.01 <= said <= 1000:
        return f"An interval of {said:g} s is none that a server would have."
    wait = _wait_at(given, said)
    if math.isinf(wait):
        return (
            f"With {said:g} s the utilisation is {given['rate'] * said / given['size']:.2f}: the queue grows for ever."
        )
    if wait > given["wait"] * 1.005:
        return f"With {said:g} s the mean wait is {wait:.3g} s, above {given['wait']:g} s."
    if wait < given["wait"] * 0.93:
        return (
            f"With {said:g} s the mean wait is {wait:.3g} s: the promise is kept, but a longer interval keeps it too."
        )
    return None


EXERCISES = (
    Exercise(
        name="ex07_1",
        title="The mean of a burst",
        points=3,
        text="n messages come at once, just after a tick; up to B leave every T seconds. Write mean_wait(n, B, "
        "T): the mean "
        "of their waiting times. For example for n = {n}, B = {size}, T = {interval}.",
        kind=Function("mean_wait(n, B, T)"),
        check=_mean,
        hints=(
            "You know when message i leaves: notebook 01.",
            "Add that up for all n, and divide by n.",
            "sum(-(-i // B) * T for i in range(1, n + 1)) / n",
        ),
        solution=lambda given: _mean_wait,
        usual=lambda given: {
            "the last one": lambda n, size, interval: -(-n // size) * interval,
            "half of the last": lambda n, size, interval: -(-n // size) * interval / 2,
            "mean of the batches": lambda n, size, interval: (-(-n // size) + 1) * interval / 2,
            "one interval": lambda n, size, interval: interval,
        },
        classic={"n": 18, "size": 5, "interval": 5},
        draw=lambda dice: {
            "n": dice.choice([13, 17, 22]),
            "size": dice.choice([3, 4, 6]),
            "interval": dice.choice([2, 3, 4]),
        },
    ),
    Exercise(
        name="ex07_2",
        title="How busy?",
        points=1,
        text="{rate:g} requests a second come, up to {size} leave every {interval} s. What is the utilisation ρ, "
        "the share "
        "of the places that are taken?",
        kind=Real("a number"),
        check=_rho,
        hints=(
            "How many requests come in one interval, on average?",
            "How many places has one interval?",
            "ρ = λ·T / B",
        ),
        solution=lambda given: given["rate"] * given["interval"] / given["size"],
        usual=lambda given: {
            "percent": given["rate"] * given["interval"] / given["size"] * 100,
            "upside down": given["size"] / (given["rate"] * given["interval"]),
            "requests an interval": given["rate"] * given["interval"],
            "elsewhere": given["rate"] * given["interval"] / given["size"] + 0.13,
        },
        classic={"rate": 0.9, "size": 5, "interval": 5},
        draw=_load,
    ),
    Exercise(
        name="ex07_3",
        title="Little's law",
        points=1,
        text="On average {waiting} requests are waiting, and {rate} come every second. How long does one wait, "
        "on average?",
        kind=Real(),
        check=_little,
        hints=(
            "Little's law: L = λ·W. Which of the three do you know?",
            "L requests are waiting, λ come a second.",
            "W = L / λ",
        ),
        solution=lambda given: given["waiting"] / given["rate"],
        usual=lambda given: {
            "the product": given["waiting"] * given["rate"],
            "upside down": given["rate"] / given["waiting"],
            "elsewhere": given["waiting"] / given["rate"] + 1.7,
        },
        classic={"rate": 4, "waiting": 10},
        draw=_shop,
    ),
    Exercise(
        name="ex07_4",
        title="A quiet night",
        points=1,
        text="A request comes once an hour or so, at any moment; ticks come every {interval} s. How long does a "
        "request wait, "
        "on average?",
        kind=Real(),
        check=_half,
        hints=(
            "Nobody else waits; only the clock matters.",
            "It comes at any moment between two ticks, none more likely than another.",
            "The mean of a time that is uniform between 0 and T.",
        ),
        solution=lambda given: given["interval"] / 2,
        usual=lambda given: {"at once": 0, "a whole interval": given["interval"], "elsewhere": given["interval"] / 3},
        classic={"interval": 5},
        draw=_calm,
    ),
    Exercise(
        name="ex07_5",
        title="Keep a promise",
        points=3,
        text="{rate:g} requests a second come as a Poisson process, up to {size} leave at a tick. Find an "
        "interval, as long as "
        "you can, at which the mean waiting time is at most {wait:g} s. It may be up to 7 % below that.",
        kind=Real(),
        check=_interval,
        hints=(
            "bd.theory.fixed_interval(rate, max_batch_size, interval).mean_waiting_time",
            "At low load the wait is half an interval: begin with twice the wait, and look.",
            "Halve the step: is the wait above, take a shorter interval; is it below, a longer one.",
        ),
        solution=_longest,
        usual=lambda given: {
            "twice the wait": given["wait"] * 2.2,
            "very short": 0.5,
            "beyond capacity": given["size"] / given["rate"] * 1.5,
            "nothing": 0,
        },
        classic={"rate": 0.9, "size": 5, "wait": 3.0},
        draw=_promise,
    ),
)
