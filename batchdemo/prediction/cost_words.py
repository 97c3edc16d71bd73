"""Costs in words and figures: the sentences, the text, and what a notebook shows."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.errors import ArgumentError

if TYPE_CHECKING:
    from batchdemo.prediction.costs import Costs

ROUGH = 0.25  # a line that misses a median by more is no good description, and it is said
ROWS = 20  # sizes in the table


def figure(value: float) -> str:
    """A number with two significant digits: `47,000`, `41`, `1.3`."""
    if not math.isfinite(value):
        return "∞"
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 10 else f"{rounded:g}"


def lapse(value: float) -> str:
    """Seconds in the unit in which one would say them, with two significant digits: `21 µs`, `1.9 ms`, `2.5 s`."""
    if value == 0:
        return "0 µs"
    for unit, factor in (("µs", 1e6), ("ms", 1e3)):
        if float(f"{value * factor:.2g}") < 1000:
            return f"{figure(value * factor)} {unit}" if value >= 1e-8 else "under 0.01 µs"
    return f"{figure(value)} s"


def line(costs: Costs) -> str:
    """`Commits: 21 µs a request + 1.9 ms a batch.`"""
    return f"{costs.name}: {lapse(costs.per_item)} a request + {lapse(costs.per_batch)} a batch."


def gain(costs: Costs) -> str:
    """What the best batch gains, as measured."""
    first, best = int(costs.sizes[0]), costs.best
    times = figure(costs.speedup)
    if times == "1":
        return f"Batching does not pay here: no batch serves more requests a second than a batch of {first:,}"
    more = f"batch of {best:,} serves {times} times as many requests a second as a batch of {first:,}"
    return f"A {more}" if costs.pays else f"Batching does not pay here: a {more}"


def reach(costs: Costs) -> str:
    """From which size on there is little more to gain, by the line."""
    largest = int(costs.sizes[-1])
    size = nine_tenths(costs)
    if size is None or size > 1_000 * largest:
        return f"no ceiling is in sight up to a batch of {largest:,}"
    beyond = f", which is extrapolated: the largest batch measured is {largest:,}" if size > largest else ""
    return f"nine tenths of the ceiling of {figure(costs.ceiling)}/s are had from a batch of {size:,} on{beyond}"


def nine_tenths(costs: Costs) -> int | None:
    """`size_for(0.9)`; None where there is no ceiling."""
    try:
        return costs.size_for(0.9)
    except ArgumentError:
        return None


def caution(costs: Costs) -> str:
    """Said where the line is far from a median; else nothing."""
    if costs.fit_error <= ROUGH:
        return ""
    off = costs.duration(costs.sizes) / costs.medians - 1
    at = int(costs.sizes[np.argmax(np.abs(off))])
    return (
        f" These costs are no straight line: at a batch of {at:,} it is off by {figure(costs.fit_error * 100)} %,"
        " so trust what was measured more than what follows from the line."
    )


def describe(costs: Costs) -> str:
    """For example: Commits: 21 µs a request + 1.9 ms a batch. A batch of 256 serves 41 times as many requests a
    second as a batch of 1; nine tenths of the ceiling of 47,000/s are had from a batch of 810 on.
    """
    further = f"; {reach(costs)}." if costs.pays else "."
    return f"{line(costs)} {gain(costs)}{further}{caution(costs)}"


HEADINGS = ("batch of", "median", "least", "greatest", "by the line", "requests/s")


def spread_out(count: int, most: int) -> Any:
    """Places of rows to show: all, or where there are many so many of them, from end to end."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def rows(costs: Costs) -> list[tuple[str, ...]]:
    """A row a size, as text; where there are many, of some."""
    shown = spread_out(len(costs.sizes), ROWS)
    low, high = costs.durations.min(axis=0), costs.durations.max(axis=0)
    columns = (costs.sizes, costs.medians, low, high, costs.duration(costs.sizes), costs.rates)
    table = zip(*(column[shown] for column in columns), strict=True)
    return [(f"{size:,}", *map(lapse, seconds), figure(rate)) for size, *seconds, rate in table]


def _caption(costs: Costs) -> str:
    rounds = f"{costs.rounds:,} round{'' if costs.rounds == 1 else 's'}"
    some = f" Shown: {ROWS} of {len(costs.sizes):,} sizes." if len(costs.sizes) > ROWS else ""
    return f"Durations of a batch over {rounds}, and the requests a second by their median.{some}"


def text_form(costs: Costs) -> str:
    """The sentences and the table."""
    table = [HEADINGS, *rows(costs)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
    return "\n".join([costs.describe(), _caption(costs), *lines])


def bundle(costs: Costs) -> tuple[dict[str, str], dict[str, Any]]:
    """Jupyter's mime bundle: sentences, table and picture, and the same in honest text."""
    from batchdemo.prediction.cost_plots import picture  # noqa: PLC0415

    head = "".join(f'<th scope="col">{name}</th>' for name in HEADINGS)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows(costs))
    page = (
        f"<p>{html.escape(costs.describe())}</p>"
        f"<table><caption>{_caption(costs)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"{picture(costs).img()}"
    )
    return {"text/plain": text_form(costs), "text/html": page}, {}
