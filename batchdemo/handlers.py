"""WHAT IS DONE with a batch: a handler takes the texts of a batch and returns as many replies, in their order.

A handler may be a plain function, which the server runs in a thread of its own so that it may block, or
an `async def`, which runs on the server's event loop and must not.

echo        costs nothing: what is seen is the batching itself
Commits     rows in a database on the disk: a batch shares one fsync
Products    vectors times a large matrix: a batch shares one reading of the matrix
Sleeps      seconds a request and seconds a batch, as you set them
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from zlib import crc32

from batchdemo.arguments import real, refuse, whole
from batchdemo.errors import HandlerError

if TYPE_CHECKING:
    import sqlite3

Handler = Callable[[list[str]], "list[str] | Awaitable[list[str]]"]
SHIFTS = 4096  # different vectors that Products makes of texts


async def echo(batch: list[str]) -> list[str]:
    """The tutorial's reply. Async, because it takes no time worth a change of thread."""
    return [f"You wrote: {text}" for text in batch]


def _parts(batch: list[str], together: bool) -> list[list[str]]:
    """What is worked off at a time: the whole batch, or each request alone."""
    return [batch] if together else [[text] for text in batch]


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        refuse(name, "True or False", value, "True: once a batch. False: once a request.")
    return value


class Commits:
    """For seeing a batch share a commit: writes each text as a row into an SQLite database on the disk.

    folder      where `batchdemo-commits.db` is opened or made; None: a folder of its own in the current
                directory, removed by `close`. Not in /tmp, which is often memory, where a commit is nearly free
    together    True: one transaction a batch; False: one a request

    A commit is on the disk before the reply is given (journal WAL, synchronous FULL): it costs an fsync,
    0.1 ms to 20 ms by the disk, whether it holds one row or a thousand.

    Callable from any thread, one batch at a time. Use it in a `with`, or `close()` it; what is forgotten is
    closed when it is collected, or at exit. ArgumentError: the folder cannot be written to.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None, *, together: bool = True) -> None:
        self.together = _flag("together", together)
        self._lock = threading.Lock()
        self._db, own = _open(folder)
        # Of the parts and not of self, which a finalizer must not keep alive.
        self._closing = weakref.finalize(self, _close, self._db, self._lock, own)

    def __call__(self, batch: list[str]) -> list[str]:
        """Commit the texts, then say so: `Stored: text`."""
        with self._lock:
            self._must_be_open()
            for part in _parts(batch, self.together):
                with self._db:  # commits, or rolls back where a row could not be written
                    self._db.execute("BEGIN")
                    self._db.executemany("INSERT INTO requests (text) VALUES (?)", [(text,) for text in part])
        return [f"Stored: {text}" for text in batch]

    @property
    def rows(self) -> int:
        """How many rows the database holds, those of earlier sessions in the same folder included."""
        with self._lock:
            self._must_be_open()
            return int(self._db.execute("SELECT count(*) FROM requests").fetchone()[0])

    def close(self) -> None:
        """Close the database once the batch at hand is done, and remove the folder if it is our own.

        Harmless twice.
        """
        self._closing()

    def _must_be_open(self) -> None:
        if not self._closing.alive:
            raise HandlerError("this Commits is closed. Make another one; rows in a folder of yours are kept.")

    def __enter__(self) -> Commits:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __str__(self) -> str:
        return "Commits" if self.together else "Commits one by one"


def _open(folder: Any) -> tuple[sqlite3.Connection, str | None]:
    """The database, ready for rows, and the folder to remove afterwards, if it was made here."""
    import sqlite3  # noqa: PLC0415  - a Python may be built without it, and `echo` needs none

    rule = "None or a folder that exists and can be written to"
    own = None
    try:
        if folder is None:
            own = tempfile.mkdtemp(prefix=".batchdemo-commits-", dir=Path.cwd())
        path = Path(folder if own is None else own)
        if not path.is_dir():
            refuse("folder", rule, folder, "Make it first.")
        db = sqlite3.connect(path / "batchdemo-commits.db", isolation_level=None, check_same_thread=False)
    except (TypeError, ValueError):
        refuse("folder", rule, folder)
    except (OSError, sqlite3.Error) as error:
        _remove(own)
        refuse("folder", rule, folder, f"It says: {error}.")
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE IF NOT EXISTS requests (number INTEGER PRIMARY KEY, text TEXT NOT NULL)")
        _lengthen_log(db)
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
    except sqlite3.Error as error:
        db.close()
        _remove(own)
        refuse("folder", rule, folder, f"The database in it says: {error}.")
    return db, own


def _lengthen_log(db: sqlite3.Connection) -> None:
    """Make the journal nearly as long as it gets: at 1,000 pages SQLite begins to write it from its start again.

    A commit that lengthens the file costs twice one that does not, so the first thousand would be the dearer
    ones, and a batch would be compared with its requests one by one at different prices.
    """
    db.execute("PRAGMA synchronous = OFF")
    for number in range(990):
        db.execute(f"PRAGMA user_version = {number}")  # a commit of one page


def _close(db: sqlite3.Connection, lock: threading.Lock, own: str | None) -> None:
    with lock:  # a batch may be at work in another thread
        db.close()
    _remove(own)


def _remove(own: str | None) -> None:
    if own is not None:
        shutil.rmtree(own, ignore_errors=True)


class Products:
    """For seeing a batch share a reading of memory: each text gives a vector, which a fixed matrix multiplies.

    dimension   of the vectors; the matrix has dimension × dimension numbers of 4 bytes: 36 MB by default
    together    True: one matrix–matrix product a batch; False: one vector–matrix product a request
    seed        of the matrix and the vectors

    A product with one vector does two operations with each number of the matrix, far fewer than a processor
    could do in the time in which the number comes from memory. A batch reads the matrix once and uses each
    number for every vector, so it costs little more than one request until it is the arithmetic that takes
    the time. Large language models are served in batches for this reason. A matrix that fits into the
    processor's cache shows less of it, which is why the default is as large as it is. Batches of two to four
    may gain nothing: before a product of two matrices the library rearranges the large one.

    It multiplies on one core, however many there are. Callable from any thread. The reply is the length of the
    product: `Norm 55.41: text`.
    """

    def __init__(self, dimension: int = 3072, *, together: bool = True, seed: int = 0) -> None:
        self.dimension = whole("dimension", dimension, 1, 16_384)
        self.together = _flag("together", together)
        self.seed = whole("seed", seed, 0, 2**63 - 1)
        import numpy as np  # noqa: PLC0415  - only for those who multiply
        from threadpoolctl import ThreadpoolController  # noqa: PLC0415

        random = np.random.default_rng(self.seed)
        shape = (self.dimension, self.dimension)
        self._matrix: Any = random.standard_normal(shape, dtype=np.float32) / np.float32(self.dimension**0.5)
        self._threads = ThreadpoolController()
        self._numbers: Any = random.standard_normal(SHIFTS + self.dimension, dtype=np.float32)

    def __call__(self, batch: list[str]) -> list[str]:
        """Multiply, then say the norms."""
        # Cores that wait for each other on a busy machine would be all that one saw.
        with self._threads.limit(limits=1):
            return [reply for part in _parts(batch, self.together) if part for reply in self._multiply(part)]

    def _multiply(self, texts: list[str]) -> list[str]:
        import numpy as np  # noqa: PLC0415

        vectors = np.stack([self._vector(text) for text in texts])
        norms = np.linalg.norm(vectors @ self._matrix, axis=1)
        return [f"Norm {norm:.2f}: {text}" for norm, text in zip(norms.tolist(), texts, strict=True)]

    def _vector(self, text: str) -> Any:
        """A window of fixed random numbers, placed by the text: to draw anew would cost more than the product."""
        at = crc32(text.encode("utf-8", "replace")) % SHIFTS
        return self._numbers[at : at + self.dimension]

    def __str__(self) -> str:
        return "Products" if self.together else "Products one by one"


@dataclass(frozen=True)
class Sleeps:
    """For costs that are known exactly: sleeps `per_item` seconds a request and `per_batch` seconds a batch.

    This is the straight line a·n + b that predictions are made with; the replies are those of `echo`. Either
    may be 0 to 3,600 seconds. A sleep overshoots by 0.1 ms or so.
    """

    per_item: float = 0.0
    per_batch: float = 0.0

    def __post_init__(self) -> None:
        real("per_item", self.per_item, 0.0, 3600.0, "seconds a request")
        real("per_batch", self.per_batch, 0.0, 3600.0, "seconds a batch")

    def __call__(self, batch: list[str]) -> list[str]:
        """Sleep, then echo."""
        time.sleep(self.per_item * len(batch) + self.per_batch)
        return [f"You wrote: {text}" for text in batch]

    def __str__(self) -> str:
        return "Sleeps"
