"""How late ticks come, with nothing to do and under load: batchdemo's clock, a naive one and an ideal one.

    python benchmarks/ticks.py [--seconds 10] [--rounds 3] [--rate 20000] [--connections 100] [--quick]

batchdemo   the server's own ticks, through APScheduler, as its record tells them
naive       `while True: await asyncio.sleep(T)`, held against the grid t0 + k T that it was meant to keep
ideal grid  `loop.call_at(t0 + k T)`, the best that asyncio can do

All three run at once on the one event loop of one server process, so the same load delays them. They start a
third of an interval apart, so that none has to wait for the answering of the batch at batchdemo's own tick
(but the naive one drifts into it). The load is paced: messages come evenly, however fast they are answered.
A tick is missed where its place on the grid passed without one. Idle and loaded rounds take turns.
Under load, a full garbage collection in the server, which keeps a record of its last requests, stops the whole
loop: it is the `worst` of whichever clock was due just then, so compare medians and percentiles, not worsts.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
from collections.abc import Callable
from itertools import count
from statistics import linear_regression, median

import report
import servers
import wsload

INTERVAL = 0.05  # seconds
WARM = 0.5  # seconds of the load before the clocks start
CLOCKS = ("batchdemo", "naive", "ideal grid")

Ticks = list[tuple[float, float]]  # (due, ran), in seconds of the loop's clock


async def naive(begin: float, ticks: Ticks) -> None:
    """Sleep an interval, again and again; what each turn takes is lost for ever."""
    await asyncio.sleep(begin - time.monotonic())
    t0 = time.monotonic()
    for k in count(1):
        await asyncio.sleep(INTERVAL)
        ticks.append((t0 + k * INTERVAL, time.monotonic()))


async def ideal(begin: float, ticks: Ticks) -> None:
    """Ask for each point of the grid by its own time."""
    loop = asyncio.get_running_loop()

    def tick(k: int) -> None:
        nonlocal handle
        ticks.append((begin + k * INTERVAL, loop.time()))
        handle = loop.call_at(begin + (k + 1) * INTERVAL, tick, k + 1)

    handle = loop.call_at(begin + INTERVAL, tick, 1)
    try:
        await asyncio.Event().wait()  # until cancelled
    finally:
        handle.cancel()


def serve() -> None:
    """The server process. Each line from stdin begins a measurement, the next ends it and has the ticks printed."""
    import batchdemo as bd

    server = bd.Server(bd.FixedInterval(1_000_000, INTERVAL), max_queue_size=1_000_000).start()
    print(server.port, flush=True)
    loop = server._thread.loop  # the clocks to compare with must run on the very loop that the server has
    while sys.stdin.readline():
        first = math.ceil(server.clock() / INTERVAL) + 1
        begin = server.began + first * INTERVAL
        ticks: dict[str, Ticks] = {name: [] for name in CLOCKS}
        clocks = [
            asyncio.run_coroutine_threadsafe(clock(begin + third * INTERVAL / 3, ticks[name]), loop)
            for third, name, clock in ((1, "ideal grid", ideal), (2, "naive", naive))
        ]
        sys.stdin.readline()
        for clock in clocks:
            clock.cancel()
        ticks["batchdemo"] = [(t.due, t.ran) for t in list(server.recorder.ticks) if t.due > (first + 0.5) * INTERVAL]
        print(json.dumps(ticks), flush=True)


class Round:
    """The ticks of one clock in one round: lateness in ms, drift in ms a tick, and how many never came."""

    def __init__(self, ticks: Ticks) -> None:
        self.late = [(ran - due) * 1e3 for due, ran in ticks]
        self.drift = linear_regression(range(len(ticks)), self.late).slope
        passed = math.floor((ticks[-1][1] - ticks[0][0]) / INTERVAL + 0.01) + 1  # a tick may be a hair early
        self.missed = passed - len(ticks)


def measure(process, seconds: float, work: Callable[[float], object]) -> dict[str, Round]:
    """One round of the three clocks, while `work(seconds)` is done; it is under way when they start."""
    work(WARM)
    tell(process, "begin")
    work(seconds)
    tell(process, "end")
    ticks = json.loads(process.stdout.readline())
    return {name: Round(ticks[name]) for name in CLOCKS}


def tell(process, what: str) -> None:
    """Have the server process take its next step."""
    process.stdin.write(what + "\n")
    process.stdin.flush()


def loaded(process, port: int, options) -> tuple[dict[str, Round], float, float]:
    """A round under load; also the replies a second, and the share of its core that the server used."""
    load = wsload.Load(port, options.connections)
    replies = []
    try:
        began, cpu = time.perf_counter(), wsload.cpu_seconds(process.pid)
        clocks = measure(process, options.seconds, lambda seconds: replies.append(load.pace(options.rate, seconds)))
        passed, cpu = time.perf_counter() - began, wsload.cpu_seconds(process.pid) - cpu
        assert load.drain(), "some messages were never answered"
        return clocks, sum(replies) / passed, cpu / passed
    finally:
        load.close()


def row(condition: str, name: str, rounds: list[dict[str, Round]]) -> list[str]:
    """One clock's line: lateness over the ticks of all rounds, drift and ratio as medians over rounds."""
    own = [clocks[name] for clocks in rounds]
    late = sorted(ms for one in own for ms in one.late)
    grid = [median(clocks["ideal grid"].late) for clocks in rounds]
    return [
        condition,
        name,
        f"{median(late):.2f}",
        f"{report.median_ratio([median(one.late) for one in own], grid):.1f}",
        f"{late[math.ceil(0.99 * len(late)) - 1]:.2f}",
        f"{late[-1]:.2f}",
        f"{median(one.drift for one in own):+.4f}",
        f"{sum(one.missed for one in own)} of {sum(one.missed + len(one.late) for one in own):,}",
    ]


def main() -> None:
    """Measure idle and loaded rounds in turn, then print the table."""
    if sys.argv[1:] == ["serve"]:
        serve()
        return
    options = report.options(__doc__, seconds=(10.0, 1.5), rounds=(3, 1), rate=20_000, connections=100)
    servers.pin(1)
    idle, busy, rates, shares = [], [], [], []
    with servers.child(__file__, "serve") as process, report.progress(2 * options.rounds) as bar:
        port = int(process.stdout.readline())
        for _ in range(options.rounds):
            idle.append(measure(process, options.seconds, time.sleep))
            bar.update()
            clocks, rate, share = loaded(process, port, options)
            busy.append(clocks)
            rates.append(rate)
            shares.append(share)
            bar.update()
    load = f"{median(rates):,.0f}/s, {median(shares):.0%} of the core"
    rows = [row("none", name, idle) for name in CLOCKS] + [row(load, name, busy) for name in CLOCKS]
    ms = ["late, median ms", "times the ideal", "99th percentile", "worst", "drift, ms a tick", "missed"]
    report.show(["load", "clock", *ms], rows)


if __name__ == "__main__":
    main()
