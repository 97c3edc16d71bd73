"""The sockets on which servers listen."""

from __future__ import annotations

import socket

import pytest

from batchdemo.live.ports import listen


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_what_is_accepted_sends_small_replies_at_once(host):
    sock, replaced = listen(host, 0)
    with sock, socket.create_connection(sock.getsockname()[:2]):
        accepted, _ = sock.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert not replaced
