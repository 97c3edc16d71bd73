"""What theory says of batches, each formula with its source, its assumptions and its units.

    theory.utilisation(0.9, 5, 5.0)        does 5 every 5 s keep up?          0.9
    theory.capacity(5, a, b)               what can an executor carry?        requests a second
    theory.burst(18, 5, 5.0)               many at once                       exact, no chance in it
    theory.fixed_interval(0.9, 5, 5.0)     Poisson arrivals, every T seconds  exact
    theory.take_all(300, 0.001, 0.05)      Poisson arrivals, all that wait    bounds
    theory.little(run)                     L = λ·W on a recorded run          both sides, and the gap

Times are seconds, rates requests a second, lengths requests. Results are frozen, and `describe()` says them in words.
What breaks an assumption is an ArgumentError, one of a utilisation of 1 or more above all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from batchdemo.arguments import refuse, whole
from batchdemo.prediction.cost_words import lapse
from batchdemo.prediction.theory_little import Little, little
from batchdemo.prediction.theory_load import a_rate, a_size, an_interval, capacity, costs, utilisation
from batchdemo.prediction.theory_slotted import Agreement, SlottedQueue, fixed_interval
from batchdemo.runs.words import seconds

__all__ = [
    "Agreement",
    "Burst",
    "Little",
    "SlottedQueue",
    "TakeAll",
    "burst",
    "capacity",
    "fixed_interval",
    "little",
    "take_all",
    "utilisation",
]


# --- many at once ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Burst:
    """What `burst` predicts."""

    n: int  # requests
    max_batch_size: int
    interval: float  # s
    batches: int
    mean_waiting_time: float  # s
    max_waiting_time: float  # s
    waiting_times: Any = field(repr=False, compare=False)  # s, an array: of the first request, the second, …

    def describe(self) -> str:
        """For example: 18 at once, just after a tick, up to 5 every 5 s: 4 batches. A request waits 11.67 s on
        average, the last one 20.00 s.
        """
        batches = f"{self.batches:,} batch{'' if self.batches == 1 else 'es'}"
        return (
            f"{self.n:,} at once, just after a tick, up to {self.max_batch_size:,} every {self.interval:g} s:"
            f" {batches}. A request waits {seconds(self.mean_waiting_time)} on average, the last one"
            f" {seconds(self.max_waiting_time)}."
        )


def burst(n: int, max_batch_size: int, interval: float) -> Burst:
    """Predict n requests at once under `FixedInterval`: request i, from 1, waits ⌈i/B⌉·T.

    n                 requests, 1 to 10,000,000
    max_batch_size    B, places at each tick
    interval          T, seconds between two ticks

    By counting: the first B leave at the first tick, the next B at the second. They all come just after a tick and
    find nobody waiting; if they come s seconds later, each waits s seconds less, for it leaves at the same tick.
    """
    n = whole("n", n, 1, 10_000_000)
    size, interval = a_size(max_batch_size), an_interval(interval)
    ticks = np.arange(size, n + size) // size
    waits = ticks * interval
    waits.flags.writeable = False
    return Burst(n, size, interval, int(ticks[-1]), float(ticks.mean()) * interval, float(waits[-1]), waits)


# --- all that wait ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TakeAll:
    """What `take_all` predicts. A latency is from a request's arrival to the end of its batch's handling."""

    rate: float  # λ, requests/s
    a: float  # s a request
    b: float  # s a batch
    load: float  # λa: not the share of time that the executor is busy, which is larger
    phi0: float  # s: the bound that is the sharper one where λ(a + b) ≤ 1
    phi1: float  # s: the bound that is the sharper one where λ(a + b) ≥ 1
    mean_latency_bound: float  # s: the mean latency is at most this, the smaller of the two
    mean_latency_least: float  # s: and at least this

    @property
    def slack(self) -> float:
        """By what share of itself the mean latency may lie under its bound, at most: 0.1 is 10 %."""
        return 1 - self.mean_latency_least / self.mean_latency_bound

    def describe(self) -> str:
        """For example: At 300 requests/s, all that wait at 1 ms a request + 50 ms a batch: the mean latency is at most
        108 ms, an upper bound that is less than 0.001 % too high.
        """
        high = f"{max(self.slack * 100, 0.001):.2g} %"
        return (
            f"At {self.rate:g} requests/s, all that wait at {lapse(self.a)} a request + {lapse(self.b)} a batch: the"
            f" mean latency is at most {seconds(self.mean_latency_bound)}, an upper bound that is less than {high} too"
            " high."
        )


def take_all(rate: float, a: float, b: float) -> TakeAll:
    """Bound the mean latency of the greedy policy: whenever the executor is free, it takes all that wait.

    rate    λ, requests a second in the mean, independent of each other (Poisson)
    a       seconds that each request costs, as `Costs.per_item`
    b       seconds that each batch costs, as `Costs.per_batch`

    In the long run, one executor, batches of any size, n of them in exactly a·n + b seconds, λa below 1. Inoue (2021),
    *Queueing analysis of GPU-based inference servers with dynamic batching*, Performance Evaluation 147, arXiv
    1912.06322, Theorem 2: the mean latency is at most min(φ₀, φ₁), an upper bound and no estimate, though a sharp one:

        φ₀ = (a + b)/(2(1 - λa)) · (1 + 2λb + (1 - λb)/(1 + λa))
        φ₁ = 3b/(2(1 - λa)) + (a/2)·(λa + 2)/(1 - (λa)²)

    Derived anew: over the batches of mean size m, the mean latency is exactly
    f(m) = a + b + λ(1 + 2λa)(a² + 2ab + b²/m)/(2(1 - λ²a²)), which falls with m, and m = (λb + p)/(1 - λa), p the share
    of batches during which nobody arrives. From m ≥ 1 comes φ₀ = f(1); from p ≥ 0, φ₁ = f(λb/(1 - λa)). A batch holds
    one request at least, so p ≤ e^(-λ(a+b)), and that gives a lower bound as well. Hence the bound is less than a tenth
    too high, and that only about λ(a + b) = 1: under 2 % up to 0.5 and from 2.5 on, under 0.1 % from 5 on. The tests
    show all this by solving the Markov chain of the sizes, and by simulation.

    ArgumentError: λa is 1 or more.
    """
    rate = a_rate(rate)
    a, b = costs(a, b)
    load = rate * a
    if load >= 1:
        remedy = f"One executor carries less than {1 / a:g}/s, however large its batches. Lower the rate or the cost."
        refuse("utilisation λa", "below 1", float(f"{load:.6g}"), remedy)
    phi0 = (a + b) / (2 * (1 - load)) * (1 + 2 * rate * b + (1 - rate * b) / (1 + load))
    phi1 = 1.5 * b / (1 - load) + a / 2 * (load + 2) / (1 - load**2)
    size = (rate * b + math.exp(-rate * (a + b))) / (1 - load)
    squares = a * a + 2 * a * b + b * b / max(1.0, size)
    least = a + b + rate * (1 + 2 * load) * squares / (2 * (1 - load**2))
    return TakeAll(rate, a, b, load, phi0, phi1, min(phi0, phi1), min(least, phi0, phi1))
