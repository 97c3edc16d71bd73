"""The client's side of the sockets: connect, send each number at its time, read until all is answered or quiet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from batchdemo.errors import SendError
from batchdemo.live.connection import SUBPROTOCOL
from batchdemo.live.dialling import corked, dial, why_closed
from batchdemo.live.envelope import confirmed, sealed
from batchdemo.live.matching import Accepted, Ledger, Reply, understand
from batchdemo.live.retrying import Waits

SETTLE = 0.1  # seconds for which a reply too many is waited for after the last one due
AT_ONCE = 100  # handshakes under way together


class Conversation:
    """One run over the wire. `began` is time.monotonic() when everybody was connected: zero of the run's times."""

    def __init__(self, template: str, wire_ids: Sequence[int | str], ledger: Ledger, times: Sequence[float] | None,
                 quiet: float, offer_json: bool, waits: Waits | None = None, deadline: float | None = None,
                 ) -> None:  # fmt: skip
        self.ledger = ledger
        self.began = time.monotonic()
        self.ended = 0.0
        self.as_json = False
        self.notes: list[str] = []
        self._template = template
        self._wire_ids = wire_ids
        self._times = times
        self._quiet = quiet
        self._offer_json = offer_json
        self._handshakes = asyncio.Semaphore(AT_ONCE)
        self.order: dict[int, list[int]] = {}  # of each client: the rows it sent, one after the other
        self.retried = 0  # tries after a refusal
        self._waits = waits
        self._deadline = deadline
        self._tried: dict[int, int] = {}  # row: times it was sent, where it was refused
        self._again: set[asyncio.Task[None]] = set()
        self._last = 0.0  # when the last reply was matched or the last request sent

    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.began

    async def hold(self) -> None:
        """Connect every client, then send and read until all requests are answered or nothing comes any more."""
        links: list[ClientConnection] = []
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._connect(wire_id)) for wire_id in self._wire_ids]
            links = [task.result() for task in tasks]
        except* SendError as group_of:
            raise group_of.exceptions[0] from None
        self.as_json = any(link.subprotocol == SUBPROTOCOL for link in links)
        self.began = time.monotonic()
        rows: dict[int, list[int]] = {}
        for row, owner in enumerate(self.ledger.owners):
            rows.setdefault(owner, []).append(row)
        numbered = list(enumerate(links, 1))
        writers = [asyncio.create_task(self._write(link, client, rows.get(client, []))) for client, link in numbered]
        readers = [asyncio.create_task(self._read(link, client)) for client, link in numbered]
        try:
            await self._until_done(writers, readers)
        finally:
            self.ended = self.now()
            under_way: list[asyncio.Task[None]] = [*writers, *readers, *self._again]
            for one in under_way:
                one.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            await asyncio.gather(*(link.close() for link in links), return_exceptions=True)

    async def _until_done(self, writers: list[asyncio.Task[None]], readers: list[asyncio.Task[None]]) -> None:
        settled = 0.0
        while True:
            await asyncio.sleep(0.01)
            if self.ledger.open == 0:
                settled = settled or self.now()
                if self.now() - settled >= SETTLE:
                    return
            elif all(reader.done() for reader in readers):
                return  # every connection has closed: the notes say why
            elif not self._again and all(writer.done() for writer in writers) and self.now() - self._last > self._quiet:
                self.notes.append(f"Nothing came for {self._quiet:g} s, so the rest was given up.")
                return

    async def _connect(self, wire_id: int | str) -> ClientConnection:
        uri = self._template.replace("{client_id}", str(wire_id))
        async with self._handshakes:
            return await dial(uri, offer_json=self._offer_json)

    async def _write(self, link: ClientConnection, client: int, rows: list[int]) -> None:
        ledger = self.ledger
        at_once = self._times is None
        order = self.order.setdefault(client, [])
        with suppress(ConnectionClosed), corked(link) if at_once else nullcontext():  # the reader tells why it closed
            for row in rows:
                if self._times is not None:
                    await asyncio.sleep(self._times[row] - self.now())
                ledger.sent[row] = self._last = self.now()
                order.append(row)
                await link.send(sealed(str(ledger.numbers[row]), self._deadline))

    def _try_again(self, link: ClientConnection, row: int, reply: Reply) -> None:
        """Send what was refused once more, after a polite wait; or leave it refused."""
        assert self._waits is not None
        tried = self._tried[row] = self._tried.get(row, 0) + 1
        wait = self._waits.before_next(tried, reply.retry_after)
        if wait is None:
            return
        self.ledger.reopen(row)
        task = asyncio.create_task(self._send_again(link, row, wait))
        self._again.add(task)
        task.add_done_callback(self._again.discard)

    async def _send_again(self, link: ClientConnection, row: int, wait: float) -> None:
        await asyncio.sleep(wait)
        self.retried += 1
        self._last = self.now()
        self.order[self.ledger.owners[row]].append(row)
        with suppress(ConnectionClosed):
            await link.send(sealed(str(self.ledger.numbers[row]), self._deadline))

    async def _read(self, link: ClientConnection, client: int) -> None:
        as_json = link.subprotocol == SUBPROTOCOL
        try:
            while True:
                message = await link.recv()
                at, before = self.now(), self.ledger.open
                reply = understand(message, as_json=as_json)
                if isinstance(reply, Accepted):
                    continue
                row = self.ledger.take(client, reply, at)
                if row is not None and reply.outcome == "rejected" and self._waits is not None:
                    self._try_again(link, row, reply)
                if self.ledger.open < before:
                    self._last = at
                if reply.id:
                    await link.send(confirmed([reply.id]))
        except ConnectionClosed as closed:
            if len(self.notes) < 10:
                self.notes.append(f"The connection of client {client} was closed by the server: {why_closed(closed)}.")
