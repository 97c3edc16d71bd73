"""Clients that mean no good, for `soak.py`: half a handshake, noise, broken JSON, and one that reads nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

SUBPROTOCOL = "batchdemo.v1+json"
GONE = (OSError, EOFError, TimeoutError, ConnectionClosed, InvalidHandshake, InvalidMessage)
WORDS = (
    '{"type":',
    '{"type": "request"}',
    '{"type": "request", "text": "1", "key": 7}',
    '{"type": "received", "ids": [1, 2, 3]}',
    '{"type": "received", "ids": [1, 2, 3, 1e99]}',
    "[" * 9_999,
)


class Pests:
    """One that comes as another each time; `visits` counts them."""

    def __init__(self, url, dice):
        self.url = url
        self.dice = dice
        self.visits = 0

    async def run(self):
        """One after the other, until cancelled."""
        while True:
            with suppress(*GONE):
                await asyncio.wait_for(
                    self.dice.choice([self.half, self.bytes, self.frames, self.words, self.deaf])(), 6
                )
            self.visits += 1
            await asyncio.sleep(self.dice.uniform(0.0, 0.2))

    def port(self):
        """Where the server listens."""
        return int(self.url.split(":")[2].split("/")[0])

    async def half(self):
        """Half a handshake, and silence."""
        _, writer = await asyncio.open_connection("127.0.0.1", self.port())
        writer.write(b"GET /ws/pest HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: webs")
        await asyncio.sleep(self.dice.uniform(0.0, 3.0))
        writer.transport.abort()

    async def bytes(self):
        """Noise before any handshake."""
        _, writer = await asyncio.open_connection("127.0.0.1", self.port())
        writer.write(self.dice.randbytes(self.dice.randint(1, 5_000)))
        await asyncio.sleep(0.1)
        writer.transport.abort()

    async def frames(self):
        """Noise after one."""
        async with connect(self.url.replace("{client_id}", "pest"), compression=None, close_timeout=1) as link:
            link.transport.write(self.dice.randbytes(self.dice.randint(1, 5_000)))
            await asyncio.sleep(0.1)
            link.transport.abort()

    async def words(self):
        """JSON that is none, or breaks its rules."""
        async with connect(
            self.url.replace("{client_id}", "pest"), subprotocols=[SUBPROTOCOL], close_timeout=1
        ) as link:
            for text in WORDS:
                await link.send(text)
            link.transport.abort()

    async def deaf(self):
        """Asks for much, and reads nothing of it."""
        async with connect(self.url.replace("{client_id}", "pest"), compression=None, close_timeout=1) as link:
            link.transport.pause_reading()
            for _ in range(20):
                await link.send("x" * 1_000)
            await asyncio.sleep(self.dice.uniform(0.0, 3.0))
            link.transport.abort()
