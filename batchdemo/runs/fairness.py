"""Who got what: a row a client, Jain's index, and the share that would have been fair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from batchdemo.arguments import refuse
from batchdemo.records import OUTCOMES
from batchdemo.runs.leaving import left_queue

if TYPE_CHECKING:
    from batchdemo.runs.run import Run

SERVED, UNKNOWN = (OUTCOMES.index(word) for word in ("served", "unknown"))
KINDS = ("served", "waiting_time")


def jain(values: Any) -> float:
    """How evenly something is spread over clients: 1 is fair, 1/n is one of n having all.

    Jain, Chiu & Hawe (1984), DEC-TR-301: (sum x)² / (n · sum x²), whatever the unit. An index of 0.6 is as unfair as
    six of ten having the same and four nothing. Where all have nothing, all have the same: 1.
    """
    rule = "numbers from 0 on, one a client"
    try:
        x = np.asarray(values if hasattr(values, "__array__") else list(values), dtype=float)
    except (TypeError, ValueError):
        refuse("values", rule, values)
    if x.ndim != 1 or not len(x) or not np.isfinite(x).all() or x.min() < 0:
        refuse("values", rule, values)
    if not x.max():
        return 1.0
    x = x / x.max()  # or the squares of tiny ones vanish
    return float(x.sum() ** 2 / (len(x) * (x**2).sum()))


def max_min_shares(demands: Any, capacity: float) -> Any:
    """What each gets when `capacity` is filled in like water: all rise together, and who has its demand stops.

    Max-min fair (Bertsekas & Gallager, Data Networks, 1992, §6.5.2): nobody could get more but from one who has less.
    """
    demands = np.asarray(demands, dtype=float)
    rising = np.sort(demands)
    if capacity >= rising.sum():
        return demands
    levels = (capacity - np.cumsum(rising) + rising) / np.arange(len(rising), 0, -1)  # once those before have theirs
    return np.minimum(demands, levels[np.argmax(rising >= levels)])


class Stay(NamedTuple):
    """When each request of a run began to wait and when it ceased; NaN where nobody saw, or where it never waited."""

    began: Any
    ceased: Any  # the end of the run for those who waited still
    released: Any  # NaN for those who left unserved
    inside: bool  # seen in the queue; else from sending to reply, which is all that a client sees


def stay(run: Run) -> Stay:
    """Those who still wait are not left out: they have waited until the end of the run at least."""
    table = run.request_table
    inside = not np.isnan(table.arrived).all()
    began, released = (table.arrived, table.released) if inside else (table.sent, table.received)
    answered = np.isin(table.outcome, [OUTCOMES.index(word) for word in ("served", "failed")])
    if not inside:  # a refusal is a reply too, but serves nobody
        released = np.where(answered, released, np.nan)
    still = (table.outcome == UNKNOWN) & np.isnan(released)
    began = np.where(still & np.isnan(began), table.sent, began)
    ceased = left_queue(run) if inside else released
    refused_at_once = (table.outcome == OUTCOMES.index("rejected")) & ~(ceased > began)
    began = np.where(refused_at_once, np.nan, began)
    return Stay(began, np.where(still, end(run), ceased), released, inside)


def end(run: Run) -> float:
    """The last time that anything was seen, in seconds since the run began."""
    table = run.request_table
    columns = [table.columns[name] for name in ("sent", "arrived", "released", "replied", "received")]
    seen = [float(np.nanmax(column)) for column in [*columns, run.batch_table.released, run.tick_table.ran]
            if not np.isnan(column).all()]  # fmt: skip
    return max(seen, default=float("nan"))


def by_client(run: Run) -> dict[str, Any]:
    """The columns of `Run.by_client`, as arrays."""
    table, own = run.request_table, stay(run)
    client, who = np.unique(table.client, return_inverse=True)
    counted = _counter(who, len(client))
    served, unknown = table.outcome == SERVED, table.outcome == UNKNOWN
    waited = own.ceased - own.began if own.inside else np.full(len(table), np.nan)
    return {
        "client": client,
        "requests": counted(np.ones(len(table), bool)),
        "served": counted(served),
        "waiting": counted(unknown),
        "not_served": counted(~served & ~unknown),
        "share": counted(served) / max(int(served.sum()), 1),
        **{f"waiting_time_{name}": column for name, column in spread(waited, who, len(client)).items()},
        "longest_gap": _longest_gaps(own, who, len(client)),
    }


def index(run: Run, of: Any = "served") -> float:
    """Jain's index of a run; `Run.jain` says of what."""
    if of not in KINDS:
        refuse("of", "served or waiting_time", of)
    if of == "waiting_time":
        means = by_client(run)["waiting_time_mean"]
        means = means[~np.isnan(means)]
        return jain(means) if len(means) else float("nan")
    got, fair = contest(run)
    return jain(got / fair) if got.sum() else float("nan")


def contest(run: Run) -> tuple[Any, Any]:
    """Of each client: how many were served up to the last arrival, and what its max-min fair share was of them all."""
    table, own = run.request_table, stay(run)
    client, who = np.unique(table.client, return_inverse=True)
    counted = _counter(who, len(client))
    came = table.arrived if own.inside else table.sent
    last = np.max(came[~np.isnan(came)], initial=-np.inf)
    got = counted((table.outcome == SERVED) & (own.released <= last))
    return got, max_min_shares(np.bincount(who, minlength=len(client)), got.sum())


def _counter(who: Any, clients: int) -> Any:
    return lambda which: np.bincount(who[which], minlength=clients)


def spread(values: Any, who: Any, clients: int) -> dict[str, Any]:
    """Mean, 99th percentile and maximum of the values of each client; NaN where it has none."""
    there = ~np.isnan(values)
    values, who = values[there], who[there]
    count = np.bincount(who, minlength=clients)
    values = values[np.lexsort((values, who))]
    first = np.cumsum(count) - count
    total = np.bincount(np.repeat(np.arange(clients), count), weights=values, minlength=clients)
    values = np.append(values, np.nan)  # for clients that have none
    with np.errstate(invalid="ignore"):
        mean = total / count
    at = first + 0.99 * np.maximum(count - 1, 0)  # as np.quantile, which takes one client at a time
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, first + np.maximum(count - 1, 0))
    p99 = values[low] + (at - low) * (values[high] - values[low])
    longest = values[first + np.maximum(count - 1, 0)]
    none = count == 0
    return {name: np.where(none, np.nan, column) for name, column in (("mean", mean), ("p99", p99), ("max", longest))}


def _longest_gaps(own: Stay, who: Any, clients: int) -> Any:
    """Of each client, the longest time during which it had a request waiting, and none of its was released.

    An event is a request that begins to wait, or one that ceases. A gap begins where the client begins to
    wait, and anew with each release.
    """
    seen = ~np.isnan(own.began) & ~np.isnan(own.ceased)
    began, ceased, who = own.began[seen], own.ceased[seen], who[seen]
    release = ~np.isnan(own.released[seen])
    count = len(began)
    time, whose = np.concatenate([began, ceased]), np.concatenate([who, who])
    order = np.lexsort((np.repeat([0, 1], count), time, whose))  # who comes and goes at one instant comes first
    time, whose = time[order], whose[order]
    length = np.cumsum(np.repeat([1, -1], count)[order])  # of the client's own line, since each ends at 0
    before = np.concatenate([[0], length[:-1]])
    begins = (before == 0) | np.concatenate([np.zeros(count, bool), release])[order]
    since = np.maximum.accumulate(np.where(begins, np.arange(2 * count), 0))
    since = np.concatenate([[0], since[:-1]])[: 2 * count]
    gaps = np.full(clients, np.nan)
    waiting = before[: 2 * count] > 0
    np.fmax.at(gaps, whose[waiting], (time - time[since])[waiting])
    return gaps
