"""Customers a second in simulation, beside SimPy and Ciw.

    python benchmarks/simulating.py [--customers 100000] [--rounds 5] [--quick]

All simulate one queue: Poisson arrivals, the same for all, at 0.9 requests/s, and up to 5 leave every 5 s. Before
anything is timed, they must agree on when each customer leaves. Ciw has a slotted service of its own; SimPy has two
processes, one in which customers come and one that ticks.

shortcut, times     when each customer leaves, in NumPy: what the others give as well
shortcut, batches   with each batch's size and queue length, as the engine gives them
event engine        the loop that takes any policy and any service time; it asks about once a batch where the policy
                    promises that arrivals change nothing before so many wait

The other policies have one executor, 50 ms a batch and 1 ms a request, 300 requests/s; their models in SimPy are those
of the tests, with a `Store` for the queue.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from importlib.metadata import version
from pathlib import Path
from statistics import median

import report

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "prediction"))  # where the other models are

SIZE, INTERVAL, RATE = 5, 5.0, 0.9  # requests, seconds, requests/s
LINE = (0.001, 0.05)  # seconds a request, seconds a batch
BUSY = 300  # requests/s
SLOTTED = f"{SIZE} every {INTERVAL:g} s"


def simpy_slots(times: list[float]) -> list[float]:
    """When each customer leaves, by as little of SimPy as will do."""
    import simpy

    env = simpy.Environment()
    queue, left = deque(), []

    def come():
        for at in times:
            yield env.timeout(at - env.now)
            queue.append(at)

    def tick():
        while len(left) < len(times):
            yield env.timeout(INTERVAL)
            for _ in range(min(SIZE, len(queue))):
                queue.popleft()
                left.append(env.now)

    env.process(come())
    env.process(tick())
    env.run()
    return left


def ways(customers: int):
    """(queue, simulator) → a function that simulates it once."""
    import test_oracles as oracles

    from batchdemo.policies import FixedInterval, SizeOrTimeout, TakeAll
    from batchdemo.prediction import engine, shortcut
    from batchdemo.prediction.service import service_of

    slow, busy = oracles.poisson(RATE, customers, 1), oracles.poisson(BUSY, customers, 1)
    each, crowd, line = slow.tolist(), busy.tolist(), service_of(LINE, None)
    simpy, ciw = f"SimPy {version('simpy')}", f"Ciw {version('ciw')}"
    found = {
        (SLOTTED, "shortcut, times"): lambda: shortcut.departures(slow, SIZE, INTERVAL) * INTERVAL,
        (SLOTTED, "shortcut, batches"): lambda: shortcut.simulate(FixedInterval(SIZE, INTERVAL), slow),
        (SLOTTED, "event engine"): lambda: engine.simulate(FixedInterval(SIZE, INTERVAL), each, None, 1),
        (SLOTTED, simpy): lambda: simpy_slots(each),
        (SLOTTED, ciw): lambda: oracles.ciw_slots(slow, SIZE, INTERVAL),
    }
    policies = {
        "32, or 100 ms": (SizeOrTimeout(32, 0.1), lambda: oracles.simpy_size_or_timeout(crowd, 32, 0.1, *LINE)),
        "all that wait": (TakeAll(1_000_000), lambda: oracles.simpy_take_all(crowd, 1_000_000, *LINE)),
    }
    for queue, (policy, theirs) in policies.items():  # these two keep no state, so one object will do for all rounds
        found[queue, "event engine"] = lambda policy=policy: engine.simulate(policy, crowd, line, 1)
        found[queue, simpy] = theirs
    return found


def agree(found) -> None:
    """Refuse to time simulators that disagree."""
    results = {way: run() for (queue, way), run in found.items() if queue == SLOTTED}
    truth = results["shortcut, times"].tolist()
    for way, result in results.items():
        if _left(result) != truth:
            sys.exit(f"{way} disagrees on when customers leave")


def _left(result) -> list[float]:
    """When each customer leaves, from a list of just that, or from the batches."""
    if hasattr(result, "released"):
        return [at for at, size in zip(result.released, result.size, strict=True) for _ in range(size)]
    return list(result)


def seconds(run) -> float:
    """How long it takes."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def speeds(times, customers: int) -> list[list[str]]:
    """A line for each: the median speed, and the medians of the ratios within the rounds."""
    rows = []
    for (queue, way), took in times.items():
        ratios = []
        for other in ("SimPy", "Ciw"):
            theirs = [times[key] for key in times if key[0] == queue and key[1].startswith(other)]
            ratios.append(_short(report.median_ratio(theirs[0], took)) if theirs else "–")
        rows.append([queue, way, f"{customers / median(took):,.0f}", *ratios])
    return rows


def _short(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"


def main() -> None:
    """See that all agree, time them in turn, then print the table."""
    options = report.options(__doc__, customers=(100_000, 2_000), rounds=(5, 1))
    found = ways(options.customers)
    agree(found)
    times = {key: [] for key in found}
    with report.progress(options.rounds * len(found)) as bar:
        for _ in range(options.rounds):
            for key, run in found.items():
                times[key].append(seconds(run))
                bar.update()
    headings = ["queue", "simulator", "customers/s", "times SimPy", "times Ciw"]
    report.show(headings, speeds(times, options.customers))


if __name__ == "__main__":
    main()
