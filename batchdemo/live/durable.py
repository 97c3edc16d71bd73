"""The batcher over a file: a request is accepted once it is on the disk, and its reply kept until it is confirmed.

Three transactions lead a request through: accepted, taken into a batch, done with its reply; a fourth forgets it
when the client has confirmed the reply. Each holds all that came meanwhile (`Committer`), which is the lesson of
notebook 02. After a crash what was not done is handled again: at least once. A key makes it once.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from batchdemo.errors import QueueFullError, StoppedError
from batchdemo.live.batcher import TextBatcher
from batchdemo.live.handling import said
from batchdemo.live.lives import begun, numbered
from batchdemo.live.mailbox import MOST_UNCONFIRMED, PAGE, Mailbox
from batchdemo.live.requests import Batch, Recipient, Request
from batchdemo.queues.committer import Committer
from batchdemo.queues.store import Row, Store

T = TypeVar("T")
Accepted = tuple[int, Row | None]
"""The id of a request, and the one that came before with the same key, if any."""


class DurableBatcher(TextBatcher):
    """Takes requests in by way of the disk, and answers by way of it too. `committer` is closed by whoever made it."""

    durable = True

    def __init__(self, *settings: Any, committer: Committer, found: list[Row], **more: Any) -> None:
        super().__init__(*settings, **more)
        self.committing = 0  # requests on their way to the disk
        self.again = 0  # requests that came once more with a key that is known
        self._committer = committer
        self._found = found  # what a server before this one accepted and did not finish
        self._life = begun()
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self) -> None:
        """Take up what an earlier server left, in the order of its acceptance; from within the running loop."""
        self._loop = asyncio.get_running_loop()
        patience = math.inf if self._limits.deadline is None else self._limits.deadline
        for row in self._found:
            now, waited = self._clock(), max(0.0, time.time() - row.accepted)
            request = Request(row.text, self._box(row.client_id), now, deadline=now + patience - waited)
            request.row, request.key = row.id, row.key
            request.taken = True
            request.account.pending += 1
            self._recorder.requests.append(request)
            self.deadlines.add(request.deadline, request)
            self.queue.push(request)
            self.waiting += 1
        self._found = []

    # --- in ----------------------------------------------------------------------------------------------

    def submit(self, request: Request) -> None:
        """Have it written down; it is in the queue when that is done, and only then accepted."""
        box = request.recipient = self._box(request.client_id)
        account = box.account
        full = self.waiting + self.held + self.committing >= self.max_queue_size
        if box.crowded:
            self._recorder.requests.append(request)
            self._end(request, "rejected", f"{MOST_UNCONFIRMED:,} replies to you are not confirmed, as many as may be")
            return
        if full or not self.open or account.pending >= self._per_client:
            self._recorder.requests.append(request)
            self._overflow(request)
            return
        account.pending += 1
        self.committing += 1
        request.taken = True
        client, key, text = request.client_id, request.key, request.text

        def accept(store: Store) -> Accepted:
            row, new = store.accept(client, key, text)
            return row, None if new or key is None else store.lookup(client, key)

        self._submit(accept, lambda result, error: self._written(request, box, result, error))

    def _written(self, request: Request, box: Mailbox, result: Accepted | None, error: BaseException | None) -> None:
        self.committing -= 1
        if result is None:
            self._report(f"a request could not be written down: {said(error)}")
            self._recorder.requests.append(request)
            self._end(request, "rejected", "it could not be written to the disk", self._capacity.retry_after())
            return
        request.row, before = result
        if before is not None:
            self.again += 1
            self._release_place(request)
            box.came_again(before)
            return
        request.arrived = self._clock()
        self._recorder.requests.append(request)
        self.deadlines.add(request.deadline, request)
        if self.take(request, request.arrived):
            box.accepted(request)
        else:
            self._end(request, "rejected", self._refusal(request))

    # --- out ---------------------------------------------------------------------------------------------

    async def _begin_batch(self, batch: Batch) -> None:
        rows = [request.row for request in batch.requests]
        batch.life, number = self._life, numbered(self._life, batch.record.batch)
        await self._commit("taken", lambda store: store.take(rows, number))

    async def _keep(self, batch: Batch, results: Sequence[Any], error: BaseException | None) -> None:
        done = []
        for request, result in zip(batch.requests, results or [error] * len(batch.requests), strict=True):
            outcome, reply = self._outcome(request, result)
            done.append((request.row, outcome, reply))
        await self._commit("done", lambda store: store.finish(done))

    def _end(self, request: Request, outcome: str, why: str = "", retry_after: float | None = None) -> None:
        if not request.row:
            super()._end(request, outcome, why, retry_after)
            return
        box = self._box(request.client_id)
        word = "Failed" if outcome == "failed" else "Rejected"
        row = Row(request.row, request.client_id, request.key, request.text, 0.0, "done", None, outcome,
                  f"{word}: {why}: {request.text}", None)  # fmt: skip
        request.ended = self._clock()
        self._count(outcome)
        self._forget(request, outcome)

        def told(_: Any, error: BaseException | None) -> None:
            self._heard(_, error)
            box.deliver_row(row)

        self._submit(lambda store: store.finish([(row.id, outcome, row.reply)]), told)

    def confirm(self, connection: Recipient, ids: list[int]) -> None:
        """The client has these replies, and need not get them again."""
        if connection.account.box is not None:
            connection.account.box.received(ids)

    def _confirmed(self, ids: list[int]) -> None:
        self._submit(lambda store: store.delivered(ids), self._heard)

    # --- who comes and goes ------------------------------------------------------------------------------

    def _box(self, client_id: str) -> Mailbox:
        account = self.accounts.get(client_id)
        if account.box is None:
            account.box = Mailbox(account, self._confirmed)
        box: Mailbox = account.box
        return box

    def arrive(self, connection: Any) -> None:
        """A client has connected: give it what it missed, before anything new."""
        box = self._box(connection.account.client_id)
        box.open(connection)
        self._catch_up(box, connection, 0)

    def _catch_up(self, box: Mailbox, connection: Any, after: int) -> None:
        client = box.account.client_id

        def read(rows: list[Row] | None, error: BaseException | None) -> None:
            if rows is None:
                self._report(f"what client {client} missed could not be read: {said(error)}")
                connection.protocol.close(1011, "what you missed could not be read from the disk; connect again")
                return
            box.caught_up(connection, rows, lambda last: self._catch_up(box, connection, last))

        self._submit(lambda store: store.unsent(client, after, PAGE), read)

    def leave(self, gone: set[Recipient]) -> None:
        """These connections are no more. Their requests stay: the replies wait in the file."""
        for connection in gone:
            box = connection.account.box
            if box is not None:
                other = box.close(gone)
                if other is not None:
                    self.arrive(other)
            self.accounts.release(connection.account)

    # --- the disk ----------------------------------------------------------------------------------------

    def _submit(self, operation: Callable[[Store], T], done: Callable[[T | None, BaseException | None], None]) -> None:
        """Have it done, and `done` called in the loop."""
        loop = self._loop
        assert loop is not None

        def back(result: T | None, error: BaseException | None) -> None:
            loop.call_soon_threadsafe(done, result, error)  # a closed loop raises, and nobody waits there any more

        try:
            self._committer.submit(operation, back)
        except (QueueFullError, StoppedError) as error:
            loop.call_soon(done, None, error)

    async def _commit(self, what: str, operation: Callable[[Store], Any]) -> None:
        """Wait until it is on the disk. Where it cannot be, go on: after a crash it will be handled again."""
        assert self._loop is not None
        future: asyncio.Future[None] = self._loop.create_future()

        def done(_: Any, error: BaseException | None) -> None:
            if error is not None:
                self._report(f"a batch could not be written down as {what}: {said(error)}")
            if not future.done():
                future.set_result(None)

        self._submit(operation, done)
        await future

    def _heard(self, _: Any, error: BaseException | None) -> None:
        if error is not None:
            self._report(f"what came of a request could not be written down: {said(error)}")
