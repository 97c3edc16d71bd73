"""One client that outlives its connections: it comes back, sends again what may be lost, and confirms what it has.

Lives in one event loop; `lock` is held while what it knows is changed, for those of other threads who read it.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from batchdemo.errors import SendError
from batchdemo.live.connection import SUBPROTOCOL
from batchdemo.live.dialling import corked, dial, why_closed
from batchdemo.live.envelope import MOST_IDS, confirmed, sealed
from batchdemo.live.matching import Accepted, Ledger, Reply, understand
from batchdemo.live.retrying import Retry, Waits

BACK = Retry(attempts=1_000, base=0.05, cap=2.0)  # between one try to connect and the next
STEADY = 1.0  # seconds after which a connection has proved itself
MOST_NOTES = 10


class Session:
    """What one client sent and heard, over however many connections.

    where    gives the address, each time it connects
    keys     what stands before the number in each key, or None: no keys
    resend   whether to send again, on a new connection, what may be lost
    waits    how to try again what was refused, or None
    """

    def __init__(self, where: Callable[[], str], keys: str | None, resend: bool, waits: Waits | None) -> None:
        self.ledger = Ledger([], [])
        self.lock = threading.Lock()
        self.settled = threading.Event()  # nothing is open, or nothing will come any more
        self.began = time.monotonic()  # zero of the run's times: when it was first connected
        self.state = "connecting"
        self.as_json = False
        self.notes: list[str] = []
        self.reconnects = self.again = self.redelivered = 0
        self.accepted: set[int] = set()  # the server's ids
        self._where = where
        self._keys = keys
        self._resend = resend
        self._waits = waits
        self._owed: set[int] = set()  # ids whose reply is to come
        self._sent_here = self._heard_here = 0  # on this connection: requests sent, and taken or refused
        self._safe: set[int] = set()  # rows that the server has on its disk, known by their keys
        self._had: dict[int, int] = {}  # id: the hash of the reply
        self._tried: dict[int, int] = {}  # row: times it was refused
        self._resting: set[int] = set()  # rows that wait before they are tried again
        self._wanted: set[int] = set()  # rows that were refused, and are to be sent again
        self._begun = 0  # rows that the loop knows of; those after it are being added
        self._queue: deque[int] = deque()
        self._to_confirm: list[int] = []
        self._wake = asyncio.Event()
        self.settled.set()

    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.began

    # --- connections -------------------------------------------------------------------------------------

    async def hold(self, opened: Callable[[], None]) -> None:
        """Connect, and stay connected until cancelled. SendError: the first connection could not be had."""
        link = await dial(self._where(), offer_json=True)
        self.began = time.monotonic()
        opened()
        tried = 0
        while True:
            since = self.now()
            why = await self._talk(link)
            tried = 1 if self.now() - since > STEADY else tried + 1
            link = await self._come_back(why, tried)
            self.reconnects += 1

    async def _come_back(self, why: str, tried: int) -> ClientConnection:
        if len(self.notes) < MOST_NOTES:
            self.notes.append(f"At {self.now():.2f} s the connection was lost ({why}).")
        waits = BACK.waits()
        while True:
            self.state = f"reconnecting ({why})"
            await asyncio.sleep(waits.before_next(min(tried, BACK.attempts - 1), None) or 0.0)
            try:
                return await dial(self._where(), offer_json=True)
            except SendError as error:
                why, tried = str(error).split(". ")[0], tried + 1

    async def _talk(self, link: ClientConnection) -> str:
        """Send and read until the connection is lost: why it was."""
        self.state = "connected"
        self.as_json = link.subprotocol == SUBPROTOCOL
        self._sent_here = self._heard_here = 0
        self._to_confirm.clear()  # the server sends again what it has not heard of
        self._queue = deque(row for row in range(self._begun) if self._due(row))
        self._wake.set()
        writer = asyncio.create_task(self._write(link))
        try:
            while True:
                self._hear(await link.recv())
        except ConnectionClosed as closed:
            return why_closed(closed)
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            with suppress(ConnectionClosed):
                await self._confirm(link)
            await link.close()

    # --- out ---------------------------------------------------------------------------------------------

    def add(self, numbers: list[int]) -> None:
        """These are to be sent too; from any thread. `go_on` sends them."""
        with self.lock:
            self.ledger.add(numbers, 1)
            self.settled.clear()

    def go_on(self) -> None:
        """Send what was added; from within the loop."""
        count = len(self.ledger.numbers)
        self._queue.extend(range(self._begun, count))
        self._begun = count
        self._wake.set()

    def _due(self, row: int) -> bool:
        ledger = self.ledger
        if ledger.replies[row] is not None or row in self._resting:
            return False
        if math.isnan(ledger.sent[row]) or row in self._wanted:
            return True
        return self._resend and row not in self._safe

    async def _write(self, link: ClientConnection) -> None:
        with suppress(ConnectionClosed):  # the reader tells why it closed
            while True:
                await self._wake.wait()
                self._wake.clear()
                with corked(link):
                    await self._confirm(link)
                    while self._queue:
                        await self._send(link, self._queue[0])
                        self._queue.popleft()

    async def _send(self, link: ClientConnection, row: int) -> None:
        ledger = self.ledger
        if ledger.replies[row] is not None:  # the answer to an earlier try came first
            return
        first = math.isnan(ledger.sent[row])
        with self.lock:
            ledger.sent[row] = self.now() if first else ledger.sent[row]  # before it is sent, for the reply may be fast
        self._sent_here += 1
        text, key = str(ledger.numbers[row]), self._key(row) if self.as_json else None
        try:
            await link.send(sealed(text, None, key) if self.as_json else text)
        except ConnectionClosed:
            if first:
                ledger.sent[row] = math.nan
            raise
        self._wanted.discard(row)
        self.again += not first

    def _key(self, row: int) -> str | None:
        return None if self._keys is None else f"{self._keys}{self.ledger.numbers[row]}"

    async def _confirm(self, link: ClientConnection) -> None:
        while self._to_confirm:
            ids, self._to_confirm = self._to_confirm[:MOST_IDS], self._to_confirm[MOST_IDS:]
            await link.send(confirmed(ids))

    # --- in ----------------------------------------------------------------------------------------------

    def _hear(self, message: str | bytes) -> None:
        said = understand(message, as_json=self.as_json)
        with self.lock:
            if isinstance(said, Accepted):
                self._accept(said)
            else:
                self._take(said)
            if self._expects():
                self.settled.clear()
            else:
                self.settled.set()

    def _expects(self) -> bool:
        """Whether something is to come: also a second answer to what a durable server was sent again."""
        unheard = bool(self.accepted) and self._heard_here < self._sent_here
        return bool(self.ledger.open or self._owed or unheard)

    def _accept(self, said: Accepted) -> None:
        self._heard_here += 1
        self.accepted.add(said.id)
        if said.id not in self._had:
            self._owed.add(said.id)
        row = self._row_of(said.key)
        if row is not None:
            self._safe.add(row)

    def _take(self, reply: Reply) -> None:
        if reply.id:
            self._to_confirm.append(reply.id)
            self._wake.set()
            self._owed.discard(reply.id)
            mark = hash(reply.text)
            if self._had.get(reply.id) == mark:
                self.redelivered += 1
                return
            self._had[reply.id] = mark
        else:
            self._heard_here += 1  # refused at the door, where the server is a durable one
        row = self._enter(reply)
        if row is not None and reply.outcome == "rejected" and self._waits is not None:
            self._try_again(row, reply, self._waits)

    def _enter(self, reply: Reply) -> int | None:
        if reply.id and self._keys is not None:
            row = self._row_of(reply.key)
            if row is not None:
                return self.ledger.answer(row, reply, self.now())
            self.ledger.stray("unasked", 1, reply, self.now())  # a client of the same name sent it, some time ago
            return None
        return self.ledger.take(1, reply, self.now())

    def _row_of(self, key: str | None) -> int | None:
        if self._keys is None or not isinstance(key, str) or not key.startswith(self._keys):
            return None
        with suppress(ValueError):
            return self.ledger.row(int(key.removeprefix(self._keys)))
        return None

    def _try_again(self, row: int, reply: Reply, waits: Waits) -> None:
        tried = self._tried[row] = self._tried.get(row, 0) + 1
        wait = waits.before_next(tried, reply.retry_after)
        if wait is None:
            return
        self.ledger.reopen(row)
        self._resting.add(row)
        asyncio.get_running_loop().call_later(wait, self._rested, row)

    def _rested(self, row: int) -> None:
        self._resting.discard(row)
        self._wanted.add(row)
        if self.state == "connected":
            self._queue.append(row)
            self._wake.set()
