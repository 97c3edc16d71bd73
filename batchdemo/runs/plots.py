"""The pictures. Each takes an axes or makes one, returns it, and changes nothing beyond it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.records import OUTCOMES
from batchdemo.runs.cadence import Cadence, slope
from batchdemo.runs.cadence import cadence as cadence_of
from batchdemo.runs.checks import lateness
from batchdemo.runs.figure import describe, new_axes, title
from batchdemo.runs.gap import comparable, gap, predictions
from batchdemo.runs.words import joined, observed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from batchdemo.runs.run import Run

# Okabe and Ito's colours, which the colour-blind can tell apart, each with a marker of its own.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
MARKERS = ("o", "s", "^", "D", "v", "P")
GREY = "#767676"
MOST = 4_000  # points that are drawn; beyond, every k-th
FEW = 120  # requests up to which the wait of each is drawn
SAID = 8  # batches or ticks up to which the alt text says each


def thinned(count: int) -> Any:
    """The places of those that are drawn: all, or every k-th."""
    return np.arange(count) if count <= MOST else np.unique(np.linspace(0, count - 1, MOST).astype(int))


def staircase(run: Run, ax: Axes | None, predicted: Any) -> Axes:
    """Number against time of reply, coloured by batch, with the ticks as lines."""
    table = run.request_table
    predicted = predictions(predicted, len(table))
    ax = new_axes() if ax is None else ax
    shown = thinned(len(table))
    tick_lines(run, ax)
    if len(table) <= FEW:
        _waits(run, ax)
    _replies(run, ax, shown)
    _batch_labels(run, ax)
    off = []
    if predicted is not None:
        _prediction(run, ax, predicted, shown)
        off = [gap(run, predicted)]
    describe(ax, " ".join([run.describe(), *off]))
    of_many = "" if len(shown) == len(table) else f" Drawn: {len(shown):,} of {len(table):,}."
    title(ax, observed(run) + of_many, *off)  # without the notes: the font may lack what came over the wire
    ax.set_xlabel("time since the run began (s)")
    ax.set_ylabel("number of the request")
    ax.margins(x=0.03, y=0.08)
    if 0 < len(table) <= 30:
        ax.set_yticks(table.number[:: 1 if len(table) <= 20 else 2])
    ax.legend(loc="lower right", fontsize=9)
    return ax


def _waits(run: Run, ax: Axes) -> None:
    """A line from each request's sending to its reply, and a cross where none came."""
    table = run.request_table
    missing = np.isnan(table.received)
    seen = ~missing
    ax.hlines(table.number[seen], table.sent[seen], table.received[seen], color=GREY, lw=0.6, alpha=0.6, zorder=1)
    ax.plot(table.sent, table.number, "|", color=GREY, ms=5, label="sent")
    if missing.any():
        ax.plot(table.sent[missing], table.number[missing], "x", color="black", label="no reply")


def _replies(run: Run, ax: Axes, shown: Any) -> None:
    """A mark a reply, in the colour and the form of its batch."""
    table = run.request_table
    received, number, batch = table.received[shown], table.number[shown], table.batch[shown]
    refused = np.isin(table.outcome[shown], [OUTCOMES.index(word) for word in ("rejected", "expired")])
    size = 6 if len(table) <= FEW else 3
    ax.plot([], [], "o", color=COLOURS[0], label="reply, by batch" if len(run.batch_table) else "reply")
    for kind, (colour, marker) in enumerate(zip(COLOURS, MARKERS, strict=True)):
        mine = (np.maximum(batch - 1, 0) % len(COLOURS) == kind) & ~refused
        ax.plot(received[mine], number[mine], marker, color=colour, ms=size, zorder=3)
    if refused.any():
        ax.plot(received[refused], number[refused], "X", color=GREY, ms=size, label="refusal", zorder=3)


def _prediction(run: Run, ax: Axes, predicted: Any, shown: Any) -> None:
    """A ring a prediction, and where there is room a line from it to what was measured."""
    table = run.request_table
    if len(table) <= FEW:
        both = comparable(run, predicted)
        ax.hlines(table.number[both], predicted[both], table.received[both], color="black", lw=0.9, zorder=2)
    said, number = predicted[shown], table.number[shown]
    ax.plot(said, number, "o", mfc="none", mec="black", ms=10, label="your prediction", zorder=2)


def tick_lines(run: Run, ax: Axes) -> None:
    """A dotted line a tick, where they are few."""
    ran = run.tick_table.ran
    if 0 < len(ran) <= 100:
        top = ax.get_xaxis_transform()
        ax.vlines(ran, 0, 1, transform=top, color=GREY, lw=0.9, ls=":", zorder=0, label="tick of the server")


def _batch_labels(run: Run, ax: Axes) -> None:
    batches, table = run.batch_table, run.request_table
    if len(batches) > 8 or len(table) > FEW:
        return
    for batch, size in zip(batches.batch, batches.size, strict=True):
        mine = (table.batch == batch) & ~np.isnan(table.received)
        if mine.any():
            top = int(np.argmax(np.where(mine, table.number, -np.inf)))
            label = f"batch {batch}: {size}"
            at = (float(table.received[top]), float(table.number[top]))
            box = {"fc": "white", "ec": "none", "alpha": 0.7, "pad": 0.8}
            ax.annotate(label, at, (-6, 5), textcoords="offset points", fontsize=9, ha="right", bbox=box, zorder=4)


def cadence(run: Run, ax: Axes | None) -> Axes:
    """Lateness of each tick against its place on the grid, in milliseconds."""
    ax = new_axes() if ax is None else ax
    seen = cadence_of(run)
    ax.axhline(0, color=GREY, lw=0.9)
    ax.set_xlabel("time since the run began (s)")
    thing = "tick" if seen is None or seen.anchored else "batch"
    ax.set_ylabel(f"how late the {thing} was (ms)")
    if seen is None or not len(seen.ran):
        nothing = "Too few batches, or no interval known: there is no cadence to show."
        title(ax, nothing)
        describe(ax, nothing)
        return ax
    shown = thinned(len(seen.ran))
    ran, late = seen.ran[shown], seen.lateness[shown] * 1e3
    ax.vlines(ran, 0, late, color=COLOURS[0], lw=1.0)
    ax.plot(ran, late, "o", color=COLOURS[0], ms=5, label=thing)
    if len(seen.ran) > 1:
        ends = np.array([seen.ran[0], seen.ran[-1]])
        line = seen.lateness.mean() + slope(seen.ran, seen.lateness) * (ends - seen.ran.mean())
        label = f"drift {seen.drift * 1e3:+.2f} ms a {thing}"
        ax.plot(ends, line * 1e3, color=COLOURS[5], lw=1.2, ls="--", label=label)
    worst = f"Worst {thing} {abs(seen.worst) * 1e3:.3g} ms {'late' if seen.worst >= 0 else 'early'}"
    grid = "the server's own grid" if seen.anchored else "a grid through the first batch"
    sentence = f"{worst}, drift {seen.drift * 1e3:+.2f} ms a {thing}, against {grid}."
    title(ax, sentence)
    describe(ax, f"{sentence} {_latenesses(seen)}")
    ax.legend(loc="best", fontsize=9)
    return ax


def _latenesses(seen: Cadence) -> str:
    """Each lateness, or where there are many the range of most, in words."""
    if len(seen.lateness) <= SAID:
        return f"In turn: {joined([lateness(value) for value in seen.lateness])}."
    low, high = np.quantile(seen.lateness, [0.05, 0.95])
    return f"Nine in ten of {len(seen.lateness):,} lie between {lateness(low)} and {lateness(high)}."
