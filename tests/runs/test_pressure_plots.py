"""The pictures of overload: every refusal and expiry on the queue's line, every request at its latency."""

from __future__ import annotations

import numpy as np
import pytest
from make import NAN, Made, ideal, million

from batchdemo.policies import FixedInterval
from batchdemo.prediction import arrivals, simulate
from batchdemo.runs.latency_plot import describe_latency
from batchdemo.runs.plots import MOST
from batchdemo.runs.queue_length import LOST, MARKS

POLICY = FixedInterval(5, 5.0)


def pressed(count=200, **bounds):
    return simulate(POLICY, arrivals.poisson(1.5, count, seed=3), **bounds)


def marks(ax, word):
    """Where the marks of an outcome are: across and up."""
    colour, marker = LOST[word]
    found = [line for line in ax.lines if line.get_marker() == marker and line.get_color() == colour]
    return [(x, y) for line in found for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]


def labels(ax):
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


# --- the queue ------------------------------------------------------------------------------------------------


def test_a_refusal_stands_where_the_queue_was_full(ax):
    run = pressed(max_queue_size=20)
    run.plot_queue(ax)
    refused = run.requests[run.requests["outcome"] == "rejected"]
    assert marks(ax, "rejected") == [(at, 20) for at in refused["received"]]
    assert marks(ax, "expired") == []
    assert f"rejected: {len(refused)}" in labels(ax)


def test_one_that_was_dropped_for_a_newer_one_stands_when_it_was_dropped(ax):
    run = pressed(max_queue_size=20, overflow="drop_oldest")
    run.plot_queue(ax)
    dropped = run.requests[run.requests["outcome"] == "rejected"]
    assert [at for at, _ in marks(ax, "rejected")] == sorted(dropped["replied"])
    assert {length for _, length in marks(ax, "rejected")} == {20}


def test_an_expiry_stands_on_the_line_of_those_who_still_wait(ax):
    run = pressed(deadline=12.0)
    run.plot_queue(ax)
    table = run.requests
    expired = table[table["outcome"] == "expired"]
    assert [at for at, _ in marks(ax, "expired")] == sorted(expired["replied"])
    left = table["released"].fillna(table["replied"])
    for at, length in marks(ax, "expired"):
        assert length == ((table["arrived"] <= at) & (left > at)).sum()


def test_the_words_say_how_many_were_lost_and_from_when_on(ax):
    run = pressed(max_queue_size=20, deadline=18.0)
    said = run.plot_queue().figure.alt
    count = run.requests["outcome"].value_counts()
    first = run.requests.groupby("outcome", observed=True)["received"].min()
    assert said.startswith(
        f"Requests waiting in the queue: at most 20. Not served: {count['rejected']} rejected, from "
        f"{first['rejected']:.2f} s on and {count['expired']} expired, from {first['expired']:.2f} s on. At "
        "each quarter"
    )
    assert "Not served" not in ideal().plot_queue(ax).get_title(loc="left")
    assert labels(ax) == []


def test_from_outside_a_refusal_stands_when_it_came_back(ax):
    made = Made().reject(16, 17, 18).remote()
    made.run().plot_queue(ax)
    assert len(marks(ax, "rejected")) == 3


def test_all_refused_is_drawn_without_a_queue(ax):
    made = Made((2,)).reject(1, 2).change(1, 2, arrived=0.001, replied=0.001)
    made.run().plot_queue(ax)
    assert marks(ax, "rejected") == [(0.001, 0), (0.001, 0)]
    ax.figure.canvas.draw()


def test_of_many_refusals_some_are_drawn_and_all_are_counted(ax):
    run = simulate(POLICY, arrivals.poisson(50, 20_000, seed=1), max_queue_size=20)
    run.plot_queue(ax)
    lost = int((run.requests["outcome"] == "rejected").sum())
    assert len(marks(ax, "rejected")) == MARKS < lost
    assert f"rejected: {lost:,}" in labels(ax)
    refused = run.requests.loc[run.requests["outcome"] == "rejected", "received"]
    assert [at for at, _ in marks(ax, "rejected")][:: MARKS - 1] == [refused.min(), refused.max()]


# --- the latency ----------------------------------------------------------------------------------------------


def test_each_request_is_a_point_at_its_latency_in_the_form_of_its_outcome(ax):
    run = pressed(max_queue_size=20, deadline=18.0)
    assert run.plot_latency(ax) is ax
    table = run.requests
    for word in ("rejected", "expired"):
        mine = table[table["outcome"] == word]
        assert marks(ax, word) == list(zip(mine["sent"], mine["received"] - mine["sent"], strict=True))
    served = next(line for line in ax.lines if line.get_label().startswith("served"))
    mine = table[table["outcome"] == "served"]
    assert served.get_ydata().tolist() == (mine["received"] - mine["sent"]).tolist()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("sent (s since the run began)", "latency (s)")
    assert len({line.get_marker() for line in ax.lines}) == len(ax.lines) == 3


def test_who_never_heard_stands_at_the_time_so_far_and_is_in_no_mean(ax):
    run = Made((5, 5)).lose(10).change(10, sent=1.0).run()
    run.plot_latency(ax)
    end = float(np.nanmax(run.request_table.received))
    (so_far,) = [line for line in ax.lines if line.get_marker() == "x"]
    assert so_far.get_xdata().tolist() == [1.0]
    assert so_far.get_ydata()[0] == pytest.approx(max(end, 10.0) - 1.0, abs=0.01)
    said = describe_latency(run)
    assert said.endswith("; 1 without a reply, the time so far.")
    assert said.startswith("Latency: 9 served, after 5.00 s to 10.00 s, mean 7.22 s")


def test_what_was_never_sent_is_not_drawn(ax):
    run = Made((2,)).lose(1, 2).change(1, 2, sent=NAN).run()
    run.plot_latency(ax)
    assert describe_latency(run) == ax.get_title(loc="left") == "Nothing was sent."
    assert labels(ax) == []


def test_of_a_million_the_longest_is_drawn(ax):
    million().plot_latency(ax)
    (line,) = ax.lines
    assert MOST <= len(line.get_xdata()) <= MOST + 1
    table = million().request_table
    assert line.get_ydata().max() == (table.received - table.sent).max()
