"""Batches of a server that says nothing of them, read from the gaps between its replies."""

from __future__ import annotations

from typing import Any

import numpy as np

SAME = 1e-3  # seconds; replies closer together than this are taken to have left together
CLEAR = 4.0  # how many times longer than the gaps within batches the gaps between them must be


def infer_batches(received: Any) -> Any:
    """The batch, from 1, of each reply; 0 where `received` (seconds) is NaN.

    The gaps between successive replies fall into short ones within a batch and long ones between batches.
    They are parted where the sorted gaps jump by the greatest ratio, if it is a clear one; if none is, each
    reply stands alone unless all came together.
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
    if not len(ordered) or ordered[-1] == SAME:
        return SAME
    ratios = ordered[1:] / ordered[:-1]
    if len(ratios) and ratios.max() >= CLEAR:
        at = int(ratios.argmax())
        return float(np.sqrt(ordered[at] * ordered[at + 1]))
    # No two kinds of gaps: all of them are gaps between batches, as all are longer than SAME or about it.
    return SAME
