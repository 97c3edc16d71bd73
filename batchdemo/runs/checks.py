"""Is it what was promised? Each check gives one of three verdicts, and the smallest counterexample."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.arguments import real, whole
from batchdemo.records import OUTCOMES
from batchdemo.runs.cadence import cadence
from batchdemo.runs.order import comparable, overtaken
from batchdemo.runs.words import listed, seconds

if TYPE_CHECKING:
    from batchdemo.runs.run import Run

MARKS = {True: "✓", False: "✗", None: "?"}
HOLDS = {True: "holds", False: "fails", None: "cannot be told"}


@dataclass(frozen=True)
class Verdict:
    """What one check found. `counterexample` holds numbers of requests, or of batches or ticks, as `says` tells."""

    name: str
    holds: bool | None
    says: str
    counterexample: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{MARKS[self.holds]} {self.name}: {self.says}"


@dataclass(frozen=True)
class Checks:
    """All verdicts on a run. `ok` only if every one holds; one that cannot be told is not one that holds."""

    verdicts: tuple[Verdict, ...]

    @property
    def ok(self) -> bool:
        """Whether every check holds."""
        return all(verdict.holds is True for verdict in self.verdicts)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __len__(self) -> int:
        return len(self.verdicts)

    def __getitem__(self, name: str) -> Verdict:
        for verdict in self.verdicts:
            if verdict.name == name:
                return verdict
        raise KeyError(f"no check {name!r}; there are {', '.join(verdict.name for verdict in self.verdicts)}")

    def __repr__(self) -> str:
        return "\n".join(map(str, self.verdicts))

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{MARKS[v.holds]} {HOLDS[v.holds]}</td><td style='text-align:left'>{html.escape(v.name)}</td>"
            f"<td style='text-align:left'>{html.escape(v.says)}</td></tr>"
            for v in self.verdicts
        )
        return f"<table><tr><th>verdict</th><th>check</th><th>what was seen</th></tr>{rows}</table>"


def check(run: Run, max_batch_size: Any, interval: Any, tolerance: Any) -> Checks:
    """Every check there is, in the order in which a reader would ask."""
    size = run.about.max_batch_size
    if max_batch_size is not None:
        size = whole("max_batch_size", max_batch_size, 1, 1_000_000)
    if interval is not None:
        interval = real("interval", interval, 0.001, 86_400, "seconds")
    if tolerance is not None:
        tolerance = real("tolerance", tolerance, 0.0, 86_400, "seconds")
    return Checks(
        (_all_came(run), _none_twice(run), _own_client(run), _in_order(run), _size(run, size),
         _cadence(run, interval, tolerance))
    )  # fmt: skip


def _all_came(run: Run) -> Verdict:
    name = "every reply came"
    table = run.request_table
    if not len(table):
        return Verdict(name, None, "nothing was sent")
    faults = []
    for code, outcome in enumerate(OUTCOMES):
        numbers = table.number[table.outcome == code]
        if outcome != "served" and len(numbers):
            were = "was" if len(numbers) == 1 else "were"
            word = "had no reply" if outcome == "unknown" else f"{were} {outcome}"
            faults.append((int(numbers[0]), f"{listed(numbers)} {word}"))
    if faults:
        return Verdict(name, False, "; ".join(says for _, says in faults), tuple(number for number, _ in faults))
    return Verdict(name, True, f"{len(table):,} of {len(table):,}")


def _strays(run: Run, name: str, kind: str, good: str, bad: str) -> Verdict:
    found = [stray for stray in run.strays if stray.kind == kind]
    if found:
        first = found[0]
        more = f" ({len(found):,} such replies)" if len(found) > 1 else ""
        says = bad.format(number=first.number, client=first.client, at=seconds(first.at), text=first.text)
        return Verdict(name, False, says + more, () if first.number is None else (first.number,))
    if not len(run.request_table):
        return Verdict(name, None, "nothing was sent")
    if run.about.by_order:
        return Verdict(name, None, _unnumbered(run, " to know it by", " to know them by"))
    return Verdict(name, True, good)


def _unnumbered(run: Run, one: str, more: str) -> str:
    count = run.about.by_order
    return f"1 reply carried no number{one}" if count == 1 else f"{count:,} replies carried no number{more}"


def _none_twice(run: Run) -> Verdict:
    unasked = _strays(run, "none twice", "unasked", "", "client {client} got {text!r}, which nobody asked for")
    if unasked.holds is False:
        return unasked
    bad = "#{number} was answered again at {at}"
    return _strays(run, "none twice", "twice", "no reply came a second time", bad)


def _own_client(run: Run) -> Verdict:
    clients = len(np.unique(run.request_table.client))
    good = "there was one client" if clients == 1 else f"all {clients:,} clients got their own replies only"
    bad = "the reply to #{number} went to client {client}, who had not sent it"
    return _strays(run, "each to its own client", "misdelivered", good, bad)


def _in_order(run: Run) -> Verdict:
    name = "in order within each client"
    table = run.request_table
    if run.about.by_order:
        return Verdict(name, None, _unnumbered(run, ", so was taken in order", ", so were taken in order"))
    seen = comparable(run)
    if seen.sum() < 2:
        return Verdict(name, None, "fewer than two replies came")
    pair = overtaken(run)
    if pair is None:
        return Verdict(name, True, "replies came in the order of the requests")
    client = int(table.client[table.number == pair[0]][0])
    who = f"client {client}: " if (table.client[seen] != client).any() else ""
    return Verdict(name, False, f"{who}#{pair[1]} was sent after #{pair[0]} and answered before it", pair)


def _size(run: Run, size: int | None) -> Verdict:
    name = "no batch above the size"
    if size is None:
        return Verdict(name, None, "no max_batch_size was given")
    batches = run.batch_table
    if not len(batches):
        return Verdict(name, None, "no batch was seen")
    over = np.flatnonzero(batches.size > size)
    if len(over):
        batch, held = int(batches.batch[over[0]]), int(batches.size[over[0]])
        return Verdict(name, False, f"batch {batch} held {held:,}, above {size:,}", (batch,))
    return Verdict(name, True, f"the largest held {int(batches.size.max()):,} of {size:,}")


def _cadence(run: Run, interval: float | None, tolerance: float | None) -> Verdict:
    name = "cadence"
    interval = run.about.interval if interval is None else interval
    if interval is None:
        return Verdict(name, None, "no interval was given")
    seen = cadence(run, interval)
    if seen is None or not len(seen.ran):
        return Verdict(name, None, "too few batches to tell")
    limit = min(max(0.1, interval / 20), interval / 2) if tolerance is None else tolerance
    late = np.flatnonzero(np.abs(seen.lateness) > limit)
    thing = "tick" if seen.anchored else "batch"
    says = f"worst {thing} {lateness(seen.worst)}, drift {seen.drift * 1e3:+.2f} ms a {thing}"
    if seen.doubled:
        at = int(np.flatnonzero(np.diff(seen.step) == 0)[0])
        return Verdict(name, False, f"{thing} {at + 2} came within the same interval as the one before", (at + 2,))
    if seen.missed and seen.anchored:
        after = int(np.flatnonzero(np.diff(seen.step) > 1)[0]) + 1
        if seen.missed == 1:
            missed = f"1 tick that was due never ran, after tick {after}"
        else:
            missed = f"{seen.missed:,} ticks that were due never ran, the first after tick {after}"
        return Verdict(name, False, f"{missed}; {says}", (after,))
    if len(late):
        return Verdict(name, False, f"{says}; {seconds(limit)} is allowed", (int(late[0]) + 1,))
    grid = f"a grid of {seconds(interval)}" + ("" if seen.anchored else " through the first batch")
    return Verdict(name, True, f"{len(seen.ran):,} {thing if len(seen.ran) == 1 else _plural(thing)} on {grid}, {says}")


def _plural(thing: str) -> str:
    return thing + ("es" if thing.endswith("ch") else "s")


def lateness(value: float) -> str:
    """`1.3 ms late`, `0.2 ms early`."""
    return f"{seconds(abs(value))} {'late' if value >= 0 else 'early'}"
