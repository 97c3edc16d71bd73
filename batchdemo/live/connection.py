"""One client's WebSocket: `/ws/{client_id}` exactly as the tutorial's, and the subprotocol that says more.

Plain text by default: text in, `You wrote: N` out. A client that asks for `batchdemo.v1+json` gets a JSON object
for each reply (its batch, its position, why the batch left, how long it waited) and for each refusal; it sends
text, or `{"type": "request", "text": "7", "deadline": 2.0}`.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Callable, Mapping
from itertools import count

from starlette.types import Receive, Scope, Send

from batchdemo.errors import ArgumentError
from batchdemo.live.batcher import TextBatcher
from batchdemo.live.envelope import opened
from batchdemo.live.limits import Limits
from batchdemo.live.lives import told
from batchdemo.live.protocol import EXTENSION, DirectProtocol
from batchdemo.live.requests import Account, Recipient, Request
from batchdemo.queues.store import Row

SUBPROTOCOL = "batchdemo.v1+json"
CLIENT_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


class Connection:
    """The recipient of replies for one socket; `Door` makes one for each that comes in."""

    def __init__(self, account: Account, protocol: DirectProtocol, *, as_json: bool) -> None:
        self.account = account
        self.protocol = protocol
        self.as_json = as_json

    def deliver(self, answered: list[tuple[Request, str]]) -> bool:
        """Send a batch's replies to this client in one write."""
        if self.as_json:
            return self.protocol.send_texts([_reply_json(request, reply) for request, reply in answered])
        return self.protocol.send_texts([reply for _, reply in answered])

    def refuse(self, text: str, why: str, *, outcome: str = "rejected", retry_after: float | None = None) -> bool:
        """Say that a request is not served, and in how many seconds another try is worth it, where that is known."""
        if self.as_json:
            answer: dict[str, object] = {"type": "refusal", "text": text, "reason": why, "outcome": outcome}
            if retry_after is not None:
                answer["retry_after"] = round(retry_after, 3)
            return self.protocol.send_texts([json.dumps(answer)])
        word = "Failed" if outcome == "failed" else "Rejected"
        again = "" if retry_after is None else f"; try again in {retry_after:.1f} s"
        return self.protocol.send_texts([f"{word}: {why}{again}: {text}"])

    def pause(self) -> None:
        """Read no more of what this client sends."""
        self.protocol.hold(True)

    def resume(self) -> None:
        """Read on."""
        self.protocol.hold(False)

    def deliver_rows(self, rows: list[Row], *, again: bool) -> bool:
        """Send what stands in the file: for the second time, perhaps."""
        if not self.as_json:
            return self.protocol.send_texts([row.reply or "" for row in rows])
        return self.protocol.send_texts([_row_json(row, again) for row in rows])

    def accept(self, row: int, key: str | None, *, again: bool) -> None:
        """Say that a request is on the disk; the plain wire has no word for it."""
        if self.as_json:
            self.protocol.send_texts([json.dumps({"type": "accepted", "id": row, "key": key, "again": again})])


def _row_json(row: Row, again: bool) -> str:
    said = {"id": row.id, "key": row.key, "again": again, "outcome": row.outcome}
    kind = {"served": "reply", "failed": "failure"}.get(row.outcome or "", "refusal")
    if kind == "refusal":
        why = (row.reply or "").removeprefix("Rejected: ").removesuffix(f": {row.text}")
        return json.dumps({"type": kind, "text": row.text, "reason": why, **said})
    life, batch = told(row.batch or 0)
    said.update(batch=batch, position=0, reason="unknown", life=life)
    return json.dumps({"type": kind, "text": row.reply, **said})


def _reply_json(request: Request, reply: str) -> str:
    batch = request.batch
    assert batch is not None
    said: dict[str, object] = {
        "type": "failure" if request.outcome == "failed" else "reply",
        "text": reply,
        "batch": batch.record.batch,
        "position": request.position,
        "reason": batch.record.reason,
        "waiting_time": round(batch.record.released - request.arrived, 6),
    }
    if request.row:
        said.update(id=request.row, key=request.key, life=batch.life)
    return json.dumps(said)


class Door:
    """The ASGI application behind `/ws/{client_id}`: accepts clients, and puts what they send in the queue."""

    def __init__(
        self,
        batcher: TextBatcher,
        limits: Limits,
        *,
        clock: Callable[[], float],
        report: Callable[[str], None],
        max_clients: int,
    ) -> None:
        self.open: set[Connection] = set()
        self._batcher = batcher
        self._deadline = limits.deadline
        self._clock = clock
        self._report = report
        self._max_clients = max_clients
        self._gone: set[Recipient] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket from its handshake to its end."""
        client_id = scope["path_params"]["client_id"]
        protocol: DirectProtocol = scope["extensions"][EXTENSION]
        as_json = SUBPROTOCOL in scope["subprotocols"]
        connection = Connection(self._account(client_id), protocol, as_json=as_json)
        protocol.on_text = self._taker(connection)  # before the accept: the client may send at once
        try:
            await receive()  # websocket.connect
            await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if as_json else None})
            # Accepted first, so that the reason reaches the client: browsers hide the body of a refused handshake.
            if not CLIENT_ID.fullmatch(client_id):
                self._close(protocol, 1008, "the client id in the address must be 1 to 64 of A-Z a-z 0-9 _ . -")
            elif len(self.open) >= self._max_clients:
                self._close(protocol, 1013, f"{self._max_clients} clients are connected, which is the most; try later")
            else:
                self.open.add(connection)
                self._batcher.arrive(connection)
            # Texts go to on_text, so what comes this way is the end, or a message of bytes.
            while (await receive())["type"] != "websocket.disconnect":
                self._close(protocol, 1003, "binary messages are not served: send text")
        finally:
            self._part(connection)

    def _account(self, client_id: str) -> Account:
        account = self._batcher.accounts.get(client_id)
        account.connections += 1
        return account

    def _part(self, connection: Connection) -> None:
        """The connection has ended. What it leaves is looked for once, however many part in this turn of the loop."""
        self.open.discard(connection)
        if not self._gone:
            asyncio.get_running_loop().call_soon(self._clear)
        self._gone.add(connection)

    def _clear(self) -> None:
        gone, self._gone = self._gone, set()
        for connection in gone:
            connection.account.connections -= 1
        self._batcher.leave(gone)

    def _taker(self, connection: Connection) -> Callable[[str], None]:
        submit, clock, deadline = self._batcher.submit, self._clock, self._deadline
        index = count().__next__

        def take(text: str) -> None:
            now, at, after, key = clock(), index(), deadline, None
            if connection.as_json:
                try:
                    text, wanted, key, received = opened(text)
                except ArgumentError as error:
                    connection.refuse(text, f"the request was not understood: {error}")
                    return
                if received is not None:
                    self._batcher.confirm(connection, received)
                    return
                after = wanted if after is None else after if wanted is None else min(after, wanted)
            request = Request(text, connection, now, at, math.inf if after is None else now + after)
            request.key = key
            submit(request)

        return take

    def _close(self, protocol: DirectProtocol, code: int, reason: str) -> None:
        self._report(f"closed a client with {code}: {reason}")
        protocol.close(code, reason)

    def close_all(self, unanswered: Mapping[Recipient | None, int]) -> None:
        """Tell every client that the server stops, and how many of its requests go unanswered."""
        for connection in self.open:
            left = unanswered.get(connection, 0)
            reason = "the server was stopped" + (f"; {left} of your requests were not answered" if left else "")
            connection.protocol.close(1001, reason)
