"""What `Batcher` remembers of anybody's items: numbers, batch by batch, and the `Run` that is made of them."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Iterator
from typing import Any

from batchdemo.live.parts import Batch
from batchdemo.policies import Policy, named
from batchdemo.records import BatchRecord, RequestRecord, TickRecord
from batchdemo.runs import table
from batchdemo.runs.run import About, Run

Slip = tuple[float, int, Any, "asyncio.Future[Any]"]
"""An item that waits: when it arrived, its number, itself, and the future that its result goes to.

No class of its own, and no subclass of Future, which asyncio handles half a microsecond slower.
"""


class Line:
    """First come, first served, as `Fifo`, for slips."""

    def __init__(self) -> None:
        self._slips: deque[Slip] = deque()
        self.push = self._slips.append  # no step in between: it is taken once an item

    def __len__(self) -> int:
        return len(self._slips)

    def __iter__(self) -> Iterator[Slip]:
        return iter(self._slips)

    def pop(self, size: int) -> list[Slip]:
        """The first `size`."""
        slips = self._slips
        if size == len(slips):
            all_of_them = list(slips)
            slips.clear()
            return all_of_them
        return [slips.popleft() for _ in range(size)]

    def remove(self, slip: Slip) -> bool:
        """Let go one who waits no longer; False where it isn't there."""
        for at, other in enumerate(self._slips):
            if other is slip:
                del self._slips[at]
                return True
        return False

    @property
    def oldest(self) -> float:
        """Arrival of the first, NaN when empty."""
        return self._slips[0][0] if self._slips else math.nan

    @property
    def newest(self) -> float:
        """Arrival of the last, NaN when empty."""
        return self._slips[-1][0] if self._slips else math.nan


class Entry(Batch[Slip]):
    """A batch, and what is kept of its items when they are gone."""

    __slots__ = ("arrived", "numbers", "odd", "outcome")

    def __init__(self, record: BatchRecord, requests: list[Slip]) -> None:
        super().__init__(record, requests)
        first, last = requests[0][1], requests[-1][1]
        in_a_row = last - first == len(requests) - 1  # as nearly always: nobody in between has left
        self.numbers = range(first, last + 1) if in_a_row else [slip[1] for slip in requests]
        self.arrived = [slip[0] for slip in requests]
        self.outcome = "unknown"
        self.odd: dict[int, str] = {}  # outcomes that differ, by number


class Journal:
    """The last items: by batch, and one by one where they were in none."""

    def __init__(self, log_size: int) -> None:
        self.entries: deque[Entry] = deque()
        self.others: deque[tuple[int, float, str]] = deque(maxlen=log_size)  # number, arrived, outcome
        self.ticks: deque[TickRecord] = deque(maxlen=log_size)
        self._log_size = log_size
        self._kept = 0  # items in the entries

    def enter(self, entry: Entry) -> None:
        """Keep this batch, and forget the oldest where there are too many items; the last one is always kept."""
        self.entries.append(entry)
        self._kept += len(entry.numbers)
        while self._kept > self._log_size and len(self.entries) > 1:
            self._kept -= len(self.entries.popleft().numbers)

    def run(self, policy: Policy, count: int, still_waiting: list[tuple[int, float, str]]) -> Run:
        """The record of all that, of `count` items so far, and of those who still wait."""
        nan = math.nan
        rows = [
            RequestRecord(number, 1, arrived, arrived, nan, nan, nan, 0, 0, outcome)
            for number, arrived, outcome in [*self.others, *still_waiting]
        ]
        for entry in self.entries:
            record = entry.record
            for at, (number, arrived) in enumerate(zip(entry.numbers, entry.arrived, strict=True)):
                outcome = entry.odd.get(number, entry.outcome)
                received = nan if outcome == "cancelled" else entry.replied
                times = (arrived, arrived, record.released, entry.replied, received)
                rows.append(RequestRecord(number, 1, *times, record.batch, at + 1, outcome))
        about = About(
            world="live",
            batches_from="the batcher's own record",
            policy=named(policy),
            max_batch_size=getattr(policy, "max_batch_size", None),
            interval=getattr(policy, "interval", None),
            notes=() if len(rows) >= count else (f"The record holds the last {len(rows):,} of {count:,}.",),
        )
        batches = table.batches([entry.record for entry in self.entries])
        return Run(about, table.requests(sorted(rows)), batches, table.ticks(self.ticks))
