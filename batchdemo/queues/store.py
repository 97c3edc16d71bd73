"""The durable queue's file: what was accepted is served, though the server be killed, and its reply kept.

A request is `waiting`, `taken` into a batch, `done` with its outcome and its reply, and last `delivered`: the
client has confirmed the reply. Each commit is on the disk (journal WAL, synchronous FULL) when it returns.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from batchdemo.arguments import refuse, whole
from batchdemo.queues.opening import Inode, open_file, release
from batchdemo.queues.trouble import closed, outside, trouble

COLUMNS = "id, client_id, key, text, accepted, state, batch, outcome, reply, delivered"

CONFIRM = """
UPDATE requests SET delivered = (SELECT coalesce(max(delivered), 0) + 1 FROM requests WHERE delivered IS NOT NULL)
WHERE id = ? AND state = 'done' AND delivered IS NULL
"""
EXPIRE = """
DELETE FROM requests
WHERE delivered <= (SELECT max(delivered) FROM requests WHERE delivered IS NOT NULL) - ?
"""


class Row(NamedTuple):
    """One request, as it stands in the file. `accepted` is wall time, in seconds since 1970."""

    id: int
    client_id: str
    key: str | None
    text: str
    accepted: float
    state: str
    batch: int | None
    outcome: str | None
    reply: str | None
    delivered: int | None


class Counts(NamedTuple):
    """How many requests stand where; `unsent` are done and not confirmed, `delivered` are kept for their keys."""

    waiting: int
    taken: int
    unsent: int
    delivered: int


class Store:
    """The requests of one server in one SQLite file, which nobody else can use meanwhile.

    path    the file, made where there is none; its folder must exist
    keep    so many confirmed requests with a key are remembered, so that a resent one is known
    clock   gives the wall time

    For one thread at a time, not always the one that opened it. Only `close` may come from any thread, and it
    waits for the transaction under way. QueueFileError: the file cannot be used, and why.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, keep: int = 100_000, clock: Callable[[], float] = time.time
    ) -> None:
        self.keep = whole("keep", keep, 0, 10**9)
        self.path = _absolute(path)
        self._clock = clock
        self._lock = threading.RLock()
        self._depth = 0
        self._db, inode = open_file(self.path)
        # Of the parts and not of self, which a finalizer must not keep alive.
        self._closing = weakref.finalize(self, _close, self._db, inode)
        self._closing.atexit = False  # a thread stuck at the disk would hold up the exit; what is committed is safe

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written within, or, where it raises, nothing of it. Within another one: a part of that one."""
        with self._lock:
            inner = self._depth > 0
            if inner:
                self._must_be_within()
            self._sql("SAVEPOINT part" if inner else "BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
                self._sql("RELEASE part" if inner else "COMMIT")
            except BaseException:
                self._undo(inner)
                raise
            finally:
                self._depth -= 1

    @property
    def in_transaction(self) -> bool:
        """Whether one is under way; SQLite ends it by itself where the disk is full."""
        return self._closing.alive and self._db.in_transaction

    def accept(self, client_id: str, key: str | None, text: str) -> tuple[int, bool]:
        """The id of the request, and True; with a key that this client has used, the id of the first, and False."""
        self._must_be_within()
        known = None if key is None else self.lookup(client_id, key)
        if known is not None:
            return known.id, False
        sql = "INSERT INTO requests (client_id, key, text, accepted) VALUES (?, ?, ?, ?)"
        return int(self._sql(sql, client_id, key, text, self._clock()).lastrowid or 0), True

    def take(self, ids: Iterable[int], batch: int) -> None:
        """These go into a batch; those that a crash left in an earlier one too."""
        self._each("UPDATE requests SET state = 'taken', batch = ? WHERE id = ?", ((batch, one) for one in ids))

    def finish(self, results: Iterable[tuple[int, str, str | None]]) -> None:
        """Each an id, its outcome and its reply, if there is one."""
        rows = ((outcome, reply, one) for one, outcome, reply in results)
        self._each("UPDATE requests SET state = 'done', outcome = ?, reply = ? WHERE id = ?", rows)

    def delivered(self, ids: Iterable[int]) -> int:
        """The client has confirmed these: how many of them it had not before. Any other id is passed over.

        Without a key they are forgotten at once, with one when `keep` others have been confirmed after them.
        """
        self._must_be_within()
        count = 0
        for one in ids:
            count += self._sql(CONFIRM, one).rowcount
            self._sql("DELETE FROM requests WHERE id = ? AND key IS NULL AND delivered IS NOT NULL", one)
        self._sql(EXPIRE, self.keep)
        return count

    def unfinished(self) -> list[Row]:
        """Those that wait or were taken, in order of acceptance: what to serve after a crash."""
        return self._rows("state != 'done' ORDER BY id")

    def unsent(self, client_id: str, after: int = 0, most: int = -1) -> list[Row]:
        """Those of a client that are done and not confirmed, in order of acceptance: `most` of them, after an id."""
        where = "client_id = ? AND id > ? AND state = 'done' AND delivered IS NULL ORDER BY id LIMIT ?"
        return self._rows(where, client_id, after, most)

    def lookup(self, client_id: str, key: str) -> Row | None:
        """The request that this client sent with this key, while it is remembered."""
        return next(iter(self._rows("client_id = ? AND key = ?", client_id, key)), None)

    def forget(self, older_than: float) -> int:
        """Delete what is done and was accepted before this wall time, confirmed or not: how many.

        For the replies of clients that never come back.
        """
        self._must_be_within()
        return self._sql("DELETE FROM requests WHERE state = 'done' AND accepted < ?", older_than).rowcount

    def counts(self) -> Counts:
        """How many stand where. Reads the whole table: 50 ms for 100,000 rows."""
        sql = "SELECT state || (delivered IS NOT NULL), count(*) FROM requests GROUP BY 1"
        found = dict(self._fetch(sql))
        return Counts(*(found.get(state, 0) for state in ("waiting0", "taken0", "done0", "done1")))

    def close(self) -> None:
        """Give the file back, once the transaction under way is over. Harmless twice."""
        with self._lock:  # a finalizer counts as dead before it is called
            self._closing()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _must_be_within(self) -> None:
        """Else a statement after SQLite's own rollback would be committed alone."""
        self._must_be_open()
        if not self._db.in_transaction:
            raise outside(self.path)

    def _must_be_open(self) -> None:
        if not self._closing.alive:
            raise closed(self.path)

    def _undo(self, inner: bool) -> None:
        if self.in_transaction:
            with suppress(sqlite3.Error):  # why it is undone is what the caller should hear
                for sql in ("ROLLBACK TO part", "RELEASE part") if inner else ("ROLLBACK",):
                    self._db.execute(sql)

    def _sql(self, sql: str, *values: Any) -> sqlite3.Cursor:
        self._must_be_open()
        try:
            return self._db.execute(sql, values)
        except sqlite3.Error as error:
            raise trouble(self.path, error) from error

    def _each(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Once a row; its last value is an id, which must be of a request that is not done."""
        self._must_be_within()
        for values in rows:
            if self._sql(f"{sql} AND state != 'done'", *values).rowcount != 1:
                refuse("id", "that of a request that waits or was taken", values[-1])

    def _rows(self, where: str, *values: Any) -> list[Row]:
        sql = f"SELECT {COLUMNS} FROM requests WHERE {where}"  # noqa: S608  - made of words of this file alone
        return [Row(*found) for found in self._fetch(sql, *values)]

    def _fetch(self, sql: str, *values: Any) -> list[Any]:
        cursor = self._sql(sql, *values)
        try:
            return cursor.fetchall()
        except sqlite3.Error as error:
            raise trouble(self.path, error) from error


def _absolute(path: Any) -> Path:
    try:
        found = Path(path).absolute()
    except TypeError:
        refuse("path", "the path of a file", path)
    if "\0" in str(found):
        refuse("path", "the path of a file", path, "No name has a zero byte in it.")
    return found


def _close(db: sqlite3.Connection, inode: Inode) -> None:
    try:
        db.close()
    finally:
        release(inode)
