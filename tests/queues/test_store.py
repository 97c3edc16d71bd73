"""Store: what was accepted stays accepted, in its order and once, whatever happens to the process."""

from __future__ import annotations

import gc
import random
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from killing import Child

from batchdemo.errors import ArgumentError, BatchdemoError, QueueFileError
from batchdemo.queues.store import Counts, Store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "queue.db"


@pytest.fixture
def store(path):
    with Store(path) as opened:
        yield opened


def accept(store, *texts, client="1", key=None):
    with store.transaction():
        return [store.accept(client, key, text)[0] for text in texts]


def take(store, *ids, batch=1):
    with store.transaction():
        store.take(ids, batch)


def fail(store, *ids):
    """Raises ZeroDivisionError, having written."""
    with store.transaction():
        store.accept("a", None, "never")
        store.finish((one, "failed", "never") for one in ids)
        store.delivered(ids)
        raise ZeroDivisionError


def finish(store, *ids):
    with store.transaction():
        store.finish((one, "served", f"You wrote: {one}") for one in ids)


def confirm(store, *ids):
    with store.transaction():
        return store.delivered(ids)


def texts(rows):
    return [row.text for row in rows]


def test_a_request_goes_from_waiting_to_taken_to_done(path):
    with Store(path, clock=lambda: 7.5) as store:
        (one,) = accept(store, "hello")
        assert store.unfinished() == [(one, "1", None, "hello", 7.5, "waiting", None, None, None, None)]
        take(store, one, batch=3)
        assert store.unfinished() == [(one, "1", None, "hello", 7.5, "taken", 3, None, None, None)]
        finish(store, one)
        assert store.unfinished() == []
        assert store.unsent("1") == [(one, "1", None, "hello", 7.5, "done", 3, "served", f"You wrote: {one}", None)]
        assert confirm(store, one) == 1
        assert store.unsent("1") == []


def test_the_order_is_that_of_acceptance(store):
    accept(store, *map(str, range(1, 19)))
    assert texts(store.unfinished()) == [str(number) for number in range(1, 19)]


def test_everything_is_there_again_after_a_close(path):
    with Store(path) as store:
        ids = accept(store, "a", "b", "c", "d")
        take(store, *ids[:2])
        finish(store, ids[0])
    with Store(path) as store:
        assert [(row.text, row.state) for row in store.unfinished()] == [
            ("b", "taken"),
            ("c", "waiting"),
            ("d", "waiting"),
        ]
        assert texts(store.unsent("1")) == ["a"]


def test_a_close_leaves_the_one_file_and_nothing_beside_it(path):
    with Store(path) as store:
        accept(store, "a")
    assert [file.name for file in path.parent.iterdir()] == ["queue.db"]


def test_a_request_that_a_crash_left_in_a_batch_can_be_taken_again(store):
    ids = accept(store, "a", "b")
    for batch in (1, 2):
        take(store, *ids, batch=batch)
    assert [row.batch for row in store.unfinished()] == [2, 2]


def test_replies_are_kept_for_each_client_until_it_confirms_them(store):
    mine, theirs = accept(store, "a", "b", "c", client="me"), accept(store, "d", client="them")
    finish(store, mine[2], *theirs, mine[0])
    assert texts(store.unsent("me")) == ["a", "c"]
    assert texts(store.unsent("them")) == ["d"]
    assert store.unsent("nobody") == []
    confirm(store, mine[0])
    assert texts(store.unsent("me")) == ["c"]


def test_what_was_not_served_has_an_outcome_and_no_reply(store):
    (one,) = accept(store, "a")
    with store.transaction():
        store.finish([(one, "expired", None)])
    assert [(row.outcome, row.reply) for row in store.unsent("1")] == [("expired", None)]


def test_only_what_is_done_can_be_confirmed_and_only_once(store):
    waiting, done = accept(store, "a", "b", key=None)
    finish(store, done)
    assert confirm(store, waiting, done, done, 999) == 1
    assert confirm(store, done) == 0
    assert texts(store.unfinished()) == ["a"]


@pytest.mark.parametrize("job", ["take", "finish"])
def test_who_takes_or_finishes_what_he_cannot_is_refused_and_nothing_is_done(store, job):
    first, second = accept(store, "a", "b")
    finish(store, second)
    for wrong in (second, 999):
        with pytest.raises(ArgumentError, match=f"id must be that of a request that waits or was taken, got {wrong}"):
            take(store, first, wrong) if job == "take" else finish(store, first, wrong)
    assert store.counts() == Counts(waiting=1, taken=0, unsent=1, delivered=0)


def test_an_id_is_never_given_twice(path):
    with Store(path) as store:
        (first,) = accept(store, "a")
        finish(store, first)
        confirm(store, first)
        assert store.counts() == (0, 0, 0, 0)
    with Store(path) as store:
        assert accept(store, "b")[0] > first


def test_a_resent_request_is_the_first_one_at_every_stage(path):
    with Store(path) as store, store.transaction():
        one, new = store.accept("1", "key", "a")
        assert new
        assert store.accept("1", "key", "a") == (one, False)
    with Store(path) as store:
        for step in (lambda: store.take([one], 1), lambda: store.finish([(one, "served", "A")]),
                     lambda: store.delivered([one])):  # fmt: skip
            with store.transaction():
                step()
                assert store.accept("1", "key", "a") == (one, False)
        assert store.lookup("1", "key").reply == "A"
        assert sum(store.counts()) == 1


def test_a_key_belongs_to_its_client_and_none_is_no_key(store):
    accept(store, "a", client="1", key="key")
    accept(store, "b", client="2", key="key")
    accept(store, "c", "c", client="1")
    accept(store, "d", client="1", key="")
    assert texts(store.unfinished()) == ["a", "b", "c", "c", "d"]
    assert store.lookup("2", "key").text == "b"
    assert store.lookup("3", "key") is None


def test_the_last_confirmed_keys_are_remembered(path):
    with Store(path, keep=3) as store:
        ids = [accept(store, str(number), key=str(number))[0] for number in range(6)]
        finish(store, *ids)
        confirm(store, *reversed(ids))  # the last one to be confirmed is the first accepted
        assert [store.lookup("1", str(number)) is not None for number in range(6)] == [True] * 3 + [False] * 3
        assert store.counts().delivered == 3
        store.keep = 0
        confirm(store)
        assert store.counts() == (0, 0, 0, 0)


def test_what_is_confirmed_and_has_no_key_is_forgotten_at_once(store):
    (one,) = accept(store, "a")
    finish(store, one)
    confirm(store, one)
    assert sum(store.counts()) == 0


def test_replies_of_clients_that_never_came_back_can_be_forgotten(path):
    now = [100.0]
    with Store(path, clock=lambda: now[0]) as store:
        old, waits = accept(store, "old", "waits")
        now[0] = 200.0
        (young,) = accept(store, "young")
        finish(store, old, young)
        with store.transaction():
            assert store.forget(older_than=150.0) == 1
        assert texts(store.unsent("1")) == ["young"]
        assert [row.id for row in store.unfinished()] == [waits]


def test_what_raises_within_a_transaction_undoes_all_of_it(store):
    with pytest.raises(ZeroDivisionError):
        fail(store)
    assert store.unfinished() == []
    accept(store, "b")
    assert texts(store.unfinished()) == ["b"]


def test_a_transaction_within_another_is_undone_alone(store):
    with store.transaction():
        store.accept("1", None, "a")
        with pytest.raises(ZeroDivisionError):
            fail(store)
        store.accept("1", None, "c")
    assert texts(store.unfinished()) == ["a", "c"]


def test_a_write_without_a_transaction_is_refused(store):
    for write in (lambda: store.accept("1", None, "a"), lambda: store.take([1], 1), lambda: store.finish([]),
                  lambda: store.delivered([1]), lambda: store.forget(0.0)):  # fmt: skip
        with pytest.raises(QueueFileError, match="be written to within a transaction"):
            write()


def test_another_thread_may_use_it(store):
    thread = threading.Thread(target=accept, args=(store, "a"))
    thread.start()
    thread.join()
    assert texts(store.unfinished()) == ["a"]


def test_a_close_waits_for_the_transaction_under_way(path):
    store, within, go_on = Store(path), threading.Event(), threading.Event()

    def write():
        with store.transaction():
            store.accept("1", None, "a")
            within.set()
            go_on.wait(30)

    writer, closer = threading.Thread(target=write), threading.Thread(target=store.close)
    writer.start()
    assert within.wait(30)
    closer.start()
    go_on.set()
    writer.join(30)
    closer.join(30)
    with Store(path) as again:
        assert texts(again.unfinished()) == ["a"]


def test_close_is_harmless_twice_and_what_comes_after_is_told(path):
    store = Store(path)
    store.close()
    store.close()
    assert not store.in_transaction
    for use in (store.unfinished, store.counts, lambda: accept(store, "a"), lambda: store.delivered([1])):
        with pytest.raises(QueueFileError, match=r"must be open, but it was closed\. Open it anew"):
            use()


def test_a_close_within_a_transaction_undoes_it(path):
    store = Store(path)
    with pytest.raises(QueueFileError, match="it was closed"):
        accept_and_close(store)
    with Store(path) as again:
        assert again.unfinished() == []


def accept_and_close(store):
    with store.transaction():
        store.accept("1", None, "a")
        store.close()


def test_a_forgotten_store_gives_its_file_back(path):
    accept(Store(path), "a")
    gc.collect()
    with Store(path) as again:
        assert texts(again.unfinished()) == ["a"]


def test_an_error_can_be_caught_as_ours(path):
    store = Store(path)
    store.close()
    with pytest.raises(BatchdemoError) as caught:
        store.counts()
    assert caught.value.path == str(path)
    assert (caught.value.rule, caught.value.remedy) == ("be open", "Open it anew: Store(path).")


def test_text_that_is_no_unicode_is_the_fault_of_one(store):
    with store.transaction():
        with pytest.raises(UnicodeEncodeError), store.transaction():
            store.accept("1", None, "half a pair: \ud83d")
        store.accept("1", None, "a")
    assert texts(store.unfinished()) == ["a"]


@pytest.mark.parametrize("keep", [-1, 1.5, None, True])
def test_keep_is_a_whole_number(path, keep):
    with pytest.raises(ArgumentError, match=r"^keep must be a whole number"):
        Store(path, keep=keep)
    assert not path.exists()


ACCEPTING = """
import sys
from batchdemo.queues.store import Store
store, batch = Store(sys.argv[1]), 0
while True:
    with store.transaction():
        ids = [store.accept("1", f"{sys.argv[2]}:{batch}:{at}", f"text {at}")[0] for at in range(3)]
    print("accepted", *ids)
    batch += 1
    with store.transaction():
        store.take(ids[:2], batch)
    print("taken", *ids[:2])
    with store.transaction():
        store.finish([(one, "served", f"reply {one}") for one in ids[:2]])
    print("done", *ids[:2])
"""


def said(lines, word):
    return [int(one) for line in lines if line.startswith(word) for one in line.split()[1:]]


def test_nothing_that_was_told_is_lost_when_the_process_is_killed(path):
    lines, random_moment = [], random.Random(18)
    for round_number in range(6):  # the same file again and again
        with Child(ACCEPTING, path, round_number) as child:
            lines += [child.say() for _ in range(random_moment.randint(1, 60))]
            lines += child.kill()
        with Store(path) as store:
            rows = store.unfinished() + store.unsent("1")
            waiting = {row.id for row in rows if row.state != "done"}
            done = {row.id: row.reply for row in rows if row.state == "done"}
        accepted = said(lines, "accepted")
        assert accepted == sorted(set(accepted)), "told out of order, or twice"
        assert set(accepted) <= waiting | set(done)
        assert set(said(lines, "done")) <= set(done)
        assert all(reply == f"reply {one}" for one, reply in done.items())
        assert len(rows) % 3 == 0, "half a transaction"
        assert len(done) % 2 == 0, "half a transaction"
        assert len(rows) - len(accepted) <= 3 * (round_number + 1), "at most one commit a kill was not told of"


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


class StoreAgainstADict(RuleBasedStateMachine):
    """Every sequence of steps, closes and failures leaves the file as it leaves a plain dict."""

    @initialize(keep=st.integers(0, 4))
    def begin(self, keep):
        self.folder = tempfile.TemporaryDirectory()
        self.keep = keep
        self.store = self.opened()
        self.model = {}  # by id: client, key, text, state, reply
        self.confirmed = []  # in order

    def opened(self):
        return Store(Path(self.folder.name) / "queue.db", keep=self.keep)

    def some(self, data, *states):
        ids = [one for one, row in self.model.items() if row[3] in states]
        return data.draw(st.lists(st.sampled_from(ids), unique=True)) if ids else []

    @rule(client=st.sampled_from("ab"), key=st.none() | st.sampled_from("xyz"), text=WORDS)
    def accept(self, client, key, text):
        with self.store.transaction():
            one, new = self.store.accept(client, key, text)
        known = [number for number, row in self.model.items() if key is not None and row[:2] == (client, key)]
        assert (one, new) == (known[0], False) if known else new
        if not known:
            assert one > max(self.model, default=0)
            self.model[one] = (client, key, text, "waiting", None)

    @rule(data=st.data(), batch=st.integers(1, 9))
    def take(self, data, batch):
        ids = self.some(data, "waiting", "taken")
        with self.store.transaction():
            self.store.take(ids, batch)
        self.model.update({one: (*self.model[one][:3], "taken", None) for one in ids})

    @rule(data=st.data(), reply=WORDS)
    def finish(self, data, reply):
        ids = self.some(data, "waiting", "taken")
        with self.store.transaction():
            self.store.finish((one, "served", reply) for one in ids)
        self.model.update({one: (*self.model[one][:3], "done", reply) for one in ids})

    @rule(data=st.data())
    def confirm(self, data):
        ids = self.some(data, "waiting", "done", "delivered")
        fresh = [one for one in ids if self.model[one][3] == "done"]
        with self.store.transaction():
            assert self.store.delivered(ids) == len(fresh)
        for one in fresh:
            row = self.model.pop(one)
            if row[1] is not None:
                self.model[one] = (*row[:3], "delivered", row[4])
                self.confirmed.append(one)
        while len(self.confirmed) > self.keep:
            del self.model[self.confirmed.pop(0)]

    @rule(data=st.data())
    def fail(self, data):
        ids = self.some(data, "waiting", "taken")
        with pytest.raises(ZeroDivisionError):
            fail(self.store, *ids)

    @rule()
    def open_anew(self):
        self.store.close()
        self.store = self.opened()

    @invariant()
    def agrees_with_the_dict(self):
        def of(*states):
            return [(one, *row) for one, row in sorted(self.model.items()) if row[3] in states]

        def plain(rows):
            return [(row.id, row.client_id, row.key, row.text, row.state, row.reply) for row in rows]

        assert plain(self.store.unfinished()) == of("waiting", "taken")
        for client in "ab":
            assert plain(self.store.unsent(client)) == [row for row in of("done") if row[1] == client]
        counts = Counts(*(len(of(state)) for state in ("waiting", "taken", "done", "delivered")))
        assert self.store.counts() == counts

    def teardown(self):
        self.store.close()
        self.folder.cleanup()


TestStoreAgainstADict = StoreAgainstADict.TestCase
TestStoreAgainstADict.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
