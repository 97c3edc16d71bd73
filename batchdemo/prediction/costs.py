"""What batches cost, as measured: the straight line a·n + b through it, and what follows for the size of a batch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.arguments import real, refuse
from batchdemo.prediction import cost_plots, cost_words

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LARGEST = 100_000  # requests in a batch that is measured
MOST = 1_000  # sizes in one measurement
ROUNDING = 1e-12  # share of the longest duration up to which a fitted cost is a rounding error
PAYS_FROM = 1.5  # times the throughput of the smallest batch; less is hardly worth that requests wait for each other


@dataclass(frozen=True, eq=False, repr=False)
class Costs:
    """What a handler's batches cost. Made by `measure_costs`; from figures of your own as well.

    sizes        requests in a batch, rising; two at least
    durations    seconds, a row a round and a column a size
    name         of the handler

    A batch of n requests takes about a·n + b seconds. The line is the least-squares one through the medians,
    of *relative* residuals: a miss of a tenth counts the same at 20 µs as at 20 ms. No cost is below 0: where
    the line would have it so, that cost is 0 and the other is fitted alone.
    """

    sizes: Any
    durations: Any
    name: str = "the handler"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", _sizes(self.sizes))  # as one may, of a frozen class
        object.__setattr__(self, "durations", _durations(self.durations, len(self.sizes)))
        if not isinstance(self.name, str):
            refuse("name", "a text", self.name)

    # --- as measured -------------------------------------------------------------------------------------

    @property
    def rounds(self) -> int:
        """How often each size was timed."""
        return len(self.durations)

    @cached_property
    def medians(self) -> Any:
        """The seconds that a batch of each size took: the median over the rounds."""
        return _sealed(np.median(self.durations, axis=0))

    @property
    def rates(self) -> Any:
        """The requests a second that batches of each size come to, by the medians."""
        return self.sizes / self.medians

    @property
    def best(self) -> int:
        """The size, of those measured, at which the most requests a second are served."""
        return int(self.sizes[np.argmax(self.rates)])

    @property
    def speedup(self) -> float:
        """How many times the throughput of the smallest batch the best one has, as measured."""
        return float(np.max(self.rates) / self.rates[0])

    @property
    def pays(self) -> bool:
        """Whether batching is worth its waiting times: the speedup is 1.5 (`PAYS_FROM`) at least."""
        return self.speedup >= PAYS_FROM

    # --- by the line -------------------------------------------------------------------------------------

    @cached_property
    def _line(self) -> tuple[float, float]:
        return fit(self.sizes.astype(float), self.medians)

    @property
    def per_item(self) -> float:
        """a: the seconds that each request costs."""
        return self._line[0]

    @property
    def per_batch(self) -> float:
        """b: the seconds that each batch costs, however large. What batching saves."""
        return self._line[1]

    @property
    def fit_error(self) -> float:
        """The largest error of the line at a measured size, as a share: 0.25 is 25 % of the median."""
        return float(np.max(np.abs(self.duration(self.sizes) / self.medians - 1)))

    def duration(self, n: Any) -> Any:
        """Seconds for a batch of n, a·n + b; n is a number or an array of numbers above 0."""
        n = _positive(n)
        return self.per_item * n + self.per_batch

    def throughput(self, n: Any) -> Any:
        """Requests a second with batches of n, one after the other: n / (a·n + b)."""
        n = _positive(n)
        return n / (self.per_item * n + self.per_batch)

    @property
    def ceiling(self) -> float:
        """The requests a second that no batch exceeds, however large: 1/a. Infinite where a is 0."""
        return 1 / self.per_item if self.per_item else math.inf

    def size_for(self, share: float = 0.9) -> int:
        """The smallest batch that has this share of the ceiling, by the line: share/(1 - share)·b/a, rounded up.

        Beyond the sizes measured it is an extrapolation. ArgumentError: a is 0, and there is no ceiling.
        """
        share = real("share", share, 0.0, 1.0, "the ceiling")
        if not 0 < share < 1:
            refuse("share", "above 0 and below 1", share, "The ceiling itself is never reached.")
        wanted = share / (1 - share) * self.per_batch / self.per_item if self.per_item else math.inf
        if not math.isfinite(wanted):
            refuse("share", "of a ceiling, and these costs have none: a request more costs nothing", share)
        size = max(1, math.ceil(wanted))
        for near in (size - 1, size):  # 0.9/(1 - 0.9) is 9.000000000000002, which would round up to 10
            if near >= 1 and self.throughput(float(near)) >= share * self.ceiling:
                return near
        return size + 1

    # --- shown -------------------------------------------------------------------------------------------

    def describe(self) -> str:
        """The costs, and whether batching pays, in two sentences or three."""
        return cost_words.describe(self)

    def plot_throughput(self, ax: Axes | None = None) -> Axes:
        """Requests a second against the size of the batch: measured, by the line, and the ceiling."""
        return cost_plots.throughput(self, ax)

    def plot_duration(self, ax: Axes | None = None) -> Axes:
        """How long a batch takes against its size: the latency that each of its requests has at least."""
        return cost_plots.duration(self, ax)

    def plot(self, axes: Any = None) -> Any:
        """Both pictures side by side, on a pair of axes; returns the pair."""
        return cost_plots.both(self, axes)

    def to_frame(self) -> pd.DataFrame:
        """A row a size: size, median_s, throughput_per_s, and fitted_s, the duration by the line."""
        import pandas as pd  # noqa: PLC0415  - half a second, for those who want it

        columns = (self.sizes, self.medians, self.rates, self.duration(self.sizes))
        return pd.DataFrame(dict(zip(("size", "median_s", "throughput_per_s", "fitted_s"), columns, strict=True)))

    def __repr__(self) -> str:
        return cost_words.text_form(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, str], dict[str, Any]]:
        return cost_words.bundle(self)


def fit(n: Any, t: Any) -> tuple[float, float]:
    """(a, b), neither below 0, with the smallest sum of ((a·n + b - t)/t)². In closed form, so without LAPACK.

    Where the free line has one cost below 0, the best line lies on that border, for the sum is convex. So it is
    where the cost is 0 but for the rounding, which would make a ceiling of nothing.
    """
    weight = 1 / t**2
    centre = np.average(n, weights=weight)
    off = n - centre
    a = float(np.sum(weight * off * t) / np.sum(weight * off**2))
    b = float(np.average(t, weights=weight) - a * centre)
    nothing = ROUNDING * np.max(t)
    if a * np.max(n) <= nothing:
        return 0.0, float(np.sum(1 / t) / np.sum(weight))
    if b <= nothing:
        return float(np.sum(n / t) / np.sum((n / t) ** 2)), 0.0
    return a, b


def _sizes(value: Any) -> Any:
    rule = f"2 to {MOST:,} whole numbers from 1 to {LARGEST:,}, rising"
    sizes = _numbers("sizes", rule, value, "iu")
    if sizes.ndim != 1 or not 2 <= len(sizes) <= MOST or sizes[0] < 1 or sizes[-1] > LARGEST:
        refuse("sizes", rule, value)
    if not (sizes[1:] > sizes[:-1]).all():
        refuse("sizes", rule, value)
    return _sealed(sizes)


def _durations(value: Any, count: int) -> Any:
    rule = f"seconds from 1e-9 to 1e9, a row a round and a column for each of {count:,} sizes"
    durations = _numbers("durations", rule, value, "iuf").astype(float)
    if durations.ndim != 2 or not len(durations) or durations.shape[1] != count:
        refuse("durations", rule, value, f"The shape is {durations.shape}.")
    if not ((durations >= 1e-9) & (durations <= 1e9)).all():  # not so for NaN either
        refuse("durations", rule, value)
    return _sealed(durations)


def _sealed(array: Any) -> Any:
    """The array, which nobody can change any more."""
    array.flags.writeable = False
    return array


def _positive(value: Any) -> Any:
    rule = "a number above 0, or an array of them"
    numbers = _numbers("n", rule, value, "iuf").astype(float)
    if not (np.isfinite(numbers) & (numbers > 0)).all():
        refuse("n", rule, value)
    return numbers if numbers.ndim else float(numbers)


def _numbers(name: str, rule: str, value: Any, kinds: str) -> Any:
    """A copy of the value as an array, of one of NumPy's kinds."""
    try:
        numbers = np.array(value)
    except (TypeError, ValueError):  # rows of different lengths, say
        refuse(name, rule, value)
    if numbers.dtype.kind not in kinds:
        refuse(name, rule, value)
    return numbers
