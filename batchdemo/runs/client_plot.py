"""The picture of fairness: how long the requests of each client waited, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.runs.fairness import index, jain, spread, stay
from batchdemo.runs.figure import describe, new_axes, title
from batchdemo.runs.plots import COLOURS, MARKERS, MOST, SAID
from batchdemo.runs.words import seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from batchdemo.runs.run import Run

WIDTH = 0.7  # of a client's strip, of the distance between two
LABELS = 20  # clients up to which each is named below its strip


def plot_clients(run: Run, ax: Axes | None) -> Axes:
    """A strip a client: a point a request in order of arrival, a cross where it was not served, and the mean."""
    ax = new_axes() if ax is None else ax
    own = stay(run)
    client, who = np.unique(run.request_table.client, return_inverse=True)
    time = own.ceased - own.began
    unserved = np.isnan(own.released)
    figures = spread(time, who, len(client))
    _points(ax, _places(own.began, who, len(client)), time, who, unserved)
    _means(ax, figures["mean"])
    what = "waiting time" if own.inside else "latency"
    sentence = _sentence(run, what, client, figures["mean"]) + _unserved(int((unserved & ~np.isnan(time)).sum()))
    title(ax, sentence)
    describe(ax, sentence + _each(client, figures))
    ax.set_xticks(*_names(client))
    ax.set_xlim(-0.6, max(len(client), 1) - 0.4)
    ax.set_ylim(bottom=0)
    ax.set_xlabel("client (its requests in order of arrival, from left to right)")
    ax.set_ylabel(f"{what} (s)")
    return ax


def _places(began: Any, who: Any, clients: int) -> Any:
    """Across: the middle of the client's strip, and in it the order of arrival from left to right."""
    order = np.lexsort((began, who))
    count = np.bincount(who, minlength=clients)
    place = np.empty(len(who))
    place[order] = np.arange(len(who)) - np.repeat(np.cumsum(count) - count, count)
    return who + WIDTH * ((place + 0.5) / count[who] - 0.5)


def _points(ax: Axes, across: Any, time: Any, who: Any, unserved: Any) -> None:
    """A mark a request, in the colour and the form of its client; where there are too many, every k-th."""
    seen = np.flatnonzero(~np.isnan(time))
    if len(seen) > MOST:  # every k-th might miss the longest
        longest = seen[time[seen].argmax()]
        seen = np.union1d(seen[np.linspace(0, len(seen) - 1, MOST).astype(int)], longest)
    size = 5 if len(seen) <= 200 else 3
    for kind, (colour, marker) in enumerate(zip(COLOURS, MARKERS, strict=True)):
        mine = seen[(who[seen] % len(COLOURS) == kind) & ~unserved[seen]]
        if len(mine):
            ax.plot(across[mine], time[mine], marker, color=colour, ms=size, alpha=0.7, mew=0, zorder=2)
    left = seen[unserved[seen]]
    if len(left):
        ax.plot(across[left], time[left], "x", color="black", ms=size, label="not served: the time so far", zorder=3)


def _means(ax: Axes, mean: Any) -> None:
    """A line across each strip."""
    at = np.flatnonzero(~np.isnan(mean))
    if not len(at):
        return
    at = at[np.unique(np.linspace(0, len(at) - 1, min(len(at), MOST)).astype(int))]
    half = WIDTH / 2 + 0.06
    ax.hlines(mean[at], at - half, at + half, color="black", lw=1.8, zorder=4, label="mean of a client")
    ax.legend(loc="best", fontsize=9)


def _names(client: Any) -> tuple[Any, list[str]]:
    """Where below the strips stands a client's number, and which."""
    every = max(1, -(-len(client) // LABELS))
    return np.arange(len(client))[::every], [str(number) for number in client[::every]]


def _unserved(count: int) -> str:
    """Averages over survivors only would hide them."""
    if not count:
        return ""
    who = "1 request not served counts" if count == 1 else f"{count:,} requests not served count"
    return f" {who} with the time so far."


def _sentence(run: Run, what: str, client: Any, mean: Any) -> str:
    """The range of the means, and both of Jain's indices, as far as they are known."""
    known = np.flatnonzero(~np.isnan(mean))
    many = f"{len(client):,} client{'' if len(client) == 1 else 's'}"
    if not len(known):
        return f"{many}: of no request is it known how long it took."
    low, high = known[np.argmin(mean[known])], known[np.argmax(mean[known])]
    if len(known) == 1:
        return f"{many}: mean {what} {seconds(mean[low])} (client {client[low]})."
    ends = f"{seconds(mean[low])} (client {client[low]}) to {seconds(mean[high])} (client {client[high]})"
    served = index(run, "served")
    of_served = "" if np.isnan(served) else f", {served:.2f} of what was served"
    indices = f"{jain(mean[known]):.2f} of the means{of_served}"
    return f"{many}: mean {what} {ends}. Jain's index: {indices}; 1 is fair, 1/n one of n having all."


def _each(client: Any, figures: Any) -> str:
    """The mean and the longest of each client, where they are few."""
    if not 1 < len(client) <= SAID:
        return ""
    rows = zip(client, figures["mean"], figures["max"], strict=True)
    said = [f"{one}: {seconds(mean)}, at most {seconds(most)}" for one, mean, most in rows if not np.isnan(mean)]
    return f" By client: {'; '.join(said)}." if said else ""
