"""Theory against `simulate`: each prediction within the confidence interval of replications.

The seeds are fixed. Five standard errors either side, of 20 replications each: a right theory would be found wrong once
in ten thousand runs with other seeds (Student's t, 19 degrees of freedom).
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from batchdemo.policies import FixedInterval, TakeAll
from batchdemo.prediction import arrivals, theory
from batchdemo.prediction.simulating import simulate

REPLICATIONS = 20
ERRORS = 5  # standard errors either side
SHARPNESS = 0.15  # the half width as a share of what is predicted, at most; a wider interval would show nothing
WARM_UP = 0.2  # share of the requests of each replication that is left out, since it begins with an empty queue


def interval_of(means):
    """The mean over the replications, and the half width of its confidence interval."""
    return float(np.mean(means)), ERRORS * float(np.std(means, ddof=1)) / math.sqrt(len(means))


def replicated(policy, rate, n, figure, **service):
    """The mean of a figure, such as `waiting_time`, in each of the replications."""
    means = []
    for seed in range(REPLICATIONS):
        table = simulate(policy, arrivals.poisson(rate, n, seed=seed), **service).request_table
        left = table.released if figure == "waiting_time" else table.received
        means.append((left - table.arrived)[int(n * WARM_UP) :].mean())
    return means


@pytest.mark.parametrize("size", [1, 5, 50])
@pytest.mark.parametrize("rho", [0.1, 0.3, 0.5, 0.7, 0.9, 0.95])
def test_the_wait_for_a_fixed_interval_is_the_predicted_one(rho, size):
    interval = 5.0
    rate = rho * size / interval
    predicted = theory.fixed_interval(rate, size, interval).mean_waiting_time
    n = 40_000 if rho <= 0.9 else 120_000  # waits vary more, and longer, near 1
    mean, half = interval_of(replicated(FixedInterval(size, interval), rate, n, "waiting_time"))
    assert half < SHARPNESS * predicted
    assert abs(mean - predicted) <= half


PACES = [(1.0, 0.0, 0.5), (2.0, 0.1, 0.4), (10.0, 0.05, 0.3), (300.0, 0.001, 0.05), (30.0, 0.03, 0.1)]


@pytest.mark.parametrize(("rate", "a", "b"), PACES)
def test_the_latency_of_take_all_lies_within_its_bounds(rate, a, b):
    known = theory.take_all(rate, a, b)
    mean, half = interval_of(replicated(TakeAll(1_000_000), rate, 10_000, "latency", service=(a, b)))
    assert half < SHARPNESS * known.mean_latency_bound
    assert known.mean_latency_least - half <= mean <= known.mean_latency_bound + half
