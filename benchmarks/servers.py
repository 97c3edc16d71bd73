"""The servers under measurement, each in a process of its own on a core of its own, ended whatever happens.

    python benchmarks/servers.py echo|batchdemo|mirror PORT INTERVAL LIMIT

echo       a FastAPI route that answers each message at once: the yardstick, on the same stack
batchdemo  up to LIMIT replies every INTERVAL seconds, as `batchdemo serve` runs it
mirror     no server at all: it returns as many replies as frames have come, and looks at none of them
tutorial   the server that batchdemo began from. It is no part of this repository: BATCHDEMO_TUTORIAL holds the
           path of a script that takes PORT INTERVAL LIMIT; where it is not set, ../shared/baselines/tutorial.py
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

ROOT = Path(__file__).resolve().parent.parent
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
IN_FLIGHT = 2048  # messages, over all connections together
START_WITHIN = 30.0  # seconds


def window(connections: int) -> int:
    """Messages in flight on each of so many connections."""
    return max(2, IN_FLIGHT // connections)


def tutorial() -> Path | None:
    """Where the tutorial's server is, None where it is nowhere."""
    told = os.environ.get("BATCHDEMO_TUTORIAL")
    path = Path(told) if told else ROOT.parent / "shared" / "baselines" / "tutorial.py"
    if told and not path.exists():
        raise SystemExit(f"BATCHDEMO_TUTORIAL must be the path of a script, got {told!r}")
    return path if path.exists() else None


def pin(core: int, pid: int = 0) -> None:
    """Keep a process, by default this one, on one core, where the platform can and there are two."""
    if len(CORES) > 1:
        os.sched_setaffinity(pid, {CORES[core % len(CORES)]})


@contextmanager
def child(*command: str | Path, core: int = 0) -> Iterator[subprocess.Popen[str]]:
    """Run a Python script, with pipes to its stdin and stdout; ended in any case, its complaints shown if it fails."""
    with tempfile.TemporaryFile("w+") as complaints:
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [sys.executable, *map(str, command)], stdin=pipe, stdout=pipe, stderr=complaints, text=True
        )
        try:
            pin(core, process.pid)
            yield process
        except Exception:
            complaints.seek(0)
            sys.stderr.write(complaints.read()[-2000:])
            raise
        finally:
            process.kill()  # nothing here is worth a graceful end, and a paused process could not have one
            process.communicate()


class Running(NamedTuple):
    """A server that answers."""

    name: str
    port: int
    pid: int

    @contextmanager
    def alone(self, others: list[Running]) -> Iterator[None]:
        """Stop the others meanwhile: the tutorial's empty ticks alone would take some of the core from all."""
        others = [other for other in others if other is not self]
        for other in others:
            os.kill(other.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for other in others:
                os.kill(other.pid, signal.SIGCONT)


@contextmanager
def running(names: list[str], interval: float = 0.01, limit: int = IN_FLIGHT) -> Iterator[dict[str, Running]]:
    """Start the servers of these names, all on core 0; those who use them belong on core 1."""
    with ExitStack() as stack:
        up = {}
        for name in names:
            port = free_port()
            script = [tutorial()] if name == "tutorial" else [__file__, name]
            process = stack.enter_context(child(*script, str(port), str(interval), str(limit)))
            up[name] = Running(name, port, process.pid)
        for server in up.values():
            wait_port(server.port)
        yield up


def free_port() -> int:
    """A port that nobody holds just now."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def wait_port(port: int) -> None:
    """Return once somebody listens there."""
    end = time.monotonic() + START_WITHIN
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


# --- the servers themselves ------------------------------------------------------------------------------

app = FastAPI()


@app.websocket("/ws/{client_id}")
async def answer(websocket: WebSocket, client_id: int) -> None:
    """Text in, `You wrote: text` out."""
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(f"You wrote: {await websocket.receive_text()}")
    except WebSocketDisconnect:
        pass


def echo(port: int, interval: float, limit: int) -> None:
    """The loop is the one that batchdemo has, and the client asks for no compression."""
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", loop="asyncio", ws_per_message_deflate=False)


def batchdemo(port: int, interval: float, limit: int) -> None:
    """With room for all that is in flight: a refusal is no reply."""
    import batchdemo as bd
    from batchdemo.live.thread import freeze

    bd.Server(bd.FixedInterval(limit, interval), port=port, max_queue_size=1_000_000).start()
    freeze()  # as `batchdemo serve` does
    threading.Event().wait()


def mirror(port: int, interval: float, limit: int) -> None:
    """Shake hands, then answer by the length of what comes."""
    from wsload import TEXT, masked

    size = len(masked(TEXT))
    reply = bytes([0x81, 11 + len(TEXT)]) + b"You wrote: " + TEXT
    left: dict[socket.socket, int] = {}
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("127.0.0.1", port), backlog=2048)
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                sock = listener.accept()[0]
                selector.register(sock, selectors.EVENT_READ)
                continue
            sock = key.fileobj
            data = sock.recv(262144)
            if not data:
                selector.unregister(sock)
                left.pop(sock, None)
                sock.close()
            elif sock not in left:
                left[sock] = 0
                sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            else:
                frames, left[sock] = divmod(left[sock] + len(data), size)
                sock.sendall(reply * frames)


if __name__ == "__main__":
    name, port, interval, limit = sys.argv[1:]
    {"echo": echo, "batchdemo": batchdemo, "mirror": mirror}[name](int(port), float(interval), int(limit))
