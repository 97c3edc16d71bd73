"""The staircase for a terminal, in characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from batchdemo.runs.run import Run

MARKS = "●■▲◆▼✚"  # by batch, as in the plot
ROWS = 20


def staircase(run: Run, width: int = 72) -> str:
    """Number (up) against time of reply (right); `┴` on the axis is a tick of the server."""
    table = run.request_table
    seen = np.flatnonzero(~np.isnan(table.received))
    if not len(seen):
        return "(no reply to draw)"
    last = float(table.received[seen].max()) or 1.0
    low, high = int(table.number[seen].min()), int(table.number[seen].max())
    rows = min(ROWS, high - low + 1)
    label = max(len(str(low)), len(str(high)))
    columns = width - label - 3
    grid = [[" "] * (columns + 1) for _ in range(rows)]
    for at in seen:
        row = round((int(table.number[at]) - low) / max(high - low, 1) * (rows - 1))
        column = round(float(table.received[at]) / last * columns)
        grid[row][column] = MARKS[max(int(table.batch[at]) - 1, 0) % len(MARKS)]
    axis = ["─"] * (columns + 1)
    for ran in run.tick_table.ran:
        if 0 <= ran <= last:
            axis[round(float(ran) / last * columns)] = "┴"
    lines = []
    for row in reversed(range(rows)):
        number = round(low + row * (high - low) / max(rows - 1, 1))
        lines.append(f"{number:>{label}} │{''.join(grid[row])}".rstrip())
    lines.append(f"{'':>{label}} └{''.join(axis)}")
    end = f"{last:.2f} s"
    lines.append(f"{'':>{label}}  0{end:>{columns}}")
    return "\n".join(lines)
