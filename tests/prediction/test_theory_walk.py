"""The queue just after a tick: a Fourier sum, Bailey's roots and a Markov chain come to the same, at every load."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from batchdemo.prediction import theory_walk
from batchdemo.prediction.theory import fixed_interval

INTERVAL = 5.0
RHOS = (0.1, 0.3, 0.5, 0.7, 0.9, 0.95)
SIZES = (1, 2, 3, 5, 10, 20, 50)
SHARES = (0.1, 0.5, 0.9, 0.99)


@cache
def at(rho, size):
    return fixed_interval(rho * size / INTERVAL, size, INTERVAL)


@pytest.mark.parametrize("rho", RHOS)
@pytest.mark.parametrize("size", SIZES)
def test_the_roots_and_the_chain_agree(rho, size):
    queue = at(rho, size)
    checks = queue.checks()
    assert checks.truncation <= 1e-10
    for after in (checks.by_roots, checks.by_chain):
        assert after == pytest.approx(queue.mean_queue_after_tick, rel=1e-6, abs=2e-10)
        wait = after / queue.rate + INTERVAL / 2
        assert wait == pytest.approx(queue.mean_waiting_time, rel=1e-6)
    assert checks.gap <= 1e-6 * queue.mean_queue_after_tick + 2e-10


@pytest.mark.parametrize("rho", RHOS)
@pytest.mark.parametrize("size", SIZES)
def test_the_chain_gives_the_same_distributions(rho, size):
    queue = at(rho, size)
    _, chances, lost = theory_walk.by_chain(queue.utilisation, size)
    known = queue.queue_distribution
    both = min(len(known), len(chances))
    assert np.abs(known[:both] - chances[:both]).max() < 1e-9
    assert known[both:].sum() + chances[both:].sum() < 1e-9
    from_chain = replace(queue, queue_distribution=np.maximum(chances, 0.0))
    times = np.linspace(0, 8 * INTERVAL, 60)
    assert from_chain.waiting_time_cdf(times) == pytest.approx(queue.waiting_time_cdf(times), abs=1e-6)
    assert lost <= theory_walk.CLOSE


@pytest.mark.parametrize("rho", [0.01, 0.05, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("size", [1, 2, 5, 20, 50])
def test_a_tiny_queue_keeps_its_digits(rho, size):
    """Spitzer (1956), summed term by term: E[Q] = Σ E[(Sₙ)⁺]/n, down to 1e-82 requests."""
    total = 0.0
    for n in range(1, 120):
        mean = n * rho * size
        for above in range(1, 400):
            count = n * size + above
            term = above / n * math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))
            total += term
            if term < 1e-18 * total:
                break
    assert at(rho, size).mean_queue_after_tick == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize("rho", [0.01, 0.2, 0.5, 0.8, 0.95, 0.99])
@pytest.mark.parametrize("size", [1, 2, 7, 50, 200, 5000])
def test_it_is_sound_for_every_load_and_size(rho, size):
    queue = at(rho, size)
    chances = queue.queue_distribution
    assert (chances >= 0).all()
    assert chances.sum() == pytest.approx(1, abs=1e-12)
    assert chances @ np.arange(len(chances)) == pytest.approx(queue.mean_queue_after_tick, rel=1e-9, abs=1e-12)
    roots = theory_walk.by_roots(queue.utilisation, size) / queue.rate + INTERVAL / 2
    assert roots == pytest.approx(queue.mean_waiting_time, rel=1e-9)
    curve = queue.waiting_time_cdf(np.linspace(0, queue.waiting_time_quantile(0.999), 40))
    assert (np.diff(curve) > -1e-13).all()
    assert 0 <= curve[0] <= curve[-1] <= 1
    for p in SHARES:
        assert queue.waiting_time_cdf(queue.waiting_time_quantile(p)) == pytest.approx(p, abs=1e-12)


def test_the_roots_are_roots_and_all_different():
    z = theory_walk.roots(0.9, 50)
    assert np.abs(z) == pytest.approx(np.exp(0.9 * (z.real - 1)), rel=1e-12)
    assert np.abs(z**50 - np.exp(45 * (z - 1))).max() < 1e-12
    assert np.abs(z).max() < 1
    assert np.abs(z[:, None] - z[None, :] + 2 * np.eye(49)).min() > 1e-3


# --- the parts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mean", [0.0, 1e-12, 0.3, 2.5, 40.0, 700.0, 5000.0])
def test_the_poisson_chances_are_right_at_any_mean(mean):
    count = theory_walk.enough(mean)
    chances = theory_walk.poisson(mean, count)
    assert chances.sum() == pytest.approx(1, abs=1e-12)
    assert chances @ np.arange(count) == pytest.approx(mean, rel=1e-10)
    assert chances @ np.arange(count) ** 2 == pytest.approx(mean + mean**2, rel=1e-10)
    for at_least in (0, 1, round(mean)):
        exact = math.exp(at_least * math.log(mean) - mean - math.lgamma(at_least + 1)) if mean else 1.0 - at_least
        assert chances[at_least] == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("rho", [1e-18, 1e-6, 0.01, 0.3, 0.9, 0.99, 0.9999])
def test_the_decay_solves_its_equation_and_bounds_the_tail(rho):
    x = theory_walk.decay(rho)
    assert x > 0
    assert rho * math.expm1(x) == pytest.approx(x, rel=1e-9)
    if rho <= 0.99:
        beyond = np.cumsum(at(rho, 3).queue_distribution[::-1])[::-1] if rho > 1e-8 else np.array([1.0])
        assert (beyond <= np.exp(-x * np.arange(len(beyond))) + 1e-12).all()


@pytest.mark.parametrize("rho", [0.1, 0.5, 0.9])
def test_a_chain_of_too_few_states_is_too_low_by_less_than_it_says(rho, monkeypatch):
    monkeypatch.setattr(theory_walk, "CLOSE", 0.01)
    for size in (1, 5, 20):
        mean, _, lost = theory_walk.by_chain(rho, size)
        assert -1e-12 < at(rho, size).mean_queue_after_tick - mean <= lost < 0.01
