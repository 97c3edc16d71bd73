"""How many items a second `await Batcher.submit(item)` carries, beside the least that futures and a timer can do.

    python benchmarks/submitting.py [--submitters 32,1000] [--seconds 1.0] [--rounds 9] [--quick]

So many tasks submit one item after another, as fast as they are answered; at most 32 items a batch, after 1 ms at
the latest; the handler is async and returns its items. The ideal keeps a list of items and futures and one timer,
and nothing else: no bound, no record, no policy, no word about what went wrong. In every round each is measured
once, on a loop of its own; every ratio is the median over the rounds, above 1 where the row's own is the better.
"""

from __future__ import annotations

import asyncio
import time
from statistics import median

import report

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


def batcher(policy):
    """Ours, with that policy."""
    from batchdemo.live.submitting import Batcher

    return lambda: Batcher(same, policy, max_queue_size=100_000)


def contestants():
    """What is measured, each made anew on the loop of its round."""
    from batchdemo.policies import SizeOrTimeout, TakeAll

    return {
        "ideal": Ideal,
        "Batcher, SizeOrTimeout": batcher(SizeOrTimeout(SIZE, TIMEOUT)),
        "Batcher, TakeAll": batcher(TakeAll(SIZE)),
    }


async def rate(make, submitters: int, seconds: float) -> float:
    """Items a second."""
    submit = make().submit
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
            for name, rates in found.items():
                ratio = report.median_ratio(rates, found["ideal"])
                figures = f"{median(rates):,.0f}", f"{1e6 / median(rates):.1f}", f"{ratio:.2f}"
                rows.append([f"{submitters:,}", name, *figures])
    report.show(["submitters", "batcher", "items/s", "µs an item", "times the ideal"], rows)


if __name__ == "__main__":
    main()
