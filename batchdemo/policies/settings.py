"""What the policies of the field share: settings that are checked whenever they are set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from batchdemo.arguments import real, whole
from batchdemo.records import BatchRecord

MOST = 1_000_000  # requests in a batch
LONGEST = 86_400  # seconds, a day


def batch_size(name: str, value: Any) -> int:
    """A number of requests in a batch."""
    return whole(name, value, 1, MOST)


def seconds(name: str, value: Any) -> float:
    """A time to wait, 0 included: not at all."""
    return real(name, value, 0, LONGEST, "seconds")


def above_zero(name: str, value: Any) -> float:
    """A time within which something is to be done."""
    return real(name, value, 0.0001, LONGEST, "seconds")


class Checked:
    """A policy whose settings are checked at the door and at every later assignment, and that learns nothing."""

    CHECKS: ClassVar[dict[str, Callable[[str, Any], Any]]] = {}  # by the setting's name

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse a bad setting, at the beginning and whenever it is changed."""
        check = self.CHECKS.get(name)
        super().__setattr__(name, check(name, value) if check else value)

    def observe(self, batch: BatchRecord) -> None:
        """Learn nothing; policies that adapt do it here."""
