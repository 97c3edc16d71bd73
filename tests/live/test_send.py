"""`send`: from a script, a thread and inside a loop; to our server and by address; and what goes wrong."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import socket
import threading
import time

import numpy as np
import pytest

import batchdemo as bd
from batchdemo.errors import ArgumentError, SendError, SendInterrupted, ServerError

FAST = bd.FixedInterval(5, 0.1)


def test_eighteen_come_as_five_five_five_three():
    with bd.Server(bd.FixedInterval(5, 0.25)) as server:
        run = bd.send(range(1, 19), server)
    assert run.batches["size"].tolist() == [5, 5, 5, 3]
    assert run.batches["waiting_before"].tolist() == [18, 13, 8, 3]
    assert run.requests["number"].tolist() == list(range(1, 19))
    assert run.requests["batch"].tolist() == [1] * 5 + [2] * 5 + [3] * 5 + [4] * 3
    assert run.requests["position"].tolist() == [*([1, 2, 3, 4, 5] * 3), 1, 2, 3]
    assert run.about.batches_from == "the server's log"
    checks = run.check(tolerance=0.25)
    assert all(verdict.holds for verdict in checks), checks
    assert run.describe().startswith("18 requests in 4 batches of 5, 5, 5 and 3, in order, ")


def test_the_times_of_a_request_are_in_the_order_of_its_life():
    with bd.Server(FAST) as server:
        requests = bd.send(range(1, 19), server, clients=3).requests
    times = requests[["sent", "arrived", "released", "replied", "received"]].to_numpy()
    early = np.diff(times, axis=1)
    early = early[:, [0, 1, 2]]  # a reply may be read before the server has noted that it was written
    assert (early >= 0).all()
    assert (requests["received"] >= requests["released"]).all()
    assert np.allclose(requests["waiting_time"], requests["released"] - requests["arrived"])


def test_numbers_are_dealt_round_and_each_client_gets_its_own():
    with bd.Server(FAST) as server:
        run = bd.send(range(1, 11), server, clients=3)
    assert run.requests["client"].tolist() == [1, 2, 3, 1, 2, 3, 1, 2, 3, 1]
    assert run.check()["each to its own client"].holds
    assert run.batches["clients"].max() > 1


def test_the_batches_of_a_second_run_count_from_one_again():
    with bd.Server(FAST) as server:
        first, second = bd.send(range(7), server), bd.send(range(7), server)
    assert first.batches["batch"].tolist() == second.batches["batch"].tolist() == [1, 2]
    assert second.tick_table.ran.min() >= 0


def test_by_address_the_batches_come_from_the_replies(after_a_tick):
    with bd.Server(bd.FixedInterval(5, 0.5)) as server:
        after_a_tick(server)
        run = bd.send(range(1, 19), server.ws_url, clients=2)
    assert run.about.batches_from == "the replies' JSON"
    assert run.batches["size"].tolist() == [5, 5, 5, 3]
    assert (run.batches["reason"] == "tick").all()
    assert np.isnan(run.columns["arrived"]).all()
    assert run.check()["cadence"].holds is None
    assert run.check(max_batch_size=5, interval=0.5, tolerance=0.25).ok


def test_a_rate_spreads_the_sending():
    with bd.Server(bd.FixedInterval(50, 0.05)) as server:
        sent = bd.send(range(10), server, arrivals=50).requests["sent"].to_numpy()
    assert (sent >= np.arange(10) / 50).all()
    assert sent[-1] < 10


def test_explicit_times_are_kept():
    times = [0.0, 0.0, 0.1, 0.3]
    with bd.Server(FAST) as server:
        sent = bd.send([4, 3, 2, 1], server, arrivals=times).requests["sent"].to_numpy()
    assert (sent >= times).all()


def test_it_works_in_a_thread_and_while_a_loop_runs():
    runs = []
    with bd.Server(FAST) as server:
        threads = [threading.Thread(target=lambda: runs.append(bd.send(range(6), server))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        async def inside() -> bd.Run:
            return bd.send(range(6), server)

        runs.append(asyncio.run(inside()))
    assert [run.check()["every reply came"].holds for run in runs] == [True] * 4


def test_many_messages_over_many_clients():
    with bd.Server(bd.FixedInterval(1000, 0.02)) as server:
        run = bd.send(range(20_000), server, clients=50)
    assert run.check()["every reply came"].holds
    assert run.check()["in order within each client"].holds


def test_what_is_refused_is_in_the_table():
    with bd.Server(bd.FixedInterval(5, 0.2), max_queue_size=7) as server:
        run = bd.send(range(1, 11), server)
    assert run.requests["outcome"].tolist() == ["served"] * 7 + ["rejected"] * 3
    assert run.check()["every reply came"].says == "#8, #9 and #10 were rejected"


def test_what_never_came_is_unknown_and_the_run_says_what_is_missing():
    with bd.Server(bd.FixedInterval(5, 60.0)) as server:
        run = bd.send(range(1, 19), server, timeout=0.3)
    assert (run.requests["outcome"] == "unknown").all()
    assert not run.columns["released"][0] > 0
    assert (run.columns["arrived"] > 0).all()
    assert "18 unknown (#1, #2, #3 and 15 more)" in run.describe()
    assert "Nothing came for 0.3 s" in run.describe()
    assert run.check()["every reply came"].holds is False
    assert run.summary()["stable"] is False


def test_a_server_that_stops_midway_is_told_in_the_run():
    with bd.Server(bd.FixedInterval(5, 0.2)) as server:
        threading.Timer(0.3, server.stop).start()
        run = bd.send(range(1, 1001), server)
    assert 0 < run.summary()["served"] < 1000
    assert "closed by the server: 1001 the server was stopped" in run.describe()


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_keeps_what_has_come_in():
    with bd.Server(bd.FixedInterval(5, 0.3)) as server:

        def interrupt() -> None:
            while server.stats()["served"] < 10:
                time.sleep(0.005)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        with pytest.raises(SendInterrupted, match=r"interrupted after \d+ of 1000 replies") as interrupted:
            bd.send(range(1, 1001), server)
        run = interrupted.value.run
        assert isinstance(run, bd.Run)
        assert 5 <= run.summary()["served"] <= 100
        assert run.summary()["waiting"] == 1000 - run.summary()["served"]
        assert server.running


def test_a_stopped_server_is_refused_before_anything_is_sent():
    server = bd.Server(FAST)
    with pytest.raises(ServerError, match="is stopped, so nothing was sent"):
        bd.send([1], server)


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        ([], "There are none in it"),
        (itertools.count(), "There are more than 1,000,000 in it"),
        ([1, 2, 1], "1 is in it more than once"),
        ("18", "numbers must be 1 to 1,000,000 different whole numbers, got '18'"),
        (18, "numbers must be"),
        ([1, 2.5], r"numbers\[1\] must be a whole number"),
        ([True], r"numbers\[0\] must be a whole number"),
        (["1"], r"numbers\[0\] must be a whole number"),
    ],
)
def test_bad_numbers(numbers, says):
    with bd.Server(FAST) as server, pytest.raises(ArgumentError, match=says):
        bd.send(numbers, server)


def test_numpy_numbers_and_generators_will_do():
    with bd.Server(FAST) as server:
        assert len(bd.send(np.arange(3), server)) == 3
        assert len(bd.send((number for number in range(3)), server)) == 3


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"clients": 0}, "clients must be a whole number from 1"),
        ({"clients": 5_001}, "clients must be"),
        ({"arrivals": 0}, "arrivals must be a number of requests a second"),
        ({"arrivals": float("nan")}, "arrivals must be"),
        ({"arrivals": -1}, "arrivals must be"),
        ({"arrivals": True}, "arrivals must be"),
        ({"arrivals": "soon"}, "arrivals must be None, a rate"),
        ({"arrivals": [0.0]}, "There are 3 numbers and 1 times"),
        ({"arrivals": [0.0, -1.0, 2.0]}, "arrivals must be seconds from 0 on, in rising order"),
        ({"arrivals": [0.0, 2.0, 1.0]}, "in rising order"),
        ({"arrivals": [0.0, float("nan"), 1.0]}, "in rising order"),
        ({"timeout": 0}, "timeout must be a number of seconds"),
        ({"timeout": float("inf")}, "timeout must be"),
        ({"timeout": "30"}, "timeout must be"),
    ],
)
def test_bad_options(options, says):
    with bd.Server(FAST) as server, pytest.raises(ArgumentError, match=says):
        bd.send(range(3), server, **options)


@pytest.mark.parametrize(
    ("to", "says"),
    [
        ("127.0.0.1:8000", "It must begin with ws://"),
        ("http://127.0.0.1:8000/ws/{client_id}", r"Try 'ws://127.0.0.1:8000/ws/\{client_id\}'"),
        ("ws://", "to must be a Server, or an address such as ws://"),
        ("ws://127.0.0.1:99999/", "to must be"),
        ("ws://127.0.0.1:0/", "to must be"),
        (8000, "to must be"),
        (None, "to must be"),
    ],
)
def test_bad_addresses(to, says):
    with pytest.raises(ArgumentError, match=says):
        bd.send([1], to)


def test_an_address_where_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(SendError, match=f"ws://127.0.0.1:{port}/ cannot be reached.*Is the server running there"):
        bd.send([1], f"ws://127.0.0.1:{port}/")


def test_an_address_that_speaks_no_websocket():
    with bd.Server(FAST) as server, pytest.raises(SendError, match="answers, but not with a WebSocket"):
        bd.send([1], f"ws://127.0.0.1:{server.port}/status")


def test_an_address_that_speaks_no_http_at_all():
    with socket.create_server(("127.0.0.1", 0)) as stranger:

        def greet() -> None:
            connection, _ = stranger.accept()
            connection.sendall(b"220 mail ready\r\n")
            connection.close()

        threading.Thread(target=greet).start()
        with pytest.raises(SendError, match="answers, but not with a WebSocket"):
            bd.send([1], f"ws://127.0.0.1:{stranger.getsockname()[1]}/")


def test_a_proxy_in_the_environment_does_not_stand_before_this_machine(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with bd.Server(FAST) as server:
        assert bd.send([1], server).check()["every reply came"].holds


@pytest.mark.skipif(not hasattr(socket, "TCP_CORK"), reason="this system cannot hold small packets back")
def test_what_is_sent_at_once_arrives_at_once_and_no_tick_parts_it():
    with bd.Server(bd.FixedInterval(1000, 0.001)) as server:  # so many ticks that one would
        for _ in range(20):
            run = bd.send(range(100), server)
            assert run.batches["size"].tolist() == [100]


def test_arrivals_say_when_and_by_whom():
    coming = bd.arrivals.Arrivals([0.0, 0.01, 0.02, 0.03], [1, 2, 2, 1], "four")
    with bd.Server(bd.FixedInterval(5, 0.1)) as server:
        run = bd.send(range(1, 5), server, arrivals=coming)
        dealt = bd.send(range(1, 5), server, arrivals=coming, clients=4)
    assert run.requests["client"].tolist() == [1, 2, 2, 1]
    assert dealt.requests["client"].tolist() == [1, 2, 3, 4]
    assert (run.requests["sent"].diff().dropna() >= 0.005).all()
