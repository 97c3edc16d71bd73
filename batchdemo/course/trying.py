"""A student's function, called with care: what it raises is told, and one that never returns is stopped."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable
from typing import Any

from batchdemo.course.answers import Misfit, Unanswered, shown

WITHIN = 2.0  # seconds for all calls of one check


class _Stopped(BaseException):
    """Thrown into a thread that takes too long. No Exception, so that `except Exception` does not swallow it."""


class Trial:
    """Calls of one function, which may take `WITHIN` seconds together."""

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self._function = function
        self._name = name
        self._until = time.monotonic() + WITHIN

    def call(self, *arguments: Any, let: type[BaseException] | tuple[()] = ()) -> Any:
        """What the function returns; a Misfit where it raises or does not end. Errors of the kind `let` go through."""
        call = self.said(*arguments)  # before the call, which may change its arguments
        outcome: dict[str, Any] = {}

        def work() -> None:
            try:
                outcome["value"] = self._function(*arguments)
            except BaseException as error:  # exit() too
                outcome["error"] = error

        thread = threading.Thread(target=work, name="batchdemo-trial", daemon=True)
        thread.start()
        thread.join(max(0.0, self._until - time.monotonic()))
        if thread.is_alive():
            late = f"{call} did not return within {WITHIN:g} s"
            if _stop(thread):
                raise Misfit(f"{late} and was stopped. Does a loop of it never end?")
            raise Misfit(f"{late}, and could not be stopped: it goes on in the background. Restart the kernel.")
        error = outcome.get("error")
        if isinstance(error, let):
            raise error
        if error is not None:
            raise Misfit(f"{call} raised {type(error).__name__}: {_told(error)}.")
        return outcome["value"]

    def first(self, *arguments: Any) -> Any:
        """As `call`, for the first of several calls: a function that gives nothing here is not written yet."""
        value = self.call(*arguments)
        if value is None or value is ...:
            raise Unanswered
        return value

    def said(self, *arguments: Any) -> str:
        """The call as one would write it."""
        return f"{self._name}({', '.join(shown(argument) for argument in arguments)})"


def _told(error: BaseException) -> str:
    try:
        return str(error)[:200].rstrip(".") or "without a word"
    except Exception:
        return "in words that cannot be shown"


def _stop(thread: threading.Thread) -> bool:
    """Throw _Stopped into the thread, again where it is caught. False where it sits in C code, which hears nothing."""
    end = time.monotonic() + 0.5
    while thread.is_alive() and time.monotonic() < end:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_Stopped))
        thread.join(0.02)
    return not thread.is_alive()
