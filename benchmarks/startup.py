"""How long one waits: for the import, for a server that answers, and for it to be gone again.

    python benchmarks/startup.py [--rounds 15] [--quick]

Every sample is a fresh interpreter, and in every round each thing is measured once.

import  `import batchdemo` loads nothing before a name is used, so the first use of `Server` stands beside it,
        and so do the libraries that it needs. `import json` is the yardstick for "nothing".
start   from the call to the answer of the first WebSocket handshake, and then `stop`, with no client connected.
        bare uvicorn runs a bare ASGI application in a thread, started in the usual way, `while not
        server.started`, stopped by `should_exit` and a join. Imports are done before; a first start and stop
        in the same process, which loads what both libraries load late, is shown apart.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from statistics import median

import report
import servers
import wsload

IMPORTS = {
    "import json": "import json",
    "import batchdemo": "import batchdemo",
    "batchdemo.Server": "import batchdemo; batchdemo.Server",
    "what it needs": "import fastapi, uvicorn, apscheduler.schedulers.asyncio",
}
STARTS = ("bare uvicorn", "batchdemo")


async def accept_all(scope, receive, send) -> None:
    """The least ASGI application that answers a handshake."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass


class BareUvicorn:
    """uvicorn in a thread, as many a test suite has it."""

    def start(self, port: int) -> None:
        """Wait for the flag, a millisecond at a time."""
        import uvicorn

        self._server = uvicorn.Server(uvicorn.Config(accept_all, port=port, log_level="warning", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.001)

    def stop(self) -> None:
        """Raise the flag, and wait for the thread."""
        self._server.should_exit = True
        self._thread.join()


class Batchdemo:
    """The same two calls for batchdemo."""

    def start(self, port: int) -> None:
        """The server as it is by default."""
        import batchdemo as bd

        self._server = bd.Server(port=port).start()

    def stop(self) -> None:
        """Its own `stop`."""
        self._server.stop()


def once(server: Batchdemo | BareUvicorn) -> tuple[float, float]:
    """Seconds to the first answered handshake, and seconds to stop."""
    port = servers.free_port()
    began = time.perf_counter()
    server.start(port)
    sock = wsload.connect(port)
    answered = time.perf_counter()
    wsload.hang_up(sock)
    time.sleep(0.05)  # let the server see it
    stopping = time.perf_counter()
    server.stop()
    return answered - began, time.perf_counter() - stopping


def start(name: str) -> None:
    """The process of one sample: imports, a first start, then the start that counts."""
    import batchdemo as bd

    assert bd.Server  # and with it uvicorn: both names begin with the same modules loaded
    server = Batchdemo() if name == "batchdemo" else BareUvicorn()
    first, _ = once(server)
    again, stop = once(server)
    print(json.dumps([first * 1e3, again * 1e3, stop * 1e3]))


def sample(*command: str) -> list[float]:
    """Milliseconds that a fresh interpreter prints."""
    with servers.child(*command) as process:
        line = process.stdout.readline()
        assert line, f"{command} printed nothing"
        return json.loads(line)


def timed(statement: str) -> str:
    """A program that prints how long the statement took it."""
    return f"import time; t = time.perf_counter(); {statement}; print([(time.perf_counter() - t) * 1e3])"


def rows_of(found: dict[str, list[list[float]]], what: list[str], yardstick: str) -> list[list[str]]:
    """A line for each name and each thing measured, with the ratio to the yardstick."""
    rows = []
    for at, thing in enumerate(what):
        base = [values[at] for values in found[yardstick]]
        for name, samples in found.items():
            own = [values[at] for values in samples]
            rows.append([thing, name, f"{median(own):.1f}", f"{report.median_ratio(own, base):.2f}"])
    return rows


def main() -> None:
    """Take the samples in turn, then print the table."""
    if sys.argv[1:2] == ["start"]:
        start(sys.argv[2])
        return
    options = report.options(__doc__, rounds=(15, 1))
    imports: dict[str, list[list[float]]] = {name: [] for name in IMPORTS}
    starts: dict[str, list[list[float]]] = {name: [] for name in STARTS}
    with report.progress(options.rounds * (len(imports) + len(starts))) as bar:
        for _ in range(options.rounds):
            for name, samples in imports.items():
                samples.append(sample("-c", timed(IMPORTS[name])))
                bar.update()
            for name, samples in starts.items():
                samples.append(sample(__file__, "start", name))
                bar.update()
    rows = rows_of(imports, ["import"], "import json")
    rows += rows_of(starts, ["first start", "start", "stop"], "bare uvicorn")
    report.show(["what", "of", "median, ms", "times json / bare uvicorn"], rows)


if __name__ == "__main__":
    main()
