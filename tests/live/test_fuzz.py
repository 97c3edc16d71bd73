"""Whatever bytes come: the server goes on serving others, and tells the sender nothing of its inside.

`BATCHDEMO_FUZZ=10` tries ten times as many examples.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import socket
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_socket import connections, dial, frame, handshake_head, rest, served, upgraded

import batchdemo as bd

TIMES = int(os.environ.get("BATCHDEMO_FUZZ", "1"))
PRIVATE = (b"Traceback", b'File "', b"site-packages", b"/batchdemo/", b"Error(")
JSON = {"Sec-WebSocket-Protocol": "batchdemo.v1+json"}


def hammer(caplog, until, examples, strategy, attack):
    """One server for all examples; after each, somebody else is served."""
    with bd.Server(bd.FixedInterval(5, 0.005)) as server:

        @settings(max_examples=examples * TIMES, deadline=None, suppress_health_check=list(HealthCheck))
        @given(strategy)
        def one(example):
            said = attack(server, example)
            assert not [word for word in PRIVATE if word in said]
            assert served(server)

        one()
        until(lambda: connections(server) == 0)
        until(lambda: server.stats()["clients"] == server.stats()["handling"] == server.stats()["waiting"] == 0)
        assert server.stats()["fault"] == ""
    gc.collect()  # a task whose exception nobody retrieved says so when it is collected
    assert [f"{line.name}: {line.getMessage()}" for line in caplog.records if line.levelno >= logging.ERROR] == []
    assert not [line for line in server.log if "xception" in line or "Traceback" in line]


def told(raw, parts):
    """Send the parts, and return what was answered until the server falls silent or closes."""
    said = b""
    with raw:
        try:
            for part in parts:
                raw.sendall(part)
            raw.settimeout(0.02)
            while part := raw.recv(65_536):
                said += part
        except TimeoutError:
            raw.settimeout(20)
            raw.shutdown(socket.SHUT_WR)
            said += rest(raw)
        except ConnectionError:  # it had enough
            pass
    return said


# --- before the handshake -------------------------------------------------------------------------------------

words = st.sampled_from(
    [b"GET", b"POST", b"OPTIONS", b"HEAD", b"PRI", b" ", b"/", b"/status", b"/page.js", b"/ws/1", b"?a=%ff", b"*",
     b"HTTP/1.1", b"HTTP/1.0", b"HTTP/9", b"\r\n", b"\r\n\r\n", b"\n", b"\x00", b": ", b"Host", b"Host: 127.0.0.1\r\n",
     b"Host: [\r\n", b"Origin: http://[\r\n", b"Origin: null\r\n", b"Content-Length: 5\r\n", b"Content-Length: -1\r\n",
     b"Transfer-Encoding: chunked\r\n", b"Upgrade: websocket\r\n", b"Upgrade: h2c\r\n", b"Connection: Upgrade\r\n",
     b"Sec-WebSocket-Key: x\r\n", b"Sec-WebSocket-Version: 12\r\n", b"Expect: 100-continue\r\n", b"ZZ\r\n"]
)  # fmt: skip
loose = st.lists(words | st.binary(max_size=50), max_size=30)
start = st.sampled_from([b"GET / HTTP/1.1\r\n", b"POST /status HTTP/1.1\r\n", b"GET /ws/1 HTTP/1.1\r\n", b""])
lines = st.lists(words.filter(lambda word: word.endswith(b"\r\n")) | st.binary(max_size=20), max_size=10)
shaped = st.builds(
    lambda first, middle, body: [first + b"Host: localhost\r\n", *middle, b"\r\n", *body], start, lines, loose
)


def test_bytes_before_a_handshake(caplog, until):
    hammer(caplog, until, 200, loose | shaped, lambda server, parts: told(dial(server), parts))


# --- after it -------------------------------------------------------------------------------------------------

telling = [b"\xc3", b"\xa9", b"\xed\xa0\x80", b"\x03\xe8", b"\x03\xe7", b"\x03", b"\x00" * 126, b"x" * 70_000]
payloads = st.binary(max_size=200) | st.text(max_size=50).map(str.encode) | st.sampled_from(telling)
any_frame = st.builds(
    frame,
    payloads,
    st.integers(0, 15) | st.sampled_from([0, 1, 1, 2, 8, 9, 10]),
    fin=st.booleans(),
    rsv=st.just(0) | st.integers(0, 7),
    masked=st.just(True) | st.booleans(),
    length=st.none() | st.sampled_from([0, 1, 126, 65_536, 65_537, 2**31, 2**63, 2**64 - 1]),
)
frames = st.lists(any_frame, min_size=1, max_size=12)
cut_short = st.builds(lambda whole, cut: [b"".join(whole)[: -cut - 1]], frames, st.integers(0, 300))


def test_frames_after_a_handshake(caplog, until):
    hammer(
        caplog, until, 200, frames | cut_short | st.lists(st.binary(max_size=300)),
        lambda server, parts: told(upgraded(server), parts),
    )  # fmt: skip


def test_frames_in_the_same_breath_as_the_handshake(caplog, until):
    hammer(
        caplog, until, 50, frames,
        lambda server, parts: told(dial(server), [handshake_head(server) + parts[0], *parts[1:]]),
    )  # fmt: skip


# --- texts of the JSON wire -----------------------------------------------------------------------------------

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["\ud800", "\x00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
requests = st.fixed_dictionaries(
    {"type": st.just("request") | values}, optional={"text": values | st.text(), "deadline": values, "batch": values}
)
MONSTERS = [
    "[" * 60_000,
    '{"type":' * 7_000,
    '{"type": "request", "text": ' + "[" * 60_000,
    '{"type": "request", "deadline": 1e999}',
    '{"type": "request", "text": "7", "deadline": 1' + "0" * 5_000 + "}",
    '{"type": "request", "text": "7", "deadline": NaN}',
    '{"type": "request", "text": "\\ud800"}',
    '{"type": "request", "type": []}',
    "{",
    "\x00",
    "\ufeff{}",
]
texts = st.lists(requests.map(json.dumps) | st.sampled_from(MONSTERS) | values.map(json.dumps), min_size=1, max_size=5)


def test_texts_of_the_json_wire(caplog, until):
    def attack(server, sent):
        return told(upgraded(server, **JSON), [frame(text.encode(errors="surrogatepass")) for text in sent])

    hammer(caplog, until, 150, texts, attack)


# --- names in the address -------------------------------------------------------------------------------------

odd = st.sampled_from(
    ["", "..", "../../etc/passwd", "%", "%00", "%zz", "%ff%fe", "a" * 9_000, "\x7f", "{client_id}", "?", "#"]
)
names = (
    odd
    | st.text(max_size=80).map(lambda name: quote(name, safe="", errors="replace"))
    | st.text("%/.?#aZ0_-~[", max_size=30)
)


def test_names_in_the_address(caplog, until):
    def attack(server, name):
        return told(dial(server), [handshake_head(server, f"/ws/{name}"), frame(b"7")])

    hammer(caplog, until, 100, names, attack)
