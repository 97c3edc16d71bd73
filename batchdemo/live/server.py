"""The server that a notebook launches: the tutorial's, in a thread, with its record and its manners."""

from __future__ import annotations

import time
from collections import Counter
from typing import Self

from batchdemo.arguments import refuse, whole
from batchdemo.handlers import Handler, echo
from batchdemo.live.app import create_app
from batchdemo.live.batcher import Batcher
from batchdemo.live.connection import Door
from batchdemo.live.listener import LOG_LINES, Listener
from batchdemo.live.ports import stop_all
from batchdemo.live.protocol import DirectProtocol
from batchdemo.live.recorder import Recorder
from batchdemo.live.scheduler import Ticker
from batchdemo.live.thread import ServerThread
from batchdemo.policies import FixedInterval

__all__ = ["LOG_LINES", "MAX_CLIENTS", "Server", "stop_all"]

MAX_CLIENTS = 10_000
MAX_MESSAGE = 64 * 1024  # bytes of one message from a client


class Server(Listener):
    """A WebSocket server that answers in batches, for a cell, a script or a shell.

    policy            when a batch leaves and how big it is
    handler           takes the texts of a batch, returns as many replies; plain (run in a thread) or async
    host, port        where it listens; port 0 takes a free one
    max_queue_size    requests that may wait, those included whose batch the handler has not answered yet
    log_size          requests, batches and ticks that are remembered, the oldest forgotten first
    allowed_hosts     further names under which a hub or proxy calls it, as `hub.example.org`

    `start` returns a server that answers, or raises; `with Server() as server:` starts and stops. A server
    runs in a daemon thread: an interrupt of the main thread does not end it, `stop`, `stop_all` and the end
    of the process do.
    """

    def __init__(
        self,
        policy: FixedInterval | None = None,
        *,
        handler: Handler = echo,
        host: str = "127.0.0.1",
        port: int = 0,
        max_queue_size: int = 10_000,
        log_size: int = 100_000,
        allowed_hosts: tuple[str, ...] | list[str] = (),
    ) -> None:
        self.policy = FixedInterval() if policy is None else policy
        if not isinstance(self.policy, FixedInterval):
            refuse("policy", "a policy", policy, "For example FixedInterval(max_batch_size=5, interval=5.0).")
        if not callable(handler):
            refuse("handler", "a function from a list of texts to a list of replies", handler)
        super().__init__(host, port, allowed_hosts)
        self.handler = handler
        self._max_queue_size = whole("max_queue_size", max_queue_size, 1, 10_000_000)
        self.log_size = whole("log_size", log_size, 1, 10_000_000)
        self.began = 0.0  # time.monotonic() at the start: zero of the times in the record
        self._reset()

    def _reset(self) -> None:
        self.recorder = Recorder(self.log_size)
        self._batcher = Batcher(
            self.policy,
            self.handler,
            clock=self.clock,
            max_queue_size=self._max_queue_size,
            recorder=self.recorder,
            report=self.log.write,
        )
        self._ticker = Ticker(self.policy.interval, self.clock, self._batcher.wake, self.recorder.ticks.append)
        self._door = Door(
            self._batcher,
            clock=self.clock,
            retry_after=self._next_tick_in,
            report=self.log.write,
            max_clients=MAX_CLIENTS,
        )

    def clock(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    # --- starting and stopping ---------------------------------------------------------------------------

    def start(self) -> Self:
        """Start, and return this server once it answers. Starting again after a stop begins a new record."""
        sock = self._bind()
        self.began = time.monotonic()
        self._reset()
        app = create_app(self._batcher, self._ticker, self._door, self._status, self._hosts)
        self._serve(
            app,
            sock,
            ws=DirectProtocol,
            ws_max_size=MAX_MESSAGE,
            ws_per_message_deflate=False,  # costs a tenth to a quarter of the CPU, for messages of a few bytes
            lifespan="on",
        )
        self.log.write(f"started at {self.url}: {self.policy}")
        return self

    def _take_leave(self, thread: ServerThread) -> None:
        """Every client is closed with 1001, and told how many of its requests go unanswered."""
        unanswered = Counter(request.recipient for request in list(self.recorder.requests))
        thread.call(lambda: self._door.close_all(unanswered))

    # --- what can be asked of it -------------------------------------------------------------------------

    def stats(self) -> dict[str, int | float]:
        """Clients and requests now, batches and outcomes since the start; seconds up, and to the next tick."""
        batcher = self._batcher
        return {
            "clients": len(self._door.open),
            "waiting": len(batcher.queue),
            "handling": batcher.queue.held,
            "ticks": len(self.recorder.ticks),
            "batches": batcher.released,
            "served": batcher.served,
            "failed": batcher.failed,
            "rejected": batcher.rejected,
            "uptime": round(self.clock(), 3) if self.running else 0.0,
            "next_tick_in": round(self._next_tick_in(), 3) if self.running else 0.0,
        }

    def _next_tick_in(self) -> float:
        return max(0.0, self._ticker.due - self.clock())

    def time_left(self, requests: int) -> float:
        """Seconds until so many requests, which were the last to be sent, are all answered."""
        batches = -(-max(requests, len(self._batcher.queue)) // self.policy.max_batch_size)
        return self._next_tick_in() + max(0, batches - 1) * self.policy.interval

    def _status(self) -> dict[str, object]:
        settings = {"max_batch_size": self.policy.max_batch_size, "interval": self.policy.interval}
        return {**self.stats(), **settings}

    def _facts(self) -> list[tuple[str, str]]:
        stats = self.stats()
        state = "running" if self.running else "stopped"
        if self._replaced:
            state += f" (replaced an earlier server on port {self.port})"
        return [
            ("state", state),
            ("policy", str(self.policy)),
            ("waiting", f"{stats['waiting']:,}"),
            ("batches so far", f"{stats['batches']:,}"),
        ]
