"""The fixed interval under Poisson arrivals: closed forms, definitions, and a simulation that knows no formula."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchdemo.errors import ArgumentError
from batchdemo.prediction import theory_walk
from batchdemo.prediction.theory import fixed_interval

INTERVAL = 5.0
SHARES = (0.1, 0.5, 0.9, 0.99)


@cache
def at(rho, size, interval=INTERVAL):
    return fixed_interval(rho * size / interval, size, interval)


# --- known figures and closed forms ----------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "after", "wait"), [(0.5, 0.0766, 2.653), (0.9, 3.4951, 6.383)])
def test_the_known_figures_of_five_every_five_seconds(rate, after, wait):
    queue = fixed_interval(rate, 5, 5.0)
    assert queue.mean_queue_after_tick == pytest.approx(after, abs=5e-5)
    assert queue.mean_waiting_time == pytest.approx(wait, abs=5e-4)
    assert queue.mean_queue_length == pytest.approx(rate * queue.mean_waiting_time, rel=1e-14)
    assert queue.mean_queue_length == pytest.approx(queue.mean_queue_after_tick + rate * 5.0 / 2, rel=1e-14)
    assert queue.utilisation == pytest.approx(rate, rel=1e-14)


@pytest.mark.parametrize("rho", [1e-6, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999])
def test_one_place_a_tick_is_the_md1_queue_that_takes_vacations(rho):
    queue = at(rho, 1)
    assert queue.mean_waiting_time == pytest.approx(INTERVAL / (2 * (1 - rho)), rel=1e-11)
    assert queue.mean_queue_after_tick == pytest.approx(rho**2 / (2 * (1 - rho)), rel=1e-11)
    assert queue.queue_distribution[0] == pytest.approx((1 - rho) * math.exp(rho), rel=1e-10)


def erlang(t, rho):
    """P(W ≤ t) in M/D/1 with a service of 1 (Erlang 1909), t up to about ten."""
    terms = [(-rho * (t - k)) ** k / math.factorial(k) * math.exp(rho * (t - k)) for k in range(math.floor(t) + 1)]
    return (1 - rho) * math.fsum(terms) if t >= 0 else 0.0


@pytest.mark.parametrize("rho", [0.3, 0.8])
@pytest.mark.parametrize("t", [0.2, 0.5, 1.0, 1.7, 3.3, 6.0])
def test_its_waiting_time_is_that_of_md1_and_a_uniform_one_on_top(rho, t):
    nodes, weights = np.polynomial.legendre.leggauss(40)
    joint = min(1.0, t - math.floor(t) if t % 1 else 1.0)  # M/D/1's function has a corner at each whole number
    pieces = [(t - 1, t - joint), (t - joint, t)]
    whole = sum((b - a) / 2 * weights @ [erlang((a + b) / 2 + (b - a) / 2 * x, rho) for x in nodes] for a, b in pieces)
    assert at(rho, 1).waiting_time_cdf(t * INTERVAL) == pytest.approx(whole, abs=1e-9)


# --- the waiting time, from its definition ---------------------------------------------------------------


@pytest.mark.parametrize(("rho", "size"), [(0.5, 5), (0.9, 5), (0.8, 3)])
def test_the_cdf_is_that_of_a_tagged_arrival(rho, size):
    """It comes at a uniform phase v, finds Q + N(v) before it and waits kT - v, k = floor((Q + N(v))/B) + 1."""
    queue = at(rho, size)
    phases = (np.arange(400) + 0.5) / 400 * INTERVAL  # none of the corners below lies within a step of these
    times = np.array([0.7, 2.5, 5.0, 6.1, 9.9, 15.0, 22.2])
    expected = np.zeros(len(times))
    for v in phases:
        before = np.convolve(queue.queue_distribution, theory_walk.poisson(queue.rate * v, 60))
        waits = (np.arange(len(before)) // size + 1) * INTERVAL - v
        expected += [before[waits <= t].sum() for t in times]
    assert queue.waiting_time_cdf(times) == pytest.approx(expected / len(phases), abs=1e-5)


@pytest.mark.parametrize(("rho", "size"), [(0.2, 1), (0.5, 5), (0.9, 5), (0.95, 20)])
def test_the_mean_is_the_area_above_the_cdf(rho, size):
    queue = at(rho, size)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    starts = np.arange(0, 250) * INTERVAL
    times = starts[:, None] + (nodes[None, :] + 1) / 2 * INTERVAL
    area = ((1 - queue.waiting_time_cdf(times)) @ weights).sum() * INTERVAL / 2
    assert area == pytest.approx(queue.mean_waiting_time, rel=1e-8)


def test_the_cdf_takes_a_number_or_an_array_and_any_time():
    queue = at(0.9, 5)
    assert isinstance(queue.waiting_time_cdf(3), float)
    assert queue.waiting_time_cdf([[1.0, 2.0], [3.0, 4.0]]).shape == (2, 2)
    assert queue.waiting_time_cdf([-math.inf, -1.0, 0.0]).tolist() == [0.0, 0.0, 0.0]
    assert queue.waiting_time_cdf([1e3, 1e300, math.inf]) == pytest.approx([1.0, 1.0, 1.0], abs=1e-12)
    assert queue.waiting_time_quantile(0) == 0.0


# --- against a simulation --------------------------------------------------------------------------------


def simulated(rate, size, interval, ticks, rng):
    """The waits of Poisson arrivals: d[i] = max(first tick at or after the arrival, d[i - B] + 1)."""
    arrivals = np.cumsum(rng.exponential(1 / rate, int(rate * interval * ticks)))
    first = np.ceil(arrivals / interval).astype(int)
    padded = np.concatenate([first, np.full(-len(first) % size, first[-1])]).reshape(-1, size)
    row = np.arange(len(padded))[:, None]
    leaves = (np.maximum.accumulate(padded - row) + row).ravel()[: len(first)]
    return (leaves * interval - arrivals)[len(first) // 10 :]  # the beginning, from an empty queue, left out


def test_the_simulation_itself_is_the_plain_recursion():
    rng = np.random.default_rng(5)
    waits = simulated(0.9, 3, 2.0, 400, rng)
    arrivals = np.cumsum(np.random.default_rng(5).exponential(1 / 0.9, int(0.9 * 2.0 * 400)))
    leaves = []
    for i, arrival in enumerate(arrivals):
        leaves.append(max(math.ceil(arrival / 2.0), leaves[i - 3] + 1 if i >= 3 else 0))
    assert waits == pytest.approx((np.array(leaves) * 2.0 - arrivals)[len(leaves) // 10 :])


@pytest.mark.parametrize(("rho", "size"), [(0.1, 1), (0.5, 1), (0.5, 5), (0.9, 2), (0.9, 5), (0.7, 50), (0.95, 20)])
def test_theory_lies_within_the_confidence_interval_of_a_simulation(rho, size):
    queue = at(rho, size)
    ticks = max(2_000, 40_000 // size)
    runs = [simulated(queue.rate, size, INTERVAL, ticks, np.random.default_rng([7, seed])) for seed in range(30)]
    marks = [queue.waiting_time_quantile(p) for p in SHARES]
    figures = np.array([[run.mean(), *(np.mean(run <= mark) for mark in marks)] for run in runs])
    mean, error = figures.mean(axis=0), figures.std(axis=0, ddof=1) / math.sqrt(len(runs))
    assert (error < [0.05 * queue.mean_waiting_time, 0.01, 0.01, 0.01, 0.01]).all()  # or it would show nothing
    assert (np.abs(mean - [queue.mean_waiting_time, *SHARES]) < 5 * error).all()


# --- what must be so -------------------------------------------------------------------------------------

loads = st.floats(0.01, 0.98)


@given(rate=loads, more=st.floats(1.0001, 2.0), size=st.integers(1, 60))
@settings(deadline=None, max_examples=60)
def test_the_waiting_time_grows_with_the_rate(rate, more, size):
    low, high = rate * size, min(rate * more, 0.99) * size
    one, other = (fixed_interval(value, size, 1.0) for value in (low, high))
    assert 0.5 <= one.mean_waiting_time <= other.mean_waiting_time * (1 + 1e-12)
    assert one.mean_queue_after_tick < other.mean_queue_after_tick * (1 + 1e-12)
    assert one.waiting_time_quantile(0.95) <= other.waiting_time_quantile(0.95) * (1 + 1e-9)


@given(rho=loads, size=st.integers(1, 60), more=st.integers(1, 5))
@settings(deadline=None, max_examples=60)
def test_the_waiting_time_falls_with_the_size(rho, size, more):
    one, other = fixed_interval(rho * size, size, 1.0), fixed_interval(rho * size, size + more, 1.0)
    assert other.mean_waiting_time <= one.mean_waiting_time * (1 + 1e-12)
    assert other.waiting_time_quantile(0.95) <= one.waiting_time_quantile(0.95) * (1 + 1e-9)


@given(rho=loads, size=st.integers(1, 60), scale=st.floats(0.01, 100))
@settings(deadline=None, max_examples=60)
def test_the_unit_of_time_does_not_matter(rho, size, scale):
    one, other = fixed_interval(rho * size, size, 1.0), fixed_interval(rho * size / scale, size, scale)
    assert other.mean_waiting_time == pytest.approx(one.mean_waiting_time * scale, rel=1e-9)
    assert other.mean_queue_length == pytest.approx(one.mean_queue_length, rel=1e-9)
    assert other.waiting_time_quantile(0.9) == pytest.approx(one.waiting_time_quantile(0.9) * scale, rel=1e-7)


# --- refused, and said -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [1.0, 1.25, 7])
def test_a_utilisation_of_one_or_more_is_refused_by_name_with_a_remedy(rate):
    with pytest.raises(ArgumentError) as caught:
        fixed_interval(rate, 5, 5.0)
    assert str(caught.value) == (
        f"utilisation must be below 1, got {float(rate)!r}. The rate is {rate:g}/s, and 5 every 5 s carry 1/s at most. "
        "The queue grows for ever; lower the rate, or take larger batches or a shorter interval."
    )


def test_too_near_to_one_is_refused_as_well():
    with pytest.raises(ArgumentError, match=r"^utilisation must be at most 0\.9999, .*, got 0\.9999"):
        fixed_interval(0.99995, 5, 5.0)
    with pytest.raises(ArgumentError, match=r"^utilisation must be at most about 0\.99 for the chain, got 0\.999"):
        at(0.999, 5).checks()


@pytest.mark.parametrize("t", [None, math.nan, [1.0, math.nan], [[1.0], [2.0, 3.0]], "soon"], ids=repr)
def test_a_time_that_is_none_is_refused(t):
    with pytest.raises(ArgumentError, match=r"^t must be a number of seconds, or an array of them, got "):
        at(0.5, 5).waiting_time_cdf(t)


@pytest.mark.parametrize("p", [-0.1, 50, 99, math.nan, "0.5", None, True], ids=repr)
def test_a_share_that_is_none_is_refused(p):
    with pytest.raises(
        ArgumentError, match=r"^p must be a number of the requests, as a share, from 0 to 1, got .*0\.99"
    ):
        at(0.5, 5).waiting_time_quantile(p)


def test_how_long_everybody_waits_at_most_is_not_told():
    with pytest.raises(ArgumentError, match=r"^p must be a share of at most 0\.999999999, got 1\.0\."):
        at(0.5, 5).waiting_time_quantile(1.0)


def test_the_sentence_the_repr_and_that_nothing_can_be_changed():
    queue = fixed_interval(0.9, 5, 5.0)
    assert queue.describe() == (
        "At 0.9 requests/s, up to 5 every 5 s are 90 % used. A request waits 6.38 s on average, and 99 % at most "
        "23.94 s; 5.75 are waiting on average over all time, 3.5 just after a tick."
    )
    assert repr(queue).startswith("SlottedQueue(rate=0.9, max_batch_size=5, interval=5.0, utilisation=0.9")
    assert "array" not in repr(queue)
    assert queue == fixed_interval(0.9, 5, 5.0)
    assert "differ by" in queue.checks().describe()
    with pytest.raises(FrozenInstanceError):
        queue.rate = 1.0
    with pytest.raises(ValueError, match="read-only"):
        queue.queue_distribution[0] = 1.0
