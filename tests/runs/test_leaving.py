"""When a request left the queue: in a batch, refused at the door, dropped, or expired."""

from __future__ import annotations

import numpy as np

import batchdemo as bd
from batchdemo.runs.leaving import left_queue


def test_the_dropped_and_the_expired_waited_and_the_refused_did_not():
    times = [0.0, 0.0, 1.0, 2.0]
    dropped = bd.simulate(bd.FixedInterval(5, 5.0), times, max_queue_size=2, overflow="drop_oldest")
    assert left_queue(dropped).tolist() == [1.0, 2.0, 5.0, 5.0]
    refused = bd.simulate(bd.FixedInterval(5, 5.0), times, max_queue_size=2)
    assert left_queue(refused).tolist() == [5.0, 5.0, 1.0, 2.0]
    expired = bd.simulate(bd.FixedInterval(5, 5.0), times, deadline=4.5)
    assert left_queue(expired).tolist() == [4.5, 4.5, 5.0, 5.0]


def test_the_plot_of_the_queue_ends_empty_and_never_holds_more_than_the_bound():
    arrivals = bd.arrivals.poisson(1.5, 300, seed=1)
    for settings in ({"max_queue_size": 8}, {"max_queue_size": 8, "overflow": "drop_oldest"}, {"deadline": 6.0}):
        run = bd.simulate(bd.FixedInterval(5, 5.0), arrivals, **settings)
        (line,) = [line for line in run.plot_queue().lines if line.get_drawstyle() == "steps-post"]
        length = line.get_ydata()
        assert length[-1] == 0
        assert length.max() <= settings.get("max_queue_size", np.inf)


def test_one_that_was_dropped_is_said_to_have_waited():
    run = bd.simulate(bd.FixedInterval(5, 5.0), [0.0, 1.0], max_queue_size=1, overflow="drop_oldest")
    assert "waited 1.00 s and was dropped there" in run.describe_request(1)
    run = bd.simulate(bd.FixedInterval(5, 5.0), [0.0], deadline=2.0)
    assert "waited 2.00 s and expired there" in run.describe_request(1)


def test_who_is_refused_live_is_told_at_a_time_that_the_record_holds():
    with bd.Server(bd.FixedInterval(5, 0.2), max_queue_size=1) as server:
        rows = bd.send([1, 2], server).requests
    assert rows["outcome"].tolist() == ["served", "rejected"]
    assert rows["arrived"][1] <= rows["replied"][1] <= rows["received"][1]


def test_a_comparison_says_who_was_not_served():
    arrivals = bd.arrivals.poisson(1.5, 300, seed=1)
    runs = {"all": bd.simulate(bd.FixedInterval(5, 5.0), arrivals),
            "bounded": bd.simulate(bd.FixedInterval(5, 5.0), arrivals, max_queue_size=8)}  # fmt: skip
    comparison = bd.compare(runs)
    assert "Not all were served by bounded: its latencies are those of the served." in comparison.describe()
    assert comparison.table.loc["bounded", "rejected"] > 0
