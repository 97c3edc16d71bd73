"""Is a run FIFO within each client? Runs that were made up to find out whether a function can tell."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from batchdemo.course.answers import shown
from batchdemo.course.exercise import Numbers
from batchdemo.course.trying import Trial

if TYPE_CHECKING:
    from batchdemo.runs.run import Run

NONE = float("nan")


class Row(NamedTuple):
    """One request of a run that was made up: when it was sent, and when its reply came."""

    number: int
    client: int
    sent: float
    received: float
    outcome: str = "served"


def made_up(rows: Sequence[Row]) -> Run:
    """A run of such rows, as `bd.send` gives it of a server that it sees from outside."""
    from batchdemo.records import BatchRecord, RequestRecord, TickRecord  # noqa: PLC0415
    from batchdemo.runs.run import About, Run  # noqa: PLC0415  - NumPy, for these exercises alone
    from batchdemo.runs.table import Table  # noqa: PLC0415

    requests = [
        RequestRecord(row.number, row.client, row.sent, NONE, NONE, NONE, row.received, 0, 0, row.outcome)
        for row in rows
    ]
    about = About("remote", "gaps between the replies")
    return Run(about, Table.of(RequestRecord, requests), Table.of(BatchRecord, []), Table.of(TickRecord, []))


CASES: tuple[tuple[str, bool, tuple[Row, ...]], ...] = (
    ("one client, each reply after the one before", True, (Row(1, 1, 0, 5), Row(2, 1, 1, 6), Row(3, 1, 2, 7))),
    ("one client, two replies in the wrong order", False, (Row(1, 1, 0, 5), Row(2, 1, 1, 7), Row(3, 1, 2, 6))),
    ("one client, the last reply before all others", False, (Row(1, 1, 0, 5), Row(2, 1, 1, 6), Row(3, 1, 2, 4))),
    ("two clients by turns, all replies to the second one first", True,
     (Row(1, 1, 0, 7), Row(2, 2, 1, 5), Row(3, 1, 2, 8), Row(4, 2, 3, 6))),
    ("two clients by turns, one of them out of order", False,
     (Row(1, 1, 0, 5), Row(2, 2, 1, 8), Row(3, 1, 2, 6), Row(4, 2, 3, 7))),
    ("three clients by turns, the third out of order", False,
     (Row(1, 1, 0, 5), Row(2, 2, 1, 6), Row(3, 3, 2, 8), Row(4, 1, 3, 9), Row(5, 2, 4, 10), Row(6, 3, 5, 7))),
    ("clients 7 and 3, the replies to client 3 out of order", False,
     (Row(1, 7, 0, 4), Row(2, 7, 1, 5), Row(3, 3, 2, 9), Row(4, 3, 3, 8))),
    ("numbers that fall while time goes on", True, (Row(9, 1, 0, 5), Row(5, 1, 1, 6), Row(2, 1, 2, 7))),
    ("numbers that rise while their order of sending does not", False,
     (Row(1, 1, 2, 5), Row(2, 1, 0, 6), Row(3, 1, 1, 7))),
    ("rows that do not stand in the order of sending", True, (Row(3, 1, 2, 7), Row(1, 1, 0, 5), Row(2, 1, 1, 6))),
    ("three replies at one instant, as of one batch", True, (Row(1, 1, 0, 5), Row(2, 1, 1, 5), Row(3, 1, 2, 5))),
    ("a request without a reply among others in order", True,
     (Row(1, 1, 0, 5), Row(2, 1, 1, NONE, "unknown"), Row(3, 1, 2, 6))),
    ("a request without a reply between two out of order", False,
     (Row(1, 1, 0, 6), Row(2, 1, 1, NONE, "unknown"), Row(3, 1, 2, 5))),
    ("a request that was rejected at once, while others wait", True,
     (Row(1, 1, 0, 5), Row(2, 1, 1, 1.1, "rejected"), Row(3, 1, 2, 6))),
    ("a reply that says that the handler failed, out of order", False,
     (Row(1, 1, 0, 6), Row(2, 1, 1, 5, "failed"), Row(3, 1, 2, 7))),
    ("no reply at all", True, (Row(1, 1, 0, NONE, "unknown"), Row(2, 2, 1, NONE, "unknown"))),
    ("one request alone", True, (Row(1, 1, 0, 5),)),
)  # fmt: skip
"""What it is, whether it is FIFO within each client, and its rows."""


def told_apart(given: Numbers, said: Any) -> str | None:
    """Tried on made-up runs, a fresh one for each call; numbers and times are shifted by the student's own."""
    import pandas  # noqa: F401, PLC0415  - what run.requests needs; its import is not the function's time

    runs = {what: _moved(rows, given["first"] - 1, given["shift"]) for what, _, rows in CASES}
    trial = Trial(lambda what: said(made_up(runs[what])), "is_fifo")
    for at, (what, right, _) in enumerate(CASES):
        got = (trial.call if at else trial.first)(what)
        if type(got).__name__ not in ("bool", "bool_"):  # NumPy's is another one
            return f"is_fifo gave {shown(got)} for {what}; True or False is wanted."
        if bool(got) != right:
            asked = "Is anybody overtaken there by a request of the same client?"
            return f"is_fifo gave {bool(got)} for this run: {what}.\n{_listed(runs[what])}\n{asked}"
    return None


def _moved(rows: Sequence[Row], by: int, later: float) -> list[Row]:
    return [Row(row.number + by, row.client, row.sent + later, row.received + later, row.outcome) for row in rows]


def _listed(rows: Sequence[Row]) -> str:
    return "\n".join(
        f"#{row.number} of client {row.client}: sent at {row.sent:g} s, "
        + ("no reply" if row.outcome == "unknown" else f"{_word(row)} at {row.received:g} s")
        for row in rows
    )


def _word(row: Row) -> str:
    return {"served": "reply", "failed": "failed, reply"}.get(row.outcome, row.outcome)


def shifted(dice: random.Random) -> Numbers:
    """Numbers and times of one's own."""
    first = dice.randint(2, 90)
    return {"first": first, "second": first + 1, "shift": dice.randint(0, 9)}


def is_fifo(run: Run) -> bool:
    """Whether within each client the replies are in the order of sending."""
    from batchdemo.runs.order import overtaken  # noqa: PLC0415

    return overtaken(run) is None


def _walk(run: Run, by: str | None = "sent", kept: tuple[int, ...] = (0, 4), slip: str = "") -> bool:
    """`is_fifo` with something wrong in it. Outcomes: 0 served, 1 rejected, 4 failed, 5 unknown."""
    names = ("client", "received", "outcome")
    rows = list(zip(*(run.columns[name].tolist() for name in (by or "sent", *names)), strict=True))
    last: dict[int, float] = {}
    for _, client, received, outcome in sorted(rows, key=lambda row: row[0]) if by else rows:
        if outcome not in kept or (slip == "first" and client != rows[0][1]):
            continue
        one = 0 if slip == "together" else client
        before = last.get(one, -1.0)
        if received < before or (slip == "strictly" and received == before) or (slip == "gap" and received != received):  # noqa: PLR0124
            return False
        last[one] = received
    return True


def usual(given: Numbers) -> dict[str, Any]:
    """Functions that are wrong in the usual ways."""
    return {
        "over all clients": lambda run: _walk(run, slip="together"),
        "the first client alone": lambda run: _walk(run, slip="first"),
        "always": lambda run: True,
        "never": lambda run: False,
        "by number": lambda run: _walk(run, by="number"),
        "as the rows stand": lambda run: _walk(run, by=None),
        "never at one instant": lambda run: _walk(run, slip="strictly"),
        "NaN is no reply": lambda run: _walk(run, kept=(0, 4, 5), slip="gap"),
        "NaN compares with nothing": lambda run: _walk(run, kept=(0, 4, 5)),
        "served alone": lambda run: _walk(run, kept=(0,)),
        "refusals too": lambda run: _walk(run, kept=(0, 1, 4)),
        "the other way round": lambda run: not is_fifo(run),
        "a count": lambda run: int(is_fifo(run)),
    }
