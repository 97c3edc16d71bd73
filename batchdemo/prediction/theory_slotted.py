"""Up to B requests every T seconds, Poisson arrivals: waiting times and queue lengths, exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from batchdemo.arguments import real, refuse
from batchdemo.prediction import theory_walk as walk
from batchdemo.prediction.theory_load import a_rate, a_size, an_interval, stable
from batchdemo.runs.words import seconds

MOST = 0.999999999  # share of the requests of which a quantile is told
NEAREST = 0.9999  # the utilisation up to which the sums have terms enough


@dataclass(frozen=True)
class SlottedQueue:
    """What `fixed_interval` predicts, in the long run. Requests, seconds, requests a second.

    A waiting time is from a request's arrival to the tick that releases it; the handler's time comes on top.
    """

    rate: float  # λ, requests/s
    max_batch_size: int  # B
    interval: float  # T, s
    utilisation: float  # ρ = λT/B
    mean_waiting_time: float  # s: T/2 + mean_queue_after_tick/λ
    mean_queue_length: float  # requests waiting, averaged over all time: λ · mean_waiting_time
    mean_queue_after_tick: float  # requests left just after a tick: what it had no place for
    queue_distribution: Any = field(repr=False, compare=False)  # the chance that 0, 1, 2, … are left just after a tick

    @cached_property
    def _beyond(self) -> Any:
        """P(Q > k) for k = -1, 0, 1, …, the last of them 0."""
        return np.append(np.cumsum(self.queue_distribution[::-1])[::-1], 0.0)

    def _left_more_than(self, k: Any) -> Any:
        """P(Q > k) for whole numbers k, those below 0 included."""
        return np.where(k < 0, 1.0, self._beyond[np.clip(k + 1, 0, len(self._beyond) - 1)])

    def _at_least(self, span: float) -> Any:
        """P(N ≥ 1), P(N ≥ 2), … for the number N of those who arrive in so many seconds."""
        count = walk.enough(self.rate * self.interval)
        return np.cumsum(walk.poisson(self.rate * span, count)[:0:-1])[::-1]

    def _waits_longer(self, t: float) -> float:
        """P(W > t), as derived at `waiting_time_cdf`; all terms are positive, so a small chance keeps its digits."""
        size, interval = self.max_batch_size, self.interval
        ticks = math.floor(min(t / interval, self._ticks_enough))
        early = self._at_least(interval - min(max(0.0, t - ticks * interval), interval))
        late = self._at_least(interval) - early
        place = np.arange(1, len(early) + 1)
        missed = early @ self._left_more_than(ticks * size - place)
        missed += late @ self._left_more_than((ticks + 1) * size - place)
        return float(min(1.0, missed / (self.rate * interval)))

    @property
    def _ticks_enough(self) -> int:
        """So many ticks that nobody waits longer, but for a chance that is negligible."""
        most = len(self.queue_distribution) + walk.enough(self.rate * self.interval)
        return most // self.max_batch_size + 2

    def waiting_time_cdf(self, t: Any) -> Any:
        """How many get away with t seconds: the chance, from 0 to 1, that a request waits t seconds or less.

        `t`: a number, or an array of them for a curve. Exact. With t = nT + x, 0 ≤ x < T: the i-th arrival of an
        interval that began with Q waiting leaves at tick ⌈(Q + i)/B⌉ from then on. One from the first T - x seconds
        waits t or less if it leaves by the n-th tick, one from the last x seconds if it does by the (n+1)-th. So of
        N arrivals in the interval, M of them in its first T - x seconds, this many do, with (y)⁺ = max(y, 0):
        min(M, (nB - Q)⁺) + min(N, ((n+1)B - Q)⁺) - min(M, ((n+1)B - Q)⁺). Divide its mean by that of N, λT
        (derived here; Downton 1955, *J. R. Statist. Soc. B* 17, has the transform).
        """
        try:
            times = np.asarray(t, dtype=float)
        except (TypeError, ValueError):
            refuse("t", "a number of seconds, or an array of them", t)
        if np.isnan(times).any():
            refuse("t", "a number of seconds, or an array of them", t, "Some are NaN.")
        chances = [0.0 if one <= 0 else 1.0 - self._waits_longer(one) for one in times.ravel().tolist()]
        return np.reshape(chances, times.shape) if times.ndim else chances[0]

    def waiting_time_quantile(self, p: float) -> float:
        """The seconds within which a share p of the requests has been released: 0.5 the median, 0.99 one in a hundred.

        By bisection of `waiting_time_cdf`, to the last digit. `p` from 0 to 0.999999999.
        """
        p = real("p", p, 0.0, 1.0, "the requests, as a share,", "For 99 % say 0.99.")
        if p > MOST:
            refuse("p", f"a share of at most {MOST:.9f}", p, "Somebody waits longer than any time.")
        low, high = 0.0, self._ticks_enough * self.interval
        while low < (middle := (low + high) / 2) < high:
            if self._waits_longer(middle) > 1 - p:
                low = middle
            else:
                high = middle
        return high if p > 0 else 0.0

    def checks(self) -> Agreement:
        """The mean just after a tick by two further ways, by Bailey's roots and by a Markov chain.

        ArgumentError: the utilisation is so near to 1 (above 0.99) that the chain would need too many states.
        """
        rho, size = self.utilisation, self.max_batch_size
        states = walk.chain_states(rho) + 1
        if states > walk.MOST_STATES:
            refuse("utilisation", "at most about 0.99 for the chain", rho, f"It would have {states:,} states.")
        chain, chances, lost = walk.by_chain(rho, size)
        return Agreement(self.mean_queue_after_tick, walk.by_roots(rho, size), chain, len(chances), lost)

    def describe(self) -> str:
        """For example: At 0.9 requests/s, up to 5 every 5 s are 90 % used. A request waits 6.38 s on average, and
        99 % at most 23.94 s; 5.75 are waiting on average over all time, 3.5 just after a tick.
        """
        late = seconds(self.waiting_time_quantile(0.99))
        return (
            f"At {self.rate:g} requests/s, up to {self.max_batch_size:,} every {self.interval:g} s are"
            f" {self.utilisation * 100:.3g} % used. A request waits {seconds(self.mean_waiting_time)} on average, and"
            f" 99 % at most {late}; {self.mean_queue_length:.3g} are waiting on average over all time,"
            f" {self.mean_queue_after_tick:.3g} just after a tick."
        )


@dataclass(frozen=True)
class Agreement:
    """The mean number left just after a tick, in requests, three ways. Made by `SlottedQueue.checks`."""

    by_fourier: float  # the one that is used
    by_roots: float  # Bailey (1954); right to about 14 - lg B decimals
    by_chain: float  # the stationary vector of a chain
    states: int  # of the chain
    truncation: float  # how much the chain may be too low for want of states, at most; rounding comes on top

    @property
    def gap(self) -> float:
        """The largest difference between two of the three, in requests."""
        three = (self.by_fourier, self.by_roots, self.by_chain)
        return max(three) - min(three)

    def describe(self) -> str:
        """The three and their gap, in a sentence."""
        return (
            f"Left just after a tick: {self.by_fourier:.6g} by a Fourier sum, {self.by_roots:.6g} by Bailey's roots,"
            f" {self.by_chain:.6g} by a chain of {self.states:,} states (at most {self.truncation:.0e} too low);"
            f" they differ by {self.gap:.0e} at most."
        )


def fixed_interval(rate: float, max_batch_size: int, interval: float) -> SlottedQueue:
    """Predict the policy `FixedInterval` under Poisson arrivals: how long a request waits, how many are waiting.

    rate              λ, requests a second in the mean, independent of each other (Poisson)
    max_batch_size    B, places at each tick
    interval          T, seconds between two ticks, which never drift

    In the long run (stationary), first come first served, queue unbounded, ρ = λT/B below 1; ticks take no time.
    The bulk service of Bailey (1954), *On queueing processes with bulk service*, J. R. Statist. Soc. B 16, 80-87.
    Q, left just after a tick, is computed in `theory_walk`. During an interval the queue is Q plus who has arrived
    since, λT/2 on average over time, so its average is E[Q] + λT/2, and by Little's law a request waits
    E[Q]/λ + T/2. At a low load that is T/2, however low; with B = 1 it is T/(2(1 - ρ)).

    Accurate to ten digits and more for ρ up to 0.9999. ArgumentError: ρ is 1 or more, or nearer to it than that.
    """
    rate, size, interval = a_rate(rate), a_size(max_batch_size), an_interval(interval)
    rho = stable(rate, size, interval)
    if rho > NEAREST:
        refuse("utilisation", f"at most {NEAREST:g}, or the sums are no longer exact", rho)
    after, distribution = walk.by_fourier(rho, size)
    distribution.flags.writeable = False
    waiting = interval / 2 + after / rate
    return SlottedQueue(rate, size, interval, rho, waiting, rate * waiting, after, distribution)
