"""The staircase for a terminal, in characters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    numbers, received, batch = table.number[seen], table.received[seen], table.batch[seen]
    last = float(received.max()) or 1.0
    low, high = int(numbers.min()), int(numbers.max())
    rows = min(ROWS, high - low + 1)
    label = max(len(str(low)), len(str(high)))
    columns = width - label - 3
    up = np.rint((numbers - low) / max(high - low, 1) * (rows - 1)).astype(int)
    right = np.rint(received / last * columns).astype(int)
    grid = [[" "] * (columns + 1) for _ in range(rows)]
    for at in _last_of_each(up * (columns + 1) + right):
        grid[up[at]][right[at]] = MARKS[max(int(batch[at]) - 1, 0) % len(MARKS)]
    ran = run.tick_table.ran
    axis = ["─"] * (columns + 1)
    for at in np.unique(np.rint(ran[(ran >= 0) & (ran <= last)] / last * columns).astype(int)):
        axis[at] = "┴"
    lines = []
    for row in reversed(range(rows)):
        number = round(low + row * (high - low) / max(rows - 1, 1))
        lines.append(f"{number:>{label}} │{''.join(grid[row])}".rstrip())
    lines.append(f"{'':>{label}} └{''.join(axis)}")
    end = f"{last:.2f} s"
    lines.append(f"{'':>{label}}  0{end:>{columns}}")
    return "\n".join(lines)


def _last_of_each(cells: Any) -> Any:
    """The index of the last of each of the values that occur; a million replies share a thousand cells."""
    return len(cells) - 1 - np.unique(cells[::-1], return_index=True)[1]
