"""What a client of the JSON wire may say beside the text of a request. Pure: no socket, no clock."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from batchdemo.arguments import refuse, whole
from batchdemo.live.limits import a_deadline

MOST_KEY = 200  # characters
MOST_IDS = 10_000  # that one message confirms


class Opened(NamedTuple):
    """A message, understood."""

    text: str
    deadline: float | None = None  # seconds within which it wants to leave the queue
    key: str | None = None  # by which a durable server knows it when it comes again
    received: list[int] | None = None  # it is no request, but confirms the replies to these


def opened(message: str) -> Opened:
    """What it says. Anything but an object of type `request` or `received` is itself the text, as on the plain wire.

    ArgumentError: it is such an object, and something in it breaks its rule.
    """
    if not message.startswith("{"):
        return Opened(message)
    try:
        said = json.loads(message)
    except (ValueError, RecursionError):
        return Opened(message)
    kind = said.get("type") if isinstance(said, dict) else None
    if kind == "received":
        return Opened("", received=_ids(said.get("ids")))
    if kind != "request":
        return Opened(message)
    text, deadline, key = said.get("text"), said.get("deadline"), said.get("key")
    if not isinstance(text, str) or not _sendable(text):
        refuse("text", "a text that can be sent back, without half a character", text)
    if key is not None and not (isinstance(key, str) and 0 < len(key) <= MOST_KEY and _sendable(key)):
        refuse("key", f"a text of 1 to {MOST_KEY} characters", key)
    return Opened(text, None if deadline is None else a_deadline(deadline), key)


def sealed(text: str, deadline: float | None = None, key: str | None = None) -> str:
    """The message that `opened` understands."""
    if deadline is None and key is None and not text.startswith("{"):
        return text
    said: dict[str, object] = {"type": "request", "text": text}
    if deadline is not None:
        said["deadline"] = deadline
    if key is not None:
        said["key"] = key
    return json.dumps(said)


def confirmed(ids: list[int]) -> str:
    """The message by which a client says that it has these replies."""
    return json.dumps({"type": "received", "ids": ids})


def _ids(ids: Any) -> list[int]:
    if not isinstance(ids, list) or len(ids) > MOST_IDS:
        refuse("ids", f"a list of at most {MOST_IDS:,} whole numbers", ids)
    return [whole("each of ids", one, 1, 2**62) for one in ids]


def _sendable(text: str) -> bool:
    """JSON can name half of a surrogate pair, which no WebSocket can carry: the answer would fail the whole batch."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
