"""A full server on virtual time, and those it refuses, who come again: what one rule of coming again costs."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Rule = Callable[[int, "float | None", random.Random], "float | None"]

ROUND_TRIP = 0.05  # seconds from a try to the next, at the least: the refusal has to come back first
LATEST = 3_600.0  # seconds


class Knocks(NamedTuple):
    """When somebody tried, when the server was full for it, when each was served; and how many gave up."""

    tries: list[float]
    refused: list[float]
    served: list[float]
    gave_up: int

    def __str__(self) -> str:
        last = f"the last at {max(self.served):g} s" if self.served else "none"
        return (
            f"{len(self.tries):,} tries, {len(self.refused):,} of them refused; {len(self.served):,} served, {last}; "
            f"{self.gave_up:,} gave up"
        )


def knock(rule: Rule, *, clients: int = 60, size: int = 5, interval: float = 5.0, places: int = 20,
          spread: bool = True, seed: int = 0) -> Knocks:  # fmt: skip
    """All come within the first second, one request each; who is refused comes again when `rule` says so.

    rule       (tried, retry_after, dice) -> seconds to wait, or None to give up; as in exercise ex08_4
    clients    how many come
    size, interval, places   of the server: up to `size` every `interval` s, and `places` in its queue
    spread     whether the server tells those it refuses different times, as ours does, or the next tick to all
    seed       of the clients' dice
    """
    dice = random.Random(seed)  # noqa: S311  - jitter is no secret
    number = count().__next__
    # Ticks come before tries of the same moment, and first come is first served among these.
    events = [(client / clients, 1, number(), 0) for client in range(clients)]
    events.append((interval, 0, -1, 0))
    events.sort()
    tries: list[float] = []
    refused: list[float] = []
    served: list[float] = []
    waiting, gave_up, since = 0, 0, 0  # since: refusals since the last tick
    while len(served) + gave_up < clients and events[0][0] <= LATEST:
        now, is_try, _, tried = heappop(events)
        if not is_try:
            served += [now] * min(waiting, size)
            waiting, since = max(0, waiting - size), 0
            heappush(events, (interval * (round(now / interval) + 1), 0, -1, 0))
            continue
        tries.append(now)
        if waiting < places:
            waiting += 1
            continue
        refused.append(now)
        to_tick = interval * (math.floor(now / interval) + 1) - now
        later = since // size * interval if spread else 0.0  # one tick for every `size` who were told so before
        wait = rule(tried + 1, to_tick + later, dice)
        since += 1
        if wait is None:
            gave_up += 1
        else:
            heappush(events, (now + max(wait, ROUND_TRIP), 1, number(), tried + 1))
    return Knocks(tries, refused, served, gave_up)


def plot_knocks(knocks: Knocks, ax: Axes | None = None, name: str = "") -> Axes:
    """Tries in each second, and those among them that were refused."""
    import numpy as np  # noqa: PLC0415  - for those who draw

    from batchdemo.runs.figure import describe, new_axes, title  # noqa: PLC0415
    from batchdemo.runs.plots import COLOURS  # noqa: PLC0415

    ax = new_axes() if ax is None else ax
    last = math.ceil(max(knocks.tries, default=0.0)) + 1
    edges = np.arange(last + 1)
    seconds = edges[:-1]
    every, full = (np.histogram(when, edges)[0] for when in (knocks.tries, knocks.refused))
    ax.bar(
        seconds, every, 1.0, align="edge", color=COLOURS[0], label=f"let in: {len(knocks.tries) - int(full.sum()):,}"
    )
    ax.bar(seconds, full, 1.0, align="edge", color=COLOURS[5], hatch="///", edgecolor="white", lw=0,
           label=f"refused: {int(full.sum()):,}")  # fmt: skip
    sentence = f"{name}{': ' if name else ''}{knocks}. At most {int(every.max(initial=0)):,} tries in a second."
    title(ax, sentence)
    describe(ax, sentence)
    ax.set_xlabel("time (s)")
    ax.set_ylabel("tries in each second")
    ax.set_xlim(left=0)
    ax.legend(loc="best", fontsize=9)
    return ax
