"""A client's connection: opened, or the error that says why not; and its small packets held together."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidURI
from websockets.typing import Subprotocol

from batchdemo.errors import SendError
from batchdemo.live.connection import SUBPROTOCOL

OPEN_WITHIN = 10.0  # seconds


async def dial(uri: str, *, offer_json: bool) -> ClientConnection:
    """A connection to this address. SendError: it does not answer, or with no WebSocket."""
    shown = uri.split("?", maxsplit=1)[0]  # there may be a token in the rest
    try:
        return await connect(
            uri,
            subprotocols=[Subprotocol(SUBPROTOCOL)] if offer_json else None,
            compression=None,
            open_timeout=OPEN_WITHIN,
            close_timeout=1.0,
            proxy=None if is_loopback(uri) else True,  # a classroom's proxy knows no 127.0.0.1
        )
    except InvalidURI as error:
        raise SendError(f"to must be a WebSocket address, got {shown!r}: {error}") from error
    except (InvalidMessage, InvalidHandshake, EOFError) as error:
        remedy = "Is it the right port, and the right path?"
        if "401" in str(error):
            remedy = "It asks for a token: put ?token=… at the end of the address, or take the server's own ws_url."
        raise SendError(f"{shown} answers, but not with a WebSocket: {error}. {remedy}") from error
    except TimeoutError as error:
        raise SendError(f"{shown} did not finish the handshake within {OPEN_WITHIN:g} s.") from error
    except OSError as error:
        raise SendError(
            f"{shown} cannot be reached: {error.strerror or error}. Is the server running there? "
            "`batchdemo serve` runs one on port 8000."
        ) from error


def why_closed(closed: ConnectionClosed) -> str:
    """What the other side said of it."""
    frame = closed.rcvd
    return f"{frame.code} {frame.reason}".strip() if frame else "no closing handshake"


@contextmanager
def corked(connection: ClientConnection) -> Iterator[None]:
    """Hold small packets back, where the system can, so that what is sent at once also arrives at once.

    Else a tick of the server may fall between two messages of a burst, and part it.
    """
    cork = getattr(socket, "TCP_CORK", None)
    sock = connection.transport.get_extra_info("socket")
    if cork is None or sock is None:
        yield
        return
    sock.setsockopt(socket.IPPROTO_TCP, cork, 1)
    try:
        yield
    finally:
        with suppress(OSError):  # closed meanwhile
            sock.setsockopt(socket.IPPROTO_TCP, cork, 0)


def is_loopback(uri: str) -> bool:
    """Whether the address is this machine's own."""
    host = urlsplit(uri).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
