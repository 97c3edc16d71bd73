"""How far a prediction was from what was measured, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.arguments import refuse
from batchdemo.records import OUTCOMES
from batchdemo.runs.words import listed, seconds

if TYPE_CHECKING:
    from batchdemo.runs.run import Run

NEAR = 0.1  # of the interval: so near a prediction counts as right
NEAR_SECONDS = 0.5  # where no interval is known


def predictions(predicted: Any, count: int) -> Any:
    """The seconds as an array of `count`, NaN for what was left open; None where nothing was answered yet.

    An object that has not been answered says so by an attribute `answered` that is False.
    """
    if predicted is None or getattr(predicted, "answered", True) is False:
        return None
    rule = "a list of seconds, one a request"
    try:
        times = np.asarray(list(predicted), dtype=float)
    except (TypeError, ValueError):
        refuse("predicted", rule, predicted)
    if times.shape != (count,):
        refuse("predicted", rule, predicted, f"There are {count} requests, and {times.size} predictions.")
    if np.isinf(times).any():
        refuse("predicted", rule, predicted, "NaN leaves a request open.")
    return times


def gap(run: Run, predicted: Any) -> str:
    """Where the prediction was furthest off, by how much, and how many replies it was near.

    Near is within a tenth of the interval, or half a second where none is known. Only replies are compared:
    what was rejected or never answered is said apart.
    """
    times = predictions(predicted, len(run))
    if times is None or np.isnan(times).all():
        return "Nothing was predicted."
    said, both = ~np.isnan(times), comparable(run, times)
    parts = [_verdict(run, times, both), _missing(run.request_table.number[said & ~both])]
    if not said.all():
        parts.append(f"You predicted {said.sum():,} of {len(run):,}.")
    return " ".join(filter(None, parts))


def comparable(run: Run, times: Any) -> Any:
    """Which requests have both a prediction and a reply; a refusal is none."""
    table = run.request_table
    answered = np.isin(table.outcome, [OUTCOMES.index("served"), OUTCOMES.index("failed")])
    return answered & ~np.isnan(times) & ~np.isnan(table.received)


def _verdict(run: Run, times: Any, both: Any) -> str:
    """The comparison itself; empty where there is nothing to compare."""
    if not both.any():
        return ""
    table = run.request_table
    limit = NEAR_SECONDS if run.about.interval is None else NEAR * run.about.interval
    said, measured = times[both], table.received[both]
    off = np.abs(said - measured)
    count, near, at = len(off), int((off <= limit).sum()), int(off.argmax())
    if near == count:
        return f"Your prediction fits: {'every' if count > 1 else 'the'} reply within {seconds(off[at])} of it."
    digits = max(0, -math.floor(math.log10(limit)))  # as many as it takes to see the limit
    furthest = f"#{table.number[both][at]}: {said[at]:.{digits}f} s said, {measured[at]:.{digits}f} s measured"
    replies = "replies lie" if count > 1 else "reply lies"
    return f"Your prediction is furthest off at {furthest}; {near:,} of {count:,} {replies} within {limit:.2g} s of it."


def _missing(numbers: Any) -> str:
    """Who was predicted and has no reply to hold it against."""
    return f"No reply to compare with: {listed(numbers)}." if len(numbers) else ""
