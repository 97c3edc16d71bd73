"""The one record: whatever world a run comes from, checks, plots and exercises see only this."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any

from batchdemo.arguments import refuse
from batchdemo.records import OUTCOMES
from batchdemo.runs import (
    client_plot,
    fairness,
    files,
    latency_plot,
    life,
    order,
    plots,
    queue_length,
    slopes,
    swimlane,
    words,
)
from batchdemo.runs.checks import Checks, check
from batchdemo.runs.gap import gap
from batchdemo.runs.show import bundle, text_form
from batchdemo.runs.table import Table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SERVED = OUTCOMES.index("served")


@dataclass(frozen=True)
class Stray:
    """A reply that answered nothing: a second one, one meant for another client, or one nobody asked for."""

    at: float  # seconds since the run began
    client: int  # who received it
    text: str  # shortened to 200 characters
    kind: str  # "twice", "misdelivered" or "unasked"
    number: int | None  # the number in it, where there was one


@dataclass(frozen=True, eq=False)
class About:
    """Where a run comes from."""

    world: str  # "live": a server of ours in this process; "remote": any other server; later "simulated"
    batches_from: str  # "the server's log", "the replies' JSON" or "gaps between the replies"
    policy: str = ""  # in words, where it is known
    max_batch_size: int | None = None
    interval: float | None = None  # seconds
    began: str = ""  # wall clock at time 0, ISO 8601
    by_order: int = 0  # replies without a number, matched to requests in order
    notes: tuple[str, ...] = ()  # what a reader of the table should know


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """What was sent, when it came back, and in which batches. Made by `bd.send` and `bd.load`.

    `requests`, `batches` and `ticks` are pandas DataFrames, made when asked for; `columns` holds the same
    columns as NumPy arrays. Times are seconds since the run began.
    """

    about: About
    request_table: Table
    batch_table: Table
    tick_table: Table
    strays: tuple[Stray, ...] = field(default=())

    # --- the tables --------------------------------------------------------------------------------------

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of the requests, as arrays: number, client, sent, arrived, released, replied, …"""
        return self.request_table.columns

    @property
    def requests(self) -> pd.DataFrame:
        """A row a request, with `waiting_time` (released - arrived) and `latency` (received - sent)."""
        frame = self.request_table.frame()
        frame["waiting_time"] = frame["released"] - frame["arrived"]
        frame["latency"] = frame["received"] - frame["sent"]
        return frame

    @property
    def batches(self) -> pd.DataFrame:
        """A row a batch. Where batches were inferred, `released` is when its first reply was received."""
        return self.batch_table.frame()

    @property
    def ticks(self) -> pd.DataFrame:
        """A row a tick of the server's clock: when it was due, when it ran, how late. Empty for a remote server."""
        frame = self.tick_table.frame()
        frame["lateness"] = frame["ran"] - frame["due"]
        return frame

    @property
    def by_client(self) -> pd.DataFrame:
        """A row a client: who got what, and who starved. Times in seconds.

        requests      it sent; they are `served`, `waiting` or `not_served`
        waiting       of these, neither answered nor refused when the run ended, as in `summary`
        not_served    of these, rejected, expired, cancelled or failed
        share         of all that was served, from 0 to 1
        waiting_time_mean, _p99, _max   from its arrival until a request was released or expired. Those that wait
                      still are not left out: they count with their time so far, the least that it will be
        longest_gap   the longest time during which it had a request waiting and none of its was released

        NaN where nobody saw: of a server that shows nothing of its queue, waiting times are not known, and a gap
        is without a reply, with requests sent and not answered.
        """
        import pandas as pd  # noqa: PLC0415  - a third of a second, for those who want a DataFrame

        return pd.DataFrame(fairness.by_client(self))

    def __len__(self) -> int:
        return len(self.request_table)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and all(
            getattr(self, name) == getattr(other, name)
            for name in ("request_table", "batch_table", "tick_table", "strays")
        ) and vars(self.about) == vars(other.about)  # fmt: skip

    __hash__ = None  # type: ignore[assignment]

    # --- in words ----------------------------------------------------------------------------------------

    def describe(self) -> str:
        """The run in a sentence or three: for a screen reader, a lab report, an alt text and a test."""
        return words.describe(self)

    def summary(self) -> dict[str, Any]:
        """The figures: counts, then seconds. Means are over the served; read them beside `waiting` and `stable`."""
        return words.summary(self)

    def check(
        self, *, max_batch_size: int | None = None, interval: float | None = None, tolerance: float | None = None
    ) -> Checks:
        """Hold the run against the promise of "max_batch_size every interval seconds, in order, none lost".

        What is left out is taken from the server's own policy, where that is known. `tolerance`: seconds
        that a batch may be off the grid; by default a twentieth of the interval, but at least 0.1 s and at
        most half the interval. Each verdict is True, False or None for "cannot be told from here".
        """
        return check(self, max_batch_size, interval, tolerance)

    def jain(self, of: str = "served") -> float:
        """Jain's index of fairness over clients: 1 is fair, 1/n is one of n clients having all.

        "served"        of what each client was served up to the last arrival, while they still competed (in the end
                        everybody is served), divided by its max-min fair share of all that was served by then:
                        an equal share, but no more than it asked for, the rest going to those who asked for more
        "waiting_time"  of the clients' mean waiting times, as in `by_client`; those of whom no request was seen to
                        wait are left out. 1/n is one client doing all the waiting

        NaN where there is nothing to go by: none was served before the last arrival, say, as in a burst.
        """
        return fairness.index(self, of)

    def gap(self, predicted: Any) -> str:
        """How far a prediction was off, in a sentence: where most, by how much, and how many replies it was near.

        `predicted`: seconds since the run began, one a request, in the order of the requests; NaN leaves one
        open. Near is within a tenth of the interval, or half a second where none is known. ArgumentError
        where there are more or fewer predictions than requests.
        """
        return gap(self, predicted)

    def describe_request(self, number: int) -> str:
        """The life of one request in a sentence: sent, queued, released, handled, and its reply back.

        ArgumentError where no request carried this number.
        """
        return life.describe_request(self, number)

    def describe_order(self, left: str = "sent", right: str = "received") -> str:
        """How many pairs of requests changed places between two stages, how many within a client, and who did.

        The stages are sent, arrived, released, replied and received. Two that passed one at the same time, as the
        replies of one batch, did not change places. ArgumentError: there is no such stage.
        """
        return order.describe_order(self, left, right)

    # --- in pictures -------------------------------------------------------------------------------------

    def plot(self, ax: Axes | None = None, *, predicted: Any = None) -> Axes:
        """The staircase: number against time of reply, coloured by batch, ticks as lines.

        `predicted`: the seconds at which you expect each reply, in the order of the requests; drawn over it,
        and `gap` stands above it. What has an attribute `answered` that is False counts as None.
        """
        return plots.staircase(self, ax, predicted)

    def plot_queue(self, ax: Axes | None = None) -> Axes:
        """How many requests were waiting, over time, with a mark where one was rejected or expired."""
        return queue_length.plot_queue(self, ax)

    def plot_latency(self, ax: Axes | None = None) -> Axes:
        """How long each request took until its end, against when it was sent, marked by its outcome.

        From its sending to its reply or refusal; for one that heard nothing, the time until the run ended.
        """
        return latency_plot.plot_latency(self, ax)

    def plot_cadence(self, ax: Axes | None = None) -> Axes:
        """How late each tick was, in milliseconds, with the line of its drift."""
        return plots.cadence(self, ax)

    def plot_clients(self, ax: Axes | None = None) -> Axes:
        """How long each client's requests waited: a strip of points a client, in order of arrival, with the mean.

        Those that wait still when the run ends are crosses, at their time so far. Of a server that shows nothing of
        its queue, latency in place of waiting time.
        """
        return client_plot.plot_clients(self, ax)

    def plot_request(self, number: int, ax: Axes | None = None) -> Axes:
        """The life of one request as a swim-lane: client, queue and handler, time to the right.

        With the others of its batch, up to twelve, and the ticks. ArgumentError where no request carried
        this number.
        """
        return swimlane.plot_request(self, number, ax)

    def plot_order(self, ax: Axes | None = None, *, left: str = "sent", right: str = "received") -> Axes:
        """The order at two stages as a slope chart: a line a request, and where two cross, they changed places.

        Coloured and marked by client; `describe_order` is its alt text, and says which stages there are.
        """
        return slopes.plot_order(self, ax, left, right)

    # --- to files ----------------------------------------------------------------------------------------

    def save(self, path: str | PathLike[str]) -> None:
        """Write the whole run as JSON, without loss; `bd.load` reads it back."""
        files.save(self, path)

    def to_json(self) -> str:
        """The document that `save` writes."""
        return files.to_json(self)

    def to_csv(self, path: str | PathLike[str], table: str = "requests") -> None:
        """Write one table (requests, batches or ticks) as CSV."""
        if table not in ("requests", "batches", "ticks"):
            refuse("table", "requests, batches or ticks", table)
        getattr(self, table).to_csv(path, index=False)

    def __repr__(self) -> str:
        return text_form(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, str], dict[str, Any]]:
        return bundle(self)
