"""One client's WebSocket: `/ws/{client_id}` exactly as the tutorial's, and the subprotocol that says more.

Plain text by default: text in, `You wrote: N` out. A client that asks for `batchdemo.v1+json` still sends
text, and gets a JSON object for each reply (its batch, its position, why the batch left, how long it
waited) and for each refusal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from itertools import count

from starlette.types import Receive, Scope, Send

from batchdemo.live.batcher import Recipient, Request, TextBatcher
from batchdemo.live.protocol import EXTENSION, DirectProtocol

SUBPROTOCOL = "batchdemo.v1+json"
CLIENT_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


class Connection:
    """The recipient of replies for one socket; `Door` makes one for each that comes in."""

    def __init__(self, client_id: str, protocol: DirectProtocol, *, as_json: bool) -> None:
        self.client_id = client_id
        self.protocol = protocol
        self._as_json = as_json

    def deliver(self, answered: list[tuple[Request, str]]) -> bool:
        """Send a batch's replies to this client in one write."""
        if self._as_json:
            return self.protocol.send_texts([_reply_json(request, reply) for request, reply in answered])
        return self.protocol.send_texts([reply for _, reply in answered])

    def refuse(self, text: str, why: str, *, outcome: str = "rejected", retry_after: float | None = None) -> bool:
        """Say that a request is not served, and in how many seconds another try is worth it, where that is known."""
        if self._as_json:
            answer: dict[str, object] = {"type": "refusal", "text": text, "reason": why, "outcome": outcome}
            if retry_after is not None:
                answer["retry_after"] = round(retry_after, 3)
            return self.protocol.send_texts([json.dumps(answer)])
        word = "Failed" if outcome == "failed" else "Rejected"
        again = "" if retry_after is None else f"; try again in {retry_after:.1f} s"
        return self.protocol.send_texts([f"{word}: {why}{again}: {text}"])


def _reply_json(request: Request, reply: str) -> str:
    batch = request.batch
    assert batch is not None
    return json.dumps(
        {
            "type": "failure" if request.outcome == "failed" else "reply",
            "text": reply,
            "batch": batch.record.batch,
            "position": request.position,
            "reason": batch.record.reason,
            "waiting_time": round(batch.record.released - request.arrived, 6),
        }
    )


class Door:
    """The ASGI application behind `/ws/{client_id}`: accepts clients, and puts what they send in the queue."""

    def __init__(
        self,
        batcher: TextBatcher,
        *,
        clock: Callable[[], float],
        retry_after: Callable[[], float | None],
        report: Callable[[str], None],
        max_clients: int,
    ) -> None:
        self.open: set[Connection] = set()
        self._batcher = batcher
        self._clock = clock
        self._retry_after = retry_after
        self._report = report
        self._max_clients = max_clients

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket from its handshake to its end."""
        client_id = scope["path_params"]["client_id"]
        protocol: DirectProtocol = scope["extensions"][EXTENSION]
        as_json = SUBPROTOCOL in scope["subprotocols"]
        connection = Connection(client_id, protocol, as_json=as_json)
        protocol.on_text = self._taker(connection)  # before the accept: the client may send at once
        await receive()  # websocket.connect
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if as_json else None})
        # Accepted first, so that the reason reaches the client: browsers hide the body of a refused handshake.
        if not CLIENT_ID.fullmatch(client_id):
            self._close(protocol, 1008, "the client id in the address must be 1 to 64 of A-Z a-z 0-9 _ . -")
        elif len(self.open) >= self._max_clients:
            self._close(protocol, 1013, f"{self._max_clients} clients are connected, which is the most; try later")
        else:
            self.open.add(connection)
        try:
            # Texts go to on_text, so what comes this way is the end, or a message of bytes.
            while (await receive())["type"] != "websocket.disconnect":
                self._close(protocol, 1003, "binary messages are not served: send text")
        finally:
            self.open.discard(connection)

    def _taker(self, connection: Connection) -> Callable[[str], None]:
        submit, clock = self._batcher.submit, self._clock
        index = count().__next__

        def take(text: str) -> None:
            if not submit(Request(text, connection, clock(), index())):
                connection.refuse(text, self._batcher.refusal, retry_after=self._retry_after())

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
