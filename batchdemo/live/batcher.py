"""The batcher of the server: texts come in with the connection that the reply is to go to, and its record.

What the tutorial's scheduled job does. Replies of one batch go to each client in one write.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from batchdemo.handlers import Handler
from batchdemo.live.core import Core
from batchdemo.live.deadlines import Deadlines
from batchdemo.live.handling import said
from batchdemo.live.limits import Capacity, Limits
from batchdemo.live.outside import Outside
from batchdemo.live.parts import Queue
from batchdemo.live.recorder import Recorder
from batchdemo.live.requests import Account, Accounts, Batch, Recipient, Request
from batchdemo.policies import Policy
from batchdemo.queues import Fifo
from batchdemo.records import BatchRecord


class TextBatcher(Core[Request]):
    """Takes requests in, lets batches out when the policy says so, and answers each over its own connection.

    `left` says in how many seconds the next tick or timer is due, for whoever is refused.
    """

    def __init__(
        self,
        policy: Policy,
        handler: Handler,
        *,
        clock: Callable[[], float],
        limits: Limits,
        recorder: Recorder,
        report: Callable[[str], None],
        queue: Queue[Request] | None = None,
        max_concurrent_batches: int = 1,
        isolate: bool = False,
        left: Callable[[], float | None] = lambda: None,
    ) -> None:
        super().__init__(
            policy,
            handler,
            clock=clock,
            queue=Fifo() if queue is None else queue,
            max_queue_size=limits.max_queue_size,
            max_concurrent_batches=max_concurrent_batches,
            report=report,
            isolate=isolate,
        )
        self.served = self.failed = self.rejected = self.expired = self.cancelled = 0  # requests so far
        self.twice = 0  # batches whose replies are sent twice: `Chaos.duplicate`
        self.outside: Outside[Request] = Outside(lambda client: client.pause(), lambda client: client.resume())
        self.deadlines: Deadlines[Request] = Deadlines(self._expire)
        self.accounts = Accounts()
        self._limits = limits
        self._per_client = limits.per_client
        self._capacity = Capacity(policy, max_concurrent_batches, left)
        self._recorder = recorder

    # --- in ----------------------------------------------------------------------------------------------

    def submit(self, request: Request) -> None:
        """Put the request in the queue, or let it wait outside, or tell the client why not."""
        self._recorder.requests.append(request)
        if request.deadline != math.inf:
            self.deadlines.add(request.deadline, request)
        if self.outside and request.recipient in self.outside:  # behind its own that came before
            self.outside.add(request.recipient, request)
        elif not self._admit(request):
            self._overflow(request)

    def _admit(self, request: Request) -> bool:
        account = request.recipient.account  # type: ignore[union-attr]  # it has one until it is done with
        if account.pending >= self._per_client:
            return False
        account.pending += 1
        request.taken = True
        if not self.take(request, request.arrived):
            account.pending -= 1
            request.taken = False
            return False
        return True

    def _overflow(self, request: Request) -> None:
        """No place is free, in all or for this client."""
        if self.open and self._limits.overflow == "wait":
            self.outside.add(request.recipient, request)
        elif not (self.open and self._limits.overflow == "drop_oldest" and self._make_room(request)):
            self._end(request, "rejected", self._refusal(request), self._capacity.retry_after())

    def _make_room(self, request: Request) -> bool:
        """Turn the oldest away that waits, where the client has too many the oldest of its own, for this one."""
        assert request.recipient is not None
        crowded = request.recipient.account.pending >= self._per_client
        waiting = (other for other in self.queue if not crowded or other.client_id == request.client_id)
        oldest = next(waiting, None)
        if oldest is None:
            return False
        self.remove(oldest)
        why = f"dropped from a full queue for a newer request ({self._bound(crowded)})"
        self._end(oldest, "rejected", why, self._capacity.retry_after())
        return self._admit(request)

    def _refusal(self, request: Request) -> str:
        if self.failure:
            return "the policy failed, and nothing is taken until the server is started again"
        assert request.recipient is not None
        if request.recipient.account.pending >= self._per_client:
            return f"as many of your requests as may be are under way ({self._bound(True)})"
        return f"the queue is full ({self._bound(False)})"

    def _bound(self, of_client: bool) -> str:
        name = "max_pending_per_client" if of_client else "max_queue_size"
        return f"{name}={getattr(self._limits, name)}"

    def _room(self) -> None:
        if self.outside:
            self.outside.let_in(self._enter)

    def _enter(self, request: Request) -> bool:
        """It has waited outside, and arrives only now."""
        came, request.arrived = request.arrived, self._clock()
        if self._admit(request):
            return True
        request.arrived = came
        return False

    # --- out, without an answer ---------------------------------------------------------------------------

    def ask(self, now: float) -> float | None:
        """Let expire what has, then ask the policy, then let in who waits outside."""
        self.deadlines.pass_by(now)
        until = super().ask(now)
        self._room()
        return until

    def pass_by(self, now: float) -> None:
        """A deadline has come; the policy is not asked, for nothing has come that it could release."""
        self.deadlines.pass_by(now)
        self._room()

    def _expire(self, request: Request) -> None:
        there = self.remove(request) if request.taken else self.outside.remove(request.recipient, request)
        if there:
            self._end(request, "expired", "its deadline passed while it waited")

    def begin(self) -> None:
        """The loop runs; a durable batcher has something to take up."""

    def confirm(self, connection: Recipient, ids: list[int]) -> None:
        """A client has these replies; only a durable batcher wants to know."""

    def arrive(self, connection: Recipient) -> None:
        """A client has connected."""

    def leave(self, gone: set[Recipient]) -> None:
        """These connections are no more: their requests leave the queue, and free their places."""
        for recipient in gone:
            for request in self.outside.leave(recipient):
                self._end(request, "cancelled")
        if self._limits.on_disconnect == "cancel":
            for request in [request for request in self.queue if request.recipient in gone]:
                self.remove(request)
                self._end(request, "cancelled")
        for recipient in gone:
            self.accounts.release(recipient.account)
        self._room()

    def _outcome(self, request: Request, result: Any) -> tuple[str, str]:
        """The outcome and the reply. Of an error no more than its type: it may hold what is private."""
        if isinstance(result, BaseException):
            return "failed", f"Failed: the handler raised {type(result).__name__}: {request.text}"
        return "served", result

    def _turn_away(self, requests: list[Request], outcome: str, why: str) -> None:
        for request in requests:
            self._end(request, outcome, why)

    def _end(self, request: Request, outcome: str, why: str = "", retry_after: float | None = None) -> None:
        """It is not served: tell its client why, and enter what came of it."""
        assert request.recipient is not None
        recipient, text = request.recipient, request.text
        request.ended = self._clock()
        self._count(outcome)  # before it is told: who asks on hearing it should find it counted
        self._forget(request, outcome)
        if outcome == "cancelled" or recipient.refuse(text, why, outcome=outcome, retry_after=retry_after):
            return
        if outcome != "rejected":  # nobody was there any more to be told
            self._count(outcome, -1)
            self._count("cancelled")
            request.outcome = "cancelled"

    def _count(self, outcome: str, change: int = 1) -> None:
        setattr(self, outcome, getattr(self, outcome) + change)

    def _forget(self, request: Request, outcome: str) -> None:
        self._release_place(request)
        request.outcome = outcome
        request.text, request.recipient = "", None

    def _release_place(self, request: Request) -> None:
        account = request.account
        account.pending -= request.taken
        request.taken = False
        if not account.pending and not account.connections:
            self.accounts.release(account)

    # --- what the core asks for --------------------------------------------------------------------------

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
            if isinstance(reply, str):
                if not reply.isascii():
                    reply.encode()  # half a character cannot be sent
            elif not isinstance(reply, Exception):
                raise TypeError(
                    f"a handler must return replies of text, or an exception in one's place, got {said(reply):.80}"
                )

    def _answer(self, batch: Batch, results: Sequence[Any], error: BaseException | None) -> None:
        """Send each client all that is its own of the batch, in one go, in the order it had in the queue."""
        self._capacity.finished(batch.record.duration)
        shares: dict[Recipient, list[tuple[Request, str]]] = {}
        for request, result in zip(batch.requests, results or [error] * len(batch.requests), strict=True):
            recipient, reply, request.outcome = request.recipient, result, "served"
            if type(result) is not str:  # as nearly never
                request.outcome, reply = self._outcome(request, result)
            assert recipient is not None
            share = shares.get(recipient)
            if share is None:
                share = shares[recipient] = []
            share.append((request, reply))
        for recipient, share in shares.items():
            there = recipient.deliver(share)
            if self.twice:
                recipient.deliver(share)
            self._answered(recipient.account, share, there)
        self.twice = max(0, self.twice - 1)

    def _answered(self, account: Account, share: list[tuple[Request, str]], there: bool) -> None:
        """What `_end` does of one, for all that a batch had for a client, at a fraction of the cost."""
        served = 0
        for request, _ in share:
            request.text, request.recipient, request.taken = "", None, False
            if not there:
                request.outcome = "cancelled"
            served += request.outcome == "served"
        self.served += served
        if served < len(share):
            for request, _ in share:
                if request.outcome != "served":
                    self._count(request.outcome)
        account.pending -= len(share)
        if not account.connections:
            self.accounts.release(account)
