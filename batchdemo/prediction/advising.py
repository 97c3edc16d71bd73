"""`advise`: would batching pay for this traffic and this cost? A sweep of policies in simulation, and a word."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.arguments import real, refuse
from batchdemo.policies import NoBatching, Policy, SizeOrTimeout, TakeAll
from batchdemo.prediction.arrivals import Arrivals, generator, recorded, taken
from batchdemo.prediction.comparing import Comparison, compare
from batchdemo.prediction.service import service_of
from batchdemo.prediction.simulating import simulate
from batchdemo.runs.words import seconds

if TYPE_CHECKING:
    import pandas as pd

    from batchdemo.runs.run import Run

REQUESTS = 20_000  # of the traffic that are simulated for each policy
SIZES = (4, 16, 64)
WAITS = (0.25, 1.0, 4.0)  # of the time in which a request arrives or one is handled, whichever is longer
BEHIND = 0.1  # a policy that needs a tenth of the time again after the last arrival does not keep up
PAYS = 1.1  # a tail that is a tenth shorter is worth a policy


@dataclass(frozen=True, eq=False, repr=False)
class Advice:
    """What to do, what that would give, and why. `tried` holds every run of the sweep by the name of its policy."""

    recommended: Policy
    why: str
    warnings: tuple[str, ...]
    tried: dict[str, Run]
    objective: float | None  # seconds, of the 99th percentile of latency
    pays: bool  # whether batching beats one at a time here

    def describe(self) -> str:
        """The recommendation, the reason, the warnings."""
        return " ".join([f"Use {self.recommended!r}: {self.recommended}.", self.why, *self.warnings])

    @property
    def run(self) -> Run:
        """The simulated run of what is recommended."""
        return self.tried[str(self.recommended)]

    @property
    def table(self) -> pd.DataFrame:
        """A row a policy that was tried, the best tail first."""
        return Comparison(self.tried).table.sort_values("latency_p99_s")

    def plot(self, axes: Any = None) -> Any:
        """The recommended policy beside one at a time."""
        alone = str(NoBatching())
        return compare({name: self.tried[name] for name in dict.fromkeys((alone, str(self.recommended)))}).plot(axes)

    def __repr__(self) -> str:
        return f"{self.describe()}\n{self.table.round(4).to_string()}"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.describe())}</p>{self.table.round(4).to_html()}"


def advise(traffic: Any, *, service: Any, objective: float | None = None, seed: Any = None) -> Advice:
    """Recommend a policy for traffic (a `Run`, arrivals, or seconds) and a handler's cost.

    service     how long a batch of n takes, as `simulate` takes it
    objective   seconds within which 99 of 100 replies should come. With it the policy that leaves the handler
                most of its time free is recommended, of those that meet it; without it the one with the shortest tail

    The first 20,000 requests are simulated under each of a dozen policies or so: one at a time, greedy, and sizes
    with waits. One batch is handled at a time.
    """
    coming = recorded(traffic) if hasattr(traffic, "request_table") else taken(traffic)
    coming = Arrivals(coming.times[:REQUESTS], coming.clients[:REQUESTS], coming.name)
    if objective is not None:
        objective = real("objective", objective, 1e-9, 1e9, "seconds")
    if service is None:
        refuse("service", "how long a batch takes, such as (a, b) for a·n + b", service)
    handled = service_of(service, generator(seed))
    alone_s = handled(1) if handled else 0.0
    tried = {
        str(policy): (policy, simulate(policy, coming, service=service, seed=seed))
        for policy in _candidates(coming, alone_s, objective)
    }
    return _judged(tried, coming, handled, objective)


def _candidates(coming: Arrivals, alone_s: float, objective: float | None) -> list[Policy]:
    span = float(coming.times[-1] - coming.times[0]) / max(len(coming) - 1, 1)
    unit = max(span, alone_s, 1e-6)
    waits = [unit * wait for wait in WAITS if objective is None or unit * wait < objective]
    greedy = [TakeAll(size) for size in SIZES]
    return [NoBatching(), *greedy, *(SizeOrTimeout(size, wait) for size in SIZES for wait in waits)]


def _keeps_up(run: Run, coming: Arrivals) -> bool:
    span = float(coming.times[-1] - coming.times[0])
    late = float(np.nanmax(run.request_table.received)) - float(coming.times[-1])
    slowest = float(run.batch_table.duration.max())
    return span == 0.0 or late <= BEHIND * span + 3 * slowest


def _tail(run: Run) -> float:
    return float(run.summary()["latency_p99_s"])


def _judged(tried: Any, coming: Arrivals, handled: Any, objective: float | None) -> Advice:
    alone = str(NoBatching())
    able = {name: (policy, run) for name, (policy, run) in tried.items() if _keeps_up(run, coming)}
    pool = able or tried
    meeting = {name: each for name, each in pool.items() if objective is not None and _tail(each[1]) <= objective}
    if meeting:
        name = min(meeting, key=lambda each: (meeting[each][1].batch_table.duration.sum(), _tail(meeting[each][1])))
    else:
        name = min(pool, key=lambda each: _tail(pool[each][1]))
    policy, run = tried[name]
    pays = name != alone and (alone not in able or _tail(tried[alone][1]) > PAYS * _tail(run) or bool(meeting))
    if not pays:
        name, (policy, run) = alone, tried[alone]
    warnings = _warnings(run, policy, able, coming, handled, objective, pays)
    why = _why(run, tried[alone][1], alone in able, pays)
    return Advice(policy, why, warnings, {each: run for each, (_, run) in tried.items()}, objective, pays)


def _why(run: Run, alone: Run, alone_able: bool, pays: bool) -> str:
    tail, before = seconds(_tail(run)), seconds(_tail(alone))
    if not pays:
        return (
            f"Batching does not pay here: one at a time, 99 of 100 replies come within {tail}, and no batch betters it."
        )
    mean = run.summary()["mean_batch_size"]
    one = f"one at a time it would be {before}" if alone_able else "one at a time the server does not keep up"
    return f"99 of 100 replies would come within {tail}; {one}. The mean batch holds {mean:.3g}."


def _warnings(
    run: Run, policy: Policy, able: Any, coming: Arrivals, handled: Any, objective: float | None, pays: bool
) -> tuple[str, ...]:
    said = []
    largest, size = int(run.batch_table.size.max()), getattr(policy, "max_batch_size", 1)
    if pays and largest < size:
        said.append(f"A batch of {size} is never reached: the largest held {largest}.")
    if not able:
        capacity = max(n / handled(n) for n in (1, *SIZES))
        said.append(
            f"The load is above capacity: {coming.rate:.4g} requests a second come, {capacity:.4g} can be handled "
            "at most, and the queue grows for ever. A faster handler or a second one is needed."
        )
    if objective is not None and _tail(run) > objective:
        least = handled(1) if handled else 0.0
        alone = f" A request alone takes {seconds(least)}." if least > objective else ""
        said.append(f"No policy meets the objective of {seconds(objective)}.{alone}")
    timeout = getattr(policy, "timeout", 0.0)
    if objective is not None and timeout >= objective:
        said.append(f"Its wait of {seconds(timeout)} is above the objective.")
    return tuple(said)
