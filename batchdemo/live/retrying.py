"""When to try again after a refusal: politely, so that those who were refused together do not come back together."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

from batchdemo.arguments import real, refuse, whole

LONGEST = 60.0  # seconds of a server's `retry_after` that are honoured: it may say anything


@dataclass(frozen=True)
class Retry:
    """Exponential backoff with full jitter, never earlier than the server asked for.

    The wait before try k + 1 is what the server said, and then a random part of min(cap, base * 2^(k - 1)) seconds:
    the "full jitter" of M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog (2015).

    attempts   tries in all, the first included
    base, cap  seconds
    seed       of the jitter, for a run that can be repeated
    """

    attempts: int = 10
    base: float = 0.1
    cap: float = 5.0
    seed: int | None = None

    def __post_init__(self) -> None:
        whole("attempts", self.attempts, 1, 1_000)
        real("base", self.base, 0.001, 3_600, "seconds")
        real("cap", self.cap, 0.001, 3_600, "seconds")
        if self.seed is not None:
            whole("seed", self.seed, 0, 2**63)

    def waits(self) -> Waits:
        """The waits of one run."""
        return Waits(self)


class Waits:
    """Draws the waits of one run."""

    def __init__(self, retry: Retry) -> None:
        self._retry = retry
        self._random = random.Random(retry.seed)  # noqa: S311  - jitter is no secret

    def before_next(self, tried: int, retry_after: float | None) -> float | None:
        """Seconds to wait after so many tries, the last refused with this `retry_after`; None: give up."""
        retry = self._retry
        if tried >= retry.attempts:
            return None
        asked = 0.0
        if retry_after is not None and math.isfinite(retry_after):
            asked = min(max(0.0, retry_after), LONGEST)
        return asked + self._random.uniform(0.0, min(retry.cap, retry.base * 2.0 ** min(tried - 1, 60)))


def a_retry(value: Any) -> Retry | None:
    """What `send(retry=…)` takes: None or False, True, tries in all, or a `Retry`."""
    if value is None or value is False:
        return None
    if value is True:
        return Retry()
    if isinstance(value, Retry):
        return value
    if isinstance(value, int):
        return Retry(whole("retry", value, 1, 1_000))
    refuse("retry", "True, a number of tries, or a Retry", value, "For example Retry(attempts=5, base=0.1, cap=2.0).")
