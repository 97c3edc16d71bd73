"""`send`: numbered messages to any server, and the record of what came of them."""

from __future__ import annotations

import asyncio
import secrets
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from tqdm import tqdm

from batchdemo.arguments import real, refuse, whole
from batchdemo.errors import SendInterrupted, ServerError
from batchdemo.live.collect import collect
from batchdemo.live.connection import CLIENT_ID
from batchdemo.live.conversation import Conversation
from batchdemo.live.limits import a_deadline
from batchdemo.live.matching import Ledger
from batchdemo.live.retrying import Retry, a_retry
from batchdemo.live.server import Server
from batchdemo.runs.run import Run

MOST = 1_000_000  # numbers in one call
MOST_CLIENTS = 5_000


def send(
    numbers: Iterable[int],
    to: Server | str,
    *,
    clients: int | None = None,
    arrivals: Any = None,
    retry: Retry | bool | int | None = None,
    deadline: float | None = None,
    client_ids: Sequence[str] | None = None,
    timeout: float | None = None,
    progress: bool | None = None,
) -> Run:
    """Send numbered messages, wait for the replies, and return the record. Works in a cell, a script, a thread.

    numbers    different whole numbers, as `range(1, 19)`; each is one message
    to         a `Server`, or the address of any server: `ws://127.0.0.1:8000/ws/{client_id}`
    clients    connections to send over, one by default; the numbers are dealt round, the first to client 1
    arrivals   when to send: None, all at once; a rate, in requests a second; seconds, one a number; or arrivals
               of `bd.arrivals`, which also say by whom, where `clients` does not
    retry      what to do where a request is refused: None, leave it; True, a number of tries, or a `bd.Retry`:
               try again politely. What counts is when it was sent first, and what came of the last try
    deadline   seconds after which the server is to drop a request from its queue; only ours knows it
    client_ids names for the clients, one each, where the server treats them by name; numbers by default
    timeout    seconds without any reply, after the last request, until the rest is given up; by default
               three intervals of the server, but at least 10 s, and 10 s where its policy has none; 30 s for
               a server that nobody here started
    progress   a bar: True, False, or None for "where somebody looks, and when it takes over a second"

    What never came stays in the table as `unknown`. An interrupt raises `SendInterrupted`, a KeyboardInterrupt
    whose `run` is the record so far.
    """
    values = numbers_of(numbers)
    times = _times(arrivals, len(values))
    owners = _owners(clients, arrivals, len(values))
    template, quiet = target_of(to, timeout)
    ledger = Ledger(values, owners)
    base = secrets.randbelow(2**30)  # the tutorial's ids are numbers; a fresh range, so that runs do not mix
    wire_ids: Sequence[int | str] = _ids(client_ids, max(owners)) or [
        base + client for client in range(1, max(owners) + 1)
    ]
    tries, deadline = a_retry(retry), None if deadline is None else a_deadline(deadline)
    talk = Conversation(template, wire_ids, ledger, times, quiet, isinstance(to, str) or deadline is not None,
                        None if tries is None else tries.waits(), deadline)  # fmt: skip
    began = datetime.now(UTC)
    interrupted = _run_in_thread(talk, to if isinstance(to, Server) else None, progress)
    began += timedelta(seconds=talk.ended and (datetime.now(UTC) - began).total_seconds() - talk.ended)
    run = collect(talk, to if isinstance(to, Server) else None, wire_ids, began)
    if interrupted:
        done = f"interrupted after {ledger.answered} of {len(values)} replies"
        raise SendInterrupted(f"{done}; the record so far is in this error's `run` (in a notebook: sys.last_value.run)",
                              run)  # fmt: skip
    return run


def numbers_of(numbers: Any) -> list[int]:
    """The numbers to send, if they are such. ArgumentError: why not."""
    rule = f"1 to {MOST:,} different whole numbers"
    if isinstance(numbers, (str, bytes)) or not isinstance(numbers, Iterable):
        refuse("numbers", rule, numbers, "For example range(1, 19).")
    values = list(islice(numbers, MOST + 1))
    if not values or len(values) > MOST:
        got = "none" if not values else f"more than {MOST:,}"
        refuse("numbers", rule, numbers, f"There are {got} in it.")
    checked = [whole(f"numbers[{at}]", value, -(2**53), 2**53) for at, value in enumerate(values)]
    if len(set(checked)) < len(checked):
        seen: set[int] = set()
        again = next(value for value in checked if value in seen or seen.add(value))  # type: ignore[func-returns-value]
        refuse(
            "numbers", rule, numbers, f"{again} is in it more than once, and a reply could not be told from another."
        )
    return checked


def _times(arrivals: Any, count: int) -> list[float] | None:
    rule = "None, a rate in requests a second, or a list of seconds, one a number"
    if arrivals is None:
        return None
    if isinstance(arrivals, (int, float, np.integer, np.floating)):
        rate = real("arrivals", arrivals, 1e-3, 1e6, "requests a second")
        return [at / rate for at in range(count)]
    try:
        times = np.asarray(list(arrivals), dtype=float)
    except (TypeError, ValueError):
        refuse("arrivals", rule, arrivals)
    if times.shape != (count,):
        refuse("arrivals", rule, arrivals, f"There are {count} numbers and {times.size} times.")
    if not np.isfinite(times).all() or times.min() < 0 or (np.diff(times) < 0).any():
        refuse("arrivals", "seconds from 0 on, in rising order", arrivals)
    return times.tolist()  # type: ignore[no-any-return]


def _owners(clients: Any, arrivals: Any, count: int) -> list[int]:
    """Which client sends each number."""
    if clients is None and hasattr(arrivals, "clients"):
        owners = [int(client) for client in arrivals.clients]
        whole("the number of clients of these arrivals", max(owners), 1, MOST_CLIENTS)
        return owners
    clients = 1 if clients is None else whole("clients", clients, 1, MOST_CLIENTS)
    return [row % clients + 1 for row in range(count)]


def _ids(names: Any, count: int) -> list[str] | None:
    if names is None:
        return None
    rule = f"{count} different names of letters, digits, '_', '.' and '-', one a client"
    if isinstance(names, str) or not isinstance(names, Iterable):
        refuse("client_ids", rule, names)
    ids = list(islice(names, count + 1))
    sound = all(isinstance(name, str) and CLIENT_ID.fullmatch(name) for name in ids)
    if len(ids) != count or len(set(ids)) != count or not sound:
        refuse("client_ids", rule, names)
    return ids


def target_of(to: Any, timeout: Any) -> tuple[str, float]:
    """The address template, and the seconds of quiet after which the rest is given up."""
    if timeout is not None:
        timeout = real("timeout", timeout, 0.001, 86_400, "seconds")
    if isinstance(to, Server):
        if not to.running:
            raise ServerError("the server that was given is stopped, so nothing was sent. start() it first.")
        return to.ws_url, timeout or max(10.0, 3 * (to.interval or 0.0))
    rule = "a Server, or an address such as ws://127.0.0.1:8000/ws/{client_id}"
    if not isinstance(to, str):
        refuse("to", rule, to)
    try:
        parts = urlsplit(to)
        usable = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        http = to.startswith(("http://", "https://"))
        refuse("to", rule, to, f"Try {'ws' + to[4:]!r}." if http else "It must begin with ws:// or wss://.")
    return to, timeout or 30.0


def _run_in_thread(talk: Conversation, server: Server | None, progress: bool | None) -> bool:
    """Hold the conversation on a loop of its own. Returns whether it was interrupted; raises what it raised."""
    failure: list[BaseException] = []
    started = threading.Event()
    handle: dict[str, Any] = {}

    async def main() -> None:
        handle["loop"], handle["task"] = asyncio.get_running_loop(), asyncio.current_task()
        started.set()
        await talk.hold()

    def work() -> None:
        try:
            with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:  # not asyncio.run: it may be patched
                runner.run(main())
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            failure.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=work, name="batchdemo-send", daemon=True)
    interrupted = False
    bar = _Bar(talk, server, progress)
    try:
        thread.start()
        while thread.is_alive():
            thread.join(0.05)
            bar.update()
    except KeyboardInterrupt:
        interrupted = True
        started.wait(1.0)
        if thread.is_alive() and "loop" in handle:
            handle["loop"].call_soon_threadsafe(handle["task"].cancel)
        thread.join(3.0)
    finally:
        bar.close()
    if failure and not interrupted:
        raise failure[0]
    return interrupted


class _Bar:
    """A progress bar of the replies, once a second has passed, with the time left, which our own policy foretells."""

    def __init__(self, talk: Conversation, server: Server | None, progress: bool | None) -> None:
        kernel = "ipykernel" in sys.modules
        self._stream = sys.stdout if kernel else sys.stderr  # a notebook paints stderr as an error
        self._shown = (kernel or self._stream.isatty()) if progress is None else progress
        self._ledger = talk.ledger
        self._server = server if server is not None and server.interval is not None else None
        self._began = time.time()
        self._next = time.monotonic() + 1.0
        self._bar: tqdm[Any] | None = None

    def update(self) -> None:
        """Draw it anew, twice a second at most."""
        if self._shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.5
            self._draw()

    def close(self) -> None:
        """Leave the last state standing, and nothing at all if it was never drawn."""
        if self._bar is not None:
            self._draw()
            self._bar.close()

    def _draw(self) -> None:
        ledger, server = self._ledger, self._server
        if self._bar is None:
            form = "{desc}: {n_fmt}/{total_fmt} |{bar}| {elapsed}" + ("{postfix}" if server else "<{remaining}")
            self._bar = tqdm(total=len(ledger.numbers), desc="replies", file=self._stream, bar_format=form, ncols=60)
            self._bar.start_t = self._began  # the second before it was drawn counts as well
        if server is not None:
            left = f"about {server.time_left(ledger.open):.0f} s left" if ledger.open else "done"
            self._bar.set_postfix_str(left, refresh=False)
        self._bar.n = ledger.answered
        self._bar.refresh()
