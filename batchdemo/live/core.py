"""The queue, the policy and the handler put together, for whatever waits: texts of clients, or anybody's objects.

`take`, `wake`, `next_batch` and `finish` are plain functions of the clock they are given, so tests drive them on
a fake one. `work` is the only part that awaits. A policy is asked by the rules of the simulator: after every
arrival, every finished batch and every due timer, again and again until it waits; one that lives on ticks, at
its ticks alone. Where things fall on one instant, batches are finished first, then requests arrive.
"""

from __future__ import annotations

import asyncio
import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from batchdemo.errors import PolicyError
from batchdemo.live.handling import faulty, handle, isolate, runs_on_loop, said
from batchdemo.live.parts import Batch, Queue
from batchdemo.policies import Policy, QueueView, Refuse, Release, Wait, fault, named
from batchdemo.records import BatchRecord

R = TypeVar("R")
_FAULTS = (Exception, SystemExit, asyncio.CancelledError)  # that a policy may raise


class Core(ABC, Generic[R]):
    """Takes requests in and lets batches out when the policy says so. A subclass knows whom to tell what came of it.

    `set_alarm` is called with the time at which the policy is to be asked again, None for "when something happens".
    `failure` says what the policy did that no policy may; from then on nothing is taken, and nothing is left waiting.
    """

    durable = False

    def __init__(
        self,
        policy: Policy,
        handler: Callable[[list[Any]], Any],
        *,
        clock: Callable[[], float],
        queue: Queue[R],
        max_queue_size: int,
        max_concurrent_batches: int,
        report: Callable[[str], None],
        isolate: bool = False,
    ) -> None:
        self.policy = copy.deepcopy(policy)  # the caller's object stays as it was, for the next run
        self.queue = queue
        self.max_queue_size = max_queue_size
        self.waiting = 0  # requests in the queue
        self.held = 0  # requests that have left it, and still take a place: their batch is not answered
        self.on_ticks = bool(getattr(policy, "on_ticks", False))
        self.set_alarm: Callable[[float | None], object] = bool  # anything that takes it and does nothing
        self.failure = ""
        self.open = True  # whether the policy is asked, and requests are taken
        self.released = 0  # batches so far
        self.running = 0  # batches released and not finished
        self._slots = max_concurrent_batches
        self._clock = clock
        self._report = report
        self.handle_with(handler)
        self._isolate = isolate
        self._ready: asyncio.Queue[Batch[R]] = asyncio.Queue()
        self.enough: float = math.inf if self.on_ticks else 0  # the policy is asked on arrival if so many wait
        self._warned = False

    # --- what a subclass does ----------------------------------------------------------------------------

    @abstractmethod
    def _items(self, requests: list[R]) -> list[Any]:
        """What the handler gets of them."""

    @abstractmethod
    def _batch(self, record: BatchRecord, requests: list[R]) -> Batch[R]:
        """The batch, entered in the record."""

    @abstractmethod
    def _answer(self, batch: Batch[R], results: Sequence[Any], error: BaseException | None) -> None:
        """Give everybody in the batch its result; where the handler failed, the error."""

    @abstractmethod
    def _turn_away(self, requests: list[R], outcome: str, why: str) -> None:
        """Tell those who waited that they are not served: `expired`, or `failed` where the policy is at fault."""

    def _clients(self, requests: list[R]) -> int:
        return 1

    # --- in and out --------------------------------------------------------------------------------------

    def take(self, request: R, now: float) -> bool:
        """Put what arrives `now` in the queue; False where it is full, or nothing is taken any more."""
        waiting = self.waiting
        if waiting + self.held >= self.max_queue_size or not self.open:
            return False
        self.queue.push(request)
        self.waiting = waiting = waiting + 1
        if waiting >= self.enough:
            self.ask(now)
        return True

    def pop(self, size: int) -> list[R]:
        """Take so many out of the queue, or all where fewer wait."""
        requests = self.queue.pop(size)
        self.waiting -= len(requests)
        return requests

    def remove(self, request: R) -> bool:
        """Free the place of one who waits no longer; False where it has none."""
        there = self.queue.remove(request)
        self.waiting -= there
        return there

    def ask(self, now: float) -> float | None:
        """Wake, whatever the policy does, and set the alarm by its answer."""
        if not self.open:
            return None
        try:
            until = self.wake(now)
        except _FAULTS as error:
            self._give_up(now, error)
            until = None
        self.set_alarm(until)
        if until is None and not self._warned and self.waits_for_ever:
            self._warned = True
            waiting = f"{named(self.policy)} lets {self.waiting:,} wait at {now:g} s until something happens"
            self._report(f"{waiting}; no batch is handled and no timer set, so only a new arrival can")
        return until

    @property
    def waits_for_ever(self) -> bool:
        """Whether requests wait, and no finished batch can change that."""
        return self.waiting > 0 and self.running == 0

    def wake(self, now: float) -> float | None:
        """Ask the policy, at time `now`, until it waits; what it releases goes to the handler.

        Returns the time at which to ask again, None for "when something happens". PolicyError: it answered what
        no policy may; and whatever it raises.
        """
        queue, decide = self.queue, self.policy.decide
        while True:
            waiting, running = self.waiting, self.running
            free = max(0, self._slots - running)
            if waiting:
                view = QueueView(now, waiting, queue.oldest, queue.newest, running, free)
            else:
                view = QueueView(now, 0, math.nan, math.nan, running, free)
            answer = decide(view)
            wrong = fault(answer, view)
            if wrong:
                raise PolicyError(f"{named(self.policy)} answered {said(answer)} at {now:g} s, {wrong}")
            if isinstance(answer, Wait):
                return self._wait(answer)
            if isinstance(answer, Release):
                self.release(int(answer.size), answer.reason)
            elif isinstance(answer, Refuse):
                why = f"it could not be answered in time (policy {type(self.policy).__name__})"
                self._turn_away(self.pop(int(answer.size)), "expired", why)

    def _wait(self, answer: Wait) -> float | None:
        if not self.on_ticks:  # one that promises to sleep on is asked nevertheless where nothing else would wake it
            self.enough = answer.waiting if self.running or answer.until is not None else 0
        return answer.until

    def release(self, size: int, reason: str) -> None:
        """Let the first `size` go, in one batch."""
        waiting = self.waiting
        requests = self.pop(size)
        self.held += size
        self.released += 1
        self.running += 1
        clients = self._clients(requests)
        record = BatchRecord(self.released, self._clock(), size, reason, waiting, waiting - size, clients, math.nan)
        self._ready.put_nowait(self._batch(record, requests))

    def _give_up(self, now: float, error: BaseException) -> None:
        """The policy is at fault: nothing is taken any more, who waits is told, who left is still answered."""
        self.open = False
        by_rule = isinstance(error, PolicyError)
        self.failure = str(error) if by_rule else f"{named(self.policy)} raised {said(error)} at {now:g} s"
        self._report(f"the policy failed, and no request is taken any more: {self.failure}")
        self._turn_away(self.pop(self.waiting), "failed", f"the policy raised {type(error).__name__}")

    def handle_with(self, handler: Callable[[list[Any]], Any]) -> None:
        """From the next batch on, this is the handler."""
        self.handler = handler
        self._on_loop = runs_on_loop(handler)

    # --- the handler -------------------------------------------------------------------------------------

    async def work(self) -> None:
        """Handle batches in the order of their release until cancelled, so many at a time as may be."""
        if self._slots == 1:
            ready, handle_it = self._ready.get, self._handle
            while True:
                await handle_it(await ready())
        free = asyncio.Semaphore(self._slots)
        async with asyncio.TaskGroup() as group:
            while True:
                await free.acquire()
                task = group.create_task(self._handle(await self._ready.get()))
                task.add_done_callback(lambda _: free.release())

    def ended(self, worker: asyncio.Task[None]) -> None:
        """Say so where the task of `work` ended and nobody cancelled it; a callback for it."""
        if not worker.cancelled():
            self._report(f"no batch is handled any more, since the worker ended: {said(worker.exception())}")

    def next_batch(self) -> Batch[R] | None:
        """The batch that is to be handled next, for whoever does not `work`; None where there is none."""
        return None if self._ready.empty() else self._ready.get_nowait()

    async def _handle(self, batch: Batch[R]) -> None:
        began = self._clock()
        if self.durable:
            await self._begin_batch(batch)
        try:
            results = await self._results(self._items(batch.requests), batch.record.batch)
            self._check(results)
        except BaseException as error:
            if not faulty(error):
                raise
            await self._finish(batch, began, (), error)
        else:
            await self._finish(batch, began, results, None)

    async def _finish(self, batch: Batch[R], began: float, results: Sequence[Any], error: BaseException | None) -> None:
        if self.durable:
            await self._keep(batch, results, error)
        self.finish(batch, began, results, error)

    async def _begin_batch(self, batch: Batch[R]) -> None:
        """Where the core is durable: write down that this batch is about to be handled."""

    async def _keep(self, batch: Batch[R], results: Sequence[Any], error: BaseException | None) -> None:
        """Where the core is durable: write down what came of it, before anybody is told."""

    async def _results(self, items: list[Any], batch: int) -> Sequence[Any]:
        if not self._isolate:
            return await handle(self.handler, items, on_loop=self._on_loop)
        try:
            return await handle(self.handler, items, on_loop=self._on_loop)
        except BaseException as error:
            if not faulty(error):
                raise
            self._report(f"batch {batch}: the handler failed, and its items are tried apart: {said(error)}")
            return await isolate(self.handler, items, error, on_loop=self._on_loop)

    def _check(self, results: Sequence[Any]) -> None:
        """Raise what is wrong with a result."""

    def finish(self, batch: Batch[R], began: float, results: Sequence[Any], error: BaseException | None = None) -> None:
        """The handler is done with the batch that it began at `began`: answer, let the policy learn, ask it."""
        requests = batch.requests
        if error is not None:
            self._report(f"batch {batch.record.batch}: the handler failed: {said(error)}")
        now = self._clock()
        batch.record = BatchRecord(*batch.record[:-1], now - began)  # _replace takes twice as long
        batch.replied = self._clock()  # before the first is written: a client may have it at once
        self._answer(batch, results, error)
        batch.requests = []
        self.held -= len(requests)
        self.running -= 1
        try:
            self.policy.observe(batch.record)
        except Exception as wrong:  # the policy's own fault, which must not end the answering
            self._report(f"batch {batch.record.batch}: {named(self.policy)} failed to observe it: {said(wrong)}")
        if not self.on_ticks:
            self.ask(now)
        self._room()

    def _room(self) -> None:
        """Places have become free, for those whom a subclass keeps waiting outside."""
