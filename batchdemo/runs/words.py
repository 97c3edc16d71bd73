"""A run in words and figures. What is said here is what a screen reader, an alt text and a lab report get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.records import OUTCOMES
from batchdemo.runs.cadence import cadence

if TYPE_CHECKING:
    from batchdemo.runs.run import Run

FEW = 8  # up to so many sizes or numbers are spelled out


def seconds(value: float) -> str:
    """A duration as one would say it: `1.3 ms`, `5.00 s`."""
    return f"{value * 1e3:.3g} ms" if abs(value) < 0.9995 else f"{value:.2f} s"


def joined(items: list[str]) -> str:
    """`5, 5, 5 and 3`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def listed(numbers: Any) -> str:
    """`#16, #17 and #18`, or the first few and how many more."""
    shown = [f"#{number}" for number in numbers[:FEW]]
    if len(numbers) > FEW:
        shown = [*shown[:3], f"{len(numbers) - 3:,} more"]
    return joined(shown)


def describe(run: Run) -> str:
    """For example: 18 requests in 4 batches of 5, 5, 5 and 3, in order, one batch every 5.00 s (worst tick
    1.3 ms late).
    """
    return " ".join([observed(run), *run.about.notes])


def observed(run: Run) -> str:
    """The same without the notes, which may hold what came over the wire, in any script."""
    requests = f"{len(run):,} request{'' if len(run) == 1 else 's'}"
    parts = [f"{requests} {_batches(run)}{_order(run)}{_rhythm(run)}.", _unserved(run)]
    if len(run.batch_table) and run.about.batches_from.startswith("gaps"):
        parts.append("The batches were inferred from the gaps between the replies.")
    return " ".join(filter(None, parts))


def _batches(run: Run) -> str:
    sizes = run.batch_table.size
    if not len(sizes):
        return "in no batch"
    if len(sizes) == 1:
        return f"in 1 batch of {sizes[0]:,}"
    if len(sizes) <= FEW:
        return f"in {len(sizes)} batches of {joined([f'{size:,}' for size in sizes])}"
    if sizes.min() == sizes.max():
        return f"in {len(sizes):,} batches of {sizes[0]:,}"
    return f"in {len(sizes):,} batches of {sizes.min():,} to {sizes.max():,} (mean {sizes.mean():.3g})"


def _order(run: Run) -> str:
    holds = run.check()["in order within each client"].holds
    return {True: ", in order", False: ", out of order", None: ""}[holds]


def _rhythm(run: Run) -> str:
    gaps = np.diff(np.sort(run.batch_table.released))
    if not len(gaps):
        return ""
    middle = float(np.median(gaps))
    if gaps.max() - gaps.min() > max(0.25 * middle, 0.02):
        return f", batches {seconds(gaps.min())} to {seconds(gaps.max())} apart"
    seen = cadence(run)
    # Without the server's own grid "late" has no meaning, so nothing is said of it.
    worst = ""
    if seen is not None and seen.anchored:
        worst = f" (worst tick {seconds(abs(seen.worst))} {'late' if seen.worst >= 0 else 'early'})"
    return f", one batch every {seconds(middle)}{worst}"


def _unserved(run: Run) -> str:
    table = run.request_table
    parts = []
    for code, outcome in enumerate(OUTCOMES):
        numbers = table.number[table.outcome == code]
        if outcome != "served" and len(numbers):
            parts.append(f"{len(numbers):,} {outcome} ({listed(numbers)})")
    return f"Not served: {'; '.join(parts)}." if parts else ""


def summary(run: Run) -> dict[str, Any]:
    """Counts and figures of the run; NaN where nobody saw what the figure is made of."""
    table, batches = run.request_table, run.batch_table
    served = table.outcome == OUTCOMES.index("served")
    unknown = int(np.sum(table.outcome == OUTCOMES.index("unknown")))
    waiting, latency = table.released - table.arrived, table.received - table.sent
    span = _nan(np.max, table.received) - _nan(np.min, table.sent)
    return {
        "requests": len(run),
        "served": int(served.sum()),
        "waiting": unknown,  # neither answered nor refused when the run ended
        "stable": unknown == 0,  # whether nothing was left behind, without which a mean speaks of survivors
        **{name: int(np.sum(table.outcome == code)) for code, name in enumerate(OUTCOMES[1:-1], 1)},
        "batches": len(batches),
        "mean_batch_size": _nan(np.mean, batches.size.astype(float)),
        "largest_batch": int(batches.size.max()) if len(batches) else 0,
        "duration_s": span,
        "throughput_per_s": float(served.sum() / span) if span > 0 else float("nan"),
        **_spread("waiting_time", waiting[served]),
        **_spread("latency", latency[served]),
    }


def _spread(name: str, values: Any) -> dict[str, float]:
    return {
        f"{name}_mean_s": _nan(np.mean, values),
        f"{name}_median_s": _nan(np.median, values),
        f"{name}_p99_s": _nan(lambda some: np.quantile(some, 0.99), values),
        f"{name}_max_s": _nan(np.max, values),
    }


def _nan(function: Any, values: Any) -> float:
    """The function of the values that are there, NaN where none is."""
    values = values[~np.isnan(values)]
    return float(function(values)) if len(values) else float("nan")
