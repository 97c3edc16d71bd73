"""The FastAPI application: the page at `/`, its files, `/status` for the page, and the door for WebSockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, Response
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp

from batchdemo.live.alarm import Alarm
from batchdemo.live.batcher import TextBatcher
from batchdemo.live.connection import Door
from batchdemo.live.guard import Guard
from batchdemo.live.scheduler import Ticker

PAGE = Path(__file__).parent / "page"
FILES = ("page.css", "page.js", "favicon.svg")
# Nothing but the package's own files is ever loaded or run, whatever a message holds; and no address, which may hold
# the token, is told to anybody.
POLICY = {
    "Content-Security-Policy": "default-src 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def create_app(
    batcher: TextBatcher,
    clockwork: Ticker | Alarm,
    clock: Callable[[], float],
    door: Door,
    status: Callable[[], dict[str, object]],
    hosts: frozenset[str],
    token: str | None = None,
) -> ASGIApp:
    """Put the parts behind one address; `hosts` are the names under which it may be called, `token` who may."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        worker = asyncio.create_task(batcher.work())
        worker.add_done_callback(batcher.ended)
        batcher.begin()
        clockwork.start()
        deadlines = Alarm(clock, batcher.pass_by)
        batcher.deadlines.set_alarm = deadlines.set
        deadlines.start()
        yield
        deadlines.stop()
        clockwork.stop()
        worker.cancel()
        await asyncio.wait([worker])  # not `await worker`, which would raise what a dead one died of

    app = FastAPI(title="batchdemo", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/")
    async def page() -> Response:
        return FileResponse(PAGE / "index.html", headers=POLICY)

    @app.get("/status")
    async def status_now() -> dict[str, object]:
        return status()

    @app.get("/{name}")
    async def file(name: str) -> Response:
        if name not in FILES:
            return Response("Not found\n", status_code=404, media_type="text/plain")
        return FileResponse(PAGE / name, headers=POLICY)

    # A plain ASGI route: FastAPI's wrapper would cost as much again as the rest of a message's way.
    app.router.routes.append(WebSocketRoute("/ws/{client_id:path}", endpoint=door))
    return Guard(app, hosts, token, open_paths={f"/{name}" for name in FILES})
