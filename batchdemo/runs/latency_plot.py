"""The picture of patience: how long each request took until its end, whichever it was, against when it was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.records import OUTCOMES
from batchdemo.runs.figure import describe, new_axes, title
from batchdemo.runs.life import end_of
from batchdemo.runs.plots import COLOURS, MOST
from batchdemo.runs.queue_length import LOST
from batchdemo.runs.words import seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from batchdemo.runs.run import Run

LOOKS = {
    "served": (COLOURS[0], "o"),
    **LOST,
    "failed": (COLOURS[1], "s"),
    "cancelled": (COLOURS[4], "D"),
    "unknown": ("black", "x"),
}
TOLD = {"unknown": "without a reply, the time so far"}


def plot_latency(run: Run, ax: Axes | None) -> Axes:
    """A point a request, in the colour and the form of its outcome; who never heard, at the time so far."""
    ax = new_axes() if ax is None else ax
    took = _took(run)
    for word, mine in _ends(run).items():
        colour, marker = LOOKS[word]
        shown = _thinned(mine, took)
        size = 5 if len(shown) <= 200 else 3
        edge = 1.2 if marker == "x" else 0
        name = f"{TOLD.get(word, word)}: {len(mine):,}"
        ax.plot(run.request_table.sent[shown], took[shown], marker, color=colour, ms=size, mew=edge, alpha=0.8,
                label=name, clip_on=False)  # fmt: skip
    said = describe_latency(run)
    title(ax, said)
    describe(ax, said)
    ax.set_xlabel("sent (s since the run began)")
    ax.set_ylabel("latency (s)")
    ax.set_ylim(bottom=0)
    ax.set_xlim(left=0)
    if ax.lines:
        ax.legend(loc="best", fontsize=9)
    return ax


def describe_latency(run: Run) -> str:
    """How many ended in which way, and how long it took them, in a sentence."""
    table = run.request_table
    heard = table.received - table.sent
    said = [_said(word, heard[mine][~np.isnan(heard[mine])], len(mine)) for word, mine in _ends(run).items()]
    return f"Latency: {'; '.join(said)}." if said else "Nothing was sent."


def _took(run: Run) -> Any:
    """Seconds from the sending to the end, or so far."""
    table = run.request_table
    return np.where(np.isnan(table.received), end_of(run), table.received) - table.sent


def _ends(run: Run) -> dict[str, Any]:
    """The rows of each outcome that occurred."""
    table = run.request_table
    rows = {word: np.flatnonzero((table.outcome == OUTCOMES.index(word)) & ~np.isnan(table.sent)) for word in LOOKS}
    return {word: mine for word, mine in rows.items() if len(mine)}


def _thinned(mine: Any, took: Any) -> Any:
    """Those that are drawn; of too many every k-th, which might miss the longest."""
    if len(mine) <= MOST:
        return mine
    return np.union1d(mine[np.linspace(0, len(mine) - 1, MOST).astype(int)], mine[took[mine].argmax()])


def _said(word: str, heard: Any, count: int) -> str:
    """How many ended so, and how long it took them, as far as they heard."""
    if not len(heard) or word == "unknown":
        return f"{count:,} {TOLD.get(word, word)}"
    low, high = (seconds(float(end)) for end in (heard.min(), heard.max()))
    if low == high:
        return f"{count:,} {word}, after {low}"
    return f"{count:,} {word}, after {low} to {high}, mean {seconds(float(heard.mean()))}"
