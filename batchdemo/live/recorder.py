"""What the server remembers: the last requests, batches and ticks, in rings of a fixed length."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from batchdemo.records import BatchRecord, TickRecord

if TYPE_CHECKING:
    from batchdemo.live.requests import Batch, Request


class Seen(NamedTuple):
    """What the server knows of a request: numbers and words alone, so that it can be sent from a process."""

    client_id: str
    at: int  # among the messages of its connection, from 0
    arrived: float
    batch: int  # 0: in none
    position: int
    outcome: str
    ended: float  # when it was refused or given up; NaN where it was not


class Answered(NamedTuple):
    """A batch, and when its replies were handed over; NaN where they were not."""

    record: BatchRecord
    replied: float


class Recorder:
    """Three rings of `log_size`. Appended to by the server's thread, copied by whoever asks.

    `list(deque)` is one C call under CPython's lock, so a copy never meets a half-made change.
    """

    def __init__(self, log_size: int) -> None:
        self.requests: deque[Request] = deque(maxlen=log_size)
        self.batches: deque[Batch] = deque(maxlen=log_size)
        self.ticks: deque[TickRecord] = deque(maxlen=log_size)

    def seen(self, client_ids: set[str]) -> tuple[list[Seen], dict[int, Answered], list[TickRecord]]:
        """The requests of these clients in the order of their arrival, their batches, and all ticks."""
        requests: list[Seen] = []
        batches: dict[int, Answered] = {}
        for request in list(self.requests):
            if request.client_id in client_ids:
                batch = request.batch
                number = 0 if batch is None else batch.record.batch
                if batch is not None:
                    batches[number] = Answered(batch.record, batch.replied)
                requests.append(Seen(request.client_id, request.index, request.arrived, number, request.position,
                                     request.outcome, request.ended))  # fmt: skip
        return requests, batches, list(self.ticks)
