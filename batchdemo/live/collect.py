"""From a conversation, and the server's own log where there is one, to the one record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import numpy as np

from batchdemo.live.conversation import Conversation
from batchdemo.live.lives import numbered
from batchdemo.live.matching import Ledger
from batchdemo.live.server import Server
from batchdemo.policies import named
from batchdemo.records import REASONS, BatchRecord, RequestRecord
from batchdemo.runs import table
from batchdemo.runs.inference import infer_batches
from batchdemo.runs.run import About, Run
from batchdemo.runs.table import Table

FROM_LOG = "the server's log"
FROM_JSON = "the replies' JSON"
FROM_GAPS = "gaps between the replies"


class Talk(Protocol):
    """What a run can be made of: a `Conversation`, or what a lasting `Client` has heard."""

    @property
    def ledger(self) -> Ledger:
        """What was sent and what came back."""
        ...

    @property
    def as_json(self) -> bool:
        """Whether the server spoke the JSON wire."""
        ...

    @property
    def notes(self) -> list[str]:
        """What a reader of the table should know."""
        ...


def collect(talk: Talk, server: Server | None, wire_ids: Sequence[int | str], began: datetime) -> Run:
    """The run of a conversation with `server`, or with a server that nobody here knows.

    The log of a server holds one life of it, so what a lasting client went through is told by the replies.
    """
    ledger = talk.ledger
    count = len(ledger.numbers)
    columns: dict[str, Any] = {
        "number": ledger.numbers,
        "client": ledger.owners,
        "sent": ledger.sent,
        **{name: np.full(count, math.nan) for name in ("arrived", "released", "replied")},
        "received": ledger.received,
        "batch": [numbered(reply.life, reply.batch) if reply else 0 for reply in ledger.replies],
        "position": [reply.position if reply else 0 for reply in ledger.replies],
        "outcome": [reply.outcome if reply else "unknown" for reply in ledger.replies],
    }
    notes = list(talk.notes)
    policy = None if server is None else server.policy
    ticks: list[tuple[float, float]] = []
    if server is not None and isinstance(talk, Conversation):
        (batches, ticks), source = _from_log(columns, server, wire_ids, talk, notes), FROM_LOG
    elif talk.as_json:
        batches, source = _from_json(columns, talk), FROM_JSON
    else:
        batches, source = _from_gaps(columns), FROM_GAPS
    about = About(
        world="remote" if server is None else "live",
        batches_from=source,
        policy="" if policy is None else named(policy),
        max_batch_size=getattr(policy, "max_batch_size", None),
        interval=getattr(policy, "interval", None),
        began=began.isoformat(timespec="milliseconds"),
        by_order=ledger.by_order,
        notes=tuple(notes),
    )
    return Run(about, Table(RequestRecord, columns), batches, table.ticks(ticks), tuple(ledger.strays))


def _renumber(columns: dict[str, Any]) -> dict[int, int]:
    """Number the run's batches from 1: the server's own count may have begun long before."""
    batch = np.asarray(columns["batch"], dtype=np.int64)
    ours = {int(old): new for new, old in enumerate(np.unique(batch[batch > 0]), 1)}
    columns["batch"] = [ours.get(int(old), 0) for old in batch]
    return ours


def _from_log(
    columns: dict[str, Any], server: Server, wire_ids: Sequence[int | str], talk: Conversation, notes: list[str]
) -> tuple[Table, list[tuple[float, float]]]:
    """Fill in what the server saw. The k-th message that a client sent is the k-th that its connection took.

    Of one that was sent again after a refusal, the last try is what counts. Returns the batches and the ticks.
    """
    shift = server.began - talk.began
    clients = {str(wire_id): client for client, wire_id in enumerate(wire_ids, 1)}
    known, batches, ticks = server.seen(set(clients))
    logged = [request for request in known if request.arrived + shift >= 0]  # else of the same name, before this run
    for request in logged:
        row = talk.order[clients[request.client_id]][request.at]
        columns["arrived"][row] = request.arrived + shift
        if columns["outcome"][row] != "unknown":
            columns["outcome"][row] = request.outcome  # a handler may answer "Failed: …" and mean it
        if not request.batch:
            columns["replied"][row] = request.ended + shift
        else:
            record, replied = batches[request.batch]
            columns["released"][row] = record.released + shift
            columns["replied"][row] = replied + shift
            columns["batch"][row] = request.batch
            columns["position"][row] = request.position
    if len(logged) < sum(len(rows) for rows in talk.order.values()):
        notes.append(f"The server's log holds {len(logged):,} of the requests: its log_size is {server.log_size:,}.")
    new = _renumber(columns)
    rows = [
        batches[old].record._replace(batch=number, released=batches[old].record.released + shift)
        for old, number in new.items()
    ]
    seen = [(due + shift, ran + shift) for due, ran in ticks if 0 <= ran + shift <= talk.ended]
    return table.batches(rows), seen


def _from_json(columns: dict[str, Any], talk: Talk) -> Table:
    replies = [reply for reply in talk.ledger.replies if reply]
    replies.sort(key=lambda reply: reply.reason != "unknown")  # what came from a file tells no reason, the others do
    reasons = {numbered(reply.life, reply.batch): reply.reason for reply in replies}
    new = _renumber(columns)
    old = {number: batch for batch, number in new.items()}
    return _seen_batches(columns, lambda number: reasons[old[number]])


def _from_gaps(columns: dict[str, Any]) -> Table:
    # A refusal comes at once and for itself: it is in no batch, and would pass for one of its own.
    taken = np.isin(columns["outcome"], ("served", "failed"))
    columns["batch"] = infer_batches(np.where(taken, columns["received"], math.nan))
    columns["position"] = np.zeros(len(columns["batch"]), dtype=np.int64)
    return _seen_batches(columns, lambda number: "unknown")


def _seen_batches(columns: dict[str, Any], reason: Any) -> Table:
    """Batches as the client saw them: `released` is when the first reply was received."""
    batch, received, client = (np.asarray(columns[name]) for name in ("batch", "received", "client"))
    rows = []
    for number in np.unique(batch[batch > 0]):
        mine = np.flatnonzero(batch == number)
        order = mine[np.argsort(received[mine], kind="stable")]
        if not np.asarray(columns["position"])[mine].any():
            np.asarray(columns["position"])[order] = np.arange(1, len(order) + 1)
        said = reason(int(number))
        known = said if said in REASONS else "unknown"
        first, clients = float(received[order[0]]), len(np.unique(client[mine]))
        rows.append(BatchRecord(int(number), first, len(mine), known, -1, -1, clients, math.nan))
    return table.batches(rows)
