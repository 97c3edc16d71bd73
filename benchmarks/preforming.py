"""What it costs to form batches before the handler is free: Ray Serve's way beside the same settings gated by it.

    python benchmarks/preforming.py [--seconds 8] [--rate 300] [--rounds 3] [--quick]

Poisson arrivals of so many requests a second, the same for all within a round; up to 32 a batch, within 10 ms of the
first; a handler that takes 50 ms a batch and 1 ms a request, one batch at a time. Live is `Batcher` with a handler that
sleeps; simulated is `simulate` on the same arrivals. Counted is what was answered within the time in which requests
came. Where Ray Serve is installed (see `others.py`), its own batcher gets the same arrivals.
"""

from __future__ import annotations

import asyncio
import math
import time
from functools import partial
from statistics import fmean, median

import report
from others import ray_serve

SIZE, WAIT = 32, 0.01  # requests a batch, seconds
PER_ITEM, PER_BATCH = 0.001, 0.05  # seconds


class Handler:
    """Sleeps, and remembers the sizes of the batches that it has finished."""

    def __init__(self) -> None:
        self.sizes = []

    async def __call__(self, items):
        """Each item is its own result."""
        await asyncio.sleep(PER_ITEM * len(items) + PER_BATCH)
        self.sizes.append(len(items))
        return items


def ours(preform):
    """Our batcher: a function that makes its `submit`."""
    import batchdemo as bd

    return lambda handler: bd.Batcher(handler, bd.PreFormed(SIZE, WAIT, preform=preform)).submit


def live(make, arrivals, seconds):
    """The sizes of the batches that a batcher at work answers within the time; None where it is not installed."""

    async def run():
        handler = Handler()
        submit, began, tasks = make(handler), time.perf_counter(), []
        for at in [*arrivals, seconds]:
            await asyncio.sleep(max(0.0, at - (time.perf_counter() - began)))
            tasks.append(asyncio.create_task(submit(at)))
        answered = list(handler.sizes)
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # Ray Serve's tasks mind being cancelled
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return answered

    try:
        return asyncio.run(run())
    except ImportError:
        return None


def simulated(preform, arrivals, seconds):
    """The same on virtual time."""
    import batchdemo as bd

    run = bd.simulate(bd.PreFormed(SIZE, WAIT, preform=preform), arrivals, service=(PER_ITEM, PER_BATCH))
    requests = run.requests[run.requests["received"] <= seconds]
    return requests.groupby("batch").size().tolist()


def contestants():
    """(how batches are formed, in which world) → the sizes of the batches for some arrivals within some seconds."""
    before, gated = "before the handler is free", "when it is free"
    return {
        (before, "live"): partial(live, ours(True)),
        (before, "simulated"): partial(simulated, True),
        (before, "Ray Serve, live"): partial(live, lambda handler: ray_serve(handler, SIZE, WAIT)),
        (gated, "live"): partial(live, ours(False)),
        (gated, "simulated"): partial(simulated, False),
    }


def row(formed, world, found, seconds):
    """A line of the table: medians over the rounds."""
    if None in found:
        return [formed, f"{world} (not installed)", "–", "–"]
    served, mean = median(map(sum, found)) / seconds, median(map(fmean, found))
    return [formed, world, f"{served:.0f}", f"{mean:.1f}"]


def main() -> None:
    """Let each serve each round's arrivals in turn, then print the table."""
    options = report.options(__doc__, seconds=(8.0, 1.0), rate=300.0, rounds=(3, 1))
    import batchdemo as bd

    found = {key: [] for key in contestants()}
    with report.progress(options.rounds * len(found)) as bar:
        for seed in range(1, options.rounds + 1):
            traffic = bd.arrivals.poisson(options.rate, math.ceil(options.rate * options.seconds), seed=seed).times
            arrivals = traffic[traffic < options.seconds].tolist()
            for key, serve in contestants().items():
                found[key].append(serve(arrivals, options.seconds))
                bar.update()
    rows = [row(*key, results, options.seconds) for key, results in found.items()]
    report.show(["batches are formed", "world", "served/s", "mean batch"], rows)


if __name__ == "__main__":
    main()
