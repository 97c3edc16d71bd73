"""Batches of a server that says nothing of them, read from the gaps between its replies."""

from __future__ import annotations

from typing import Any

import numpy as np

SAME = 1e-3  # seconds; replies closer together than this are taken to have left together
CLEAR = 4.0  # how many times longer than the gaps within batches the gaps between them must be
HICCUP = 0.02  # seconds; a longer gap than this is never put down to a busy machine


def infer_batches(received: Any) -> Any:
    """The batch, from 1, of each reply; 0 where `received` (seconds) is NaN.

    The gaps between successive replies fall into short ones within a batch and long ones between batches.
    They are parted where the sorted gaps first jump by a clear ratio: not at the greatest one, since a pause
    of minutes would hide intervals of milliseconds. Short gaps that are outnumbered by longer ones are
    hiccups within batches. Where nothing jumps, each reply stands alone unless all came together.
    """
    received = np.asarray(received, dtype=float)
    batch = np.zeros(len(received), dtype=np.int64)
    seen = np.flatnonzero(~np.isnan(received))
    if not len(seen):
        return batch
    order = seen[np.argsort(received[seen], kind="stable")]
    gaps = np.diff(received[order])
    batch[order] = 1 + np.concatenate([[0], np.cumsum(gaps > _threshold(gaps))])
    return batch


def _threshold(gaps: Any) -> float:
    ordered = np.maximum(np.sort(gaps), SAME)
    jumps = np.flatnonzero(ordered[1:] / ordered[:-1] >= CLEAR)
    for below, last in zip(jumps, np.append(jumps, len(gaps) - 1)[1:], strict=True):
        alike, longer = last - below, len(gaps) - 1 - last  # gaps just above the jump, and above the next one
        if ordered[last] > HICCUP or alike > longer:
            return float(np.sqrt(ordered[below] * ordered[below + 1]))
    # One kind of gaps: all of them are gaps between batches, as all are longer than SAME or about it.
    return SAME
