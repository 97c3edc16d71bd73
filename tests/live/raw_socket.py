"""A client without manners: bytes on a socket, as no library would send them."""

from __future__ import annotations

import base64
import os
import socket
import struct

TEXT, BINARY, CONTINUED, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}


def dial(server, *, receive_buffer=0):
    """A connection on which nothing was said yet."""
    raw = socket.socket()
    if receive_buffer:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    raw.settimeout(20)
    try:
        raw.connect(("127.0.0.1", server.port))
    except OSError:
        raw.close()
        raise
    return raw


def head(server, path="/", method="GET", **headers):
    """The only request of a connection; `Host` is the server's own unless given."""
    said = {"Host": f"127.0.0.1:{server.port}", "Connection": "close", **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in said.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def handshake_head(server, path="/ws/raw", **headers):
    key = base64.b64encode(os.urandom(16)).decode()
    return head(server, path, **{**UPGRADE, "Sec-WebSocket-Key": key, **headers})


def upgraded(server, path="/ws/raw", *, receive_buffer=0, **headers):
    """A WebSocket, after its handshake."""
    raw = dial(server, receive_buffer=receive_buffer)
    said = b""
    try:
        raw.sendall(handshake_head(server, path, **headers))
        while b"\r\n\r\n" not in said:
            said += raw.recv(1) or b"\r\n\r\n"
    except OSError:
        raw.close()
        raise
    if b" 101 " not in said:
        raw.close()
        raise OSError(said.decode())
    return raw


def frame(payload=b"", opcode=TEXT, *, fin=True, rsv=0, masked=True, length=None):
    """A frame, whose `length` may be a lie."""
    length = len(payload) if length is None else length
    mask_bit = 0x80 if masked else 0
    first = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if length < 126:
        said = bytes([mask_bit | length])
    elif length < 2**16:
        said = bytes([mask_bit | 126]) + struct.pack("!H", length)
    else:
        said = bytes([mask_bit | 127]) + struct.pack("!Q", length)
    return first + said + (bytes(4) if masked else b"") + payload


def rest(raw):
    """All that the server still says, until it closes; a reset is an end as well."""
    said = b""
    try:
        while part := raw.recv(65_536):
            said += part
    except ConnectionError:
        pass
    return said


def asked(server, request):
    """What a server answers to a request that it closes the connection after."""
    with dial(server) as raw:
        raw.sendall(request)
        return rest(raw)


def connections(server):
    """How many connections a server holds, of whatever kind and state."""
    return len(server._thread._uvicorn.server_state.connections)


def served(server, path="/ws/witness"):
    """Whether a client with manners gets its reply."""
    with upgraded(server, path) as raw:
        raw.sendall(frame(b"7"))
        said = b""
        while len(said) < 14:
            part = raw.recv(100)
            if not part:
                return False
            said += part
        return said[2:] == b"You wrote: 7"
