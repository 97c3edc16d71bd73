"""Arrivals: the right rates, the right order, the same for the same seed, and bad input named."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdemo.errors import ArgumentError
from batchdemo.policies import FixedInterval
from batchdemo.prediction import arrivals
from batchdemo.prediction.arrivals import Arrivals
from batchdemo.prediction.simulating import simulate

MADE = {
    "burst": lambda seed: arrivals.burst(50, at=2.0, clients=3),
    "constant": lambda seed: arrivals.constant(4.0, 50, clients=3),
    "poisson": lambda seed: arrivals.poisson(4.0, 50, seed=seed, clients=3),
    "periodic": lambda seed: arrivals.periodic(4.0, 50, period=10.0, seed=seed, clients=3),
    "bursty": lambda seed: arrivals.bursty(4.0, 50, on=2.0, off=5.0, seed=seed, clients=3),
}
each = pytest.mark.parametrize("kind", MADE)


@each
@given(seed=st.integers(0, 2**32))
def test_seconds_in_rising_order_with_clients_dealt_round(kind, seed):
    made = MADE[kind](seed)
    assert len(made) == 50
    assert made.times[0] >= 0
    assert (np.diff(made.times) >= 0).all()
    assert made.clients.tolist() == [at % 3 + 1 for at in range(50)]
    assert list(made) == made.times.tolist() == np.asarray(made).tolist()


@each
def test_the_same_seed_gives_the_same_and_another_does_not(kind):
    assert MADE[kind](7).times.tolist() == MADE[kind](7).times.tolist()
    assert MADE[kind](np.random.default_rng(7)).times.tolist() == MADE[kind](7).times.tolist()
    if kind not in ("burst", "constant"):
        assert MADE[kind](7).times.tolist() != MADE[kind](8).times.tolist()


def test_a_burst_and_a_constant_rate_are_exact():
    assert arrivals.burst(3, at=1.5).times.tolist() == [1.5] * 3
    assert arrivals.constant(4.0, 3).times.tolist() == [0.25, 0.5, 0.75]
    assert arrivals.burst(3).rate == math.inf
    assert math.isnan(arrivals.burst(1).rate)


def test_rates_are_what_was_asked_for():
    n = 200_000  # the bounds are five standard deviations and more
    assert arrivals.constant(4.0, n).rate == pytest.approx(4.0)
    assert arrivals.poisson(4.0, n, seed=1).rate == pytest.approx(4.0, rel=0.02)
    gaps = np.diff(arrivals.poisson(4.0, n, seed=1).times)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.03)  # as of an exponential distribution
    assert arrivals.periodic(4.0, n, period=10.0, seed=1).rate == pytest.approx(4.0, rel=0.02)
    assert arrivals.bursty(40.0, n, on=1.0, off=3.0, seed=1).rate == pytest.approx(10.0, rel=0.1)


def test_a_periodic_rate_goes_up_and_down():
    times = arrivals.periodic(100.0, 50_000, period=10.0, seed=1).times % 10.0
    up, down = ((times > 1) & (times < 4)).sum(), ((times > 6) & (times < 9)).sum()
    assert up > 5 * down
    flat = arrivals.periodic(100.0, 50_000, period=10.0, swing=0.0, seed=1).times % 10.0
    assert ((flat > 1) & (flat < 4)).sum() == pytest.approx(((flat > 6) & (flat < 9)).sum(), rel=0.1)


def test_bursty_has_pauses_and_none_without_an_off():
    gaps = np.diff(arrivals.bursty(100.0, 5_000, on=1.0, off=10.0, seed=1).times)
    assert (gaps > 2.0).sum() > 10
    assert np.diff(arrivals.bursty(100.0, 5_000, on=1.0, off=0.0, seed=1).times).max() < 1.0


def test_recorded_from_a_run_and_from_csv(tmp_path):
    run = simulate(FixedInterval(5, 5.0), arrivals.burst(18))
    assert arrivals.recorded(run).times.tolist() == [0.0] * 18
    run.to_csv(tmp_path / "run.csv")
    assert arrivals.recorded(tmp_path / "run.csv").times.tolist() == [0.0] * 18
    (tmp_path / "times.csv").write_text("sent,client\n3.5,2\n1.25,1\n")
    read = arrivals.recorded(str(tmp_path / "times.csv"))
    assert read.times.tolist() == [1.25, 3.5]
    assert read.clients.tolist() == [1, 2]
    assert repr(read) == "times.csv (sent): 2 requests of 2 clients in 3.5 s, 0.4444 a second"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "source must be a record with the column arrived or sent in every row"),
        ("time\n1\n", "arrived or sent"),
        ("arrived\nsoon\n", "could not convert string to float"),
        ("arrived\n1\n\n", ""),
        ("arrived,sent\n,\n1,2\n", "Rows that have it: {'arrived': 1, 'sent': 1}"),
    ],
)
def test_a_file_without_times_is_refused(text, said, tmp_path):
    (tmp_path / "bad.csv").write_text(text)
    if said:
        with pytest.raises(ArgumentError, match="source must be") as caught:
            arrivals.recorded(tmp_path / "bad.csv")
        assert said in str(caught.value)
    else:
        assert len(arrivals.recorded(tmp_path / "bad.csv")) == 1


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    for bad, said in (
        (tmp_path / "none.csv", "No such file"),
        (tmp_path, "directory"),
        (tmp_path / "bytes.csv", "UTF-8"),
        (7, "a run"),
    ):
        with pytest.raises(ArgumentError, match="source must be") as caught:
            arrivals.recorded(bad)
        assert said in str(caught.value)


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ([], "There must be 1 to 100,000,000 of them"),
        ([1.0, math.nan], "Number 2 is nan"),
        ([1.0, math.inf], "Number 2 is inf"),
        ([-1.0, 2.0], "The first is -1"),
        ([1.0, 3.0, 2.0], "Number 3 comes before number 2; sort them"),
        ([[1.0], [2.0]], "have the shape (2, 1)"),
        ("soon", "arrivals must be seconds"),
        (7, "arrivals must be seconds"),
        (None, "arrivals must be seconds"),
        ([1, "b"], "arrivals must be seconds"),
        (np.broadcast_to(1.0, 100_000_001), "(100000001,)"),
    ],
)
def test_what_are_no_arrivals(times, said):
    with pytest.raises(ArgumentError, match="arrivals must be seconds from 0 on, in rising order") as caught:
        arrivals.taken(times)
    assert said in str(caught.value)


@pytest.mark.parametrize("clients", [[1], [0, 1], [1.5, 2], "ab", None])
def test_clients_are_numbers_from_one(clients):
    with pytest.raises(ArgumentError, match="clients must be whole numbers from 1, one a request"):
        Arrivals([1.0, 2.0], clients)


@pytest.mark.parametrize("rate", [0, -1, math.nan, math.inf, "4", None, True])
def test_a_rate_is_above_zero(rate):
    for make in (arrivals.constant, arrivals.poisson):
        with pytest.raises(ArgumentError, match="rate must be a number of requests a second"):
            make(rate, 5)


@pytest.mark.parametrize(
    "bad",
    [
        lambda: arrivals.burst(0),
        lambda: arrivals.burst(5, at=-1),
        lambda: arrivals.burst(5, clients=0),
        lambda: arrivals.constant(1.0, 10**9),
        lambda: arrivals.poisson(1.0, 5, seed=-1),
        lambda: arrivals.poisson(1.0, 5, seed="one"),
        lambda: arrivals.periodic(1.0, 5, period=0),
        lambda: arrivals.periodic(1.0, 5, period=1, swing=2),
        lambda: arrivals.bursty(1.0, 5, on=0, off=1),
        lambda: arrivals.bursty(1.0, 5, on=1, off=-1),
    ],
)
def test_every_argument_is_checked(bad):
    with pytest.raises(ArgumentError, match=r" must be .*, got "):
        bad()
