"""The batcher of the server: texts come in with the connection that the reply is to go to, and its record.

What the tutorial's scheduled job does. Replies of one batch go to each client in one write.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from batchdemo.live.admission import Admission
from batchdemo.live.handling import said
from batchdemo.live.requests import Account, Batch, Recipient, Request
from batchdemo.records import BatchRecord


class TextBatcher(Admission):
    """Takes requests in, lets batches out when the policy says so, and answers each over its own connection."""

    twice = 0  # batches whose replies are sent twice: `Chaos.duplicate`

    def counts(self) -> dict[str, int]:
        """Requests now, batches and outcomes since the start."""
        return {
            "waiting": self.waiting,
            "handling": self.held,
            "batches": self.released,
            "served": self.served,
            "failed": self.failed,
            "rejected": self.rejected,
            "expired": self.expired,
            "cancelled": self.cancelled,
        }

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

    def _outcome(self, request: Request, result: Any) -> tuple[str, str]:
        """The outcome and the reply. Of an error no more than its type: it may hold what is private."""
        if isinstance(result, BaseException):
            return "failed", f"Failed: the handler raised {type(result).__name__}: {request.text}"
        return "served", result
