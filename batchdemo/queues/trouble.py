"""What SQLite and the system say of a queue's file, in words that tell what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from batchdemo.errors import QueueFileError

ONE_SERVER = "be used by one server at a time"
OUR_FILE = "be a queue that batchdemo made"
LEFT = "It was left as it is: give another path, or move it away."
WRITABLE = "be writable, and so must its folder be"
ALLOW = "Allow it, or take a file elsewhere."

# By the primary code of SQLite: the rule, and the remedy.
SAID = {
    sqlite3.SQLITE_BUSY: (ONE_SERVER, "Stop the other program that has it open, or take another file."),
    sqlite3.SQLITE_NOTADB: (OUR_FILE, LEFT),
    sqlite3.SQLITE_CORRUPT: ("be undamaged", LEFT),
    sqlite3.SQLITE_FULL: ("have room on its disk", "Make room: nothing is half done, and what follows can succeed."),
    sqlite3.SQLITE_IOERR: ("be on a disk that works and has room", "Look at the disk: nothing is half done."),
    sqlite3.SQLITE_READONLY: (WRITABLE, ALLOW),
    sqlite3.SQLITE_CANTOPEN: (WRITABLE, ALLOW),
    sqlite3.SQLITE_PERM: (WRITABLE, ALLOW),
}


def trouble(path: Path, error: Exception) -> QueueFileError:
    """The error to raise in place of this one."""
    if isinstance(error, OSError):
        return QueueFileError(path, WRITABLE, f"the system says: {error.strerror or error}", ALLOW)
    code = getattr(error, "sqlite_errorcode", None)  # none where Python's own layer raised it
    rule, remedy = SAID.get((code or 0) & 0xFF, ("be fit for SQLite", ""))
    return QueueFileError(path, rule, f"SQLite says: {error}", remedy)


def closed(path: Path) -> QueueFileError:
    """The error of one who uses a store after `close`."""
    return QueueFileError(path, "be open", "it was closed", "Open it anew: Store(path).")


def outside(path: Path) -> QueueFileError:
    """The error of one who writes without a transaction, or goes on in one that was rolled back."""
    remedy = "Write within `with store.transaction():`, and begin anew once a write has failed for want of room."
    return QueueFileError(path, "be written to within a transaction", "none is under way", remedy)
