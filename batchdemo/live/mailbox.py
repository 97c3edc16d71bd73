"""Where the replies of one client of a durable server go: to the connection it has now, or nowhere yet.

A reply is confirmed by a client of the JSON wire itself, with `{"type": "received", "ids": [7]}`; for one of the
plain wire by its WebSocket, which answers the ping that follows the reply. What is not confirmed is sent again to
the client's next connection, so it may come twice, and is never lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from batchdemo.live.requests import Account, Request
from batchdemo.queues.store import Row

PING = b"batchdemo"


class Mailbox:
    """The recipient of a client's replies, whichever connection it has."""

    def __init__(self, account: Account, confirm: Callable[[list[int]], None]) -> None:
        self.account = account
        self._confirm = confirm
        self._connection: Any = None
        self._later: list[tuple[Request, str]] | None = None  # while the client is told what it missed
        self._unconfirmed: deque[tuple[bytes, list[int]]] = deque()
        self._sent: set[int] = set()  # replies that this connection was sent and has not confirmed
        self._pings = 0

    def open(self, connection: Any) -> None:
        """The client has connected, anew where it had a connection; nothing goes out before `caught_up`."""
        self._connection = connection
        self._later = []
        self._forget_sent()
        connection.protocol.on_pong = self._ponged

    def close(self, connection: Any) -> None:
        """That connection is no more."""
        if self._connection is connection:
            self._connection = self._later = None
            self._forget_sent()

    def _forget_sent(self) -> None:
        self._unconfirmed.clear()
        self._sent.clear()

    def received(self, ids: list[int]) -> None:
        """The client confirms these. Those that it was not sent may be somebody else's, and are passed over."""
        own = self._sent.intersection(ids)
        if own:
            self._sent -= own
            self._confirm(sorted(own))

    def caught_up(self, connection: Any, missed: list[Row]) -> None:
        """Send what it missed, in order, and then what has come meanwhile."""
        if self._connection is not connection or self._later is None:
            return
        later, self._later = self._later, None
        sent = {row.id for row in missed}
        if missed:
            connection.deliver_rows(missed)
            self._watch([row.id for row in missed])
        self.deliver([(request, reply) for request, reply in later if request.row not in sent])

    def deliver(self, answered: list[tuple[Request, str]]) -> bool:
        """Send it now if the client is there; the file keeps it in any case."""
        if self._later is not None:
            self._later.extend((_kept(request), reply) for request, reply in answered)
        elif self._connection is not None and answered and self._connection.deliver(answered):
            self._watch([request.row for request, _ in answered])
        return True

    def came_again(self, row: Row) -> None:
        """A request came once more: tell the client so, and its reply, where there is one already."""
        if self._connection is None:
            return
        self._connection.accept(row.id, row.key, again=True)
        if row.state == "done" and self._later is None:
            self._connection.deliver_rows([row])
            self._watch([row.id])

    def accepted(self, request: Request) -> None:
        """It is on the disk."""
        if self._connection is not None:
            self._connection.accept(request.row, request.key, again=False)

    def refuse(self, text: str, why: str, *, outcome: str, retry_after: float | None = None) -> bool:
        """Tell the client, if it is there."""
        if self._connection is None:
            return False
        told: bool = self._connection.refuse(text, why, outcome=outcome, retry_after=retry_after)
        return told

    def pause(self) -> None:
        """Nobody waits outside a durable server."""

    def resume(self) -> None:
        """Nobody waits outside a durable server."""

    def _watch(self, ids: list[int]) -> None:
        if self._connection is None:
            return
        self._sent.update(ids)
        if self._connection.as_json:
            return
        self._pings += 1
        payload = PING + self._pings.to_bytes(8, "big")
        self._unconfirmed.append((payload, ids))
        self._connection.protocol.ping(payload)

    def _ponged(self, payload: bytes) -> bool:
        """A pong answers its ping and all before it (RFC 6455, section 5.5.3)."""
        if not any(payload == sent for sent, _ in self._unconfirmed):
            return False
        ids: list[int] = []
        while self._unconfirmed:
            sent, of_ping = self._unconfirmed.popleft()
            ids += of_ping
            if sent == payload:
                break
        self.received(ids)
        return True


def _kept(request: Request) -> Request:
    """A copy, for the original is emptied once its batch is answered."""
    copy = Request("", request.recipient, request.arrived)  # type: ignore[arg-type]
    for name in ("row", "key", "batch", "position", "outcome"):
        setattr(copy, name, getattr(request, name))
    return copy
