"""What the server remembers: the last requests, batches and ticks, in rings of a fixed length."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from batchdemo.records import TickRecord

if TYPE_CHECKING:
    from batchdemo.live.batcher import Batch, Request


class Recorder:
    """Three rings of `log_size`. Appended to by the server's thread, copied by whoever asks.

    `list(deque)` is one C call under CPython's lock, so a copy never meets a half-made change.
    """

    def __init__(self, log_size: int) -> None:
        self.requests: deque[Request] = deque(maxlen=log_size)
        self.batches: deque[Batch] = deque(maxlen=log_size)
        self.ticks: deque[TickRecord] = deque(maxlen=log_size)

    def requests_of(self, client_ids: set[str]) -> list[Request]:
        """The requests of these clients, in the order of their arrival."""
        return [request for request in list(self.requests) if request.client_id in client_ids]
