"""Which request does a reply answer? By the number in its text, else in order. Pure: no socket, no clock."""

from __future__ import annotations

import copy
import json
import math
import re
from typing import Any, NamedTuple

from batchdemo.records import OUTCOMES
from batchdemo.runs.run import Stray

INTEGER = re.compile(r"(?<![\d.])-?\d+(?![\d.]*\d)")
AGAIN = re.compile(r"; try again in (\d+(?:\.\d+)?) s")
SHOWN = 200  # characters of a stray reply that are kept


class Reply(NamedTuple):
    """A message from the server, understood."""

    text: str
    outcome: str
    batch: int = 0
    position: int = 0
    reason: str = "unknown"
    retry_after: float | None = None  # seconds, where it is a refusal that says so
    id: int = 0  # of the request in the file of a durable server
    key: str | None = None  # under which the request was sent there
    life: int = 0  # of that server, in which the batch left


class Accepted(NamedTuple):
    """A durable server has written a request down."""

    id: int
    key: str | None


def understand(message: str | bytes, *, as_json: bool) -> Reply | Accepted:
    """Read a message of either wire. What is not understood is taken as plain text: other servers' replies are."""
    text = message if isinstance(message, str) else message.decode("utf-8", "replace")
    if as_json:
        try:
            said: dict[str, Any] = json.loads(text)
            if said["type"] == "accepted":
                return Accepted(int(said["id"]), said["key"])
            kind = {"reply": "served", "failure": "failed", "refusal": "rejected"}[said["type"]]
            kind = said["outcome"] if kind == "rejected" and said.get("outcome") in OUTCOMES else kind
            if said["type"] == "refusal":
                retry_after = said.get("retry_after")
                return Reply(str(said["text"]), kind, retry_after=None if retry_after is None else float(retry_after),
                             id=int(said.get("id", 0)), key=said.get("key"))  # fmt: skip
            return Reply(str(said["text"]), kind, int(said.get("batch", 0)), int(said.get("position", 0)),
                         str(said["reason"]), None, int(said.get("id", 0)), said.get("key"),
                         int(said.get("life", 0)))  # fmt: skip
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
    for word, outcome in (("Rejected:", "rejected"), ("Failed:", "failed")):
        if text.startswith(word):
            again = AGAIN.search(text)
            return Reply(text, outcome, retry_after=float(again[1]) if again else None)
    return Reply(text, "served")


class Ledger:
    """What was sent and what came back, a row a request. Row i carries `numbers[i]` and belongs to `owners[i]`.

    The last number in a reply is tried first ("You wrote: 7"), then the others from the left. A reply that
    carries none of the run's numbers answers the client's oldest open request.
    """

    def __init__(self, numbers: list[int], owners: list[int]) -> None:
        self.numbers = numbers
        self.owners = owners
        count = len(numbers)
        self.sent = [math.nan] * count
        self.received = [math.nan] * count
        self.replies: list[Reply | None] = [None] * count
        self.strays: list[Stray] = []
        self.by_order = 0
        self.twice = 0  # replies to what was answered
        self.open = count  # requests without a reply
        self.answered = 0
        self._row = {number: row for row, number in enumerate(numbers)}
        self._rows_of: dict[int, list[int]] = {}
        for row, owner in enumerate(owners):
            self._rows_of.setdefault(owner, []).append(row)
        self._first_open = dict.fromkeys(self._rows_of, 0)

    def __contains__(self, number: int) -> bool:
        """Whether one of the requests carries it."""
        return number in self._row

    def row(self, number: int) -> int | None:
        """The row of this number, where there is one."""
        return self._row.get(number)

    def copy(self) -> Ledger:
        """What it holds now, for whoever reads it while the original is written on."""
        twin = copy.copy(self)
        for name in ("numbers", "owners", "sent", "received", "replies", "strays"):
            setattr(twin, name, list(getattr(self, name)))
        return twin

    def add(self, numbers: list[int], owner: int) -> range:
        """Further requests: their rows."""
        rows = range(len(self.numbers), len(self.numbers) + len(numbers))
        self.numbers += numbers
        self.owners += [owner] * len(numbers)
        self.sent += [math.nan] * len(numbers)
        self.received += [math.nan] * len(numbers)
        self.replies += [None] * len(numbers)
        self.open += len(numbers)
        self._row.update(zip(numbers, rows, strict=True))
        self._rows_of.setdefault(owner, []).extend(rows)
        self._first_open.setdefault(owner, 0)
        return rows

    def take(self, client: int, reply: Reply, at: float) -> int | None:
        """Enter a reply that `client` received at `at` seconds; the row it answers, None where it answers none."""
        found = [int(digits) for digits in INTEGER.findall(reply.text[-1000:])]
        rows = [self._row[number] for number in [*found[-1:], *found[:-1]] if number in self._row]
        mine = [row for row in rows if self.owners[row] == client and not math.isnan(self.sent[row])]
        if mine:
            return self.answer(next((row for row in mine if self.replies[row] is None), mine[0]), reply, at)
        if rows:
            self.stray("misdelivered", client, reply, at, self.numbers[rows[0]])
            return None
        return self._take_in_order(client, reply, at)

    def answer(self, row: int, reply: Reply, at: float) -> int | None:
        """Enter a reply to this row; None where it has one, and this is one too many."""
        if self.replies[row] is None:
            return self._enter(row, reply, at)
        self.twice += 1
        self.stray("twice", self.owners[row], reply, at, self.numbers[row])
        return None

    def reopen(self, row: int) -> None:
        """It was refused and is sent again, so it is not answered yet."""
        self.received[row] = math.nan
        self.replies[row] = None
        self._first_open[self.owners[row]] = 0
        self.open += 1
        self.answered -= 1

    def _take_in_order(self, client: int, reply: Reply, at: float) -> int | None:
        rows = self._rows_of.get(client, [])
        first = self._first_open.get(client, 0)
        while first < len(rows) and self.replies[rows[first]] is not None:
            first += 1
        self._first_open[client] = first
        if first == len(rows) or math.isnan(self.sent[rows[first]]):
            self.stray("unasked", client, reply, at)
            return None
        self.by_order += 1
        return self._enter(rows[first], reply, at)

    def _enter(self, row: int, reply: Reply, at: float) -> int:
        self.received[row] = at
        self.replies[row] = reply._replace(text="")  # matched, so the text has done its work
        self.open -= 1
        self.answered += 1
        return row

    def stray(self, kind: str, client: int, reply: Reply, at: float, number: int | None = None) -> None:
        """A reply that answers nothing; `Stray` says of which kinds there are."""
        if len(self.strays) < 1000:
            self.strays.append(Stray(at, client, reply.text[:SHOWN], kind, number))
