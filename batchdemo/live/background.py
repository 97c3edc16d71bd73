"""An application that somebody built by hand, say in a notebook, served beside the cell that asks for it.

`uvicorn.run(app)` would hold the cell for ever, and its event loop is the kernel's. Here the application gets a
thread and a loop of its own, uvicorn's usual WebSocket protocol, and the manners of `Server`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, Self

from starlette.types import ASGIApp, Receive, Scope, Send

from batchdemo.arguments import refuse
from batchdemo.errors import ServerError
from batchdemo.live.guard import Guard
from batchdemo.live.listener import Listener
from batchdemo.live.logs import place
from batchdemo.live.ports import holders


def background(
    app: ASGIApp,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    allowed_hosts: tuple[str, ...] | list[str] = (),
    token: str | None = None,
) -> Background:
    """Serve any ASGI application, as one made with FastAPI, in the background; returns once it answers.

    app             the application itself; its lifespan runs in the thread that serves it
    host, port      where it listens; port 0 takes a free one
    allowed_hosts   further names under which a hub or proxy calls it, as `hub.example.org`
    token           what whoever calls it must name to be let in, as in `Server`

    A cell may be run again: what serves the same application, or holds the same port, is stopped first. A new
    application in place of the old one is another matter: give both the same port, or the old one lives on.
    What the application's startup raises is raised here, as the cause of a `ServerError`.
    """
    return Background(app, host=host, port=port, allowed_hosts=allowed_hosts, token=token).start()


class Background(Listener):
    """A running application: `url`, `ws_url` for `bd.send`, `log`, and `stop`. Made by `background`."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        allowed_hosts: tuple[str, ...] | list[str] = (),
        token: str | None = None,
    ) -> None:
        super().__init__(host, port, allowed_hosts, token)
        self.app = _asgi(app)
        self._again = False

    def start(self) -> Self:
        """Start, and return this server once it answers; else raise why it does not."""
        earlier = [other for other in holders() if isinstance(other, Background) and other.app is self.app]
        for other in earlier:
            if other is not self:
                other.stop()
        sock = self._bind()
        self._again = bool(earlier)
        watched = _Watched(self.app, self.log.write)
        try:
            self._serve(Guard(watched, self._hosts, self._token), sock, lifespan="auto")
        except ServerError as error:
            raise self._start_error(error, watched.failure) from (watched.failure or error)
        self.log.write(f"started at {self.url}: {self._name}")
        return self

    def _start_error(self, error: ServerError, failure: BaseException | None) -> ServerError:
        if isinstance(failure, asyncio.CancelledError):
            return ServerError(f"the startup of {self._name} did not come to an end, and was given up: {error}")
        if failure is None:
            return ServerError(f"{self._name} did not start: {error}\n{self.log!r}")
        why = f"{type(failure).__name__}: {failure}{place(failure)}"
        return ServerError(f"the startup of {self._name} raised {why}. Mend it there; nothing was left running.")

    @property
    def _name(self) -> str:
        title = getattr(self.app, "title", None)
        name = getattr(self.app, "__name__", type(self.app).__name__)
        return f"{name} {title!r}" if isinstance(title, str) and title != name else str(name)

    def _facts(self) -> list[tuple[str, str]]:
        state = "stopped"
        if self.running:
            state = "running in a thread of its own, until it is told to stop()"
        elif self._thread is not None:
            state = "ended by itself; `log` has its last words"
        if self._again:
            state += " (an earlier run of the same application was stopped first)"
        elif self._replaced:
            state += f" (replaced an earlier server on port {self.port})"
        clients = [] if self.port is None else [("clients connect to", self.ws_url.split("?")[0])]
        return [("state", state), ("application", self._name), *clients]


class _Watched:
    """The application, and what its lifespan raised: uvicorn tells of it in the log, and to nobody else."""

    def __init__(self, app: ASGIApp, report: Callable[[str], None]) -> None:
        self.failure: BaseException | None = None
        self._app = app
        self._report = report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on whatever comes."""
        try:
            await self._app(scope, receive, send)
        except BaseException as error:
            if scope["type"] == "lifespan":
                self.failure = error
                self._report(f"the lifespan ended with {error!r}{place(error)}")
            raise


def _asgi(app: Any) -> ASGIApp:
    """The application, if it is one: async, and called with a scope, receive and send."""
    rule = "an ASGI application, as FastAPI() makes one"
    if isinstance(app, str):
        refuse("app", rule, app, "Give the application itself, and not where to import it from.")
    if inspect.isclass(app):
        refuse("app", rule, app, f"Make one first: {app.__name__}().")
    if not callable(app):
        refuse("app", rule, app)
    if not inspect.iscoroutinefunction(app) and not inspect.iscoroutinefunction(type(app).__call__):
        refuse("app", rule, app, "It is not async: a WSGI application, as Flask's, needs a server of another kind.")
    try:
        inspect.signature(app).bind({}, None, None)
    except (TypeError, ValueError):
        refuse("app", rule, app, "It must take (scope, receive, send).")
    return app  # type: ignore[no-any-return]
