"""The life of one request as a swim-lane: client, queue and handler, one below the other, time to the right.

Its stages last from microseconds to seconds, so each says its own duration and has a mark at either end.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from batchdemo.runs.figure import describe, new_axes, title
from batchdemo.runs.life import UNTIL, Life, life, sentence
from batchdemo.runs.words import seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from batchdemo.runs.run import Run

WAY, WAITING, HANDLING, GREY = "#0072B2", "#E69F00", "#009E73", "#767676"  # Okabe and Ito's, but for the grey
CLIENT, QUEUE, HANDLER = 2.0, 1.0, 0.0
INSIDE = {CLIENT: "client", QUEUE: "queue", HANDLER: "handler"}
OUTSIDE = {CLIENT: "client", QUEUE: "server\n(not seen\ninside)"}
THICK = 0.2  # of a bar; a lane is 1
MATES = 12  # others of its batch that are drawn with it
TICKS = 60  # where there are more, none is drawn
BOX = {"fc": "white", "ec": "none", "alpha": 0.8, "pad": 0.6}  # behind words


class Stage(NamedTuple):
    """One bar: in which lane, from when to when, and what stands beside it."""

    lane: float
    start: float
    end: float
    says: str
    colour: str
    below: bool = False  # whether the words stand below the bar
    lasts: bool = True  # False: an instant, of which no duration is said


def plot_request(run: Run, number: Any, ax: Axes | None) -> Axes:
    """Draw what became of one request."""
    one = life(run, number)
    text = sentence(one)
    ax = new_axes() if ax is None else ax
    lanes = INSIDE if one.inside else OUTSIDE
    title(ax, text)
    describe(ax, text)
    ax.set_yticks(list(lanes), list(lanes.values()))
    ax.set_ylim(min(lanes) - 0.6, CLIENT + 0.6)
    ax.set_xlabel("time since the run began (s)")
    shown = stages(one)
    if shown:
        _draw(run, ax, one, shown)
    return ax


def stages(one: Life) -> list[Stage]:
    """What was seen of it, in order; none where it was never sent."""
    row = one.row
    last = one.end if math.isnan(row.received) else row.received
    if one.inside:
        found = [Stage(CLIENT, row.sent, row.arrived, "on its way there", WAY), *_within(one, last)]
    else:
        found = _without(one, last)
    return [stage for stage in found if not math.isnan(stage.start) and not math.isnan(stage.end)]


def _without(one: Life, last: float) -> list[Stage]:
    """What a client sees: it sent, and got a reply."""
    row = one.row
    what = "refused" if row.outcome == "rejected" else "on its way, waiting and handled"
    if math.isnan(row.received):
        what = "no reply until the run ended"
    place = f", {one.place}" if one.size else ""
    return [
        Stage(CLIENT, row.sent, row.sent, "sent", WAY, lasts=False),
        Stage(QUEUE, row.sent, last, f"{what}{place}", WAITING),
        Stage(CLIENT, row.received, row.received, "received", WAY, below=True, lasts=False),
    ]


def _within(one: Life, last: float) -> list[Stage]:
    """The stages from its arrival on; with NaN in those that were not seen."""
    row = one.row
    if row.outcome == "rejected":
        return [
            Stage(QUEUE, row.arrived, row.arrived, "refused", GREY, lasts=False),
            Stage(CLIENT, row.arrived, row.received, "on its way back", WAY, below=True),
        ]
    if math.isnan(row.released):
        return [Stage(QUEUE, row.arrived, last, "waiting", WAITING)]
    waiting = Stage(QUEUE, row.arrived, row.released, f"waiting{UNTIL[one.reason]}", WAITING)
    if math.isnan(row.replied):
        return [waiting, Stage(HANDLER, row.released, one.end, f"{one.place}, not yet answered", HANDLING)]
    ended = "failed" if row.outcome == "failed" else "handled"
    handled = Stage(HANDLER, one.began, row.replied, f"{one.place}, {ended}", HANDLING)
    back = Stage(CLIENT, row.replied, row.received, "on its way back", WAY, below=True)
    if one.began == row.released:
        return [waiting, handled, back]
    return [waiting, Stage(HANDLER, row.released, one.began, "the handler is busy", GREY, below=True), handled, back]


def _draw(run: Run, ax: Axes, one: Life, shown: list[Stage]) -> None:
    mates = one.mates[:MATES]
    table = run.request_table
    came, left = (table.arrived, table.released) if one.inside else (table.sent, table.received)
    start, end = one.row.sent, max(stage.end for stage in shown)
    # Mates that came long before are cut off, lest they squeeze what is to be seen.
    start = max(min([start, *came[mates][~np.isnan(came[mates])]]), start - (end - start))
    pad = 0.04 * (end - start) or 1e-3
    ax.set_xlim(start - pad, end + pad)
    _ticks(run, ax, start - pad, end + pad)
    _mates(ax, one, came[mates], left[mates])
    for stage in shown:
        _bar(ax, stage, (stage.start - start, end - stage.end))
    for before, after in pairwise(shown):
        ax.plot([before.end, before.end], [before.lane, after.lane], color=GREY, lw=0.9, zorder=1)
    if math.isnan(one.row.received):
        why = "its client was gone" if one.row.outcome == "cancelled" else "no reply was seen"
        ax.plot(end, CLIENT, "x", color="black", ms=8, zorder=3)
        ax.annotate(why, (end, CLIENT), (0, 8), textcoords="offset points", ha="right", fontsize=9)
    else:
        ax.plot(one.row.received, CLIENT, "o", color=WAY, ms=6, zorder=3)


def _bar(ax: Axes, stage: Stage, room: tuple[float, float]) -> None:
    """The bar, a mark at either end, and its words where there is room: seconds to its left and to its right."""
    length = stage.end - stage.start
    ax.barh(stage.lane, length, THICK, stage.start, color=stage.colour, alpha=0.55, zorder=2)
    ax.plot([stage.start, stage.end], [stage.lane] * 2, "|", color=stage.colour, ms=14, mew=1.8, zorder=3)
    if length > sum(room):
        x, side = stage.start + length / 2, "center"
    else:
        x, side = (stage.start, "left") if room[0] < room[1] else (stage.end, "right")
    words = f"{stage.says}: {seconds(length)}" if stage.lasts else stage.says
    y, up = (stage.lane - THICK, "top") if stage.below else (stage.lane + THICK, "bottom")
    ax.text(x, y, words, ha=side, va=up, fontsize=9, zorder=4, bbox=BOX)


def _mates(ax: Axes, one: Life, came: Any, left: Any) -> None:
    """The others of its batch, as thin lines that end where it left too."""
    seen = ~(np.isnan(came) | np.isnan(left))
    if not seen.any():
        return
    y = QUEUE - THICK - 0.025 * np.arange(seen.sum())
    ax.hlines(y, came[seen], left[seen], color=WAITING, lw=0.9, alpha=0.7, zorder=1)
    drawn, others = int(seen.sum()), len(one.mates)
    count = f"{others:,}" if drawn == others else f"{drawn} of {others:,}"
    says = f"{count} more of its batch"
    ax.text(left[seen].max(), y[-1] - 0.02, says, ha="right", va="top", fontsize=8, color=GREY, zorder=4)


def _ticks(run: Run, ax: Axes, start: float, end: float) -> None:
    ran = run.tick_table.ran
    ran = ran[(ran >= start) & (ran <= end)]
    if 0 < len(ran) <= TICKS:
        ax.vlines(ran, 0, 1, transform=ax.get_xaxis_transform(), color=GREY, lw=0.9, ls=":", zorder=0)
        ax.set_xlabel("time since the run began (s); dotted: ticks of the server")
