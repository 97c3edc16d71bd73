"""How costs are taken: on a clock of the test's own, so that every duration is exact; and with real handlers."""

from __future__ import annotations

import _thread
import asyncio
import functools
import sys
import threading
from types import SimpleNamespace

import pytest

from batchdemo.errors import ArgumentError, BatchdemoError, HandlerError
from batchdemo.handlers import Commits, Products, Sleeps, echo
from batchdemo.prediction import Costs, measure_costs, measuring

SIZES = (1, 2, 4)


class Worker:
    """A handler that takes a·n + b seconds of a clock that only it moves; `calls` are the sizes it was called with."""

    def __init__(self, a=1.0, b=10.0):
        self.a, self.b = a, b
        self.now = 0.0
        self.calls = []
        self.batches = []

    def __call__(self, batch):
        self.calls.append(len(batch))
        self.batches.append(batch)
        self.now += self.a * len(batch) + self.b
        return list(batch)


@pytest.fixture
def worker(monkeypatch):
    """A worker whose clock is the one that is measured with."""
    worker = Worker()
    monkeypatch.setattr(measuring, "time", SimpleNamespace(perf_counter=lambda: worker.now))
    return worker


# --- on the worker's clock ---------------------------------------------------------------------------------


def test_each_duration_is_that_of_the_handler(worker):
    costs = measure_costs(worker, SIZES, rounds=2, budget=86_400)
    assert costs.durations.tolist() == [[11, 12, 14]] * 2
    assert (costs.per_item, costs.per_batch) == pytest.approx((1.0, 10.0))
    assert isinstance(costs, Costs)


def test_a_round_goes_through_all_sizes_there_or_back_after_one_call_that_does_not_count(worker):
    costs = measure_costs(worker, SIZES, rounds=3, budget=86_400)
    assert worker.calls == [1, *(1, 2, 4), *(4, 2, 1), *(1, 2, 4)]
    assert costs.rounds == 3


def test_every_batch_is_a_new_list_of_the_numbers_from_1_on(worker):
    measure_costs(worker, SIZES, rounds=1, budget=86_400)
    assert worker.batches[-1] == ["1", "2", "3", "4"]
    assert len({id(batch) for batch in worker.batches}) == 4


def test_sizes_are_sorted_and_may_come_from_anything(worker):
    costs = measure_costs(worker, iter([4, 1, 2]), rounds=1, budget=86_400)
    assert costs.sizes.tolist() == [1, 2, 4]
    assert costs.durations.tolist() == [[11, 12, 14]]


@pytest.mark.parametrize(("budget", "rounds"), [(1, 1), (37, 1), (73, 1), (74, 2), (110, 2), (111, 3), (1000, 7)])
def test_no_round_is_begun_that_would_not_be_over_within_the_budget_but_for_the_first(worker, budget, rounds):
    assert measure_costs(worker, SIZES, budget=budget).rounds == rounds  # each takes 37 s


def test_a_clock_that_sees_no_time_pass_does_no_harm(worker):
    worker.a = worker.b = 0
    costs = measure_costs(worker, SIZES, rounds=1)
    assert costs.durations.tolist() == [[1e-9] * 3]


def test_an_awaited_answer_is_timed_to_its_end(worker):
    async def handler(batch):
        worker.now += 3
        await asyncio.sleep(0)
        return worker(batch)

    def plain(batch):
        return handler(batch)

    for form in (handler, plain):
        assert measure_costs(form, SIZES, rounds=1, budget=86_400).durations.tolist() == [[14, 15, 17]]


# --- with real handlers ------------------------------------------------------------------------------------


class Model:
    """A handler with a state, as a loaded model is."""

    async def __call__(self, batch):
        asyncio.get_running_loop()
        return [f"{text}!" for text in batch]

    def plain(self, batch):
        return tuple(f"{text}!" for text in batch)


def plain(batch):
    return batch


async def with_a_setting(mark, batch):
    return [text + mark for text in batch]


FORMS = {
    "plain": plain,
    "echo": echo,
    "Model": Model(),
    "method": Model().plain,
    "with_a_setting": functools.partial(with_a_setting, "!"),
    "the handler": lambda batch: with_a_setting("!", batch),
    "Sleeps": Sleeps(),
    "Products": Products(8),
    "Products one by one": Products(8, together=False),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_handler_may_be_anything_that_the_server_takes(name):
    costs = measure_costs(FORMS[name], SIZES, rounds=2)
    assert costs.sizes.tolist() == [1, 2, 4]
    assert costs.durations.shape == (2, 3)
    assert (costs.durations > 0).all()
    assert costs.name == ("plain" if name == "method" else name)


@pytest.mark.parametrize("form", ["plain", "echo"])
def test_it_works_while_a_loop_is_running_as_in_a_notebook(form):
    async def cell():
        return measure_costs(FORMS[form], SIZES, rounds=2)

    assert asyncio.run(cell()).rounds == 2


def test_it_works_in_a_thread_that_is_not_the_main_one():
    found = []
    thread = threading.Thread(target=lambda: found.append(measure_costs(echo, SIZES, rounds=2)))
    thread.start()
    thread.join()
    assert found[0].rounds == 2


def test_a_handler_runs_in_a_thread_of_its_own_and_not_on_a_loop():
    threads = set()

    def handler(batch):
        threads.add(threading.current_thread())
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return batch

    measure_costs(handler, SIZES, rounds=2)
    (thread,) = threads
    assert thread is not threading.current_thread()
    assert not thread.is_alive()


def test_the_cost_of_commits_is_measured_at_their_database(tmp_path):
    with Commits(tmp_path) as handler:
        costs = measure_costs(handler, SIZES, rounds=3, budget=60)
        assert handler.rows == 1 + costs.rounds * sum(SIZES)
    assert costs.name == "Commits"


def test_the_usual_sizes_go_from_1_to_256():
    assert measure_costs(plain, rounds=1).sizes.tolist() == [1, 2, 4, 8, 16, 32, 64, 128, 256]


def test_a_name_is_one_line_and_not_endless():
    class Wordy:
        def __call__(self, batch):
            return batch

        def __str__(self):
            return "a\n b" * 100

    name = measure_costs(Wordy(), SIZES, rounds=1).name
    assert name.startswith("a ba ba")
    assert len(name) == 60


# --- what goes wrong ---------------------------------------------------------------------------------------


class UnspeakableError(Exception):
    """An error that cannot even say itself."""

    def __repr__(self):
        raise RuntimeError("no words")


ERRORS = {
    "an error": (KeyError("swordfish"), "KeyError('swordfish')"),
    "an exit": (SystemExit(3), "SystemExit(3)"),
    "a cancellation": (asyncio.CancelledError("no"), "CancelledError('no')"),
    "one that cannot be shown": (UnspeakableError(), "UnspeakableError, whose repr fails"),
    "a long one": (ValueError("x" * 999), f"ValueError('{'x' * 188}"),
}


@pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])
@pytest.mark.parametrize("kind", ERRORS)
def test_a_handler_that_raises_is_named_with_the_size_and_the_cause(kind, is_async):
    error, said = ERRORS[kind]

    def broken(batch):
        if len(batch) == 2:
            raise error
        return batch

    async def broken_async(batch):
        return broken(batch)

    handler = broken_async if is_async else broken
    with pytest.raises(HandlerError) as caught:
        measure_costs(handler, SIZES)
    assert str(caught.value) == f"{handler.__name__} failed on a batch of 2: {said}"
    assert caught.value.__cause__ is error
    assert isinstance(caught.value, BatchdemoError)


@pytest.mark.parametrize(
    ("answer", "got"),
    [
        (lambda batch: batch[1:], "got 0 for a batch of 1."),
        (lambda batch: [*batch, "more"], "got 2 for a batch of 1."),
        (lambda batch: "1", "got str for a batch of 1."),
        (lambda batch: None, "got NoneType for a batch of 1."),
        (iter, "got list_iterator for a batch of 1."),
    ],
)
def test_a_handler_that_does_not_answer_each_request_is_told_so(answer, got):
    def handler(batch):
        return answer(batch)

    async def on_a_loop(batch):
        return answer(batch)

    for form in (handler, on_a_loop):
        with pytest.raises(HandlerError) as caught:
            measure_costs(form, SIZES)
        assert str(caught.value) == f"{form.__name__} must return a list of one reply a request, {got}"


SIZES_RULE = "2 to 1,000 different whole numbers"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"sizes": ()}, f"sizes must be {SIZES_RULE}, got ()."),
        ({"sizes": [8]}, f"sizes must be {SIZES_RULE}, got [8]."),
        ({"sizes": 8}, f"sizes must be {SIZES_RULE}, got 8."),
        ({"sizes": None}, f"sizes must be {SIZES_RULE}, got None."),
        ({"sizes": "1248"}, f"sizes must be {SIZES_RULE}, got '1248'."),
        ({"sizes": range(1, 1002)}, f"sizes must be {SIZES_RULE}, got range(1, 1002)."),
        ({"sizes": [1, 8, 1]}, f"sizes must be {SIZES_RULE}, got [1, 8, 1]. 1 is in it more than once"),
        ({"sizes": [1, 2.5]}, "sizes[1] must be a whole number from 1 to 100,000, got 2.5."),
        ({"sizes": [0, 1]}, "sizes[0] must be a whole number from 1 to 100,000, got 0."),
        ({"sizes": [1, 100_001]}, "sizes[1] must be a whole number from 1 to 100,000, got 100001."),
        ({"sizes": [True, 2]}, "sizes[0] must be a whole number from 1 to 100,000, got True."),
        ({"rounds": 0}, "rounds must be a whole number from 1 to 100,000, got 0."),
        ({"rounds": 1.5}, "rounds must be a whole number from 1 to 100,000, got 1.5."),
        ({"budget": 0}, "budget must be a number of seconds from 0.001 to 86,400, got 0."),
        ({"budget": "long"}, "budget must be a number of seconds from 0.001 to 86,400, got 'long'."),
        ({"progress": "yes"}, "progress must be True, False or None, got 'yes'."),
        ({"handler": None}, "handler must be a function from a list of texts to a list of replies, got None."),
        ({"handler": "echo"}, "handler must be a function from a list of texts to a list of replies, got 'echo'."),
    ],
)
def test_a_bad_argument_is_refused_before_anything_is_run(arguments, said):
    worker = Worker()
    with pytest.raises(ArgumentError) as caught:
        measure_costs(**{"handler": worker, **arguments})
    assert str(caught.value).startswith(said)
    assert worker.calls == []


class Hasty(threading.Thread):
    """A thread at whose start the interrupt comes already."""

    def start(self):
        super().start()
        raise KeyboardInterrupt


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("early", [False, True])
def test_an_interrupt_ends_it_and_the_handler_is_called_no_more(early, until, monkeypatch):
    once = iter([] if early else [_thread.interrupt_main])  # a second one would hit whatever comes after
    over = threading.Event()

    def handler(batch):
        next(once, bool)()
        over.wait(0.002)  # all rounds would take ten minutes
        return batch

    if early:
        monkeypatch.setattr(measuring, "threading", SimpleNamespace(Thread=Hasty))
    try:
        with pytest.raises(KeyboardInterrupt):
            measure_costs(handler, SIZES, rounds=100_000, budget=86_400)
        until(lambda: not any(thread.name == "batchdemo-measure" for thread in threading.enumerate()))
    finally:
        over.set()


# --- the bar -----------------------------------------------------------------------------------------------


def test_what_is_over_within_a_second_shows_no_bar(capsys):
    measure_costs(plain, SIZES, rounds=1, progress=True)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("progress", "shown"), [(True, True), (None, False)])
def test_what_takes_longer_shows_one_where_it_is_asked_for(progress, shown, capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # other tests may have imported it
    measure_costs(Sleeps(0, 0.5), (1, 2), rounds=1, progress=progress)
    out, err = capsys.readouterr()
    assert out == ""
    assert ("batches: 2/2" in err) is shown
