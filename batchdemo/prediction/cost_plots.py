"""The pictures of costs. Each takes axes or makes them, returns them, and changes nothing beyond them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.arguments import refuse
from batchdemo.prediction import cost_words as words
from batchdemo.runs.figure import describe, new_axes
from batchdemo.runs.plots import COLOURS, GREY, MARKERS
from batchdemo.runs.words import joined

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from batchdemo.prediction.costs import Costs
    from batchdemo.runs.described import DescribedFigure

WIDE = (12.0, 4.5)  # inches, of two pictures side by side
FURTHER = 4  # times the largest size measured, up to which the line is drawn on, if nine tenths lie there
SAID = 10  # sizes up to which the alt text says each


def throughput(costs: Costs, ax: Axes | None) -> Axes:
    """Requests a second against the size of the batch."""
    ax = _logarithmic(ax)
    rates = costs.sizes / costs.durations
    _spread(ax, costs, rates)
    n = _reach(costs)
    ax.plot(n, costs.throughput(n), color=COLOURS[5], lw=1.4, label="n / (a·n + b)", zorder=2)
    if np.isfinite(costs.ceiling) and costs.ceiling < 100 * rates.max():
        label = f"ceiling 1/a: {words.figure(costs.ceiling)}/s"
        ax.axhline(costs.ceiling, color=COLOURS[5], lw=1.0, ls="--", label=label, zorder=1)
    ax.plot(costs.sizes, costs.rates, MARKERS[0], color=COLOURS[0], ms=6, label="measured, median", zorder=3)
    title = f"{words.gain(costs)}."
    said = [f"{words.figure(rate)}/s with {size:,}" for size, rate in _few(costs, costs.rates)]
    describe(ax, f"{costs.name}, throughput. {title} Requests a second by batch size: {joined(said)}.")
    return _finish(costs, ax, title, "throughput (requests/s)")


def duration(costs: Costs, ax: Axes | None) -> Axes:
    """How long a batch takes against its size."""
    ax = _logarithmic(ax)
    _spread(ax, costs, costs.durations * 1e3)
    n = _reach(costs)
    ax.plot(n, costs.duration(n) * 1e3, color=COLOURS[5], lw=1.4, label="a·n + b", zorder=2)
    ax.plot(costs.sizes, costs.medians * 1e3, MARKERS[0], color=COLOURS[0], ms=6, label="measured, median", zorder=3)
    title = f"{words.line(costs)}{words.caution(costs)}"
    said = [f"{words.lapse(seconds)} with {size:,}" for size, seconds in _few(costs, costs.medians)]
    describe(ax, f"{title} Duration of a batch by its size: {joined(said)}.")
    return _finish(costs, ax, title, "duration of the batch (ms)")


def both(costs: Costs, axes: Any) -> Any:
    """Throughput and duration side by side."""
    axes = new_axes(1, 2, figsize=WIDE) if axes is None else axes
    try:
        left, right = axes
    except (TypeError, ValueError):
        refuse("axes", "a pair of axes", axes, "For example pyplot.subplots(1, 2)[1].")
    throughput(costs, left)
    duration(costs, right)
    return axes


def picture(costs: Costs) -> DescribedFigure:
    """Both on a figure that pyplot does not know of: safe in any thread, and nobody's to close."""
    from batchdemo.runs.described import DescribedFigure  # noqa: PLC0415  - half a second, for those who look

    figure = DescribedFigure(figsize=WIDE, layout="constrained")
    both(costs, figure.subplots(1, 2))
    return figure


def _logarithmic(ax: Axes | None) -> Axes:
    """The axes given, or those of a new figure, with both scales logarithmic."""
    ax = new_axes() if ax is None else ax
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    for axis in (ax.xaxis, ax.yaxis):
        _plain_numbers(axis)
    return ax


def _spread(ax: Axes, costs: Costs, values: Any) -> None:
    """A thin line a size, from the least value of any round to the greatest."""
    low, high = values.min(axis=0), values.max(axis=0)
    ax.vlines(costs.sizes, low, high, color=GREY, lw=1.2, label="all rounds", zorder=1)
    # Room above and below, without which values that are all the same leave matplotlib no scale.
    ax.update_datalim([(costs.sizes[0], low.min() / 1.2), (costs.sizes[-1], high.max() * 1.2)])


def _reach(costs: Costs) -> Any:
    """The sizes at which the line is drawn: as far as was measured, and on to the nine tenths if they are near."""
    last, wanted = float(costs.sizes[-1]), words.nine_tenths(costs)
    if wanted is not None and last < wanted <= FURTHER * last:
        last = 1.2 * wanted
    return np.geomspace(costs.sizes[0], last, 200)


def _few(costs: Costs, values: Any) -> list[tuple[int, float]]:
    """(size, value) of each size, or where there are many of a few that are spread over them."""
    shown = words.spread_out(len(costs.sizes), SAID)
    return [(int(costs.sizes[at]), float(values[at])) for at in shown]


def _plain_numbers(axis: Any) -> None:
    """1,000 and 0.1 in place of powers of ten, at the ticks that matplotlib would have labelled."""
    from matplotlib.ticker import LogFormatter  # noqa: PLC0415

    class Plain(LogFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            number = f"{x:,.0f}" if x >= 1 else f"{x:g}"
            return number if super().__call__(x, pos) else ""

    base = axis.get_transform().base
    axis.set_major_formatter(Plain(base, labelOnlyBase=False))
    axis.set_minor_formatter(Plain(base, labelOnlyBase=False))


def _finish(costs: Costs, ax: Axes, title: str, up: str) -> Axes:
    wanted = words.nine_tenths(costs)
    if wanted is not None and costs.sizes[0] <= wanted <= FURTHER * costs.sizes[-1]:
        label = f"9/10 of the ceiling, by the line: {wanted:,}"
        ax.axvline(wanted, color=COLOURS[2], lw=1.2, ls=":", label=label, zorder=1)
    ax.set_xlabel("size of the batch (requests)")
    ax.set_ylabel(up)
    ax.set_title(textwrap.fill(title, 68).replace("$", r"\$"), loc="left", fontsize=10)  # a $ begins a formula
    ax.legend(loc="best", fontsize=9)
    return ax
