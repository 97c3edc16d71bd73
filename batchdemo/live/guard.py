"""Refuses requests that a foreign page makes a browser send: wrong `Host`, or an `Origin` from elsewhere.

A server on 127.0.0.1 is reachable by every web page that the user has open. `Host` is checked against DNS
rebinding, `Origin` against cross-site WebSockets; programs that are no browsers send no `Origin`.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Guard:
    """Lets through what is addressed to `hosts` and comes from there; all else gets 403 and the reason."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the headers of a request or a handshake, then pass it on."""
        why = self._fault(Headers(scope=scope)) if scope["type"] in ("http", "websocket") else None
        if why is None:
            await self._app(scope, receive, send)
        else:
            await PlainTextResponse(why + "\n", status_code=403)(scope, receive, send)

    def _fault(self, headers: Headers) -> str | None:
        host = headers.get("host", "")
        origin = headers.get("origin")
        remedy = "To allow it, start the server with allowed_hosts=[name]."
        if _name(host) not in self._hosts:
            return f"Refused: this server is not known as Host {host!r}. {remedy}"
        if origin is None or urlsplit(origin).netloc == host:
            return None
        # Another port of this machine is another program, so loopback origins must match to the port.
        if _name(urlsplit(origin).netloc) in self._hosts - LOOPBACK:
            return None
        return f"Refused: a page from Origin {origin!r} may not talk to this server. {remedy}"


def _name(netloc: str) -> str | None:
    try:
        return urlsplit(f"//{netloc}").hostname
    except ValueError:
        return None
