"""How many ticks come when the work of a batch takes about an interval, or longer than one.

    python benchmarks/slow_handler.py [--ticks 200] [--rounds 3] [--quick]

The interval is 50 ms; the work takes 0.98 or 2.5 intervals, and either blocks (`time.sleep`) or awaits
(`asyncio.sleep`). Requests wait all the time, so every tick has a batch to hand over.

batchdemo     the tick hands the batch over, and the server's handler works elsewhere
tutorial's    an APScheduler interval job with its default settings, a coroutine that does the work itself. It
  way         has no requests and no sockets to see to, which can only flatter it

"Told of" are the lost ticks of which APScheduler lets a listener know (missed, or too many instances).
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
from statistics import median

import report
import servers
import wsload

INTERVAL = 0.05  # seconds
BATCH = 5  # requests
FACTORS = (0.98, 2.5)  # intervals that the work takes
KINDS = ("blocks", "awaits")
WAYS = ("batchdemo", "tutorial's way")


def handler(kind: str, seconds: float):
    """A handler for batchdemo that works for so long, in the one way or the other."""

    def blocks(batch: list[str]) -> list[str]:
        time.sleep(seconds)
        return batch

    async def awaits(batch: list[str]) -> list[str]:
        await asyncio.sleep(seconds)
        return batch

    return blocks if kind == "blocks" else awaits


def batchdemo(kind: str, seconds: float, ticks: int) -> dict[str, int | None]:
    """Ticks and batches of a server whose queue never runs empty within the ticks that count."""
    import batchdemo as bd

    policy = bd.FixedInterval(BATCH, INTERVAL)
    requests = (ticks + 10) * BATCH
    with bd.Server(policy, handler=handler(kind, seconds), max_queue_size=requests) as server:
        sock = wsload.connect(server.port)
        sock.sendall(wsload.masked(wsload.TEXT) * requests)
        while len(server.recorder.requests) < requests:
            time.sleep(0.001)
        first = math.ceil(server.clock() / INTERVAL) + 1
        end = (first + ticks - 0.5) * INTERVAL
        time.sleep(end - server.clock())
        begin = (first - 0.5) * INTERVAL
        ran = sum(begin < tick.due < end for tick in list(server.recorder.ticks))
        batches = sum(begin < batch.record.released < end for batch in list(server.recorder.batches))
        sock.close()
    return {"ran": ran, "batches": batches, "told": None}


async def tutorials_way(kind: str, seconds: float, ticks: int) -> dict[str, int | None]:
    """Runs of a job that does the work itself."""
    from apscheduler.events import EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

    starts: list[float] = []
    told: list[object] = []

    async def job() -> None:
        starts.append(time.monotonic())
        if kind == "blocks":
            time.sleep(seconds)  # the fault under measurement
        else:
            await asyncio.sleep(seconds)

    scheduler = AsyncIOScheduler()
    scheduler.add_job(job, "interval", seconds=INTERVAL)
    scheduler.add_listener(told.append, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
    scheduler.start()
    end = time.monotonic() + (ticks + 0.5) * INTERVAL
    await asyncio.sleep(end - time.monotonic())
    scheduler.shutdown(wait=False)
    ran = sum(start < end for start in starts)
    return {"ran": ran, "batches": ran, "told": len(told)}


def serve(way: str) -> None:
    """The process of one way: a line of JSON in is a case, a line of JSON out its counts."""
    for line in sys.stdin:
        case = json.loads(line)
        counts = batchdemo(**case) if way == "batchdemo" else asyncio.run(tutorials_way(**case))
        print(json.dumps(counts), flush=True)


def measure(process, kind: str, factor: float, ticks: int) -> dict[str, int | None]:
    """Have one case run."""
    process.stdin.write(json.dumps({"kind": kind, "seconds": factor * INTERVAL, "ticks": ticks}) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def row(factor: float, kind: str, way: str, runs: list[dict], ticks: int, ratio: float) -> list[str]:
    """One way's line: the medians over the rounds."""
    ran, batches = (f"{median(run[what] for run in runs):.0f} of {ticks}" for what in ("ran", "batches"))
    told = "–" if runs[0]["told"] is None else f"{median(run['told'] for run in runs):.0f}"
    return [f"{factor:g} intervals, {kind}", way, ran, batches, told, f"{ratio:.2f}"]


def main() -> None:
    """Measure every case of both ways in turn, then print the table."""
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2])
        return
    options = report.options(__doc__, ticks=(200, 12), rounds=(3, 1))
    cases = [(factor, kind) for factor in FACTORS for kind in KINDS]
    found: dict[tuple, list[dict]] = {(*case, way): [] for case in cases for way in WAYS}
    with (
        servers.child(__file__, "serve", WAYS[0]) as ours,
        servers.child(__file__, "serve", WAYS[1]) as theirs,
        report.progress(options.rounds * len(found)) as bar,
    ):
        processes = dict(zip(WAYS, (ours, theirs), strict=True))
        for _ in range(options.rounds):
            for (factor, kind, way), runs in found.items():
                runs.append(measure(processes[way], kind, factor, options.ticks))
                bar.update()
    rows = []
    for (factor, kind, way), runs in found.items():
        theirs_ran = [run["ran"] for run in found[factor, kind, WAYS[1]]]
        ratio = report.median_ratio([run["ran"] for run in runs], theirs_ran)
        rows.append(row(factor, kind, way, runs, options.ticks, ratio))
    report.show(["the work takes", "way", "ticks run", "batches", "losses told of", "times the tutorial's way"], rows)


if __name__ == "__main__":
    main()
