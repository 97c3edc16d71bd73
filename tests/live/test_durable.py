"""A server over a file: killed as a power cut kills, started again, and nothing that it accepted is lost."""

from __future__ import annotations

import random
import time
from collections import Counter

import pytest
from durable_bench import QUICK, SLOW, Noting, Wire, address, rows

import batchdemo as bd


@pytest.fixture
def file(tmp_path):
    return tmp_path / "queue.db"


def test_accepted_means_on_the_disk(file):
    with bd.Server(SLOW, queue=address(file), process=True) as server:
        with Wire(server) as ann:
            ann.send(1, "k")
            assert ann.get() == {"type": "accepted", "id": 1, "key": "k", "again": False}
            server.chaos.kill()
        assert rows(file) == [(1, "1", "waiting", None, None)]


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_lost_and_all_in_order_whenever_it_is_killed(file, tmp_path, seed):
    dice = random.Random(seed)
    log = tmp_path / "handled"
    with bd.Server(bd.FixedInterval(5, 0.02), handler=Noting(log), queue=address(file), process=True) as server:
        with bd.Client(server, "ann", once=True) as ann, bd.Client(server, "bob", once=False) as bob:
            for first in (1, 61):
                ann.send(range(first, first + 60))
                bob.send(range(first, first + 60))
                time.sleep(dice.uniform(0.0, 0.3))
                server.chaos.kill()
                server.start()
                server.chaos.slow(dice.uniform(0.0, 0.05))
            runs = ann.wait(40), bob.wait(40)
            assert (ann.duplicates, ann.accepted) == (0, 120)
            assert bob.duplicates == bob.accepted - 120
            assert bob.reconnects >= 1
        for run in runs:
            assert run.requests["outcome"].tolist() == ["served"] * 120
        assert runs[0].check()["in order within each client"].holds
        assert not runs[0].strays
        assert {stray.kind for stray in runs[1].strays} <= {"twice"}
        assert server.stats()["waiting"] == 0
    assert set(Counter(log.read_text().split())) == {str(number) for number in range(1, 121)}


def test_killed_amid_a_batch_it_is_handled_again_and_answered_once(file, tmp_path, until):
    log = tmp_path / "handled"
    with bd.Server(bd.TakeAll(), handler=Noting(log), queue=address(file), process=True) as server:
        server.chaos.slow(30)
        with bd.Client(server, "ann") as ann:
            ann.send(1)
            until(lambda: ann.accepted == 1)
            until(lambda: server.stats()["handling"] == 1)
            server.chaos.kill()
            assert rows(file) == [(1, "1", "taken", None, None)]
            server.start()
            run = ann.wait(30)
            assert (ann.duplicates, ann.redelivered, ann.again) == (0, 0, 0)
    assert run.requests["outcome"].tolist() == ["served"]
    assert log.read_text() == "1\n"


def test_killed_after_the_handler_and_before_the_commit_it_is_executed_twice_and_answered_once(file, tmp_path, until):
    log = tmp_path / "handled"

    def dies_once(batch, log=log):
        import os as system

        first = not log.exists()
        with log.open("a") as out:
            out.write("".join(f"{text}\n" for text in batch))
        if first:
            system.kill(system.getpid(), 9)
        return [f"You wrote: {text}" for text in batch]

    server = bd.Server(bd.TakeAll(), handler=dies_once, queue=address(file), process=True)
    with server, bd.Client(server, "ann") as ann:
        ann.send(1)
        until(lambda: not server.running)
        server.start()
        run = ann.wait(30)
        assert ann.duplicates == 0
    assert len(run.strays) == 0
    assert log.read_text() == "1\n1\n"


def test_killed_after_the_commit_and_before_the_delivery_the_reply_comes_from_the_file(file, tmp_path, until):
    log = tmp_path / "handled"
    with bd.Server(QUICK, handler=Noting(log), queue=address(file), process=True) as server:
        with Wire(server) as ann:
            ann.send(1, "k")
            assert ann.get("accepted")["id"] == 1
        until(lambda: server.stats()["served"] == 1)
        server.chaos.kill()
        assert rows(file) == [(1, "1", "done", "served", None)]
        server.start()
        with Wire(server) as ann:
            said = ann.get()
            assert (said["type"], said["text"], said["id"], said["key"], said["again"]) == (
                "reply", "You wrote: 1", 1, "k", True)  # fmt: skip
            assert (said["batch"], said["life"] > 0) == (1, True)
    assert log.read_text() == "1\n"


def test_a_server_of_another_process_finds_what_this_one_left(file):
    with bd.Server(SLOW, queue=address(file), process=True) as server, Wire(server) as ann:
        ann.send(1, "k")
        ann.get("accepted")
        server.chaos.kill()
    with bd.Server(bd.TakeAll(), queue=address(file)) as server, Wire(server) as ann:
        assert ann.get("reply")["id"] == 1


def test_the_same_key_is_served_once(file, until):
    with bd.Server(QUICK, queue=address(file)) as server, Wire(server) as ann, Wire(server, "bob") as bob:
        ann.send(1, "k")
        first = ann.get("reply")
        ann.confirm(first["id"])
        ann.send(1, "k")
        assert ann.get() == {"type": "accepted", "id": first["id"], "key": "k", "again": True}
        assert ann.get("reply")["again"] is True
        bob.send(1, "k")  # another client's key is another key
        assert bob.get("reply")["id"] == first["id"] + 1
        until(lambda: server.stats()["served"] == 2)


def test_without_a_key_what_comes_twice_is_served_twice(file):
    with bd.Server(QUICK, queue=address(file)) as server, Wire(server) as ann:
        ann.send(1)
        ann.send(1)
        assert [ann.get("reply")["id"], ann.get("reply")["id"]] == [1, 2]


def test_a_key_that_comes_again_while_it_is_told_what_it_missed_is_answered(file):
    """It was confirmed, so it is not among what was missed."""
    with bd.Server(QUICK, queue=address(file)) as server:
        with Wire(server) as ann:
            ann.send(1, "k")
            ann.confirm(ann.get("reply")["id"])
        with Wire(server) as ann:
            ann.send(1, "k")
            assert ann.get("reply")["id"] == 1
