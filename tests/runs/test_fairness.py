"""Fairness over clients: numbers worked out by hand, and nobody who still waits left out."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make import NAN, RUNS, Made, at_times, ideal, million, unanswered

import batchdemo as bd
from batchdemo.errors import ArgumentError
from batchdemo.queues import Priority, RoundRobin, Weighted
from batchdemo.records import RequestRecord
from batchdemo.runs.fairness import jain, max_min_shares

COLUMNS = ["client", "requests", "served", "waiting", "not_served", "share", "waiting_time_mean", "waiting_time_p99",
           "waiting_time_max", "longest_gap"]  # fmt: skip


def a_run(*rows):
    """Rows of (client, arrived, left, outcome): released then, if served; refused then, if expired or rejected."""
    made = Made(sizes=())
    for number, (client, arrived, left, outcome) in enumerate(rows, 1):
        released = left if outcome == "served" else NAN
        row = (number, client, arrived, arrived, released, released, left, 0, 0, outcome)
        made.requests.append(RequestRecord(*row))
    return made.run()


BY_HAND = (
    (1, 0.0, 5.0, "served"),
    (1, 0.0, 5.0, "served"),
    (2, 1.0, 10.0, "served"),
    (2, 2.0, NAN, "unknown"),  # waits still when the run ends, at 20
    (1, 6.0, 10.0, "served"),
    (1, 12.0, 20.0, "served"),
)


def row(run, client):
    return run.by_client.set_index("client").loc[client].to_dict()


# --- Jain's index ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "index"),
    [([1, 1, 1, 1], 1), ([7, 0, 0, 0], 1 / 4), ([1, 2, 3], 6 / 7), ([5], 1), ([0, 0], 1), ([1, 1, 1, 0, 0], 3 / 5)],
)
def test_jains_index_by_hand(values, index):
    assert jain(values) == pytest.approx(index)


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=20), st.floats(1e-6, 1e6))
def test_jains_index_lies_between_a_share_of_one_and_1_whatever_the_unit(values, unit):
    assert 1 / len(values) - 1e-9 <= jain(values) <= 1 + 1e-9
    if 1e-290 < max(values) < 1e290:
        assert jain([unit * value for value in values]) == pytest.approx(jain(values))


@pytest.mark.parametrize("values", [[], [1, -1], [math.nan], [math.inf], ["all"], 5, [[1, 2]], None])
def test_what_is_no_list_of_amounts_is_refused(values):
    with pytest.raises(ArgumentError, match=r"^values must be numbers from 0 on, one a client, got "):
        jain(values)


@pytest.mark.parametrize(
    ("demands", "capacity", "shares"),
    [
        ([2, 2.6, 4, 5], 10, [2, 2.6, 2.7, 2.7]),  # Keshav, An Engineering Approach to Computer Networking, 1997
        ([5, 4, 2.6, 2], 10, [2.7, 2.7, 2.6, 2]),
        ([90, 10], 20, [10, 10]),
        ([90, 10], 60, [50, 10]),
        ([3, 4], 7, [3, 4]),
        ([3, 4], 9, [3, 4]),
        ([], 0, []),
    ],
)
def test_max_min_shares_by_hand(demands, capacity, shares):
    assert max_min_shares(demands, capacity) == pytest.approx(shares)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=9), st.floats(0.1, 1))
def test_max_min_shares_are_filled_like_water(demands, part):
    capacity = part * sum(demands)
    shares = max_min_shares(demands, capacity)
    assert shares.sum() == pytest.approx(capacity)
    for demand, share in zip(demands, shares, strict=True):
        assert share == pytest.approx(min(demand, shares.max()))


# --- the table ---------------------------------------------------------------------------------------------


def test_the_table_by_hand_with_one_who_waits_still():
    run = a_run(*BY_HAND)
    assert run.by_client.columns.tolist() == COLUMNS
    assert row(run, 1) == pytest.approx({
        "requests": 4, "served": 4, "waiting": 0, "not_served": 0, "share": 0.8, "waiting_time_mean": 5.5,
        "waiting_time_p99": 7.91, "waiting_time_max": 8.0, "longest_gap": 8.0,
    })  # fmt: skip
    assert row(run, 2) == pytest.approx({
        "requests": 2, "served": 1, "waiting": 1, "not_served": 0, "share": 0.2, "waiting_time_mean": 13.5,
        "waiting_time_p99": 17.91, "waiting_time_max": 18.0, "longest_gap": 10.0,
    })  # fmt: skip


def test_jains_index_of_that_run_by_hand():
    run = a_run(*BY_HAND)
    # By 12 s, the last arrival, three and one were served, where two each would have been fair: 1.5 and 0.5.
    assert run.jain() == run.jain("served") == pytest.approx(0.8)
    assert run.jain("waiting_time") == pytest.approx((5.5 + 13.5) ** 2 / (2 * (5.5**2 + 13.5**2)))


def test_a_client_that_asked_for_little_and_got_it_was_treated_fairly():
    rows = [(1, 0.0, float(at), "served") for at in range(1, 9)] + [(2, 0.0, 1.0, "served"), (1, 8.0, NAN, "unknown")]
    assert a_run(*rows).jain() == pytest.approx(1.0)


def test_who_was_turned_away_is_counted_and_never_waited():
    run = a_run(*BY_HAND, (3, 3.0, 3.0, "rejected"))
    mine = row(run, 3)
    assert (mine["requests"], mine["served"], mine["not_served"]) == (1, 0, 1)
    assert math.isnan(mine["waiting_time_mean"])
    assert math.isnan(mine["longest_gap"])
    # Of four served by 12 s, max-min shares are 1.5, 1.5 and 1: it counts as one who got nothing of its share.
    assert run.jain() == pytest.approx(jain([3 / 1.5, 1 / 1.5, 0]))
    assert run.jain("waiting_time") == a_run(*BY_HAND).jain("waiting_time")


def test_who_expired_waited_until_then_and_that_was_no_release():
    run = a_run((1, 0.0, 7.0, "expired"), (1, 4.0, 9.0, "served"))
    mine = row(run, 1)
    assert (mine["waiting_time_max"], mine["longest_gap"]) == (7.0, 9.0)


def test_a_client_that_has_nothing_waiting_has_no_gap():
    run = a_run((1, 0.0, 1.0, "served"), (1, 1000.0, 1002.0, "served"), (2, 5.0, 5.0, "served"))
    assert run.by_client["longest_gap"].tolist() == [2.0, 0.0]


def test_in_a_burst_nobody_competes_by_the_last_arrival():
    run = bd.simulate(bd.FixedInterval(5, 5.0), bd.arrivals.burst(18, clients=3))
    assert math.isnan(run.jain())
    assert run.jain("waiting_time") > 0.98


def test_of_a_foreign_server_served_and_gaps_are_known_but_not_waiting_times():
    run = Made(clients=2).remote().run()
    table = run.by_client
    assert table["served"].tolist() == [9, 9]
    assert table["waiting_time_mean"].isna().all()
    assert table["longest_gap"].to_numpy() == pytest.approx([5.0, 5.0], abs=0.01)
    assert math.isnan(run.jain("waiting_time"))


@pytest.mark.parametrize("kind", RUNS)
def test_every_run_has_a_table_whose_counts_add_up(kind):
    table = RUNS[kind].by_client
    assert table["requests"].sum() == len(RUNS[kind])
    assert (table["requests"] == table["served"] + table["waiting"] + table["not_served"]).all()
    assert table["share"].sum() == pytest.approx(1.0 if table["served"].any() else 0.0)
    assert table["waiting"].sum() == RUNS[kind].summary()["waiting"]
    for of in ("served", "waiting_time"):
        assert not RUNS[kind].jain(of) > 1 + 1e-9


def test_without_a_request_there_is_nothing_to_share():
    assert len(at_times().by_client) == 0
    assert math.isnan(at_times().jain())
    assert math.isnan(at_times().jain("waiting_time"))
    assert math.isnan(unanswered(3).run().jain())


@pytest.mark.parametrize("of", ["latency", None, 1, ["served"]])
def test_an_index_of_something_else_is_refused(of):
    with pytest.raises(ArgumentError, match=r"^of must be served or waiting_time, got "):
        ideal().jain(of)


# --- against the plain definition --------------------------------------------------------------------------

SPAN = st.tuples(st.integers(1, 3), st.integers(0, 20), st.integers(0, 9), st.sampled_from(["served", "expired"]))


def plain_gap(rows, client):
    """The longest stretch between two moments of interest in which it always waits and nothing of it is released."""
    mine = [(began, began + stay, outcome) for who, began, stay, outcome in rows if who == client]
    cuts = {moment for began, ceased, _ in mine for moment in (began, ceased)}
    released = {ceased for _, ceased, outcome in mine if outcome == "served"}
    waits = {at for began, ceased, _ in mine for at in range(began, ceased)}  # by the unit of time that begins there
    best = 0
    for start in cuts:
        for stop in range(start, 31):
            if any(start < moment < stop for moment in released) or not set(range(start, stop)) <= waits:
                break
            best = max(best, stop - start)
    return best


@given(st.lists(SPAN, min_size=1, max_size=12))
def test_gaps_and_quantiles_agree_with_their_plain_definitions(rows):
    run = a_run(*((who, float(began), float(began + stay), outcome) for who, began, stay, outcome in rows))
    for client in {who for who, *_ in rows}:
        mine, waits = row(run, client), [stay for who, _, stay, _ in rows if who == client]
        assert mine["longest_gap"] == plain_gap(rows, client)
        assert mine["waiting_time_mean"] == pytest.approx(np.mean(waits))
        assert mine["waiting_time_p99"] == pytest.approx(np.quantile(waits, 0.99))
        assert mine["waiting_time_max"] == max(waits)


def test_a_million_requests_take_seconds_at_most():
    began = time.perf_counter()
    table = million().by_client
    assert time.perf_counter() - began < 20
    assert table["served"].tolist() == [10_000] * 100


# --- what the queues do to it ------------------------------------------------------------------------------


@dataclass(eq=False)
class Item:
    """One that waits in a fair queue, and when it was released."""

    arrived: float
    client_id: str
    deadline: float = math.inf
    released: float = NAN
    place: int = field(default=0)


def served_by(queue, seconds=200):
    """Client 1 sends four a second, client 2 one every two seconds; two a second are served; then the run ends."""
    items = [Item(at / 4, "1") for at in range(4 * seconds)] + [Item(2.0 * at, "2") for at in range(seconds // 2)]
    items.sort(key=lambda item: item.arrived)
    coming = iter([*items, Item(math.inf, "nobody")])
    item = next(coming)
    for tick in range(1, seconds + 1):
        while item.arrived < tick:
            queue.push(item)
            item = next(coming)
        for one in queue.pop(2):
            one.released = float(tick)
    return a_run(*((int(one.client_id), one.arrived, one.released, "unknown" if math.isnan(one.released) else "served")
                   for one in items))  # fmt: skip


def test_round_robin_gives_the_meek_its_share_and_the_rest_to_the_hog():
    run = served_by(RoundRobin())
    assert run.jain() == pytest.approx(1.0, abs=0.01)
    assert row(run, 2)["longest_gap"] <= 1.0
    assert row(run, 2)["waiting"] == 0
    assert row(run, 1)["waiting"] == 500


def test_weights_move_the_share():
    run = served_by(Weighted({"1": 7}))  # an eighth of two a second is less than the meek asks for
    assert row(run, 2)["share"] == pytest.approx(1 / 8, abs=0.01)


def test_under_priority_the_table_shows_who_starves():
    run = served_by(Priority({"1": 1}))
    starved = row(run, 2)
    assert (starved["served"], starved["waiting"], starved["longest_gap"]) == (0, 100, 200.0)
    assert starved["waiting_time_max"] == 200.0
    assert run.jain() == pytest.approx(0.5, abs=0.01)


def test_in_a_simulation_of_first_come_first_served_a_hog_takes_more_than_its_share():
    times = np.sort(np.concatenate([np.arange(400) / 4, np.arange(0, 100, 2.0)]))
    clients = np.where(np.isin(np.arange(len(times)) % 9, [0]), 2, 1)
    run = bd.simulate(bd.FixedInterval(2, 1.0), bd.arrivals.Arrivals(times, clients))
    table = run.by_client
    assert table["served"].tolist() == np.bincount(clients)[1:].tolist()
    assert table["waiting_time_mean"].mul(table["served"]).sum() / len(run) == pytest.approx(
        run.summary()["waiting_time_mean_s"]
    )
    assert 0.5 < run.jain() < 0.85
    assert bd.simulate(bd.FixedInterval(2, 1.0), bd.arrivals.poisson(4, 400, clients=4, seed=1)).jain() > 0.99
