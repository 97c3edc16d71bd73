"""The server that a notebook launches: the tutorial's, in a thread, with its record and its manners."""

from __future__ import annotations

import atexit
import errno
import html
import socket
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Any

from batchdemo.arguments import refuse, whole
from batchdemo.errors import PortInUseError, ServerError
from batchdemo.handlers import Handler, echo
from batchdemo.live.app import create_app
from batchdemo.live.batcher import Batcher
from batchdemo.live.connection import Door
from batchdemo.live.guard import LOOPBACK
from batchdemo.live.logs import Log
from batchdemo.live.recorder import Recorder
from batchdemo.live.scheduler import Ticker
from batchdemo.live.thread import ServerThread
from batchdemo.policies import FixedInterval

MAX_CLIENTS = 10_000
LOG_LINES = 1_000


class Server:
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
        if not isinstance(host, str) or not host:
            refuse("host", "a name or an address to listen on", host, "127.0.0.1 is this machine alone.")
        if isinstance(allowed_hosts, str) or not all(isinstance(name, str) for name in allowed_hosts):
            refuse("allowed_hosts", "a list of host names", allowed_hosts)
        self.handler = handler
        self.host = host
        self._wanted_port = whole("port", port, 0, 65_535, "0 takes a free one.")
        self._max_queue_size = whole("max_queue_size", max_queue_size, 1, 10_000_000)
        self.log_size = whole("log_size", log_size, 1, 10_000_000)
        self._hosts = LOOPBACK | {host.lower()} | {name.lower() for name in allowed_hosts}
        self.port: int | None = None
        self.log = Log(LOG_LINES)
        self.began = 0.0  # time.monotonic() at the start: zero of the times in the record
        self._thread: ServerThread | None = None
        self._replaced = False
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

    def start(self) -> Server:
        """Start, and return this server once it answers. Starting again after a stop begins a new record."""
        if self.running:
            raise ServerError(f"this server is running already, at {self.url}. Use it, or stop() it first.")
        sock = self._bind()
        self.port = sock.getsockname()[1]
        self.began = time.monotonic()
        self._reset()
        app = create_app(self._batcher, self._ticker, self._door, self._status, self._hosts)
        self._thread = ServerThread(app, sock, self.log)
        try:
            self._thread.start()
        except BaseException:  # an interrupt too: no half-started server is left behind
            self._thread.stop()
            raise
        with _lock:
            _running[self.port] = self
        self.log.write(f"started at {self.url}: {self.policy}")
        return self

    def _bind(self) -> socket.socket:
        """The listening socket. A port that an earlier server of this process holds is taken over from it."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        address = (self.host, self._wanted_port)
        self._replaced = False
        try:
            return socket.create_server(address, family=family, backlog=2048)
        except OSError as error:
            earlier = _running.get(self._wanted_port)
            if error.errno != errno.EADDRINUSE or earlier is None:
                raise self._bind_error(error) from error
        earlier.stop()
        self._replaced = True
        try:
            return socket.create_server(address, family=family, backlog=2048)
        except OSError as error:
            raise self._bind_error(error) from error

    def _bind_error(self, error: OSError) -> ServerError:
        where = f"{self.host}:{self._wanted_port}"
        if any(thread.name == f"batchdemo-{self._wanted_port}" for thread in threading.enumerate()):
            return ServerError(
                f"port {self._wanted_port} is held by an earlier server of this process, which cannot stop: its "
                "handler blocks the loop. Use port=0, or restart the kernel."
            )
        if error.errno == errno.EADDRINUSE:
            return PortInUseError(
                f"port must be free, got {self._wanted_port}, which another program holds on {self.host}. "
                "Use port=0 for a free one, or end that program."
            )
        if error.errno == errno.EACCES:
            return ServerError(f"this user may not listen on {where}. Use port=0, or a port above 1023.")
        return ServerError(f"cannot listen on {where}: {error.strerror or error}. 127.0.0.1 is always there.")

    def stop(self) -> None:
        """Close every client with 1001 and end the thread, within two seconds. Harmless when it is stopped."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        with _lock:
            if self.port is not None and _running.get(self.port) is self:
                del _running[self.port]
        unanswered = Counter(request.recipient for request in list(self.recorder.requests))
        thread.call(lambda: self._door.close_all(unanswered))
        if thread.stop():
            self.log.write("stopped")
        else:
            self.log.write("told to stop; a handler blocks the loop, and the thread ends when that returns")

    def __enter__(self) -> Server:
        return self if self.running else self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    # --- what can be asked of it -------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether it answers now."""
        return self._thread is not None and self._thread.alive

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{self._netloc}/"

    @property
    def ws_url(self) -> str:
        """Where clients connect; `{client_id}` is for each to fill in."""
        return f"ws://{self._netloc}/ws/{{client_id}}"

    @property
    def _netloc(self) -> str:
        if self.port is None:
            raise ServerError("this server was never started, so it has no address yet. start() it first.")
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

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

    def __repr__(self) -> str:
        where = "" if self.port is None else f" {self.url}"
        return f"<Server{where} {', '.join(f'{name}: {value}' for name, value in self._facts())}>"

    def _repr_html_(self) -> str:
        link = "" if self.port is None else html.escape(self.url)
        address = f'<a href="{link}" target="_blank" rel="noopener">{link}</a>' if self.running else link or "none yet"
        rows = "".join(f"<tr><th>{name}</th><td>{html.escape(value)}</td></tr>" for name, value in self._facts())
        return f"<table><tr><th>Server</th><td>{address}</td></tr>{rows}</table>"


_running: dict[int, Server] = {}  # by port: who to replace, and whom stop_all stops
_lock = threading.Lock()


def stop_all() -> int:
    """Stop every server of this process, and say how many there were. The last cell of a notebook."""
    with _lock:
        servers: list[Any] = list(_running.values())
    for server in servers:
        server.stop()
    return len(servers)


atexit.register(stop_all)
