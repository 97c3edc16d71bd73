"""`Client`: it comes back, sends again what may be lost, and keeps one run over all lives of its server."""

from __future__ import annotations

import _thread
import asyncio
import json
import socket
import subprocess
import sys
import threading
import time

import pytest

import batchdemo as bd
from batchdemo.errors import ArgumentError, QueueFullError, SendError, SendInterrupted, ServerError
from batchdemo.live.session import Session

QUICK = bd.FixedInterval(5, 0.05)


@pytest.fixture
def server(request, tmp_path):
    """Durable, in a thread."""
    with bd.Server(QUICK, queue=f"sqlite:///{tmp_path}/queue.db") as running:
        yield running


def test_numbers_are_sent_at_once_and_waited_for(server):
    with bd.Client(server, "ann") as client:
        client.send(range(1, 18))
        client.send(18)
        run = client.wait(20)
        assert (client.sent, client.accepted, client.answered, client.again) == (18, 18, 18, 0)
    assert run.requests["outcome"].tolist() == ["served"] * 18
    assert run.about.world == "live"
    assert run.about.batches_from == "the replies' JSON"
    assert (run.about.max_batch_size, run.about.interval) == (5, 0.05)
    assert max(run.batches["size"]) <= 5
    assert run.strays == ()


def test_it_survives_a_server_that_stops_and_starts_elsewhere(server, until):
    with bd.Client(server, "ann") as client:
        client.send(range(1, 4))
        client.wait(20)
        server.stop()
        until(lambda: client.state.startswith("reconnecting ("))
        assert "reconnecting" in repr(client)
        assert "reconnecting" in client._repr_html_()
        client.send(range(4, 7))  # goes out when it is back
        server.start()
        run = client.wait(30)
        assert client.reconnects == 1
        assert client.state == "connected"
    assert run.requests["outcome"].tolist() == ["served"] * 6
    assert "the connection was lost" in run.describe()


def test_batches_of_two_lives_are_told_apart(server):
    with bd.Client(server, "ann") as client:
        client.send(range(1, 4))
        client.wait(20)
        server.stop()
        server.start()
        client.send(range(4, 7))
        run = client.wait(30)
    first, second = run.columns["batch"][:3], run.columns["batch"][3:]
    assert max(first) < min(second)


@pytest.mark.parametrize(("settings", "outcomes", "again"), [
    ({"once": True}, "served", False), ({"once": False}, "served", True), ({"resend": False}, "served", False),
])  # fmt: skip
def test_what_is_sent_again_after_a_cut(tmp_path, until, settings, outcomes, again):
    """A durable server has it all on its disk, so keys and `resend=False` have nothing to send again."""
    server = bd.Server(bd.FixedInterval(5, 0.5), queue=f"sqlite:///{tmp_path}/q.db")
    with server, bd.Client(server, "ann", **settings) as client:
        client.send(range(1, 6))
        until(lambda: client.accepted == 5)
        server.chaos.drop_connections()
        run = client.wait(20)
        assert client.duplicates == client.again == (5 if again else 0)
        assert [stray.kind for stray in run.strays] == ["twice"] * client.again
    assert set(run.requests["outcome"]) == {outcomes}


def test_at_most_once_leaves_unknown_what_a_server_in_memory_lost():
    with bd.Server(bd.FixedInterval(5, 30.0)) as server, bd.Client(server, resend=False) as client:
        client.send([1])
        while not server.stats()["waiting"]:
            time.sleep(0.005)
        server.chaos.drop_connections()
        run = client.wait(0.5)
    assert run.requests["outcome"].tolist() == ["unknown"]


def test_at_least_once_gets_it_from_a_server_in_memory():
    with bd.Server(bd.FixedInterval(5, 0.3)) as server, bd.Client(server) as client:
        client.send([1, 2])
        while not server.stats()["waiting"]:
            time.sleep(0.005)
        server.chaos.drop_connections()
        run = client.wait(20)
        assert (client.again, client.accepted) == (2, 0)
    assert run.requests["outcome"].tolist() == ["served"] * 2


def test_a_reply_that_was_not_confirmed_comes_again_and_counts_once(server, monkeypatch):
    async def never(*_):
        pass

    monkeypatch.setattr("batchdemo.live.session.Session._confirm", never)
    with bd.Client(server, "ann") as client:
        client.send([1, 2])
        client.wait(20)
        server.chaos.drop_connections()
        client.send([3])
        run = client.wait(20)
        assert (client.redelivered, client.duplicates) == (2, 0)
    assert run.strays == ()


def test_what_it_has_is_not_sent_to_the_next_client_of_its_name(server):
    for numbers in (range(1, 19), range(5, 9)):
        with bd.Client(server, "ann") as client:
            client.send(numbers)
            run = client.wait(20)
            assert run.strays == ()
            assert client.redelivered == 0


def test_what_an_earlier_client_of_its_name_left_is_not_its_own(server, until):
    with bd.Client(server, "ann") as client:
        client.send([1, 2])
        until(lambda: client.accepted == 2)
        client._session._where = lambda: "ws://127.0.0.1:9/"
        server.chaos.drop_connections()
        served = server.stats()["served"]
    until(lambda: server.stats()["served"] >= max(2, served))
    with bd.Client(server, "ann") as client:
        client.send([1, 2])
        run = client.wait(20)
    assert {stray.kind for stray in run.strays} <= {"unasked"}
    assert run.requests["outcome"].tolist() == ["served"] * 2


def test_refused_numbers_are_tried_again_politely(tmp_path):
    server = bd.Server(QUICK, queue=f"sqlite:///{tmp_path}/q.db", max_queue_size=5)
    with server, bd.Client(server, retry=bd.Retry(attempts=100, base=0.01, cap=0.05, seed=1)) as client:
        client.send(range(30))
        run = client.wait(30)
        assert client.again > 0
        assert server.stats()["rejected"] == client.again
    assert run.requests["outcome"].tolist() == ["served"] * 30


def test_without_retry_a_refusal_is_the_answer():
    with bd.Server(bd.FixedInterval(5, 0.2), max_queue_size=5) as server, bd.Client(server) as client:
        client.send(range(8))
        run = client.wait(20)
    assert run.requests["outcome"].tolist() == ["served"] * 5 + ["rejected"] * 3


def test_it_speaks_with_the_tutorials_own_server(tutorial):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    process = subprocess.Popen([sys.executable, tutorial, str(port), "0.2", "5"], stderr=subprocess.DEVNULL)
    try:
        client = None
        for _ in range(400):
            try:
                client = bd.Client(f"ws://127.0.0.1:{port}/ws/{{client_id}}", "7")
                break
            except SendError:
                time.sleep(0.05)
        with client:
            client.send(range(1, 9))
            run = client.wait(20)
            assert client.accepted == 0
        assert run.requests["outcome"].tolist() == ["served"] * 8
        assert run.about.world == "remote"
    finally:
        process.kill()
        process.wait(20)


# --- bounds, and the end -----------------------------------------------------------------------------------


def test_so_many_may_be_without_an_answer():
    with bd.Server(bd.FixedInterval(5, 60.0)) as server, bd.Client(server, max_outstanding=5) as client:
        client.send(range(5))
        with pytest.raises(QueueFullError, match="max_outstanding=5: there is no room for 1 more"):
            client.send(9)
        assert client.sent == 5
        began = time.monotonic()
        run = client.wait(0.1)
        assert time.monotonic() - began < 1.0
        assert run.summary()["waiting"] == 5


def test_closing_is_quick_and_harmless_twice(server):
    client = bd.Client(server)
    client.send([1])
    client.wait(20)
    for _ in range(2):
        client.close()
    assert client.closed
    assert "state: closed" in repr(client)
    assert len(client.run) == len(client.wait()) == 1
    with pytest.raises(SendError, match="this client is closed, so nothing was sent"):
        client.send([2])


def test_closing_while_it_reconnects_is_quick(server, until):
    client = bd.Client(server)
    server.stop()
    until(lambda: client.state.startswith("reconnecting"))
    began = time.monotonic()
    client.close()
    assert time.monotonic() - began < 2.0


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_the_waiting_and_not_the_client():
    with bd.Server(bd.FixedInterval(5, 60.0)) as server, bd.Client(server) as client:
        client.send([1, 2])
        threading.Timer(0.3, _thread.interrupt_main).start()
        with pytest.raises(SendInterrupted, match="interrupted after 0 of 2 replies; the client goes on") as caught:
            client.wait(20)
        assert len(caught.value.run) == 2
        assert client.state == "connected"


def test_to_send_does_not_wait_for_the_replies():
    with bd.Server(bd.FixedInterval(5, 3_600.0)) as server, bd.Client(server) as client:
        client.send(range(100))
        assert client.answered == 0


def test_all_that_was_sent_again_without_keys_is_waited_for(tmp_path, until):
    with (
        bd.Server(bd.FixedInterval(5, 0.1), queue=f"sqlite:///{tmp_path}/queue.db") as server,
        bd.Client(server, once=False) as client,
    ):
        client.send(range(20))
        until(lambda: client.accepted == 20)
        server.chaos.drop_connections()
        run = client.wait(20)
        assert client.again > 0
        assert client.duplicates == client.again
        assert [stray.kind for stray in run.strays] == ["twice"] * client.again


def test_it_is_not_settled_before_what_was_sent_again_is_accepted():
    """The order of a return: first what was missed, and only then that the second request is accepted."""

    class Link:
        async def send(self, message):
            pass

    def hear(kind, number):
        more = {"text": "You wrote: 1", "batch": 1, "position": 1, "reason": "tick"} if kind == "reply" else {}
        session._hear(json.dumps({"type": kind, "id": number, "key": None, **more}))
        return session.settled.is_set()

    session = Session(lambda: "", None, True, None)
    session.as_json = True
    session.add([1])
    asyncio.run(session._send(Link(), 0))
    assert not hear("accepted", 1)
    session._sent_here = session._heard_here = 0  # the connection is lost, and another is had
    asyncio.run(session._send(Link(), 0))
    assert not hear("reply", 1)
    assert not hear("accepted", 2)
    assert hear("reply", 2)
    assert [stray.kind for stray in session.ledger.strays] == ["twice"]


def test_a_client_that_is_forgotten_ends(server, until):
    client = bd.Client(server)
    client.send([1])
    client.wait(20)
    thread = client._life._thread
    del client
    until(lambda: not thread.is_alive())


def test_who_cannot_connect_hears_it_in_the_cell():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        with pytest.raises(SendError, match="cannot be reached"):
            bd.Client(f"ws://127.0.0.1:{sock.getsockname()[1]}/ws/{{client_id}}")


def test_a_stopped_server_is_met_at_the_door():
    with pytest.raises(ServerError, match="is stopped"):
        bd.Client(bd.Server())


@pytest.mark.parametrize(("settings", "rule"), [
    ({"client_id": "a b"}, "client_id must be a name"),
    ({"client_id": 7}, "client_id must be a name"),
    ({"retry": "yes"}, "retry must be True, a number of tries"),
    ({"max_outstanding": 0}, "max_outstanding must be a whole number"),
])  # fmt: skip
def test_bad_settings_are_met_at_the_door(server, settings, rule):
    with pytest.raises(ArgumentError, match=rule):
        bd.Client(server, **settings)


def test_bad_numbers_are_met_at_the_door(server):
    with bd.Client(server) as client:
        client.send([1])
        for numbers, rule in (([1], "other ones than before, got 1"), ([2, 2], "different whole numbers"),
                              ("12", "numbers must be"), ([1.5], "must be a whole number")):  # fmt: skip
            with pytest.raises(ArgumentError, match=rule):
                client.send(numbers)
        with pytest.raises(ArgumentError, match="timeout must be a number of seconds"):
            client.wait(-1)
        assert client.sent == 1


@pytest.mark.parametrize("to", ["http://x", 7, None])
def test_bad_addresses_are_met_at_the_door(to):
    with pytest.raises(ArgumentError, match="to must be a Server, or an address"):
        bd.Client(to)
