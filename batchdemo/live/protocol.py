"""uvicorn's WebSocket protocol, taught to do in one step what a batch needs done many times.

On this stack the system call a reply is the greatest single cost, so all that one client gets from a batch
goes out in one write; and a message goes straight into the queue, without waking a task for each. What is
on the wire stays the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

EXTENSION = "batchdemo.direct"
"""The key in an ASGI scope's `extensions` under which a connection finds its protocol's `Direct`."""

MAX_UNSENT = 4 * 2**20
"""Bytes that may wait for a client that reads slowly, before it is closed."""


class DirectProtocol(WebSocketsSansIOProtocol):
    """Give it to uvicorn as `ws=`. The application finds it in `scope["extensions"][EXTENSION]`."""

    on_text: Callable[[str], None] | None = None
    """Set it to be called with each text message, in place of ASGI's `receive`."""

    async def run_asgi(self) -> None:
        """Offer this protocol to the application, then run it."""
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions[EXTENSION] = self
        await super().run_asgi()

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
        if self.transport.get_write_buffer_size() > MAX_UNSENT:
            self.close(1008, f"more than {MAX_UNSENT // 2**20} MiB of replies were waiting to be read")
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

    def close(self, code: int, reason: str) -> None:
        """Say why, and close: after what the client still reads, or in ten seconds if it reads nothing."""
        if self.disconnected or self.close_sent or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)
