"""uvicorn's WebSocket protocol, taught to keep its bounds, and to do in one step what a batch needs done many times.

On this stack the system call a reply is the greatest single cost, so all that one client gets from a batch
goes out in one write; and a message goes straight into the queue, without waking a task for each. What is
on the wire stays the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.frames import Frame

EXTENSION = "batchdemo.direct"
"""The key in an ASGI scope's `extensions` under which a connection finds its protocol's `Direct`."""

MAX_UNSENT = 4 * 2**20
"""Bytes that may wait for a client that reads slowly, before it is closed."""

OPEN_WITHIN = 10.0
"""Seconds in which the application must have accepted or refused a handshake."""

CLOSE_WITHIN = 10.0
"""Seconds for a client to read what is left, and to say goodbye."""


class SteadyProtocol(WebSocketsSansIOProtocol):
    """Nothing that a client sends, or does not read, takes memory or a connection without bound."""

    _opening: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A handshake has come."""
        super().connection_made(transport)
        self.close_timeout = CLOSE_WITHIN
        self._opening = self.loop.call_later(OPEN_WITHIN, self._not_opened)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        if self._opening is not None:
            self._opening.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes have come, perhaps the last."""
        super().data_received(data)
        self._see_off()

    async def run_asgi(self) -> None:
        """Run the application for this client."""
        await super().run_asgi()
        self._see_off()

    async def send(self, message: Any) -> None:
        """What the application says."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True  # refused is an end of it too, and no error of the application

    def keepalive_timeout(self) -> None:
        """It answers no ping."""
        super().keepalive_timeout()
        self._see_off()

    def shutdown(self) -> None:
        """The server stops. Who is being closed already can be told nothing more."""
        if self.transport.is_closing():
            self.transport.abort()
        else:
            super().shutdown()

    def handle_cont(self, event: Frame) -> None:
        """A further part of a message: joined at once, since a list of many small or empty parts would be large."""
        first = self.frames[0]
        message = first if isinstance(first, bytearray) else bytearray(first)
        message += event.data
        self.frames = [bytes(message) if event.fin else message]  # type: ignore[list-item]
        if event.fin:
            self.send_receive_event_to_app()

    def handle_ping(self) -> None:
        """Answer it, unless the client reads no answers."""
        if self.close_sent:
            self.conn.data_to_send()  # thrown away: after a close frame nothing need be answered
            return
        super().handle_ping()
        self.bound_unsent()

    def handle_parser_exception(self) -> None:
        """What came is no WebSocket frame."""
        if self.conn.close_sent is None:  # the application has not accepted yet, so there's no frame to say it in
            self.transport.abort()
        else:
            super().handle_parser_exception()

    def bound_unsent(self) -> None:
        """Close a client for whom too much waits."""
        if self.transport.get_write_buffer_size() > MAX_UNSENT:
            self.close(1008, f"more than {MAX_UNSENT // 2**20} MiB of replies were waiting to be read")

    def close(self, code: int, reason: str) -> None:
        """Say why, and close: after what the client still reads, or in `CLOSE_WITHIN` if it reads nothing."""
        if self.disconnected or self.close_sent or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def _not_opened(self) -> None:
        if not self.handshake_complete:
            self.logger.warning(f"a WebSocket was dropped: its handshake was not done within {OPEN_WITHIN:g} s")
            self.transport.abort()

    def _see_off(self) -> None:
        """A transport that closes first waits until all is read. Not for ever."""
        if self.transport.is_closing() and self.close_timer is None and not self.disconnected:
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)


class DirectProtocol(SteadyProtocol):
    """Give it to uvicorn as `ws=`. The application finds it in `scope["extensions"][EXTENSION]`."""

    on_text: Callable[[str], None] | None = None
    """Set it to be called with each text message, in place of ASGI's `receive`."""

    async def run_asgi(self) -> None:
        """Offer this protocol to the application, then run it."""
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions[EXTENSION] = self
        await super().run_asgi()

    on_pong: Callable[[bytes], bool] | None = None
    """Set it to be called with each pong; True: it was one of yours."""

    def ping(self, payload: bytes) -> None:
        """Ask the client for a pong, which it gives when it has read all that was sent before."""
        if not (self.disconnected or self.close_sent or self.transport.is_closing()):
            self.conn.send_ping(payload)
            self.transport.write(b"".join(self.conn.data_to_send()))

    def handle_pong(self, event: Frame) -> None:
        """A pong has come, to a ping of ours or of the keepalive."""
        if self.on_pong is None or not self.on_pong(bytes(event.data)):
            super().handle_pong(event)

    def send_receive_event_to_app(self) -> None:
        """A whole message has come: to `on_text` where there is one."""
        if self.on_text is None or self.curr_msg_data_type != "text" or self.close_sent:
            super().send_receive_event_to_app()
            return
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        try:
            text = str(data, "utf-8")
        except UnicodeDecodeError:
            self.close(1007, "a text message must be UTF-8")
            return
        self.on_text(text)

    def send_texts(self, texts: list[str]) -> bool:
        """Send each text as a message of its own, all in one write. False: the client is gone."""
        if self.disconnected or self.close_sent or self.transport.is_closing():
            return False
        conn = self.conn
        try:
            for text in texts:
                conn.send_text(text.encode())
        except InvalidState:  # the closing handshake has begun
            return False
        self.transport.write(b"".join(conn.data_to_send()))
        self.bound_unsent()
        return True

    def hold(self, on: bool) -> None:
        """Read nothing more of this client, or read on. Meanwhile no pong is read, so none is asked for."""
        if self.disconnected or self.transport.is_closing():
            return
        if on:
            self.transport.pause_reading()
            self.stop_keepalive()
        else:
            self.transport.resume_reading()
            self.start_keepalive()
