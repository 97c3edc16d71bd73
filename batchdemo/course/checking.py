"""`check`, `hint`, `exercise` and `stand_in`: what a notebook calls."""

from __future__ import annotations

import difflib
import re
from typing import Any

from batchdemo.arguments import refuse, whole
from batchdemo.course.answers import Misfit, Unanswered
from batchdemo.course.exercise import Exercise
from batchdemo.course.registry import EXERCISES
from batchdemo.course.seeds import CLASSIC, checked
from batchdemo.course.verdict import Hint, Task, Verdict


def exercise(name: str, seed: int = CLASSIC) -> Task:
    """The text of an exercise, with the numbers of the seed; `numbers` holds them by name."""
    found = _find(name)
    numbers = found.numbers(checked(seed))
    return Task(name, found.title, found.points, found.told(numbers), found.asked(numbers).asks, numbers)


def check(name: str, answer: Any = ..., *, seed: int = CLASSIC) -> Verdict:
    """Look at an answer, and say what was expected of it; never the answer itself.

    name     of the exercise, as "ex01_2"
    answer   a number, a text, a list, a function of yours or a `Run`, as the exercise asks; `...` for none yet
    seed     the one that the exercise was asked with

    Needs no server and no network. A function of yours is called with several inputs, which may take 2 s
    together. "Public checks passed" is what it says: a teacher may have further ones.
    """
    found = _find(name)
    numbers = found.numbers(checked(seed))
    kind = found.asked(numbers)
    try:
        if answer is ... or answer is None:
            raise Unanswered
        wrong = found.check(numbers, kind.read(answer))
    except Unanswered:
        return Verdict(name, None, f"Put {kind.asks} in place of the dots.")
    except Misfit as misfit:
        wrong = str(misfit)
    if wrong is None:
        return Verdict(name, True, "")
    return Verdict(name, False, f'{wrong} Stuck? hint("{name}")')


def stand_in(name: str, answer: Any, *, seed: int = CLASSIC) -> Any:
    """The answer where it passes, else one that does: so that a notebook can go on without it."""
    if check(name, answer, seed=seed).passed:
        return answer
    found = _find(name)
    return found.solution(found.numbers(seed))


def hint(name: str, level: int = 1) -> Hint:
    """A hint on an exercise; level 1 says least, level 3 most."""
    found = _find(name)
    level = whole("level", level, 1, 3)
    return Hint(name, level, found.hints[level - 1])


def _find(name: object) -> Exercise:
    if isinstance(name, str) and name in EXERCISES:
        return EXERCISES[name]
    near = []
    if isinstance(name, str) and len(name) < 100:
        padded = re.sub(r"(?i)^ex(\d)_", r"ex0\1_", name)  # ex1_2 is nearer to ex01_2 than to ex10_2
        near = difflib.get_close_matches(padded, EXERCISES, 1)
    meant = f"Did you mean {near[0]!r}? " if near else ""
    refuse("name", "the name of an exercise", name, f"{meant}There are {', '.join(EXERCISES)}.")
