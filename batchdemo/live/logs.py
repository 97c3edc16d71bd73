"""A ring of lines in place of printing: what a thread prints would land in whichever cell runs just then."""

from __future__ import annotations

import logging
import sysconfig
import threading
import traceback
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

LOGGERS = ("uvicorn", "apscheduler", "asyncio")
NOT_OWN = (
    str(Path(__file__).parents[1]),
    *{sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")},
    "<frozen",
)


def place(error: BaseException) -> str:
    """Where in somebody's own code an error arose, as ` (line 7 of endpoint: 1 / 0)`; empty if nowhere there."""
    own = [at for at in traceback.extract_tb(error.__traceback__) if not at.filename.startswith(NOT_OWN)]
    if not own:
        return ""
    return f" (line {own[-1].lineno} of {own[-1].name}: {own[-1].line})"


class Log:
    """The last lines of one server, oldest first; its repr is the last twenty."""

    def __init__(self, size: int) -> None:
        self.lines: deque[str] = deque(maxlen=size)
        self._thread = 0

    def write(self, line: str) -> None:
        """Add a line, with the time of day."""
        self.lines.append(f"{datetime.now():%H:%M:%S.%f} {line}")

    def listen(self) -> None:
        """Take in what the libraries warn of in the thread that calls this, instead of having it printed."""
        self._thread = threading.get_ident()
        _router.add(self._thread, self)

    def unlisten(self) -> None:
        """Undo `listen`; from any thread."""
        _router.remove(self._thread)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self.lines))

    def __len__(self) -> int:
        return len(self.lines)

    def __repr__(self) -> str:
        return "\n".join(list(self.lines)[-20:]) or "(nothing logged yet)"


class _Router(logging.Handler):
    """Takes each record to the log of the server in whose thread it arose.

    Attached only while a server listens. A logger that has a handler no longer prints by itself, so records
    from other threads, which are the user's own, are passed on to where they would have gone.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._logs: dict[int, Log] = {}

    def add(self, thread: int, log: Log) -> None:
        self._logs[thread] = log
        for name in LOGGERS:
            logging.getLogger(name).addHandler(self)  # adding twice is once

    def remove(self, thread: int) -> None:
        self._logs.pop(thread, None)
        if not self._logs:
            for name in LOGGERS:
                logging.getLogger(name).removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        log = self._logs.get(record.thread or 0)
        if log is not None:
            error = record.exc_info[1] if record.exc_info else None
            cause = f": {error!r}{place(error)}" if error else ""
            log.write(f"{record.name}: {record.getMessage().strip()}{cause}")
        elif logging.lastResort is not None and not logging.getLogger().handlers:
            logging.lastResort.handle(record)


_router = _Router()
