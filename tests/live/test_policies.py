"""Any policy in the real server: timers, places, refusals, and a policy that does what none may."""

from __future__ import annotations

import json
import threading
from urllib.request import urlopen

import pytest
from websockets.sync.client import connect

import batchdemo as bd
from batchdemo.policies import Refuse, Release, Wait

JSON = ["batchdemo.v1+json"]


class Whim:
    """Does what it is told by a function of the view."""

    def __init__(self, answer):
        self.answer = answer

    def decide(self, view):
        return self.answer(view) if view.waiting else Wait()

    def observe(self, batch):
        pass

    def __deepcopy__(self, memo):
        return self

    def __str__(self):
        return "Whim"


POLICIES = [
    bd.FixedInterval(4, 0.02),
    bd.SizeOrTimeout(4, 0.02),
    bd.TakeAll(4),
    bd.NoBatching(),
    bd.IdleOrTimeout(4, 0.01, 0.05),
    bd.Preferred(4, (2,), 0.02),
    bd.PreFormed(4, 0.02),
    bd.PreFormed(4, 0.02, False),
    bd.CostModel(4, 30.0),
    bd.AIMD(0.1),
    bd.GroupCommit(4, 1, 0.01),
]


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@pytest.mark.parametrize("slots", [1, 3])
def test_every_policy_answers_all_in_a_real_server(policy, slots):
    with bd.Server(policy, max_concurrent_batches=slots) as server:
        run = bd.send(range(1, 31), server, clients=3)
        status = json.loads(urlopen(f"{server.url}status", timeout=20).read())
    assert run.requests["outcome"].tolist() == ["served"] * 30
    assert run.batches["size"].max() <= getattr(policy, "max_batch_size", 1)
    assert run.about.policy == status["policy"] == str(policy)
    assert run.about.interval == status["interval"] == getattr(policy, "interval", None)
    assert status["fault"] == ""
    assert run.describe()
    assert "<Server" in repr(server)


def test_so_many_batches_are_handled_at_once_as_may_be_and_begin_in_their_order():
    inside, most, began, lock = [], [], [], threading.Lock()
    all_in = threading.Barrier(3, timeout=20)

    def handler(batch):
        with lock:
            inside.append(batch)
            began.extend(batch)
            most.append(len(inside))
        all_in.wait()  # goes on only where three are in at a time
        with lock:
            inside.remove(batch)
        return batch

    with bd.Server(bd.NoBatching(), handler=handler, max_concurrent_batches=3) as server:
        run = bd.send(range(1, 10), server)
    assert run.requests["outcome"].tolist() == ["served"] * 9
    assert max(most) == 3
    assert sorted(began[:3]) == ["1", "2", "3"]


def test_a_request_that_the_policy_refuses_is_told_and_expired_in_the_record():
    policy = Whim(lambda view: Refuse(2) if view.waiting == 3 else Wait())
    with bd.Server(policy) as server:
        run = bd.send(range(1, 4), server, timeout=0.2)
        assert run.requests["outcome"].tolist() == ["expired", "expired", "unknown"]
        assert run.columns["batch"].tolist() == [0, 0, 0]
        assert run.requests["released"].isna().all()
        assert run.requests["received"].notna().tolist() == [True, True, False]
        assert server.stats()["expired"] == 2


@pytest.mark.parametrize("subprotocols", [None, JSON])
def test_a_refusal_reads_like_the_others(subprotocols):
    with (
        bd.Server(Whim(lambda view: Refuse(1))) as server,
        connect(server.ws_url.format(client_id=1), subprotocols=subprotocols, proxy=None) as ws,
    ):
        ws.send("7")
        said = ws.recv(timeout=20)
        why = "it could not be answered in time (policy Whim)"
        if subprotocols:
            assert json.loads(said) == {"type": "refusal", "text": "7", "reason": why, "outcome": "expired"}
            assert bd.send([8], server.ws_url, timeout=5).requests["outcome"].tolist() == ["expired"]
        else:
            assert said == f"Rejected: {why}: 7"


def fails(view):
    raise ZeroDivisionError("the policy has a bug")


FAULTS = {
    "raises": (lambda view: fails(view) if view.waiting == 3 else Wait(), "ZeroDivisionError"),
    "releases too many": (lambda view: Release(9, "full") if view.waiting == 3 else Wait(), "PolicyError"),
    "answers nothing": (lambda view: None if view.waiting == 3 else Wait(), "PolicyError"),
    "at its timer": (lambda view: Wait(view.oldest + 0.05) if view.now < view.oldest + 0.05 else 7, "PolicyError"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_policy_at_fault_is_told_to_everybody_and_nothing_hangs(name):
    answer, kind = FAULTS[name]
    with bd.Server(Whim(answer)) as server:
        run = bd.send(range(1, 6), server)
        outcomes = run.requests["outcome"].tolist()
        assert set(outcomes) <= {"failed", "rejected"}
        assert outcomes[:3] == ["failed"] * 3
        assert server.running
        assert "Whim" in server.stats()["fault"]
        assert "the policy failed, and nothing is taken any more: Whim" in repr(server)
        assert any("the policy failed, and no request is taken any more: Whim" in line for line in server.log)
        with connect(server.ws_url.format(client_id=1), proxy=None) as ws:
            ws.send("7")
            assert ws.recv(timeout=20) == (
                "Rejected: the policy failed, and nothing is taken until the server is started again: 7"
            )
        server.stop()
        server.start()
        assert server.stats()["fault"] == ""
        with connect(server.ws_url.format(client_id=1), proxy=None) as ws:
            for number in range(3):
                ws.send(str(number))
            assert ws.recv(timeout=20) == f"Failed: the policy raised {kind}: 0"


def test_batches_that_had_left_before_the_policy_failed_are_answered(until):
    def answer(view):
        return Release(1, "full") if not view.running else fails(view)

    with bd.Server(Whim(answer), handler=lambda batch: until(lambda: server.stats()["fault"]) or batch) as server:
        run = bd.send(range(1, 4), server)
    assert run.requests["outcome"].tolist() == ["served", "failed", "rejected"]


def test_a_policy_that_waits_for_ever_is_said_to_once_and_no_fault(until):
    policy = Whim(lambda view: Release(3, "full") if view.waiting == 3 else Wait())
    with bd.Server(policy, on_disconnect="keep") as server:
        run = bd.send([1], server, timeout=0.1)
        assert run.requests["outcome"].tolist() == ["unknown"]
        assert "nothing will happen" in repr(server)
        assert server.stats()["fault"] == ""
        assert server.stats()["next_tick_in"] is None
        assert bd.send([2, 3], server).requests["outcome"].tolist() == ["served"] * 2
        assert "nothing will happen" not in repr(server)
        bd.send([4], server, timeout=0.1)
        assert sum("so only a new arrival can" in line for line in server.log) == 1


def test_a_full_queue_tells_when_to_try_again_where_that_is_known():
    def reply(policy):
        with (
            bd.Server(policy, max_queue_size=1) as server,
            connect(server.ws_url.format(client_id=1), proxy=None) as ws,
        ):
            ws.send("1")
            ws.send("2")
            return ws.recv(timeout=20)

    assert reply(bd.SizeOrTimeout(5, 60.0)).startswith("Rejected: the queue is full (max_queue_size=1); try again in ")
    assert reply(Whim(lambda view: Wait())) == "Rejected: the queue is full (max_queue_size=1): 2"


def test_the_time_left_is_none_where_nobody_can_know_it():
    with bd.Server(bd.SizeOrTimeout(5, 60.0)) as server:
        assert server.time_left(7) is None
        assert server.stats()["next_tick_in"] is None
    with bd.Server(bd.FixedInterval(5, 60.0)) as server:
        assert 60 < server.time_left(7) <= 120


def test_a_policy_on_ticks_is_asked_at_its_ticks_alone():
    views = []

    class Ticking(Whim):
        on_ticks, interval = True, 0.05

        def decide(self, view):
            views.append(view)
            return Release(1, "tick") if view.waiting else Wait()

    with bd.Server(Ticking(None)) as server:
        bd.send(range(1, 4), server)
    assert {view.now for view in views} <= {tick.due for tick in server.recorder.ticks}


class Wordless:
    """Releases all that wait, and has neither a name nor a repr of its own."""

    def decide(self, view):
        return Release(view.waiting, "idle") if view.waiting else Wait()

    def observe(self, batch):
        pass


def test_a_policy_without_words_is_called_by_its_class():
    with bd.Server(Wordless()) as server:
        run = bd.send(range(1, 4), server)
        assert "policy: Wordless" in repr(server)
        assert "object at" not in f"{server!r}{server._repr_html_()}{server.log!r}"
    assert run.about.policy == "Wordless"
