"""Where the replies of one client of a durable server go: to the connection it has now, or nowhere yet.

A reply is confirmed by a client of the JSON wire itself, with `{"type": "received", "ids": [7]}`; for one of the
plain wire by its WebSocket, which answers the ping that follows the reply. What is not confirmed is sent again to
the client's next connection, so it may come twice, and is never lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from batchdemo.live.requests import Account, Request
from batchdemo.queues.store import Row

PING = b"batchdemo"
PAGE = 500  # replies that are read from the file together
PAGE_TEXT = 2**18  # characters that are sent together: more unread would close the client
MOST_UNCONFIRMED = 100_000  # replies to one client


class Asked(NamedTuple):
    """A ping under way: what its pong confirms, and what is to be done then."""

    payload: bytes
    ids: list[int]
    then: Callable[[], None] | None


class Mailbox:
    """The recipient of a client's replies, whichever connection it has. Of several, the newest gets them all."""

    def __init__(self, account: Account, confirm: Callable[[list[int]], None]) -> None:
        self.account = account
        self._confirm = confirm
        self._connection: Any = None
        self._older: list[Any] = []  # connections of the same client, which get something when the newest has gone
        self._later: list[tuple[Request, str]] | None = None  # while the client is told what it missed
        self._later_rows: list[Row] = []
        self._caught: set[int] = set()  # what it was told of that
        self._asked: deque[Asked] = deque()
        self._sent: set[int] = set()  # replies that this connection was sent and has not confirmed
        self._pings = 0

    @property
    def crowded(self) -> bool:
        """Whether the client confirms nothing, so that no more should be taken from it."""
        return len(self._sent) >= MOST_UNCONFIRMED

    def open(self, connection: Any) -> None:
        """The client has connected, anew where it had a connection; nothing goes out before `caught_up`."""
        if self._connection is not None:
            self._older.append(self._connection)
        self._forget_sent()
        self._connection, self._later = connection, []
        connection.protocol.on_pong = self._ponged

    def close(self, gone: Collection[Any]) -> Any:
        """These connections are no more. The one that is to be opened in their place, where the client has another."""
        self._older = [other for other in self._older if other not in gone]
        if self._connection is None or self._connection not in gone:
            return None
        self._connection = self._later = None
        self._forget_sent()
        return self._older.pop() if self._older else None

    def _forget_sent(self) -> None:
        self._asked.clear()
        self._sent.clear()
        self._caught.clear()
        self._later_rows.clear()

    def received(self, ids: list[int]) -> None:
        """The client confirms these. Those that it was not sent may be somebody else's, and are passed over."""
        own = self._sent.intersection(ids)
        if own:
            self._sent -= own
            self._confirm(sorted(own))

    # --- what it missed ----------------------------------------------------------------------------------

    def caught_up(self, connection: Any, missed: list[Row], read_on: Callable[[int], None]) -> None:
        """Send what it missed, a page at a time, and then what has come meanwhile.

        `read_on(after)` is called once the client has read a page that was not the last.
        """
        if self._connection is not connection or self._later is None:
            return
        page: list[Row] = []
        length = 0
        for row in missed:
            length += len(row.reply or "")
            if page and length > PAGE_TEXT:
                break
            page.append(row)
        last = len(page) == len(missed) < PAGE
        if page:
            self._caught.update(row.id for row in page)
            self._send_rows(page, None if last else lambda: read_on(page[-1].id))
        if last:
            self._catch_up_ends()

    def _catch_up_ends(self) -> None:
        later, self._later = self._later or [], None
        rows = [row for row in self._later_rows if row.id not in self._caught]
        self.deliver([(request, reply) for request, reply in later if request.row not in self._caught])
        self._send_rows(rows, again=False)
        self._caught.clear()
        self._later_rows.clear()

    def came_again(self, row: Row) -> None:
        """A request came once more: tell the client so, and its reply, where there is one already."""
        if self._connection is None:
            return
        self._connection.accept(row.id, row.key, again=True)
        # One that was neither confirmed nor sent yet is on its way, behind those that come before it.
        if row.delivered is not None or row.id in self._sent:
            self._send_rows([row])

    # --- what is new -------------------------------------------------------------------------------------

    def deliver(self, answered: list[tuple[Request, str]]) -> bool:
        """Send it now if the client is there; the file keeps it in any case."""
        if self._later is not None:
            self._later.extend((_kept(request), reply) for request, reply in answered)
        elif self._connection is not None and answered and self._connection.deliver(answered):
            self._watch([request.row for request, _ in answered])
        return True

    def deliver_row(self, row: Row) -> None:
        """The same for what was given up, and now stands in the file so."""
        if self._later is not None:
            self._later_rows.append(row)
        else:
            self._send_rows([row], again=False)

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

    # --- what is confirmed -------------------------------------------------------------------------------

    def _send_rows(self, rows: list[Row], then: Callable[[], None] | None = None, *, again: bool = True) -> None:
        if rows and self._connection is not None and self._connection.deliver_rows(rows, again=again):
            self._watch([row.id for row in rows], then)

    def _watch(self, ids: list[int], then: Callable[[], None] | None = None) -> None:
        self._sent.update(ids)
        if self._connection.as_json:
            if then is None:
                return
            ids = []  # it confirms them itself; the pong says only that it has read them
        self._pings += 1
        payload = PING + self._pings.to_bytes(8, "big")
        self._asked.append(Asked(payload, ids, then))
        self._connection.protocol.ping(payload)

    def _ponged(self, payload: bytes) -> bool:
        """A pong answers its ping and all before it (RFC 6455, section 5.5.3)."""
        if not any(payload == asked.payload for asked in self._asked):
            return False
        while True:
            asked = self._asked.popleft()
            self.received(asked.ids)
            if asked.then is not None:
                asked.then()
            if asked.payload == payload:
                return True


def _kept(request: Request) -> Request:
    """A copy, for the original is emptied once its batch is answered."""
    copy = Request("", request.recipient, request.arrived)  # type: ignore[arg-type]
    for name in ("row", "key", "batch", "position", "outcome"):
        setattr(copy, name, getattr(request, name))
    return copy
