"""Exercises of notebook 10, Failure: what was lost, what was done twice, and what a key is good for."""

from __future__ import annotations

import random
from itertools import permutations
from typing import Any

from batchdemo.course import histories, once
from batchdemo.course.answers import Choice, Function, Several, Whole
from batchdemo.course.exercise import Exercise, Numbers
from batchdemo.course.histories import PROMISES

LETTERS = "ABCD"


# --- ex10_2: three histories ----------------------------------------------------------------------------------


def _three(dice: random.Random, first: int = 0) -> Numbers:
    """Three histories of two or three kinds, of which no other event than serving tells what they are."""
    first = first or dice.randint(2, 60)
    while True:
        wanted = [dice.choice(PROMISES) for _ in range(3)]
        given = {"histories": [histories.that_keeps(dice, one, first + 3 * at) for at, one in enumerate(wanted)]}
        if len(set(wanted)) > 1 and wanted not in (_by_event(given, "reply"), _by_event(given, "accepted")):
            return given


def _three_told(given: Numbers) -> dict[str, Any]:
    lines = zip(LETTERS, given["histories"], strict=False)
    return {"told": "\n".join(f"{letter}: {histories.told(history)}." for letter, history in lines)}


def _kept(given: Numbers) -> list[str | None]:
    return [histories.promise(history) for history in given["histories"]]


def _classified(given: Numbers, said: list[str]) -> str | None:
    for letter, history, mine in zip(LETTERS, given["histories"], said, strict=False):
        right = histories.promise(history)
        if mine == right:
            continue
        often = histories.times(history)
        odd = next((number for number, count in often.items() if count != 1), None)
        look = "each of its numbers" if odd is None else f"#{odd}"
        return (
            f"You called history {letter} {mine}. Count there how often {look} was served, and leave aside how often "
            "it was sent, accepted or answered."
        )
    return None


def _by_event(given: Numbers, event: str) -> list[str]:
    """What they look like to one who counts another event."""
    found = []
    for history in given["histories"]:
        renamed = [("served" if what == event else "", number) for what, number in history if what != "sent"]
        sent = [("sent", number) for what, number in history if what == "sent"]
        found.append(histories.promise([*sent, *renamed]) or "at least once")
    return found


# --- ex10_3: the lost and the twice ---------------------------------------------------------------------------


def _long(dice: random.Random, first: int = 0) -> Numbers:
    """A dozen, of which neither the replies nor what was accepted tell the answer."""
    first = first or dice.randint(2, 60)
    while True:
        given = {"first": first, "last": first + 11, "history": histories.long(dice, first)}
        if _lost_and_twice(given) not in (_counted(given, "reply"), _counted(given, "accepted")):
            return given


def _lost_and_twice(given: Numbers) -> list[list[int]]:
    often = histories.times(given["history"])
    return [[n for n, count in often.items() if count == 0], [n for n, count in often.items() if count > 1]]


def _found(given: Numbers, said: list[list[int]]) -> str | None:
    often = histories.times(given["history"])
    for word, mine, fits in (("lost", said[0], 0), ("twice", said[1], 2)):
        for number in mine:
            if number not in often:
                return (
                    f"#{number} was not sent in this history; the numbers go from {given['first']} to {given['last']}."
                )
            if mine.count(number) > 1:
                return f"#{number} stands in your list of the {word} more than once; once is enough."
            if often[number] != fits:
                return f"You said that #{number} is {word}. How often does it say that #{number} was served?"
        missing = sum(count == fits for count in often.values()) - len(mine)
        if missing:
            return f"Your list of the {word} is right as far as it goes, but not complete. Look after the crash too."
    return None


def _counted(given: Numbers, event: str) -> list[list[int]]:
    history = [(("served" if what == event else ""), number) for what, number in given["history"] if what != "sent"]
    numbers = [("sent", number) for number in range(given["first"], given["last"] + 1)]
    often = histories.times([*numbers, *history])
    return [[n for n, count in often.items() if count == 0], [n for n, count in often.items() if count > 1]]


# --- ex10_4: the moment of the kill ---------------------------------------------------------------------------

STEPS = {
    "accept": "the request is written to the disk, as accepted",
    "do": "the handler does what it says: a coin is paid",
    "commit": "it is written to the disk as done, with its reply",
    "reply": "the reply is sent, and reaches the client",
}
CLIENTS = {
    "never": "never sends a request a second time",
    "key": "connects again, and sends what it has no reply to once more, with the same key; the server knows the keys "
    "of all that it has accepted",
    "bare": "connects again, and sends what it has no reply to once more, without a key",
}


def paid(order: list[str], client: str, after: int) -> int:
    """How many coins are paid in the end, where the kill comes right after this step (0 is the first)."""
    before = order[: after + 1]
    coins = int("do" in before)
    coins += "commit" not in before  # accepted and not done: handled again
    coins += "reply" not in before and client == "bare"  # to the server, another request
    return coins


def _moments(given: Numbers) -> list[list[str]]:
    coins = {letter: paid(given["order"], given["client"], at) for at, letter in enumerate(LETTERS)}
    return [[letter for letter in LETTERS if coins[letter] > 1], [letter for letter in LETTERS if coins[letter] == 0]]


# Those in which something can go wrong, and not always the same.
KILLS = [
    {"order": ["accept", *order], "client": client}
    for order in permutations(("do", "commit", "reply"))
    for client in CLIENTS
    if any(_moments({"order": ["accept", *order], "client": client}))
]


def _moments_told(given: Numbers) -> dict[str, Any]:
    steps = "\n".join(f"{letter}: {STEPS[step]}" for letter, step in zip(LETTERS, given["order"], strict=True))
    return {"steps": steps, "who": CLIENTS[given["client"]]}


def _timed(given: Numbers, said: list[list[str]]) -> str | None:
    right = _moments(given)
    for what, mine, ours in zip(("twice or more", "never"), said, right, strict=True):
        for letter in mine:
            if letter not in ours:
                return (
                    f"You said that the coin is paid {what} where the kill comes right after {letter}. What stands on "
                    "the disk at that moment, what will the server do when it starts, and what will the client send?"
                )
        for letter in ours:
            if letter not in mine:
                return (
                    f"There is a moment that you left out of those at which it is paid {what}. Take each letter in "
                    "turn: was the coin paid before the kill, and will anybody have it paid after it?"
                )
    return None


EXERCISES = (
    Exercise(
        name="ex10_1",
        title="Once for each key",
        points=4,
        text="Write handle(request, seen), which a server asks what to do with each request that comes. A request has "
        "a client, a key and a text, as request.client, request.key and request.text; its key is None where the client "
        "gave none. seen is a dict that the server keeps for you, by (client, key), as seen[{one!r}, {key!r}]. Return\n"
        '"serve" where it is new, and where it has no key: the server then has it handled. If it has a key, put None '
        "into seen first, as a note that it is being served; when it is done, the server puts the reply in its place "
        "(any text, even an empty one), and if it failed, takes the note out again;\n"
        '"wait" where the first with this client and key is still being served;\n'
        '"again" where that one is done: the server then sends the reply in seen once more.\n'
        "Two clients may choose the same key, and mean two things.",
        kind=Function("handle(request, seen)"),
        check=once.told_right,
        hints=(
            "There are four cases: no key; a key that is not in seen; one that is there with None; one with a reply.",
            "Ask `name in seen` for whether it is held, and `seen[name] is None` for whether it is being served. "
            "`seen.get(name)` cannot tell the two apart, and an empty reply looks like none.",
            "name = (request.client, request.key). Where it is not in seen: seen[name] = None, and then serve.",
        ),
        solution=lambda given: once.handle,
        usual=once.usual,
        classic=once.CLASSIC,
        draw=once.drawn,
    ),
    Exercise(
        name="ex10_2",
        title="Three histories",
        points=2,
        text='Three histories, each with a crash. "Served" is when the handler did it: that is the effect.\n{told}\n'
        "What does each of them look like? At most once: nothing was served twice, but something never. At least once: "
        "nothing was left out, but something was served twice. Exactly once, in effect: neither.",
        kind=Several(Choice(PROMISES), 'a list of three texts for A, B and C, as ["at most once", …]', count=3),
        check=_classified,
        hints=(
            "Only one of the words counts for the effect.",
            "For each number that was sent, count how often it was served, before and after the crash together.",
            "A zero makes it at most once, a two makes it at least once; nothing but ones is exactly once.",
        ),
        solution=_kept,
        usual=lambda given: {
            "replies": _by_event(given, "reply"),
            "accepted": _by_event(given, "accepted"),
            "all exactly": ["exactly once"] * 3,
            "the next": [PROMISES[(PROMISES.index(str(one)) + 1) % 3] for one in _kept(given)],
            "one wrong": [*_kept(given)[:2], PROMISES[PROMISES.index(str(_kept(given)[2])) - 1]],
        },
        classic=_three(random.Random("telephone"), 1),  # noqa: S311  - an order, not a secret
        draw=_three,
        further=_three_told,
    ),
    Exercise(
        name="ex10_3",
        title="The lost and the twice",
        points=2,
        text='A longer history, of #{first} to #{last}; exercise("ex10_3", seed=SEED).numbers["history"] is a list of '
        'its events, as ("sent", {first}):\n{told}.\n'
        "Which numbers were lost (sent, and never served), and which were served twice?",
        kind=Several(
            Several(Whole("a number of a request"), "a list of numbers", most=50),
            "a list of two lists, first the lost, then the twice, as [[1, 2], [3, 4]]",
            count=2,
        ),
        check=_found,
        hints=(
            "Let Python count: from collections import Counter.",
            'served = Counter(number for what, number in history if what == "served"), and a Counter gives 0 for what '
            "it does not hold.",
            "[number for number in range(first, last + 1) if served[number] == 0] are the lost; the others likewise.",
        ),
        solution=_lost_and_twice,
        usual=lambda given: {
            "no reply is lost": _counted(given, "reply"),
            "not accepted is lost": _counted(given, "accepted"),
            "the other way round": _lost_and_twice(given)[::-1],
            "one forgotten": [_lost_and_twice(given)[0][1:], _lost_and_twice(given)[1]],
            "a twice forgotten": [_lost_and_twice(given)[0], _lost_and_twice(given)[1][:-1]],
            "nothing": [[], []],
            "one that was not sent": [[given["last"] + 1], []],
        },
        classic=_long(random.Random("long"), 1),  # noqa: S311
        draw=_long,
        further=lambda given: {"told": histories.told(given["history"])},
    ),
    Exercise(
        name="ex10_4",
        title="The moment of the kill",
        points=3,
        text="A server goes through four steps with each request, in this order:\n{steps}\n"
        "Killed and started again, it handles again what stands on its disk as accepted and not as done. The client "
        "{who}. The kill comes once, right after one of the steps. After which of them is the coin paid twice or more, "
        "and after which is it never paid?",
        kind=Several(
            Several(Choice(tuple(LETTERS)), "a list of letters", most=20),
            'a list of two lists of letters, first for twice, then for never, as [["A"], []]',
            count=2,
        ),
        check=_timed,
        hints=(
            "Take one letter after the other, and write down three things: is the coin paid, is it done on the disk, "
            "has the client its reply?",
            "Not done on the disk: it is paid once more, whether or not it was paid before. No reply, and a client "
            "that sends again without a key: it is paid once more for that.",
            "Add up for each letter: paid before the kill, paid by the server after it, paid for what the client "
            "sent again. Two and more is the first list, nought the second.",
        ),
        solution=_moments,
        usual=lambda given: {
            "nothing": [[], []],
            "any": [list(LETTERS), []],
            "the other way round": _moments(given)[::-1],
            "the other client": _moments({**given, "client": "bare" if given["client"] != "bare" else "never"}),
            "after the last": [["D"], []],
            "before the coin": [["A"], ["A"]],
        },
        classic={"order": ["accept", "do", "commit", "reply"], "client": "key"},
        draw=lambda dice: dict(dice.choice(KILLS)),
        further=_moments_told,
    ),
)
