"""What a policy costs: decisions a second, beside one that only ever waits.

    python benchmarks/policies.py [--requests 20000] [--rates 300] [--rounds 15] [--quick]

Poisson traffic of so many requests a second meets an executor that takes 50 ms + 1 ms a request, on a fake clock.
Every policy serves it once while all that it hears is written down: a view after each arrival, each finished batch
and each timer, and a row of each batch. Then all of them hear their own again, in turn within each round, and only
that is timed. They are asked at every arrival, whatever they promise. So a decision costs what it costs at work,
without the engine's share; what a policy learns from batches is counted in.
"""

from __future__ import annotations

import copy
import sys
import time
from pathlib import Path
from statistics import median

import report

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "policies"))  # where the fake clock is


class Listener:
    """Stands before a policy, and writes down all that it hears."""

    def __init__(self, policy) -> None:
        self.policy = policy
        self.heard = []

    def decide(self, view):
        """Ask the policy."""
        self.heard.append(("decide", view))
        return self.policy.decide(view)

    def observe(self, batch):
        """Tell the policy."""
        self.heard.append(("observe", batch))
        self.policy.observe(batch)


class OnlyWaits:
    """The least policy there is."""

    def __init__(self, wait) -> None:
        self.wait = wait

    def decide(self, view):
        """Wait, whatever there is."""
        return self.wait

    def observe(self, batch):
        """Learn nothing."""


def policies():
    """One of each, with the settings of a server that could do with batches of 32 and has 10 ms to spare."""
    from batchdemo import policies as field

    return {
        "only waits": OnlyWaits(field.Wait()),
        "FixedInterval": field.FixedInterval(32, 0.1),
        "SizeOrTimeout": field.SizeOrTimeout(32, 0.01),
        "IdleOrTimeout": field.IdleOrTimeout(32, 0.005, 0.01),
        "NoBatching": field.NoBatching(),
        "TakeAll": field.TakeAll(32),
        "PreFormed": field.PreFormed(32, 0.01),
        "PreFormed, gated": field.PreFormed(32, 0.01, preform=False),
        "Preferred": field.Preferred(32, (8, 16, 32), 0.01),
        "GroupCommit": field.GroupCommit(32, 5, 0.01),
        "AIMD": field.AIMD(0.08, max_batch_size=32),
        "CostModel": field.CostModel(32, 0.5),
    }


def listen(policy, arrivals):
    """All that the policy hears while it serves these arrivals."""
    from engine import Engine

    run = Engine(Listener(policy), arrivals, a=0.001, b=0.05, until=arrivals[-1] + 1.0)
    run.play()
    return run.policy.heard


def seconds(policy, heard):
    """How long the policy takes to hear all that, and to answer."""
    policy = copy.deepcopy(policy)
    calls = [(getattr(policy, name), what) for name, what in heard]
    began = time.perf_counter()
    for call, what in calls:
        call(what)
    return time.perf_counter() - began


def row(rate, name, heard, requests, times, yardstick):
    """One line: medians over the rounds, of the time a decision and of its ratio to the yardstick's."""
    asked = sum(kind == "decide" for kind, _ in heard)
    each = [took / asked for took in times]
    ratio = report.median_ratio(each, yardstick)
    figures = f"{asked / requests:.2f}", f"{1 / median(each):,.0f}", f"{median(each) * 1e6:.2f}", f"{ratio:.1f}"
    return [f"{rate:,}", name, *figures]


def main() -> None:
    """Write down what each hears, let each hear it again in turn, then print the table."""
    options = report.options(__doc__, requests=(20_000, 500), rates=[300], rounds=(15, 1))
    import numpy as np

    rows = []
    with report.progress(options.rounds * len(options.rates) * len(policies())) as bar:
        for rate in options.rates:
            arrivals = np.cumsum(np.random.default_rng(1).exponential(1 / rate, options.requests)).tolist()
            heard = {name: listen(policy, arrivals) for name, policy in policies().items()}
            times = {name: [] for name in heard}
            for _ in range(options.rounds):
                for name, policy in policies().items():
                    times[name].append(seconds(policy, heard[name]))
                    bar.update()
            least = [took / len(heard["only waits"]) for took in times["only waits"]]
            rows += [row(rate, name, heard[name], options.requests, times[name], least) for name in heard]
    report.show(["requests/s", "policy", "decisions a request", "decisions/s", "µs", "times waiting"], rows)


if __name__ == "__main__":
    main()
