"""The server's own process: `python -m batchdemo.live.child`, started and led by `OwnProcess`.

It is told by a pipe of its own where to call back, and ends when that call does: no server outlives its notebook.
"""

from __future__ import annotations

import os
import signal
import sys
from multiprocessing.connection import Client, Connection
from typing import Any

import cloudpickle

from batchdemo.errors import ServerError
from batchdemo.live.server import Server
from batchdemo.live.thread import freeze


def main() -> None:
    """Serve until told to stop, or until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt of the notebook is not meant for the server
    address, key = sys.stdin.readline().split()
    host, port = address.rsplit(":", 1)
    with Client((host, int(port)), authkey=bytes.fromhex(key)) as parent:
        paths, blob = parent.recv()
        sys.path[:] = paths
        try:
            server = Server(**cloudpickle.loads(blob)).start()
            freeze()
        except BaseException as error:
            parent.send((False, error_to_send(error)))
            return
        parent.send((True, (server.port, server.began)))
        serve(parent, server)
        server.stop()
    os._exit(0)  # a handler that never returns must not keep the process


def serve(parent: Connection, server: Any) -> None:
    """Answer what the parent asks, until it says stop or says nothing any more."""
    while True:
        try:
            name, arguments = parent.recv()
        except (EOFError, OSError):
            return
        if name == "stop":
            server.stop()
            parent.send((True, None))
            return
        try:
            answer = True, getattr(server, name)(*arguments)
        except BaseException as error:
            answer = False, error_to_send(error)
        try:
            parent.send(answer)
        except OSError:
            return


def error_to_send(error: BaseException) -> BaseException:
    """The error, or where it cannot cross to another process, one that says the same."""
    try:
        cloudpickle.loads(cloudpickle.dumps(error))
    except Exception:
        return ServerError(f"the server's process raised {error!r}")
    return error


if __name__ == "__main__":
    main()
