"""What a durable server does not take: too much, too late, with a full disk, or from a file that cannot be used."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from durable_bench import QUICK, SLOW, Wire, address, rows

import batchdemo as bd
from batchdemo.errors import ArgumentError, QueueFileError
from batchdemo.queues.store import Store


@pytest.fixture
def file(tmp_path):
    return tmp_path / "queue.db"


def test_many_at_once_share_commits(file):
    with bd.Server(bd.FixedInterval(200, 0.05), queue=address(file)) as server:
        run = bd.send(range(200), server, clients=20)
        committer = server._file.committer
        assert run.summary()["served"] == 200
        assert committer.operations > 200
        assert committer.commits < 100


def test_what_is_on_its_way_to_the_disk_takes_a_place(file):
    with bd.Server(SLOW, queue=address(file), max_queue_size=5) as server:
        gate = threading.Event()
        server._file.committer.submit(lambda store: gate.wait(20), lambda result, error: None)
        with Wire(server) as ann:
            for number in range(8):
                ann.send(number)
            assert ["max_queue_size=5" in ann.get()["reason"] for _ in range(3)] == [True] * 3
            gate.set()
            assert [ann.get()["type"] for _ in range(5)] == ["accepted"] * 5
        assert server.stats()["waiting"] == 5


def test_a_full_disk_refuses_with_a_word_and_loses_nothing(file, until):
    with bd.Server(QUICK, queue=address(file)) as server, Wire(server) as ann:
        ann.send(1, "one")
        ann.confirm(ann.get("reply")["id"])
        until(lambda: len(server._file.committer) == 0)
        db = server._file.committer._store._db
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")
        ann.send("2" * 60_000, "two")
        said = ann.get("refusal")
        assert said["reason"] == "it could not be written to the disk"
        assert any("room on its disk" in line for line in server.lines())
        db.execute(f"PRAGMA max_page_count = {pages + 1_000}")
        ann.send("2" * 60_000, "two")
        assert ann.get("reply")["key"] == "two"
        ann.send(1, "one")
        assert ann.get("accepted")["again"] is True


def test_what_expired_stays_expired_and_who_was_away_is_told(file, until):
    with bd.Server(SLOW, queue=address(file), process=True) as server:
        with Wire(server) as ann:
            ann.send(1, "k", deadline=0.2)
            ann.get("accepted")
        until(lambda: server.stats()["expired"] == 1)
        server.chaos.kill()
        server.start()
        assert server.stats()["waiting"] == 0
        with Wire(server) as ann:
            said = ann.get()
            assert (said["type"], said["outcome"], said["text"], said["id"]) == ("refusal", "expired", "1", 1)
            assert said["reason"] == "its deadline passed while it waited"
            ann.confirm(1)
        with Wire(server) as ann:
            assert ann.silent()


def test_a_servers_own_deadline_goes_on_while_it_is_dead(file, until):
    with bd.Server(SLOW, queue=address(file)) as server, Wire(server) as ann:
        ann.send(1, "k")
        ann.get("accepted")
    time.sleep(0.2)
    with bd.Server(bd.FixedInterval(5, 0.3), queue=address(file), deadline=0.1) as server, Wire(server) as ann:
        assert ann.get("refusal")["outcome"] == "expired"


def test_stopped_and_started_again_it_keeps_what_waits(file):
    server = bd.Server(bd.FixedInterval(5, 0.5), queue=address(file))
    with server, Wire(server) as ann:
        for number in range(1, 4):
            ann.send(number, str(number))
            ann.get("accepted")
    with server, Wire(server) as ann:
        assert server.stats()["waiting"] == 3
        assert [ann.get("reply")["text"] for _ in range(3)] == [f"You wrote: {number}" for number in range(1, 4)]


def test_wait_and_drop_need_a_queue_in_memory(file):
    for overflow in ("wait", "drop_oldest"):
        with pytest.raises(ArgumentError, match="overflow must be 'reject' where the queue is a file"):
            bd.Server(queue=address(file), overflow=overflow)
    with pytest.raises(ArgumentError, match="queue must be the address of a file"):
        bd.Server(queue="postgres://x")
    assert not file.exists()


def locked(file):
    """By another process: to read the file here would drop a lock of this one."""
    Store(file).close()
    program = (
        "import sqlite3, sys\n"
        "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('BEGIN IMMEDIATE')\n"
        "print(flush=True)\n"
        "sys.stdin.read()\n"
    )
    other = subprocess.Popen([sys.executable, "-c", program, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    other.stdout.readline()
    return other


def another_version(file):
    Store(file).close()
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA user_version = 99")


def corrupt(file):
    with Store(file) as store, store.transaction():
        for number in range(200):
            store.accept("ann", None, f"{number}" * 50)
    data = bytearray(file.read_bytes())
    data[4096 * 2 : 4096 * 4] = b"\xff" * 8192
    file.write_bytes(data)


BAD = {
    "locked": (locked, "be used by one server at a time"),
    "no database": (lambda file: file.write_bytes(b"hello" * 100), "be a queue that batchdemo made"),
    "corrupt": (corrupt, "be undamaged"),
    "of another version": (another_version, "be of version 1"),
    "in no folder": (lambda file: None, "be in a folder that exists"),
    "a folder": (lambda file: file.mkdir(), "be a file"),
}


@pytest.mark.parametrize("process", [False, True], ids=["thread", "process"])
@pytest.mark.parametrize("what", BAD)
def test_a_file_that_cannot_be_used_is_an_error_in_the_cell(tmp_path, what, process):
    make, rule = BAD[what]
    file = tmp_path / "nowhere" / "queue.db" if what == "in no folder" else tmp_path / "queue.db"
    kept = make(file)
    before = file.read_bytes() if file.is_file() else None
    server = bd.Server(queue=address(file), process=process)
    with pytest.raises(QueueFileError, match=rule):
        server.start()
    assert not server.running
    assert (file.read_bytes() if file.is_file() else None) == before
    if not process:
        with bd.Server(port=server.port):  # it is free again
            pass
    server.stop()
    if isinstance(kept, subprocess.Popen):
        kept.communicate(timeout=20)


def test_two_servers_do_not_share_a_file(file):
    with bd.Server(queue=address(file)), pytest.raises(QueueFileError, match="one in this process has it"):
        bd.Server(queue=address(file)).start()


def test_a_server_whose_start_fails_gives_its_file_back(file, monkeypatch):
    server = bd.Server(queue=address(file))
    with monkeypatch.context() as patch:
        patch.setattr("batchdemo.live.server.create_app", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            server.start()
    with server:
        assert server.running


def test_the_file_is_where_it_was_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with bd.Server(queue="sqlite:///queue.db", process=True):
        assert Path("queue.db").exists()
    assert rows("queue.db") == []
