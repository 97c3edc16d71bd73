"""The batcher of the server: texts come in with the connection that the reply is to go to, and its record.

What the tutorial's scheduled job does. Replies of one batch go to each client in one write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from batchdemo.handlers import Handler
from batchdemo.live import parts
from batchdemo.live.core import Core
from batchdemo.live.recorder import Recorder
from batchdemo.policies import Policy
from batchdemo.queues import Fifo
from batchdemo.records import BatchRecord


class Recipient(Protocol):
    """Where replies go: one connection."""

    client_id: str

    def deliver(self, answered: list[tuple[Request, str]]) -> bool:
        """Send all that one batch has for this client, at once. False: the client is gone."""
        ...

    def refuse(self, text: str, why: str, *, outcome: str) -> bool:
        """Say that a request that was taken is not served after all. False: the client is gone."""
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


Batch = parts.Batch[Request]


class TextBatcher(Core[Request]):
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
        max_concurrent_batches: int = 1,
    ) -> None:
        super().__init__(
            policy,
            handler,
            clock=clock,
            queue=Fifo(max_queue_size),
            max_concurrent_batches=max_concurrent_batches,
            report=report,
        )
        self.served = self.failed = self.rejected = self.expired = 0  # requests so far
        self._recorder = recorder

    def submit(self, request: Request) -> bool:
        """Put the request in the queue; False where it is not taken, and the caller tells the client `refusal`."""
        self._recorder.requests.append(request)
        if self.on_ticks and self.open:  # nobody is asked, so no more than the push
            if self.queue.push(request):
                return True
        elif self.take(request, request.arrived):
            return True
        request.outcome = "rejected"
        request.text, request.recipient = "", None
        self.rejected += 1
        return False

    @property
    def refusal(self) -> str:
        """Why a request is not taken."""
        if self.failure:
            return "the policy failed, and nothing is taken until the server is started again"
        return f"the queue is full (max_queue_size={self.queue.max_size})"

    def _items(self, requests: list[Request]) -> list[Any]:
        return [request.text for request in requests]

    def _clients(self, requests: list[Request]) -> int:
        return len({request.client_id for request in requests})

    def _batch(self, record: BatchRecord, requests: list[Request]) -> Batch:
        batch = Batch(record, requests)
        for position, request in enumerate(requests, 1):
            request.batch = batch
            request.position = position
        self._recorder.batches.append(batch)
        return batch

    def _check(self, results: Sequence[Any]) -> None:
        for reply in results:
            if not isinstance(reply, str):
                raise TypeError(f"a handler must return replies of text, got {reply!r:.80}")
            if not reply.isascii():
                reply.encode()  # half a character cannot be sent

    def _answer(self, batch: Batch, results: Sequence[Any], error: BaseException | None) -> None:
        """Send each client all that is its own of the batch, in one go, in the order it had in the queue."""
        requests = batch.requests
        outcome = "served" if error is None else "failed"
        if error is not None:
            why = f"Failed: the handler raised {type(error).__name__}"  # no more: it may hold what is private
            results = [f"{why}: {request.text}" for request in requests]
        shares: dict[Recipient, list[tuple[Request, str]]] = {}
        for request, reply in zip(requests, results, strict=True):
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

    def _turn_away(self, requests: list[Request], outcome: str, why: str) -> None:
        for request in requests:
            assert request.recipient is not None
            told = request.recipient.refuse(request.text, why, outcome=outcome)
            request.outcome = outcome if told else "cancelled"
            request.text, request.recipient = "", None
            self.expired += told and outcome == "expired"
            self.failed += told and outcome == "failed"
