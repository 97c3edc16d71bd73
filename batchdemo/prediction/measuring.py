"""How long a handler takes for a batch of each size, measured on this machine."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
import threading
import time
from collections.abc import Awaitable, Iterable, Sequence
from itertools import islice, pairwise
from typing import Any

from tqdm import tqdm

from batchdemo.arguments import real, refuse, whole
from batchdemo.errors import HandlerError
from batchdemo.handlers import Handler
from batchdemo.prediction.costs import LARGEST, MOST, Costs

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def measure_costs(
    handler: Handler,
    sizes: Iterable[int] = SIZES,
    *,
    rounds: int = 7,
    progress: bool | None = None,
    budget: float = 10.0,
) -> Costs:
    """Find out whether batching pays: time the handler on batches of each size. Works in a cell, a script, a thread.

    handler     as the server's: a plain function, or an `async def`, which gets a loop of its own
    sizes       of the batches, in requests; 2 to 1,000 different ones. The texts are "1", "2", "3", …
    rounds      how often each size is timed. A round goes through all sizes, so that noise hits all alike
    progress    a bar: True, False, or None for "where somebody looks, and when it takes over a second"
    budget      seconds after which no further round is begun that would not be over by then; one is always run

    What is timed is the handler alone; the server adds a thread's start a batch and the sockets a request.
    Before the first round comes one call that is not counted. HandlerError: the handler raised, or did not
    return a list of one reply a request.
    """
    if not callable(handler):
        refuse("handler", "a function from a list of texts to a list of replies", handler, "For example Commits().")
    wanted = _sizes(sizes)
    rounds = whole("rounds", rounds, 1, 100_000)
    budget = real("budget", budget, 0.001, 86_400, "seconds")
    if progress is not None and not isinstance(progress, bool):
        refuse("progress", "True, False or None", progress)
    stopwatch = _Stopwatch(handler, wanted, rounds, budget)
    stopwatch.run(progress)
    return Costs(wanted, stopwatch.durations, _name(handler))


def _sizes(sizes: Any) -> list[int]:
    rule = f"2 to {MOST:,} different whole numbers"
    remedy = "For example (1, 8, 64)."
    if isinstance(sizes, (str, bytes)) or not isinstance(sizes, Iterable):
        refuse("sizes", rule, sizes, remedy)
    values = list(islice(sizes, MOST + 1))
    checked = sorted(whole(f"sizes[{at}]", size, 1, LARGEST) for at, size in enumerate(values))
    if not 2 <= len(checked) <= MOST:
        refuse("sizes", rule, sizes, "A cost a request and a cost a batch cannot be told apart from fewer than two.")
    again = next((one for one, other in pairwise(checked) if one == other), None)
    if again is not None:
        refuse("sizes", rule, sizes, f"{again:,} is in it more than once; `rounds` says how often each is timed.")
    return checked


def _name(handler: Any) -> str:
    """The handler in a word or two: a function's name, or what an object calls itself."""
    while isinstance(handler, functools.partial):
        handler = handler.func
    name = getattr(handler, "__name__", None)
    if not isinstance(name, str):
        speaks = any("__str__" in vars(kind) for kind in type(handler).__mro__[:-1])
        name = str(handler) if speaks else type(handler).__name__
    return "the handler" if name == "<lambda>" else " ".join(name.split())[:60]


class _Stopwatch:
    """Times the handler round after round, in a thread of its own: a loop may be running in the caller's."""

    def __init__(self, handler: Any, sizes: list[int], rounds: int, budget: float) -> None:
        self.durations: list[list[float]] = []  # of the complete rounds; seconds, a row a round
        self.calls = 0  # so far
        self.most = rounds * len(sizes)  # calls, if the budget suffices
        self._handler = handler
        self._sizes = sizes
        self._rounds = rounds
        self._budget = budget
        self._given_up = False
        self._failure: BaseException | None = None

    def run(self, progress: bool | None) -> None:
        """Take all times; raise what went wrong. An interrupt ends it after the call that is under way."""
        thread = threading.Thread(target=self._work, name="batchdemo-measure", daemon=True)
        kernel = "ipykernel" in sys.modules
        stream = sys.stdout if kernel else sys.stderr  # a notebook paints stderr as an error
        shown = (kernel or stream.isatty()) if progress is None else progress
        form = "{desc}: {n_fmt}/{total_fmt} |{bar}| {elapsed}<{remaining}"
        with tqdm(total=self.most, desc="batches", file=stream, disable=not shown, delay=1.0, mininterval=0.5,
                  miniters=0, bar_format=form, ncols=60) as bar:  # fmt: skip
            try:  # an interrupt may come as soon as the start
                thread.start()
                while thread.is_alive():
                    thread.join(0.05)
                    bar.update(self.calls - bar.n)
            finally:
                self._given_up = True
            bar.total = self.calls
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        try:
            with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:  # not asyncio.run: it may be patched
                self._time(runner, self._sizes[0])
                self._all_rounds(runner)
        except BaseException as error:
            self._failure = error

    def _all_rounds(self, runner: asyncio.Runner) -> None:
        began = time.perf_counter()
        for done in range(self._rounds):
            took = time.perf_counter() - began
            if done and took + took / done > self._budget:
                return
            row = dict.fromkeys(self._sizes, 0.0)
            for size in self._sizes[:: -1 if done % 2 else 1]:  # there and back, so that a drift hits all alike
                if self._given_up:
                    return
                row[size] = self._time(runner, size)
                self.calls += 1
            self.durations.append(list(row.values()))

    def _time(self, runner: asyncio.Runner, size: int) -> float:
        """Seconds for one batch."""
        batch = [str(number) for number in range(1, size + 1)]
        try:
            began = time.perf_counter()
            answer = self._handler(batch)
            took = time.perf_counter() - began
            if inspect.isawaitable(answer):
                answer, more = runner.run(_awaited(answer))
                took += more
        except BaseException as error:  # an exit, too, is the handler's fault like any other
            raise HandlerError(f"{_name(self._handler)} failed on a batch of {size:,}: {_said(error)}") from error
        self._check(answer, size)
        return max(took, 1e-9)  # a coarse clock may see no time pass at all

    def _check(self, answer: Any, size: int) -> None:
        rule = f"{_name(self._handler)} must return a list of one reply a request"
        if isinstance(answer, str) or not isinstance(answer, Sequence):
            raise HandlerError(f"{rule}, got {type(answer).__name__} for a batch of {size:,}.")
        if len(answer) != size:
            raise HandlerError(f"{rule}, got {len(answer):,} for a batch of {size:,}.")


async def _awaited(answer: Awaitable[Any]) -> tuple[Any, float]:
    """The answer, and the seconds it took, those of the loop's start left out."""
    began = time.perf_counter()
    return await answer, time.perf_counter() - began


def _said(error: BaseException) -> str:
    """The error in words, even one that cannot say itself."""
    try:
        return f"{error!r:.200}"
    except Exception:
        return f"{type(error).__name__}, whose repr fails"
