"""The order of two stages as a slope chart: a line a request, from its place on the left to its place on the right.

Two lines cross where two requests changed places. Imports no matplotlib: axes bring their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.runs.figure import describe, new_axes, title
from batchdemo.runs.order import describe_order, in_order, lines, places, unnumbered
from batchdemo.runs.plots import COLOURS, FEW, GREY, MARKERS, MOST

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from batchdemo.runs.run import Run

NAMED = 30  # requests up to which the number of each stands beside its ends
CLIENTS = 8  # of them in the legend
BELOW = {"sent": "sent", "arrived": "arrived at the server", "released": "left the queue",
         "replied": "reply left the server", "received": "reply received"}  # fmt: skip


def plot_order(run: Run, ax: Axes | None, left: str, right: str) -> Axes:
    """Draw the places of the requests that passed both stages, a colour and a marker a client."""
    rows = in_order(run, left, right)
    before, after = np.arange(1, len(rows) + 1), places(run, rows, right) + 1
    client, number = run.request_table.client[rows], run.request_table.number[rows]
    ax = new_axes() if ax is None else ax
    shown = np.arange(len(rows)) if len(rows) <= MOST else np.unique(np.linspace(0, len(rows) - 1, MOST).astype(int))
    _slopes(ax, before[shown], after[shown], client[shown])
    if len(rows) <= FEW:
        _crossings(ax, before, after, client)
    if len(rows) <= NAMED:
        _numbers(ax, before, after, number)
    thinned = [] if len(shown) == len(rows) else [f"Drawn: {len(shown):,} of {len(rows):,}."]
    title(ax, *lines(run, left, right), *unnumbered(run, left, right), *thinned)
    describe(ax, " ".join([*thinned, describe_order(run, left, right)]))
    ax.set_xticks([0, 1], [BELOW[left], BELOW[right]])
    ax.set_xlim(-0.2, 1.2)
    ax.set_ylabel("place in the order (1: the first)")
    ax.set_ylim(len(rows) + 0.8, 0.2)
    ax.locator_params(axis="y", integer=True)
    if len(rows):
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=9)
    return ax


def _slopes(ax: Axes, before: Any, after: Any, client: Any) -> None:
    """A line a request, with a mark at both ends; the lines of one client are one artist."""
    many = len(before) > FEW
    clients = np.unique(client)
    for at, one in enumerate(clients):
        mine = client == one
        gap = np.full(mine.sum(), np.nan)
        x = np.tile([0.0, 1.0, np.nan], len(gap))
        y = np.column_stack([before[mine], after[mine], gap]).ravel()
        # Beyond six clients the markers move on by one, so that no two of 36 look alike.
        colour, marker = COLOURS[at % len(COLOURS)], MARKERS[(at + at // len(COLOURS)) % len(MARKERS)]
        label = f"client {one}" if at < CLIENTS else "_"
        ax.plot(x, y, marker=marker, color=colour, lw=0.5 if many else 1.4, ms=2 if many else 6, label=label, zorder=2)
    if len(clients) > CLIENTS:
        ax.plot([], [], " ", label=f"and {len(clients) - CLIENTS:,} more")


def _crossings(ax: Axes, before: Any, after: Any, client: Any) -> None:
    """A ring where two clients cross, a cross where a client overtook itself; equal places cannot be."""
    one, other = np.triu_indices(len(before), 1)
    crossed = after[one] > after[other]
    one, other = one[crossed], other[crossed]
    x = (other - one) / ((other - one) + (after[one] - after[other]))
    y = before[one] + x * (after[one] - before[one])
    own = client[one] == client[other]
    rings, crosses = "crossing of two clients", "crossing within a client"
    if not own.all():
        ax.plot(x[~own], y[~own], "o", mfc="white", mec=GREY, ms=4, mew=1, label=rings, zorder=3)
    if own.any():
        ax.plot(x[own], y[own], "X", mfc="black", mec="white", ms=9, mew=0.8, label=crosses, zorder=4)


def _numbers(ax: Axes, before: Any, after: Any, number: Any) -> None:
    for x, side, step, y in ((0, "right", -8, before), (1, "left", 8, after)):
        for place, one in zip(y, number, strict=True):
            ax.annotate(f"#{one}", (x, place), (step, 0), textcoords="offset points", ha=side, va="center", fontsize=8)
