"""The simulator under pressure: as the plain engine where there is none, as a naive model where there is."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_pressure import Naive

from batchdemo.errors import ArgumentError, PolicyError
from batchdemo.policies import (
    AIMD,
    CostModel,
    FixedInterval,
    GroupCommit,
    IdleOrTimeout,
    NoBatching,
    Preferred,
    PreFormed,
    SizeOrTimeout,
    TakeAll,
    Wait,
)
from batchdemo.prediction import arrivals, engine, pressure
from batchdemo.prediction.arrivals import Arrivals
from batchdemo.prediction.bounds import OVERFLOW, Bounds
from batchdemo.prediction.comparing import compare
from batchdemo.prediction.pressure import Item
from batchdemo.prediction.simulating import replay, simulate
from batchdemo.queues import EarliestDeadline, Fifo, Priority, RoundRobin, Weighted

POLICIES = [
    FixedInterval(3, 1.0), FixedInterval(2, 0.3), SizeOrTimeout(3, 1.0), SizeOrTimeout(4, 0.3), TakeAll(3), TakeAll(8),
    NoBatching(), IdleOrTimeout(4, 0.2, 1.0), Preferred(6, {2, 4}, 1.0), PreFormed(3, 0.5),
    PreFormed(3, 0.5, preform=False), CostModel(5, 1.0), AIMD(0.5, 2, 0.5, 6), GroupCommit(4, 2, 0.3),
]  # fmt: skip
LEVELS = {"1": 1, "3": -1}
QUEUES = {"fifo": Fifo(), "round-robin": RoundRobin(), "priority": Priority(LEVELS), "earliest": EarliestDeadline()}

# Few times, so that much happens at one instant.
ONE = st.tuples(st.integers(0, 60).map(lambda at: at / 10), st.integers(1, 4))  # when it comes, and from whom
COMING = st.lists(ONE, min_size=1, max_size=40).map(sorted)
SERVICE = st.sampled_from([(0.0, 0.0), (0.0, 0.5), (0.1, 0.0), (0.1, 0.3), (0.0, 1.0)])
LIMITS = st.fixed_dictionaries(
    {
        "max_queue_size": st.none() | st.integers(1, 8),
        "max_pending_per_client": st.none() | st.integers(1, 4),
        "overflow": st.sampled_from(OVERFLOW),
        "deadline": st.none() | st.sampled_from([0.1, 0.3, 0.5, 1.0, 2.0]),
    }
)
SLOTS = st.integers(1, 2)


def coming(rows):
    return Arrivals(np.array([at for at, _ in rows], float), np.array([who for _, who in rows], int))


def played(policy, rows, service, slots, **bounds):
    return simulate(policy, coming(rows), service=service, max_concurrent_batches=slots, **bounds)


def batches(run):
    """The numbers, from 1, in each batch by position."""
    columns = run.columns
    order = np.lexsort((columns["position"], columns["batch"]))
    order = order[columns["batch"][order] > 0]
    ends = np.cumsum(run.batch_table.size)
    return [part.tolist() for part in np.split(columns["number"][order], ends)[: len(ends)]]


# --- where there is no pressure ------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(POLICIES), COMING, SERVICE, SLOTS)
def test_first_come_first_served_without_bounds_is_the_plain_engine(policy, rows, cost, slots):
    def service(n):
        return cost[0] * n + cost[1]

    times = coming(rows).times.tolist()
    plain = engine.simulate(copy.deepcopy(policy), times, service, slots)
    other = pressure.simulate(copy.deepcopy(policy), coming(rows), service, slots, Bounds(Fifo()))
    for name in ("released", "size", "reason", "waiting", "began", "finished"):
        assert getattr(other, name) == getattr(plain, name), name
    order = [at for first, size in zip(plain.first, plain.size, strict=True) for at in range(first, first + size)]
    assert other.order == order
    refused = [(at, when) for first, many, when in plain.refused for at in range(first, first + many)]
    assert list(zip(*other.lost["expired"], strict=True)) == refused
    assert other.lost["rejected"] == ([], [])


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(POLICIES), COMING, SERVICE, SLOTS, st.sampled_from(OVERFLOW))
def test_bounds_that_nobody_reaches_change_nothing(policy, rows, service, slots, overflow):
    plain = played(policy, rows, service, slots)
    assert played(policy, rows, service, slots, queue=Fifo(), overflow=overflow) == plain
    bounded = played(policy, rows, service, slots, max_queue_size=99, max_pending_per_client=99, overflow=overflow,
                     deadline=1e6)  # fmt: skip
    assert bounded.request_table == plain.request_table
    assert bounded.batch_table == plain.batch_table
    assert bounded.tick_table == plain.tick_table


# --- where there is ------------------------------------------------------------------------------------------


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(POLICIES), st.sampled_from(list(QUEUES)), COMING, SERVICE, SLOTS, LIMITS, st.booleans())
def test_it_does_what_the_naive_model_does(policy, turn, rows, cost, slots, limits, trusting):
    if not trusting:
        # A promise changes who is in time at the very instant of a timer; so nobody comes at one, nor waits outside.
        rows = [(at + number * 0.00137, who) for number, (at, who) in enumerate(rows)]
        limits = {**limits, "overflow": limits["overflow"].replace("wait", "reject")}
    run = played(policy, rows, cost, slots, queue=QUEUES[turn], **limits)
    naive = Naive(
        policy, [at for at, _ in rows], [who for _, who in rows], lambda n: cost[0] * n + cost[1], slots, turn, LEVELS,
        limits["max_queue_size"] or math.inf, limits["max_pending_per_client"] or math.inf, limits["overflow"],
        limits["deadline"] or math.inf, trusting,
    ).play()  # fmt: skip
    table = run.batch_table
    assert table.released.tolist() == [released for released, *_ in naive.batches]
    assert batches(run) == [[at + 1 for at in row[1]] for row in naive.batches]
    assert list(table.frame()["reason"]) == [row[2] for row in naive.batches]
    assert table.waiting_before.tolist() == [row[3] for row in naive.batches]
    assert sorted(naive.outcome) == list(range(len(rows)))
    assert list(run.request_table.frame()["outcome"]) == [naive.outcome[at][0] for at in range(len(rows))]
    assert run.columns["received"].tolist() == [naive.outcome[at][1] for at in range(len(rows))]
    assert run.columns["arrived"].tolist() == naive.arrived


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(POLICIES), COMING, SERVICE, SLOTS, LIMITS, st.data())
def test_nothing_is_lost_or_twice_and_no_bound_is_passed(policy, rows, service, slots, limits, data):
    queue = data.draw(st.sampled_from([*QUEUES.values(), Weighted({"1": 3, "2": 0.5})]))
    run = played(policy, rows, service, slots, queue=queue, **limits)
    columns = run.columns
    served = columns["batch"] > 0
    assert (columns["outcome"] == 0).tolist() == served.tolist()
    assert sorted(number for batch in batches(run) for number in batch) == columns["number"][served].tolist()
    assert (run.batch_table.size <= getattr(policy, "max_batch_size", 1)).all()
    assert (columns["outcome"] != 5).all()  # everybody hears
    for client in np.unique(columns["client"]):
        mine = columns["number"][served & (columns["client"] == client)].tolist()
        assert [number for batch in batches(run) for number in batch if number in mine] == mine
    if limits["deadline"]:
        assert (columns["released"][served] < columns["sent"][served] + limits["deadline"]).all()
        expired = columns["outcome"] == 2
        assert (
            isinstance(policy, CostModel)
            or (columns["received"][expired] == columns["sent"][expired] + limits["deadline"]).all()
        )
    for size, clients in ((limits["max_queue_size"], [None]), (limits["max_pending_per_client"], [1, 2, 3, 4])):
        for client in clients if size else []:
            mine = served if client is None else served & (columns["client"] == client)
            assert most_at_once(columns["arrived"][mine], columns["received"][mine]) <= size


def most_at_once(began, ended):
    """Of the intervals; one that ends makes room at once, and one that begins and ends at one instant takes none."""
    lasting = [(came, left) for came, left in zip(began, ended, strict=True) if came < left]
    events = sorted([(left, -1) for _, left in lasting] + [(came, 1) for came, _ in lasting])
    return max(np.cumsum([kind for _, kind in events]), default=0)


# --- one by one ----------------------------------------------------------------------------------------------


def outcomes(run):
    return run.requests["outcome"].tolist()


def test_a_place_is_taken_until_the_batch_is_finished():
    run = simulate(TakeAll(2), [0.0, 0.5, 0.5, 1.0, 1.0], service=1.0, max_queue_size=2)
    assert outcomes(run) == ["served", "served", "rejected", "served", "rejected"]
    refused = {name: column[2] for name, column in run.columns.items()}
    assert (refused["sent"], refused["arrived"], refused["received"]) == (0.5, 0.5, 0.5)
    assert (refused["batch"], refused["position"]) == (0, 0)
    assert np.isnan(refused["released"])
    assert refused["replied"] == 0.5
    assert run.batches["waiting_before"].tolist() == [1, 1, 1]


def test_a_client_has_places_of_its_own_to_fill():
    rows = Arrivals([0.0] * 5, [1, 1, 1, 2, 2])
    run = simulate(FixedInterval(5, 5.0), rows, max_pending_per_client=2)
    assert outcomes(run) == ["served", "served", "rejected", "served", "served"]


def test_the_oldest_that_waits_is_dropped_for_the_newest():
    run = simulate(FixedInterval(5, 5.0), [0.0, 1.0, 2.0, 3.0], max_queue_size=2, overflow="drop_oldest")
    assert outcomes(run) == ["rejected", "rejected", "served", "served"]
    assert run.requests["received"].tolist() == [2.0, 3.0, 5.0, 5.0]


def test_a_client_with_too_many_drops_its_own():
    rows = Arrivals([0.0, 1.0, 2.0], [2, 1, 1])
    run = simulate(FixedInterval(5, 5.0), rows, max_pending_per_client=1, overflow="drop_oldest")
    assert outcomes(run) == ["served", "rejected", "served"]


def test_who_is_being_handled_is_not_dropped():
    run = simulate(TakeAll(2), [0.0, 0.5], service=1.0, max_queue_size=1, overflow="drop_oldest")
    assert outcomes(run) == ["served", "rejected"]


def test_who_waits_outside_arrives_when_there_is_a_place():
    run = simulate(FixedInterval(5, 5.0), [0.0, 1.0, 2.0], service=1.0, max_queue_size=2, overflow="wait")
    assert run.requests["sent"].tolist() == [0.0, 1.0, 2.0]
    assert run.requests["arrived"].tolist() == [0.0, 1.0, 6.0]
    assert run.requests["released"].tolist() == [5.0, 5.0, 10.0]


def test_outside_clients_come_in_one_from_each_in_turn():
    rows = Arrivals([0.0] * 6, [1, 1, 1, 1, 2, 3])
    run = simulate(FixedInterval(1, 1.0), rows, max_queue_size=1, overflow="wait")
    assert batches(run) == [[1], [2], [5], [6], [3], [4]]
    bounded = simulate(FixedInterval(1, 1.0), rows, max_pending_per_client=1, overflow="wait")
    assert batches(bounded) == [[1], [5], [6], [2], [3], [4]]


def test_whose_deadline_is_the_time_of_the_tick_is_not_in_its_batch():
    run = simulate(FixedInterval(5, 5.0), [0.0, 0.5], deadline=5.0)
    assert outcomes(run) == ["expired", "served"]
    assert run.requests["received"].tolist() == [5.0, 5.0]


def test_the_ticks_go_on_until_the_last_has_heard():
    run = simulate(FixedInterval(5, 1.0), [0.0, 2.5], deadline=0.3)
    assert outcomes(run) == ["expired", "expired"]
    assert run.ticks["due"].tolist() == [1.0, 2.0]


def test_patience_ends_outside_too_and_makes_room_inside():
    run = simulate(FixedInterval(5, 5.0), [0.0, 1.0, 1.5], deadline=4.0, max_queue_size=1, overflow="wait")
    assert outcomes(run) == ["expired", "expired", "served"]
    assert run.requests["arrived"].tolist() == [0.0, 4.0, 5.0]
    assert run.requests["received"].tolist() == [4.0, 5.0, 5.0]


def test_a_timer_that_was_set_for_one_who_left_harms_nobody():
    run = simulate(SizeOrTimeout(5, 2.0), [0.0, 1.5], max_queue_size=1, overflow="drop_oldest")
    assert run.batches[["released", "size"]].values.tolist() == [[3.5, 1]]


def test_each_queue_gives_its_order_to_the_positions():
    rows = Arrivals([0.0] * 6, [1, 1, 1, 1, 2, 3])
    orders = {
        "fifo": [[1, 2, 3, 4], [5, 6]],
        "round-robin": [[1, 5, 6, 2], [3, 4]],
        "priority": [[1, 2, 3, 4], [5, 6]],
        "earliest": [[1, 2, 3, 4], [5, 6]],
    }
    for turn, order in orders.items():
        assert batches(simulate(FixedInterval(4, 5.0), rows, queue=QUEUES[turn])) == order
        assert len(QUEUES[turn]) == 0
    assert batches(simulate(FixedInterval(4, 5.0), rows, queue=Priority({"3": 2, "2": 1}))) == [[6, 5, 1, 2], [3, 4]]
    assert batches(simulate(FixedInterval(4, 5.0), rows, queue=Weighted({"1": 4}))) == [[1, 2, 3, 5], [6, 4]]


def test_the_queue_that_was_given_stays_as_it_was():
    queue, rows = RoundRobin(), arrivals.burst(18, clients=3)
    first, again = (simulate(FixedInterval(5, 5.0), rows, queue=queue, max_queue_size=9) for _ in range(2))
    assert first == again
    assert queue._given == 0


# --- in words, and at the door -------------------------------------------------------------------------------


def test_the_run_says_its_queue_and_bounds():
    run = simulate(FixedInterval(5, 5.0), arrivals.burst(18), queue=RoundRobin(), max_queue_size=12, deadline=7.0)
    said = "round-robin over clients, max_queue_size=12, deadline=7 s"
    assert run.about.policy.endswith(f"; {said}")
    assert run.describe().endswith(
        "Not served: 6 rejected (#13, #14, #15, #16, #17 and #18); 7 expired (#6, #7, #8, #9, #10, #11 and #12). "
        f"Queue: {said}."
    )
    assert simulate(FixedInterval(5, 5.0), [1.0], queue=Fifo()).about.notes == ()
    waiting = Bounds(max_queue_size=2, overflow="wait")
    assert str(waiting) == "first come, first served, max_queue_size=2, overflow='wait'"


def test_replay_and_compare_go_on_with_it():
    recorded = simulate(FixedInterval(5, 5.0), arrivals.burst(18), max_queue_size=10)
    again = replay(recorded, FixedInterval(5, 5.0), max_queue_size=10)
    assert again.request_table == recorded.request_table
    table = compare([replay(recorded, FixedInterval(5, 5.0)), again]).table
    assert table["served"].tolist() == [18, 10]
    assert len(set(table.index)) == 2


class Lossy(Fifo):
    def pop(self, size):
        return super().pop(size)[1:]


class Never:
    def decide(self, view):
        return Wait()

    def observe(self, batch):
        pass


def test_a_policy_that_never_releases_is_caught_unless_patience_ends():
    with pytest.raises(PolicyError, match="never releases the 2 that wait"):
        simulate(Never(), [1.0, 2.0, 3.0], max_queue_size=2)
    assert outcomes(simulate(Never(), [1.0, 2.0], deadline=3.0)) == ["expired", "expired"]


def test_a_policy_that_only_ever_waits_is_caught(monkeypatch):
    monkeypatch.setattr(engine, "IDLE_TIMERS", 1000)
    monkeypatch.setattr(Never, "decide", lambda self, view: Wait(view.now + 1.0))
    with pytest.raises(PolicyError, match="never releases the 1 that wait"):
        simulate(Never(), [1.0], queue=RoundRobin())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"queue": RoundRobin}, "queue must be a queue of batchdemo.queues, got <class"),
        ({"queue": [1, 2]}, "queue must be a queue of batchdemo.queues, got [1, 2]. For example RoundRobin()."),
        ({"queue": Lossy()}, "queue must be one whose pop(n) gives n of those that wait, got Fifo(). It gave 0 of 1."),
        ({"max_queue_size": 0}, "max_queue_size must be a whole number from 1 to 10,000,000, got 0. None is no bound."),
        ({"max_queue_size": True}, "max_queue_size must be a whole number"),
        ({"max_pending_per_client": 1.5}, "max_pending_per_client must be a whole number"),
        ({"overflow": "drop"}, "overflow must be 'reject' or 'wait' or 'drop_oldest', got 'drop'."),
        ({"overflow": None}, "overflow must be 'reject' or"),
        ({"deadline": 0.0}, "deadline must be a number of seconds from 1e-09 to 1e+09, got 0.0. None is no deadline."),
        ({"deadline": math.nan}, "deadline must be a number of seconds"),
    ],
)
def test_bad_input_is_named(arguments, said):
    with pytest.raises(ArgumentError) as caught:
        simulate(FixedInterval(5, 5.0), [1.0], **arguments)
    assert str(caught.value).startswith(said)


def test_a_queue_in_which_somebody_waits_is_refused():
    queue = Fifo()
    queue.push(Item(0, "1", 0.0, math.inf))
    with pytest.raises(ArgumentError, match="queue must be a queue in which nobody waits"):
        simulate(FixedInterval(5, 5.0), [1.0], queue=queue)
