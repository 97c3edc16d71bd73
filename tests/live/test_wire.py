"""What is on the wire: the tutorial's text, the JSON subprotocol, and a clear word for whatever is refused."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

import batchdemo as bd
from batchdemo.live import server as server_module

FAST = bd.FixedInterval(5, 0.05)
JSON = ["batchdemo.v1+json"]


def client(server: bd.Server, client_id: object = 1, **options: object) -> ClientConnection:
    return connect(server.ws_url.format(client_id=client_id), **options)  # type: ignore[arg-type]


def closing_of(ws: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as closed:
        list(iter(lambda: ws.recv(timeout=20), None))
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


def test_text_in_and_you_wrote_out_five_a_tick(after_a_tick):
    with bd.Server(bd.FixedInterval(5, 0.5)) as server, client(server) as ws:
        after_a_tick(server)
        for number in range(1, 19):
            ws.send(str(number))
        replies = [ws.recv(timeout=20) for _ in range(18)]
        sizes = [batch.record.size for batch in server.recorder.batches]
    assert replies == [f"You wrote: {number}" for number in range(1, 19)]
    assert sizes == [5, 5, 5, 3]


def test_each_client_gets_its_own_replies():
    with bd.Server(FAST) as server, client(server, "ada") as ada, client(server, "bob") as bob:
        ada.send("a1"), bob.send("b1"), ada.send("a2")
        assert [ada.recv(timeout=20), ada.recv(timeout=20)] == ["You wrote: a1", "You wrote: a2"]
        assert bob.recv(timeout=20) == "You wrote: b1"


def test_who_asks_for_json_gets_the_batch_the_place_the_reason_and_the_wait():
    with bd.Server(FAST) as server, client(server, subprotocols=JSON) as ws:
        assert ws.subprotocol == JSON[0]
        ws.send("hello")
        said = json.loads(ws.recv(timeout=20))
    assert 0 <= said.pop("waiting_time") < 20
    assert said == {"type": "reply", "text": "You wrote: hello", "batch": 1, "position": 1, "reason": "tick"}


def test_a_failed_batch_is_a_typed_failure_in_json():
    with bd.Server(FAST, handler=lambda batch: 1 / 0) as server, client(server, subprotocols=JSON) as ws:
        ws.send("hello")
        said = json.loads(ws.recv(timeout=20))
    assert said["type"] == "failure"
    assert said["text"] == "Failed: the handler raised ZeroDivisionError: hello"


def test_an_echoed_word_is_no_failure():
    with bd.Server(FAST, handler=list) as server, client(server, subprotocols=JSON) as ws:
        ws.send("Failed: not at all")
        assert json.loads(ws.recv(timeout=20))["type"] == "reply"


def test_the_bound_of_the_queue_is_told_to_whom_it_hits():
    policy = bd.FixedInterval(5, 60.0)
    with (
        bd.Server(policy, max_queue_size=2) as server,
        client(server) as ws,
        client(server, subprotocols=JSON) as other,
    ):
        for number in (1, 2, 3):
            ws.send(str(number))
        said = str(ws.recv(timeout=20))
        assert said.startswith("Rejected: the queue is full (max_queue_size=2); try again in ")
        assert said.endswith(" s: 3")
        other.send("4")
        refusal = json.loads(other.recv(timeout=20))
        assert (refusal["type"], refusal["text"]) == ("refusal", "4")
        assert 0 < refusal["retry_after"] <= 60
        assert server.stats()["rejected"] == 2


def test_a_binary_message_is_closed_with_a_reason():
    with bd.Server(FAST) as server, client(server) as ws:
        ws.send(b"\x00\x01")
        assert closing_of(ws) == (1003, "binary messages are not served: send text")


def test_a_message_over_64_kib_is_closed_with_a_reason():
    with bd.Server(FAST) as server:
        with client(server) as ws:
            ws.send("x" * 65_536)
            assert len(ws.recv(timeout=20)) == 65_536 + len("You wrote: ")
        with client(server) as ws:
            ws.send("x" * 65_537)
            code, reason = closing_of(ws)
            assert code == 1009
            assert "65536" in reason


def test_text_that_is_no_utf8_is_closed_with_1007():
    with bd.Server(FAST) as server, client(server) as ws:
        ws.send(b"\xff\xfe", text=True)
        assert closing_of(ws)[0] == 1007


@pytest.mark.parametrize("client_id", ["", "a/b", "a%20b", "x" * 65, "%3Cscript%3E", "%C3%A9"])
def test_a_bad_client_id_is_closed_with_the_rule(client_id):
    with bd.Server(FAST) as server, client(server, client_id) as ws:
        rule = "the client id in the address must be 1 to 64 of A-Z a-z 0-9 _ . -"
        assert closing_of(ws) == (1008, rule)


def test_one_client_too_many_is_told_so(monkeypatch):
    monkeypatch.setattr(server_module, "MAX_CLIENTS", 2)
    with bd.Server(FAST) as server, client(server, 1), client(server, 2), client(server, 3) as third:
        assert closing_of(third) == (1013, "2 clients are connected, which is the most; try later")


def test_a_batch_comes_in_one_write():
    with bd.Server(bd.FixedInterval(200, 0.3)) as server:
        raw = handshake(server)
        for number in range(200):
            text = str(number).encode()
            raw.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
        reads, seen = 0, b""
        while seen.count(b"You wrote:") < 200:
            seen += raw.recv(65_536)
            reads += 1
        raw.close()
    assert reads <= 2 * len(server.recorder.batches)  # 200 with a write a reply


def test_a_reader_that_never_reads_is_closed_and_nobody_else_notices(monkeypatch, until):
    monkeypatch.setattr("batchdemo.live.protocol.MAX_UNSENT", 2**18)
    with bd.Server(bd.FixedInterval(1000, 0.02)) as server, client(server, "other") as other:
        raw = handshake(server, receive_buffer=4096)
        frame = bytes([0x81, 0xFE, 0xEA, 0x60, 0, 0, 0, 0]) + b"x" * 60_000
        for _ in range(200):
            try:
                raw.sendall(frame)
            except OSError:
                break
        until(lambda: server.stats()["clients"] == 1)
        other.send("7")
        assert other.recv(timeout=20) == "You wrote: 7"
        raw.close()


def test_garbage_on_the_socket_does_not_harm_the_server():
    with bd.Server(FAST) as server:
        for garbage in (os.urandom(2000), b"GET / HTTP/9\r\n\r\n", b"\r\n" * 100, b"GET /ws/1 HTTP/1.1\r\n"):
            with socket.create_connection(("127.0.0.1", server.port)) as raw:
                raw.sendall(garbage)
        raw = handshake(server)
        raw.sendall(os.urandom(2000))
        raw.close()
        with client(server) as ws:
            ws.send("7")
            assert ws.recv(timeout=20) == "You wrote: 7"


def test_clients_that_vanish_with_requests_waiting_do_no_harm(until):
    with bd.Server(bd.FixedInterval(5, 0.2)) as server:
        for _ in range(3):
            raw = handshake(server)
            for _ in range(5):
                raw.sendall(bytes([0x81, 0x81, 0, 0, 0, 0]) + b"1")
            until(lambda: server.stats()["clients"] == 1)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # a reset, not a goodbye
            raw.close()
            until(lambda: server.stats()["clients"] == 0)
        with client(server) as ws:
            ws.send("7")
            assert ws.recv(timeout=20) == "You wrote: 7"
        assert not [line for line in server.log if "exception" in line.lower()]


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"Origin": "http://127.0.0.1:{port}"}, True),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "http://127.0.0.1:1"}, False),  # another program of this machine
        ({"Origin": "null"}, False),
        ({"Host": "evil.example"}, False),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, False),
        ({"Host": "localhost:{port}", "Origin": "http://localhost:{port}"}, True),
        ({"Host": "hub.example.org", "Origin": "https://hub.example.org"}, True),
        ({"Origin": "https://hub.example.org"}, True),  # a proxy that rewrites Host and keeps Origin
    ],
)
def test_foreign_origins_and_hosts_are_refused(headers, allowed):
    with bd.Server(FAST, allowed_hosts=["hub.example.org"]) as server:
        sent = {name: value.format(port=server.port) for name, value in headers.items()}
        page = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        page.putrequest("GET", "/", skip_host="Host" in sent)
        for name, value in sent.items():
            page.putheader(name, value)
        page.endheaders()
        answer = page.getresponse()
        body = answer.read().decode()
        page.close()
        assert answer.status == (200 if allowed else 403)
        if allowed:
            handshake(server, headers=sent).close()
        else:
            assert body.startswith("Refused: ")
            assert "allowed_hosts" in body
            with pytest.raises(OSError, match="403"):
                handshake(server, headers=sent)


def test_a_refused_handshake_says_why():
    with bd.Server(FAST) as server, pytest.raises(InvalidStatus) as refused:
        client(server, origin="http://evil.example").close()
    assert refused.value.response.status_code == 403
    assert b"evil.example" in (refused.value.response.body or b"")


def test_the_page_and_its_files_are_served_and_nothing_else():
    with bd.Server(FAST) as server:
        page = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        for path, kind in [
            ("/", "text/html"),
            ("/page.js", "javascript"),
            ("/page.css", "css"),
            ("/favicon.svg", "svg"),
        ]:
            page.request("GET", path)
            answer = page.getresponse()
            assert (answer.status, kind in answer.headers["content-type"]) == (200, True)
            assert b"://" not in answer.read().replace(b"http://www.w3.org/2000/svg", b"")  # nothing from elsewhere
            assert answer.headers["content-security-policy"] == "default-src 'self'"
        for path in ("/../server.py", "/%2e%2e/server.py", "/docs", "/openapi.json", "/index.html"):
            page.request("GET", path)
            answer = page.getresponse()
            assert (answer.status, answer.read()) != (200, b"")
            assert answer.status == 404
        page.request("GET", "/status")
        status = json.loads(page.getresponse().read())
        page.close()
    assert status["interval"] == 0.05
    assert status["max_batch_size"] == 5
    assert 0 <= status["next_tick_in"] <= 0.05


def handshake(server: bd.Server, receive_buffer: int = 0, headers: dict[str, str] | None = None) -> socket.socket:
    """A WebSocket by hand, for what a well-kept library would not do."""
    raw = socket.socket()
    if receive_buffer:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    raw.settimeout(20)
    raw.connect(("127.0.0.1", server.port))
    sent = {"Host": f"127.0.0.1:{server.port}", **(headers or {})}
    lines = [f"{name}: {value}" for name, value in sent.items()]
    key = base64.b64encode(os.urandom(16)).decode()
    lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
    raw.sendall("\r\n".join(["GET /ws/raw HTTP/1.1", *lines, "", ""]).encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += raw.recv(1)
    if b" 101 " not in head:
        raw.close()
        raise OSError(head.decode())
    return raw
