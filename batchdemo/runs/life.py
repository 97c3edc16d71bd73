"""One request's way through the server, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from batchdemo.arguments import refuse, whole
from batchdemo.records import OUTCOMES, REASONS, RequestRecord
from batchdemo.runs.words import joined, listed, seconds

if TYPE_CHECKING:
    from batchdemo.runs.run import Run

UNTIL = {
    "tick": " for the tick",
    "full": " until the batch was full",
    "timeout": " until the timeout",
    "idle": " until the handler was free",
    "deadline": " until the deadline",
    "drain": " until the queue was drained",
    "unknown": "",
}
STOOD = 0.01  # seconds; a batch that stood before a busy handler for less was handled at once


class Life(NamedTuple):
    """All that a run knows of one request."""

    row: RequestRecord
    mates: Any  # the rows of the others in its batch
    size: int  # of its batch; 0 where it was in none
    reason: str  # why that left
    handling: float  # seconds the handler took over it; NaN where nobody saw
    several: bool  # whether there were more clients than one
    inferred: bool  # whether its batch is a guess
    end: float  # when the last was seen of the run

    @property
    def inside(self) -> bool:
        """Whether the server's own log tells of it."""
        return not math.isnan(self.row.arrived)

    @property
    def began(self) -> float:
        """When the handler took its batch: at once, or when it was free."""
        row = self.row
        stood = row.replied - row.released - self.handling
        return row.released + stood if stood > STOOD else row.released

    @property
    def place(self) -> str:
        """`2nd of 5 in batch 2`."""
        row = self.row
        seems = "what seems to be " if self.inferred else ""
        return f"{ordinal(row.position)} of {self.size:,} in {seems}batch {row.batch:,}"


def life(run: Run, number: Any) -> Life:
    """What is known of the request with this number; ArgumentError where there is none."""
    table, batches = run.request_table, run.batch_table
    number = whole("number", number, -(2**53), 2**53)
    found = np.flatnonzero(table.number == number)
    if not len(found):
        refuse("number", f"one that was sent: {_numbers(np.sort(table.number))}", number)
    at = int(found[0])
    cells = [column[at].item() for column in table.columns.values()]
    row = RequestRecord._make([*cells[:-1], OUTCOMES[cells[-1]]])
    mine = np.flatnonzero((batches.batch == row.batch) & (row.batch > 0))
    size, reason, handling = 0, "unknown", math.nan
    if len(mine):
        size, handling = int(batches.size[mine[0]]), float(batches.duration[mine[0]])
        reason = REASONS[batches.reason[mine[0]]]
    mates = np.flatnonzero((table.batch == row.batch) & (table.number != number)) if size else np.array([], int)
    several = len(table) > 1 and bool((table.client != row.client).any())
    return Life(row, mates, size, reason, handling, several, run.about.batches_from.startswith("gaps"), end_of(run))


def _numbers(numbers: Any) -> str:
    if not len(numbers):
        return "there was none"
    if len(numbers) > 1 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]:,} to {numbers[-1]:,}"
    return listed(numbers)


def end_of(run: Run) -> float:
    """When the last was seen of the run."""
    table = run.request_table
    last = [times[~np.isnan(times)].max(initial=0.0) for times in (table.sent, table.received, run.tick_table.ran)]
    return float(max(last))


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`."""
    teen = number % 100 in (11, 12, 13)
    return f"{number:,}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def describe_request(run: Run, number: Any) -> str:
    """The life of one request in a sentence."""
    return sentence(life(run, number))


def sentence(one: Life) -> str:
    """For example: #7 was sent at 0.001 s, came into the queue 0.2 ms later, waited 10.00 s for the tick, …"""
    row = one.row
    if math.isnan(row.sent):
        return f"#{row.number} was never sent."
    who = f" by client {row.client}" if one.several else ""
    clauses = [f"#{row.number} was sent{who} at {row.sent:.3f} s", *(_inside(one) if one.inside else _outside(one))]
    total = "" if math.isnan(row.received) else f": {seconds(row.received - row.sent)} in all"
    unseen = "" if one.inside else " What the server did meanwhile was not seen from here."
    return f"{joined(clauses)}{total}.{unseen}"


def _outside(one: Life) -> list[str]:
    """What a client sees of a server that tells nothing."""
    row = one.row
    if math.isnan(row.received):
        return ["no reply was seen"]
    at = f"at {row.received:.3f} s"
    if row.outcome == "rejected":
        return [f"was refused {at}"]
    return [f"{_reply(one)} was back {at}" + (f", as {one.place}" if one.size else "")]


def _inside(one: Life) -> list[str]:
    """Each stage as far as it was seen, and how it ended."""
    row = one.row
    later = f"{seconds(row.arrived - row.sent)} later"
    if math.isnan(row.released):
        return [f"came to the queue {later}", *_unreleased(one)]
    clauses = [
        f"came into the queue {later}",
        f"waited {seconds(row.released - row.arrived)}{UNTIL[one.reason]}",
        f"left at {row.released:.3f} s as {one.place}",
    ]
    if math.isnan(row.replied):
        return [*clauses, "was not yet answered when the run ended"]
    if one.began > row.released:
        clauses.append(f"stood before the busy handler for {seconds(one.began - row.released)}")
    took = seconds(row.replied - one.began)
    clauses.append(f"failed in the handler after {took}" if row.outcome == "failed" else f"was handled in {took}")
    return [*clauses, _back(one)]


def _unreleased(one: Life) -> list[str]:
    """How it ended for one that never left the queue in a batch."""
    row = one.row
    waited = row.replied - row.arrived
    if row.outcome in ("rejected", "expired") and waited > 0.001:
        return [f"waited {seconds(waited)}", "expired there" if row.outcome == "expired" else "was dropped there"]
    if row.outcome == "rejected":
        back = [] if math.isnan(row.received) else [f"the refusal was back {seconds(row.received - row.arrived)} later"]
        return ["was refused there", *back]
    if row.outcome == "unknown":
        return [f"was still waiting when the run ended at {one.end:.3f} s"]
    return [f"{'expired' if row.outcome == 'expired' else f'was {row.outcome}'} there"]


def _back(one: Life) -> str:
    """The last stage, or why it was not seen."""
    row = one.row
    if not math.isnan(row.received):
        return f"{_reply(one)} was back {seconds(row.received - row.replied)} later"
    return "its client was gone by then" if row.outcome == "cancelled" else f"{_reply(one)} was not seen"


def _reply(one: Life) -> str:
    return "its error reply" if one.row.outcome == "failed" else "its reply"
