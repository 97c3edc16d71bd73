"""Where anybody's items wait, each with the future that its result goes to: the core for `Batcher`."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Sequence
from typing import Any

from batchdemo.errors import ExpiredError, HandlerError, PolicyError, QueueFullError, StoppedError
from batchdemo.live.core import Core
from batchdemo.live.journal import Entry, Journal, Line, Slip
from batchdemo.live.parts import Batch
from batchdemo.policies import Policy
from batchdemo.records import BatchRecord
from batchdemo.runs.run import Run


class Desk(Core[Slip]):
    """Items in, results out, each to the future it belongs to."""

    queue: Line

    def __init__(
        self,
        policy: Policy,
        handler: Callable[[list[Any]], Any],
        *,
        clock: Callable[[], float],
        max_queue_size: int,
        max_concurrent_batches: int,
        isolate: bool,
        journal: Journal,
        report: Callable[[str], None],
    ) -> None:
        super().__init__(
            policy,
            handler,
            clock=clock,
            queue=Line(),
            max_queue_size=max_queue_size,
            max_concurrent_batches=max_concurrent_batches,
            report=report,
            isolate=isolate,
        )
        self.clock = clock
        self.count = 0  # items so far
        self._journal = journal
        self._open: set[Entry] = set()  # released and not answered

    def reject(self, slip: Slip) -> None:
        """It was not taken."""
        self._journal.others.append((slip[1], slip[0], "rejected"))

    def leave(self, slip: Slip) -> None:
        """Whoever waited for it was cancelled."""
        if self.remove(slip):
            self._journal.others.append((slip[1], slip[0], "cancelled"))

    def full(self, due: float | None) -> QueueFullError:
        """The error for whom no place is free, when something is due at `due`."""
        retry_after = None if due is None else max(0.0, due - self.clock())
        hint = "" if retry_after is None else f"; try again in {retry_after:.1f} s"
        return QueueFullError(f"the queue is full (max_queue_size={self.max_queue_size}){hint}", retry_after)

    def run(self) -> Run:
        """The record of what has happened so far."""
        waiting = [(number, arrived, "unknown") for arrived, number, _, _ in self.queue]
        return self._journal.run(self.policy, self.count, waiting)

    # --- what the core asks for --------------------------------------------------------------------------

    def _items(self, requests: list[Slip]) -> list[Any]:
        return [item for _, _, item, _ in requests]

    def _batch(self, record: BatchRecord, requests: list[Slip]) -> Entry:
        entry = Entry(record, requests)
        self._open.add(entry)
        self._journal.enter(entry)
        return entry

    def _answer(self, batch: Batch[Slip], results: Sequence[Any], error: BaseException | None) -> None:
        assert isinstance(batch, Entry)
        self._open.discard(batch)
        batch.outcome = "served" if error is None else "failed"
        if error is not None:
            results = [_own(error) for _ in batch.requests]
        for slip, result in zip(batch.requests, results, strict=True):
            future = slip[3]
            if future.done():  # cancelled meanwhile
                batch.odd[slip[1]] = "cancelled"
            elif isinstance(result, BaseException):
                batch.odd[slip[1]] = "failed"
                future.set_exception(_settable(result))
            else:
                future.set_result(result)

    def _turn_away(self, requests: list[Slip], outcome: str, why: str) -> None:
        kind = ExpiredError if outcome == "expired" else PolicyError
        message = why if outcome == "expired" else self.failure
        for arrived, number, _, future in requests:
            self._journal.others.append((number, arrived, outcome))
            if not future.done():
                future.set_exception(kind(message))

    # --- the end -----------------------------------------------------------------------------------------

    async def drain(self, within: float) -> None:
        """Let all go in batches of the usual size, and wait until they are answered, but only so long."""
        size = getattr(self.policy, "max_batch_size", None) or self.waiting
        self.open = False
        while self.waiting:
            self.release(min(size, self.waiting), "drain")
        pending = [future for entry in self._open for _, _, _, future in entry.requests if not future.done()]
        if pending:
            await asyncio.wait(pending, timeout=within)

    def dismiss(self, why: str) -> None:
        """Tell everybody who still waits for an answer that none will come."""
        waiting = self.pop(self.waiting)
        self._journal.others.extend((number, arrived, "cancelled") for arrived, number, _, _ in waiting)
        for _, _, _, future in (*waiting, *(slip for entry in self._open for slip in entry.requests)):
            if not future.done():
                future.set_exception(StoppedError(why))
        self._open.clear()

    def ended(self, worker: asyncio.Task[None]) -> None:
        """The worker has ended: whoever still waits would wait for ever."""
        super().ended(worker)
        self.dismiss("the batcher ended before this was answered")


def _own(error: BaseException) -> BaseException:
    """An error of its own for each item, since raising one adds to it where it was raised; caused by the original."""
    try:
        own = copy.copy(error)
        alike = type(own) is type(error) and own is not error and own.args == error.args
    except Exception:
        alike = False
    if not alike or not isinstance(error, Exception):
        own = HandlerError(f"the handler raised {type(error).__name__}")
    own.__cause__ = error
    return own


def _settable(error: BaseException) -> BaseException:
    """The same, but for what a future does not take, or what would end more than the one who waits."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    wrapped = HandlerError(f"the handler answered {type(error).__name__}")
    wrapped.__cause__ = error
    return wrapped
