"""The queue, the policy and the handler put together: what the tutorial's scheduled job does, and its record.

`submit` and `wake` are plain functions of the clock they are given, so tests drive them on a fake one.
`work` is the only part that awaits: it hands one batch after another to the handler, so that replies keep
the order of the batches and a slow handler delays batches, but never a tick.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import math
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from batchdemo.errors import PolicyError
from batchdemo.handlers import Handler
from batchdemo.live.recorder import Recorder
from batchdemo.policies import Policy, QueueView, Wait, fault
from batchdemo.queues import Fifo
from batchdemo.records import BatchRecord


class Recipient(Protocol):
    """Where replies go: one connection."""

    client_id: str

    def deliver(self, answered: list[tuple[Request, str]]) -> bool:
        """Send all that one batch has for this client, at once. False: the client is gone."""
        ...


class Request:
    """One message on its way through the server. Its text and recipient are dropped once it is answered."""

    __slots__ = ("arrived", "batch", "client_id", "index", "outcome", "position", "recipient", "text")

    def __init__(self, text: str, recipient: Recipient, arrived: float, index: int = 0) -> None:
        self.text = text
        self.index = index  # among the messages of its connection, from 0
        self.recipient: Recipient | None = recipient
        self.client_id = recipient.client_id
        self.arrived = arrived
        self.batch: Batch | None = None
        self.position = 0
        self.outcome = "unknown"


class Batch:
    """A batch on its way through the handler; `record` is what is kept of it."""

    __slots__ = ("record", "replied", "requests")

    def __init__(self, record: BatchRecord, requests: list[Request]) -> None:
        self.record = record
        self.requests = requests
        self.replied = math.nan


class Batcher:
    """Takes requests in, lets batches out when the policy says so, and answers each over its own connection."""

    def __init__(
        self,
        policy: Policy,
        handler: Handler,
        *,
        clock: Callable[[], float],
        max_queue_size: int,
        recorder: Recorder,
        report: Callable[[str], None],
    ) -> None:
        self.policy = copy.deepcopy(policy)  # the caller's object stays as it was, for the next run
        self.queue: Fifo[Request] = Fifo(max_queue_size)
        self.released = 0  # batches so far
        self.served = self.failed = self.rejected = 0  # requests so far
        self._handler = handler
        self._clock = clock
        self._recorder = recorder
        self._report = report
        self._handover: asyncio.Queue[Batch] = asyncio.Queue()
        self._running = 0

    def submit(self, request: Request) -> bool:
        """Put the request in the queue; False where the queue is full, which the caller tells the client."""
        self._recorder.requests.append(request)
        if self.queue.push(request):
            return True
        request.outcome = "rejected"
        request.text, request.recipient = "", None
        self.rejected += 1
        return False

    def wake(self, now: float) -> float | None:
        """Ask the policy, at time `now`, until it waits; what it releases goes to the handler.

        Returns the time at which to ask again, None for "when something happens".
        """
        while True:
            queue = self.queue
            view = QueueView(now, len(queue), queue.oldest, queue.newest, self._running)
            answer = self.policy.decide(view)
            wrong = fault(answer, view)
            if wrong:
                raise PolicyError(f"{self.policy} answered {_said(answer)} at {now:g} s, {wrong}")
            if isinstance(answer, Wait):
                return answer.until
            self._release(int(answer.size), answer.reason, view.waiting)

    def _release(self, size: int, reason: str, waiting: int) -> None:
        requests = self.queue.pop(size)
        self.queue.held += size
        self.released += 1
        self._running += 1
        clients = len({request.client_id for request in requests})
        record = BatchRecord(self.released, self._clock(), size, reason, waiting, waiting - size, clients, math.nan)
        batch = Batch(record, requests)
        for position, request in enumerate(requests, 1):
            request.batch = batch
            request.position = position
        self._recorder.batches.append(batch)
        self._handover.put_nowait(batch)

    async def work(self) -> None:
        """Handle batches in the order of their release, one at a time, until cancelled."""
        while True:
            await self._handle(await self._handover.get())

    def ended(self, worker: asyncio.Task[None]) -> None:
        """Say so where the task of `work` ended and nobody cancelled it; a callback for it."""
        if not worker.cancelled():
            self._report(f"no batch is handled any more, since the worker ended: {_said(worker.exception())}")

    async def _handle(self, batch: Batch) -> None:
        requests = batch.requests
        began = self._clock()
        outcome = "served"
        try:
            replies = await _run(self._handler, [request.text for request in requests])
            _check_replies(replies, len(requests))
        # An exit, or a cancellation that is not ours, is the handler's fault like any other.
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                raise
            self._report(f"batch {batch.record.batch}: the handler failed: {_said(error)}")
            outcome = "failed"
            why = f"Failed: the handler raised {type(error).__name__}"  # no more: it may hold what is private
            replies = [f"{why}: {request.text}" for request in requests]
        batch.record = batch.record._replace(duration=self._clock() - began)
        self._answer(requests, replies, outcome)
        batch.replied = self._clock()
        batch.requests = []
        self.queue.held -= len(requests)
        self._running -= 1
        try:
            self.policy.observe(batch.record)
        except Exception as error:  # the policy's own fault, which must not end the answering
            self._report(f"batch {batch.record.batch}: {self.policy} failed to observe it: {_said(error)}")

    def _answer(self, requests: list[Request], replies: Sequence[str], outcome: str) -> None:
        """Send each client all that is its own of the batch, in one go, in the order it had in the queue."""
        shares: dict[Recipient, list[tuple[Request, str]]] = {}
        for request, reply in zip(requests, replies, strict=True):
            assert request.recipient is not None
            request.outcome = outcome
            shares.setdefault(request.recipient, []).append((request, reply))
        for recipient, share in shares.items():
            if recipient.deliver(share):
                self.served += len(share) if outcome == "served" else 0
                self.failed += len(share) if outcome == "failed" else 0
            else:
                for request, _ in share:
                    request.outcome = "cancelled"
        for request in requests:
            request.text, request.recipient = "", None


def _said(thing: object) -> str:
    """An error or an answer as it shows itself, even one that cannot."""
    try:
        return repr(thing)
    except Exception:
        return f"{type(thing).__name__}, whose repr fails"


def _check_replies(replies: Any, size: int) -> None:
    if isinstance(replies, str) or not isinstance(replies, Sequence):
        raise TypeError(f"a handler must return a list of replies, got {type(replies).__name__}")
    if len(replies) != size:
        raise ValueError(f"a handler must return one reply a request: {size} wanted, got {len(replies)}")
    for reply in replies:
        if not isinstance(reply, str):
            raise TypeError(f"a handler must return replies of text, got {reply!r:.80}")
        if not reply.isascii():
            reply.encode()  # half a character cannot be sent


async def _run(handler: Handler, texts: list[str]) -> Any:
    on_loop = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)
    answer = handler(texts) if on_loop else await _in_thread(handler, texts)
    return await answer if inspect.isawaitable(answer) else answer


async def _in_thread(handler: Handler, texts: list[str]) -> Any:
    """Run a handler that may block off the loop.

    In a daemon thread of its own and not in the loop's pool: at exit Python joins the pool's threads, so one
    handler that never returns would keep the whole process from ending.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if done.done():  # the server was stopped meanwhile
            return
        if error is None:
            done.set_result(result)
        else:
            # A future takes no StopIteration, and an interrupt must not pass for one of the server.
            plain = isinstance(error, (Exception, SystemExit)) and not isinstance(error, StopIteration)
            done.set_exception(error if plain else RuntimeError(repr(error)))

    def work() -> None:
        result, error = None, None
        try:
            result = handler(texts)
        except BaseException as raised:
            error = raised
        with suppress(RuntimeError):  # the loop has closed: nobody waits for this batch any more
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=work, name="batchdemo-handler", daemon=True).start()
    return await done
