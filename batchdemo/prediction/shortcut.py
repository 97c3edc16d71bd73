"""The fixed interval with a handler that takes no time, without a loop: some 10⁸ requests a second.

Request i, from 0 in the order of arrival, leaves at tick d[i] = max(k[i], d[i - B] + 1), where k[i] is the first tick
at or after its arrival: no earlier, and after the one B places before it. By columns of B this is a running
maximum of k minus the row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from batchdemo.policies import FixedInterval
from batchdemo.prediction.engine import History


def first_ticks(times: Any, interval: float) -> Any:
    """The first tick of T, 2T, 3T, … at or after each time, as the policy's own `ticks_by` counts them."""
    tick = np.maximum(np.ceil(times / interval), 1.0)
    tick -= (tick > 1) & ((tick - 1) * interval >= times)  # the quotient was rounded up
    tick += tick * interval < times  # or down
    return tick.astype(np.int64)


def departures(times: Any, size: int, interval: float) -> Any:
    """The tick at which each request leaves."""
    count = len(times)
    rows = -(-count // size)
    tick = np.empty(rows * size, np.int64)
    tick[:count] = first_ticks(times, interval)
    tick[count:] = tick[count - 1]  # places that nobody takes
    grid, row = tick.reshape(rows, size), np.arange(rows)[:, None]
    grid -= row  # in place: half of the time would go into copies
    np.maximum.accumulate(grid, axis=0, out=grid)
    grid += row
    return tick[:count]


def simulate(policy: FixedInterval, times: Any) -> History:
    """The very history that the engine would have made, as arrays."""
    tick = departures(times, policy.max_batch_size, policy.interval)
    first = np.flatnonzero(np.diff(tick, prepend=-1))
    size = np.diff(first, append=len(tick))
    released = tick[first] * policy.interval
    waiting = np.searchsorted(times, released, side="right") - first
    return History(
        released=released,
        size=size,
        reason=["tick"] * len(first),
        first=first,
        waiting=waiting,
        began=released,
        finished=released,
    )
