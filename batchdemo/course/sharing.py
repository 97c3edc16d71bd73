"""Traffic in which the clients send at different rates, and who got what of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from batchdemo.arguments import real, refuse

if TYPE_CHECKING:
    from batchdemo.prediction.arrivals import Arrivals
    from batchdemo.runs.run import Run

MOST = 10_000  # requests of a lesson
GOLDEN = (5**0.5 - 1) / 2  # its multiples, modulo 1, are never the same and nowhere crowded


def crowd(rates: Sequence[float], seconds: float, *, seed: Any = None) -> Arrivals:
    """Traffic for `seconds`: client 1 sends at the first of these rates, in requests a second, client 2 at the second.

    Without a seed each client sends evenly, and no two at one time; with one, as a Poisson process of its rate.
    """
    import numpy as np  # noqa: PLC0415

    from batchdemo.prediction.arrivals import Arrivals, generator  # noqa: PLC0415  - for this lesson alone

    rates = [real("a rate", rate, 0.01, 1e6, "requests a second") for rate in rates]
    seconds = real("seconds", seconds, 0.01, 100_000, "of traffic")
    if not rates or sum(rates) * seconds > MOST:
        refuse("rates", f"one or more, and no more than {MOST:,} requests in all", rates)
    dice = generator(seed)
    times = []
    for client, rate in enumerate(rates, 1):
        count = max(1, round(rate * seconds)) if seed is None else dice.poisson(rate * seconds)
        places = np.arange(count) + client * GOLDEN % 1
        times.append(places / rate if seed is None else np.sort(dice.uniform(0, seconds, count)))
    clients = np.repeat(np.arange(1, len(rates) + 1), [len(own) for own in times])
    order = np.argsort(np.concatenate(times), kind="stable")
    return Arrivals(np.concatenate(times)[order], clients[order], "a crowd")


def served_by(run: Run, seconds: float) -> list[int]:
    """Of each client, how many requests had left the queue to be served by then."""
    import numpy as np  # noqa: PLC0415

    table = run.request_table
    left = table.client[table.released <= seconds]
    return [int((left == client).sum()) for client in np.unique(table.client)]
