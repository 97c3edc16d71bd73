"""How much longer than its policy asks for a request waits: the live server beside the same traffic on virtual time.

    python benchmarks/added_wait.py [--rates 200,1000] [--seconds 4.0] [--rounds 3] [--quick]

So many requests a second come over 20 connections at random, and leave 50 every 20 ms. For each request the time
at which its reply was handed to the socket is compared with the tick at which the policy lets it go, by a replay of
the very arrivals: what lies between are the tick's lateness, the handler, and the writing of the replies before it.
"""

from __future__ import annotations

import numpy as np
import report

INTERVAL = 0.02  # seconds
SIZE = 50


def added(rate: int, seconds: float, seed: int):
    """Milliseconds that each request waited beyond what the policy asks for, and as many that it asks for."""
    import batchdemo as bd

    policy = bd.FixedInterval(SIZE, INTERVAL)
    traffic = bd.arrivals.poisson(rate, int(rate * seconds), seed=seed, clients=20)
    with bd.Server(policy, process=True) as server:
        live = bd.send(range(len(traffic.times)), server, arrivals=traffic, progress=False)
    first = live.tick_table.due[0]
    shift = (
        first - (round(first / INTERVAL) + 1) * INTERVAL
    )  # where the grid lies; a tick more, so that none is below 0
    table = live.request_table
    order = np.argsort(table.arrived, kind="stable")
    arrived = table.arrived[order] - shift
    asked = bd.simulate(policy, arrived).request_table
    if set(table.outcome.tolist()) != {0}:
        raise AssertionError("not every request was served")
    return (table.replied[order] - shift - asked.released) * 1e3, (asked.released - arrived) * 1e3


def main() -> None:
    """Measure in turn, then print the table."""
    options = report.options(__doc__, rates=[200, 1000], seconds=(4.0, 0.5), rounds=(3, 1))
    rows = []
    with report.progress(len(options.rates) * options.rounds) as bar:
        for rate in options.rates:
            extra, asked = [], []
            for seed in range(options.rounds):
                more, wait = added(rate, options.seconds, seed)
                extra.append(more)
                asked.append(wait)
                bar.update()
            more, wait = np.concatenate(extra), np.concatenate(asked)
            figures = [f"{np.quantile(values, q):.2f}" for values in (wait, more) for q in (0.5, 0.99)]
            rows.append([f"{rate:,}", f"{len(more):,}", *figures])
    report.show(["requests/s", "requests", "p50 asked for, ms", "p99", "p50 added, ms", "p99 added"], rows)


if __name__ == "__main__":
    main()
