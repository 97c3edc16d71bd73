"""Exercises of notebook 08, Overload: a queue that grows, who is answered in time, a bound, manners, a rule to tell."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

from batchdemo.course import pressing
from batchdemo.course.answers import Choice, Function, Real, Several, Whole
from batchdemo.course.exercise import Exercise, Numbers
from batchdemo.course.pressing import in_time

if TYPE_CHECKING:
    from batchdemo.runs.run import Run

__all__ = ["EXERCISES", "in_time", "mystery"]

# Size, interval and rate of servers to which more comes than they carry.
SERVERS = ((4, 2, 3), (8, 4, 3), (6, 3, 3), (6, 2, 5), (10, 4, 4), (3, 1, 5))


# --- ex08_1: the queue after a while ----------------------------------------------------------------------------


def _growing(dice: random.Random) -> Numbers:
    size, interval, rate = dice.choice(SERVERS)
    return {"size": size, "interval": interval, "rate": rate, "until": interval * dice.randint(15, 40)}


def _length(given: Numbers) -> int:
    length: float = given["rate"] * given["until"] - given["size"] * given["until"] / given["interval"]
    return round(length)


def _left_by(given: Numbers) -> int:
    return -(-_length(given) // int(given["size"])) * int(given["interval"])


def _queue_said(given: Numbers, said: list[float]) -> str | None:
    length, seconds = said
    until, size, interval, rate = (given[name] for name in ("until", "size", "interval", "rate"))
    came, left = rate * until, size * until / interval
    if math.isclose(length, came):
        return f"{length:g} came in {until:g} s; how many of them have left by then?"
    if math.isclose(length, left) and not math.isclose(length, _length(given)):
        return f"{length:g} have left in {until:g} s; how many are still there?"
    if not math.isclose(length, _length(given)):
        return f"You said that {length:g} wait. How many came in {until:g} s, and how many batches have left?"
    return None if math.isclose(seconds, _left_by(given)) else _seconds_said(given, length, seconds)


def _seconds_said(given: Numbers, length: float, seconds: float) -> str:
    size, interval, rate = (given[name] for name in ("size", "interval", "rate"))
    if math.isclose(seconds, length / rate, rel_tol=0.01):
        return f"{seconds:g} s is the queue's length over the rate at which requests come; which rate empties it?"
    if math.isclose(seconds, length * interval):
        return f"In {seconds:g} s they would leave one at a tick; up to {size} leave together."
    return f"The queue's length fits. You said {seconds:g} s; how many batches is that, and how many does it need?"


# --- ex08_3: the bound ------------------------------------------------------------------------------------------

TRIED = 400  # requests in each run
SEEDS = (101, 102, 103)  # of the arrivals


def _promised(dice: random.Random) -> Numbers:
    size, interval, rate = dice.choice(SERVERS)
    return {"size": size, "interval": interval, "rate": rate, "wait": interval * dice.choice([3, 5, 6, 7])}


def _largest(given: Numbers) -> int:
    return int(given["size"] * given["wait"] // given["interval"])


def _p99(given: Numbers, bound: int) -> float:
    """The largest over a few runs of the 99th percentile of the waiting time of those who were served."""
    import numpy as np  # noqa: PLC0415  - for those who ask with simulations

    from batchdemo.policies import FixedInterval  # noqa: PLC0415
    from batchdemo.prediction import arrivals, simulate  # noqa: PLC0415

    policy = FixedInterval(int(given["size"]), float(given["interval"]))
    found = []
    for seed in SEEDS:
        coming = arrivals.poisson(given["rate"], TRIED, seed=seed)
        table = simulate(policy, coming, max_queue_size=bound).request_table
        waits = (table.released - table.arrived)[~np.isnan(table.released)]
        found.append(float(np.quantile(waits, 0.99)))
    return max(found)


def _bound(given: Numbers, said: int) -> str | None:
    if said < 1:
        return f"A queue of {said} lets nobody in: max_queue_size is at least 1, as whoever comes waits for a tick."
    wait = given["wait"]
    measured = _p99(given, min(said, TRIED))
    if measured > wait:
        return (
            f"With max_queue_size={said} one in a hundred of those served waits {measured:.1f} s or longer; promised "
            f"are {wait:g} s. How many leave in that time?"
        )
    if _p99(given, min(said + 1, TRIED)) <= wait:
        return (
            f"With max_queue_size={said} the promise is kept: 99 of 100 wait {measured:.1f} s at most. But one place "
            f"more keeps it too, and refuses fewer when they come in a clump. How many leave in {wait:g} s?"
        )
    return None


# --- ex08_5: which rule? ----------------------------------------------------------------------------------------

LETTERS = "ABCD"
RULES = ("reject", "wait", "drop_oldest", "deadline")


def _ruled(dice: random.Random) -> Numbers:
    size, interval, rate = dice.choice(SERVERS)
    order = dice.sample(RULES, 4)
    return {"size": size, "interval": interval, "rate": rate, "places": 4 * size, "patience": 3 * interval,
            "seed": dice.randint(1, 10**6), "order": order}  # fmt: skip


def mystery(seed: int = 0) -> dict[str, Run]:
    """The four runs of exercise ex08_5, under the letters that stand for their rules."""
    return _runs(next(found for found in EXERCISES if found.name == "ex08_5").numbers(seed))


def _runs(given: Numbers) -> dict[str, Run]:
    from batchdemo.policies import FixedInterval  # noqa: PLC0415  - NumPy, for this exercise alone
    from batchdemo.prediction import arrivals, simulate  # noqa: PLC0415

    policy = FixedInterval(given["size"], float(given["interval"]))
    coming = arrivals.poisson(given["rate"], 300, seed=given["seed"])

    def ruled(rule: str) -> Run:
        if rule == "deadline":
            return simulate(policy, coming, deadline=float(given["patience"]))
        return simulate(policy, coming, max_queue_size=given["places"], overflow=rule)

    return {letter: ruled(rule) for letter, rule in zip(LETTERS, given["order"], strict=True)}


def _told(given: Numbers) -> dict[str, Any]:
    from batchdemo.runs.latency_plot import describe_latency  # noqa: PLC0415

    # The word of the outcome would give the deadline away.
    lines = [f"{letter}: {describe_latency(run)}" for letter, run in _runs(given).items()]
    return {"runs": "\n".join(lines).replace("rejected", "not served").replace("expired", "not served")}


def _matched(given: Numbers, said: list[str]) -> str | None:
    if sorted(said) != sorted(RULES):
        return "Each of the four rules belongs to exactly one letter."
    clues = {
        "reject": "who is rejected hears so at once, before waiting at all",
        "wait": "nobody is refused, and whoever finds no place inside pays with time outside",
        "drop_oldest": "who is turned away has waited, some longer than others, until a newer one came",
        "deadline": "who is turned away has waited exactly as long as anybody may",
    }
    for letter, mine, right in zip(LETTERS, said, given["order"], strict=True):
        if mine != right:
            return f"{letter} cannot be {mine!r}: {clues[mine]}. Look at {letter} again."
    return None


EXERCISES = (
    Exercise(
        name="ex08_1",
        title="A queue that grows",
        points=2,
        text="{rate:g} requests come every second, evenly; up to {size} leave every {interval} s, and nobody is "
        "refused. The server begins with nobody waiting. Just after the tick at {until} s: how many are waiting? "
        "And after how many more seconds does the last of them leave?",
        kind=Several(Real("a number"), "a list of two numbers: how many wait, and the seconds", count=2),
        check=_queue_said,
        hints=(
            "How many came by then? And how many ticks were there, each with a full batch?",
            "What came, minus what left. Those who wait leave a batch at a tick, from the next tick on.",
            "length = rate * t - B * t / T, and seconds = ceil(length / B) * T",
        ),
        solution=lambda given: [_length(given), _left_by(given)],
        usual=lambda given: {
            "all that came": [given["rate"] * given["until"], _left_by(given)],
            "nobody": [0, 0],
            "by the rate of arrivals": [_length(given), _length(given) / given["rate"]],
            "one at a tick": [_length(given), _length(given) * given["interval"]],
            "one tick": [_length(given), given["interval"]],
            "half": [_length(given) / 2, _left_by(given) / 2],
        },
        classic={"size": 5, "interval": 5, "rate": 1.5, "until": 100},
        draw=_growing,
    ),
    Exercise(
        name="ex08_2",
        title="in_time",
        points=2,
        text="Write in_time(run, patience): the share of all requests of a run, from 0 to 1, that were served within "
        "`patience` seconds after they were sent. At the very last moment is in time. Whoever was rejected, expired, "
        "failed or never heard anything was not served, however soon the word came. For example with a patience of "
        "{patience:g} s.",
        kind=Function("in_time(run, patience)"),
        check=pressing.counted,
        hints=(
            "run.requests is a table with sent, received and outcome. Which rows count, and out of how many?",
            'good = (table["outcome"] == "served") & …: a column of True and False, one a request.',
            "The mean of such a column is the share of True: (… & …).mean(), over all rows.",
        ),
        solution=lambda given: in_time,
        usual=pressing.usual_shares,
        classic={"patience": 10},
        draw=lambda dice: {"patience": dice.choice([2.5, 5, 20, 40])},
    ),
    Exercise(
        name="ex08_3",
        title="Choose the bound",
        points=3,
        text="{rate:g} requests come every second, as a Poisson process; up to {size} leave every {interval} s: more "
        "come than leave. Of those who are served, 99 of 100 shall wait {wait:g} s at most. Find the largest "
        'max_queue_size that keeps this promise, with overflow="reject".',
        kind=Whole("a whole number of places"),
        check=_bound,
        hints=(
            "Whoever gets the last place of the queue waits longest. Who is ahead of them?",
            "How many ticks come in the time that was promised, and how many leave at each?",
            "bd.simulate(bd.FixedInterval(B, T), bd.arrivals.poisson(rate, 2000, seed=1), max_queue_size=N).requests"
            '["waiting_time"].quantile(0.99): try a few N.',
        ),
        solution=_largest,
        usual=lambda given: {
            "one batch": given["size"],
            "one too many": _largest(given) + 1,
            "a batch too many": _largest(given) + given["size"],
            "one too few": _largest(given) - 1,
            "the ticks": given["wait"] // given["interval"],
            "what comes meanwhile": round(given["rate"] * given["wait"]),
            "generous": 10_000,
            "none": 0,
        },
        classic={"size": 5, "interval": 5, "rate": 1.5, "wait": 20},
        draw=_promised,
    ),
    Exercise(
        name="ex08_4",
        title="A polite retry",
        points=3,
        text="Write wait_before(tried, retry_after, dice): the seconds to wait after `tried` tries that were all "
        "refused. First as long as the server asked for, retry_after, or nothing where it is None; and then a "
        "random time, any between 0 and {base:g} · 2^(tried - 1) s as likely as any other, but of {cap:g} s at most "
        "(so long may the random part be, not the sum). After {attempts} tries give up: return None. "
        "dice is a random.Random; draw from nothing else.",
        kind=Function("wait_before(tried, retry_after, dice)"),
        check=pressing.polite,
        hints=(
            "Three parts: when to give up; what the server asked for; the random part.",
            "span = min(cap, base * 2 ** (tried - 1)) is how long the random part may be.",
            "dice.uniform(0, span) draws it. Add (retry_after or 0).",
        ),
        solution=lambda given: pressing.Manners(given["attempts"], given["base"], given["cap"]).wait,
        usual=pressing.usual_manners,
        classic={"attempts": 6, "base": 0.5, "cap": 3},
        draw=lambda dice: {
            "attempts": dice.choice([6, 7, 8]),
            "base": (base := dice.choice([0.2, 0.4, 1.0])),
            "cap": base * dice.choice([5, 6, 10]),
        },
    ),
    Exercise(
        name="ex08_5",
        title="Which rule was it?",
        points=2,
        text="The same {rate:g} requests a second, the same server ({size} every {interval} s), four rules. Three have "
        '{places} places and differ in overflow: "reject", "wait" and "drop_oldest". The fourth has no bound, but a '
        '"deadline" of {patience} s. Latency is the time from the sending to the end, be it good or bad:\n{runs}\n'
        "Which is which?",
        kind=Several(Choice(RULES), 'a list of four, in the order A to D, as ["reject", "wait", …]', count=4),
        check=_matched,
        hints=(
            "Under one rule nobody is turned away. What does it cost them?",
            "Look at when the ones who were not served heard of it: at once, after a fixed time, or sometime between?",
            "At once: reject. All after the same time: deadline. Some sooner, some later: drop_oldest.",
        ),
        solution=lambda given: list(given["order"]),
        usual=lambda given: {
            "shifted": given["order"][1:] + given["order"][:1],
            "two swapped": [given["order"][1], given["order"][0], *given["order"][2:]],
            "backwards": given["order"][::-1],
            "one four times": ["reject"] * 4,
        },
        classic={
            "size": 5,
            "interval": 5,
            "rate": 1.5,
            "places": 20,
            "patience": 15,
            "seed": 8,
            "order": ["deadline", "reject", "wait", "drop_oldest"],
        },
        draw=_ruled,
        further=_told,
    ),
)
