"""Who is let into the queue of the server, who waits outside, who is turned away, and who leaves before his turn.

Whatever happens to a request that no batch answers happens here, and every place that is taken is given back here.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from batchdemo.handlers import Handler
from batchdemo.live.core import Core
from batchdemo.live.deadlines import Deadlines
from batchdemo.live.limits import Capacity, Limits
from batchdemo.live.parts import Queue
from batchdemo.live.recorder import Recorder
from batchdemo.live.requests import Accounts, Recipient, Request
from batchdemo.policies import Policy
from batchdemo.queues import Fifo
from batchdemo.queues.outside import Outside


class Admission(Core[Request]):
    """Takes requests in within the limits, and ends those that are not served; `TextBatcher` answers the others.

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
        self.outside: Outside[Recipient, Request] = Outside()  # with overflow="wait"
        self._letting_in = False
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
            self._put_outside(request)
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
            self._put_outside(request)
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

    def _put_outside(self, request: Request) -> None:
        """Read no more of its client: the system's buffers fill, and its sending blocks, which is TCP's own way.

        What had been read already waits here, at most what one read of the socket holds for each connection.
        """
        assert request.recipient is not None
        if request.recipient not in self.outside:
            request.recipient.pause()
        self.outside.add(request.recipient, request)

    def _room(self) -> None:
        # One that is let in may let a batch go, which asks for the next at once: that is being done already.
        if self.outside and not self._letting_in:
            self._letting_in = True
            try:
                self._let_in()
            finally:
                self._letting_in = False

    def _let_in(self) -> None:
        while self.open and self.waiting + self.held < self.max_queue_size:
            found = self.outside.next(lambda recipient: recipient.account.pending < self._per_client)
            if found is None:
                return
            recipient, request = found
            request.arrived = self._clock()
            self._admit(request)
            self._read_on(recipient)

    def _read_on(self, recipient: Recipient) -> None:
        if recipient not in self.outside:
            recipient.resume()

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
        recipient, why = request.recipient, "its deadline passed while it waited"
        if request.taken and self.remove(request):
            self._end(request, "expired", why)
        elif recipient is not None and self.outside.remove(recipient, request):
            self._end(request, "expired", why)
            self._read_on(recipient)

    def _give_up(self, now: float, error: BaseException) -> None:
        """The policy is at fault: those outside would never come in."""
        super()._give_up(now, error)
        for recipient in self.outside.clients():
            self._turn_away(self.outside.leave(recipient), "failed", f"the policy raised {type(error).__name__}")
            recipient.resume()

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
