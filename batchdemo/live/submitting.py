"""`Batcher`: the batcher on its own, for anybody's application: one item in, that item's result out.

The item's future is the only object that an item costs; what is kept of it are numbers, batch by batch.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio import Future
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import get_ident
from time import monotonic
from types import TracebackType
from typing import Any, Self

from batchdemo.arguments import real, refuse, whole
from batchdemo.errors import PolicyError, ServerError, StoppedError
from batchdemo.live.desk import Desk
from batchdemo.live.journal import Journal, Slip
from batchdemo.live.parts import a_policy
from batchdemo.live.scheduler import clockwork
from batchdemo.policies import Policy, named
from batchdemo.runs.run import Run

_log = logging.getLogger("batchdemo")


class Batcher:
    """Collects what concurrent callers submit, has it handled in batches, and gives each its own result.

    handler           takes a list of items, returns as many results in their order; plain (run in a thread, so
                      that it may block) or async (run on the loop, so that it must not)
    policy            when a batch leaves and how big it is
    max_queue_size    items that may wait, those included whose batch the handler has not answered yet
    max_concurrent_batches   how many are handled at once; further ones wait in the order of their release
    isolate           where the handler fails, try halves of the batch until what fails stands alone
    log_size          items that `run` remembers, the oldest forgotten first

    Items and results are any objects. A result that is an exception is raised for that item alone; what the
    handler raises, for every item of its batch. It belongs to one event loop, begins by itself with the first
    `submit` there, and ends with `stop`: use `async with`, or `FastAPI(lifespan=batcher.lifespan)`.
    """

    def __init__(
        self,
        handler: Callable[[list[Any]], Any],
        policy: Policy,
        *,
        max_queue_size: int = 10_000,
        max_concurrent_batches: int = 1,
        isolate: bool = False,
        log_size: int = 100_000,
    ) -> None:
        if not callable(handler):
            refuse("handler", "a function from a list of items to a list of results", handler)
        self.handler = handler
        self.policy = a_policy(policy)
        self._max_queue_size = whole("max_queue_size", max_queue_size, 1, 10_000_000)
        self._slots = whole("max_concurrent_batches", max_concurrent_batches, 1, 100_000)
        self._isolate = bool(isolate)
        self._log_size = whole("log_size", log_size, 1, 10_000_000)
        self._loop: asyncio.AbstractEventLoop | None = None  # None: not begun, or stopped
        self._thread = 0  # where that loop runs
        self._stopped = False
        self._set_up()

    def _set_up(self) -> None:
        self._began = began = monotonic()
        self._journal = Journal(self._log_size)
        self._desk = Desk(
            self.policy,
            self.handler,
            clock=lambda: monotonic() - began,
            max_queue_size=self._max_queue_size,
            max_concurrent_batches=self._slots,
            isolate=self._isolate,
            journal=self._journal,
            report=_log.warning,
        )
        self._clockwork = clockwork(self._desk, self._desk.clock, self._journal.ticks.append)

    # --- items -------------------------------------------------------------------------------------------

    async def submit(self, item: Any) -> Any:
        """The result of this item, once its batch has been handled.

        QueueFullError: no place was free. ExpiredError: the policy gave it up. PolicyError: the policy is at fault,
        and so nothing is taken any more. StoppedError: it was stopped. Else what the handler raised, a copy for
        each item whose `__cause__` is the original, or HandlerError where that cannot be copied. Whoever is
        cancelled frees the place, and costs the others of the batch nothing.
        """
        loop = self._loop
        # As `loop is not asyncio.get_running_loop()`, which takes longer: Python 3.11 asks the system for the process.
        if loop is None or get_ident() != self._thread or not loop.is_running():
            loop = self._enter()
        desk = self._desk
        now = monotonic() - self._began
        desk.count = number = desk.count + 1
        future: Future[Any] = Future(loop=loop)
        slip: Slip = now, number, item, future
        if not desk.take(slip, now):
            desk.reject(slip)
            raise self._refusal()
        try:
            return await future
        except asyncio.CancelledError:
            desk.leave(slip)
            raise

    def _refusal(self) -> Exception:
        if self._desk.failure:
            return PolicyError(f"{self._desk.failure}. Nothing is taken until the batcher is stopped and begins anew.")
        return self._desk.full(self._clockwork.due)

    # --- its life ----------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Begin on the running loop, with an empty record. Harmless when it runs; `submit` begins it too."""
        self._stopped = False
        self._enter()
        return self

    def _enter(self) -> asyncio.AbstractEventLoop:
        """The running loop, on which it has begun by now."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._begin()
        self._thread = get_ident()
        return loop

    def _begin(self) -> None:
        if self._stopped:
            raise StoppedError("this batcher was stopped, so it takes nothing. start() begins it anew.")
        if self._loop is not None and not self._loop.is_closed():
            raise ServerError("this batcher belongs to another event loop, which still runs. Make one for each loop.")
        self._set_up()
        self._loop = asyncio.get_running_loop()
        self._worker = self._loop.create_task(self._desk.work(), name="batchdemo-batcher")
        self._worker.add_done_callback(self._desk.ended)
        self._clockwork.start()

    async def stop(self, within: float = 5.0) -> None:
        """Take nothing more, hand what waits to the handler, and wait `within` seconds for the answers; 0: not at all.

        Whoever has no answer then gets StoppedError. A plain handler that is at work goes on in its thread, and its
        results are dropped. Harmless twice.
        """
        within = real("within", within, 0, 86_400, "seconds")
        loop, desk = self._loop, self._desk
        self._stopped = True
        if loop is None or loop.is_closed():
            return
        if loop is not asyncio.get_running_loop():
            raise ServerError("this batcher belongs to another event loop. stop() it there.")
        self._loop = None
        self._clockwork.stop()
        try:
            if within:
                await desk.drain(within)
        finally:
            self._worker.cancel()
            desk.dismiss("the batcher was stopped before this was answered")
        await asyncio.wait([self._worker], timeout=1.0)  # an async handler may take its time over a cancellation

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None,
                        ) -> None:  # fmt: skip
        await self.stop()

    @asynccontextmanager
    async def lifespan(self, app: object) -> AsyncIterator[None]:
        """Begin and end with an application: `FastAPI(lifespan=batcher.lifespan)`."""
        async with self:
            yield

    # --- what can be asked of it -------------------------------------------------------------------------

    @property
    def run(self) -> Run:
        """What has happened so far; numbers are in the order of submission. On the loop's own thread only."""
        return self._desk.run()

    def __repr__(self) -> str:
        state = "stopped" if self._stopped else "not begun" if self._loop is None else "running"
        fault = f", failed: {self._desk.failure}" if self._desk.failure else ""
        counts = f"waiting: {self._desk.waiting:,}, batches so far: {self._desk.released:,}"
        return f"<Batcher {state}, policy: {named(self.policy)}{fault}, {counts}>"
