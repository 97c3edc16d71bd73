"""uvicorn in a thread of its own, with a loop of its own: started when it answers, or the error is raised here.

The kernel's loop is never touched. The socket is bound in the calling thread, so that a busy port is an
error in the caller; the thread hands back either "it answers" or its exception through one future.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from batchdemo.errors import ServerError
from batchdemo.live.doorstep import MAX_HEAD, Doorstep, Doorway
from batchdemo.live.logs import Log
from batchdemo.live.protocol import SteadyProtocol

BACKLOG = 2_048  # connections that the system holds until they are accepted
AT_ONCE = 8  # that are accepted in one turn of the loop: a rush must not take all files before anybody can say no
START_WITHIN = 15.0  # seconds
CLOSE_WITHIN = 1.6  # seconds for the clients and the application's own shutdown; less than STOP_WITHIN
STOP_WITHIN = 2.0  # seconds


def freeze() -> None:
    """Leave out of every later garbage collection what is there now: the modules, most of all.

    For processes that do nothing but serve, once they have started. A full collection stops everything, and looks at
    some 70,000 objects that will never be garbage; the tick that is due meanwhile comes late by as much.
    """
    gc.collect()
    gc.freeze()


class _Uvicorn(uvicorn.Server):
    """Says through a future that it has started, and looks more often whether it should stop."""

    def __init__(self, config: uvicorn.Config, ready: Future[None]) -> None:
        super().__init__(config)
        self.server_state = Doorway()
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for sock in sockets or []:
            sock.listen(BACKLOG)  # uvicorn and asyncio have made it as short as AT_ONCE
        self._ready.set_result(None)

    async def main_loop(self) -> None:
        counter = 0  # uvicorn renews its Date header at every tenth call of on_tick, meant to be once a second
        while not await self.on_tick(counter):
            for _ in range(10):
                if self.should_exit:
                    return
                await asyncio.sleep(0.01)
            counter += 1

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            async with asyncio.timeout(CLOSE_WITHIN):
                await super().shutdown(sockets)
        except TimeoutError:
            logging.getLogger("uvicorn.error").error(f"the shutdown was cut off after {CLOSE_WITHIN:g} s")

    async def abort(self) -> None:
        """Drop the connections that are still open, whatever it was that ended the server."""
        for connection in list(self.server_state.connections):  # those that did not close in time
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)  # a transport is closed in the loop's next turn
        await asyncio.sleep(0)


class ServerThread:
    """One run of a server: made, started and stopped once; a new start makes a new one.

    `settings` are uvicorn's own, beside those that every server here needs: which WebSocket protocol, say.
    """

    def __init__(self, app: ASGIApp, sock: socket.socket, log: Log, **settings: Any) -> None:
        settings.setdefault("ws", SteadyProtocol)
        config = uvicorn.Config(
            app,
            http=Doorstep,
            h11_max_incomplete_event_size=MAX_HEAD,
            backlog=AT_ONCE,
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,  # None would let one open request block the stop for ever
            **settings,
        )
        self._ready: Future[None] = Future()
        self._uvicorn = _Uvicorn(config, self._ready)
        self._socket = sock
        self._log = log
        # A daemon, so that a forgotten server does not keep a finished script from ending.
        self._thread = threading.Thread(target=self._main, name=f"batchdemo-{sock.getsockname()[1]}", daemon=True)
        self.loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Return once the server answers; else raise why it does not."""
        self._thread.start()
        try:
            self._ready.result(START_WITHIN)
        except FutureTimeout:
            self.stop()
            raise ServerError(
                f"the server did not answer within {START_WITHIN:g} s of its start. Is the machine very busy? "
                "Try again; `batchdemo doctor` looks the environment over."
            ) from None

    def call(self, function: Callable[[], object]) -> bool:
        """Have the server's loop call `function` soon. False: the loop is gone."""
        try:
            if self.loop is not None:
                self.loop.call_soon_threadsafe(function)
                return True
        except RuntimeError:  # closed between the question and the call
            pass
        return False

    def stop(self) -> bool:
        """Stop within `STOP_WITHIN` seconds. False where something on the loop blocks it: it ends when that does."""
        self._uvicorn.should_exit = True
        if self._task is not None and not self._ready.done():  # a startup that hangs never looks at should_exit
            self.call(self._task.cancel)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(STOP_WITHIN)
        if self._thread.is_alive():
            return False  # its loop still watches the socket, and closes it in the end
        self._socket.close()
        return True

    async def _serve(self) -> None:
        self.loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        try:
            await self._uvicorn.serve(sockets=[self._socket])
        finally:
            await self._uvicorn.abort()

    def _main(self) -> None:
        self._log.listen()
        try:
            # Not Server.run() nor asyncio.run(), which nest_asyncio replaces.
            with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
                runner.run(self._serve())
            error: BaseException = ServerError("the server's thread ended while it was starting")
        except BaseException as raised:  # SystemExit too: it is how uvicorn says that the start failed
            self._log.write(f"the server's thread ended: {raised!r}")
            error = ServerError(f"the server's thread died: {raised!r}; `server.log` has its last words")
            error.__cause__ = raised
        finally:
            self._log.unlisten()
        if not self._ready.done():
            self._ready.set_exception(error)
