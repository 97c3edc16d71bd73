"""When requests come, and from whom: a burst, a rate, an on and off of rates, or what was recorded.

Each function returns `Arrivals`: seconds in rising order, and a client number for each. Wherever arrivals are
taken, a plain array of seconds will do as well.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.arguments import real, refuse, whole

if TYPE_CHECKING:
    from batchdemo.runs import Run

MOST = 100_000_000  # requests in one simulation
RATES = (1e-9, 1e9)


@dataclass(frozen=True, eq=False)
class Arrivals:
    """Requests to come. `times`: seconds from 0 on, rising; `clients`: a number from 1, one a request."""

    times: Any
    clients: Any
    name: str = "arrivals"

    def __post_init__(self) -> None:
        times = checked(self.times)
        clients = np.asarray(self.clients)
        if clients.shape != times.shape or clients.dtype.kind not in "iu" or (len(clients) and clients.min() < 1):
            refuse("clients", "whole numbers from 1, one a request", self.clients)
        object.__setattr__(self, "times", times)  # as one may, of a frozen class
        object.__setattr__(self, "clients", clients.astype(np.int64))

    def __len__(self) -> int:
        return len(self.times)

    def __iter__(self) -> Iterator[float]:
        return iter(self.times.tolist())

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self.times, dtype=dtype) if copy else np.asarray(self.times, dtype=dtype)

    @property
    def rate(self) -> float:
        """Requests a second from the first to the last; NaN for fewer than two, infinite for a burst."""
        if len(self) < 2:
            return math.nan
        span = float(self.times[-1] - self.times[0])
        return (len(self) - 1) / span if span else math.inf

    def __repr__(self) -> str:
        clients = len(np.unique(self.clients))
        of = "" if clients == 1 else f" of {clients:,} clients"
        if len(self) and self.times[0] == self.times[-1]:
            return f"{self.name}: {len(self):,} requests{of}, all at {self.times[0]:g} s"
        return f"{self.name}: {len(self):,} requests{of} in {self.times[-1]:.4g} s, {self.rate:.4g} a second"


def checked(times: Any) -> Any:
    """The times as an array, or the error that says what arrivals are."""
    rule = "seconds from 0 on, in rising order, one a request"
    try:
        array = np.asarray(times if hasattr(times, "__array__") else list(times), dtype=float)
    except (TypeError, ValueError):
        refuse("arrivals", rule, times)
    if array.ndim != 1 or not 1 <= len(array) <= MOST:
        refuse("arrivals", rule, times, f"There must be 1 to {MOST:,} of them; these have the shape {array.shape}.")
    if not np.isfinite(array).all():
        at = int(np.flatnonzero(~np.isfinite(array))[0])
        refuse("arrivals", rule, times, f"Number {at + 1} is {array[at]}.")
    if array[0] < 0:
        refuse("arrivals", rule, times, f"The first is {array[0]:g}.")
    falls = np.flatnonzero(np.diff(array) < 0)
    if len(falls):
        at = int(falls[0])
        refuse("arrivals", rule, times, f"Number {at + 2} comes before number {at + 1}; sort them.")
    return array


def taken(arrivals: Any) -> Arrivals:
    """Arrivals as they are, or a plain array of seconds as those of one client."""
    if isinstance(arrivals, Arrivals):
        return arrivals
    times = checked(arrivals)
    return Arrivals(times, np.ones(len(times), dtype=np.int64), "given times")


def burst(n: int, *, at: float = 0.0, clients: int = 1) -> Arrivals:
    """n requests at one instant: the tutorial's experiment."""
    n = whole("n", n, 1, MOST)
    return _dealt(np.full(n, real("at", at, 0.0, 1e9, "seconds")), clients, f"a burst of {n:,}")


def constant(rate: float, n: int, *, clients: int = 1) -> Arrivals:
    """n requests, one every 1/rate seconds, the first after one such gap."""
    rate, n = real("rate", rate, *RATES, "requests a second"), whole("n", n, 1, MOST)
    return _dealt(np.arange(1, n + 1) / rate, clients, f"constant {rate:g}/s")


def poisson(rate: float, n: int, *, seed: Any = None, clients: int = 1) -> Arrivals:
    """n requests of a Poisson process: gaps are independent and exponential, of mean 1/rate seconds."""
    rate, n = real("rate", rate, *RATES, "requests a second"), whole("n", n, 1, MOST)
    return _dealt(np.cumsum(generator(seed).exponential(1 / rate, n)), clients, f"Poisson {rate:g}/s")


def periodic(rate: float, n: int, *, period: float, swing: float = 1.0, seed: Any = None, clients: int = 1) -> Arrivals:
    """A Poisson process whose rate goes up and down, rate·(1 + swing·sin(2πt/period)): day and night.

    `period` in seconds; `swing` from 0, no change, to 1, down to nothing and up to twice the rate. By thinning
    (Lewis and Shedler, 1979).
    """
    rate, n = real("rate", rate, *RATES, "requests a second"), whole("n", n, 1, MOST)
    period = real("period", period, 1e-9, 1e9, "seconds")
    swing, dice = real("swing", swing, 0.0, 1.0, "the rate"), generator(seed)
    kept: list[Any] = []
    now, count = 0.0, 0
    while count < n:
        times = now + np.cumsum(dice.exponential(1 / (rate * (1 + swing)), max(1024, n)))
        now = float(times[-1])
        chance = (1 + swing * np.sin(2 * np.pi * times / period)) / (1 + swing)
        kept.append(times[dice.random(len(times)) < chance])
        count += len(kept[-1])
    return _dealt(np.concatenate(kept)[:n], clients, f"periodic {rate:g}/s")


def bursty(rate: float, n: int, *, on: float, off: float, seed: Any = None, clients: int = 1) -> Arrivals:
    """On and off: Poisson at `rate` while on, nothing while off; both last exponentially long, means in seconds.

    The mean rate is rate·on/(on + off). The process begins at the start of an "on".
    """
    rate, n = real("rate", rate, *RATES, "requests a second"), whole("n", n, 1, MOST)
    on, off = real("on", on, 1e-9, 1e9, "seconds"), real("off", off, 0.0, 1e9, "seconds")
    dice = generator(seed)
    busy = np.cumsum(dice.exponential(1 / rate, n))  # on a clock that runs only while on
    ends = np.cumsum(dice.exponential(on, max(16, int(2 * busy[-1] / on) + 16)))
    while ends[-1] < busy[-1]:
        ends = np.concatenate([ends, ends[-1] + np.cumsum(dice.exponential(on, len(ends)))])
    pauses = np.concatenate([[0.0], np.cumsum(dice.exponential(off, len(ends)) if off else np.zeros(len(ends)))])
    return _dealt(busy + pauses[np.searchsorted(ends, busy)], clients, f"bursty {rate:g}/s")


def recorded(source: Run | str | PathLike[str]) -> Arrivals:
    """Those of a `Run`, as they came to the server, or of a CSV file with a column `arrived` or `sent`, in seconds.

    A run of a foreign server knows only when requests were sent: those times stand in, and the name says so. A
    column `client` is used where there is one.
    """
    if isinstance(source, (str, PathLike)):
        columns, name = _read(Path(source)), Path(source).name
    elif hasattr(source, "request_table"):
        columns, name = source.columns, "recorded"
    else:
        refuse("source", "a run or the path of a CSV file", source)
    times, which = _first_seen(columns, source)
    order = np.argsort(times, kind="stable")
    clients = np.asarray(columns.get("client", np.ones(len(times))), dtype=np.int64)
    return Arrivals(times[order] - min(0.0, float(times.min())), clients[order], f"{name} ({which})")


def _first_seen(columns: Any, source: Any) -> tuple[Any, str]:
    for which in ("arrived", "sent"):
        times = np.asarray(columns.get(which, []), dtype=float)
        if len(times) and np.isfinite(times).all():
            return times, which
    got = {
        name: int(np.isfinite(np.asarray(columns[name], float)).sum())
        for name in ("arrived", "sent")
        if name in columns
    }
    refuse(
        "source",
        "a record with the column arrived or sent in every row",
        source,
        f"Rows that have it: {got or 'none'}.",
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        refuse("source", "a file that can be read", str(path), f"{error.strerror or error}.")
    except UnicodeDecodeError:
        refuse("source", "a CSV file in UTF-8", str(path))
    wanted = [name for name in ("arrived", "sent", "client") if rows and name in rows[0]]
    try:
        return {name: np.array([float(row[name] or "nan") for row in rows]) for name in wanted}
    except (TypeError, ValueError) as error:
        refuse("source", "a CSV file of seconds in the column arrived or sent", str(path), f"{error}.")


def generator(seed: Any) -> np.random.Generator:
    """A generator from a seed, or the one that was given."""
    if isinstance(seed, np.random.Generator):
        return seed
    if seed is not None:
        whole("seed", seed, 0, 2**128, "Or give a numpy.random.Generator.")
    return np.random.default_rng(seed)


def _dealt(times: Any, clients: int, name: str) -> Arrivals:
    """Dealt round over the clients, as `bd.send` does."""
    clients = whole("clients", clients, 1, 1_000_000)
    return Arrivals(times, np.arange(len(times)) % clients + 1, name)
