"""When batches came against the grid on which they should come: lateness, drift, ticks that never ran."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from batchdemo.runs.run import Run


def slope(x: Any, y: Any) -> float:
    """Of the least-squares line through the points; 0 where they give none. In closed form, so without LAPACK."""
    off = x - np.mean(x)
    return float(off @ y / (off @ off)) if np.any(off) else 0.0


@dataclass(frozen=True, eq=False)
class Cadence:
    """Ticks against their grid; all times in seconds."""

    ran: Any  # when each tick ran, or each batch came
    step: Any  # its place on the grid, a whole number
    lateness: Any  # how long after its place
    anchored: bool  # True: the grid is the server's own; False: laid through the first batch that was seen

    @property
    def worst(self) -> float:
        """The lateness that is furthest from none."""
        return float(self.lateness[np.argmax(np.abs(self.lateness))])

    @property
    def drift(self) -> float:
        """Seconds that are lost (or won) a tick: the slope of a least-squares line through the lateness."""
        return slope(self.step.astype(float), self.lateness)

    @property
    def missed(self) -> int:
        """Places on the grid, between the first tick and the last, at which nothing ran."""
        return int(self.step[-1] - self.step[0] + 1 - len(np.unique(self.step)))

    @property
    def doubled(self) -> int:
        """Ticks beyond one a place."""
        return len(self.step) - len(np.unique(self.step))


def cadence(run: Run, interval: float | None = None) -> Cadence | None:
    """Hold the run against a grid of `interval` (by default the policy's). None: nothing to hold against.

    Where the server recorded its ticks and the interval is its own, their due times are the grid; else the
    batches are held against a grid through the first of them.
    """
    own = run.about.interval
    interval = own if interval is None else interval
    if interval is None:
        return None
    ticks = run.tick_table
    if len(ticks) and interval == own:
        step = np.rint((ticks.due - ticks.due[0]) / interval).astype(int)
        return Cadence(ticks.ran, step, ticks.ran - ticks.due, anchored=True)
    released = np.sort(run.batch_table.released)
    if len(released) < 2:
        return None
    step = np.rint((released - released[0]) / interval).astype(int)
    return Cadence(released, step, released - released[0] - step * interval, anchored=False)
