"""Arguments checked at the door: each function returns the value, or names argument, rule and value."""

from __future__ import annotations

import math
import numbers
import operator
from typing import Any, NoReturn

from batchdemo.errors import ArgumentError


def refuse(name: str, rule: str, value: object, remedy: str = "") -> NoReturn:
    """Raise the error that every bad argument gets: `name must be rule, got value. Remedy`."""
    try:
        shown = repr(value)
    except Exception:  # an integer of thousands of digits, say
        shown = f"a value of type {type(value).__name__} that cannot be shown"
    if len(shown) > 80:
        shown = shown[:77] + "..."
    raise ArgumentError(f"{name} must be {rule}, got {shown}.{' ' + remedy if remedy else ''}")


def whole(name: str, value: Any, low: int, high: int, remedy: str = "") -> int:
    """A whole number from low to high. True is refused: it is an int only by accident."""
    rule = f"a whole number from {low:,} to {high:,}"
    if isinstance(value, bool):
        refuse(name, rule, value, remedy)
    try:
        number = operator.index(value)
    except TypeError:
        refuse(name, rule, value, remedy)
    if not low <= number <= high:
        refuse(name, rule, value, remedy)
    return number


def real(name: str, value: Any, low: float, high: float, unit: str, remedy: str = "") -> float:
    """A finite number from low to high, in a unit that the message names."""
    rule = f"a number of {unit} from {low:,g} to {high:,g}"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        refuse(name, rule, value, remedy)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (math.isfinite(number) and low <= number <= high):
        refuse(name, rule, value, remedy)
    return number
