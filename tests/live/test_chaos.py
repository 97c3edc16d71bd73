"""What goes wrong on demand, in a thread and in a process of its own."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import batchdemo as bd
from batchdemo.errors import ArgumentError, ServerError

QUICK = bd.FixedInterval(5, 0.05)


BOTH = pytest.mark.parametrize("server", [False, True], ids=["thread", "process"], indirect=True)


@pytest.fixture
def server(request):
    """One that runs in a thread, or in a process of its own, which takes a second or two to start."""
    with bd.Server(QUICK, process=getattr(request, "param", False)) as running:
        yield running


def client(server):
    return connect(server.ws_url.format(client_id="ann"), proxy=None)


@BOTH
def test_a_server_answers_and_its_record_is_the_same_wherever_it_runs(server):
    run = bd.send(range(1, 19), server)
    assert run.batches["size"].sum() == 18
    assert run.requests["outcome"].tolist() == ["served"] * 18
    assert run.about.batches_from == "the server's log"
    assert (run.requests["arrived"] >= run.requests["sent"]).all()  # one clock, in both processes
    assert (run.requests["received"] >= run.requests["replied"]).all()
    assert server.stats()["served"] >= 18
    assert server.time_left(10) > 0


def test_a_policy_and_a_handler_of_a_cell_go_along():
    space = {"__name__": "__main__"}
    exec(  # as a notebook's cell would
        "from batchdemo import Release, Wait\n"
        "class Pairs:\n"
        "    def decide(self, view):\n"
        "        return Release(2, 'full') if view.waiting >= 2 else Wait()\n"
        "    def observe(self, batch):\n"
        "        pass\n"
        "def shout(batch):\n"
        "    return [text + '!' for text in batch]\n",
        space,
    )
    with bd.Server(space["Pairs"](), handler=space["shout"], process=True) as server, client(server) as ws:
        ws.send("a")
        ws.send("b")
        assert [ws.recv(timeout=20), ws.recv(timeout=20)] == ["a!", "b!"]


def test_slow_makes_the_handler_slow_and_zero_ends_it(server):
    server.chaos.slow(0.4)
    assert bd.send([1], server).batches["duration"].min() >= 0.4
    server.chaos.slow(0)
    assert bd.send([1], server).batches["duration"].min() < 0.4


@BOTH
def test_fail_poisons_a_batch_until_it_is_told_to_end(server):
    server.chaos.fail(3, "4")
    assert bd.send([3], server).requests["outcome"].tolist() == ["failed"]
    assert bd.send([5], server).requests["outcome"].tolist() == ["served"]
    assert bd.send([4], server).requests["outcome"].tolist() == ["failed"]
    server.chaos.fail()
    assert bd.send([3], server).requests["outcome"].tolist() == ["served"]


def test_with_isolate_one_poisoned_item_fails_alone():
    with bd.Server(bd.FixedInterval(5, 0.3), isolate=True) as server:
        server.chaos.fail(3)
        run = bd.send(range(1, 6), server)
    assert run.requests["outcome"].tolist() == ["served", "served", "failed", "served", "served"]
    assert run.batches["size"].tolist() == [5]


def test_dropped_connections_end_without_a_word_and_the_server_goes_on(server, until):
    with client(server) as ws:
        until(lambda: server.stats()["clients"] == 1)
        server.chaos.drop_connections()
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(timeout=20)
        assert closed.value.rcvd is None
    assert bd.send([1], server).requests["outcome"].tolist() == ["served"]


def test_a_blocked_loop_shows_as_a_gap_between_ticks():
    with bd.Server(bd.FixedInterval(5, 0.1)) as server:
        bd.send([1], server)
        server.chaos.block_loop(0.5)
        bd.send([1], server)
        ran = [tick.ran for tick in server.recorder.ticks]
    assert max(later - earlier for earlier, later in pairwise(ran)) >= 0.5


def test_duplicate_answers_a_batch_twice_and_the_check_finds_it(server):
    server.chaos.duplicate()
    assert [stray.kind for stray in bd.send([1], server).strays] == ["twice"]
    assert not bd.send([1], server).strays


def test_kill_is_a_kill_and_a_start_begins_anew_at_the_same_address(until):
    with bd.Server(bd.FixedInterval(5, 60.0), process=True) as server:
        port, url = server.port, server.url
        with client(server) as ws:
            ws.send("1")
            until(lambda: server.stats()["waiting"] == 1)
            server.chaos.kill()
            with pytest.raises(ConnectionClosed):
                ws.recv(timeout=20)
        assert not server.running
        assert "its process has ended" in repr(server)
        with pytest.raises(ServerError, match=r"gone \(killed by signal 9\). start\(\) it again"):
            server.stats()
        with pytest.raises(ServerError, match="nothing to kill"):
            server.chaos.kill()
        server.start()
        assert (server.port, server.url) == (port, url)
        assert server.stats()["waiting"] == 0  # in memory: what was not answered is lost
        server.stop()
        server.stop()


def test_a_server_in_a_thread_cannot_be_killed():
    with bd.Server() as server, pytest.raises(ServerError, match="process=True"):
        server.chaos.kill()


def test_nothing_goes_wrong_with_a_server_that_does_not_run():
    server = bd.Server()
    for order in (lambda: server.chaos.slow(1), server.chaos.drop_connections):
        with pytest.raises(ServerError, match="does not run"):
            order()


@pytest.mark.parametrize(
    ("order", "rule"),
    [
        (lambda chaos: chaos.slow(-1), "seconds must be a number of seconds from 0"),
        (lambda chaos: chaos.slow("a"), "seconds must be"),
        (lambda chaos: chaos.block_loop(math.nan), "seconds must be"),
        (lambda chaos: chaos.duplicate(1.5), "batches must be a whole number"),
    ],
)
def test_bad_orders_are_met_at_the_door(order, rule):
    with bd.Server() as server, pytest.raises(ArgumentError, match=rule):
        order(server.chaos)


def test_a_port_that_a_stranger_holds_is_an_error_here_too():
    with bd.Server() as other:
        program = f"import batchdemo as bd; bd.Server(port={other.port}, process=True).start()"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert "PortInUseError" in done.stderr


def test_what_cannot_be_sent_is_an_error_with_a_remedy():
    held = threading.Lock()
    with pytest.raises(ServerError, match="cannot be sent to a process of its own"):
        bd.Server(handler=lambda batch: held.locked() and batch, process=True).start()


def test_a_process_that_dies_before_it_calls_is_an_error_and_does_not_hang(monkeypatch):
    monkeypatch.setattr("batchdemo.live.process.sys", SimpleNamespace(executable="/bin/false", path=sys.path))
    with pytest.raises(ServerError, match=r"did not come up \(it ended with 1\)"):
        bd.Server(process=True).start()


def test_no_server_outlives_its_parent(until):
    program = (
        "import batchdemo as bd, os, time\n"
        "server = bd.Server(process=True).start()\n"
        "print(server._own.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait(20)
    parent.stdout.close()
    until(lambda: not alive(child))


def alive(pid):
    """Whether the process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_starting_and_stopping_again_is_harmless():
    server = bd.Server(QUICK, process=True)
    server.stop()
    for _ in range(2):
        with server:
            with pytest.raises(ServerError, match="running already"):
                server.start()
            assert bd.send([1], server).requests["outcome"].tolist() == ["served"]
    assert time.monotonic() > server.began > 0
