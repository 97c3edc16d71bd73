"""A handler at work: on the loop where it is async, off it where it may block, and its results counted."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any


def said(thing: object) -> str:
    """An error or an answer as it shows itself, even one that cannot."""
    try:
        return repr(thing)
    except Exception:
        return f"{type(thing).__name__}, whose repr fails"


def runs_on_loop(handler: Callable[[list[Any]], Any]) -> bool:
    """Whether the handler is async, and so belongs on the loop."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)


async def handle(handler: Callable[[list[Any]], Any], items: list[Any], *, on_loop: bool) -> Sequence[Any]:
    """One result an item. Whatever the handler raises; TypeError, ValueError: it returned something else."""
    answer = handler(items) if on_loop else await _in_thread(handler, items)
    size = len(items)
    results = await answer if inspect.isawaitable(answer) else answer
    if isinstance(results, str) or not isinstance(results, Sequence):
        raise TypeError(f"a handler must return a list of replies, got {type(results).__name__}")
    if len(results) != size:
        raise ValueError(f"a handler must return one reply a request: {size} wanted, got {len(results)}")
    return results


def faulty(error: BaseException) -> bool:
    """Whether this is the handler's fault: an exit, or a cancellation that is not ours, is like any other error."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is None or not task.cancelling()
    return isinstance(error, (Exception, SystemExit))


async def _in_thread(handler: Callable[[list[Any]], Any], items: list[Any]) -> Any:
    """Run a handler that may block off the loop.

    In a daemon thread of its own and not in the loop's pool: at exit Python joins the pool's threads, so one
    handler that never returns would keep the whole process from ending.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if done.done():  # the server was stopped meanwhile
            return
        if error is None:
            done.set_result(result)
        else:
            # A future takes no StopIteration, and an interrupt must not pass for one of the server.
            plain = isinstance(error, (Exception, SystemExit)) and not isinstance(error, StopIteration)
            done.set_exception(error if plain else RuntimeError(repr(error)))

    def work() -> None:
        result, error = None, None
        try:
            result = handler(items)
        except BaseException as raised:
            error = raised
        with suppress(RuntimeError):  # the loop has closed: nobody waits for this batch any more
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=work, name="batchdemo-handler", daemon=True).start()
    return await done
