"""The file of a durable server, opened in the thread that starts the server, so that its faults are raised there."""

from __future__ import annotations

import time
from collections.abc import Callable

from batchdemo.queues.committer import Committer
from batchdemo.queues.store import Row, Store

KEEP_REPLIES = 7 * 86_400.0  # seconds; older ones are dropped when a durable server starts
CLOSE_WITHIN = 5.0  # seconds for the disk


class QueueFile:
    """Opened at each start of a server, and closed at its end.

    `committer` writes to it, None while it is closed; `found` is what a server before this one accepted and did not
    finish.
    """

    def __init__(self, path: str, report: Callable[[str], None]) -> None:
        self.committer: Committer | None = None
        self.found: list[Row] = []
        self._path = path
        self._report = report

    def open(self) -> None:
        """QueueFileError: it cannot be used, and why."""
        self.close()  # where the server's thread ended by itself, and nobody stopped it
        store = Store(self._path)
        with store.transaction():  # replies to clients that never came back
            store.forget(time.time() - KEEP_REPLIES)
        self.found = store.unfinished()
        # Those that are accepted are bounded already, and what came of them must find a place.
        self.committer = Committer(store, max_pending=10_000_000)

    def close(self) -> None:
        """Write what waits, and give the file back. Harmless twice."""
        committer, self.committer = self.committer, None
        if committer is not None and not committer.close(CLOSE_WITHIN):
            self._report(f"the disk did not take what waited for it within {CLOSE_WITHIN:g} s")
