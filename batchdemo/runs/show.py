"""What a notebook, a terminal and a screen reader are given of a run."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.records import REASONS
from batchdemo.runs.figure import SIZE
from batchdemo.runs.words import seconds

if TYPE_CHECKING:
    from batchdemo.runs.described import DescribedFigure
    from batchdemo.runs.run import Run

ROWS = 12  # batches shown before the rest is only counted


def batch_rows(run: Run, most: int = ROWS) -> list[str]:
    """A row a batch: when it left, why, how many it held, which of the run's numbers, how long they waited."""
    table, batches = run.request_table, run.batch_table
    rows = []
    for at in range(min(len(batches), most)):
        mine = table.batch == batches.batch[at]
        waited = (table.released - table.arrived)[mine]
        wait = ""
        if len(waited) and not np.isnan(waited).any():
            ends = dict.fromkeys((seconds(waited.min()), seconds(waited.max())))  # once, where they are the same
            wait = f"waited {' to '.join(ends)}"
        left = f"batch {batches.batch[at]:>3} at {batches.released[at]:8.3f} s"
        reason = REASONS[batches.reason[at]]
        rows.append(f"{left}  {reason:<8}{batches.size[at]:>5}  {_span(table.number[mine]):<18}  {wait}".rstrip())
    if len(batches) > most:
        rows.append(f"… and {len(batches) - most:,} more batches")
    return rows


def _span(numbers: Any) -> str:
    """`#6 … #10` for a range, else the first few."""
    if len(numbers) > 1 and (np.diff(numbers) == 1).all():
        return f"#{numbers[0]} … #{numbers[-1]}"
    shown = " ".join(f"#{number}" for number in numbers[:5])
    return shown + (" …" if len(numbers) > 5 else "")


def text_form(run: Run) -> str:
    """The sentence, the verdicts, a row a batch."""
    return "\n".join([run.describe(), *map(str, run.check()), *batch_rows(run)])


def _figure(run: Run) -> DescribedFigure:
    """The staircase on a figure that pyplot does not know of: safe in any thread, and nobody's to close."""
    from batchdemo.runs.described import DescribedFigure  # noqa: PLC0415  - half a second, for those who look

    figure = DescribedFigure(figsize=SIZE, dpi=110, layout="constrained")
    run.plot(figure.add_subplot())
    return figure


def png(run: Run) -> bytes:
    """The staircase as a PNG."""
    return _figure(run).png()


def save_picture(run: Run, path: Path) -> None:
    """The staircase in a file, in the format that its ending names."""
    _figure(run).savefig(path, dpi=130)


def bundle(run: Run) -> tuple[dict[str, str], dict[str, Any]]:
    """Jupyter's mime bundle: the picture with its alt text, and the same in honest text."""
    page = (
        f"<p>{html.escape(run.describe())}</p>{run.check()._repr_html_()}{_figure(run).img()}"
        f"<pre>{html.escape(chr(10).join(batch_rows(run)))}</pre>"
    )
    return {"text/plain": text_form(run), "text/html": page}, {}
