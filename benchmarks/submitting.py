"""How many items a second `await Batcher.submit(item)` carries, beside the least that futures and a timer can do.

    python benchmarks/submitting.py [--submitters 32,1000] [--seconds 1.0] [--rounds 9] [--quick]

So many tasks submit one item after another, as fast as they are answered; at most 32 items a batch, after 1 ms at
the latest; the handler is async and returns its items. The ideal keeps a list of items and futures and one timer,
and nothing else: no bound, no record, no policy, no word about what went wrong. In every round each is measured
once, on a loop of its own; every ratio is the median over the rounds, above 1 where the row's own is the better.

Beside it stand the batchers of other libraries, where they are installed: `others.py` says how.
"""

from __future__ import annotations

import asyncio
import gc
import math
import time
from functools import partial
from statistics import median

import report
from others import OTHERS

SIZE = 32  # items a batch
TIMEOUT = 0.001  # seconds


async def same(items):
    """The handler: each item is its own result."""
    return items


class Ideal:
    """A list, a timer, a future an item; one batch is handled at a time."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.items = []
        self.timer = None
        self.batches = asyncio.Queue()
        self.worker = self.loop.create_task(self.work())

    async def submit(self, item):
        """The result of this item."""
        future = self.loop.create_future()
        self.items.append((item, future))
        if len(self.items) >= SIZE:
            self.release()
        elif self.timer is None:
            self.timer = self.loop.call_later(TIMEOUT, self.release)
        return await future

    def release(self) -> None:
        """Let all go that wait."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        self.batches.put_nowait(self.items)
        self.items = []

    async def work(self) -> None:
        """Handle one batch after the other."""
        while True:
            batch = await self.batches.get()
            results = await same([item for item, _ in batch])
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)


def ours(policy):
    """Our batcher, with that policy."""
    from batchdemo.live.submitting import Batcher

    return lambda: Batcher(same, policy, max_queue_size=100_000).submit


def contestants():
    """What is measured: functions that make a `submit` on the loop of their round."""
    from batchdemo.policies import SizeOrTimeout, TakeAll

    theirs = {name: partial(make, same, SIZE, TIMEOUT) for name, make in OTHERS.items()}
    return {
        "ideal": lambda: Ideal().submit,
        "Batcher, SizeOrTimeout": ours(SizeOrTimeout(SIZE, TIMEOUT)),
        "Batcher, TakeAll": ours(TakeAll(SIZE)),
        **theirs,
    }


async def rate(make, submitters: int, seconds: float) -> float:
    """Items a second; NaN where its library is not installed."""
    try:
        submit = make()
    except ImportError:
        return math.nan
    gc.collect()
    gc.freeze()  # what was loaded and left behind before is nobody's cost now
    end = time.perf_counter() + seconds
    counts = [0] * submitters

    async def submitter(at: int) -> None:
        while time.perf_counter() < end:
            if await submit(at) != at:
                raise AssertionError(f"submitter {at} got another's result")
            counts[at] += 1

    began = time.perf_counter()
    await asyncio.gather(*(submitter(at) for at in range(submitters)))
    return sum(counts) / (time.perf_counter() - began)


def row(submitters, name, rates, ideal) -> list[str]:
    """A line of the table: medians over the rounds."""
    if math.isnan(rates[0]):
        return [f"{submitters:,}", f"{name} (not installed)", "–", "–", "–"]
    ratio = report.median_ratio(rates, ideal)
    return [f"{submitters:,}", name, f"{median(rates):,.0f}", f"{1e6 / median(rates):.1f}", f"{ratio:.2f}"]


def main() -> None:
    """Measure in turn, then print the table."""
    options = report.options(__doc__, submitters=[32, 1000], seconds=(1.0, 0.1), rounds=(9, 1))
    rows = []
    with report.progress(len(options.submitters) * options.rounds * len(contestants())) as bar:
        for submitters in options.submitters:
            found = {name: [] for name in contestants()}
            for _ in range(options.rounds):
                for name, make in contestants().items():
                    found[name].append(asyncio.run(rate(make, submitters, options.seconds)))
                    bar.update()
            rows += [row(submitters, name, rates, found["ideal"]) for name, rates in found.items()]
    report.show(["submitters", "batcher", "items/s", "µs an item", "times the ideal"], rows)


if __name__ == "__main__":
    main()
