"""Refuses what a foreign page makes a browser send, by its `Host` or `Origin`, and whoever lacks the token.

A server on 127.0.0.1 is reachable by every web page that the user has open. `Host` is checked against DNS
rebinding, `Origin` against cross-site WebSockets; programs that are no browsers send no `Origin`. The token is for
where other people have accounts on the same machine, or can reach the port.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from batchdemo.live.doorstep import too_large
from batchdemo.live.token import taken, without

HOST = re.compile(r"[\w.-]{1,255}(:\d+)?|[0-9a-f:]+|\[[0-9a-f:]+\](:\d+)?", re.ASCII | re.IGNORECASE)
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
UNKNOWN = (
    "Refused: this server asks for a token. Whoever started it has it: put ?token=... at the end of the address, or "
    "send the header Authorization: Bearer ..."
)


class Guard:
    """Lets through what is addressed to `hosts`, comes from there and has the token; all else is told why not.

    `open_paths` are files that a page loads without a token, and that hold nothing private.
    """

    def __init__(
        self, app: ASGIApp, hosts: frozenset[str], token: str | None = None, open_paths: Collection[str] = ()
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._token = token
        self._open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request or a handshake, then pass it on."""
        no = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        if no is None:
            await self._app(scope, receive, send)
        else:
            await no(scope, receive, send)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        why = too_large(len(scope.get("raw_path") or b"") + len(scope["query_string"]), scope["headers"])
        if why is not None:
            return _no(431, f"Refused: {why}")
        headers, query = Headers(scope=scope), scope["query_string"]
        if self._token is not None:  # the protocol logs the address of a WebSocket, and the application might
            scope["query_string"] = without(query)
        why = self._foreign(headers.get("host", ""), headers.get("origin"))
        if why is not None:
            return _no(403, why)
        if self._token is None or scope["path"] in self._open_paths:
            return None
        return None if taken(self._token, query, headers.get("authorization", "")) else _no(401, UNKNOWN)

    def _foreign(self, host: str, origin: str | None) -> str | None:
        if not self._known(host):
            return f"Refused: this server is not known as Host {_short(host)}. {_remedy(_name(host))}"
        if origin is None:
            return None
        place = _netloc(origin)
        # Another port of this machine is another program, so loopback origins must match to the port.
        if place and (place == host.lower() or place in self._hosts or _name(place) in self._hosts - LOOPBACK):
            return None
        name = place if _name(place) in LOOPBACK else _name(place)
        return f"Refused: a page from Origin {_short(origin)} may not talk to this server. {_remedy(name)}"

    def _known(self, host: str) -> bool:
        return _name(host) in self._hosts or host.lower() in self._hosts


def _remedy(name: str | None) -> str:
    if not name or not HOST.fullmatch(name):
        return "No entry of allowed_hosts can allow it."
    return (
        f"To allow it, start the server with allowed_hosts=[{name!r}], "
        f"or from a shell: batchdemo serve --allowed-host '{name}'."
    )


def _no(status: int, why: str) -> PlainTextResponse:
    headers = {"X-Content-Type-Options": "nosniff"}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return PlainTextResponse(why + "\n", status, headers)


def _short(value: str) -> str:
    return repr(value if len(value) <= 100 else value[:97] + "...")


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _name(netloc: str) -> str | None:
    try:
        return urlsplit(f"//{netloc}").hostname
    except ValueError:
        return None
