"""Once for each key: `handle(request, seen)`, as a student writes it, tried in stories that were made up."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from batchdemo.course.answers import shown
from batchdemo.course.exercise import Numbers
from batchdemo.course.trying import Trial

WORDS = ("serve", "wait", "again")
Seen = dict[tuple[str, str], str | None]


class Request(NamedTuple):
    """What a client sent: who it is, the key that it gave, or None, and what it wants."""

    client: str
    key: str | None
    text: str


class Step(NamedTuple):
    """A request comes (`reply` is None), or the one that is being served is done, or fails."""

    what: str  # "comes", "done" or "fails"
    client: str
    key: str | None
    text: str  # of the request, or of the reply


def _comes(client: str, key: str | None, text: str = "pay 1") -> Step:
    return Step("comes", client, key, text)


def _done(client: str, key: str, reply: str = "paid") -> Step:
    return Step("done", client, key, reply)


def _fails(client: str, key: str) -> Step:
    return Step("fails", client, key, "")


# Clients a and b, keys k and l; what is wanted of each request that comes follows from `handle` below.
STORIES: tuple[tuple[str, tuple[Step, ...]], ...] = (
    ("one request", (_comes("a", "k"),)),
    ("two requests with two keys", (_comes("a", "k"), _comes("a", "l"))),
    ("one key twice, the second after the first was done", (_comes("a", "k"), _done("a", "k"), _comes("a", "k"))),
    ("one key twice, the second while the first is being served", (_comes("a", "k"), _comes("a", "k"))),
    ("one key three times: at first, meanwhile, and afterwards",
     (_comes("a", "k"), _comes("a", "k"), _done("a", "k"), _comes("a", "k"), _comes("a", "k"))),
    ("two clients that chose the same key", (_comes("a", "k"), _comes("b", "k"), _done("a", "k"), _comes("b", "k"))),
    ("two keys with the same text", (_comes("a", "k", "pay 5"), _done("a", "k"), _comes("a", "l", "pay 5"))),
    ("no key, twice, one after the other", (_comes("a", None), _comes("a", None))),
    ("no key, between others", (_comes("a", "k"), _done("a", "k"), _comes("a", None), _comes("b", None))),
    ("a reply that is an empty text", (_comes("a", "k"), _done("a", "k", ""), _comes("a", "k"))),
    ("an empty text as a key", (_comes("a", ""), _done("a", ""), _comes("a", ""))),
    ("a first that failed, so that its key is free again",
     (_comes("a", "k"), _fails("a", "k"), _comes("a", "k"), _comes("a", "k"))),
    ("two keys by turns",
     (_comes("a", "k"), _comes("a", "l"), _done("a", "l"), _comes("a", "k"), _comes("a", "l"), _done("a", "k"),
      _comes("a", "k"))),
    ("one key with another text, meanwhile", (_comes("a", "k", "pay 1"), _comes("a", "k", "pay 2"))),
    ("a reply that reads like an order", (_comes("a", "k"), _done("a", "k", "serve"), _comes("a", "k"))),
)  # fmt: skip


def handle(request: Request, seen: Seen) -> str:
    """What is to be done with a request: `serve` it, `wait` for the first with its key, or send its reply `again`."""
    if request.key is None:
        return "serve"
    name = request.client, request.key
    if name not in seen:
        seen[name] = None
        return "serve"
    return "wait" if seen[name] is None else "again"


def told_right(given: Numbers, said: Any) -> str | None:
    """Tried on stories, each with a `seen` of its own."""
    trial = Trial(said, "handle")
    trial.first(Request("a", "k", "pay 1"), {})
    for what, steps in STORIES:
        mine: Seen = {}
        right: Seen = {}
        told: list[str] = []
        for step in _named(steps, given):
            name = step.client, step.key or ""
            if step.what == "done":
                told.append(f"it is done, and seen[{name[0]!r}, {name[1]!r}] becomes {step.text!r}")
                mine[name] = right[name] = step.text
                continue
            if step.what == "fails":
                told.append(f"it fails, and seen[{name[0]!r}, {name[1]!r}] is taken out")
                mine.pop(name, None)
                right.pop(name, None)
                continue
            request = Request(step.client, step.key, step.text)
            wanted, got = handle(request, right), trial.call(request, mine)
            told.append(f"{step.client} sends {step.text!r} with the key {step.key!r}, you say {shown(got)}")
            story = f"{what[0].upper()}{what[1:]}: {'; '.join(told)}."
            if not isinstance(got, str) or got not in WORDS:
                return f"{story} One of {', '.join(map(repr, WORDS))} is wanted."
            if got != wanted:
                return f"{story} {_wrong(got, wanted, step.key)}"
            if unlike := _unlike(mine, right):
                return f"{story} {unlike}"
    return None


def _wrong(got: str, wanted: str, key: str | None) -> str:
    if key is None:
        return "Nothing tells that this is the same request as another: without a key each is a new one."
    if wanted == "serve":
        return "This one is new: if nobody serves it, its client gets a reply that is not its own, or none."
    if got == "serve":
        return "That serves one key twice. What does seen hold for it at this moment?"
    if got == "again":
        return "There is no reply yet that could be sent again."
    return "Nobody is serving it any more, so there is nothing to be waited for."


def _unlike(mine: Seen, right: Seen) -> str | None:
    """What `seen` holds matters: the server puts the reply where the function left the note."""
    if set(right) - set(mine):
        return "But seen does not hold a note that it is being served, under (client, key)."
    if set(mine) - set(right):
        return f"But seen holds {shown(sorted(set(mine) - set(right), key=str)[0])}, which belongs to no request there."
    if mine != right:
        return "But seen holds something else than None for what is being served, or its reply for what is done."
    return None


def _named(steps: tuple[Step, ...], given: Numbers) -> Iterator[Step]:
    """With the names and the keys of this student."""
    for step in steps:
        key = given["keys"].get(step.key, step.key)
        yield step._replace(client=given["clients"][step.client], key=key)


CLASSIC: Numbers = {"clients": {"a": "ann", "b": "ben"}, "keys": {"k": "k1", "l": "k2"}, "one": "ann", "key": "k1"}


def drawn(dice: random.Random) -> Numbers:
    """Names and keys of one's own."""
    one, other = dice.sample(("ann", "ben", "cleo", "dan", "eve", "fay", "gus", "hal", "ida", "jo"), 2)
    key, second = (f"{dice.choice('bcdfghjk')}{number}" for number in dice.sample(range(10, 99), 2))
    return {"clients": {"a": one, "b": other}, "keys": {"k": key, "l": second}, "one": one, "key": key}


def usual(given: Numbers) -> dict[str, Callable[..., Any]]:
    """Functions that are wrong in the usual ways."""
    return {
        "always": lambda request, seen: "serve",
        "once done": _once_done,
        "without a note": _without_a_note,
        "by the key alone": _by_the_key,
        "by the text": _by_the_text,
        "an empty reply is none": _falsy,
        "no key is a key": _no_key,
        "again at once": _again_at_once,
        "wait for ever": _wait_for_ever,
        "the reply": _the_reply,
        "a memory of its own": _own_memory(),
    }


def _once_done(request: Request, seen: Seen) -> str:
    return "again" if seen.get((request.client, request.key or "")) is not None else "serve"


def _without_a_note(request: Request, seen: Seen) -> str:
    name = request.client, request.key or ""
    if request.key is None or name not in seen:
        return "serve"
    return "wait" if seen[name] is None else "again"


def _by_the_key(request: Request, seen: Any) -> str:
    if request.key is None:
        return "serve"
    if request.key not in seen:
        seen[request.key] = None
        return "serve"
    return "wait" if seen[request.key] is None else "again"


def _by_the_text(request: Request, seen: Any) -> str:
    return handle(request._replace(key=request.text), seen)


def _falsy(request: Request, seen: Seen) -> str:
    word = handle(request, seen)
    return word if request.key is None or word != "again" or seen[request.client, request.key] else "wait"


def _no_key(request: Request, seen: Any) -> str:
    name = request.client, request.key
    if name not in seen:
        seen[name] = None
        return "serve"
    return "wait" if seen[name] is None else "again"


def _again_at_once(request: Request, seen: Seen) -> str:
    return "again" if handle(request, seen) != "serve" else "serve"


def _wait_for_ever(request: Request, seen: Seen) -> str:
    return "wait" if handle(request, seen) != "serve" else "serve"


def _the_reply(request: Request, seen: Seen) -> str | None:
    word = handle(request, seen)
    return seen[request.client, request.key or ""] if word == "again" else word


def _own_memory() -> Callable[..., str]:
    count: Counter[Any] = Counter()

    def function(request: Request, seen: Seen) -> str:
        count[request] += 1
        return "serve" if count[request] == 1 else "again"

    return function
