"""What a student is told: a verdict on an answer, a hint, the text of an exercise; rich, and in honest text."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

# Okabe and Ito's green, vermilion and blue, each with a sign of its own for who cannot tell them apart.
LOOKS = {True: ("✔", "#009E73"), False: ("✘", "#D55E00"), None: ("…", "#0072B2")}


def _box(sign: str, colour: str, head: str, words: str) -> str:
    style = f"border-left:4px solid {colour};padding:2px 10px"
    head, words = html.escape(head), html.escape(words).replace("\n", "<br>")
    return f'<div style="{style}"><b style="color:{colour}">{sign} {head}</b> {words}</div>'


@dataclass(frozen=True)
class Verdict:
    """Whether an answer passed, and the word on it. `passed` is None while there is no answer to look at."""

    exercise: str
    passed: bool | None
    words: str

    def __str__(self) -> str:
        return f"{LOOKS[self.passed][0]} {self._head} {self.words}".rstrip()

    @property
    def _head(self) -> str:
        heads = {True: "public checks passed.", False: "not yet.", None: "waits for your answer."}
        return f"{self.exercise}{' ' if self.passed is None else ': '}{heads[self.passed]}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return _box(*LOOKS[self.passed], self._head, self.words)


@dataclass(frozen=True)
class Hint:
    """One of the three hints of an exercise."""

    exercise: str
    level: int
    words: str

    def __str__(self) -> str:
        return f"{self.exercise}, hint {self.level} of 3: {self.words}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return _box("☞", "#CC79A7", f"{self.exercise}, hint {self.level} of 3:", self.words)


@dataclass(frozen=True)
class Task:
    """The text of an exercise, with the numbers of one seed."""

    exercise: str
    title: str
    points: int
    text: str
    asks: str  # what an answer is, in words
    numbers: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        points = f"{self.points} point{'' if self.points == 1 else 's'}"
        return f"{self.exercise} · {self.title} ({points})\n{self.text}\nAnswer with {self.asks}."

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *rest = str(self).split("\n")
        return _box("✎", "#0072B2", head, "\n".join(["", *rest]))
