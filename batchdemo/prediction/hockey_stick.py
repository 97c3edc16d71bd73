"""The hockey stick: waiting time against utilisation, by theory, by simulation, and as measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.arguments import real, refuse, whole
from batchdemo.policies import FixedInterval
from batchdemo.prediction import arrivals, theory
from batchdemo.prediction.simulating import simulate
from batchdemo.runs.figure import describe, new_axes
from batchdemo.runs.figure import title as say
from batchdemo.runs.plots import COLOURS
from batchdemo.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOADS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95)
LINE = np.linspace(0.02, 0.97, 80)


def plot_waiting_time(
    max_batch_size: int = 5,
    interval: float = 5.0,
    *,
    loads: Sequence[float] = LOADS,
    requests: int = 2_000,
    replications: int = 20,
    measured: Mapping[float, Run] | None = None,
    seed: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Mean waiting time of Poisson arrivals, in seconds, against the utilisation ρ = λT/B. Returns the axes.

    loads         the utilisations that are simulated, each below 1
    requests      in each replication, of which the first tenth, while the queue fills, is left out
    replications  over which the band is drawn: nine tenths of them lie in it
    measured      runs of a real server with this size and interval, by the utilisation at which they were made
    """
    size = whole("max_batch_size", max_batch_size, 1, 200)
    interval = real("interval", interval, 0.001, 86_400, "seconds")
    checked = [real(f"loads[{at}]", load, 0.001, 0.99, "the capacity") for at, load in enumerate(loads)]
    if not checked:
        refuse("loads", "one utilisation at least", loads)
    requests, replications = whole("requests", requests, 10, 10**7), whole("replications", replications, 2, 10_000)
    ax = new_axes() if ax is None else ax
    line = [theory.fixed_interval(load * size / interval, size, interval).mean_waiting_time for load in LINE]
    means = simulated(size, interval, checked, requests, replications, seed)
    low, high = np.quantile(means, (0.05, 0.95), axis=1)
    ax.fill_between(
        checked, low, high, color=COLOURS[4], alpha=0.5, label=f"simulated, nine tenths of {replications} runs"
    )
    ax.plot(checked, means.mean(axis=1), "s", color=COLOURS[0], ms=5, label="simulated, mean")
    ax.plot(LINE, line, color=COLOURS[5], lw=1.8, label="theory (Bailey 1954)")
    dots = _dots(measured)
    if dots:
        ax.plot(*zip(*dots, strict=True), "D", color="black", ms=7, label="measured on a real server")
    ax.axhline(interval / 2, color="#767676", lw=0.9, ls=":", label=f"half an interval, {interval / 2:g} s")
    ax.set_xlabel("utilisation ρ = λT / B (share of the places that are taken)")
    ax.set_ylabel("mean waiting time (s)")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.15 * max(line[-1], *(wait for _, wait in dots), 0.0) if dots else 1.15 * line[-1])
    ax.legend(loc="upper left", fontsize=9)
    sentence = _sentence(size, interval, dots)
    say(ax, sentence)
    describe(ax, sentence)
    return ax


def simulated(size: int, interval: float, loads: Sequence[float], requests: int, replications: int, seed: int) -> Any:
    """The mean waiting times, loads × replications, in seconds, each after its first tenth."""
    dice = np.random.default_rng(seed)
    means = np.empty((len(loads), replications))
    for row, load in enumerate(loads):
        for column in range(replications):
            run = simulate(FixedInterval(size, interval), arrivals.poisson(load * size / interval, requests, seed=dice))
            table = run.request_table
            means[row, column] = (table.released - table.arrived)[requests // 10 :].mean()
    return means


def _dots(measured: Mapping[float, Run] | None) -> list[tuple[float, float]]:
    if measured is None:
        return []
    if not isinstance(measured, Mapping):
        refuse("measured", "runs by utilisation, in a dict", measured)
    dots = []
    for load, run in measured.items():
        if not isinstance(run, Run):
            refuse(f"measured[{load}]", "a run", run)
        dots.append((real("measured", load, 0.0, 1.0, "the capacity"), run.summary()["waiting_time_mean_s"]))
    return sorted(dots)


def _sentence(size: int, interval: float, dots: list[tuple[float, float]]) -> str:
    at = [theory.fixed_interval(load * size / interval, size, interval).mean_waiting_time for load in (0.5, 0.9)]
    said = (
        f"Up to {size} every {interval:g} s: the mean wait is {at[0]:.3g} s at half load, {at[1]:.3g} s at nine "
        "tenths, and grows without bound towards 1."
    )
    if dots:
        said += " Measured: " + ", ".join(f"{wait:.3g} s at {load:.2g}" for load, wait in dots) + "."
    return said
