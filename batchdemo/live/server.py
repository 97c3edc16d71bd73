"""The server that a notebook launches: the tutorial's, in a thread, with its record and its manners."""

from __future__ import annotations

import copy
import time
from collections import Counter
from typing import Self

from batchdemo.arguments import refuse, whole
from batchdemo.handlers import Handler, echo
from batchdemo.live.app import create_app
from batchdemo.live.batcher import TextBatcher
from batchdemo.live.connection import Door
from batchdemo.live.limits import Limits
from batchdemo.live.listener import LOG_LINES, Listener
from batchdemo.live.parts import Queue, a_policy, a_queue
from batchdemo.live.ports import stop_all
from batchdemo.live.protocol import DirectProtocol
from batchdemo.live.recorder import Answered, Recorder, Seen
from batchdemo.live.requests import Request
from batchdemo.live.scheduler import clockwork
from batchdemo.live.thread import ServerThread
from batchdemo.policies import FixedInterval, Policy, named
from batchdemo.records import TickRecord

__all__ = ["LOG_LINES", "MAX_CLIENTS", "Server", "stop_all"]

MAX_CLIENTS = 10_000
MAX_MESSAGE = 64 * 1024  # bytes of one message from a client


class Server(Listener):
    """A WebSocket server that answers in batches, for a cell, a script or a shell.

    policy            when a batch leaves and how big it is
    handler           takes the texts of a batch, returns as many replies; plain (run in a thread) or async
    host, port        where it listens; port 0 takes a free one
    max_concurrent_batches   how many are handled at once; further ones wait in the order of their release
    isolate           where the handler fails, try halves of the batch until what fails stands alone
    queue             who goes next, of `bd.queues`: `RoundRobin()`, say; first come, first served by default
    max_queue_size    requests that may wait, those included whose batch the handler has not answered yet
    max_pending_per_client   requests of one client among these
    overflow          what happens to one more: "reject" it, let it "wait" outside and read no more of its client,
                      or "drop_oldest" of those that wait
    deadline          seconds after its arrival at which a request leaves the queue unserved; a client of the JSON
                      wire may ask for less
    on_disconnect     "cancel" what a client that goes has left in the queue, or "keep" and handle it, as the
                      tutorial does
    log_size          requests, batches and ticks that are remembered, the oldest forgotten first
    allowed_hosts     further names under which a hub or proxy calls it, as `hub.example.org`

    `start` returns a server that answers, or raises; `with Server() as server:` starts and stops. A server
    runs in a daemon thread: an interrupt of the main thread does not end it, `stop`, `stop_all` and the end
    of the process do.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        max_concurrent_batches: int = 1,
        handler: Handler = echo,
        host: str = "127.0.0.1",
        port: int = 0,
        isolate: bool = False,
        queue: Queue[Request] | None = None,
        max_queue_size: int = 10_000,
        max_pending_per_client: int | None = None,
        overflow: str = "reject",
        deadline: float | None = None,
        on_disconnect: str = "cancel",
        log_size: int = 100_000,
        allowed_hosts: tuple[str, ...] | list[str] = (),
    ) -> None:
        self.policy: Policy = FixedInterval() if policy is None else a_policy(policy)
        if not callable(handler):
            refuse("handler", "a function from a list of texts to a list of replies", handler)
        super().__init__(host, port, allowed_hosts)
        self.handler = handler
        self.limits = Limits(max_queue_size, max_pending_per_client, overflow, deadline, on_disconnect)
        self._queue = a_queue(queue)
        self._isolate = bool(isolate)
        self._slots = whole("max_concurrent_batches", max_concurrent_batches, 1, 100_000)
        self.log_size = whole("log_size", log_size, 1, 10_000_000)
        self.began = 0.0  # time.monotonic() at the start: zero of the times in the record
        self._reset()

    def _reset(self) -> None:
        self.recorder = Recorder(self.log_size)
        self._batcher = TextBatcher(
            self.policy,
            self.handler,
            clock=self.clock,
            limits=self.limits,
            recorder=self.recorder,
            report=self.log.write,
            queue=copy.deepcopy(self._queue),
            max_concurrent_batches=self._slots,
            isolate=self._isolate,
            left=self._next_tick_in,
        )
        self._clockwork = clockwork(self._batcher, self.clock, self.recorder.ticks.append)
        self._door = Door(
            self._batcher,
            self.limits,
            clock=self.clock,
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
        app = create_app(self._batcher, self._clockwork, self.clock, self._door, self._status, self._hosts)
        self._serve(
            app,
            sock,
            ws=DirectProtocol,
            ws_max_size=MAX_MESSAGE,
            ws_per_message_deflate=False,  # costs a tenth to a quarter of the CPU, for messages of a few bytes
            lifespan="on",
        )
        self.log.write(f"started at {self.url}: {named(self.policy)}")
        return self

    def _take_leave(self, thread: ServerThread) -> None:
        """Every client is closed with 1001, and told how many of its requests go unanswered."""
        unanswered = Counter(request.recipient for request in list(self.recorder.requests))
        thread.call(lambda: self._door.close_all(unanswered))

    # --- what can be asked of it -------------------------------------------------------------------------

    @property
    def interval(self) -> float | None:
        """Seconds between the ticks of the policy, None where it has none."""
        interval: float | None = getattr(self.policy, "interval", None)
        return interval

    def stats(self) -> dict[str, int | float | str | None]:
        """Clients and requests now, batches and outcomes since the start; seconds up, and to the next tick.

        `next_tick_in` is for a policy without ticks the time to its timer, None where it waits for something to
        happen. `fault` says what the policy did that no policy may; it is empty where all is well.
        """
        batcher, left = self._batcher, self._next_tick_in()
        return {
            "clients": len(self._door.open),
            "waiting": batcher.waiting,
            "handling": batcher.held,
            "ticks": len(self.recorder.ticks),
            "batches": batcher.released,
            "served": batcher.served,
            "failed": batcher.failed,
            "rejected": batcher.rejected,
            "expired": batcher.expired,
            "cancelled": batcher.cancelled,
            "uptime": round(self.clock(), 3) if self.running else 0.0,
            "next_tick_in": (None if left is None else round(left, 3)) if self.running else 0.0,
            "fault": batcher.failure,
        }

    def seen(self, client_ids: set[str]) -> tuple[list[Seen], dict[int, Answered], list[TickRecord]]:
        """What the record holds of these clients, for the run that is made of it."""
        return self.recorder.seen(client_ids)

    def _next_tick_in(self) -> float | None:
        due = self._clockwork.due
        return None if due is None else max(0.0, due - self.clock())

    def time_left(self, requests: int) -> float | None:
        """Seconds until so many requests, which were the last to be sent, are all answered.

        None where the policy has no interval: then it depends on what else comes, and on the handler.
        """
        size, left = getattr(self.policy, "max_batch_size", None), self._next_tick_in()
        if self.interval is None or size is None or left is None:
            return None
        batches = -(-max(requests, self._batcher.waiting) // size)
        return float(left + max(0, batches - 1) * self.interval)

    def _status(self) -> dict[str, object]:
        size = getattr(self.policy, "max_batch_size", None)
        return {**self.stats(), "policy": named(self.policy), "max_batch_size": size, "interval": self.interval}

    def _facts(self) -> list[tuple[str, str]]:
        state = "running" if self.running else "stopped"
        if self._replaced:
            state += f" (replaced an earlier server on port {self.port})"
        return [
            ("state", state),
            ("policy", named(self.policy)),
            *self._faults(),
            ("waiting", f"{self._batcher.waiting:,}"),
            ("batches so far", f"{self._batcher.released:,}"),
        ]

    def _faults(self) -> list[tuple[str, str]]:
        """What is wrong with the policy, if anything."""
        if self._batcher.failure:
            return [("the policy failed, and nothing is taken any more", self._batcher.failure)]
        if self.running and self._clockwork.due is None and self._batcher.waits_for_ever:
            return [("nothing will happen", "the policy waits, with no batch handled and no timer set")]
        return []
