"""`Client`: one client in a thread of its own, which survives the death of its server, and its own run so far."""

from __future__ import annotations

import asyncio
import copy
import html
import secrets
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from batchdemo.arguments import real, refuse, whole
from batchdemo.errors import ArgumentError, QueueFullError, SendError, SendInterrupted
from batchdemo.live.client import MOST, numbers_of, target_of
from batchdemo.live.collect import collect
from batchdemo.live.connection import CLIENT_ID
from batchdemo.live.conversation import SETTLE
from batchdemo.live.dialling import OPEN_WITHIN
from batchdemo.live.retrying import Retry, a_retry
from batchdemo.live.server import Server
from batchdemo.live.session import Session
from batchdemo.runs.run import Run

CLOSE_WITHIN = 3.0  # seconds
STEP = 0.05  # seconds
GIVE_UP = 60.0  # seconds for which `wait` waits where nobody says


class Client:
    """A client that comes back: when its server dies and starts again, it gets from a durable one all that it missed.

    to               a `Server`, or the address of any: `ws://127.0.0.1:8000/ws/{client_id}`
    client_id        its name, by which a durable server knows it again; a new one by default
    once             send a key with each number, so that a durable server takes in once what comes twice
    resend           send again, on a new connection, what may be lost. With neither key nor this, at most once;
                     with this and no key, at least once: what is served twice is in the run's `strays`
    retry            what to do where a number is refused, as for `send`
    max_outstanding  numbers that may be without an answer

    It is connected when it is made, or raises SendError. It runs in a daemon thread until `close`; `with` closes it.
    """

    def __init__(
        self,
        to: Server | str,
        client_id: str | None = None,
        *,
        once: bool = True,
        resend: bool = True,
        retry: Retry | bool | int | None = None,
        max_outstanding: int = 100_000,
    ) -> None:
        template, _ = target_of(to, None)
        name = f"client-{secrets.token_hex(4)}" if client_id is None else client_id
        if not isinstance(name, str) or not CLIENT_ID.fullmatch(name):
            refuse("client_id", "a name of 1 to 64 letters, digits, '_', '.' and '-'", client_id)
        self.client_id = name
        self.max_outstanding = whole("max_outstanding", max_outstanding, 1, MOST)
        self._server = to if isinstance(to, Server) else None
        tries = a_retry(retry)
        keys = f"{secrets.token_hex(4)}-" if once else None
        where = _address(self._server, template, name)
        self._session = Session(where, keys, bool(resend), None if tries is None else tries.waits())
        self._life = _Life(self._session)
        self._life.start()
        self._began = datetime.now(UTC)
        weakref.finalize(self, self._life.stop).atexit = False  # a daemon ends with the process by itself

    # --- numbers -----------------------------------------------------------------------------------------

    def send(self, numbers: Iterable[int] | int) -> None:
        """Have these sent, and return at once. They must differ from each other, and from all before.

        QueueFullError: `max_outstanding` would be without an answer. SendError: it was closed. Nothing is sent then.
        """
        values = numbers_of([numbers] if isinstance(numbers, int) else numbers)
        ledger = self._session.ledger
        again = next((value for value in values if value in ledger), None)
        if again is not None:
            raise ArgumentError(
                f"numbers must be other ones than before, got {again}. A reply could not be told apart."
            )
        if ledger.open + len(values) > self.max_outstanding:
            raise QueueFullError(
                f"{ledger.open:,} numbers are without an answer, and max_outstanding={self.max_outstanding:,}: "
                f"there is no room for {len(values):,} more. wait() first."
            )
        if self.closed:
            raise SendError(f"this client is {self.state}, so nothing was sent. Make another.")
        self._session.add(values)
        self._life.call(self._session.go_on)

    def wait(self, timeout: float = GIVE_UP) -> Run:
        """Wait until every number is answered, and every request that was accepted, or so many seconds: the run so far.

        An interrupt raises `SendInterrupted`, whose `run` is the same; the client goes on.
        """
        timeout = real("timeout", timeout, 0, 86_400, "seconds")
        try:
            end = time.monotonic() + timeout
            # In small steps, for not every system wakes a long wait when there is an interrupt.
            while not self._session.settled.wait(min(STEP, max(0.0, end - time.monotonic()))):
                if time.monotonic() >= end:
                    return self.run
            if not self.closed:
                self._life.ended.wait(SETTLE)  # for a reply too many
        except KeyboardInterrupt:
            raise SendInterrupted(f"interrupted after {self.answered} of {self.sent} replies; the client goes on, and "
                                  "the record so far is in this error's `run`", self.run) from None  # fmt: skip
        return self.run

    @property
    def run(self) -> Run:
        """What was sent and what came back so far. Batches are as the replies say, apart in each life of a server."""
        session = self._session
        with session.lock:
            seen = copy.copy(session)
            seen.ledger = session.ledger.copy()
            seen.notes = list(session.notes)
        return collect(seen, self._server, [self.client_id], self._began)

    # --- what can be asked of it -------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """`connected`, `reconnecting (why)` or `closed`."""
        return self._life.end or self._session.state

    @property
    def closed(self) -> bool:
        """Whether it is at its end."""
        return bool(self._life.end)

    @property
    def sent(self) -> int:
        """Numbers that it was given."""
        return len(self._session.ledger.numbers)

    @property
    def accepted(self) -> int:
        """Requests that the server said it has on its disk; only a durable one does."""
        return len(self._session.accepted)

    @property
    def answered(self) -> int:
        """Numbers that are answered: served, refused, failed or expired."""
        return self._session.ledger.answered

    @property
    def again(self) -> int:
        """Times a number was sent once more."""
        return self._session.again

    @property
    def duplicates(self) -> int:
        """Replies to a number that had one, and so was handled twice. One reply that came again does not count."""
        return self._session.ledger.twice

    @property
    def redelivered(self) -> int:
        """Replies that the server sent again, since it had not heard that they had come."""
        return self._session.redelivered

    @property
    def reconnects(self) -> int:
        """Times it came back."""
        return self._session.reconnects

    # --- its end -----------------------------------------------------------------------------------------

    def close(self) -> None:
        """Confirm what has come, and end, within a few seconds. Harmless twice; the run stays."""
        self._life.stop()
        self._life.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _facts(self) -> list[tuple[str, str]]:
        facts = [("state", self.state)]
        for name in ("sent", "accepted", "answered", "again", "duplicates", "reconnects"):
            facts.append((name, f"{getattr(self, name):,}"))
        return facts

    def __repr__(self) -> str:
        return f"<Client {self.client_id} {', '.join(f'{name}: {value}' for name, value in self._facts())}>"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{name}</th><td>{html.escape(value)}</td></tr>" for name, value in self._facts())
        return f"<table><tr><th>Client</th><td>{html.escape(self.client_id)}</td></tr>{rows}</table>"


def _address(server: Server | None, template: str, name: str) -> Callable[[], str]:
    """Where the client finds its server: one of ours may come back elsewhere."""
    return lambda: (template if server is None else server.ws_url).replace("{client_id}", name)


class _Life:
    """The thread of a client and its loop. Knows nothing of the `Client`, which may be forgotten meanwhile."""

    def __init__(self, session: Session) -> None:
        self.end = ""  # how it ended
        self.ended = threading.Event()
        self._session = session
        self._opened: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._work, name="batchdemo-client", daemon=True)

    def start(self) -> None:
        """Return once it is connected, or raise why it is not."""
        self._thread.start()
        try:
            self._opened.result(OPEN_WITHIN + 5.0)
        except BaseException:  # an interrupt too
            self.stop()
            self.join()
            raise

    def call(self, function: Callable[[], object]) -> bool:
        """Have the loop call it. False: it has ended."""
        if self._loop is None or self.end:
            return False
        with suppress(RuntimeError):  # closed meanwhile
            self._loop.call_soon_threadsafe(function)
            return True
        return False

    def stop(self) -> None:
        """Tell it to end."""
        task = self._task
        if task is not None:
            self.call(task.cancel)

    def join(self) -> None:
        """Wait until it has."""
        if self._thread is not threading.current_thread():
            self._thread.join(CLOSE_WITHIN)

    async def _main(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        await self._session.hold(lambda: self._opened.set_result(None))

    def _work(self) -> None:
        how = "closed"
        try:
            with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:  # not asyncio.run: it may be patched
                runner.run(self._main())
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            how = f"closed ({error})"
            if not self._opened.done():
                self._opened.set_exception(error)
        if not self._opened.done():
            self._opened.set_exception(SendError("the client was closed before it was connected"))
        self.end = how
        self._session.settled.set()
        self.ended.set()
