"""How many replies a second, and how much of the server's CPU a message costs: batchdemo, the tutorial, an echo.

    python benchmarks/throughput.py [--connections 1,100,1000] [--seconds 1.5] [--rounds 5] [--quick]

About 2048 messages are in flight all the time, spread over the connections, so the servers are as busy as they
can be. Ticks come every 10 ms and may answer all that is in flight. The echo is FastAPI's own route, which
answers each message at once. In every round each server is measured once, while the others are stopped.
Every ratio is the median over the rounds, and above 1 where the row's own server is the better.
"""

from __future__ import annotations

import sys
from statistics import median

import report
import servers
import wsload

TICK = 0.01  # seconds


def measure(connections: int, names: list[str], seconds: float, rounds: int, bar) -> dict[str, list[wsload.Measured]]:
    """All rounds at one number of connections, with servers that are new."""
    window = servers.window(connections)
    found: dict[str, list[wsload.Measured]] = {name: [] for name in names}
    with servers.running(names, TICK, window * connections) as up:
        for server in up.values():
            wsload.probe(server.port)
        for _ in range(rounds):
            for name, server in up.items():
                with server.alone(list(up.values())):
                    run = wsload.closed_loop(server.port, server.pid, connections, window, seconds=seconds)
                check(run, name, connections)
                found[name].append(run)
                bar.update()
    return found


def check(run: wsload.Measured, name: str, connections: int) -> None:
    """Say what would make a figure worthless."""
    if not run.complete:
        print(f"{name} at {connections} connections left messages unanswered", file=sys.stderr)
    if run.client_busy > 0.9:
        print(f"{name} at {connections} connections: the client may be the bottleneck", file=sys.stderr)


def row(connections: int, name: str, found: dict[str, list[wsload.Measured]]) -> list[str]:
    """One server's line: medians, and ratios to the echo and the tutorial."""
    own = found[name]
    cells = [f"{connections:,}", name, f"{median(run.rate for run in own):,.0f}"]
    others = [found.get(other) for other in ("echo", "tutorial") if other in found]
    for other in others:
        cells.append(f"{report.median_ratio([run.rate for run in own], [run.rate for run in other]):.2f}")
    cells.append(f"{median(run.cpu_us for run in own):.1f}")
    for other in others:
        cells.append(f"{report.median_ratio([run.cpu_us for run in other], [run.cpu_us for run in own]):.2f}")
    return cells


def main() -> None:
    """Measure, then print the table."""
    options = report.options(__doc__, connections=([1, 100, 1000], [50]), seconds=(1.5, 0.4), rounds=(5, 1))
    servers.pin(1)
    names = ["echo", "tutorial", "batchdemo"]
    if servers.tutorial() is None:
        names.remove("tutorial")
        print("The tutorial's server is left out: set BATCHDEMO_TUTORIAL to its path.\n")
    rows = []
    with report.progress(len(options.connections) * len(names) * options.rounds) as bar:
        for connections in options.connections:
            found = measure(connections, names, options.seconds, options.rounds, bar)
            rows += [row(connections, name, found) for name in names]
    others = [name for name in names if name != "batchdemo"]
    report.show(
        ["connections", "server", "replies/s"]
        + [f"times the {other}" for other in others]
        + ["CPU a message, µs"]
        + [f"CPU of the {other} / own" for other in others],
        rows,
    )


if __name__ == "__main__":
    main()
