"""The figure of a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.arguments import refuse
from batchdemo.runs.figure import describe, new_axes
from batchdemo.runs.figure import title as say
from batchdemo.runs.plots import COLOURS, MARKERS

if TYPE_CHECKING:
    from batchdemo.prediction.comparing import Comparison

POINTS = 2_000  # of a curve that are drawn
STYLES = ("-", "--")


def draw(comparison: Comparison, axes: Any) -> Any:
    """Staircases, ECDFs of latency, and throughput against p99, one colour and marker a run."""
    ours = axes is None
    axes = np.atleast_1d(new_axes(1, 3, figsize=(14.0, 5.2)) if axes is None else axes)
    if axes.shape != (3,):
        refuse("axes", "three axes", axes)
    for at, (name, run) in enumerate(comparison.runs.items()):
        colour, marker = COLOURS[at % len(COLOURS)], MARKERS[at % len(MARKERS)]
        line = STYLES[at // len(COLOURS) % len(STYLES)]
        _answered(axes[0], run, name, colour, line)
        _latency(axes[1], run, name, colour, line)
        summary = run.summary()
        axes[2].plot(summary["latency_p99_s"], summary["throughput_per_s"], marker, color=colour, ms=9, label=name)
    _finish(comparison, axes)
    if ours:  # below all three, where it hides no curve
        handles, names = axes[2].get_legend_handles_labels()
        lines = axes[0].get_legend_handles_labels()[0]
        pairs = list(zip(lines, handles, strict=True))
        axes[0].figure.legend(pairs, names, loc="outside lower center", ncols=2, fontsize=9)
    else:
        axes[0].legend(loc="best", fontsize=8)
    return axes


def _thin(x: Any, y: Any) -> tuple[Any, Any]:
    if len(x) <= POINTS:
        return x, y
    kept = np.unique(np.linspace(0, len(x) - 1, POINTS).astype(int))
    return x[kept], y[kept]


def _answered(ax: Any, run: Any, name: str, colour: str, line: str) -> None:
    """How many replies had come, over time: one step a batch."""
    received = np.sort(run.request_table.received[~np.isnan(run.request_table.received)])
    x, y = _thin(np.concatenate([[0.0], received]), np.arange(len(received) + 1))
    ax.step(x, y, where="post", color=colour, ls=line, lw=1.6, label=name)


def _latency(ax: Any, run: Any, name: str, colour: str, line: str) -> None:
    latency = run.request_table.received - run.request_table.sent
    ordered = np.sort(latency[~np.isnan(latency)])
    share = np.arange(1, len(ordered) + 1) / max(len(ordered), 1)
    x, y = _thin(np.concatenate([ordered[:1], ordered]), np.concatenate([[0.0], share]))
    ax.step(x, y, where="post", color=colour, ls=line, lw=1.6, label=name)


def _marks(ax: Any) -> tuple[list[float], list[float]]:
    """Where the marks stand, without those that no figure is known of."""
    points = [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in ax.get_lines()]
    return [x for x, _ in points if np.isfinite(x)], [y for _, y in points if np.isfinite(y)]


def _finish(comparison: Comparison, axes: Any) -> None:
    texts = (
        ("Replies over time", "time since the run began (s)", "replies that had come"),
        ("Latency: the share answered within", "latency (s)", "share of the requests"),
        ("Throughput against the tail", "99th percentile of latency (s)", "throughput (requests/s)"),
    )
    for ax, (heading, x, y) in zip(axes, texts, strict=True):
        say(ax, heading)
        ax.set_xlabel(x)
        ax.set_ylabel(y)
        ax.set_ylim(bottom=0)
    for set_limits, values in zip((axes[2].set_xlim, axes[2].set_ylim), _marks(axes[2]), strict=True):
        set_limits(0.0, 1.15 * max(values, default=1.0) or 1.0)  # room for the marks at the edges
    describe(axes[0], comparison.describe())
    describe(axes[1], "Latency as the share of requests answered within a time, one curve a run.")
    describe(axes[2], "Throughput against the 99th percentile of latency, one mark a run.")
