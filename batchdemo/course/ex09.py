"""Exercises of notebook 09, Fairness: an index, a round, a client that starves, a person with many names."""

from __future__ import annotations

import math
import random
from typing import Any

from batchdemo.course import rounds
from batchdemo.course.answers import AQueue, Function, Real, Several, Whole, shown
from batchdemo.course.exercise import Exercise, Numbers
from batchdemo.course.trying import Trial

SECONDS = 20.0  # of the traffic in the trials
SIZE = 5  # requests a second that the server of the trials takes
TRIALS = (1, 2, 3)  # seeds of the traffic

# --- ex09_1: the index ----------------------------------------------------------------------------------------


def index(values: Any) -> float:
    """Jain's index, as written in the text."""
    values = [float(value) for value in values]
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0


def _cases(given: Numbers) -> list[tuple[list[float], str]]:
    few, some, many = given["few"], given["some"], given["many"]
    return [
        ([many] * 4, "all have the same there"),
        ([many, 0, 0, 0], "one of four has all there"),
        ([some], "one client alone has what everybody has"),
        ([many, many, 0, 0, 0], "two of five have the same there, and three nothing"),
        ([few, some, many], "add up, square, and count the clients"),
        ([many, few, some], "the order of the clients does not matter"),
        ([few / 1000, some / 1000, many / 1000], "another unit gives the same index"),
        ([76, 5, 5, 5, 5, 4], "add up, square, and count the clients"),
        ([few, few, many, many, many, some], "add up, square, and count the clients"),
        ([0, 0, 0], "where nobody has anything, all have the same"),
    ]


def _indexed(given: Numbers, said: Any) -> str | None:
    trial = Trial(said, "jain")
    for at, (values, why) in enumerate(_cases(given)):
        arguments = list(values)  # a function may change what it gets
        got = (trial.call if at else trial.first)(arguments)
        number = Real(f"a number from jain({shown(values)})").read(got)
        if not math.isclose(number, index(values), rel_tol=1e-6):
            return f"jain({shown(values)}) gave {number:g}. What does the formula give? Remember: {why}."
    return None


def _amounts(dice: random.Random) -> Numbers:
    few, some, many = sorted(dice.sample(range(1, 60), 3))
    return {"few": few, "some": some, "many": many}


def _usual_indices(given: Numbers) -> dict[str, Any]:
    def spread(values: list[float]) -> float:
        return min(values) / max(values) if max(values) else 1.0

    return {
        "without the squares": lambda values: sum(values) / (len(values) * max(sum(values), 1)),
        "the count forgotten": lambda values: index(values) * len(values),
        "square of each, not of the sum": lambda values: 1 / len(values),
        "upside down": lambda values: 1 / index(values),
        "least over most": spread,
        "the mean": lambda values: sum(values) / len(values),
        "those who have something": lambda values: index([value for value in values if value] or [1]),
        "nothing divided by nothing": lambda values: sum(values) ** 2 / (len(values) * sum(v * v for v in values)),
        "nothing is unfair": lambda values: index(values) if any(values) else 0.0,
        "always six": lambda values: index(values) * len(values) / 6,
        "in percent": lambda values: 100 * index(values),
        "rounded": lambda values: round(index(values), 1),
    }


# --- ex09_3: who starves --------------------------------------------------------------------------------------


def _hungry(dice: random.Random) -> Numbers:
    """Rates with which the others fill the server without the victim, but not without any two."""
    while True:
        rates = [dice.choice([1.0, 1.5, 2.0, 2.5]) for _ in range(5)]
        victim = dice.randint(1, 5)
        others = sum(rates) - rates[victim - 1]
        if 6.5 <= others <= 8 and len(set(rates)) >= 3:
            return {"rates": rates, "victim": victim, "size": SIZE, "seconds": SECONDS}


def _starved(given: Numbers, levels: list[int]) -> str | None:
    """By strict priority, on traffic of several seeds: who got next to nothing while traffic lasted."""
    from batchdemo.course.sharing import crowd, served_by  # noqa: PLC0415  - NumPy, for this exercise alone
    from batchdemo.policies import FixedInterval  # noqa: PLC0415
    from batchdemo.prediction.simulating import simulate  # noqa: PLC0415
    from batchdemo.queues import Priority  # noqa: PLC0415

    if max(map(abs, levels)) > 1000:
        return f"Levels from -1000 to 1000 are plenty; yours are {levels}. Only their order counts."
    queue: Any = Priority({str(client): level for client, level in enumerate(levels, 1)})
    victim, seconds = given["victim"], given["seconds"]
    for seed in TRIALS:
        traffic = crowd(given["rates"], seconds, seed=seed)
        run = simulate(FixedInterval(SIZE, 1.0), traffic, queue=queue)
        sent = [int((traffic.clients == client).sum()) for client in range(1, len(levels) + 1)]
        got = served_by(run, seconds)
        if got[victim - 1] > sent[victim - 1] * 0.25:
            return (
                f"With traffic of seed {seed}, client {victim} was served {got[victim - 1]} of its {sent[victim - 1]} "
                f"requests in {seconds:g} s: that is not starving. Who may pass before it, and do they fill the server?"
            )
        for client, (mine, theirs) in enumerate(zip(got, sent, strict=True), 1):
            if client != victim and mine <= theirs * 0.4:
                return (
                    f"With traffic of seed {seed}, client {client} got {mine} of {theirs} served in {seconds:g} s: it "
                    f"goes hungry too. Only client {victim} should; what do others of one level do among each other?"
                )
    return None


def _usual_levels(given: Numbers) -> dict[str, Any]:
    victim = given["victim"]
    others = [client for client in range(1, 6) if client != victim]
    least = min(others, key=lambda client: given["rates"][client - 1])
    largest = max(others, key=lambda client: given["rates"][client - 1])
    return {
        "all alike": [3] * 5,
        "upside down": [int(client == victim) for client in range(1, 6)],
        "only one above": [int(client == largest) for client in range(1, 6)],
        "another with it": [0 if client in (victim, least, others[-1]) else 1 for client in range(1, 6)],
        "another in its place": [int(client != least) for client in range(1, 6)],
        "too large": [int(client != victim) * 10**6 for client in range(1, 6)],
    }


# --- ex09_4: many names ---------------------------------------------------------------------------------------


def _names(dice: random.Random) -> Numbers:
    """A person under several of seven names, the others each under one."""
    count = dice.choice([3, 4])
    return {"aliases": sorted(dice.sample(range(1, 8), count)), "rate": 2.0, "size": SIZE, "seconds": SECONDS}


def persons(given: Numbers, queue: Any, seed: int) -> list[int]:
    """What each person was served while the traffic of exercise ex09_4 came; the one of many names first."""
    from batchdemo.course.sharing import crowd, served_by  # noqa: PLC0415
    from batchdemo.policies import FixedInterval  # noqa: PLC0415
    from batchdemo.prediction.simulating import simulate  # noqa: PLC0415

    traffic = crowd([given["rate"]] * 7, given["seconds"], seed=seed)
    got = served_by(simulate(FixedInterval(SIZE, 1.0), traffic, queue=queue), given["seconds"])
    alias = set(given["aliases"])
    own = [amount for client, amount in enumerate(got, 1) if client not in alias]
    return [sum(got) - sum(own), *own]


def _one_person(given: Numbers, said: Any) -> str | None:
    trial = Trial(lambda seed: persons(given, said, seed), "the simulation with traffic of seed ")
    for seed in TRIALS:
        got = trial.call(seed)
        if index(got) <= 0.9:
            first, rest = got[0], sum(got[1:]) / len(got[1:])
            return (
                f"With traffic of seed {seed} the person of {len(given['aliases'])} names was served {first} requests "
                f"in {given['seconds']:g} s, each other one {rest:.1f} on average: Jain's index over the persons is "
                f"{index(got):.2f}. How much may a single name of that person weigh?"
            )
    return None


def _by_name(given: Numbers) -> Any:
    from batchdemo.queues import Weighted  # noqa: PLC0415

    return Weighted({str(client): 1 / len(given["aliases"]) for client in given["aliases"]})


def _usual_queues(given: Numbers) -> dict[str, Any]:
    from batchdemo.queues import Fifo, Priority, RoundRobin, Weighted  # noqa: PLC0415

    alias = given["aliases"]
    other = [client for client in range(1, 8) if client not in alias]
    return {
        "first come": Fifo(),
        "round-robin": RoundRobin(),
        "all by the same weight": Weighted({}),
        "the weights upside down": Weighted({str(client): len(alias) for client in alias}),
        "last of all": Priority({str(client): -1 for client in alias}),
        "far too little": Weighted({str(client): 0.01 for client in alias}),
        "one name alone": Weighted({str(alias[0]): 1 / len(alias)}),
        "the wrong ones": Weighted({str(client): 1 / len(other) for client in other}),
    }


def _listed(values: Any) -> str:
    *most, last = [str(value) for value in values]
    return f"{', '.join(most)} and {last}"


EXERCISES = (
    Exercise(
        name="ex09_1",
        title="Jain's index",
        points=3,
        text="Write jain(values), for a list of what each client got, as [{few}, {some}, {many}]: the square of the "
        "sum, divided by the number of clients times the sum of the squares. It is 1 where all have the same, "
        "and 1/n where one of n has all. Where nobody has anything, all have the same.",
        kind=Function("jain(values)"),
        check=_indexed,
        hints=(
            "sum(values) ** 2 is the square of the sum; the sum of the squares is another thing.",
            "For [1, 0] both are 1, and there are two clients: the index is 1/2.",
            "sum(values) ** 2 / (len(values) * sum(value ** 2 for value in values)), but first: if not any(values).",
        ),
        solution=lambda given: index,
        usual=_usual_indices,
        classic={"few": 2, "some": 5, "many": 11},
        draw=_amounts,
    ),
    Exercise(
        name="ex09_2",
        title="Who goes next",
        points=3,
        text="Write take(lines, size), the heart of a round-robin. lines is a dict from client to a deque of its "
        'requests, as dict({one}=deque(["{one}1", "{one}2"]), {two}=deque(["{two}1"])), in the order of the round: '
        "the first key is the client whose turn it is, and each has at least one request waiting. Take one request "
        "from the front of each line in turn, up to size, or all where fewer wait, and return them as a list. A client "
        "that was served goes to the end of the round, or out of lines where it has nothing left; so the next call "
        "goes on where this one ended.",
        kind=Function("take(lines, size)"),
        check=rounds.in_turn,
        hints=(
            "One pass takes one request. Repeat it while the batch has a free seat and lines is not empty.",
            "client = next(iter(lines)) is whose turn it is; line = lines.pop(client) takes it out of the round.",
            "batch.append(line.popleft()); and if line still holds something, lines[client] = line puts it at the end.",
        ),
        solution=lambda given: rounds.take,
        usual=rounds.usual,
        classic=rounds.CLASSIC,
        draw=rounds.drawn,
    ),
    Exercise(
        name="ex09_3",
        title="Starved",
        points=2,
        text="Strict priority, the highest level first; on one level, first come first served. The server takes {size} "
        "a second. Clients 1 to 5 send {listed} requests a second for {seconds:g} s, at random. Choose the level of "
        "each such that client {victim} starves (at most a quarter of what it sent is served in that time), and "
        "nobody else does: each other one gets more than 40 % served.",
        kind=Several(Whole("a level"), "a list of the five levels, of client 1 first", count=5),
        check=_starved,
        hints=(
            "A client starves when those above it fill the server all the time.",
            "Add up what the others send. Must one of them be above another?",
            "Two levels will do: one for a single client, one for all others. The higher number goes first.",
        ),
        solution=lambda given: [int(client != given["victim"]) for client in range(1, 6)],
        usual=_usual_levels,
        classic={"rates": [2.5, 1.0, 2.0, 1.5, 1.0], "victim": 4, "size": SIZE, "seconds": SECONDS},
        draw=_hungry,
        further=lambda given: {"listed": _listed(f"{rate:g}" for rate in given["rates"])},
    ),
    Exercise(
        name="ex09_4",
        title="One person, many names",
        points=3,
        text="The server takes {size} a second. Clients 1 to 7 send {rate:g} a second each, for {seconds:g} s, at "
        "random. But clients {listed} are one person; each other client is a person of their own. Choose a queue of "
        "bd.queues, with its weights or levels, such that Jain's index over the PERSONS, of what each was "
        "served while requests came, is above 0.9. It is tried on traffic of several seeds.",
        kind=AQueue(),
        check=_one_person,
        hints=(
            "Round-robin counts names. Which queue can count some names for less?",
            "All names of that person together should weigh as much as one client.",
            'bd.queues.Weighted takes a dict from client, as "1", to its weight; those not named weigh 1.',
        ),
        solution=_by_name,
        usual=_usual_queues,
        classic={"aliases": [1, 4, 6], "rate": 2.0, "size": SIZE, "seconds": SECONDS},
        draw=_names,
        further=lambda given: {"listed": _listed(given["aliases"])},
    ),
)
