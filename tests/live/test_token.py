"""A server with a token: who has it comes in, who has not is told what is missing, and nobody reads it by the way."""

from __future__ import annotations

import hmac
import json
import logging
import re
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from raw_socket import asked, handshake_head, head, upgraded

import batchdemo as bd
from batchdemo.errors import ArgumentError, ServerError
from batchdemo.live import token as token_module

TOKEN = "s3cret/+&=?#%{client_id}"  # each of these means something in an address
FAST = bd.FixedInterval(5, 0.02)


@pytest.fixture
def server():
    with bd.Server(FAST, token=TOKEN) as server:
        yield server


def status(said):
    return int(said.split(b" ", 2)[1])


GIVEN = {
    "nothing": ("", {}, False),
    "the address": ("?token=" + quote(TOKEN, safe=""), {}, True),
    "the header": ("", {"Authorization": f"Bearer {TOKEN}"}, True),
    "the header in small letters": ("", {"authorization": f"bearer {TOKEN}"}, True),
    "among others": ("?a=1&token=the-hubs-own&token=" + quote(TOKEN, safe=""), {}, True),
    "both, and one is right": ("?token=wrong-one", {"Authorization": f"Bearer {TOKEN}"}, True),
    "a wrong one": ("?token=wrong-one", {}, False),
    "half of it": ("?token=" + quote(TOKEN[:-1], safe=""), {}, False),
    "more than it": ("?token=" + quote(TOKEN + "x", safe=""), {}, False),
    "an empty one": ("?token=", {}, False),
    "another scheme": ("", {"Authorization": f"Basic {TOKEN}"}, False),
    "another name": ("?tokens=" + quote(TOKEN, safe=""), {}, False),
    "letters that are none": ("?token=%ff%fe", {"Authorization": "Bearer \xff"}, False),
    "a thousand": ("?" + "&".join(1000 * ["token=a"]), {}, False),
}


@pytest.mark.parametrize("given", GIVEN)
def test_who_has_the_token_comes_in_and_nobody_else(server, given):
    query, headers, allowed = GIVEN[given]
    for path in ("/", "/status", "/ws/1", "/no-such-page"):
        request = (handshake_head if path == "/ws/1" else head)(server, path + query, **headers)
        if allowed and path == "/ws/1":
            upgraded(server, path + query, **headers).close()
            continue
        said = asked(server, request)
        assert status(said) == (401 if not allowed else 404 if path == "/no-such-page" else 200)
        if not allowed:
            assert b"Refused: this server asks for a token." in said
            assert b"\r\nwww-authenticate: Bearer\r\n" in said
            assert TOKEN[:6].encode() not in said


@pytest.mark.parametrize("path", ["/page.css", "/page.js", "/favicon.svg"])
def test_files_that_hold_nothing_private_are_open(server, path):
    assert status(asked(server, head(server, path))) == 200


def test_a_foreign_page_is_refused_even_with_the_token(server):
    query = "?token=" + quote(TOKEN, safe="")
    assert status(asked(server, handshake_head(server, "/ws/1" + query, Origin="http://evil.example"))) == 403


def test_it_is_compared_in_constant_time(server, monkeypatch):
    compared, really = [], hmac.compare_digest

    def compare(one, other):
        compared.append((one, other))
        return really(one, other)

    monkeypatch.setattr(token_module.hmac, "compare_digest", compare)
    assert status(asked(server, head(server, "/?token=s"))) == 401
    assert compared == [(b"s", TOKEN.encode())]


def test_send_and_the_link_in_the_notebook_have_it(server):
    run = bd.send(range(1, 8), server)
    assert run.check()["every reply came"].holds
    assert bd.send([8], server.ws_url).requests["outcome"].tolist() == ["served"]
    with urlopen(server.url, timeout=20) as page:
        assert page.status == 200
    (link,) = re.findall('href="([^"]*)"', server._repr_html_())
    with urlopen(link, timeout=20) as page:
        assert page.status == 200
    with pytest.raises(HTTPError, match="401"):
        urlopen(server.url.split("?")[0], timeout=20)


def test_it_is_in_no_repr_no_log_and_no_error(server, caplog):
    caplog.set_level(logging.INFO)
    words = (TOKEN, quote(TOKEN, safe=""))
    bd.send([1], server)
    asked(server, handshake_head(server, "/ws/1?token=" + words[1], Origin="http://evil.example"))
    with pytest.raises(ServerError) as running:
        server.start()
    server.log.write(f"somebody writes {words[0]} and {words[1]}")
    shown = re.sub('href="[^"]*"', "", server._repr_html_())
    for text in (repr(server), shown, *server.log, caplog.text, str(running.value), json.dumps(server._status())):
        assert not [word for word in words if word in text]
    assert "token: asked for" in repr(server)


@pytest.mark.parametrize(
    "bad", ["short", "x" * 257, "with space", "ümlaut-here", "new\nline-x", "", 12_345_678, b"bytes-of-it"]
)
def test_what_is_no_token_is_met_at_the_door_and_not_shown(bad):
    with pytest.raises(ArgumentError, match="token must be None, or 8 to 256 printable ASCII characters") as refused:
        bd.Server(FAST, token=bad)
    assert not str(bad) or str(bad) not in str(refused.value)


def test_without_a_token_nothing_changes():
    with bd.Server(FAST) as server:
        assert server.url == f"http://127.0.0.1:{server.port}/"
        assert server.ws_url == f"ws://127.0.0.1:{server.port}/ws/{{client_id}}"
        assert "token" not in repr(server)
        assert status(asked(server, head(server, "/status?token=whatever"))) == 200
