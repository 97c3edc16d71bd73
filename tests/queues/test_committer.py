"""Committer: what waits while a commit is under way shares the next one, and each hears how it went."""

from __future__ import annotations

import random
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from killing import Child

from batchdemo.errors import ArgumentError, QueueFileError, QueueFullError, StoppedError
from batchdemo.queues.committer import Committer
from batchdemo.queues.store import Store


class Heard:
    """What the callbacks were told, in order."""

    def __init__(self):
        self.answers = []
        self.threads = set()

    def __call__(self, result, error):
        self.answers.append((result, error))
        self.threads.add(threading.current_thread().name)

    @property
    def results(self):
        return [result for result, _ in self.answers]

    @property
    def errors(self):
        return [error for _, error in self.answers]


class Gate:
    """An operation that holds the writer until it is opened, so that others gather behind it."""

    def __init__(self, committer):
        self.entered, self._opened = threading.Event(), threading.Event()
        committer.submit(self, lambda *_: None)
        assert self.entered.wait(30)

    def __call__(self, store):
        self.entered.set()
        assert self._opened.wait(30)

    def open(self):
        self._opened.set()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "queue.db"


@pytest.fixture
def committer(path):
    made = Committer(Store(path))
    yield made
    assert made.close(30.0)


@pytest.fixture
def heard():
    return Heard()


def accepting(text):
    return lambda store: store.accept("1", None, text)[0]


def texts_in(path):
    with Store(path) as store:
        return [row.text for row in store.unfinished()]


def test_an_operation_is_done_and_its_result_told_in_the_writers_thread(committer, heard):
    committer.submit(accepting("a"), heard)
    committer.submit(lambda store: store.counts().waiting, heard)
    assert committer.flush()
    assert heard.answers == [(1, None), (1, None)]
    assert heard.threads == {"batchdemo-committer"}


def test_what_gathers_while_a_commit_is_under_way_shares_the_next(committer, heard, path):
    gate = Gate(committer)
    for number in range(100):
        committer.submit(accepting(str(number)), heard)
    assert len(committer) == 101
    gate.open()
    assert committer.flush()
    assert heard.results == list(range(1, 101))
    assert (committer.commits, committer.operations, len(committer)) == (2, 101, 0)
    committer.close()
    assert texts_in(path) == [str(number) for number in range(100)]


def test_no_more_than_max_group_share_a_commit(path, heard):
    committer = Committer(Store(path), max_group=10)
    gate = Gate(committer)
    for number in range(25):
        committer.submit(accepting(str(number)), heard)
    gate.open()
    assert committer.close()
    assert (committer.commits, committer.operations) == (1 + 3, 1 + 25)


def test_it_is_told_only_once_it_is_on_the_disk(path):
    """In the callback the transaction is over."""
    store = Store(path)
    committer = Committer(store)
    within = []
    for number in range(20):
        committer.submit(accepting(str(number)), lambda *_: within.append(store.in_transaction))
    assert committer.close()
    assert within == [False] * 20


def test_an_operation_that_raises_is_undone_alone(committer, heard, path):
    def bad(store):
        store.accept("1", None, "never")
        raise ZeroDivisionError("mine")

    gate = Gate(committer)
    for operation in (accepting("a"), bad, accepting("b")):
        committer.submit(operation, heard)
    gate.open()
    assert committer.flush()
    assert [repr(error) for error in heard.errors] == ["None", "ZeroDivisionError('mine')", "None"]
    assert (committer.commits, committer.operations) == (2, 3)
    committer.close()
    assert texts_in(path) == ["a", "b"]


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration])
def test_whatever_an_operation_raises_the_writer_lives(committer, heard, kind):
    def bad(store):
        raise kind

    committer.submit(bad, heard)
    committer.submit(accepting("a"), heard)
    assert committer.flush()
    assert [type(error) for error in heard.errors] == [kind, type(None)]


@pytest.mark.parametrize("kind", [RuntimeError, SystemExit, KeyboardInterrupt])
def test_whatever_a_callback_raises_the_others_hear(committer, heard, kind):
    def bad(result, error):
        raise kind

    committer.submit(accepting("a"), bad)
    committer.submit(accepting("b"), heard)
    assert committer.flush()
    assert heard.errors == [None]


def test_where_the_commit_fails_all_hear_of_it_and_nothing_is_written(path, heard):
    store = Store(path)
    committer = Committer(store)
    gate = Gate(committer)

    def spoil(store):
        store.accept("1", None, "never")
        store._db.set_authorizer(refuse_commits)

    committer.submit(accepting("never"), heard)
    committer.submit(spoil, heard)
    gate.open()
    assert committer.flush()
    assert [type(error) for error in heard.errors] == [QueueFileError] * 2
    assert committer.commits == 1
    store._db.set_authorizer(None)
    committer.submit(accepting("later"), heard)
    assert committer.close()
    assert heard.errors[2] is None
    assert texts_in(path) == ["later"]


def refuse_commits(action, word, *_):
    import sqlite3

    return sqlite3.SQLITE_DENY if (action, word) == (sqlite3.SQLITE_TRANSACTION, "COMMIT") else sqlite3.SQLITE_OK


def test_a_full_disk_fails_its_group_and_no_other(path, heard):
    store = Store(path)
    committer = Committer(store)
    gate = Gate(committer)
    store._db.execute("PRAGMA max_page_count = 20")
    for text in ("a", "x" * 200_000, "b"):
        committer.submit(accepting(text), heard)
    gate.open()
    assert committer.flush()
    assert [error.rule for error in heard.errors] == ["have room on its disk"] * 3
    committer.submit(accepting("small"), heard)
    assert committer.close()
    assert heard.errors[3] is None
    assert texts_in(path) == ["small"]


def test_where_the_store_is_closed_all_hear_of_it(path, heard):
    store = Store(path)
    committer = Committer(store)
    store.close()
    committer.submit(accepting("a"), heard)
    assert committer.close()
    assert [error.rule for error in heard.errors] == ["be open"]


def test_a_full_committer_refuses_and_stays_as_it_was(path, heard):
    committer = Committer(Store(path), max_pending=3)
    gate = Gate(committer)
    for number in range(3):
        committer.submit(accepting(str(number)), heard)
    with pytest.raises(QueueFullError, match="3 operations wait for the disk, as many as may"):
        committer.submit(accepting("never"), heard)
    gate.open()
    assert committer.flush()
    committer.submit(accepting("3"), heard)
    assert committer.close()
    assert texts_in(path) == ["0", "1", "2", "3"]


def test_close_writes_what_waits_and_gives_the_file_back(path, heard):
    committer = Committer(Store(path))
    for number in range(50):
        committer.submit(accepting(str(number)), heard)
    assert committer.close()
    assert len(heard.answers) == 50
    assert len(texts_in(path)) == 50


def test_close_is_harmless_twice_and_what_comes_after_is_refused(path, heard):
    committer = Committer(Store(path))
    assert committer.close()
    assert committer.close()
    assert committer.flush()
    with pytest.raises(StoppedError, match="the committer is closed"):
        committer.submit(accepting("a"), heard)
    assert heard.answers == []


def test_close_does_not_wait_for_ever(path, heard, until):
    committer = Committer(Store(path))
    gate = Gate(committer)
    for number in range(5):
        committer.submit(accepting(str(number)), heard)
    began = time.monotonic()
    assert not committer.flush(0.05)
    assert not committer.close(0.05)
    assert time.monotonic() - began < 20
    assert [type(error) for error in heard.errors] == [StoppedError] * 5
    assert not committer.close(0.0)
    gate.open()
    until(lambda: committer.close(1.0))
    assert len(committer) == 0
    assert len(heard.answers) == 5
    assert texts_in(path) == []


def test_a_callback_may_submit_flush_and_close(path, heard):
    committer = Committer(Store(path))
    said = []

    def again(result, error):
        committer.submit(accepting("b"), heard)
        said.append(committer.flush())
        said.append(committer.close())

    committer.submit(accepting("a"), again)
    assert committer.flush()
    assert committer.close()
    assert said == [False, False]
    assert texts_in(path) == ["a", "b"]
    assert heard.errors == [None]


def test_many_threads_may_submit(path):
    committer = Committer(Store(path), max_pending=100_000)
    all_heard = [Heard() for _ in range(8)]

    def submit(number):
        for at in range(200):
            committer.submit(accepting(f"{number}:{at}"), all_heard[number])

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert committer.close(60.0)
    for heard in all_heard:
        assert heard.results == sorted(heard.results), "out of the order in which its thread submitted"
        assert len(heard.results) == 200
    assert committer.operations == 1600
    assert sorted(texts_in(path)) == sorted(f"{number}:{at}" for number in range(8) for at in range(200))


@pytest.mark.parametrize("name", ["max_pending", "max_group"])
@pytest.mark.parametrize("value", [0, -1, 1.5, None, True])
def test_bounds_are_whole_numbers(path, name, value):
    with Store(path) as store, pytest.raises(ArgumentError, match=f"^{name} must be a whole number"):
        Committer(store, **{name: value})


@settings(max_examples=25, deadline=None)
@given(
    bad=st.lists(st.booleans(), max_size=40),
    max_group=st.integers(1, 12),
    flushes=st.sets(st.integers(0, 40)),
)
def test_each_hears_once_in_order_and_the_good_are_on_the_disk(tmp_path_factory, bad, max_group, flushes):
    path = tmp_path_factory.mktemp("any") / "queue.db"
    committer, heard = Committer(Store(path), max_group=max_group), Heard()

    def job(number, fails):
        def operation(store):
            store.accept("1", None, str(number))
            if fails:
                raise ZeroDivisionError
            return number

        return operation

    for number, fails in enumerate(bad):
        committer.submit(job(number, fails), heard)
        if number in flushes:
            assert committer.flush()
            assert len(heard.answers) == number + 1
    assert committer.close()
    assert heard.results == [None if fails else number for number, fails in enumerate(bad)]
    assert [type(error) is ZeroDivisionError for error in heard.errors] == bad
    assert texts_in(path) == [str(number) for number, fails in enumerate(bad) if not fails]


SUBMITTING = """
import sys, threading
from batchdemo.queues.committer import Committer
from batchdemo.queues.store import Store
committer = Committer(Store(sys.argv[1]))
places = threading.Semaphore(20)

def told(result, error):
    print(result if error is None else error)
    places.release()

while True:
    places.acquire()
    committer.submit(lambda store: store.accept("1", None, "text")[0], told)
"""


def test_nothing_that_was_told_is_lost_when_the_process_is_killed(path):
    told, random_moment = [], random.Random(5)
    for _ in range(5):  # the same file again and again
        with Child(SUBMITTING, path) as child:
            told += [child.say() for _ in range(random_moment.randint(1, 300))]
            told += child.kill()
        with Store(path) as store:
            ids = [row.id for row in store.unfinished()]
        assert len(set(told)) == len(told)
        assert {int(one) for one in told} <= set(ids)
