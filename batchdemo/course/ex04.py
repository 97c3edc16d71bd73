"""Exercises of notebook 04, Order and its limits: who may overtake whom, and what nobody can know."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from batchdemo.course import fifo
from batchdemo.course.answers import Choice, Function, Several, Whole
from batchdemo.course.exercise import Exercise, Numbers

if TYPE_CHECKING:
    from batchdemo.runs.run import Run


# --- ex04_2: the counterexample -------------------------------------------------------------------------------


def _swapped(dice: random.Random, first: int = 0) -> Numbers:
    """12 requests of three clients by turns; replies mixed at will across them, and one pair of one client swapped."""
    first = first or dice.randint(2, 40)
    own = [list(range(first + client, first + 12, 3)) for client in range(3)]
    at = dice.randrange(3)
    overtaken = dice.randrange(3)
    pair = own[at][overtaken], own[at][overtaken + 1]
    replies = [list(numbers) for numbers in own]
    replies[at][overtaken : overtaken + 2] = pair[::-1]
    order = []
    while any(replies):
        order.append(dice.choice([queue for queue in replies if queue]).pop(0))
    return {"first": first, "last": first + 11, "own": own, "order": order, "pair": list(pair), "client": at + 1}


def mixed_up(seed: int = 0) -> Run:
    """The run of exercise ex04_2."""
    given = EXERCISES[1].numbers(seed)
    place = {number: at for at, number in enumerate(given["order"])}
    return fifo.made_up([
        fifo.Row(number, at % 3 + 1, at * 0.1, 5 + place[number] * 0.1)
        for at, number in enumerate(range(given["first"], given["last"] + 1))
    ])  # fmt: skip


def _mixed_told(given: Numbers) -> dict[str, Any]:
    def numbers(some: list[int]) -> str:
        return " ".join(f"#{number}" for number in some)

    sent = "\n".join(f"Client {client} sent {numbers(own)}." for client, own in enumerate(given["own"], 1))
    return {"sent": sent, "came": numbers(given["order"])}


def _found(given: Numbers, said: list[int]) -> str | None:
    if sorted(said) == given["pair"]:
        return None
    owner = {number: client for client, own in enumerate(given["own"], 1) for number in own}
    for number in said:
        if number not in owner:
            return f"#{number} was not sent in this run; the numbers go from {given['first']} to {given['last']}."
    one, other = sorted(said)
    if one == other:
        return f"#{one} alone is not out of order; name the two requests that changed places."
    if owner[one] != owner[other]:
        who = f"#{one} is client {owner[one]}'s and #{other} client {owner[other]}'s"
        return f"{who}: between two clients no order is promised, so this pair breaks nothing."
    return f"#{one} and #{other} are both client {owner[one]}'s, and their replies came in the order of sending."


# --- ex04_3: two clocks ---------------------------------------------------------------------------------------

LETTERS = "ABCDEF"


def _clocks(dice: random.Random) -> Numbers:
    """Six pairs of readings in milliseconds; of two clients, or of one."""
    most = dice.choice([20, 30, 40, 50])
    close, far = list(range(4, most - 3, 3)), list(range(most + 4, 3 * most, 3))
    pairs = [("own", dice.choice(close)), ("own", dice.choice(far)), ("two", dice.choice(close)),
             ("two", dice.choice(far)), ("two", dice.choice(far if dice.random() < 0.5 else close)),
             ("own" if dice.random() < 0.5 else "two", dice.choice(close))]  # fmt: skip
    dice.shuffle(pairs)
    told = []
    for kind, gap in pairs:
        at, one = dice.randint(100, 800), dice.choice([1, 2])
        told.append([one, at, one if kind == "own" else 3 - one, at + gap])
    return {"most": most, "pairs": told}


def _sure(given: Numbers) -> list[str]:
    return [
        letter
        for letter, (one, at, other, later) in zip(LETTERS, given["pairs"], strict=True)
        if one == other or later - at > given["most"]
    ]


def _clocks_told(given: Numbers) -> dict[str, Any]:
    return {
        "readings": "\n".join(
            f"{letter}: client {one} sent at {at} ms, client {other} at {later} ms"
            for letter, (one, at, other, later) in zip(LETTERS, given["pairs"], strict=True)
        )
    }


def _said_for_sure(given: Numbers, said: list[str]) -> str | None:
    right = _sure(given)
    for letter in said:
        if letter not in right:
            _, at, _, later = given["pairs"][LETTERS.index(letter)]
            return (
                f"{letter} cannot be said for sure: two clocks, {later - at} ms apart. Set the one clock back and the "
                f"other forward by what they may differ; which was sent first?"
            )
    for letter in right:
        if letter not in said:
            one, at, other, later = given["pairs"][LETTERS.index(letter)]
            if one == other:
                return f"You left out {letter}. Both readings are of one clock, which is never set back: what can err?"
            return f"You left out {letter}. The readings are {later - at} ms apart; how far apart can clocks be?"
    return None


# --- ex04_4: batches that overtake ----------------------------------------------------------------------------


def answered(sizes: Sequence[int], each: float, gap: float, slots: int) -> list[int]:
    """The numbers of the batches in the order in which they are answered; one leaves every `gap` seconds."""
    free, done = [0.0] * slots, []
    for batch, size in enumerate(sizes):
        free.sort()
        began = max(free[0], batch * gap)
        free[0] = began + size * each
        done.append((round(free[0], 9), batch + 1))
    return [batch for _, batch in sorted(done)]


def _batches(dice: random.Random) -> Numbers:
    """Sizes with which two at a time is neither the order of release, nor that of sizes, nor that of all at once."""
    while True:
        sizes = dice.sample(range(1, 9), 5)
        one, two, five = (answered(sizes, 1.0, 0.1, slots) for slots in (1, 2, 5))
        by_size = sorted(range(1, 6), key=lambda batch: sizes[batch - 1])
        if two not in (one, five, by_size) and _apart(sizes):
            return {"sizes": sizes}


def _apart(sizes: list[int]) -> bool:
    """Whether no two batches are answered within half a second of each other, lest a slip in sums decide."""
    free, ends = [0.0, 0.0], []
    for batch, size in enumerate(sizes):
        free.sort()
        free[0] = max(free[0], batch * 0.1) + size
        ends.append(free[0])
    return all(later - earlier > 0.5 for earlier, later in pairwise(sorted(ends)))


def _overtaking(given: Numbers, said: list[int]) -> str | None:
    sizes = given["sizes"]
    right = answered(sizes, 1.0, 0.1, 2)
    if said == right:
        return None
    if sorted(said) != list(range(1, len(sizes) + 1)):
        return f"Each of the {len(sizes)} batches is answered exactly once."
    if said == sorted(said):
        return "That is the order of release; with two at a time, a small batch may be done while a large one is not."
    if said == answered(sizes, 1.0, 0.1, len(sizes)):
        return "So it would be if all were handled at once; but there are two places, and the third waits for one."
    for mine, ours in zip(said, right, strict=True):
        if mine != ours:
            return f"You said that batch {mine} is answered {_before(said, mine)}. When does it begin, and end?"
    return None


def _before(said: list[int], batch: int) -> str:
    at = said.index(batch)
    return "first of all" if at == 0 else f"next after batch {said[at - 1]}"


EXERCISES = (
    Exercise(
        name="ex04_1",
        title="is_fifo",
        points=3,
        text="Write is_fifo(run): True where within each client the replies came in the order in which their requests "
        "were sent, else False. Only what was served or failed has a reply that counts: one that is unknown has none, "
        "and one that was rejected is refused at once. Replies at one instant are in order, and where there is "
        "nothing to compare, nothing is out of order. So it is False where one client sends #{first} and then "
        "#{second} and the reply to #{second} comes first, and True where two clients do.",
        kind=Function("is_fifo(run)"),
        check=fifo.told_apart,
        hints=(
            "run.requests is a table with number, client, sent, received and outcome. What has to be left out first?",
            'for client, own in table.groupby("client"): sort the rows by sent, and look at received.',
            'own.sort_values("sent")["received"].is_monotonic_increasing says it for one client; all must.',
        ),
        solution=lambda given: fifo.is_fifo,
        usual=fifo.usual,
        classic={"first": 1, "second": 2, "shift": 0},
        draw=fifo.shifted,
    ),
    Exercise(
        name="ex04_2",
        title="The counterexample",
        points=2,
        text="Three clients sent by turns, #{first} to #{last}, each in this order:\n{sent}\n"
        "The replies came in this order: {came}.\n"
        "Many pairs changed places, but only one of them breaks the promise of FIFO within each client. Which two?",
        kind=Several(Whole("a number of a request"), "a list of the two numbers", count=2),
        check=_found,
        hints=(
            "Two requests of different clients never break it.",
            "Cross out all but one client in the order of the replies; then the next client.",
            "In what is left of one client's, a larger number stands before a smaller one.",
        ),
        solution=lambda given: list(given["pair"]),
        usual=lambda given: {
            "two clients": [given["pair"][0], given["pair"][0] + 1],
            "of one client, but in order": given["own"][given["client"] % 3][:2],
            "one twice": [given["pair"][0]] * 2,
            "never sent": [given["pair"][0], given["last"] + 3],
            "places in the list": [given["last"] + 1, given["last"] + 2],
        },
        classic=_swapped(random.Random("order"), 1),  # noqa: S311  - an order, not a secret
        draw=_swapped,
        further=_mixed_told,
    ),
    Exercise(
        name="ex04_3",
        title="Two clocks",
        points=2,
        text="Two clients write down when they sent, each by its own clock. The clocks differ by at most {most} ms, "
        "nobody knows which way, and neither is ever set back:\n{readings}\n"
        "Of which pairs can you say for sure which of the two was sent first?",
        kind=Several(Choice(tuple(LETTERS)), 'a list of letters, as ["A", "B", …]', most=20),
        check=_said_for_sure,
        hints=(
            "Ask of each pair first whether one clock wrote both, or two.",
            "One clock orders its own readings, however close they are.",
            "Of two clocks, the readings must be further apart than the clocks can be.",
        ),
        solution=_sure,
        usual=lambda given: {
            "all": list(LETTERS),
            "none": [],
            "one clock alone": [
                letter for letter, (one, _, other, _) in zip(LETTERS, given["pairs"], strict=True) if one == other
            ],
            "far apart alone": [
                letter
                for letter, (_, at, _, later) in zip(LETTERS, given["pairs"], strict=True)
                if later - at > given["most"]
            ],
            "the others": [letter for letter in LETTERS if letter not in _sure(given)],
        },
        classic=_clocks(random.Random("clocks")),  # noqa: S311
        draw=_clocks,
        further=_clocks_told,
    ),
    Exercise(
        name="ex04_4",
        title="Who overtakes?",
        points=2,
        text="Five batches leave the queue a tenth of a second apart, in this order: {told}. A request takes 1 s in "
        "the handler, so a batch of n takes n s. Two batches are handled at once (max_concurrent_batches=2); further "
        "ones wait in the order of their release. In which order are the batches answered?",
        kind=Several(Whole("the number of a batch"), "a list of the five numbers of the batches, 1 to 5", count=5),
        check=_overtaking,
        hints=(
            "Draw two lanes. Batch 1 takes the one, batch 2 the other.",
            "Batch 3 begins when the shorter of the first two is done, in its lane.",
            "Write down for each batch when it begins and when it is done; then sort by when it is done.",
        ),
        solution=lambda given: answered(given["sizes"], 1.0, 0.1, 2),
        usual=lambda given: {
            "in the order of release": [1, 2, 3, 4, 5],
            "all at once": answered(given["sizes"], 1.0, 0.1, 5),
            "by size": sorted(range(1, 6), key=lambda batch: given["sizes"][batch - 1]),
            "one twice": [1, 1, 2, 3, 4],
            "backwards": answered(given["sizes"], 1.0, 0.1, 2)[::-1],
        },
        classic={"sizes": [5, 2, 1, 4, 3]},
        draw=_batches,
        further=lambda given: {
            "told": ", ".join(f"batch {batch} holds {size}" for batch, size in enumerate(given["sizes"], 1))
        },
    ),
)
