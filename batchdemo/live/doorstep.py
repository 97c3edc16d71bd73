"""What comes before a request or a WebSocket is there: bounded in time, in size and in number.

A server must not be held up by whoever connects and then sends nothing, half a head, or a byte now and then.
uvicorn waits for such a one for ever, and each costs the process an open file, of which a kernel needs some too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from itertools import islice
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

try:
    import resource
except ImportError:  # Windows, where files are not numbered from below
    resource = None  # type: ignore[assignment]

HEAD_WITHIN = 10.0  # seconds for a whole request, and for the reading of an answer
MAX_HEAD = 16 * 1024  # bytes of a request's address and headers
MAX_HEADERS = 100
TOO_LARGE = f"the address and the headers of a request may have {MAX_HEAD // 1024} KiB, and these have more"
MAX_STANDING = 5_000  # connections without a request under way; a burst of clients is as many for a moment
SPARE_FILES = 64  # that the rest of the process may still open when clients have taken all others
MAKE_ROOM = 16  # who stand at the door and are dropped where files are few


class Doorway(ServerState):
    """uvicorn's state of a server, and who stands at its door: the one that has stood longest comes first."""

    def __init__(self) -> None:
        super().__init__()
        self.standing: dict[Doorstep, None] = {}


class Doorstep(H11Protocol):
    """Give it to uvicorn as `http=`; its server's state must be a `Doorway`."""

    server_state: Doorway
    _timer: asyncio.TimerHandle | None = None
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody connects. Where there is no room, those who have stood longest go."""
        super().connection_made(transport)
        standing = self.server_state.standing
        if _is_of_the_last_files(transport):
            for oldest in list(islice(standing, MAKE_ROOM)):
                oldest._drop()
            self.logger.warning("a client was refused: the process has hardly a file left (see ulimit -n)")
            self._refuse(503, "this server has as many connections as its process may have files; try later")
            self.transport.close()
        elif len(standing) >= MAX_STANDING:
            next(iter(standing))._drop()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._step_in()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Something came, perhaps the rest of a request."""
        if not self._refused:
            super().data_received(data)
            self._watch()

    def on_response_complete(self) -> None:
        """The connection may be used again, but not be held."""
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        """The client does not read its answer."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """It reads on."""
        super().resume_writing()
        self._watch()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand over to the WebSocket's protocol, which has bounds of its own, but says nothing when they are hit."""
        why = too_large(len(event.target), self.headers)
        if why is not None:
            self._refuse(431, why)
        else:
            super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP. The application may be at work on what came before: it can answer no more."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        try:
            if len(self.conn.trailing_data[0]) > MAX_HEAD:
                self._refuse(431, TOO_LARGE)
            else:
                self._refuse(400, "what came is no HTTP request")
        except h11.LocalProtocolError:  # half of another answer is out already
            self.transport.abort()

    def shutdown(self) -> None:
        """The server stops."""
        if self.transport.is_closing():
            self.transport.abort()
        else:
            super().shutdown()

    def _watch(self) -> None:
        """Let the clock run where the client is what is waited for, and stop it where the application is."""
        cycle = self.cycle
        at_work = cycle is not None and not cycle.response_complete and not cycle.disconnected
        if (at_work and not self.flow.write_paused) or self.transport.get_protocol() is not self:
            self._step_in()
        elif self._timer is None:
            self._timer = self.loop.call_later(HEAD_WITHIN, self._too_late)
            self.server_state.standing[self] = None

    def _step_in(self) -> None:
        self.server_state.standing.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _drop(self) -> None:
        self._step_in()
        self.transport.abort()

    def _too_late(self) -> None:
        self._timer = None
        if self.transport.is_closing() or self.transport.get_write_buffer_size():
            self.transport.abort()  # a mere close would wait for the client to read what is left
        elif self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            self._refuse(408, f"the request did not come to an end within {HEAD_WITHIN:g} s")
        else:
            self.transport.close()
        self._watch()  # and once more, if it is not gone by then

    def _refuse(self, status: int, why: str) -> None:
        text = f"Refused: {why}\n".encode()
        headers = [("content-type", "text/plain; charset=utf-8"), ("connection", "close"),
                   ("content-length", str(len(text)))]  # fmt: skip
        reason = HTTPStatus(status).phrase.encode()
        answer = h11.Response(status_code=status, headers=headers, reason=reason)
        events: list[Any] = [answer, h11.Data(data=text), h11.EndOfMessage()]
        self.transport.write(b"".join(self.conn.send(event) or b"" for event in events))
        # Not closed before the client has done so, or is late: what it still sends would make the system take the
        # answer back.
        self.transport.write_eof()
        self._refused = True


def too_large(address: int, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """Which bound a request breaks, if any; `address` is its length. h11 has one only for what comes bit by bit."""
    sizes = [len(name) + len(value) for name, value in headers]
    if len(sizes) > MAX_HEADERS:
        return f"a request may have {MAX_HEADERS} headers, and this one has {len(sizes)}"
    return TOO_LARGE if address + sum(sizes) > MAX_HEAD else None


def _is_of_the_last_files(transport: asyncio.Transport) -> bool:
    """Whether the process has few left: a file gets the lowest free number, so a high one says that none is free below.

    Keep no connection with such a number, and the others never take the files that the rest of the process needs.
    """
    if resource is None:
        return False
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    number = transport.get_extra_info("socket").fileno()
    return bool(most != resource.RLIM_INFINITY and number >= most - min(SPARE_FILES, most // 3))
