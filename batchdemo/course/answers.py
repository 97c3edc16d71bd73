"""What an answer may be. Each kind says in words what it asks for, and reads an answer or says kindly why not."""

from __future__ import annotations

import math
import numbers
import operator
import reprlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

LARGEST = 10**15  # beyond, a whole number is a slip, and can be too long to be shown

_short = reprlib.Repr()
_short.maxlist = _short.maxtuple = _short.maxdeque = 8
_short.maxstring = _short.maxother = 60


class Misfit(Exception):  # noqa: N818  - no error of the program: a word to the student
    """The answer is not of the kind that was asked for."""


class Unanswered(Exception):  # noqa: N818  - likewise
    """There is no answer yet: a function that still gives nothing."""


class Kind(Protocol):
    """What an answer is."""

    @property
    def asks(self) -> str:
        """In words, to follow "answer with"."""
        ...

    def read(self, answer: Any) -> Any:
        """The answer in the form that the check wants, or a Misfit."""
        ...


def shown(value: Any) -> str:
    """A value as it may be shown: short, whatever it is."""
    try:
        return _short.repr(value)
    except Exception:  # a repr that raises, an integer of thousands of digits
        return f"something of type {type(value).__name__}"


def _misfit(answer: Any, asks: str, remedy: str = "") -> Misfit:
    return Misfit(f"You answered {shown(answer)}; asked for is {asks}.{' ' + remedy if remedy else ''}")


@dataclass(frozen=True)
class Real:
    """A finite number with a unit."""

    asks: str = "a number of seconds"

    def read(self, answer: Any) -> float:
        """Takes int, float, Fraction and NumPy's numbers; no text, no bool, no NaN."""
        if isinstance(answer, str):
            raise _misfit(answer, self.asks, "Leave the quotation marks away.")
        if isinstance(answer, bool) or not isinstance(answer, numbers.Real):
            raise _misfit(answer, self.asks)
        try:
            number = float(answer)
        except OverflowError:
            number = math.inf
        if math.isnan(number):
            raise _misfit(answer, self.asks, "NaN is what comes of a computation without a result.")
        if math.isinf(number):
            raise _misfit(answer, self.asks, "It must be finite.")
        return number


@dataclass(frozen=True)
class Whole:
    """A whole number."""

    asks: str = "a whole number"

    def read(self, answer: Any) -> int:
        """Takes 4 and 4.0, not 4.5, "4" or True."""
        if isinstance(answer, bool):
            raise _misfit(answer, self.asks)
        try:
            number = operator.index(answer)
        except TypeError:
            real = Real(self.asks).read(answer)
            number = int(real)
            if number != real:
                raise _misfit(answer, self.asks) from None
        if abs(number) > LARGEST:
            raise _misfit(answer, self.asks, "It is one that nobody can mean.")
        return number


@dataclass(frozen=True)
class Choice:
    """One word of a few."""

    options: tuple[str, ...]

    @property
    def asks(self) -> str:
        """The words there are."""
        return "one of the texts " + ", ".join(repr(option) for option in self.options)

    def read(self, answer: Any) -> str:
        """Capitals and spaces at the ends do not matter."""
        if not isinstance(answer, str):
            raise _misfit(answer, self.asks)
        for option in self.options:
            if answer.strip().casefold() == option.casefold():
                return option
        raise _misfit(answer, self.asks)


@dataclass(frozen=True)
class Several:
    """A list of answers of one kind; `count` of them, where it says so, and never more than `most`."""

    each: Kind
    asks: str
    count: int | None = None
    most: int = 10_000

    def read(self, answer: Any) -> list[Any]:
        """Takes a list, tuple, range or array. Looks at the length first, so that a huge one costs nothing."""
        if isinstance(answer, (str, bytes)) or not (isinstance(answer, Sequence) or hasattr(answer, "__array__")):
            raise _misfit(answer, self.asks, "Put it in square brackets." if not hasattr(answer, "__iter__") else "")
        try:
            length = len(answer)
        except TypeError:  # an array without a dimension
            raise _misfit(answer, self.asks) from None
        if self.count is not None and length != self.count:
            raise Misfit(f"Asked for is {self.asks}; yours has {length:,} where {self.count:,} belong.")
        if length > self.most:
            raise Misfit(f"Asked for is {self.asks}; yours has {length:,} entries, which nobody can mean.")
        read = []
        for place, item in enumerate(answer, 1):
            try:
                read.append(self.each.read(item))
            except Misfit as misfit:
                raise Misfit(f"At place {place} of your list: {misfit}") from None
        return read


@dataclass(frozen=True)
class Function:
    """A function that the student wrote."""

    signature: str

    @property
    def asks(self) -> str:
        """The name it should have, with its parameters."""
        return f"your function {self.signature}"

    def read(self, answer: Any) -> Callable[..., Any]:
        """Anything that can be called; a call's result in its stead is the usual slip."""
        if not callable(answer):
            raise _misfit(answer, self.asks, "Give its name alone, without calling it.")
        return answer  # type: ignore[no-any-return]


@dataclass(frozen=True)
class APolicy:
    """An object with decide and observe; its class in its stead is the usual slip."""

    asks: str = "an object of your policy's class"

    def read(self, answer: Any) -> Any:
        """Anything that keeps to the interface of a policy."""
        from batchdemo.policies import Policy  # noqa: PLC0415

        if isinstance(answer, type):
            raise _misfit(answer, self.asks, "Call the class, to make an object of it.")
        if not isinstance(answer, Policy):
            raise _misfit(answer, self.asks, "It needs the methods decide(view) and observe(batch).")
        return answer


@dataclass(frozen=True)
class AQueue:
    """A queue in which nobody waits; its class in its stead is the usual slip."""

    asks: str = "a queue of bd.queues"

    def read(self, answer: Any) -> Any:
        """Anything with the methods of a queue."""
        if isinstance(answer, type):
            raise _misfit(answer, self.asks, "Call the class, to make an object of it.")
        if not all(hasattr(answer, name) for name in ("push", "pop", "remove", "oldest", "newest", "__len__")):
            raise _misfit(answer, self.asks)
        return answer


@dataclass(frozen=True)
class ARun:
    """A `Run`, as `bd.send` returns it."""

    asks: str = "a run, as bd.send returns it"

    def read(self, answer: Any) -> Any:
        """Nothing but a Run."""
        from batchdemo.runs.run import Run  # noqa: PLC0415  - NumPy, for those who ask with runs

        if not isinstance(answer, Run):
            raise _misfit(answer, self.asks)
        return answer
