"""How long a handler takes: a·n + b, a function, a distribution, what was measured; as one function of n."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from batchdemo.arguments import real, refuse
from batchdemo.prediction.costs import Costs

Service = Callable[[int], float]
RULE = "seconds, (a, b) for a·n + b, a function of n, a distribution, Costs, or a Run with handled batches"


def service_of(given: Any, dice: np.random.Generator) -> Service | None:
    """The seconds that a batch of n takes, as a function of n; None where no batch ever takes any.

    given   seconds for every batch; (a, b), for a·n + b; a function of n, or of n and a numpy Generator; an
            object with `rvs(random_state=…)`, as SciPy's distributions; `Costs`, by their line; a `Run`, whose
            batches are drawn from, those of the same size where there are any
    """
    if isinstance(given, Costs):
        return _line(given.per_item, given.per_batch)
    if isinstance(given, tuple):
        if len(given) != 2:
            refuse("service", RULE, given)
        a, b = (real(f"service[{at}]", value, 0.0, 1e9, "seconds") for at, value in enumerate(given))
        return _line(a, b)
    if hasattr(given, "batch_table"):
        return _measured(given, dice)
    if hasattr(given, "rvs"):
        return _safe(lambda n: given.rvs(random_state=dice))
    if callable(given):
        return _safe(lambda n: given(n, dice)) if _takes_two(given) else _safe(given)
    return _line(0.0, real("service", given, 0.0, 1e9, "seconds", f"It may be {RULE}."))


def _line(a: float, b: float) -> Service | None:
    if a == b == 0.0:
        return None
    return lambda n: a * n + b


def _takes_two(function: Any) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return sum(each.default is each.empty and each.kind in (0, 1) for each in parameters) == 2


def _safe(function: Any) -> Service:
    def seconds(n: int) -> float:
        took = function(n)
        try:
            value = float(took)
        except (TypeError, ValueError):
            value = math.nan
        if not 0.0 <= value < math.inf:
            refuse("service", "a function that gives seconds from 0 on", took, f"It gave that for a batch of {n}.")
        return value

    return seconds


def _measured(run: Any, dice: np.random.Generator) -> Service:
    table = run.batch_table
    seen = np.isfinite(table.duration)
    if not seen.any():
        refuse(
            "service", "a run whose batches have a duration", run.describe(),
            "The column duration is empty: the run was seen from outside.",
        )  # fmt: skip
    sizes, durations = table.size[seen], table.duration[seen]
    of = {int(size): durations[sizes == size] for size in np.unique(sizes)}
    known = np.array(sorted(of))

    def seconds(n: int) -> float:
        near = of.get(n)
        if near is None:  # no batch of this size was seen: one of the nearest size stands in
            near = of[int(known[np.abs(known - n).argmin()])]
        return float(near[dice.integers(len(near))])

    return seconds
