"""Group commit for a durable queue: while one commit is on its way to the disk, the next operations gather.

A commit costs an fsync, however much is in it. One thread writes; what came meanwhile shares the next commit, so
the busier the server the fewer commits an operation costs, and nobody waits for a timer.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from batchdemo.arguments import whole
from batchdemo.errors import QueueFullError, StoppedError
from batchdemo.queues.store import Store

T = TypeVar("T")
Operation = Callable[[Store], Any]
Done = Callable[[Any, BaseException | None], None]
Answer = tuple[Any, BaseException | None]


class Committer:
    """Writes to a store, in a thread of its own, what any thread submits.

    store         from now on used only here, and closed at the end
    max_pending   so many operations may wait; the next is refused
    max_group     so many may share a commit, lest the first wait for ever so many others

    `commits` and `operations` say how many succeeded: their quotient is the size of the batches of this batcher.
    """

    def __init__(self, store: Store, *, max_pending: int = 10_000, max_group: int = 1_000) -> None:
        self.max_pending = whole("max_pending", max_pending, 1, 10**7)
        self.max_group = whole("max_group", max_group, 1, 10**7)
        self.commits = 0
        self.operations = 0
        self._store = store
        self._waiting: deque[tuple[Operation, Done]] = deque()
        self._submitted = 0
        self._answered = 0
        self._closed = False
        lock = threading.Lock()
        self._work = threading.Condition(lock)  # something waits, or there is nothing more to wait for
        self._news = threading.Condition(lock)  # a group was answered
        # A daemon: a disk that never answers must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="batchdemo-committer", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """How many operations are not answered yet."""
        return self._submitted - self._answered

    def submit(self, operation: Callable[[Store], T], done: Callable[[T | None, BaseException | None], None]) -> None:
        """Have `operation(store)` done in order, and `done(result, error)` called once it is on the disk, or failed.

        Both are called in the writer's thread (but see `close`), and `done` exactly once; what it raises is dropped,
        for the commit stands. An operation that raises is undone alone. Where the commit fails, nothing of the
        group is on the disk, and all of it hear the same error.

        QueueFullError: `max_pending` wait. StoppedError: closed. `done` is not called then.
        """
        with self._work:
            if self._closed:
                raise StoppedError("the committer is closed. Nothing of this operation was written.")
            if len(self._waiting) >= self.max_pending:
                raise QueueFullError(f"{self.max_pending:,} operations wait for the disk, as many as may. Try later.")
            self._waiting.append((operation, done))
            self._submitted += 1
            self._work.notify()

    def flush(self, within: float = 10.0) -> bool:
        """Wait until all that was submitted so far is answered, at most so many seconds: whether it is."""
        with self._news:
            last = self._submitted
            if threading.current_thread() is self._thread:  # it cannot wait for itself
                return self._answered >= last
            return self._news.wait_for(lambda: self._answered >= last, within)

    def close(self, within: float = 10.0) -> bool:
        """Take no more, write what waits, close the store: whether all that was done in so many seconds.

        If not, those whose turn had not come hear StoppedError, from the thread that closes, and the store is
        closed after the commit at hand, should it ever end. Harmless twice, and from a callback, where it does
        not wait.
        """
        with self._work:
            self._closed = True
            self._work.notify()
        if threading.current_thread() is self._thread:
            return False
        self._thread.join(within)
        return not (self._thread.is_alive() and self._give_up())

    def _give_up(self) -> bool:
        with self._work:
            left, self._waiting = list(self._waiting), deque()
        error = StoppedError("the committer was closed before this operation's turn came. Nothing of it was written.")
        self._answer(left, [(None, error)] * len(left))
        return True

    def _run(self) -> None:
        try:
            while group := self._next():
                self._answer(group, self._commit(group))
        finally:
            self._store.close()

    def _next(self) -> list[tuple[Operation, Done]]:
        """Those that wait, once there are any; nobody when closed."""
        with self._work:
            self._work.wait_for(lambda: self._waiting or self._closed)
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), self.max_group))]

    def _commit(self, group: list[tuple[Operation, Done]]) -> list[Answer]:
        try:
            with self._store.transaction():
                answers = [self._attempt(operation) for operation, _ in group]
        except BaseException as error:  # this thread must live, whatever it was
            return [(None, error)] * len(group)
        self.commits += 1
        self.operations += sum(error is None for _, error in answers)
        return answers

    def _attempt(self, operation: Operation) -> Answer:
        try:
            with self._store.transaction():  # a savepoint: undone alone
                return operation(self._store), None
        except BaseException as error:
            if not self._store.in_transaction:  # undone with all the others, as when the disk is full
                raise
            return None, error

    def _answer(self, group: list[tuple[Operation, Done]], answers: list[Answer]) -> None:
        for (_, done), (result, error) in zip(group, answers, strict=True):
            with suppress(BaseException):
                done(result, error)
        with self._news:
            self._answered += len(group)
            self._news.notify_all()
