"""When a request left the queue, whether or not it was served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.records import OUTCOMES

if TYPE_CHECKING:
    from batchdemo.runs.run import Run


def left_queue(run: Run) -> Any:
    """Seconds at which each left the queue: in a batch, or refused or expired; NaN where nobody saw it leave.

    One that was refused at the door left as it came; one that was dropped for a newer one had waited.
    """
    table = run.request_table
    told = np.where(
        np.isnan(table.replied) & (table.outcome == OUTCOMES.index("expired")), table.received, table.replied
    )
    unserved = np.isin(table.outcome, [OUTCOMES.index(word) for word in ("rejected", "expired")])
    return np.where(np.isnan(table.released) & unserved, told, table.released)
