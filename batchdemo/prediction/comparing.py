"""`compare`: several runs side by side, in one table, one figure and one sentence."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from batchdemo.arguments import refuse
from batchdemo.prediction import comparison_plots
from batchdemo.runs.run import Run
from batchdemo.runs.words import joined, seconds

if TYPE_CHECKING:
    import pandas as pd

MOST = 12  # runs in one comparison; more cannot be told apart in a figure
COLUMNS = ("requests", "served", "waiting", "stable", "batches", "mean_batch_size", "throughput_per_s",
           "latency_mean_s", "latency_median_s", "latency_p99_s", "latency_max_s")  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Runs by name. `table` is a row a run; `plot` draws staircases, latencies, and throughput against the tail."""

    runs: Mapping[str, Run]

    @property
    def table(self) -> pd.DataFrame:
        """The figures of `Run.summary` that can be compared, a row a run. Means are over the served."""
        import pandas as pd  # noqa: PLC0415  - a third of a second, for those who ask

        summaries = {name: run.summary() for name, run in self.runs.items()}
        columns = list(COLUMNS)
        for outcome in ("rejected", "expired", "failed", "cancelled"):
            if any(each[outcome] for each in summaries.values()):
                columns.insert(columns.index("waiting"), outcome)
        rows = {name: {column: each[column] for column in columns} for name, each in summaries.items()}
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def describe(self) -> str:
        """Who is quickest in the middle and at the tail, and who left requests behind."""
        table = self.table
        said = []
        for column, what in (("latency_median_s", "median latency"), ("latency_p99_s", "99th percentile")):
            known = table[column].dropna().sort_values()
            if len(known) > 1:
                best, worst = known.index[0], known.index[-1]
                said.append(
                    f"The lowest {what} has {best} ({seconds(known.iloc[0])}), the highest {worst} "
                    f"({seconds(known.iloc[-1])})."
                )
        some = [str(name) for name in table.index[table["served"] + table["waiting"] < table["requests"]]]
        if some:
            said.append(f"Not all were served by {joined(some)}: its latencies are those of the served.")
        behind = [str(name) for name in table.index[~table["stable"].astype(bool)]]
        if behind:
            said.append(f"Requests were left behind by {joined(behind)}: its mean speaks of the others only.")
        return " ".join(said) or "There is nothing to compare: no request was answered in more than one run."

    def plot(self, axes: Any = None) -> Any:
        """Three panels: aligned staircases, the distribution of latency, throughput against p99. Returns the axes."""
        return comparison_plots.draw(self, axes)

    def __repr__(self) -> str:
        shown = self.table.round(4).to_string()
        return f"{self.describe()}\n{shown}"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.describe())}</p>{self.table.round(4).to_html()}"


def compare(runs: Mapping[str, Run] | Iterable[Run]) -> Comparison:
    """Put runs side by side: a mapping from name to run, or runs alone, which are named by their policies.

    They may come from any world: live beside simulated beside somebody else's server.
    """
    rule = f"1 to {MOST} runs, in a list or by name in a dict"
    if isinstance(runs, Mapping):
        named = dict(runs)
    elif isinstance(runs, Iterable) and not isinstance(runs, (str, bytes)):
        named = _by_policy(list(runs))
    else:
        refuse("runs", rule, runs)
    if not 1 <= len(named) <= MOST:
        refuse("runs", rule, runs, f"There are {len(named)}.")
    for name, run in named.items():
        if not isinstance(run, Run):
            refuse(f"runs[{name!r}]", "a run", run)
        if not isinstance(name, str):
            refuse("runs", "named by texts", name)
    return Comparison(named)


def _by_policy(runs: list[Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for at, run in enumerate(runs, 1):
        about = getattr(run, "about", None)
        name = (about.policy or about.world) if about is not None else f"run {at}"
        named[name if name not in named else f"{name} ({at})"] = run
    return named


def ecdf(values: Any) -> tuple[Any, Any]:
    """The values in rising order, and the share that is at most each."""
    ordered = np.sort(values[~np.isnan(values)])
    return ordered, np.arange(1, len(ordered) + 1) / max(len(ordered), 1)
