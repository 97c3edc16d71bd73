"""Runs drawn on paper: what an ideal server would have recorded. For solutions and examples, never measured."""

from __future__ import annotations

import math

import numpy as np

from batchdemo.records import REASONS, BatchRecord, RequestRecord
from batchdemo.runs import table
from batchdemo.runs.run import About, Run
from batchdemo.runs.table import Table


def burst(n: int, size: int, interval: float) -> Run:
    """n requests at time 0, up to `size` of them answered every `interval` seconds, without any delay."""
    number = np.arange(1, n + 1)
    batch = -(-number // size)
    left = batch * interval
    zero = np.zeros(n)
    requests = {"number": number, "client": np.ones(n, int), "sent": zero, "arrived": zero, "released": left,
                "replied": left, "received": left, "batch": batch, "position": (number - 1) % size + 1,
                "outcome": np.zeros(n, int)}  # fmt: skip
    rows = []
    for one in range(1, int(batch[-1]) + 1):
        waiting = n - (one - 1) * size
        held = min(size, waiting)
        rows.append(BatchRecord(one, one * interval, held, REASONS[0], waiting, waiting - held, 1, math.nan))
    ticks = table.ticks([(record.released, record.released) for record in rows])
    about = About("paper", "the plan", f"up to {size} every {interval:g} s", size, interval)
    return Run(about, Table(RequestRecord, requests), table.batches(rows), ticks)
