"""The handlers and their real costs: what is on the disk, what is multiplied, and that all of it works live."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import batchdemo as bd
from batchdemo.errors import ArgumentError, BatchdemoError, HandlerError
from batchdemo.handlers import Commits, Products, Sleeps, echo

DATABASE = "batchdemo-commits.db"
SMALL = 32  # dimension of a product that takes no time


def numbered(count):
    return [str(number) for number in range(1, count + 1)]


def commits_on_disk(folder):
    """The commits in the write-ahead log, read from its bytes: each marks its last frame with the database's size.

    What the log held before it was begun anew has other salts.
    """
    log = (folder / f"{DATABASE}-wal").read_bytes()
    page, salts = struct.unpack(">I", log[8:12])[0], log[16:24]
    frames = [log[at : at + 24] for at in range(32, len(log), 24 + page)]
    return sum(frame[4:8] != bytes(4) for frame in frames if frame[8:16] == salts)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- all of them -------------------------------------------------------------------------------------------

HANDLERS = {
    "Commits": (Commits, "Stored: {}"),
    "Commits one by one": (lambda: Commits(together=False), "Stored: {}"),
    "Products": (lambda: Products(SMALL), r"Norm \d+\.\d\d: {}"),
    "Products one by one": (lambda: Products(SMALL, together=False), r"Norm \d+\.\d\d: {}"),
    "Sleeps": (lambda: Sleeps(1e-6, 1e-6), "You wrote: {}"),
}


@pytest.fixture(params=HANDLERS)
def made(request, here):
    """A handler, and the pattern of its replies."""
    make, reply = HANDLERS[request.param]
    handler = make()
    yield handler, reply
    getattr(handler, "close", lambda: None)()


@pytest.mark.parametrize("size", [0, 1, 2, 100])
def test_every_text_gets_its_reply_in_order(made, size):
    handler, reply = made
    replies = handler(numbered(size))
    assert isinstance(replies, list)
    assert len(replies) == size
    for text, said in zip(numbered(size), replies, strict=True):
        assert re.fullmatch(reply.format(text), said)


def test_a_batch_is_left_as_it_was(made):
    batch = numbered(3)
    made[0](batch)
    assert batch == numbered(3)


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_says_its_name(name, here):
    handler = HANDLERS[name][0]()
    assert str(handler) == name
    getattr(handler, "close", lambda: None)()


def test_every_handler_works_in_a_live_server(made):
    handler, _ = made
    with bd.Server(bd.FixedInterval(5, 0.05), handler=handler) as server:
        run = bd.send(range(1, 19), server, clients=3)
    assert run.summary()["served"] == 18
    assert run.about.by_order == 0  # each reply was known by the number in it
    assert run.strays == ()
    assert sum(run.batch_table.size) == 18
    if isinstance(handler, Commits):
        assert handler.rows == 18


def test_echo_is_async_and_the_tutorials():
    assert asyncio.run(echo(["1", "two"])) == ["You wrote: 1", "You wrote: two"]


def test_only_products_load_numpy_and_only_commits_sqlite(here):
    program = """
import asyncio, sys
from batchdemo.handlers import Commits, Products, Sleeps, echo
asyncio.run(echo(["1"])); Sleeps()(["1"])
print("sqlite3" in sys.modules, "numpy" in sys.modules)
with Commits() as commits: commits(["1"])
print("sqlite3" in sys.modules, "numpy" in sys.modules)
Products(8)(["1"])
print("numpy" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["False", "False", "True", "False", "True"]


# --- commits -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("together", "commits"), [(True, 3), (False, 14)])
def test_a_transaction_is_a_batch_or_a_request(tmp_path, together, commits):
    with Commits(tmp_path, together=together) as handler:
        for size in (8, 1, 5):
            handler(numbered(size))
        assert commits_on_disk(tmp_path) == commits
        assert handler.rows == 14


def test_every_commit_waits_for_the_disk(tmp_path):
    with Commits(tmp_path) as handler:
        assert handler._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert handler._db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_no_commit_lengthens_the_log_which_the_first_ones_would_pay_for(tmp_path):
    with Commits(tmp_path) as handler:
        log = tmp_path / f"{DATABASE}-wal"
        length = log.stat().st_size
        for _ in range(50):
            handler(numbered(5))
        assert log.stat().st_size == length > 0


def test_its_own_folder_is_hidden_in_the_current_directory_and_goes_at_the_close(here):
    handler = Commits()
    handler(["1"])
    (folder,) = here.iterdir()
    assert folder.name.startswith(".batchdemo-commits-")
    assert (folder / DATABASE).is_file()
    handler.close()
    assert list(here.iterdir()) == []
    handler.close()


def test_the_close_finds_the_folder_from_any_directory(here, tmp_path_factory, monkeypatch):
    handler = Commits()
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    handler.close()
    assert list(here.iterdir()) == []


def test_what_is_forgotten_is_closed_without_a_warning(here):
    handler = Commits()
    handler(["1"])
    del handler
    gc.collect()
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("ending", ["", "raise SystemExit(0)", "gc.disable(); handler.itself = handler"])
def test_what_is_open_at_the_end_of_the_process_is_closed_without_a_warning(here, ending):
    program = f"import gc\nfrom batchdemo.handlers import Commits\nhandler = Commits()\nhandler(['1'])\n{ending}"
    command = [sys.executable, "-W", "error", "-X", "dev", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    assert list(here.iterdir()) == []


def test_a_with_block_closes_even_where_it_fails(here):
    with pytest.raises(KeyError), Commits():
        raise KeyError
    assert list(here.iterdir()) == []


def test_a_folder_of_yours_keeps_its_rows(tmp_path):
    with Commits(tmp_path) as handler:
        handler(numbered(3))
    assert (tmp_path / DATABASE).is_file()
    with Commits(str(tmp_path), together=False) as handler:
        assert handler.rows == 3
        handler(numbered(2))
        assert handler.rows == 5


def test_what_is_closed_says_so(tmp_path):
    handler = Commits(tmp_path)
    handler.close()
    with pytest.raises(HandlerError, match=r"^this Commits is closed\. Make another one"):
        handler(["1"])
    with pytest.raises(BatchdemoError, match="closed"):
        _ = handler.rows


@pytest.mark.parametrize(("together", "kept"), [(True, 0), (False, 1)])
def test_a_batch_that_fails_leaves_no_half_transaction_and_the_next_one_works(tmp_path, together, kept):
    with Commits(tmp_path, together=together) as handler:
        with pytest.raises(UnicodeEncodeError):
            handler(["1", "\ud800", "3"])
        assert handler.rows == kept
        assert handler(["4"]) == ["Stored: 4"]
        assert handler.rows == kept + 1


def test_many_threads_may_commit_at_once(tmp_path):
    with Commits(tmp_path) as handler:
        replies = {}

        def work(name):
            replies[name] = [handler([f"{name}.{number}" for number in range(4)]) for _ in range(5)]

        threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert handler.rows == 8 * 5 * 4
        assert replies == {n: [[f"Stored: {n}.{number}" for number in range(4)]] * 5 for n in range(8)}


def test_a_close_waits_for_the_batch_at_hand(tmp_path):
    handler = Commits(tmp_path)
    handler._lock.acquire()  # as a batch does
    closing = threading.Thread(target=handler.close)
    closing.start()
    handler._db.execute("SELECT 1")  # which would raise, were it closed
    handler._lock.release()
    closing.join()
    with pytest.raises(Exception, match="closed"):
        handler._db.execute("SELECT 1")


@pytest.mark.parametrize("folder", [5, b"here", 1.5, ["here"], "no such folder", "no\0such"])
def test_a_folder_that_is_none_is_refused(here, folder):
    with pytest.raises(ArgumentError) as caught:
        Commits(folder)
    assert str(caught.value).startswith(
        f"folder must be None or a folder that exists and can be written to, got {folder!r}."
    )
    assert list(here.iterdir()) == []


def test_a_file_is_no_folder(tmp_path):
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(ArgumentError, match="folder must be None or a folder that exists"):
        Commits(path)


def test_a_folder_in_which_no_database_can_be_made_is_refused_with_the_reason(tmp_path):
    (tmp_path / DATABASE).mkdir()
    with pytest.raises(ArgumentError, match=r"can be written to, got .* unable to open database file"):
        Commits(tmp_path)


def test_a_folder_whose_database_is_none_is_refused_with_the_reason(tmp_path):
    (tmp_path / DATABASE).write_bytes(b"no database at all" * 100)
    with pytest.raises(ArgumentError, match=r"The database in it says: file is not a database\."):
        Commits(tmp_path)


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path, monkeypatch):
    folder = Path("/proc") if os.geteuid() == 0 else tmp_path  # root may write anywhere but there
    if folder == tmp_path:
        tmp_path.chmod(0o500)
    with pytest.raises(ArgumentError, match="folder must be None or a folder that exists and can be written to"):
        Commits(folder)
    monkeypatch.chdir(folder)
    with pytest.raises(ArgumentError, match="got None"):
        Commits()
    monkeypatch.chdir("/")
    tmp_path.chmod(0o700)


def test_a_current_directory_that_is_gone_is_refused_with_the_reason(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ArgumentError, match=r"got None.*No such file"):
        Commits()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("make", [Commits, Products], ids=["Commits", "Products"])
@pytest.mark.parametrize("together", [1, 0, None, "yes"])
def test_together_is_true_or_false(here, make, together):
    with pytest.raises(ArgumentError) as caught:
        make(together=together)
    assert str(caught.value).startswith(f"together must be True or False, got {together!r}. ")
    assert list(here.iterdir()) == []


# --- products ----------------------------------------------------------------------------------------------


def norms(replies):
    return [float(reply.split()[1].rstrip(":")) for reply in replies]


def test_both_ways_give_the_same():
    batch = numbered(64)
    together, alone = Products(SMALL)(batch), Products(SMALL, together=False)(batch)
    assert norms(together) == pytest.approx(norms(alone), abs=0.011)
    assert len(set(norms(together))) > 50


def test_the_norm_is_that_of_the_vector_times_the_matrix():
    import numpy as np

    handler = Products(SMALL)
    texts = ["1", "seven", "ünïcode", ""]
    for text, norm in zip(texts, norms(handler(texts)), strict=True):
        product = handler._vector(text).astype(float) @ handler._matrix.astype(float)
        assert norm == pytest.approx(np.sqrt(sum(product**2)), abs=0.006)


def test_the_whole_matrix_is_used():
    assert Products(SMALL)._matrix.shape == (SMALL, SMALL)
    assert Products(SMALL)._matrix.dtype == "float32"


def test_a_product_depends_on_the_text_and_the_seed_alone():
    texts = numbered(20)
    first = Products(SMALL)(texts)
    assert Products(SMALL)(texts) == first
    assert Products(SMALL, seed=1)(texts) != first
    assert norms(Products(SMALL)(texts[::-1])[::-1]) == pytest.approx(norms(first), abs=0.011)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("dimension", 0, "a whole number from 1 to 16,384"),
        ("dimension", 16_385, "a whole number from 1 to 16,384"),
        ("dimension", 8.0, "a whole number from 1 to 16,384"),
        ("dimension", True, "a whole number from 1 to 16,384"),
        ("seed", -1, "a whole number from 0 to 9,223,372,036,854,775,807"),
        ("seed", "x", "a whole number from 0 to 9,223,372,036,854,775,807"),
    ],
)
def test_a_bad_argument_of_products_is_refused(name, value, rule):
    with pytest.raises(ArgumentError) as caught:
        Products(**{name: value})
    assert str(caught.value) == f"{name} must be {rule}, got {value!r}."


# --- sleeps ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "seconds"), [(1, 0.25), (6, 0.5)])
def test_it_sleeps_so_long_a_request_and_so_long_a_batch(monkeypatch, size, seconds):
    slept = []
    monkeypatch.setattr("batchdemo.handlers.time.sleep", slept.append)
    assert Sleeps(0.05, 0.2)(numbered(size)) == [f"You wrote: {number}" for number in numbered(size)]
    assert slept == pytest.approx([seconds])


@pytest.mark.parametrize("value", [-0.001, 3600.1, float("nan"), float("inf"), "1", None, True])
@pytest.mark.parametrize(("name", "unit"), [("per_item", "seconds a request"), ("per_batch", "seconds a batch")])
def test_a_bad_duration_is_refused(name, unit, value):
    with pytest.raises(ArgumentError) as caught:
        Sleeps(**{name: value})
    assert str(caught.value) == f"{name} must be a number of {unit} from 0 to 3,600, got {value!r}."


def test_a_database_is_where_it_is_said_to_be(tmp_path):
    with Commits(tmp_path):
        assert {path.name for path in Path(tmp_path).iterdir()} >= {DATABASE, f"{DATABASE}-wal"}
