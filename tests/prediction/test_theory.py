"""Loads, bursts and take-all batches: hand counts, a Markov chain, a simulation, and what is refused."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchdemo.errors import ArgumentError
from batchdemo.prediction import theory
from batchdemo.prediction.theory_walk import poisson

NAN, INF = math.nan, math.inf


def test_every_public_name_is_there_and_says_what_it_is_for():
    for name in theory.__all__:
        assert getattr(theory, name).__doc__
    functions = ("burst", "capacity", "fixed_interval", "little", "take_all", "utilisation")
    assert set(functions) < set(theory.__all__)
    for name in functions:
        said = getattr(theory, name).__doc__
        assert "seconds" in said or "requests" in said, name
        assert any(source in said for source in ("(1954)", "1961", "1962", "(2021)", "By definition", "By counting")), (
            name
        )


# --- loads -----------------------------------------------------------------------------------------------


def test_the_utilisation_is_the_arrivals_of_an_interval_a_place():
    assert theory.utilisation(0.9, 5, 5.0) == pytest.approx(0.9, rel=1e-15)
    assert theory.utilisation(2, 1, 3) == 6.0  # overload is a figure, and no error
    assert theory.utilisation(np.float64(0.5), np.int64(5), np.float32(5)) == 0.5


def test_the_capacity_is_a_full_batch_over_its_time():
    assert theory.capacity(32, 0.001, 0.05) == pytest.approx(32 / 0.082, rel=1e-15)
    assert theory.capacity(5, 0, 5.0) == 1.0
    assert theory.capacity(7, 0.5, 0) == 2.0


@given(size=st.integers(1, 1000), a=st.floats(1e-6, 1), b=st.floats(0, 1))
@settings(deadline=None)
def test_a_larger_batch_never_carries_less_and_never_more_than_its_ceiling(size, a, b):
    carried = theory.capacity(size, a, b)
    assert carried <= theory.capacity(size + 1, a, b) * (1 + 1e-12)
    assert carried <= (1 / a) * (1 + 1e-12)


# --- a burst ---------------------------------------------------------------------------------------------


def test_eighteen_at_once_wait_five_ten_fifteen_and_twenty_seconds():
    burst = theory.burst(18, 5, 5.0)
    assert burst.waiting_times.tolist() == [5.0] * 5 + [10.0] * 5 + [15.0] * 5 + [20.0] * 3
    assert burst.mean_waiting_time == pytest.approx(11.67, abs=0.005)
    assert (burst.batches, burst.max_waiting_time) == (4, 20.0)
    assert burst.describe() == (
        "18 at once, just after a tick, up to 5 every 5 s: 4 batches. A request waits 11.67 s on average, "
        "the last one 20.00 s."
    )


@given(n=st.integers(1, 300), size=st.integers(1, 40), interval=st.floats(0.001, 100))
@settings(deadline=None)
def test_a_burst_is_counted_rightly(n, size, interval):
    burst = theory.burst(n, size, interval)
    ticks = [-(-i // size) for i in range(1, n + 1)]
    assert burst.waiting_times.tolist() == [tick * interval for tick in ticks]
    assert burst.mean_waiting_time == pytest.approx(float(Fraction(sum(ticks), n)) * interval, rel=1e-12)
    assert (burst.batches, burst.max_waiting_time) == (ticks[-1], ticks[-1] * interval)


def test_a_burst_says_one_batch_shows_no_array_and_cannot_be_changed():
    burst = theory.burst(3, 5, 0.05)
    assert ": 1 batch. A request waits 50 ms on average, the last one 50 ms." in burst.describe()
    assert repr(burst) == (
        "Burst(n=3, max_batch_size=5, interval=0.05, batches=1, mean_waiting_time=0.05, max_waiting_time=0.05)"
    )
    assert burst == theory.burst(3, 5, 0.05) != theory.burst(3, 4, 0.05)
    with pytest.raises(FrozenInstanceError):
        burst.n = 4
    with pytest.raises(ValueError, match="read-only"):
        burst.waiting_times[0] = 1.0


# --- take-all --------------------------------------------------------------------------------------------


def by_chain(rate, a, b):
    """The mean latency exactly, from the Markov chain of the batch sizes; of one batch, of whatever size n, come the
    latencies of its own n requests' handling, and half of it for each request that arrives meanwhile.
    """
    middle = rate * b / (1 - rate * a)
    count = int(middle + 15 * math.sqrt((middle + 1) / (1 - (rate * a) ** 2)) + 60 / math.sqrt(1 - rate * a) + 40)
    moves = np.zeros((count, count))
    for row in range(count):
        chances = poisson(rate * (a * (row + 1) + b), count + 1)
        moves[row] = chances[1:]
        moves[row, 0] += chances[0]  # who finds the executor idle is a batch of one
    balance = moves.T - np.eye(count)
    balance[-1] = 1.0
    share = np.linalg.solve(balance, np.eye(1, count, count - 1)[0])
    sizes = np.arange(1, count + 1)
    lasts = a * sizes + b
    return float(share @ (sizes * lasts + rate * lasts**2 / 2) / (share @ sizes))


LOADS = (0.0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95)
PACES = (0.02, 0.1, 0.5, 0.9, 1.0, 1.1, 1.5, 2.5, 5.0, 15.0)  # λ(a + b), with a + b = 1
GRID = [(pace, load / pace) for load in LOADS for pace in PACES if load <= pace]


@pytest.mark.parametrize(("rate", "a"), GRID)
def test_the_mean_latency_lies_between_its_bounds_and_near_the_upper_one(rate, a):
    known, exact = theory.take_all(rate, a, 1 - a), by_chain(rate, a, 1 - a)
    assert known.mean_latency_least <= exact * (1 + 1e-9)
    assert exact <= known.mean_latency_bound * (1 + 1e-9)
    assert known.slack <= 0.09
    assert known.slack <= 0.02 or 0.5 < rate < 2.5
    assert known.slack <= 0.001 or rate < 5


@pytest.mark.parametrize(("rate", "a"), GRID)
def test_the_bounds_are_the_ones_that_follow_from_the_mean_size_of_a_batch(rate, a):
    b, x = 1 - a, rate * a
    known = theory.take_all(rate, a, b)

    def latency(b_squared_over_m):
        return a + b + rate * (1 + 2 * x) * (a * a + 2 * a * b + b_squared_over_m) / (2 * (1 - x**2))

    assert known.phi0 == pytest.approx(latency(b * b), rel=1e-12)
    assert known.phi1 == pytest.approx(latency(b * (1 - x) / rate), rel=1e-12)
    assert known.mean_latency_bound == min(known.phi0, known.phi1)
    if rate != 1.0 and b > 0:
        assert (known.phi0 < known.phi1) == (rate < 1.0)


def simulated(rate, a, b, batches, rng):
    """The mean latency of so many batches, one after the other; the executor takes all that wait."""
    arrivals = np.cumsum(rng.exponential(1 / rate, int(batches * (2 + 2 * rate * (a + b)) / (1 - rate * a))))
    free, first, total = 0.0, 0, 0.0
    for _ in range(batches):
        start = max(free, arrivals[first])
        last = np.searchsorted(arrivals, start, side="right")
        free = start + a * (last - first) + b
        total += np.sum(free - arrivals[first:last])
        first = last
    return total / first


@pytest.mark.parametrize(("rate", "a", "b"), [(300, 0.001, 0.05), (1.0, 0.1, 0.9), (0.2, 0.5, 0.5), (8, 0.1, 0.1)])
def test_a_simulation_finds_the_mean_latency_between_the_bounds(rate, a, b):
    runs = [simulated(rate, a, b, 1_000, np.random.default_rng([11, seed])) for seed in range(30)]
    mean, error = np.mean(runs), np.std(runs, ddof=1) / math.sqrt(len(runs))
    known = theory.take_all(rate, a, b)
    assert error < 0.03 * mean
    assert known.mean_latency_least - 5 * error < mean < known.mean_latency_bound + 5 * error
    assert abs(mean - by_chain(rate, a, b)) < 5 * error


def test_the_figures_of_three_hundred_requests_a_second():
    known = theory.take_all(300, 0.001, 0.05)
    assert known.phi1 == pytest.approx(0.1084, abs=5e-5)
    assert known.load == pytest.approx(0.3)
    assert known.describe() == (
        "At 300 requests/s, all that wait at 1 ms a request + 50 ms a batch: the mean latency is at most 108 ms, "
        "an upper bound that is less than 0.001 % too high."
    )
    assert repr(known).startswith("TakeAll(rate=300.0, a=0.001, b=0.05, load=0.3, ")


@given(rate=st.floats(0.001, 0.5), more=st.floats(1.01, 1.9), a=st.floats(0, 1), b=st.floats(0.001, 10))
@settings(deadline=None)
def test_the_bound_grows_with_the_rate_and_is_never_below_a_batch_of_one(rate, more, a, b):
    one, other = theory.take_all(rate, a, b), theory.take_all(rate * more, a, b)
    assert a + b <= one.mean_latency_least * (1 + 1e-12)
    assert one.mean_latency_bound <= other.mean_latency_bound * (1 + 1e-12)


# --- refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0, -1, NAN, INF, "1", None, True, [1.0], 1j], ids=repr)
@pytest.mark.parametrize("call", [
    lambda rate: theory.utilisation(rate, 5, 5.0),
    lambda rate: theory.fixed_interval(rate, 5, 5.0),
    lambda rate: theory.take_all(rate, 0.001, 0.05),
], ids=["utilisation", "fixed_interval", "take_all"])  # fmt: skip
def test_a_rate_that_is_none_is_refused(call, rate):
    with pytest.raises(ArgumentError, match=r"^rate must be a number of requests a second from 1e-09 to 1e\+09, got "):
        call(rate)


@pytest.mark.parametrize("size", [0, -5, 5.0, NAN, "5", None, True, 1_000_001], ids=repr)
@pytest.mark.parametrize("call", [
    lambda size: theory.utilisation(0.5, size, 5.0),
    lambda size: theory.fixed_interval(0.5, size, 5.0),
    lambda size: theory.burst(18, size, 5.0),
    lambda size: theory.capacity(size, 0.001, 0.05),
], ids=["utilisation", "fixed_interval", "burst", "capacity"])  # fmt: skip
def test_a_size_that_is_none_is_refused(call, size):
    with pytest.raises(ArgumentError, match=r"^max_batch_size must be a whole number from 1 to 1,000,000, got "):
        call(size)


@pytest.mark.parametrize("interval", [0, -5.0, NAN, INF, "5", None, True, 86_401], ids=repr)
@pytest.mark.parametrize("call", [
    lambda interval: theory.utilisation(0.5, 5, interval),
    lambda interval: theory.fixed_interval(0.5, 5, interval),
    lambda interval: theory.burst(18, 5, interval),
], ids=["utilisation", "fixed_interval", "burst"])  # fmt: skip
def test_an_interval_that_is_none_is_refused(call, interval):
    with pytest.raises(ArgumentError, match=r"^interval must be a number of seconds from 0\.001 to 86,400, got "):
        call(interval)


@pytest.mark.parametrize("n", [0, -1, 1.5, NAN, "18", None, True, 10_000_001], ids=repr)
def test_a_burst_of_no_number_is_refused(n):
    with pytest.raises(ArgumentError, match=r"^n must be a whole number from 1 to 10,000,000, got "):
        theory.burst(n, 5, 5.0)


@pytest.mark.parametrize("value", [-0.001, NAN, INF, "1", None], ids=repr)
def test_a_cost_that_is_none_is_refused(value):
    for call in (lambda a, b: theory.take_all(1.0, a, b), lambda a, b: theory.capacity(5, a, b)):
        with pytest.raises(ArgumentError, match=r"^a must be a number of seconds a request from 0 to 1e\+06, got "):
            call(value, 0.1)
        with pytest.raises(ArgumentError, match=r"^b must be a number of seconds a batch from 0 to 1e\+06, got "):
            call(0.1, value)
        with pytest.raises(ArgumentError, match=r"^a must be above 0 where b is 0, got 0\.0\."):
            call(0, 0)


@pytest.mark.parametrize("rate", [1000, 1200.0])
def test_a_load_that_no_batch_can_carry_is_refused(rate):
    with pytest.raises(ArgumentError) as caught:
        theory.take_all(rate, 0.001, 0.05)
    assert str(caught.value) == (
        f"utilisation λa must be below 1, got {rate / 1000!r}. One executor carries less than 1000/s, however large "
        "its batches. Lower the rate or the cost."
    )
