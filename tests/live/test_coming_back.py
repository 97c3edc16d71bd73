"""Who comes back to a durable server gets what it missed, in order and before anything new, until it confirms it."""

from __future__ import annotations

import time
from unittest.mock import Mock

import pytest
from durable_bench import QUICK, Wire, address, at_the_disk, plain
from websockets.exceptions import ConnectionClosed

import batchdemo as bd
from batchdemo.live import mailbox
from batchdemo.queues.store import Row


@pytest.fixture
def file(tmp_path):
    return tmp_path / "queue.db"


def leave_behind(server, until, count, name="ann"):
    """This client sends so many and goes; they are served."""
    served = server.stats()["served"]
    with Wire(server, name) as client:
        for number in range(1, count + 1):
            client.send(number)
        for _ in range(count):
            client.get("accepted")
    until(lambda: server.stats()["served"] == served + count)


def test_what_was_missed_comes_first_and_in_order(file, until):
    with bd.Server(bd.FixedInterval(50, 0.05), queue=address(file)) as server:
        leave_behind(server, until, 20)
        with Wire(server) as ann:
            ann.send(21)
            ids = [ann.get("reply")["id"] for _ in range(21)]
            ann.confirm(*ids)
        assert ids == list(range(1, 22))
        with Wire(server) as ann:
            assert ann.silent()


def test_so_much_was_missed_that_it_comes_in_pages(file, until, monkeypatch):
    """In one go it would be more than may wait unread, and the client would be closed each time it came."""
    monkeypatch.setattr(mailbox, "PAGE", 4)
    monkeypatch.setattr("batchdemo.live.durable.PAGE", 4)
    with bd.Server(bd.FixedInterval(50, 0.05), queue=address(file)) as server:
        leave_behind(server, until, 18)
        with Wire(server) as ann:
            ann.send(19)
            assert [ann.get("reply")["id"] for _ in range(19)] == list(range(1, 20))
        with plain(server) as ann:
            assert [ann.recv(timeout=20) for _ in range(19)] == [f"You wrote: {number}" for number in range(1, 20)]


def test_large_replies_that_were_missed_do_not_close_the_client(file, until):
    with bd.Server(bd.FixedInterval(100, 0.05), handler=lambda batch: ["x" * 100_000] * len(batch),
                   queue=address(file)) as server:  # fmt: skip
        leave_behind(server, until, 100)
        with Wire(server) as ann:
            time.sleep(0.2)
            assert [ann.get("reply")["id"] for _ in range(100)] == list(range(1, 101))


def test_a_plain_client_confirms_by_its_pong(file, until):
    with bd.Server(QUICK, queue=address(file)) as server:
        leave_behind(server, until, 2)
        with plain(server) as ann:
            assert [ann.recv(timeout=20), ann.recv(timeout=20)] == ["You wrote: 1", "You wrote: 2"]
            until(lambda: not at_the_disk(server, lambda store: store.unsent("ann")))
        with plain(server) as ann:
            ann.send("3")
            assert ann.recv(timeout=20) == "You wrote: 3"


def test_of_two_connections_the_newer_gets_all_and_the_older_what_comes_after_it(file, until):
    with bd.Server(QUICK, queue=address(file)) as server, Wire(server) as older:
        older.send(1)
        older.confirm(older.get("reply")["id"])
        with Wire(server) as newer:
            older.send(2)
            assert newer.get("reply")["text"] == "You wrote: 2"
        assert older.get("reply")["text"] == "You wrote: 2"  # the newer one did not confirm it
        older.send(3)
        assert older.get("reply")["text"] == "You wrote: 3"


def test_nobody_confirms_what_is_another_clients(file, until):
    with bd.Server(QUICK, queue=address(file)) as server:
        leave_behind(server, until, 1)
        with Wire(server, "bob") as bob:
            bob.confirm(1)
            bob.send(5)
            bob.get("reply")
        with Wire(server) as ann:
            assert ann.get("reply")["id"] == 1


def test_a_client_that_confirms_nothing_is_refused_in_the_end(file, monkeypatch):
    monkeypatch.setattr(mailbox, "MOST_UNCONFIRMED", 2)
    with bd.Server(QUICK, queue=address(file)) as server, Wire(server) as ann:
        for number in (1, 2):
            ann.send(number)
            ann.get("reply")
        ann.send(3)
        assert "are not confirmed" in ann.get("refusal")["reason"]
        ann.confirm(1, 2)
        ann.send(4)
        assert ann.get("reply")["text"] == "You wrote: 4"


def test_send_over_the_json_wire_confirms_and_takes_no_acceptance_for_a_reply(file):
    with bd.Server(bd.TakeAll(), queue=address(file)) as server:
        run = bd.send(range(1, 31), server.ws_url, client_ids=["ann"])
        assert run.strays == ()
        assert run.about.batches_from == "the replies' JSON"
        assert (run.requests["batch"] > 0).all()
        with Wire(server) as ann:
            assert ann.silent()


def test_two_runs_of_one_client_are_told_apart(file):
    with bd.Server(QUICK, queue=address(file)) as server:
        for count in (18, 3):
            run = bd.send(range(count), server, client_ids=["ann"])
            assert run.requests["outcome"].tolist() == ["served"] * count
            assert (run.requests["arrived"] >= run.requests["sent"]).all()


def test_a_cut_connection_is_not_the_end(file):
    with bd.Server(QUICK, queue=address(file)) as server, Wire(server) as ann:
        ann.send(1)
        ann.get("accepted")
        server.chaos.drop_connections()
        with pytest.raises(ConnectionClosed):
            ann.get("never")
        with Wire(server) as back:
            assert back.get("reply")["id"] == 1


def test_a_reply_that_is_on_its_way_is_not_sent_before_its_turn():
    """Found by benchmarks/soak.py: it was on the disk, and its batch not yet answered, when its key came again."""
    connection = Mock(as_json=True)
    box = mailbox.Mailbox(Mock(), Mock())
    box.open(connection)
    box.caught_up(connection, [], Mock())
    row = Row(7, "ann", "k", "7", 0.0, "done", 1, "served", "You wrote: 7", None)
    box.came_again(row)
    connection.accept.assert_called_once_with(7, "k", again=True)
    connection.deliver_rows.assert_not_called()
    box.came_again(row._replace(delivered=1))
    connection.deliver_rows.assert_called_once()


def test_a_reply_to_one_who_never_comes_back_is_dropped_at_a_start_in_the_end(file, until, monkeypatch):
    with bd.Server(QUICK, queue=address(file)) as server:
        with Wire(server) as ann:
            ann.send(1)
            ann.get("accepted")
        until(lambda: server.stats()["served"] == 1)
        server.stop()
        server.start()
        with Wire(server) as ann:
            assert ann.get()["text"] == "You wrote: 1"  # not yet
        server.stop()
        monkeypatch.setattr("batchdemo.live.queue_file.KEEP_REPLIES", -1.0)
        server.start()
        with Wire(server) as ann:
            assert ann.silent()
