"""Little's law on a recorded run: what is measured of the queue against what is measured of the requests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from batchdemo.arguments import refuse
from batchdemo.records import OUTCOMES
from batchdemo.runs.run import Run
from batchdemo.runs.words import seconds

REMEDY = "Only a server's own log has it: send to a Server of yours, or load a run that was."


@dataclass(frozen=True)
class Little:
    """Both sides of L = λ·W, over the time from the first arrival to the end. Made by `little`."""

    mean_queue_length: float  # L, requests: how many were waiting, averaged over time; from the step function
    arrival_rate: float  # λ, requests/s
    mean_waiting_time: float  # W, s, of all who arrived; who was still waiting at the end counts until then
    gap: float  # requests: L - λW
    duration: float  # s
    arrived: int  # requests that came into the queue
    waiting: int  # of those, still waiting at the end
    mean_waiting_time_of_released: float  # s: the survivors alone; NaN where there is none

    @property
    def product(self) -> float:
        """λ·W, the right-hand side, in requests."""
        return self.arrival_rate * self.mean_waiting_time

    def describe(self) -> str:
        """Both sides, the gap, and what would be said of the released alone, in a sentence or two."""
        law = (
            f"Little's law over {seconds(self.duration)}: L = {self.mean_queue_length:.4g} requests waiting on average;"
            f" λ·W = {self.arrival_rate:.4g}/s × {seconds(self.mean_waiting_time)} = {self.product:.4g};"
            f" gap {self.gap:.1g}."
        )
        if not self.waiting:
            return law
        still = f" {self.waiting:,} of {self.arrived:,} were still waiting at the end and count until then"
        if self.waiting == self.arrived:
            return f"{law}{still}."
        alone = self.arrival_rate * self.mean_waiting_time_of_released
        return f"{law}{still}; by the released alone λ·W would be {alone:.4g}."


def little(run: Run) -> Little:
    """Hold Little's law, L = λ·W, against what was recorded; needs the columns `arrived` and `released`.

    L, in requests, is the area under the number waiting, as it goes up by one at each arrival and down at each release,
    over the time; λ the arrivals a second of that time; W, in seconds, the mean waiting time. The two sides are
    computed apart, and the law is that they are equal: for any policy, arrivals and order, and not only on average
    (Little 1961, *A proof for the queuing formula L = λW*, Operations Research 9, 383-387; over a finite time that
    begins and ends with an empty queue, Little 2011, *Little's law as viewed on its 50th anniversary*, Operations
    Research 59).

    The time is from the first arrival to the last release. Where some are still waiting at the end, it is to the
    last time that the run saw, and they count as if released then, in L and in W; to leave them out of W breaks
    the law, and is how overloaded systems come by good averages. Who was rejected never waited.

    ArgumentError: `run` is no Run; a request that was answered lacks its `arrived` or `released`, or none arrived;
    or no time passes.
    """
    if not isinstance(run, Run):
        refuse("run", "a Run, as bd.send makes it", run)
    arrived, released = _times(run)
    still = np.isnan(released)
    end = _last_seen(run) if still.any() else released.max()
    left = np.where(still, end, released)
    duration = float(end - arrived.min())
    if duration <= 0:
        refuse("the time from the first arrival to the end", "above 0 s", duration)
    mean_queue = _area(arrived, left) / duration
    rate, waits = len(arrived) / duration, left - arrived
    survivors = float(waits[~still].mean()) if not still.all() else math.nan
    gap = mean_queue - rate * float(waits.mean())
    counts = len(arrived), int(still.sum())
    return Little(mean_queue, rate, float(waits.mean()), gap, duration, *counts, survivors)


def _times(run: Run) -> tuple[Any, Any]:
    """When those who waited arrived, and when they were released: NaN for who was still waiting at the end."""
    table = run.request_table
    taken = table.outcome != OUTCOMES.index("rejected")
    answered = taken & (table.outcome != OUTCOMES.index("unknown"))
    for column, times, needed in (("arrived", table.arrived, answered), ("released", table.released, answered)):
        lacking = int(np.sum(needed & np.isnan(times)))
        if lacking:
            rule = "known for every request that was answered"
            refuse(f"the run's column `{column}`", rule, math.nan, f"{lacking:,} of {len(table):,} lack it. {REMEDY}")
    came = taken & ~np.isnan(table.arrived)
    if not came.any():
        refuse("the run's column `arrived`", "known for one request at least", math.nan, REMEDY)
    return table.arrived[came], table.released[came]


def _last_seen(run: Run) -> float:
    """The last time in the run, of whatever it is."""
    tables = (run.request_table, run.batch_table, run.tick_table)
    names = {"sent", "arrived", "released", "replied", "received", "ran"}
    seen = [column for table in tables for name, column in table.columns.items() if name in names]
    return float(np.nanmax(np.concatenate(seen)))


def _area(arrived: Any, left: Any) -> float:
    """The area under the number waiting, in requests times seconds."""
    times = np.concatenate([arrived, left])
    order = np.argsort(times, kind="stable")
    waiting = np.cumsum(np.repeat([1, -1], len(arrived))[order])
    return float(waiting[:-1] @ np.diff(times[order]))
