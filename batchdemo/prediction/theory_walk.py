"""The queue just after a tick, computed three ways: by a Fourier sum, by Bailey's roots, by a Markov chain.

Poisson arrivals, a in the mean between two ticks; B places at each tick; ρ = a/B < 1. What is left waiting just
after a tick, Q, becomes max(Q + A - B, 0) by the next, where A is how many arrive (Bailey 1954). So (Lindley 1952)
Q is distributed as the maximum of 0, S₁, S₂, …, where Sₙ is the sum of n independent copies of A - B. Everything
here is in requests and ticks; `theory_slotted` makes seconds of it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

NEGLIGIBLE = 1e-16  # a probability that no double could add to 1
CLOSE = 1e-10  # requests by which the chain's mean may be too low for want of states
MOST_STATES = 2_500  # of the chain: the matrix of so many takes 50 MB


def poisson(mean: float, count: int) -> Any:
    """P(N = 0), …, P(N = count - 1) for a Poisson N. Taken from the mode, so that no mean underflows."""
    if mean <= 0:
        return np.eye(1, count)[0]
    logs = np.cumsum(np.log(mean / np.arange(1, count)))
    chances = np.exp(np.concatenate([[0.0], logs]) - max(0.0, logs.max(initial=0.0)))
    return chances / chances.sum()


def enough(mean: float) -> int:
    """So many terms that a Poisson number of this mean is larger with a probability that is negligible."""
    return int(mean + 12 * math.sqrt(mean) + 40)


def decay(rho: float) -> float:
    """The x > 0 at which x = ρ(eˣ - 1): the chance that more than n are left is at most e^(-x(n+1)), for all B.

    Kingman (1964), *A martingale inequality in the theory of queues*: e^(x Sₙ) is a martingale. By Newton's
    method from 2 ln(1/ρ), which lies above x, down a convex function.
    """
    x, step = -2 * math.log(rho), 1.0
    while step > 1e-15 * x:
        step = (rho * math.expm1(x) - x) / (rho * math.exp(x) - 1)
        x -= step
    return x


def last_state(rho: float) -> int:
    """The n beyond which Q is with a probability that is negligible."""
    return math.ceil(-math.log(NEGLIGIBLE) / decay(rho))


# --- by a Fourier sum ------------------------------------------------------------------------------------


def rises(rho: float, places: int) -> Any:
    """cₘ = Σₙ P(Sₙ = m)/n for m = 0, 1, 2, …, with 0 in place of c₀.

    Spitzer (1956): E[z^Q] = exp(-Σ cₘ(1 - zᵐ)), so E[Q] = Σ m cₘ; no term is negative and nothing cancels. The cₘ
    are the coefficients of -ln(1 - u(z)), u(z) = e^(a(z-1))/z^B, on any circle between the poles at 1 and e^decay.
    On that of radius 1/ρ, where u is least, u = exp(B(ln ρ + 1 - ρ - 2 sin²(θ/2) + i(sin θ - θ))): no digits are
    lost however close ρ is to 1. The sum over equidistant θ, a discrete Pollaczek integral, has an error of about
    e^(-(1-ρ)·points) (derived here; for the integrals see Boon, Janssen, van Leeuwaarden and Timmerman 2019,
    *Queueing Systems* 91, 89-111).
    """
    points = 1 << math.ceil(math.log2(max(1024, 50 / (1 - rho), 20 * math.sqrt(places))))
    theta = np.pi * np.linspace(0, 1, points // 2 + 1)
    least = math.log(rho) + (1 - rho)  # so bracketed, for near ρ = 1 it is tiny
    power = places * (least - 2 * np.sin(theta / 2) ** 2 + 1j * (theta - np.sin(theta)))
    u = np.exp(power)
    series = u * (1 + u * (1 / 2 + u * (1 / 3 + u * (1 / 4 + u / 5))))  # a small u would drown in 1 - u
    values = np.where(np.abs(u) < 1e-3, series, -np.log(-np.expm1(power)))
    half = np.arange(points // 2)
    return np.fft.irfft(values, points)[: points // 2] * np.where(half > 0, rho**half, 0.0)


def by_fourier(rho: float, places: int) -> tuple[float, Any]:
    """The mean of Q, and P(Q = 0), P(Q = 1), … up to where no more is to be seen."""
    c = rises(rho, places)
    chances = np.fft.irfft(np.exp(np.fft.rfft(c, 2 * len(c)) - c.sum()))[: last_state(rho) + 1]
    return max(0.0, float(c @ np.arange(len(c)))), np.maximum(chances, 0.0)


# --- by Bailey's roots -----------------------------------------------------------------------------------


def roots(rho: float, places: int) -> Any:
    """The B - 1 roots of z^B = e^(a(z-1)) inside the unit circle.

    Each is the fixed point of z = w e^(ρ(z-1)) for one of the B-th roots of unity w other than 1 (Janssen and van
    Leeuwaarden 2005, *Queueing Systems* 50, 141-163, iterate it). Here by Newton's method, which stays quick near 1.
    """
    w = np.exp(2j * np.pi * np.arange(1, places) / places)
    z = np.zeros_like(w)
    for _ in range(50):
        image = w * np.exp(rho * (z - 1))
        z -= (z - image) / (1 - rho * image)
    return z


def by_roots(rho: float, places: int) -> float:
    """The mean of Q, by Bailey (1954): Σ 1/(1 - zₖ) - (B(B - 1) - a²)/(2(B - a)) over the roots.

    The two terms are of the size of B/2 and cancel, so of a small mean only about 14 - lg B decimals are right.
    """
    a = rho * places
    return float(np.sum(1 / (1 - roots(rho, places))).real - (places * (places - 1) - a**2) / (2 * (places - a)))


# --- by a Markov chain -----------------------------------------------------------------------------------


def chain_states(rho: float) -> int:
    """The states that the chain needs, so that its mean is too low by CLOSE at most: see `by_chain`."""
    x = decay(rho)
    n = 2
    while truncation(x, n) > CLOSE:
        n += 1 + n // 50
    return n


def truncation(x: float, n: int) -> float:
    """How much E[Q] loses at most in a chain whose last state is n: Σ_{j>n} j P(Q = j), bounded by `decay`."""
    return math.exp(-x * (n + 1)) * (n + 1 + 1 / math.expm1(x))


def by_chain(rho: float, places: int) -> tuple[float, Any, float]:
    """The mean of Q, its probabilities, and an upper bound of how much the mean is too low for want of states.

    The stationary vector of the chain on 0 … n in which what exceeds n is turned away, by linear equations. It is
    never above the true one, and never below the true one watched only while Q ≤ n, which comes back from beyond n
    to n at most; all three are monotone. So its mean is too low by Σ_{j>n} j P(Q = j) at most, and each P(Q > j) by
    P(Q > n) (derived here). The equations are rounded besides: to 1e-8 at ρ = 0.99.
    """
    last = chain_states(rho)
    arrivals = poisson(rho * places, max(enough(rho * places), places + last + 1))
    step = np.arange(last + 1)[None, :] + places - np.arange(last + 1)[:, None]  # arrivals that lead from row to column
    moves = np.where(step >= 0, arrivals[np.clip(step, 0, len(arrivals) - 1)], 0.0)
    moves[:, 0] = [arrivals[: max(0, most + 1)].sum() for most in step[:, 0]]
    moves[:, -1] = np.maximum(0.0, 1 - moves[:, :-1].sum(axis=1))
    balance = moves.T - np.eye(last + 1)
    balance[-1] = 1.0  # one equation follows from the others; in its place the sum
    chances = np.linalg.solve(balance, np.eye(1, last + 1, last)[0])
    return float(chances @ np.arange(last + 1)), chances, truncation(decay(rho), last)
