"""Who of this process listens where. A cell that is run again gets its port back, and nobody is forgotten.

A port that an earlier server of this process holds is taken over from it. One that a stranger holds is an
error in the thread that asks, and not in the server's own.
"""

from __future__ import annotations

import atexit
import errno
import socket
import threading
from typing import Protocol

from batchdemo.errors import PortInUseError, ServerError


class Holder(Protocol):
    """Whatever listens on a port and can be told to stop."""

    port: int | None

    def stop(self) -> None:
        """Let go of the port; harmless twice."""


_holders: list[Holder] = []  # in the order of their starts
_lock = threading.Lock()


def holders() -> list[Holder]:
    """Those that listen now."""
    with _lock:
        return list(_holders)


def enter(holder: Holder) -> None:
    """From now on `stop_all` stops it, and its port may be taken over from it."""
    with _lock:
        _holders.append(holder)


def leave(holder: Holder) -> None:
    """Undo `enter`; harmless where there is nothing to undo."""
    with _lock:
        _holders[:] = [other for other in _holders if other is not holder]


def stop_all() -> int:
    """Stop every server of this process, and say how many there were. The last cell of a notebook."""
    stopped = holders()
    for holder in stopped:
        holder.stop()
    return len(stopped)


atexit.register(stop_all)


def listen(host: str, port: int) -> tuple[socket.socket, bool]:
    """A listening socket, and whether an earlier server of this process gave way. Port 0 takes a free one."""
    try:
        return _bound(host, port), False
    except OSError as error:
        earlier = [holder for holder in holders() if holder.port == port]
        if error.errno != errno.EADDRINUSE or not earlier:
            raise _explained(error, host, port) from error
    for holder in earlier:
        holder.stop()
    try:
        return _bound(host, port), True
    except OSError as error:
        raise _explained(error, host, port) from error


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.create_server((host, port), family=family, backlog=2048)
    # asyncio does so only where a socket says its protocol, which this one does not; accepted ones inherit it.
    # Without it a second small reply waits for the client's acknowledgement, up to 40 ms.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _explained(error: OSError, host: str, port: int) -> ServerError:
    if any(thread.name == f"batchdemo-{port}" for thread in threading.enumerate()):
        return ServerError(
            f"port {port} is held by an earlier server of this process, which cannot stop: its handler blocks the "
            "loop. Use port=0, or restart the kernel."
        )
    if error.errno == errno.EADDRINUSE:
        return PortInUseError(
            f"port must be free, got {port}, which another program holds on {host}. "
            "Use port=0 for a free one, or end that program."
        )
    if error.errno == errno.EACCES:
        return ServerError(f"this user may not listen on {host}:{port}. Use port=0, or a port above 1023.")
    return ServerError(f"cannot listen on {host}:{port}: {error.strerror or error}. 127.0.0.1 is always there.")
