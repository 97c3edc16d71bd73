"""The rows of the one record: what happened to a request, what a batch was, when a tick ran.

Every world (live, simulated, replayed, somebody else's server) fills these same rows. Times are float
seconds since the run began, on a monotonic clock; a time that nobody saw is NaN, never invented.
"""

from __future__ import annotations

from typing import NamedTuple

OUTCOMES = ("served", "rejected", "expired", "cancelled", "failed", "unknown")
"""How a request can end. `unknown`: no reply was seen, which does not mean that it was not served."""

REASONS = ("tick", "full", "timeout", "idle", "deadline", "drain", "unknown")
"""Why a batch left. `unknown` where the batch was inferred from the outside."""


class RequestRecord(NamedTuple):
    """One request, from the client that sent it to the reply that came back."""

    number: int  # the number it carried, unique within a run
    client: int  # which client sent it, from 1
    sent: float  # handed to the client's socket
    arrived: float  # taken into the server's queue
    released: float  # left the queue, in a batch
    replied: float  # its reply handed to the server's socket
    received: float  # its reply read by the client
    batch: int  # its batch, from 1; 0 where it was in none that was seen
    position: int  # its place in the batch, from 1; 0 likewise
    outcome: str  # one of OUTCOMES


class BatchRecord(NamedTuple):
    """One batch, as it left the queue."""

    batch: int  # from 1
    released: float  # when it left
    size: int  # requests in it, of whichever client
    reason: str  # one of REASONS
    waiting_before: int  # queue length just before it left, itself included; -1 where nobody saw
    waiting_after: int  # queue length just after; -1 likewise
    clients: int  # different clients in it
    duration: float  # seconds the handler took


class TickRecord(NamedTuple):
    """One tick of the clock, whether or not a batch left at it."""

    due: float  # its place on the grid t0 + k T
    ran: float  # when it really ran
