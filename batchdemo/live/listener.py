"""What every server of ours has, whatever it serves: an address, a thread that answers there, a log, an end."""

from __future__ import annotations

import html
import socket
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, Protocol, Self

from starlette.types import ASGIApp

from batchdemo.arguments import refuse, whole
from batchdemo.errors import ServerError
from batchdemo.live.guard import HOST, LOOPBACK
from batchdemo.live.logs import Log
from batchdemo.live.ports import enter, leave, listen
from batchdemo.live.thread import ServerThread
from batchdemo.live.token import DiscreetLog, a_token, as_query

LOG_LINES = 1_000


class Life(Protocol):
    """One run of a server, in a thread or in a process: ended once, and not begun again."""

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        ...

    def stop(self) -> bool:
        """End it, within bounds. False: it does not end by itself."""
        ...


class Listener(ABC):
    """The life that `Server` and `Background` share. A subclass says what is served, and what its repr tells.

    A server runs in a daemon thread: an interrupt of the main thread does not end it, `stop`, `stop_all` and
    the end of the process do.
    """

    def __init__(
        self, host: str, port: int, allowed_hosts: tuple[str, ...] | list[str], token: str | None = None
    ) -> None:
        if not isinstance(host, str) or not host:
            refuse("host", "a name or an address to listen on", host, "127.0.0.1 is this machine alone.")
        if isinstance(allowed_hosts, str) or not all(isinstance(name, str) for name in allowed_hosts):
            refuse("allowed_hosts", "a list of host names", allowed_hosts)
        for name in allowed_hosts:
            if not HOST.fullmatch(name):
                refuse("allowed_hosts", "a list of host names", name, "Such as hub.example.org, or localhost:8888.")
        self.host = host
        self.port: int | None = None
        self._token = a_token(token)
        self.log = Log(LOG_LINES) if token is None else DiscreetLog(LOG_LINES, token)
        self._wanted_port = whole("port", port, 0, 65_535, "0 takes a free one.")
        self._hosts = LOOPBACK | {host.lower()} | {name.lower() for name in allowed_hosts}
        self._thread: Life | None = None
        self._replaced = False

    @abstractmethod
    def start(self) -> Self:
        """Start, and return this server once it answers; else raise why it does not."""

    @abstractmethod
    def _facts(self) -> list[tuple[str, str]]:
        """What the repr tells, as names and values."""

    def _must_not_run(self) -> None:
        if self.running:
            raise ServerError(f"this server is running already, at {self._address}. Use it, or stop() it first.")

    def _bind(self) -> socket.socket:
        self._must_not_run()
        sock, self._replaced = listen(self.host, self._wanted_port)
        self.port = sock.getsockname()[1]
        return sock

    def _serve(self, app: ASGIApp, sock: socket.socket, **settings: Any) -> None:
        thread = self._thread = ServerThread(app, sock, self.log, **settings)
        try:
            thread.start()
        except BaseException:  # an interrupt too: no half-started server is left behind
            thread.stop()
            self._thread = None
            raise
        enter(self)

    def stop(self) -> None:
        """Close every client and end the thread, within two seconds. Harmless when it is stopped."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        leave(self)
        self._take_leave(thread)
        if thread.stop():
            self.log.write("stopped")
        else:
            self.log.write("told to stop; a handler blocks the loop, and the thread ends when that returns")

    def _take_leave(self, life: Any) -> None:  # noqa: B027  - most have nothing to say
        """Whatever the clients are to be told before they are closed."""

    def __enter__(self) -> Self:
        return self if self.running else self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether it answers now."""
        return self._thread is not None and self._thread.alive

    @property
    def url(self) -> str:
        """Where the page is. Where there is a token it holds it, so that the link opens: give it only to friends."""
        return self._address + as_query(self._token)

    @property
    def ws_url(self) -> str:
        """Where clients connect; `{client_id}` is for each to fill in. It holds the token, where there is one."""
        return f"ws://{self._netloc}/ws/{{client_id}}{as_query(self._token)}"

    @property
    def _address(self) -> str:
        """Where the page is, without the token: for everybody's eyes."""
        return f"http://{self._netloc}/"

    @property
    def _netloc(self) -> str:
        if self.port is None:
            raise ServerError("this server was never started, so it has no address yet. start() it first.")
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    def __repr__(self) -> str:
        where = "" if self.port is None else f" {self._address}"
        facts = ", ".join(f"{name}: {value}" for name, value in self._told())
        return f"<{type(self).__name__}{where} {facts}>"

    def _repr_html_(self) -> str:
        shown = "none yet" if self.port is None else html.escape(self._address)
        if self.running:
            shown = f'<a href="{html.escape(self.url)}" target="_blank" rel="noopener noreferrer">{shown}</a>'
        rows = "".join(f"<tr><th>{name}</th><td>{html.escape(value)}</td></tr>" for name, value in self._told())
        return f"<table><tr><th>{type(self).__name__}</th><td>{shown}</td></tr>{rows}</table>"

    def _told(self) -> list[tuple[str, str]]:
        return self._facts() if self._token is None else [*self._facts(), ("token", "asked for")]
