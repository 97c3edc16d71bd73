"""Whether a server's memory stays flat: its size while a million requests pass through.

    python benchmarks/memory.py [--requests 1000000] [--connections 100] [--quick]

A server in a process of its own, with the record of its last 1,000 requests, batches and ticks, answers up to 2048
every 10 ms. What is shown is the memory that the system says it holds (resident set), after each tenth.
"""

from __future__ import annotations

import report
import servers
import wsload


def resident(pid: int) -> float:
    """MiB of memory that the process holds. Linux only."""
    with open(f"/proc/{pid}/status") as file:
        (line,) = [line for line in file if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def main() -> None:
    """Send tenth by tenth, then print the table."""
    import batchdemo as bd

    options = report.options(__doc__, requests=(1_000_000, 20_000), connections=(100, 20))
    rows = []
    policy = bd.FixedInterval(servers.IN_FLIGHT, 0.01)
    with bd.Server(policy, process=True, log_size=1_000) as server, report.progress(10) as bar:
        wsload.probe(server.port)
        for tenth in range(1, 11):
            while server.stats()["served"] < options.requests * tenth / 10:
                window = servers.window(options.connections)
                wsload.closed_loop(server.port, server.pid, options.connections, window, seconds=1.0)
            rows.append([f"{server.stats()['served']:,}", f"{resident(server.pid):.1f}"])
            bar.update()
    report.show(["requests served", "MiB"], rows)


if __name__ == "__main__":
    main()
