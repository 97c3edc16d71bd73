"""One exercise: its text, what an answer is, the check, three hints, the solution."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from batchdemo.course.answers import Kind
from batchdemo.course.seeds import CLASSIC, dice

Numbers = dict[str, Any]


def _none(numbers: Numbers) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """An entry of the registry. All functions take the numbers of one seed first, and change nothing.

    text       with {names} of the numbers
    kind       what an answer is; may depend on the numbers
    check      (numbers, answer) -> None where it fits, else what is wrong with the answer, but not the right one
    hints      three, each saying more
    solution   (numbers) -> an answer that passes
    usual      (numbers) -> the usual wrong answers, each under the slip that leads to it
    classic    the tutorial's own numbers, for seed 0
    draw       (dice) -> the numbers of any other seed
    """

    name: str
    title: str
    points: int
    text: str
    kind: Kind | Callable[[Numbers], Kind]
    check: Callable[[Numbers, Any], str | None]
    hints: tuple[str, str, str]
    solution: Callable[[Numbers], Any]
    usual: Callable[[Numbers], Mapping[str, Any]]
    classic: Mapping[str, Any]
    draw: Callable[[random.Random], Numbers] | None = None
    further: Callable[[Numbers], dict[str, Any]] = _none  # what the text says beside the numbers

    def numbers(self, seed: int) -> Numbers:
        """The numbers of a seed."""
        if seed == CLASSIC or self.draw is None:
            return dict(self.classic)
        return self.draw(dice(self.name, seed))

    def asked(self, numbers: Numbers) -> Kind:
        """What an answer is, for these numbers."""
        kind = self.kind
        return kind(numbers) if callable(kind) else kind

    def told(self, numbers: Numbers) -> str:
        """The text, for these numbers."""
        return self.text.format(**numbers, **self.further(numbers))


ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth",
    "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth",
)  # fmt: skip


def ordinal(number: int) -> str:
    """`first`, `second`, …; beyond the twelfth `13th`."""
    if 1 <= number <= len(ORDINALS):
        return ORDINALS[number - 1]
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
