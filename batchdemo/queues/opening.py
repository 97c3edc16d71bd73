"""The file of a durable queue, opened or refused: a file that is not ours is left as it was, byte for byte.

Whose file it is stands in its first hundred bytes (https://www.sqlite.org/fileformat2.html), and they are read
before SQLite may touch it: SQLite would repair what another program left, or write back its journal.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from contextlib import closing, suppress
from pathlib import Path

from batchdemo.errors import QueueFileError
from batchdemo.queues.trouble import LEFT, ONE_SERVER, OUR_FILE, trouble

APPLICATION = 0x62647175  # "bdqu"
VERSION = 1
TABLES = """
CREATE TABLE requests (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of acceptance; never given twice
    client_id  TEXT NOT NULL,
    key        TEXT,                               -- the idempotency key, if the client gave one
    text       TEXT NOT NULL,
    accepted   REAL NOT NULL,                      -- seconds since 1970
    state      TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'taken', 'done')),
    batch      INTEGER,
    outcome    TEXT,
    reply      TEXT,
    delivered  INTEGER                             -- the order of confirmation
);
CREATE UNIQUE INDEX keys ON requests (client_id, key) WHERE key IS NOT NULL;
CREATE INDEX unsent ON requests (client_id, id) WHERE state = 'done' AND delivered IS NULL;
CREATE INDEX delivered ON requests (delivered) WHERE delivered IS NOT NULL;
"""

Inode = tuple[int, int]
_held: set[Inode] = set()
_opening = threading.Lock()


def open_file(path: Path) -> tuple[sqlite3.Connection, Inode]:
    """A connection that nobody shares, and what to `release` once it is closed. QueueFileError: why not."""
    try:
        with _opening:
            _must_be_free(path)
            inode, head = _first_bytes(path)
            if head:
                _must_be_ours(path, head)
                _must_be_sound(path)
            db = _connect(path)
            _held.add(inode)
            return db, inode
    except (OSError, sqlite3.Error) as error:
        raise trouble(path, error) from error


def release(inode: Inode) -> None:
    """The file may be opened again in this process."""
    _held.discard(inode)


def _must_be_free(path: Path) -> None:
    """Look without opening: to close a file drops every lock that this process has on it (POSIX), SQLite's too."""
    if not path.parent.is_dir():
        raise QueueFileError(path, "be in a folder that exists", f"there is no folder {path.parent}", "Make it first.")
    with suppress(FileNotFoundError):
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            kind = "a folder" if path.is_dir() else "a device or the like"
            raise QueueFileError(path, "be a file", f"it is {kind}", "Give the path of a file.")
        if (found.st_dev, found.st_ino) in _held:
            raise QueueFileError(path, ONE_SERVER, "one in this process has it", "Stop that one, or take another file.")


def _first_bytes(path: Path) -> tuple[Inode, bytes]:
    """Make the file where there is none, and see that it can be written to."""
    with path.open("r+b" if path.exists() else "x+b") as file:
        found = os.fstat(file.fileno())
        return (found.st_dev, found.st_ino), file.read(100)


def _must_be_ours(path: Path, head: bytes) -> None:
    if len(head) < 100 or not head.startswith(b"SQLite format 3\0"):
        raise QueueFileError(path, OUR_FILE, f"it is no database: it begins with {head[:16]!r}", LEFT)
    application, version = (int.from_bytes(head[at : at + 4], "big") for at in (68, 60))
    if application != APPLICATION:
        raise QueueFileError(path, OUR_FILE, f"another program made it (its application_id is {application})", LEFT)
    if version != VERSION:
        remedy = f"Use the batchdemo that made it. {LEFT}"
        raise QueueFileError(path, f"be of version {VERSION}", f"it is of version {version}", remedy)


def _must_be_sound(path: Path) -> None:
    """Look for damage with a connection that cannot write: one that can would bring the journal in on closing."""
    if Path(f"{path}-journal").exists():
        return  # killed while the tables were made; only a connection that writes can undo it
    fixed = "" if Path(f"{path}-wal").exists() else "&immutable=1"  # makes no files beside it
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro{fixed}", uri=True, timeout=0)) as db:
        said = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if said == "ok" and not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'requests'").fetchone():
            said = "it has no table of requests"
    if said != "ok":
        raise QueueFileError(path, "be undamaged", f"it is not: {' '.join(said.split())}", LEFT)


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"{path.as_uri()}?mode=rw"
    db = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        _lock_and_prepare(db)
    except BaseException:
        db.close()
        raise
    with suppress(OSError):
        Path(f"{path}-shm").unlink(missing_ok=True)  # left by the look for damage; nobody uses it under our lock
    return db


def _lock_and_prepare(db: sqlite3.Connection) -> None:
    """The order matters: the mark is in the file itself, and not only in its journal, before the journal is WAL."""
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.execute("PRAGMA temp_store = MEMORY")
    db.execute("BEGIN EXCLUSIVE")
    if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.execute(f"PRAGMA user_version = {VERSION}")
        for statement in filter(str.strip, _statements()):
            db.execute(statement)
    db.execute("COMMIT")
    mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise sqlite3.OperationalError(f"the journal stays {mode!r}, where WAL was asked for")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA fullfsync = ON")  # macOS: else the disk's own cache may hold it


def _statements() -> list[str]:
    """One by one: `executescript` would commit first."""
    lines = [line.split("--")[0] for line in TABLES.splitlines()]
    return "\n".join(lines).split(";")
