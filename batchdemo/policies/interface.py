"""What a policy is told, and what it may answer.

An engine (the live batcher, later the simulator) asks `decide` after a due timer, and may ask after any
arrival or finished batch; it asks again and again until the answer is `Wait`. A policy may keep state, so
an engine works on a copy: one policy object can stand in a server and in a simulation at once.
"""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, NamedTuple, Protocol, runtime_checkable

from batchdemo.records import REASONS, BatchRecord


class QueueView(NamedTuple):
    """All that a policy may know. Times are seconds since the engine's clock began."""

    now: float  # at a timer's event: the time it was due, not the time it ran
    waiting: int  # requests in the queue
    oldest: float  # arrival of the one that waits longest; NaN when none waits
    newest: float  # arrival of the one that came last; NaN when none waits
    running: int  # batches released and not yet answered
    free: int = 1  # batches that the executor could begin to handle now; 0 while it is busy


class Release(NamedTuple):
    """Let the first `size` requests go now, because of `reason` (one of `records.REASONS`)."""

    size: int
    reason: str


class Refuse(NamedTuple):
    """Turn the first `size` requests away now: they can no longer be answered in time."""

    size: int


class Wait(NamedTuple):
    """Nothing to do before `until` (seconds); None: before something happens.

    `waiting` is a promise that spares the engine most of its questions: whoever arrives before so many wait
    changes nothing. Without it the policy is asked at every arrival. Infinity: no arrival changes anything.
    """

    until: float | None = None
    waiting: float = 0  # requests


BUSY = Wait(None, math.inf)
"""Nothing to do before a batch is finished: the answer of a policy that waits for the executor."""


@runtime_checkable
class Policy(Protocol):
    """When a batch leaves, and how big it is."""

    def decide(self, view: QueueView) -> Release | Refuse | Wait:
        """Release the next batch, refuse who cannot be served in time, or wait."""
        ...

    def observe(self, batch: BatchRecord) -> None:
        """Hear how a batch went; policies that adapt learn here, others pass."""
        ...


def named(policy: Any) -> str:
    """A policy in words: its own, or the name of its class where it has none, or none that can be said."""
    kind: Any = type(policy)
    if kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__:
        return str(kind.__name__)
    try:
        return str(policy)
    except Exception:
        return str(kind.__name__)


def fault(answer: Any, view: QueueView) -> str:
    """What is wrong with a policy's answer to this view, in words; empty where nothing is.

    For engines, so that none takes what another refuses. The usual types stand first in each test of one: a look
    at the abstract ones alone takes longer than a decision.
    """
    if isinstance(answer, Wait):
        return _wait_fault(answer, view)
    if not isinstance(answer, (Release, Refuse)):
        return "but it must answer Release(size, reason), Refuse(size) or Wait(until)"
    if not isinstance(answer.size, (int, Integral)) or not 1 <= answer.size <= view.waiting:
        return f"when {view.waiting} were waiting"
    if isinstance(answer, Refuse) or answer.reason in REASONS:
        return ""
    return f"but the reason must be one of {', '.join(REASONS)}"


def _wait_fault(answer: Wait, view: QueueView) -> str:
    until, waiting = answer
    if not isinstance(waiting, (int, float, Real)) or not waiting >= 0:  # NaN neither
        return "but `waiting` must be a number of requests, from 0 to infinity"
    if until is None:
        return ""
    if not isinstance(until, (float, Real)) or not math.isfinite(until):
        return "but it must wait until a time in seconds, or until None: until something happens"
    return "" if float(until) > view.now else "but it must wait until a time that is yet to come"
