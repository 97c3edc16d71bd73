"""Applications that somebody built by hand, served in the background: started, driven, replaced, stopped."""

from __future__ import annotations

import asyncio
import http.client
import queue
import socket
import sys
import threading
import time
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

import batchdemo as bd
from batchdemo.errors import ArgumentError, PortInUseError, ServerError
from batchdemo.live import thread as thread_module

sys.path.insert(0, str(Path(__file__).parents[1] / "notebooks"))
from kernel import kernel

INTERVAL = 0.5


def the_tutorials(*, started_by: str = "lifespan", interval: float = INTERVAL) -> FastAPI:
    """The tutorial's application. What it released is in `app.state.sizes`, its scheduler starts where we say."""
    requests: queue.Queue = queue.Queue()
    sizes: list[int] = []

    async def process_batch():
        size = 0
        for _ in range(5):
            if not requests.empty():
                item = requests.get_nowait()
                await item["websocket"].send_text(f"You wrote: {item['message']}")
                size += 1
        if size:
            sizes.append(size)

    def start_scheduler():
        scheduler = AsyncIOScheduler()
        scheduler.add_job(process_batch, "interval", seconds=interval)
        scheduler.start()
        return scheduler

    @asynccontextmanager
    async def lifespan(app):
        start_scheduler()  # and never shut down, as in the tutorial
        yield

    app = FastAPI(lifespan=lifespan) if started_by == "lifespan" else FastAPI()
    app.state.sizes = sizes
    schedulers = []

    @app.get("/")
    async def page():
        return "the page"

    @app.websocket("/ws/{client_id}")
    async def endpoint(websocket: WebSocket, client_id: int):
        if started_by == "the first client" and not schedulers:
            schedulers.append(start_scheduler())
        await websocket.accept()
        try:
            while True:
                requests.put({"message": await websocket.receive_text(), "websocket": websocket})
        except WebSocketDisconnect:
            pass

    return app


def with_lifespan(before=None, after=None) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app):
        if before:
            await before()
        yield
        if after:
            await after()

    return FastAPI(lifespan=lifespan)


async def for_ever():
    await asyncio.Event().wait()


def get(server, path="/", **headers) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as link:
        link.request("GET", path, headers=headers)
        answer = link.getresponse()
        return answer.status, answer.read().decode()


@pytest.mark.parametrize("started_by", ["lifespan", "the first client"])
def test_the_tutorials_application_answers_five_a_tick(started_by):
    app = the_tutorials(started_by=started_by)
    with bd.background(app) as server:
        run = bd.send(range(1, 19), server.ws_url)
    assert app.state.sizes == [5, 5, 5, 3]
    assert run.about.batches_from == "gaps between the replies"
    assert run.requests["outcome"].tolist() == ["served"] * 18
    assert run.check()["in order within each client"].holds
    assert run.batches["size"].sum() == 18
    assert not server.running


def test_its_page_is_at_its_url():
    server = bd.background(the_tutorials())
    assert server.url == f"http://127.0.0.1:{server.port}/"
    assert server.ws_url == f"ws://127.0.0.1:{server.port}/ws/{{client_id}}"
    assert get(server) == (200, '"the page"')


def test_it_runs_in_a_thread_and_a_loop_of_its_own():
    seen = {}

    async def look():
        seen.update(thread=threading.current_thread().name, loop=asyncio.get_running_loop())

    async def main():  # as in a kernel, whose loop runs
        with bd.background(with_lifespan(before=look)) as server:
            assert seen["thread"] == f"batchdemo-{server.port}"
            assert seen["loop"] is not asyncio.get_running_loop()

    asyncio.run(main())


def test_any_asgi_application_will_do_without_a_lifespan():
    async def hello(scope, receive, send):
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

    with bd.background(hello) as server:
        assert get(server) == (200, "hello")
    assert "application: hello" in repr(server)


def test_the_lifespan_is_ended_by_stop():
    ended = threading.Event()

    async def end():
        ended.set()

    server = bd.background(with_lifespan(after=end))
    assert not ended.is_set()
    server.stop()
    assert ended.is_set()


# --- again ---------------------------------------------------------------------------------------------------


def test_the_same_application_again_replaces_its_earlier_run_and_the_repr_says_so():
    app = the_tutorials(interval=0.05)
    first = bd.background(app)
    assert bd.send(range(1, 8), first.ws_url).check()["every reply came"].holds
    second = bd.background(app)
    assert not first.running
    assert "an earlier run of the same application was stopped first" in repr(second)
    assert "earlier" not in repr(first)
    assert bd.send(range(1, 8), second.ws_url).check()["every reply came"].holds


def test_another_application_on_the_same_port_takes_it_over():
    first = bd.background(the_tutorials())
    second = bd.background(with_lifespan(), port=first.port)
    assert not first.running
    assert second.port == first.port
    assert f"replaced an earlier server on port {first.port}" in repr(second)
    third = bd.Server(port=first.port).start()
    assert not second.running
    fourth = bd.background(the_tutorials(), port=first.port)
    assert (third.running, fourth.running) == (False, True)


def test_another_application_on_another_port_disturbs_nobody():
    with bd.background(with_lifespan()) as first, bd.background(with_lifespan()) as second:
        assert first.running
        assert second.running
        assert "earlier" not in repr(second)


def test_it_can_be_stopped_twice_and_started_again():
    server = bd.background(the_tutorials())
    with pytest.raises(ServerError, match="running already"):
        server.start()
    server.stop()
    server.stop()
    with server:
        assert get(server) == (200, '"the page"')


def test_stop_all_stops_servers_of_both_kinds():
    servers = [bd.background(the_tutorials()), bd.Server().start(), bd.background(with_lifespan())]
    assert bd.stop_all() == 3
    assert not any(server.running for server in servers)


def test_stop_closes_the_clients():
    server = bd.background(the_tutorials())
    with connect(server.ws_url.format(client_id=1)) as ws:
        ws.send("1")
        server.stop()
        with pytest.raises(ConnectionClosed) as closed:
            list(iter(lambda: ws.recv(timeout=20), None))
    assert closed.value.rcvd.code == 1012


# --- what goes wrong -----------------------------------------------------------------------------------------


def test_a_startup_that_fails_is_raised_here_with_its_cause_and_its_line():
    async def fail():
        raise ValueError("no database")

    with pytest.raises(ServerError, match=r"startup of FastAPI raised ValueError: no database") as caught:
        bd.background(with_lifespan(before=fail))
    assert isinstance(caught.value.__cause__, ValueError)
    assert ' of fail: raise ValueError("no database")' in str(caught.value)
    assert bd.stop_all() == 0


def test_after_a_startup_that_failed_its_port_is_free_again():
    broken = [True]

    async def fail():
        if broken:
            raise ValueError("not yet")

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    app = with_lifespan(before=fail)
    with pytest.raises(ServerError, match="not yet"):
        bd.background(app, port=port)
    broken.clear()
    with bd.background(app, port=port) as server:
        assert server.running


def test_a_startup_that_says_failed_without_raising_is_an_error_with_its_words():
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "out of order"})

    with pytest.raises(ServerError, match="app did not start") as caught:
        bd.background(app)
    assert "out of order" in str(caught.value)


def test_a_startup_that_never_ends_is_given_up_and_leaves_nothing_behind(monkeypatch):
    monkeypatch.setattr(thread_module, "START_WITHIN", 0.2)
    with pytest.raises(ServerError, match=r"did not come to an end, and was given up: .* within 0.2 s"):
        bd.background(with_lifespan(before=for_ever))
    # that no thread is left is looked after by the fixture of every test


def test_stop_is_bounded_when_the_applications_shutdown_never_ends():
    server = bd.background(with_lifespan(after=for_ever))
    thread = server._thread
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 10  # 2 s and the machine's moods; without the bound it would be for ever
    assert not thread.alive
    assert any("the shutdown was cut off" in line for line in server.log)


def test_stop_is_bounded_when_an_endpoint_never_returns():
    app = the_tutorials()

    @app.websocket("/stuck/{client_id}")
    async def stuck(websocket: WebSocket, client_id: int):
        await websocket.accept()
        await for_ever()

    server = bd.background(app)
    with connect(server.url.replace("http", "ws") + "stuck/1", close_timeout=0.1):
        thread = server._thread
        server.stop()
    assert not thread.alive


def test_a_port_that_a_stranger_holds_is_an_error_with_a_remedy():
    with closing(socket.create_server(("127.0.0.1", 0))) as stranger:
        port = stranger.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"got {port}, which another program holds.*port=0"):
            bd.background(the_tutorials(), port=port)


def test_an_endpoint_that_fails_is_in_the_log_with_its_line_and_nothing_is_printed(capfd):
    app = FastAPI()

    @app.websocket("/ws/{client_id}")
    async def endpoint(websocket: WebSocket, client_id: int):
        await websocket.accept()
        await websocket.send_text(str(1 / int(await websocket.receive_text())))

    with bd.background(app) as server:
        with connect(server.ws_url.format(client_id=1)) as ws:
            ws.send("0")
            with pytest.raises(ConnectionClosed):
                ws.recv(timeout=20)
        with connect(server.ws_url.format(client_id=1)) as ws:
            ws.send("4")
            assert ws.recv(timeout=20) == "0.25"
    (line,) = [line for line in server.log if "ZeroDivisionError" in line]
    assert "of endpoint: await websocket.send_text(str(1 / int(await websocket.receive_text()))))" in line
    assert capfd.readouterr() == ("", "")


def test_a_job_that_fails_is_in_the_log_too(until, capfd):
    async def broken_job():
        raise KeyError("client 7")

    async def start():
        scheduler = AsyncIOScheduler()
        scheduler.add_job(broken_job, "interval", seconds=0.05)
        scheduler.start()

    with bd.background(with_lifespan(before=start)) as server:
        until(lambda: any("KeyError('client 7') (line " in line for line in server.log))
    assert capfd.readouterr() == ("", "")


def test_an_application_that_ends_its_thread_says_so_and_its_clients_are_dropped(until):
    app = the_tutorials()

    @app.get("/exit")
    async def leave():
        asyncio.get_running_loop().call_soon(sys.exit, "enough")  # from within a request, uvicorn would catch it

    server = bd.background(app)
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as idle:
        idle.request("GET", "/")
        idle.getresponse().read()
        with suppress(OSError, http.client.HTTPException):
            get(server, "/exit")
        until(lambda: not server.running)
        assert idle.sock.recv(1) == b""
    assert "ended by itself; `log` has its last words" in repr(server)
    assert any("enough" in line for line in server.log)
    server.stop()
    assert "ended by itself" not in repr(server)


def test_a_foreign_page_is_refused_and_an_allowed_name_is_not():
    with bd.background(the_tutorials(), allowed_hosts=["hub.example.org"]) as server:
        assert get(server, Host="evil.example")[0] == 403
        assert get(server, Host="hub.example.org")[0] == 200
        with pytest.raises(InvalidStatus) as refused:
            connect(server.ws_url.format(client_id=1), origin="http://evil.example").close()
        assert refused.value.response.status_code == 403


class WithoutCall:
    title = "nothing"


@pytest.mark.parametrize(
    ("app", "says"),
    [
        ("main:app", "Give the application itself"),
        (FastAPI, r"Make one first: FastAPI\(\)"),
        (None, "app must be an ASGI application, as FastAPI"),
        (WithoutCall(), "app must be an ASGI application"),
        (bd.Server(), "app must be an ASGI application"),
        (lambda environ, start_response: [b"hello"], "It is not async"),
        (lambda scope, receive, send: None, "It is not async"),
        (for_ever, r"It must take \(scope, receive, send\)"),
    ],
)
def test_what_is_no_asgi_application_is_met_at_the_door(app, says):
    with pytest.raises(ArgumentError, match=says):
        bd.background(app)


@pytest.mark.parametrize(
    ("argument", "value", "rule"),
    [("host", "", "host must be"), ("port", 65_536, "port must be"), ("allowed_hosts", "hub", "allowed_hosts must be")],
)
def test_bad_arguments_are_met_at_the_door_as_well(argument, value, rule):
    with pytest.raises(ArgumentError, match=rule):
        bd.background(the_tutorials(), **{argument: value})


def test_the_repr_says_what_one_wants_to_know():
    app = FastAPI(title="My <b>server</b>")
    server = bd.background(app)
    assert repr(server).startswith(f"<Background {server.url} state: running in a thread of its own, until it is told")
    assert f"clients connect to: {server.ws_url}" in repr(server)
    assert f'<a href="{server.url}"' in server._repr_html_()
    assert "My &lt;b&gt;server&lt;/b&gt;" in server._repr_html_()
    server.stop()
    assert "state: stopped" in repr(server)
    assert "<a " not in server._repr_html_()


# --- in a notebook -------------------------------------------------------------------------------------------

BUILD = """
import asyncio, batchdemo as bd
from fastapi import FastAPI, WebSocket
app = FastAPI()

@app.websocket("/ws/{client_id}")
async def endpoint(websocket: WebSocket, client_id: int):
    await websocket.accept()
    while True:
        await websocket.send_text(f"You wrote: {await websocket.receive_text()}")
"""
START = "server = bd.background(app)\nserver"
SEND = "run = bd.send(range(1, 19), server.ws_url)\nprint(run.requests['outcome'].eq('served').sum())"


def test_a_notebook_builds_serves_and_drives_its_own_server_and_can_be_run_twice():
    with kernel() as jupyter:
        cells = jupyter.run(BUILD, START, SEND, START, SEND, "print(bd.stop_all())")
    assert [(cell.status, cell.error) for cell in cells] == [("ok", "")] * 6, cells
    assert [cells[at].text.splitlines()[-1] for at in (2, 4, 5)] == ["18", "18", "1"]
    assert "<a href=" in cells[1].shown[0]["text/html"]
    assert "earlier run of the same application" in cells[3].shown[0]["text/plain"]
