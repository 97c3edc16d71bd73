"""Whether a batch is cheaper than its requests one by one: commits to a disk, and products with a large matrix.

    python benchmarks/costs.py [--sizes 1,8,64,256] [--rounds 15] [--quick]

commits     rows into SQLite (WAL, synchronous FULL) in a folder of the current directory, which should be on a
            real disk: one transaction a request, or one a batch
products    vectors times a matrix of 3,072 × 3,072 float32: one vector–matrix product a request, or one
            matrix–matrix product a batch

Both ways take turns within each round, and at coming first. "Times" is how many times as long the one by one takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import report

WAYS = ("one by one", "together")


def seconds(handler: Callable[[list[str]], list[str]], size: int) -> float:
    """How long the handler takes for one batch."""
    batch = [str(number) for number in range(1, size + 1)]
    began = time.perf_counter()
    replies = handler(batch)
    took = time.perf_counter() - began
    assert len(replies) == size
    return took


def measure(ways: dict, found: dict[int, dict[str, list[float]]], rounds: int, bar) -> None:
    """Time every size both ways in turn, round after round, once the first call of each is over."""
    for size in found:
        for handler in ways.values():
            seconds(handler, size)
    for _ in range(rounds):
        ways = dict(reversed(ways.items()))  # who comes second may find a disk or a cache warm
        for size, times in found.items():
            for way, handler in ways.items():
                times[way].append(seconds(handler, size))
            bar.update()


def row(work: str, size: int, alone: list[float], together: list[float]) -> list[str]:
    """One line: the medians over the rounds."""
    ratio = report.median_ratio(alone, together)
    return [work, f"{size:,}", f"{median(alone) * 1e3:.2f}", f"{median(together) * 1e3:.2f}", f"{ratio:.1f}"]


def main() -> None:
    """Measure every size both ways in turn, then print the table."""
    options = report.options(__doc__, sizes=[1, 8, 64, 256], rounds=(15, 1))
    from batchdemo.handlers import Commits, Products

    with Commits(together=False) as alone, Commits() as together:
        handlers = {
            "commits": dict(zip(WAYS, (alone, together), strict=True)),
            "products": dict(zip(WAYS, (Products(together=False), Products()), strict=True)),
        }
        found = {(work, size): {way: [] for way in WAYS} for work in handlers for size in options.sizes}
        with report.progress(options.rounds * len(found)) as bar:
            for work, ways in handlers.items():
                measure(ways, {size: found[work, size] for size in options.sizes}, options.rounds, bar)
    rows = [row(work, size, *times.values()) for (work, size), times in found.items()]
    report.show(["work", "batch of", "one by one (ms)", "together (ms)", "times"], rows)


if __name__ == "__main__":
    main()
