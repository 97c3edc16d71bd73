"""`send`: numbered messages to any server, and the record of what came of them."""

from __future__ import annotations

import asyncio
import secrets
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from batchdemo.arguments import real, refuse, whole
from batchdemo.errors import SendInterrupted, ServerError
from batchdemo.live.collect import collect
from batchdemo.live.conversation import Conversation
from batchdemo.live.matching import Ledger
from batchdemo.live.server import Server
from batchdemo.runs.run import Run

MOST = 1_000_000  # numbers in one call
MOST_CLIENTS = 5_000


def send(
    numbers: Iterable[int],
    to: Server | str,
    *,
    clients: int = 1,
    arrivals: Any = None,
    timeout: float | None = None,
    progress: bool | None = None,
) -> Run:
    """Send numbered messages, wait for the replies, and return the record. Works in a cell, a script, a thread.

    numbers    different whole numbers, as `range(1, 19)`; each is one message
    to         a `Server`, or the address of any server: `ws://127.0.0.1:8000/ws/{client_id}`
    clients    connections to send over; the numbers are dealt round, the first to client 1
    arrivals   when to send: None, all at once; a rate, in requests a second; or seconds, one a number
    timeout    seconds without any reply, after the last request, until the rest is given up; by default
               three intervals of the server, at least 10 s; 30 s for a server that nobody here started
    progress   a bar: True, False, or None for "where somebody looks, and when it takes over a second"

    What never came stays in the table as `unknown`. An interrupt raises `SendInterrupted`, a KeyboardInterrupt
    whose `run` is the record so far.
    """
    values = _numbers(numbers)
    clients = whole("clients", clients, 1, MOST_CLIENTS)
    times = _times(arrivals, len(values))
    template, quiet = _target(to, timeout)
    ledger = Ledger(values, [row % clients + 1 for row in range(len(values))])
    base = secrets.randbelow(2**30)  # the tutorial's ids are numbers; a fresh range, so that runs do not mix
    wire_ids = [base + client for client in range(1, clients + 1)]
    talk = Conversation(template, wire_ids, ledger, times, quiet, offer_json=isinstance(to, str))
    began = datetime.now(UTC)
    interrupted = _run_in_thread(talk, to if isinstance(to, Server) else None, progress)
    began += timedelta(seconds=talk.ended and (datetime.now(UTC) - began).total_seconds() - talk.ended)
    run = collect(talk, to if isinstance(to, Server) else None, wire_ids, began)
    if interrupted:
        done = f"interrupted after {ledger.answered} of {len(values)} replies"
        raise SendInterrupted(f"{done}; the record so far is in this error's `run` (in a notebook: sys.last_value.run)",
                              run)  # fmt: skip
    return run


def _numbers(numbers: Any) -> list[int]:
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


def _target(to: Any, timeout: Any) -> tuple[str, float]:
    """The address template, and the seconds of quiet after which the rest is given up."""
    if timeout is not None:
        timeout = real("timeout", timeout, 0.001, 86_400, "seconds")
    if isinstance(to, Server):
        if not to.running:
            raise ServerError("the server that was given is stopped, so nothing was sent. start() it first.")
        return to.ws_url, timeout or max(10.0, 3 * to.policy.interval)
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
    with _bar(talk, server, progress) as update:
        try:
            thread.start()
            while thread.is_alive():
                thread.join(0.05)
                update()
        except KeyboardInterrupt:
            interrupted = True
            started.wait(1.0)
            if thread.is_alive() and "loop" in handle:
                handle["loop"].call_soon_threadsafe(handle["task"].cancel)
            thread.join(3.0)
    if failure and not interrupted:
        raise failure[0]
    return interrupted


@contextmanager
def _bar(talk: Conversation, server: Server | None, progress: bool | None) -> Iterator[Any]:
    """A progress bar of the replies, with the time left, which for a server of ours the policy foretells."""
    from tqdm import tqdm  # noqa: PLC0415  - only for those who send

    kernel = "ipykernel" in sys.modules
    stream = sys.stdout if kernel else sys.stderr  # a notebook paints stderr as an error
    shown = (kernel or stream.isatty()) if progress is None else progress
    form = "{desc}: {n_fmt}/{total_fmt} |{bar}| {elapsed}" + ("{postfix}" if server else "<{remaining}")
    total = talk.ledger.open
    with tqdm(total=total, desc="replies", disable=not shown, file=stream, delay=1.0, bar_format=form, ncols=76) as bar:

        def update() -> None:
            if server is not None and talk.ledger.open:
                bar.set_postfix_str(f"about {server.time_left(talk.ledger.open):.0f} s left", refresh=False)
            elif server is not None:
                bar.set_postfix_str("done", refresh=False)
            bar.n = talk.ledger.answered
            bar.refresh()

        yield update if shown else lambda: None
