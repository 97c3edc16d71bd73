"""The picture of pressure: how many waited, over time, and who was refused or lost patience."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.records import OUTCOMES
from batchdemo.runs.figure import describe, new_axes, title
from batchdemo.runs.leaving import left_queue
from batchdemo.runs.plots import COLOURS, MOST, SAID, thinned, tick_lines
from batchdemo.runs.words import joined, seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from batchdemo.runs.run import Run

LOST = {"rejected": (COLOURS[5], "X"), "expired": (COLOURS[3], "v")}  # each in a colour and a form of its own
MARKS = 500  # of one kind that are drawn; more would be a band


def plot_queue(run: Run, ax: Axes | None) -> Axes:
    """A step up at each arrival and down at each batch; a mark where a request was rejected or expired."""
    ax = new_axes() if ax is None else ax
    table = run.request_table
    seen_inside = bool(len(table)) and not np.isnan(table.arrived).all()
    came, left = (table.arrived, left_queue(run)) if seen_inside else (table.sent, table.received)
    lost = {word: left[(table.outcome == OUTCOMES.index(word)) & ~np.isnan(left)] for word in LOST}
    taken = (table.outcome != OUTCOMES.index("rejected")) | (left > came)  # what was refused at once never waited
    gone = taken & ~np.isnan(left)
    batch, served = table.batch[gone], ~np.isnan(table.released[gone])
    came, left = came[taken & ~np.isnan(came)], left[gone]
    times, length = _steps(came, left, served)
    shown = thinned(len(times))
    if len(times) > MOST:  # every k-th point would miss the peak
        shown = np.union1d(shown, [int(length.argmax())])
    tick_lines(run, ax)
    ax.step(times[shown], length[shown], where="post", color=COLOURS[0], lw=1.6)
    ax.fill_between(times[shown], length[shown], step="post", color=COLOURS[0], alpha=0.15)
    _marks(ax, lost, times, length)
    what = "requests waiting in the queue" if seen_inside else "requests sent and not yet answered"
    peak = f"at most {int(length.max()):,}" if len(length) else "none"
    sentence = f"{what.capitalize()}: {peak}.{_said(lost)}"
    title(ax, sentence)
    describe(ax, sentence + _lengths(times, length, left, batch))
    ax.set_xlabel("time since the run began (s)")
    ax.set_ylabel(what)
    ax.set_ylim(bottom=0)
    ax.set_xlim(left=0)
    ax.locator_params(axis="y", integer=True)
    return ax


def _steps(came: Any, left: Any, served: Any) -> tuple[Any, Any]:
    """When the length changed, and what it was from then on."""
    times = np.concatenate([came, left])
    # At one instant: who is dropped makes room, then somebody comes, who may be what makes the batch full.
    order = np.lexsort((np.concatenate([np.ones(len(came)), np.where(served, 2, 0)]), times))
    return times[order], np.cumsum(np.concatenate([np.ones(len(came)), -np.ones(len(left))])[order])


def _marks(ax: Axes, lost: dict[str, Any], times: Any, length: Any) -> None:
    """On the line of the queue, at the moment at which each was told."""
    for word, when in lost.items():
        if not len(when):
            continue
        at = np.sort(when)[np.unique(np.linspace(0, len(when) - 1, min(len(when), MARKS)).astype(int))]
        place = np.searchsorted(times, at, side="right") - 1
        height = np.where(place < 0, 0.0, length[place]) if len(length) else np.zeros(len(at))
        colour, marker = LOST[word]
        size = 7 if len(at) <= 100 else 5
        ax.plot(at, height, marker, color=colour, ms=size, mew=0, alpha=0.8, label=f"{word}: {len(when):,}", zorder=3)
    if any(len(when) for when in lost.values()):
        ax.legend(loc="best", fontsize=9)


def _said(lost: dict[str, Any]) -> str:
    """How many were lost, in which way, and from when on."""
    parts = [f"{len(when):,} {word}, from {seconds(float(when.min()))} on" for word, when in lost.items() if len(when)]
    return f" Not served: {joined(parts)}." if parts else ""


def _lengths(times: Any, length: Any, left: Any, batch: Any) -> str:
    """The queue's length after each batch, or where there are many at each quarter of the time, in words."""
    if not len(times):
        return ""
    when, ends = "After each batch", [float(left[batch == one].max()) for one in np.unique(batch)[: SAID + 1]]
    if not 0 < len(ends) <= SAID:
        when, ends = "At each quarter of the time", np.linspace(times[0], times[-1], 5)[1:].tolist()
    after = length[np.searchsorted(times, ends, side="right") - 1]
    return f" {when}: {joined([f'{int(n):,} at {seconds(end)}' for n, end in zip(after, ends, strict=True)])}."
