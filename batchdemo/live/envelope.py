"""What a client of the JSON wire may say of a request beside its text. Pure: no socket, no clock."""

from __future__ import annotations

import json

from batchdemo.arguments import refuse
from batchdemo.live.limits import a_deadline


def opened(message: str) -> tuple[str, float | None]:
    """The text of a request, and the seconds within which it wants to leave the queue, None where it does not say.

    Anything but an object of type `request` is itself the text, as on the plain wire. ArgumentError: it is one,
    and something in it breaks its rule.
    """
    if not message.startswith("{"):
        return message, None
    try:
        said = json.loads(message)
    except (ValueError, RecursionError):
        return message, None
    if not isinstance(said, dict) or said.get("type") != "request":
        return message, None
    text = said.get("text")
    if not isinstance(text, str) or not _sendable(text):
        refuse("text", "a text that can be sent back, without half a character", text)
    deadline = said.get("deadline")
    return text, None if deadline is None else a_deadline(deadline)


def _sendable(text: str) -> bool:
    """JSON can name half of a surrogate pair, which no WebSocket can carry: the answer would fail the whole batch."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def sealed(text: str, deadline: float | None) -> str:
    """The message that `opened` understands."""
    if deadline is None and not text.startswith("{"):
        return text
    said: dict[str, object] = {"type": "request", "text": text}
    if deadline is not None:
        said["deadline"] = deadline
    return json.dumps(said)
