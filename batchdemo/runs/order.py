"""In which order requests passed two stages of a run, how many pairs changed places, and who overtook whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.arguments import refuse
from batchdemo.records import OUTCOMES

if TYPE_CHECKING:
    from batchdemo.runs.run import Run

STAGES = ("sent", "arrived", "released", "replied", "received")
"""The times of a request, in the order in which they come."""

ANSWERED = [OUTCOMES.index("served"), OUTCOMES.index("failed")]
SAID = 24  # requests up to which the order on the right is said in full


def inversions(values: Any) -> int:
    """How many pairs stand in the opposite order to their values; equal values are in order. O(n log n).

    Sorts the ranks as a radix sort does, from the highest bit down: two of them change places where they first
    differ, and there the one with the bit set stood ahead of the one without.
    """
    rank = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    place, count = np.arange(len(rank)), 0
    for bit in reversed(range(len(rank).bit_length())):
        begins = place >> (bit + 1) << (bit + 1)  # ranks that agree in all higher bits fill a block
        upper = rank >> bit & 1
        ahead = np.cumsum(upper) - upper
        ahead -= ahead[begins]
        count += int(ahead[upper == 0].sum())
        moved = np.empty_like(rank)
        moved[begins + np.where(upper == 1, (1 << bit) + ahead, place - begins - ahead)] = rank
        rank = moved
    return count


def comparable(run: Run, left: str = "sent", right: str = "received") -> Any:
    """Which rows have both times. A refusal comes at once, before the replies to what waits: it is in no order.

    So of what was received only the replies to what was served or failed count. ArgumentError: no such stage.
    """
    for name, stage in (("left", left), ("right", right)):
        if stage not in STAGES:
            refuse(name, f"one of {', '.join(STAGES)}", stage)
    table = run.request_table
    seen = ~np.isnan(table.columns[left]) & ~np.isnan(table.columns[right])
    return seen & np.isin(table.outcome, ANSWERED) if "received" in (left, right) else seen


def in_order(run: Run, left: str = "sent", right: str = "received", *, by_client: bool = False) -> Any:
    """The comparable rows in the order of the left stage; `by_client`: one client after the other.

    Equal times keep the order of the rows.
    """
    table, rows = run.request_table, np.flatnonzero(comparable(run, left, right))
    keys = (rows, table.columns[left][rows])
    return rows[np.lexsort((*keys, table.client[rows]) if by_client else keys)]


def crossings(run: Run, left: str = "sent", right: str = "received", *, within: bool = False) -> int:
    """How many pairs of requests changed places between two stages; `within`: pairs of one client only.

    Two that passed a stage at the same time did not change places, as the replies of one batch leave together.
    """
    rows = in_order(run, left, right, by_client=within)
    last = run.request_table.columns[right][rows]
    if not within:
        return inversions(last)
    client = run.request_table.client[rows]
    grouped = np.lexsort((last, client))  # clients are apart on both sides, so no pair of two clients counts
    rank = np.empty(len(rows), dtype=np.int64)
    rank[grouped] = np.arange(len(rows))
    return inversions(rank)


def overtaken(run: Run, left: str = "sent", right: str = "received") -> tuple[int, int] | None:
    """The smallest counterexample to "FIFO within each client": who was overtaken, and by whom. None: it holds.

    Smallest: no other request of the client stands between the two on the left. Where anybody was overtaken there
    is such a pair; of several, the first of the client with the lowest number.
    """
    rows = in_order(run, left, right, by_client=True)
    table = run.request_table
    client, last = table.client[rows], table.columns[right][rows]
    wrong = np.flatnonzero((np.diff(last) < 0) & (np.diff(client) == 0))
    if not len(wrong):
        return None
    return int(table.number[rows[wrong[0]]]), int(table.number[rows[wrong[0] + 1]])


def lines(run: Run, left: str, right: str) -> list[str]:
    """Two sentences: how many pairs cross, and how many of them within a client."""
    rows = in_order(run, left, right)
    if len(rows) < 2:
        return [f"From {left} to {right}: fewer than two requests to compare."]
    pairs, crossed = len(rows) * (len(rows) - 1) // 2, crossings(run, left, right)
    if not crossed:
        return [f"From {left} to {right}, no pair{f' of {pairs:,}' if pairs > 1 else ''} changes places."]
    of = f"{pairs:,} pair{'' if pairs == 1 else 's'} {'changes' if crossed == 1 else 'change'} places"
    first = f"From {left} to {right}, {crossed:,} of {of}."
    pair = overtaken(run, left, right)
    if pair is None:
        return [first, "None within a client."]
    inside = crossings(run, left, right, within=True)
    many = f"{inside:,}" if inside < crossed else "All"
    return [first, f"{many} within a client, as #{pair[1]} overtook #{pair[0]}."]


def unnumbered(run: Run, left: str, right: str) -> list[str]:
    """A word of warning where replies were matched to requests by their order, which then says nothing."""
    if not run.about.by_order or "received" not in (left, right):
        return []
    return [f"Replies without a number were taken to be in order: {run.about.by_order:,}."]


def describe_order(run: Run, left: str, right: str) -> str:
    """For example: From sent to received, 12 of 276 pairs change places. None within a client. …"""
    return " ".join([*lines(run, left, right), *unnumbered(run, left, right), *_details(run, left, right)])


def _details(run: Run, left: str, right: str) -> list[str]:
    """Who moved furthest, and the order on the right."""
    rows = in_order(run, left, right)
    number, place = run.request_table.number[rows], places(run, rows, right)
    moved = place - np.arange(len(rows))
    if not moved.any():
        return []
    furthest = int(np.abs(moved).argmax())
    said = [f"#{number[furthest]} moved furthest, from place {furthest + 1:,} to {place[furthest] + 1:,}."]
    if len(rows) <= SAID:
        said.append(f"On the right, from the top: {' '.join(f'#{one}' for one in number[np.argsort(place)])}.")
    return said


def places(run: Run, rows: Any, right: str) -> Any:
    """The place on the right, from 0, of each of these rows; of equal times, the one higher on the left is first."""
    place = np.empty(len(rows), dtype=np.int64)
    place[np.argsort(run.request_table.columns[right][rows], kind="stable")] = np.arange(len(rows))
    return place
