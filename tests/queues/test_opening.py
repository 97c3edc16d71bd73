"""A queue's file that cannot be used: one error says which, why and what to do, and the file is left alone."""

from __future__ import annotations

import copy
import hashlib
import os
import pickle
import resource
import shutil
import sqlite3
import tempfile
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from killing import Child

from batchdemo.errors import ArgumentError, QueueFileError
from batchdemo.queues import opening
from batchdemo.queues.store import Store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "queue.db"


@pytest.fixture
def used(path):
    """A file with 300 requests in it, closed."""
    with Store(path) as store:
        fill(store, 300)
    return path


def fill(store, count, size=100):
    with store.transaction():
        return [store.accept("1", str(number), f"{number}" * size)[0] for number in range(count)]


def state_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns


@contextmanager
def refused(path, rule, found=""):
    """The block is told the rule and what was found, and leaves the file as it was, byte for byte."""
    before = state_of(path) if path.is_file() else None
    with pytest.raises(QueueFileError) as caught:
        yield
    error = caught.value
    assert str(error).startswith(f"the queue's file {path} must {rule}, but ")
    assert found in str(error)
    assert error.rule == rule
    assert error.path == str(path)
    assert error.remedy.endswith((".", ")"))
    if before:
        assert state_of(path) == before


OURS = "be a queue that batchdemo made"
ONE = "be used by one server at a time"
WRITABLE = "be writable, and so must its folder be"


@pytest.mark.parametrize("content", [b"hello world", b"x" * 5000, b"SQLite format 3\0", b"\0" * 4096, b"\n"])
def test_what_is_no_database(path, content):
    path.write_bytes(content)
    with refused(path, OURS, "it is no database"):
        Store(path)
    assert [file.name for file in path.parent.iterdir()] == ["queue.db"]


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_the_database_of_another_program(path, journal):
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA journal_mode = {journal}")
        db.execute("CREATE TABLE requests (text)")
        db.commit()
    with refused(path, OURS, "another program made it (its application_id is 0)"):
        Store(path)


def test_the_database_of_another_program_that_crashed_is_not_repaired(path):
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE photos (name)")
        db.commit()
        crashed = path.with_name("crashed.db")
        for end in ("", "-wal"):
            shutil.copy(f"{path}{end}", f"{crashed}{end}")
    journal = Path(f"{crashed}-wal")
    before = state_of(journal)
    assert journal.stat().st_size
    with refused(crashed, OURS):
        Store(crashed)
    assert state_of(journal) == before


def test_another_version(used):
    with closing(sqlite3.connect(used)) as db:
        db.execute("PRAGMA user_version = 7")
        db.execute("PRAGMA wal_checkpoint")
    with refused(used, "be of version 1", "it is of version 7"):
        Store(used)


def overwritten(path, at, content=b"\xff" * 1500):
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


@pytest.mark.parametrize("at", [100, 4096, 3 * 4096 + 50, 5 * 4096])
def test_a_damaged_file(used, at):
    overwritten(used, at)
    with refused(used, "be undamaged"):
        Store(used)
    assert [file.name for file in used.parent.iterdir()] == ["queue.db"]


@pytest.mark.parametrize("left", [1, 99, 100, 4096, 5 * 4096 + 7])
def test_a_file_that_was_cut_off(used, left):
    os.truncate(used, left)
    before = state_of(used)
    with pytest.raises(QueueFileError, match=r"must be (undamaged|a queue that batchdemo made), but"):
        Store(used)
    assert state_of(used) == before


HOLDING = """
import sys, time
from batchdemo.queues.store import Store
store = Store(sys.argv[1])
with store.transaction():
    for number in range(200):
        store.accept("1", None, str(number) * 100)
print("ready")
time.sleep(600)
"""


def test_a_file_damaged_in_a_crash_keeps_its_journal_too(path):
    with Store(path) as store:
        fill(store, 300)
    with Child(HOLDING, path) as child:
        child.say()
        child.kill()
    overwritten(path, 10 * 4096)  # a page of which the journal has no newer copy
    journal = Path(f"{path}-wal")
    before = state_of(journal)
    assert journal.stat().st_size
    with refused(path, "be undamaged"):
        Store(path)
    assert state_of(journal) == before


def test_our_mark_without_our_table(path):
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA application_id = {opening.APPLICATION}")
        db.execute(f"PRAGMA user_version = {opening.VERSION}")
        db.execute("CREATE TABLE other (text)")
        db.commit()
    with refused(path, "be undamaged", "it has no table of requests"):
        Store(path)


def test_a_commit_is_on_the_disk_when_it_returns(path):
    """A kill cannot show this, for the system outlives it; a power cut would."""
    with Store(path) as store:
        asked = {name: store._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")}
        assert asked == {"synchronous": 2, "journal_mode": "wal"}  # 2 is FULL


def test_an_empty_file_is_a_new_queue(path):
    path.touch()
    with Store(path) as store:
        assert store.unfinished() == []


def test_a_creation_that_was_cut_short_is_begun_anew(path, used):
    """As a kill would leave it: a page in the file, and the journal that undoes it beside it."""
    first_page = used.read_bytes()[:4096]
    path = path.with_name("unfinished.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA cache_size = 1")
        db.execute("PRAGMA cache_spill = 1")
        db.execute("BEGIN")
        db.execute("CREATE TABLE requests (half)")
        db.executemany("INSERT INTO requests VALUES (?)", [("x" * 3000,)] * 50)
        killed = path.with_name("killed.db")
        for end in ("", "-journal"):
            shutil.copy(f"{path}{end}", f"{killed}{end}")
    killed.write_bytes(first_page)
    assert Path(f"{killed}-journal").stat().st_size
    with Store(killed) as store:
        assert store.unfinished() == []
        fill(store, 1)


def test_a_store_of_this_process_has_it(used):
    with Store(used) as store:
        with refused(used, ONE, "one in this process has it"):
            Store(used)
        with refused(used.parent / "link.db", ONE):
            (used.parent / "link.db").symlink_to(used)
            Store(used.parent / "link.db")
        fill(store, 1)
    with Store(used):
        pass


def test_a_refused_opening_does_not_give_the_file_to_another_process(used):
    """POSIX drops all locks of a process on a file as soon as it closes the file once."""
    with Store(used):
        with pytest.raises(QueueFileError):
            Store(used)
        with Child(TRYING, used) as child:
            assert ONE in child.say()


TRYING = """
import sys
from batchdemo.errors import QueueFileError
from batchdemo.queues.store import Store
try:
    Store(sys.argv[1])
    print("opened")
except QueueFileError as error:
    print(error)
"""


def test_a_server_in_another_process_has_it_until_it_dies(path):
    with Child(HOLDING, path) as child:
        assert child.say() == "ready"
        with pytest.raises(QueueFileError, match=ONE) as caught:
            Store(path)
        assert "Stop the other program that has it open" in caught.value.remedy
        child.kill()
        with Store(path) as store:
            assert len(store.unfinished()) == 200
    assert [file.name for file in path.parent.iterdir()] == ["queue.db"]


def test_of_many_threads_one_gets_it(path):
    got, errors = [], []

    def attempt():
        try:
            got.append(Store(path))
        except QueueFileError as error:
            errors.append(error)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(errors)) == (1, 7)
    got[0].close()


def test_a_reader_elsewhere_keeps_it_too(used):
    with closing(sqlite3.connect(used)) as reader:
        reader.execute("SELECT count(*) FROM requests").fetchone()
        with pytest.raises(QueueFileError, match=ONE):
            Store(used)
    with Store(used):
        pass


def test_a_folder_in_place_of_a_file(tmp_path):
    with refused(tmp_path, "be a file", "it is a folder"):
        Store(tmp_path)
    with refused(Path("/dev/null"), "be a file", "it is a device"):
        Store("/dev/null")


def test_a_folder_that_is_missing(tmp_path):
    path = tmp_path / "no" / "queue.db"
    with refused(path, "be in a folder that exists", f"there is no folder {path.parent}"):
        Store(path)
    assert not path.parent.exists()


@pytest.fixture
def humble(used):
    """A folder of its own with a copy of the file, and nobody's rights to it (root may write anywhere)."""
    folder = Path(tempfile.mkdtemp(prefix="batchdemo-"))
    folder.chmod(0o755)
    copied = folder / "queue.db"
    shutil.copyfile(used, copied)
    was = os.geteuid()

    @contextmanager
    def rights():
        if was == 0:
            os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(was)

    yield copied, rights
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_file_that_may_only_be_read(humble):
    path, rights = humble
    path.parent.chmod(0o777)
    path.chmod(0o444)
    with rights(), refused(path, WRITABLE, "Permission denied"):
        Store(path)
    assert [file.name for file in path.parent.iterdir()] == ["queue.db"]


def test_a_folder_that_may_only_be_read(humble):
    path, rights = humble
    path.chmod(0o666)
    path.parent.chmod(0o555)
    with rights(), refused(path, WRITABLE, "SQLite says"):
        Store(path)
    new = path.with_name("new.db")
    with rights(), refused(new, WRITABLE, "Permission denied"):
        Store(new)
    assert [file.name for file in path.parent.iterdir()] == ["queue.db"]


@pytest.mark.parametrize("path", [None, 5, b"queue.db", "a\0b"])
def test_what_is_no_path(path):
    with pytest.raises(ArgumentError, match=r"^path must be the path of a file, got"):
        Store(path)


def test_a_full_disk_undoes_the_transaction_and_later_ones_work_when_there_is_room(path):
    with Store(path) as store:
        kept = fill(store, 3)
        pages = store._db.execute("PRAGMA page_count").fetchone()[0]
        store._db.execute(f"PRAGMA max_page_count = {pages + 5}")
        with pytest.raises(QueueFileError, match="must have room on its disk, but SQLite says: database or disk is"):
            take_and_fill(store, kept)
        assert [(row.id, row.state) for row in store.unfinished()] == [(one, "waiting") for one in kept]
        with store.transaction():
            store.take(kept, 1)
        store._db.execute("PRAGMA max_page_count = 100000")
        with store.transaction():
            store.accept("2", None, "x" * 100_000)
        assert len(store.unfinished()) == 4


def take_and_fill(store, ids):
    with store.transaction():
        store.take(ids, 1)
        for number in range(1000):
            store.accept("2", None, f"{number}" * 1000)


def test_who_goes_on_after_the_disk_was_full_writes_nothing_alone(path):
    with Store(path) as store:
        store._db.execute("PRAGMA max_page_count = 12")
        with pytest.raises(QueueFileError, match="must be written to within a transaction"):
            go_on(store)
        assert store.unfinished() == []


def go_on(store):
    with store.transaction():
        store.accept("1", None, "first")
        with pytest.raises(QueueFileError, match="room"):
            store.accept("1", None, "x" * 100_000)
        assert not store.in_transaction
        store.accept("1", None, "alone")


@contextmanager
def no_file_beyond(size):
    """What writes further gets an error from the system, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_system_refuses_to_write_the_commit(path):
    with Store(path) as store:
        kept = fill(store, 3)
        size = Path(f"{path}-wal").stat().st_size
        with no_file_beyond(size + 5000), pytest.raises(QueueFileError, match="must be on a disk that works and has"):
            fill_more(store)
        assert [row.id for row in store.unfinished()] == kept
        fill_more(store)
        assert len(store.unfinished()) == 53
    with Store(path) as store:
        assert len(store.unfinished()) == 53


def fill_more(store):
    with store.transaction():
        for number in range(50):
            store.accept("2", None, f"{number}" * 500)


def test_a_checkpoint_that_fails_does_not_fail_the_commit(path):
    """The journal stands; what is in it goes into the file another time."""
    with Store(path) as store:
        fill(store, 3)
        store._db.execute("PRAGMA wal_checkpoint(RESTART)")  # the journal is written from its beginning again
        fill_more(store)
        size = Path(f"{path}-wal").stat().st_size
        store._db.execute("PRAGMA wal_autocheckpoint = 1")
        with no_file_beyond(max(size, path.stat().st_size) + 50_000):
            store._db.execute("PRAGMA wal_checkpoint(RESTART)")
        with no_file_beyond(path.stat().st_size), store.transaction():
            store.accept("3", None, "x" * 5_000)
        assert len(store.unfinished()) == 54
    with Store(path) as store:
        assert len(store.unfinished()) == 54


def test_no_room_for_a_new_file(path):
    with no_file_beyond(1000), pytest.raises(QueueFileError, match="must be on a disk that works and has room"):
        Store(path)
    with Store(path) as store:
        fill(store, 1)


def test_the_error_can_be_copied_and_pickled():
    error = QueueFileError("q.db", "be a file", "it is a folder", "Give another.")
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert str(other) == "the queue's file q.db must be a file, but it is a folder. Give another."
        assert (other.path, other.remedy) == ("q.db", "Give another.")
