"""The token of a server that is not for everybody: its form, its comparison, and how it stays out of the log."""

from __future__ import annotations

import hmac
import re
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from batchdemo.arguments import refuse
from batchdemo.live.logs import Log

FORM = re.compile(r"[!-~]{8,256}", re.ASCII)
NAME = "token"
MOST_FIELDS = 100  # in the query of one address


def a_token(value: Any) -> str | None:
    """The token, if it is one: None, or 8 to 256 printable ASCII characters without spaces."""
    if value is None or (isinstance(value, str) and FORM.fullmatch(value)):
        return value
    # What is wrong with it is said without showing it.
    got = f"{len(value)} characters" if isinstance(value, str) else type(value).__name__
    refuse("token", "None, or 8 to 256 printable ASCII characters without spaces", _Told(got),
           "For example secrets.token_urlsafe().")  # fmt: skip


class _Told:
    def __init__(self, what: str) -> None:
        self._what = what

    def __repr__(self) -> str:
        return self._what


def taken(token: str, query: bytes, authorization: str) -> bool:
    """Whether the address or the header holds the token; in the same time however much of it is right.

    The address may name several: a hub has one of its own, under the same name, and passes it on.
    """
    scheme, _, bearer = authorization.partition(" ")
    given = [bearer.strip()] if scheme.lower() == "bearer" else []
    given += [value for name, value in _fields(query) if name == NAME]
    return any([hmac.compare_digest(one.encode(errors="replace"), token.encode()) for one in given])  # noqa: C419


def without(query: bytes) -> bytes:
    """The query of an address without its tokens."""
    if NAME.encode() not in query:
        return query
    return urlencode([field for field in _fields(query) if field[0] != NAME]).encode()


def as_query(token: str | None) -> str:
    """What goes at the end of an address."""
    return "" if token is None else f"?{NAME}={quote(token, safe='')}"


def _fields(query: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return []


class DiscreetLog(Log):
    """A log in which the token is never written, whoever writes it."""

    def __init__(self, size: int, token: str) -> None:
        super().__init__(size)
        self._hidden = (token, quote(token, safe=""))

    def write(self, line: str) -> None:
        """Add a line, with the time of day."""
        for word in self._hidden:
            line = line.replace(word, "***")
        super().write(line)
