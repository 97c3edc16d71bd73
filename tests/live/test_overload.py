"""Overload over real sockets: what a client is told, retries, deadlines, departures, fair queues."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from websockets.sync.client import connect

import batchdemo as bd
from batchdemo.errors import ArgumentError
from batchdemo.live.connection import SUBPROTOCOL
from batchdemo.live.envelope import Opened, opened, sealed
from batchdemo.queues import RoundRobin


def client(server, name="ann", as_json=False):
    return connect(server.ws_url.format(client_id=name), subprotocols=[SUBPROTOCOL] if as_json else None, proxy=None)


def test_a_polite_client_gets_all_its_answers_from_a_full_server():
    with bd.Server(bd.FixedInterval(5, 0.05), max_queue_size=5) as server:
        run = bd.send(range(1, 31), server, retry=bd.Retry(attempts=100, base=0.01, cap=0.05, seed=1))
        refused = server.stats()["rejected"]
    assert run.requests["outcome"].tolist() == ["served"] * 30
    assert refused > 0
    assert run.requests["batch"].min() > 0
    assert max(run.batches["size"]) <= 5


def test_without_retry_a_refusal_is_the_answer():
    with bd.Server(bd.FixedInterval(5, 0.2), max_queue_size=5) as server:
        run = bd.send(range(1, 9), server)
    assert run.requests["outcome"].tolist() == ["served"] * 5 + ["rejected"] * 3


def test_a_retry_gives_up_in_the_end(until):
    busy = asyncio.Event()

    async def never(batch):
        await busy.wait()

    with bd.Server(bd.TakeAll(1), handler=never, max_queue_size=1) as server, client(server, "bob") as other:
        other.send("9")
        until(lambda: server.stats()["handling"] == 1)
        run = bd.send([1], server, retry=bd.Retry(3, base=0.01))
        assert server.stats()["rejected"] == 3
    assert run.requests["outcome"].tolist() == ["rejected"]


def test_per_client_bounds_hit_one_client_alone():
    with bd.Server(bd.FixedInterval(50, 0.2), max_pending_per_client=2) as server:
        run = bd.send(range(8), server, clients=2)
    outcomes = run.requests.groupby("client")["outcome"].agg(list)
    assert outcomes.tolist() == [["served", "served", "rejected", "rejected"]] * 2


def test_with_wait_all_are_served_though_the_queue_holds_few():
    with bd.Server(bd.FixedInterval(20, 0.02), max_queue_size=20, overflow="wait") as server:
        run = bd.send(range(2_000), server, clients=3, timeout=20)
    assert set(run.requests["outcome"]) == {"served"}
    assert max(run.batches["size"]) <= 20


def test_a_paused_client_is_not_closed_by_the_keepalive_and_is_read_on(until):
    with bd.Server(bd.FixedInterval(1, 0.05), max_queue_size=1, overflow="wait") as server, client(server) as ws:
        for number in range(10):
            ws.send(str(number))
        assert [ws.recv(timeout=20) for _ in range(10)] == [f"You wrote: {number}" for number in range(10)]


def test_a_deadline_of_the_server_is_told_on_both_wires(until):
    with bd.Server(bd.FixedInterval(5, 60.0), deadline=0.05) as server:
        with client(server) as ws:
            ws.send("1")
            assert ws.recv(timeout=20) == "Rejected: its deadline passed while it waited: 1"
        with client(server, as_json=True) as ws:
            ws.send("2")
            said = json.loads(ws.recv(timeout=20))
        assert said == {"type": "refusal", "text": "2", "reason": "its deadline passed while it waited",
                        "outcome": "expired"}  # fmt: skip
        assert server.stats()["expired"] == 2
        assert server.stats()["waiting"] == 0


def test_a_client_of_the_json_wire_asks_for_its_own_deadline():
    with bd.Server(bd.FixedInterval(5, 60.0)) as server:
        run = bd.send([1], server, deadline=0.05)
    assert run.requests["outcome"].tolist() == ["expired"]
    assert run.requests["batch"].isna().all()


def test_a_request_that_breaks_a_rule_is_refused_with_the_rule():
    with bd.Server(bd.FixedInterval(5, 0.05)) as server, client(server, as_json=True) as ws:
        for request, rule in (
            ({"type": "request", "text": "1", "deadline": -1}, "deadline must be a number of seconds"),
            ({"type": "request", "text": 1}, "text must be a text"),
            ({"type": "request"}, "text must be a text"),
            ({"type": "request", "text": "1", "key": ""}, "key must be a text of 1 to 200 characters"),
            ({"type": "request", "text": "1", "key": 7}, "key must be a text"),
            ({"type": "received", "ids": "7"}, "ids must be a list"),
            ({"type": "received", "ids": [-1]}, "each of ids must be a whole number"),
            ({"type": "request", "text": "\ud800"}, "text must be a text that can be sent back"),
        ):
            ws.send(json.dumps(request))
            said = json.loads(ws.recv(timeout=20))
            assert (said["type"], said["outcome"]) == ("refusal", "rejected")
            assert rule in said["reason"]
        ws.send("5")
        assert json.loads(ws.recv(timeout=20))["text"] == "You wrote: 5"


@pytest.mark.parametrize("text", ["7", "{", "{}", '{"a": 1}', '{"type": "other"}', "[" * 60_000, '{"a":' * 20_000])
def test_all_else_is_text(text):
    assert opened(text) == Opened(text)
    assert opened(sealed(text)) == Opened(text)
    assert opened(sealed(text, 2.5, "k")) == Opened(text, 2.5, "k")


def test_who_goes_frees_its_places_at_once(until):
    with bd.Server(bd.FixedInterval(5, 60.0), max_queue_size=3) as server:
        with client(server) as ws:
            for number in range(3):
                ws.send(str(number))
            until(lambda: server.stats()["waiting"] == 3)
        until(lambda: server.stats()["waiting"] == 0)
        assert server.stats()["cancelled"] == 3
        with client(server, "bob") as ws:
            ws.send("4")
            until(lambda: server.stats()["waiting"] == 1)


def test_a_thousand_who_go_at_once_are_cleared_together(until):
    with bd.Server(bd.FixedInterval(5, 60.0)) as server:
        run = bd.send(range(3_000), server, clients=1_000, timeout=0.05)
        until(lambda: server.stats()["waiting"] == 0)
        assert server.stats()["cancelled"] == 3_000
    assert set(run.requests["outcome"]) == {"unknown"}


def test_a_fair_queue_serves_everybody_beside_a_flood():
    flood, meek = 60, 5
    owners = [1] * flood + [2] * meek

    class Given(list):
        clients = owners

    times = Given([0.0] * flood + [0.02] * meek)
    waits = {}
    for queue in (None, RoundRobin()):
        with bd.Server(bd.FixedInterval(5, 0.05), queue=queue) as server:
            run = bd.send(range(flood + meek), server, arrivals=times)
        assert set(run.requests["outcome"]) == {"served"}
        waits[str(queue)] = run.by_client["waiting_time_mean"].iloc[1]
    assert waits["round-robin over clients"] < waits["None"] / 2


def test_names_for_clients_reach_the_server():
    with bd.Server(bd.FixedInterval(5, 0.05)) as server:
        bd.send(range(4), server, clients=2, client_ids=["ann", "bob"])
        requests, _, _ = server.seen({"ann", "bob"})
    assert sorted(request.client_id for request in requests) == ["ann", "ann", "bob", "bob"]


@pytest.mark.parametrize("names", ["ab", ["ann"], ["ann", "ann"], ["ann", "a b"], ["ann", 5], 7])
def test_bad_names_are_met_at_the_door(names):
    with bd.Server() as server, pytest.raises(ArgumentError, match="client_ids must be 2 different names"):
        bd.send(range(4), server, clients=2, client_ids=names)


@pytest.mark.parametrize("queue", [RoundRobin, [], "fair", "postgres://x", object()])
def test_bad_queues_are_met_at_the_door(queue):
    with pytest.raises(ArgumentError, match=r"queue must be (a queue|the address of a file)"):
        bd.Server(queue=queue)


def test_the_queue_that_is_given_is_left_as_it_was():
    queue = RoundRobin()
    with bd.Server(bd.FixedInterval(5, 60.0), queue=queue, on_disconnect="keep") as server:
        bd.send([1], server, timeout=0.05)
        assert server.stats()["waiting"] == 1
    assert len(queue) == 0


def test_the_wait_of_a_deadline_is_the_time_in_the_queue():
    with bd.Server(bd.FixedInterval(5, 60.0), deadline=0.2) as server:
        began = time.monotonic()
        run = bd.send([1], server)
        took = time.monotonic() - began
    assert run.requests["outcome"].tolist() == ["expired"]
    assert took >= 0.2
