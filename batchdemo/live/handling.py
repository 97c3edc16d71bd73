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
    size = len(items)
    if on_loop:
        results = await handler(items)
    else:
        answer = await _in_thread(handler, items)
        results = await answer if inspect.isawaitable(answer) else answer
    if isinstance(results, str) or not isinstance(results, (list, Sequence)):
        raise TypeError(f"a handler must return a list of replies, got {type(results).__name__}")
    if len(results) != size:
        raise ValueError(f"a handler must return one reply a request: {size} wanted, got {len(results)}")
    return results


async def isolate(
    handler: Callable[[list[Any]], Any], items: list[Any], error: BaseException, *, on_loop: bool
) -> list[Any]:
    """Results where the whole batch failed with `error`: halves are tried anew, until what fails stands alone.

    The error of an item that fails alone is its result. A batch of n with one such item costs 2 log2(n) more
    calls; items that were handled in a call that failed are handled again, so this is for handlers that may.
    """
    if len(items) == 1:
        return [error]
    results: list[Any] = []
    for half in (items[: len(items) // 2], items[len(items) // 2 :]):
        try:
            results.extend(await handle(handler, half, on_loop=on_loop))
        except BaseException as of_half:
            if not faulty(of_half):
                raise
            results.extend(await isolate(handler, half, of_half, on_loop=on_loop))
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
