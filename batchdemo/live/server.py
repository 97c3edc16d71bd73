"""The server that a notebook launches: the tutorial's, in a thread, with its record and its manners."""

from __future__ import annotations

import copy
import os
import socket
import time
from collections import Counter
from contextlib import suppress
from typing import Any, Self

from batchdemo.arguments import refuse, whole
from batchdemo.errors import ServerError
from batchdemo.handlers import Handler, echo
from batchdemo.live.app import create_app
from batchdemo.live.batcher import TextBatcher
from batchdemo.live.chaos import Chaos, Mischief
from batchdemo.live.connection import Door
from batchdemo.live.durable import DurableBatcher
from batchdemo.live.limits import Limits
from batchdemo.live.listener import LOG_LINES, Listener
from batchdemo.live.parts import Queue, a_policy
from batchdemo.live.ports import enter, leave, stop_all
from batchdemo.live.process import OwnProcess
from batchdemo.live.protocol import DirectProtocol
from batchdemo.live.queue_file import QueueFile
from batchdemo.live.recorder import Answered, Recorder, Seen
from batchdemo.live.requests import Request
from batchdemo.live.scheduler import clockwork
from batchdemo.live.stats import Stats, counted
from batchdemo.live.thread import ServerThread
from batchdemo.policies import FixedInterval, Policy, named
from batchdemo.queues.address import file_of
from batchdemo.queues.checks import a_queue
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
    queue             who goes next, of `bd.queues`: `RoundRobin()`, say; first come, first served by default. Or a
                      file, as "sqlite:///queue.db": what it has accepted is served though the server be killed
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
    token             what clients must name to be let in; `url` and `ws_url` name it, the repr and the log do not
    process           True: in a process of its own, which `chaos.kill()` kills; it starts again at the same address

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
        queue: Queue[Request] | str | None = None,
        max_queue_size: int = 10_000,
        max_pending_per_client: int | None = None,
        overflow: str = "reject",
        deadline: float | None = None,
        on_disconnect: str = "cancel",
        log_size: int = 100_000,
        allowed_hosts: tuple[str, ...] | list[str] = (),
        token: str | None = None,
        process: bool = False,
    ) -> None:
        self._settings = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        self.policy: Policy = FixedInterval() if policy is None else a_policy(policy)
        if not callable(handler):
            refuse("handler", "a function from a list of texts to a list of replies", handler)
        super().__init__(host, port, allowed_hosts, token)
        self.handler = handler
        self.limits = Limits(max_queue_size, max_pending_per_client, overflow, deadline, on_disconnect)
        self._file = QueueFile(file_of(queue), self.log.write) if isinstance(queue, str) else None
        self._queue = None if isinstance(queue, str) else a_queue(queue)
        if self._file is not None and self.limits.overflow != "reject":
            refuse("overflow", "'reject' where the queue is a file", overflow)
        self._isolate = bool(isolate)
        self._slots = whole("max_concurrent_batches", max_concurrent_batches, 1, 100_000)
        self.log_size = whole("log_size", log_size, 1, 10_000_000)
        self.process = bool(process)
        self.began = 0.0  # time.monotonic() at the start: zero of the times in the record
        self._reset()

    def _reset(self) -> None:
        self.recorder = Recorder(self.log_size)
        settings: dict[str, Any] = {
            "clock": self.clock,
            "limits": self.limits,
            "recorder": self.recorder,
            "report": self.log.write,
            "queue": copy.deepcopy(self._queue),
            "max_concurrent_batches": self._slots,
            "isolate": self._isolate,
            "left": self._next_tick_in,
        }
        if self._file is None or self._file.committer is None:
            self._batcher = TextBatcher(self.policy, self.handler, **settings)
        else:
            settings.update(committer=self._file.committer, found=self._file.found)
            self._batcher = DurableBatcher(self.policy, self.handler, **settings)
        self._clockwork = clockwork(self._batcher, self.clock, self.recorder.ticks.append)
        self._door = Door(
            self._batcher,
            self.limits,
            clock=self.clock,
            report=self.log.write,
            max_clients=MAX_CLIENTS,
        )
        self._mischief = Mischief(self._batcher, self._door)

    def clock(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    # --- starting and stopping ---------------------------------------------------------------------------

    def start(self) -> Self:
        """Start, and return this server once it answers. Starting again after a stop begins a new record."""
        if self.process:
            return self._start_process()
        sock = self._bind()
        try:
            self._start_thread(sock)
        except BaseException:
            sock.close()
            self._close_file()
            raise
        self.log.write(f"started at {self._address}: {named(self.policy)}")
        return self

    def _start_thread(self, sock: socket.socket) -> None:
        if self._file is not None:
            self._file.open()
        self.began = time.monotonic()
        self._reset()
        app = create_app(self._batcher, self._clockwork, self.clock, self._door, self._status, self._hosts, self._token)
        self._serve(
            app,
            sock,
            ws=DirectProtocol,
            ws_max_size=MAX_MESSAGE,
            ws_per_message_deflate=False,  # costs a tenth to a quarter of the CPU, for messages of a few bytes
            lifespan="on",
        )

    def stop(self) -> None:
        """Close every client and end the thread or process, within two seconds. Harmless when it is stopped."""
        super().stop()
        self._close_file()

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()

    def _start_process(self) -> Self:
        self._must_not_run()
        port = self._wanted_port or self.port or 0  # clients that come back look where it was
        own = self._thread = OwnProcess({**self._settings, "port": port, "process": False})
        self.port, self.began = own.port, own.began
        enter(self)
        self.log.write(f"started at {self._address} in process {own.pid}: {named(self.policy)}")
        return self

    @property
    def _own(self) -> OwnProcess | None:
        return self._thread if isinstance(self._thread, OwnProcess) else None

    @property
    def pid(self) -> int:
        """The process in which it runs."""
        return os.getpid() if self._own is None else self._own.pid

    def _take_leave(self, thread: ServerThread | OwnProcess) -> None:
        """Every client is closed with 1001, and told how many of its requests go unanswered."""
        if isinstance(thread, OwnProcess):
            with suppress(ServerError):  # killed
                self.log.lines.extend(thread.ask("lines"))
            return
        unanswered = Counter(request.recipient for request in list(self.recorder.requests))
        thread.call(lambda: self._door.close_all(unanswered))

    # --- what can be asked of it -------------------------------------------------------------------------

    @property
    def interval(self) -> float | None:
        """Seconds between the ticks of the policy, None where it has none."""
        interval: float | None = getattr(self.policy, "interval", None)
        return interval

    def stats(self) -> Stats:
        """Clients and requests now, batches and outcomes since the start; seconds up, and to the next tick.

        `next_tick_in` is for a policy without ticks the time to its timer, None where it waits for something to
        happen. `fault` says what the policy did that no policy may; it is empty where all is well.
        """
        if self._own is not None:
            stats: Stats = self._own.ask("stats")
            return stats
        batcher, left = self._batcher, self._next_tick_in()
        return {
            "clients": len(self._door.open),
            "ticks": len(self.recorder.ticks),
            **batcher.counts(),
            "uptime": round(self.clock(), 3) if self.running else 0.0,
            "next_tick_in": (None if left is None else round(left, 3)) if self.running else 0.0,
            "fault": batcher.failure,
        }

    def seen(self, client_ids: set[str]) -> tuple[list[Seen], dict[int, Answered], list[TickRecord]]:
        """What the record holds of these clients, for the run that is made of it. Nothing where it was killed."""
        if self._own is not None:
            try:
                found: tuple[list[Seen], dict[int, Answered], list[TickRecord]] = self._own.ask("seen", client_ids)
            except ServerError:
                return [], {}, []
            return found
        return self.recorder.seen(client_ids)

    def _next_tick_in(self) -> float | None:
        due = self._clockwork.due
        return None if due is None else max(0.0, due - self.clock())

    def time_left(self, requests: int) -> float | None:
        """Seconds until so many requests, which were the last to be sent, are all answered.

        None where the policy has no interval: then it depends on what else comes, and on the handler.
        """
        size = getattr(self.policy, "max_batch_size", None)
        interval = self.interval
        if interval is None or size is None or not self.running:
            return None
        stats = self.stats()
        batches: int = -(-max(requests, int(stats["waiting"] or 0)) // size)
        return float(stats["next_tick_in"] or 0.0) + max(0, batches - 1) * interval

    def _status(self) -> dict[str, object]:
        size = getattr(self.policy, "max_batch_size", None)
        return {**self.stats(), "policy": named(self.policy), "max_batch_size": size, "interval": self.interval}

    # --- what can go wrong --------------------------------------------------------------------------------

    @property
    def chaos(self) -> Chaos:
        """What goes wrong one day, on demand: `server.chaos.slow(2)`."""
        return Chaos(self.order, self._kill)

    def order(self, name: str, *arguments: Any) -> None:
        """Have the server's loop do what `Mischief` calls so."""
        if self._own is not None:
            self._own.ask("order", name, *arguments)
        elif not isinstance(self._thread, ServerThread) or not self._thread.call(
            lambda: getattr(self._mischief, name)(*arguments)
        ):
            raise ServerError("this server does not run, so nothing can go wrong with it. start() it first.")

    def _kill(self) -> None:
        if not self.process:
            raise ServerError("a server in a thread cannot be killed alone. Make it with Server(…, process=True).")
        if self._own is None or not self._own.alive:
            raise ServerError("this server does not run, so there is nothing to kill. start() it first.")
        self._own.kill()
        leave(self)
        self.log.write(f"process {self._own.pid} was killed")

    # --- how it shows itself ------------------------------------------------------------------------------

    def lines(self) -> list[str]:
        """The log so far."""
        return list(self.log)

    def _facts(self) -> list[tuple[str, str]]:
        own = self._own
        alive = "running" if self.running else "stopped"
        if own is not None:
            alive = f"running in process {own.pid}" if self.running else "its process has ended"
        if self._replaced:
            alive += f" (replaced an earlier server on port {self.port})"
        facts = [("state", alive), ("policy", named(self.policy))]
        return facts if own is not None and not self.running else [*facts, *counted(self.stats(), self.running)]
