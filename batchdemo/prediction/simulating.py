"""`simulate`: a policy on virtual time, and the very `Run` that a live server would have given."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.arguments import refuse, whole
from batchdemo.policies import FixedInterval, Policy, named, ticks_by
from batchdemo.prediction import engine, pressure, shortcut
from batchdemo.prediction.arrivals import Arrivals, generator, recorded, taken
from batchdemo.prediction.bounds import Bounds
from batchdemo.prediction.engine import History
from batchdemo.prediction.service import service_of
from batchdemo.records import OUTCOMES, REASONS, BatchRecord, RequestRecord, TickRecord
from batchdemo.runs.run import About, Run
from batchdemo.runs.table import Table

if TYPE_CHECKING:
    from batchdemo.runs import Run as RunType

TICKS = 1_000_000  # of a fixed interval that are kept in the record


def simulate(
    policy: Policy,
    arrivals: Any,
    *,
    service: Any = 0.0,
    max_concurrent_batches: int = 1,
    seed: Any = None,
    queue: Any = None,
    max_queue_size: int | None = None,
    max_pending_per_client: int | None = None,
    overflow: str = "reject",
    deadline: float | None = None,
) -> Run:
    """What a server with this policy would do with these arrivals; deterministic, and in no time.

    policy      when a batch leaves and how big it is; worked on as a copy
    arrivals    of `bd.arrivals`, or seconds from 0 on in rising order; the server starts at 0
    service     how long a batch of n is handled: seconds; (a, b) for a·n + b; a function of n, or of n and a
                numpy Generator; a distribution with `rvs`; `Costs`; a `Run`, whose batches are drawn from
    max_concurrent_batches   how many are handled at once; further ones wait in the order of their release
    seed        for a service time that is drawn; a number or a numpy Generator
    queue       who goes next, of `batchdemo.queues`: `RoundRobin()`, say; first come, first served by default. Worked
                on as a copy; clients are called by their numbers as texts, "1", "2", …
    max_queue_size           requests that may wait, those included whose batch is not finished; None: as many as come
    max_pending_per_client   the same of one client
    overflow    what becomes of one for which there is no place: "reject" it; "wait" outside until there is one; or
                "drop_oldest" of those that wait, of its own client where that has too many, and take it
    deadline    seconds after it came at which a request that waits still leaves unserved, `expired`; None: never.
                At that very time it leaves before any batch (`batchdemo/prediction/pressure.py` has the order)

    A request is sent and arrives at the same time (later where it waited outside), and its reply is received when
    its batch is finished, or when it is rejected or expires. Memory: some 100 bytes a request, of which the record
    keeps 80 (`tests/prediction/test_simulating.py`).
    """
    if isinstance(policy, type) or not isinstance(policy, Policy):
        refuse("policy", "a policy, with decide(view) and observe(batch)", policy, "For example FixedInterval(5, 5.0).")
    slots = whole("max_concurrent_batches", max_concurrent_batches, 1, 100_000)
    coming = taken(arrivals)
    worker = copy.deepcopy(policy)
    handled = service_of(service, generator(seed))
    bounds = Bounds(queue, max_queue_size, max_pending_per_client, overflow, deadline)
    if not bounds.plain:
        history = pressure.simulate(worker, coming, handled, slots, bounds)
    elif type(worker) is FixedInterval and handled is None and worker._next == 1:
        history = shortcut.simulate(worker, coming.times)
    else:
        history = engine.simulate(worker, coming.times.tolist(), handled, slots)
    return _run(policy, coming, history, str(bounds))


def replay(
    run: RunType,
    policy: Policy,
    *,
    service: Any = None,
    max_concurrent_batches: int = 1,
    seed: Any = None,
    queue: Any = None,
    max_queue_size: int | None = None,
    max_pending_per_client: int | None = None,
    overflow: str = "reject",
    deadline: float | None = None,
) -> Run:
    """What another policy would have done with the traffic of a run; its batches' durations stand for the handler's.

    All as in `simulate`, but for `service`: by default the durations that were measured, or none where none were.
    """
    coming = recorded(run)
    if service is None:
        service = run if np.isfinite(run.batch_table.duration).any() else 0.0
    return simulate(
        policy,
        coming,
        service=service,
        max_concurrent_batches=max_concurrent_batches,
        seed=seed,
        queue=queue,
        max_queue_size=max_queue_size,
        max_pending_per_client=max_pending_per_client,
        overflow=overflow,
        deadline=deadline,
    )


def _run(policy: Policy, coming: Arrivals, history: History, bounds: str) -> Run:
    count = len(coming)
    size = np.asarray(history.size, dtype=np.int64)
    first = np.asarray(history.first, dtype=np.int64)
    released, finished = np.asarray(history.released, float), np.asarray(history.finished, float)
    in_batch = np.repeat(np.arange(len(size)), size)  # the batch, from 0, of each request that was served
    place = np.arange(len(in_batch)) - np.repeat(np.cumsum(size) - size, size)
    served = first[in_batch] + place
    if history.order is not None:
        served = np.asarray(history.order, dtype=np.int64)[served]
    columns = {
        "number": np.arange(1, count + 1),
        "client": coming.clients,
        "sent": coming.times,
        "arrived": coming.times if history.arrived is None else np.asarray(history.arrived, float),
        **{name: np.full(count, np.nan) for name in ("released", "replied", "received")},
        "batch": np.zeros(count, np.int64),
        "position": np.zeros(count, np.int64),
        "outcome": np.full(count, OUTCOMES.index("unknown")),
    }
    columns["released"][served] = released[in_batch]
    columns["replied"][served] = columns["received"][served] = finished[in_batch]
    columns["batch"][served] = in_batch + 1
    columns["position"][served] = place + 1
    columns["outcome"][served] = OUTCOMES.index("served")
    for start, many, when in history.refused:
        columns["outcome"][start : start + many] = OUTCOMES.index("expired")
        columns["replied"][start : start + many] = columns["received"][start : start + many] = when
    for outcome, (who, at) in history.lost.items():
        columns["outcome"][who] = OUTCOMES.index(outcome)
        columns["replied"][who] = columns["received"][who] = at
    about = About(
        world="simulated",
        batches_from="the simulation",
        policy=f"{named(policy)}; {bounds}" if bounds else named(policy),
        max_batch_size=getattr(policy, "max_batch_size", None),
        interval=getattr(policy, "interval", None),
        notes=(f"Queue: {bounds}.",) if bounds else (),
    )
    batches, ticks = _batches(history, columns, released, size), _ticks(policy, columns["received"])
    return Run(about, Table(RequestRecord, columns), batches, ticks)


def _batches(history: History, columns: Any, released: Any, size: Any) -> Table:
    waiting = np.asarray(history.waiting, dtype=np.int64)
    code = {reason: at for at, reason in enumerate(REASONS)}
    rows = {
        "batch": np.arange(1, len(size) + 1),
        "released": released,
        "size": size,
        "reason": np.array([code[reason] for reason in history.reason], dtype=np.int64),
        "waiting_before": waiting,
        "waiting_after": waiting - size,
        "clients": _clients(columns, len(size)),
        "duration": np.asarray(history.finished, float) - np.asarray(history.began, float),
    }
    return Table(BatchRecord, rows)


def _clients(columns: Any, batches: int) -> Any:
    """How many different clients each batch held."""
    batch, client = columns["batch"], columns["client"]
    if len(client) and client.min() == client.max():
        return np.ones(batches, np.int64)
    pairs = np.unique(batch[batch > 0] * (int(client.max()) + 1) + client[batch > 0])
    return np.bincount(pairs // (int(client.max()) + 1), minlength=batches + 1)[1:]


def _ticks(policy: Policy, received: Any) -> Table:
    """The ticks of a fixed interval, all on time; none of another policy."""
    interval = getattr(policy, "interval", None) if isinstance(policy, FixedInterval) else None
    last = 0 if interval is None else ticks_by(float(received.max()), interval)
    due = np.arange(1, min(last, TICKS) + 1) * (interval or 0.0)
    return Table(TickRecord, {"due": due, "ran": due})
