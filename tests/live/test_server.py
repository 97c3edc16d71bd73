"""The server's life: it starts or says why not, stops in time, and can be started again."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import closing

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import batchdemo as bd
from batchdemo.errors import ArgumentError, PortInUseError, ServerError
from batchdemo.live import server as server_module

FAST = bd.FixedInterval(5, 0.05)


def ask(server: bd.Server, text: str = "7") -> str:
    with connect(server.ws_url.format(client_id=1)) as ws:
        ws.send(text)
        return str(ws.recv(timeout=20))


def test_start_returns_a_server_that_answers():
    with bd.Server(FAST) as server:
        assert server.running
        assert ask(server) == "You wrote: 7"
    assert not server.running


def test_the_defaults_are_the_tutorials():
    server = bd.Server()
    assert server.policy == bd.FixedInterval(max_batch_size=5, interval=5.0)
    assert server.handler is bd.echo


def test_stop_is_harmless_twice_and_before_a_start():
    server = bd.Server(FAST)
    server.stop()
    server.start()
    server.stop()
    server.stop()
    assert not server.running


def test_starting_again_begins_a_new_record():
    server = bd.Server(FAST).start()
    ask(server)
    server.stop()
    server.start()
    assert ask(server, "8") == "You wrote: 8"
    assert server.stats()["batches"] == 1


def test_starting_a_running_server_is_refused():
    server = bd.Server(FAST).start()
    with pytest.raises(ServerError, match=r"running already, at http://127.0.0.1:\d+/. Use it, or stop"):
        server.start()
    assert ask(server) == "You wrote: 7"


def test_a_port_that_a_stranger_holds_is_an_error_with_a_remedy():
    with closing(socket.create_server(("127.0.0.1", 0))) as stranger:
        port = stranger.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"got {port}, which another program holds.*port=0"):
            bd.Server(FAST, port=port).start()


def test_an_earlier_server_of_ours_gives_way_and_the_repr_says_so():
    first = bd.Server(FAST).start()
    second = bd.Server(FAST, port=first.port).start()
    assert not first.running
    assert ask(second) == "You wrote: 7"
    assert f"replaced an earlier server on port {first.port}" in repr(second)


def test_an_address_that_is_not_ours_is_an_error():
    with pytest.raises(ServerError, match=r"cannot listen on 192.0.2.1"):
        bd.Server(FAST, host="192.0.2.1").start()


def test_a_thread_that_dies_while_starting_raises_in_the_caller(monkeypatch):
    def broken(*args):
        raise OSError("no such app")

    monkeypatch.setattr(server_module, "create_app", lambda *args: broken)
    with pytest.raises(ServerError, match="died"):
        bd.Server(FAST).start()


def test_clients_are_closed_with_going_away_and_told_what_was_left():
    server = bd.Server(bd.FixedInterval(5, 60.0)).start()
    with connect(server.ws_url.format(client_id=1)) as ws:
        for number in range(3):
            ws.send(str(number))
        while server.stats()["waiting"] < 3:
            time.sleep(0.005)
        server.stop()
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(timeout=20)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (
        1001,
        "the server was stopped; 3 of your requests were not answered",
    )


@pytest.mark.parametrize("kind", ["a thread", "the loop"])
def test_stop_is_bounded_when_a_handler_never_returns(kind, until):
    release, entered = threading.Event(), threading.Event()

    def block(batch: list[str]) -> list[str]:
        entered.set()
        release.wait()
        return batch

    async def block_loop(batch: list[str]) -> list[str]:
        return block(batch)

    server = bd.Server(FAST, handler=block if kind == "a thread" else block_loop).start()
    thread = server._thread
    with connect(server.ws_url.format(client_id=1), close_timeout=0.1) as ws:
        ws.send("1")
        entered.wait(20)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 10  # 2 s and the machine's moods; without the bound it would be for ever
        assert not server.running
        if kind == "the loop":
            with pytest.raises(ServerError, match="an earlier server of this process, which cannot stop"):
                bd.Server(FAST, port=server.port).start()
        release.set()
        until(lambda: not thread.alive)


def test_a_slow_handler_costs_no_tick(until):
    interval = 0.05

    def slow(batch: list[str]) -> list[str]:
        time.sleep(2.5 * interval)
        return batch

    server = bd.Server(bd.FixedInterval(1, interval), handler=slow).start()
    with connect(server.ws_url.format(client_id=1)) as ws:
        for number in range(40):
            ws.send(str(number))
        until(lambda: server.stats()["batches"] >= 20)
        ticks = list(server.recorder.ticks)
        server.stop()
    due = [round(tick.due / interval) for tick in ticks]
    assert due == list(range(due[0], due[0] + len(due)))
    assert server.stats()["served"] < 20  # the handler was behind, and the ticks were not


def test_a_blocked_loop_shows_in_the_ticks(until):
    async def block(batch: list[str]) -> list[str]:
        time.sleep(0.33)  # the mistake that is to be seen
        return batch

    with bd.Server(bd.FixedInterval(5, 0.1), handler=block) as server:
        ask(server)
        until(lambda: len(server.recorder.ticks) >= 6)
        due = [round(tick.due / 0.1) for tick in list(server.recorder.ticks)]
    assert due != list(range(due[0], due[0] + len(due)))
    assert len(set(due)) == len(due)


@pytest.mark.parametrize(
    ("handler", "says"),
    [
        (lambda batch: 1 / 0, "ZeroDivisionError"),
        (lambda batch: batch[:-1], "ValueError"),
        (lambda batch: "text", "TypeError"),
        (lambda batch: [1] * len(batch), "TypeError"),
    ],
)
def test_a_handler_that_fails_costs_its_batch_an_error_reply_and_nothing_more(handler, says):
    calls = []

    def once(batch: list[str]) -> list[str]:
        calls.append(batch)
        return handler(batch) if len(calls) == 1 else batch

    with bd.Server(FAST, handler=once) as server:
        assert ask(server) == f"Failed: the handler raised {says}: 7"
        assert ask(server) == "7"
        assert any(says in line for line in server.log)
        assert server.stats()["failed"] == 1


def test_a_plain_handler_runs_off_the_loop_and_an_async_one_on_it():
    async def on_loop(batch: list[str]) -> list[str]:
        await asyncio.sleep(0)
        return [threading.current_thread().name for _ in batch]

    def off_loop(batch: list[str]) -> list[str]:
        return [threading.current_thread().name for _ in batch]

    with bd.Server(FAST, handler=on_loop) as server:
        assert ask(server) == f"batchdemo-{server.port}"
    with bd.Server(FAST, handler=off_loop) as server:
        assert ask(server) == "batchdemo-handler"


def test_stop_all_says_how_many_there_were():
    servers = [bd.Server(FAST).start() for _ in range(3)]
    assert bd.stop_all() == 3
    assert not any(server.running for server in servers)
    assert bd.stop_all() == 0


def test_the_repr_says_what_one_wants_to_know():
    server = bd.Server(FAST)
    assert repr(server) == "<Server state: stopped, policy: up to 5 every 0.05 s, waiting: 0, batches so far: 0>"
    with pytest.raises(ServerError, match="never started"):
        _ = server.url
    server.start()
    ask(server)
    assert f"http://127.0.0.1:{server.port}/ state: running" in repr(server)
    assert "batches so far: 1" in repr(server)
    assert f'<a href="{server.url}"' in server._repr_html_()
    server.stop()
    assert "stopped" in repr(server)
    assert "<a " not in server._repr_html_()


def test_nothing_is_printed_and_the_log_is_bounded(capfd):
    with bd.Server(FAST, handler=lambda batch: 1 / 0) as server:
        ask(server)
        for line in range(2 * server_module.LOG_LINES):
            server.log.write(str(line))
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    assert len(server.log) == server_module.LOG_LINES


def test_the_record_is_bounded_by_log_size(until):
    with bd.Server(bd.FixedInterval(100, 0.01), log_size=10) as server:
        run = bd.send(range(50), server)
        until(lambda: len(server.recorder.ticks) == 10)
        assert len(server.recorder.requests) == len(server.recorder.ticks) == 10
    assert "log_size is 10" in run.describe()
    assert run.check()["every reply came"].holds


@pytest.mark.parametrize(
    ("argument", "value", "rule"),
    [
        ("policy", "fast", r"policy must be a policy, with decide\(view\) and observe\(batch\), got 'fast'"),
        ("policy", bd.FixedInterval, r"That is a class. Make one first: FixedInterval"),
        ("max_concurrent_batches", 0, "max_concurrent_batches must be a whole number from 1"),
        ("handler", 3, "handler must be a function"),
        ("host", "", "host must be a name or an address"),
        ("host", None, "host must be"),
        ("port", -1, "port must be a whole number from 0 to 65,535, got -1"),
        ("port", 65_536, "port must be a whole number from 0 to 65,535, got 65536"),
        ("port", "8000", "port must be"),
        ("port", True, "port must be"),
        ("max_queue_size", 0, "max_queue_size must be a whole number from 1"),
        ("max_queue_size", 2.5, "max_queue_size must be"),
        ("log_size", -5, "log_size must be"),
        ("allowed_hosts", "hub.example.org", "allowed_hosts must be a list of host names"),
    ],
)
def test_bad_arguments_are_met_at_the_door(argument, value, rule):
    with pytest.raises(ArgumentError, match=rule):
        bd.Server(**{argument: value})
