"""What an unfriendly client may try: to come in, to stall, to be large, to be many, and never to read."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import subprocess
import sys
import time

import pytest
from fastapi import FastAPI, Request, WebSocket
from raw_socket import (
    BINARY,
    CLOSE,
    CONTINUED,
    PING,
    TEXT,
    asked,
    connections,
    dial,
    frame,
    handshake_head,
    head,
    rest,
    served,
    upgraded,
)

import batchdemo as bd
from batchdemo.errors import ArgumentError
from batchdemo.live import doorstep, protocol

FAST = bd.FixedInterval(5, 0.02)


@pytest.fixture
def server():
    with bd.Server(FAST) as server:
        yield server


@pytest.fixture
def soon(monkeypatch):
    """All patience is short."""
    monkeypatch.setattr(doorstep, "HEAD_WITHIN", 0.3)
    monkeypatch.setattr(protocol, "OPEN_WITHIN", 0.3)
    monkeypatch.setattr(protocol, "CLOSE_WITHIN", 0.3)


def standing(server):
    return len(server._thread._uvicorn.server_state.standing)


def status(said):
    return int(said.split(b" ", 2)[1])


# --- those who stall ------------------------------------------------------------------------------------------

POST = b"POST /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
STALLS = {
    "nothing": (b"", b""),
    "half a head": (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b""),
    "half a handshake": (b"GET /ws/1 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n", b""),
    "a head byte by byte": (b"GET / HTTP/1.1\r\nX: ", b"x"),
    "a body byte by byte": (POST, b"x"),
    "no second request": (b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n", b""),
    "a second request byte by byte": (b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nX: ", b"x"),
}


@pytest.mark.parametrize("stall", STALLS)
def test_who_stalls_is_dropped_in_time(soon, server, until, stall):
    first, byte = STALLS[stall]
    with dial(server) as raw:
        raw.sendall(first)
        until(lambda: connections(server) == 1)

        def gone():
            with contextlib.suppress(OSError):
                raw.send(byte)
            return connections(server) == 0

        until(gone)
        said = rest(raw)
    assert served(server)
    if "head" in stall or "handshake" in stall:
        assert said.startswith(b"HTTP/1.1 408 ")
        assert said.endswith(b"Refused: the request did not come to an end within 0.3 s\n")


def test_who_is_slow_but_in_time_is_served(monkeypatch, server):
    monkeypatch.setattr(doorstep, "HEAD_WITHIN", 20.0)
    with dial(server) as raw:
        for byte in head(server, "/status"):
            raw.sendall(bytes([byte]))
            time.sleep(0.002)
        assert status(rest(raw)) == 200


def test_an_application_may_take_its_time_and_so_may_a_body_that_it_reads(soon):
    app = FastAPI()

    @app.post("/")
    async def slow(request: Request) -> int:
        body = await request.body()
        await asyncio.sleep(2 * doorstep.HEAD_WITHIN)
        return len(body)

    with bd.background(app) as server, dial(server) as raw:
        raw.sendall(head(server, method="POST", Content_Length=10))
        for _ in range(10):
            time.sleep(doorstep.HEAD_WITHIN / 5)
            raw.sendall(b"x")
        said = rest(raw)
    assert status(said) == 200
    assert said.endswith(b"\r\n\r\n10")


def test_a_handshake_that_the_application_never_accepts_is_dropped_in_time(soon, until):
    app = FastAPI()

    @app.websocket("/ws/{client_id}")
    async def never(socket: WebSocket) -> None:
        with contextlib.suppress(BaseException):
            await socket.receive()
            await socket.receive()

    with bd.background(app) as server, dial(server) as raw:
        raw.sendall(handshake_head(server))
        assert rest(raw) == b""
        until(lambda: connections(server) == 0)
        assert "its handshake was not done within 0.3 s" in repr(server.log)


def test_who_does_not_read_an_answer_is_dropped_in_time(soon, server, until):
    with dial(server, receive_buffer=4096) as raw:
        raw.settimeout(0.5)
        with contextlib.suppress(OSError):
            while True:
                raw.sendall(100 * head(server, "/page.js", Connection="keep-alive"))
        until(lambda: connections(server) == 0)
    assert served(server)


# --- those who are many ---------------------------------------------------------------------------------------


def test_of_too_many_that_send_nothing_the_oldest_is_dropped(monkeypatch, server, until):
    monkeypatch.setattr(doorstep, "MAX_STANDING", 5)
    crowd = [dial(server) for _ in range(5)]
    until(lambda: standing(server) == 5)
    assert served(server)
    until(lambda: connections(server) == 4)
    assert rest(crowd[0]) == b""
    crowd += [dial(server) for _ in range(100)]
    assert served(server)
    assert standing(server) <= 5
    for raw in crowd:
        raw.close()


@pytest.fixture
def small():
    """The server in a process that may open but 100 files, as `port` alone; this one holds the clients' ends."""
    limited = "import resource, runpy; resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100)); "
    limited += "import batchdemo.live.doorstep as doorstep; doorstep.HEAD_WITHIN = 600; "  # nobody goes by himself
    limited += "import sys; sys.argv = ['batchdemo', 'serve', '--port', '0', '--interval', '0.02']; "
    limited += "runpy.run_module('batchdemo', run_name='__main__')"
    process = subprocess.Popen([sys.executable, "-u", "-c", limited], stdout=subprocess.PIPE, text=True)
    process.port = int(re.search(r":(\d+)/", process.stdout.readline())[1])
    yield process
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert "Stopped, after" in process.stdout.read()
    process.stdout.close()


def served_at_last(server, until):
    def served_now():
        with contextlib.suppress(OSError, IndexError):
            return served(server)

    until(served_now)


def test_connections_that_send_nothing_do_not_use_up_the_files_of_the_process(small, until):
    with contextlib.ExitStack() as crowd:
        for _ in range(400):
            crowd.enter_context(dial(small))
        served_at_last(small, until)


def test_clients_that_use_up_the_files_of_the_process_are_refused_and_told_why(small, until):
    refused = []
    with contextlib.ExitStack() as clients:
        for _ in range(150):
            try:
                clients.enter_context(upgraded(small))
            except OSError as error:
                refused.append(str(error))
        assert 80 < len(refused) < 120
        assert any(said.startswith("HTTP/1.1 503 ") for said in refused)
    served_at_last(small, until)


# --- those who are large --------------------------------------------------------------------------------------

MANY = {f"X-{at}": "x" for at in range(120)}


@pytest.mark.parametrize("kind", [head, handshake_head])
@pytest.mark.parametrize(
    ("headers", "why"),
    [
        (MANY, b"a request may have 100 headers, and this one has "),
        ({"X": 20_000 * "x"}, b"the address and the headers of a request may have 16 KiB, and these have more"),
        ({"X": 5_000_000 * "x"}, b"the address and the headers of a request may have 16 KiB, and these have more"),
    ],
)
def test_headers_are_bounded_in_number_and_in_size(server, kind, headers, why):
    said = asked(server, kind(server, "/ws/1", **headers))
    assert status(said) == 431
    assert b"\r\n\r\nRefused: " + why in said
    assert served(server)


def test_an_address_is_bounded(server):
    assert status(asked(server, head(server, "/" + 100_000 * "x"))) == 431
    assert status(asked(server, handshake_head(server, "/ws/" + 100_000 * "x"))) == 431
    assert served(server)


@pytest.mark.parametrize("part", [b"x", b"x" * 1_000])
def test_a_message_in_endless_parts_is_closed_at_the_bound_of_a_message(server, part):
    with upgraded(server) as raw:
        raw.sendall(frame(part, TEXT, fin=False))
        with contextlib.suppress(ConnectionError):
            raw.sendall(70_000 // len(part) * frame(part, CONTINUED, fin=False))
        assert b"\x03\xf1" in rest(raw)  # 1009


def test_empty_parts_of_a_message_take_no_memory(server, until):
    with upgraded(server) as raw:
        raw.sendall(frame(b"a", TEXT, fin=False) + 20_000 * frame(b"", CONTINUED, fin=False) + frame(b"", PING))
        assert raw.recv(2) == b"\x8a\x00"  # the pong: all before it was read
        (connection,) = server._door.open
        assert sum(len(part) for part in connection.protocol.frames) == 1
        assert len(connection.protocol.frames) == 1
        raw.sendall(frame(b"b", CONTINUED))
        assert raw.recv(100)[2:] == b"You wrote: ab"


def test_a_lie_about_the_length_is_closed_before_it_is_waited_for(server):
    with upgraded(server) as raw:
        raw.sendall(frame(b"x", length=2**40))
        assert b"\x03\xf1" in rest(raw)


# --- those who never read -------------------------------------------------------------------------------------


def test_pongs_that_nobody_reads_are_bounded(soon, monkeypatch, server, until):
    monkeypatch.setattr(protocol, "MAX_UNSENT", 2**16)
    highest = []
    with upgraded(server, receive_buffer=4096) as raw:
        raw.settimeout(0.5)
        until(lambda: server._door.open)
        (connection,) = server._door.open
        pings = 100 * frame(125 * b"x", PING)
        with contextlib.suppress(OSError):
            while True:
                raw.sendall(pings)
                highest.append(connection.protocol.transport.get_write_buffer_size())
        until(lambda: connections(server) == 0)
    assert 2**16 < max(highest) < 2**16 + 2**19  # the bound, and what one read of the socket adds
    assert served(server)


@pytest.mark.parametrize("goodbye", [frame(b"\x03\xe8", CLOSE), frame(b"", BINARY), frame(rsv=7)])
def test_a_goodbye_does_not_keep_a_connection_whose_client_reads_nothing(soon, until, goodbye):
    with bd.Server(bd.FixedInterval(1_000, 0.02)) as server, upgraded(server, receive_buffer=4096) as raw:
        fill(server, raw, until)
        raw.sendall(goodbye)
        until(lambda: connections(server) == 0)
        assert served(server)


def test_a_server_stops_in_good_order_while_a_goodbye_is_not_read(until):
    with bd.Server(bd.FixedInterval(1_000, 0.02)) as server, upgraded(server, receive_buffer=4096) as raw:
        fill(server, raw, until)
        raw.sendall(frame(b"\x03\xe8", CLOSE))
        until(lambda: server.stats()["clients"] == 0)
        assert connections(server) == 1
        server.stop()
    assert "ended" not in repr(server.log)
    assert repr(server.log).endswith(" stopped")


def fill(server, raw, until):
    """Have a client's replies wait for it to read."""
    for _ in range(60):
        raw.sendall(frame(60_000 * b"x"))
    (connection,) = server._door.open
    until(lambda: server.stats()["served"] == 60 and connection.protocol.transport.get_write_buffer_size())


def test_garbage_behind_a_request_whose_answer_is_under_way_is_no_error_of_the_application(server, until):
    said = asked(server, POST.replace(b"Content-Length: 1000000", b"Transfer-Encoding: chunked") + b"ZZ\r\n")
    assert status(said) in (400, 405)
    until(lambda: connections(server) == 0)
    assert served(server)
    assert not [line for line in server.log if "xception" in line]


# --- those from elsewhere -------------------------------------------------------------------------------------

HUBS = {
    "a hub that keeps Host": ({"Host": "hub.example.org", "Origin": "https://hub.example.org"}, "hub.example.org"),
    "on a port of its own": (
        {"Host": "hub.example.org:8443", "Origin": "https://hub.example.org:8443"},
        "hub.example.org",
    ),
    "that rewrites Host": ({"Origin": "https://hub.example.org"}, "hub.example.org"),
    "that writes it large": ({"Host": "Hub.Example.org", "Origin": "https://HUB.example.org"}, "hub.example.org"),
    "Binder's": ({"Host": "hub.2i2c.mybinder.org", "Origin": "https://hub.2i2c.mybinder.org"}, "hub.2i2c.mybinder.org"),
    "a Lab here that rewrites Host": ({"Origin": "http://localhost:8888"}, "localhost:8888"),
    "an address": ({"Host": "192.0.2.7:80", "Origin": "http://192.0.2.7"}, "192.0.2.7"),
    "IPv6": ({"Host": "[2001:db8::7]:80", "Origin": "http://[2001:db8::7]:80"}, "2001:db8::7"),
}


@pytest.mark.parametrize("hub", HUBS)
def test_the_refusal_of_a_hub_says_what_to_allow_and_that_helps(hub):
    headers, name = HUBS[hub]
    for kind in (head, handshake_head):
        with bd.Server(FAST) as server:
            said = asked(server, kind(server, "/ws/1", **headers)).decode()
            assert status(said.encode()) == 403
            assert f"start the server with allowed_hosts=[{name!r}]" in said
            assert f"--allowed-host '{name}'" in said
    with bd.Server(FAST, allowed_hosts=[name]) as server:
        assert status(asked(server, head(server, "/status", **headers))) == 200
        upgraded(server, **headers).close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "null"}, {"Origin": "http://["}, {"Origin": ""}, {"Origin": "http://" + "x" * 5_000}, {"Host": "["},
        {"Host": "<script>"},
    ],
)  # fmt: skip
def test_what_no_list_can_allow_is_refused_all_the_same(server, headers):
    said = asked(server, head(server, **headers))
    assert status(said) == 403
    assert b"No entry of allowed_hosts can allow it." in said
    assert len(said) < 1_000
    assert b"x-content-type-options: nosniff" in said
    assert not [line for line in server.log if "xception" in line]


def test_one_hub_allowed_is_no_other_and_no_other_port_of_this_machine():
    with bd.Server(FAST, allowed_hosts=["hub.example.org", "localhost:8888"]) as server:
        for origin in ("https://evil.example", "https://hub.example.org.evil.example", "http://localhost:8889"):
            assert status(asked(server, head(server, Origin=origin))) == 403


@pytest.mark.parametrize("name", ["https://hub.example.org", "*", "", "hub.example.org/user", "a b", "*.example.org"])
def test_a_name_that_is_none_is_met_at_the_door(name):
    with pytest.raises(ArgumentError, match=r"allowed_hosts must be a list of host names, got .*Such as hub"):
        bd.Server(FAST, allowed_hosts=[name])


def test_a_refused_handshake_is_no_error_in_the_log(server, until):
    asked(server, handshake_head(server, Origin="http://evil.example"))
    until(lambda: connections(server) == 0)
    assert list(server.log)[1:] == []
