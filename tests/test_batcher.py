"""Policy, queue and batcher together: nothing lost, nothing twice, never above the size, in order, on the grid."""

from __future__ import annotations

import asyncio
import math
import re

import numpy as np
import pytest
from batcher_bench import Bench, burst
from hypothesis import given, settings
from hypothesis import strategies as st

from batchdemo.errors import PolicyError
from batchdemo.policies import FixedInterval, Release, Wait


def test_eighteen_at_once_are_answered_5_5_5_3_in_order():
    bench = burst(18)
    bench.answer()
    assert [(record.released, record.size) for record in bench.records] == [(5, 5), (10, 5), (15, 5), (20, 3)]
    assert bench.clients[0].replies == [f"You wrote: {number}" for number in range(1, 19)]
    assert bench.outcomes == ["served"] * 18
    assert (bench.batcher.released, bench.batcher.served, bench.batcher.failed) == (4, 18, 0)


class World:
    """Arrivals from clients, ticks of a policy and a handler that now and then is given time, step by step."""

    def __init__(self, gaps, size, interval, bound, answered_after):
        self.bench = Bench(FixedInterval(size, interval), bound=bound, clients=4)
        self.interval, self.bound, self.answered_after = interval, bound, answered_after
        self.arrivals, time = [], 0.0
        for number, (gap, client) in enumerate(gaps):
            time += gap * interval
            self.arrivals.append((time, client, number))
        self.taken = []  # (number, client) of what the queue took
        self.waiting = []  # (time, how many) at each tick at which some waited

    async def live(self):
        bench, queue = self.bench, self.bench.batcher.queue
        todo, due, step = list(self.arrivals), self.interval, 1
        while todo or len(queue):
            while todo and todo[0][0] <= due:
                bench.now, client, number = todo.pop(0)
                free = len(queue) + bench.batcher.held < self.bound
                assert bench.submit(number, client) is free
                self.taken += [(number, client)] if free else []
            self.waiting += [(due, len(queue))] if len(queue) else []
            due, step = bench.tick(due), step + 1
            assert due == step * self.interval
            if step in self.answered_after:
                await bench.answered()
        await bench.answered()


WORLDS = st.builds(
    World,
    gaps=st.lists(st.tuples(st.just(0.0) | st.floats(0, 3), st.integers(0, 3)), max_size=60),
    size=st.integers(1, 7),
    interval=st.sampled_from([1.0, 0.1, 1 / 3, 2.5]),
    bound=st.integers(1, 30),
    answered_after=st.sets(st.integers(2, 100)),
)


@settings(max_examples=150, deadline=None)
@given(WORLDS)
def test_whatever_comes_nothing_is_lost_nothing_comes_twice_and_each_client_is_answered_in_order(world):
    asyncio.run(world.live())
    for at, client in enumerate(world.bench.clients):
        served = [reply for reply in client.replies if not reply.startswith("rejected")]
        assert served == [f"You wrote: {number}" for number, owner in world.taken if owner == at]
    outcomes = world.bench.outcomes
    assert outcomes.count("served") == len(world.taken)
    assert outcomes.count("rejected") == len(world.arrivals) - len(world.taken)


@settings(max_examples=150, deadline=None)
@given(WORLDS)
def test_whatever_comes_batches_are_first_come_first_served_and_the_record_agrees(world):
    asyncio.run(world.live())
    bench = world.bench
    served = [request for request in bench.recorder.requests if request.outcome == "served"]
    places = [(request.batch.record.batch, request.position) for request in served]  # in the order of arrival
    assert places == [(record.batch, at) for record in bench.records for at in range(1, record.size + 1)]
    assert [(record.released, record.waiting_before) for record in bench.records] == world.waiting
    for record in bench.records:
        mine = [request for request in served if request.batch.record is record]
        assert record.size == min(bench.batcher.policy.max_batch_size, record.waiting_before) == len(mine)
        assert record.waiting_after == record.waiting_before - record.size
        assert record.clients == len({request.client_id for request in mine})
        assert record.reason == "tick"
        assert all(request.arrived <= record.released for request in mine)


def test_ticks_that_were_missed_cost_no_request_and_make_no_second_batch():
    bench = Bench(FixedInterval(5, 0.1))
    for number in range(18):
        bench.submit(number)
    assert bench.tick(43 * 0.1) == pytest.approx(4.4)
    assert [record.size for record in bench.records] == [5]


def test_a_refused_request_is_recorded_and_counted_and_its_text_dropped():
    bench = burst(5, bound=3)
    assert bench.outcomes == ["unknown"] * 3 + ["rejected"] * 2
    assert bench.batcher.rejected == 2
    last = bench.recorder.requests[-1]
    assert (last.text, last.recipient, last.batch, last.position) == ("", None, None, 0)


def test_a_client_gets_its_share_of_a_batch_in_one_go():
    bench = burst(5, clients=2)
    bench.answer()
    assert [client.replies for client in bench.clients] == [
        ["You wrote: 1", "You wrote: 3", "You wrote: 5"],
        ["You wrote: 2", "You wrote: 4"],
    ]
    assert [len(client.shares) for client in bench.clients] == [1, 1]


def test_texts_and_recipients_are_dropped_once_they_are_answered():
    bench = burst(6, clients=2)
    bench.clients[0].gone = True
    bench.answer()
    assert {(request.text, request.recipient) for request in bench.recorder.requests} == {("", None)}
    assert [batch.requests for batch in bench.recorder.batches] == [[], []]


def test_a_place_is_taken_until_the_handler_has_answered():
    bench = burst(3, bound=3)
    assert not bench.submit(4)
    bench.answer()
    assert bench.submit(5)


def test_a_policy_that_was_passed_in_is_left_as_it_was_and_may_be_used_again():
    policy = FixedInterval(5, 5.0)
    before = vars(policy).copy()
    for _ in range(2):
        bench = Bench(policy)
        bench.submit(1)
        assert bench.tick(5.0) == 10.0
        assert len(bench.records) == 1
    assert vars(policy) == before


class Stubborn:
    """A policy that gives one answer after the other, whatever it is told, and remembers what it saw."""

    on_ticks = True  # so that an arrival asks it nothing

    def __init__(self, *answers):
        self.answers = list(answers)
        self.views = []
        self.observed = []

    def decide(self, view):
        self.views.append(view)
        return self.answers.pop(0)

    def observe(self, batch):
        self.observed.append(batch)

    def __str__(self):
        return "Stubborn"


class UnspeakableAnswer:
    """An answer that cannot even say itself."""

    def __repr__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    "answer",
    [Release(3, "tick"), Release(0, "tick"), Release(-1, "tick"), Release(1, "whim"), Wait(7.0), Wait(6.9)],
    ids=["more than wait", "none", "negative", "unknown reason", "until now", "until the past"],
)
def test_a_policy_that_misbehaves_raises_an_error_that_names_it(answer):
    bench = Bench(Stubborn(answer))
    bench.submit(1)
    bench.submit(2)
    with pytest.raises(PolicyError, match=r"^Stubborn .*7 s"):
        bench.tick(7.0)
    assert bench.records == []
    assert len(bench.batcher.queue) == 2


@pytest.mark.parametrize(
    "answer",
    [None, 5, (5, "tick"), Release(1.5, "tick"), Release("1", "tick"), Release(None, "tick"), Release(1, []),
     Wait(math.nan), Wait(math.inf), Wait("soon"), Wait([8.0]), UnspeakableAnswer()],
    ids=lambda answer: "unspeakable" if isinstance(answer, UnspeakableAnswer) else repr(answer),
)  # fmt: skip
def test_an_answer_that_is_none_raises_an_error_that_shows_it_and_says_when(answer):
    bench = Bench(Stubborn(answer))
    bench.submit(1)
    bench.submit(2)
    shown = re.escape("UnspeakableAnswer" if isinstance(answer, UnspeakableAnswer) else repr(answer))
    with pytest.raises(PolicyError, match=rf"^Stubborn answered {shown}.* at 7 s, "):
        bench.tick(7.0)
    assert bench.records == []
    assert len(bench.batcher.queue) == 2


@pytest.mark.parametrize("answer", [Release(np.int64(2), "full"), Release(1, "drain")])
def test_any_whole_number_is_a_size(answer):
    bench = Bench(Stubborn(answer, Wait(np.float32(8.0))))
    bench.submit(1)
    bench.submit(2)
    assert bench.tick(7.0) == 8.0
    assert [record.size for record in bench.records] == [answer.size]


def test_a_policy_is_asked_until_it_waits_and_is_told_what_it_needs_to_know():
    bench = Bench(Stubborn(Release(2, "full"), Release(1, "drain"), Wait(None)))
    for now in (1.0, 2.0, 3.0):
        bench.now = now
        bench.submit(now)
    assert bench.tick(4.0) is None
    seen = [(view.now, view.waiting, view.oldest, view.newest, view.running) for view in bench.batcher.policy.views]
    assert seen[:2] == [(4.0, 3, 1.0, 3.0, 0), (4.0, 1, 3.0, 3.0, 1)]
    assert seen[2] == pytest.approx((4.0, 0, math.nan, math.nan, 2), nan_ok=True)
    bench.answer()
    assert [(record.size, record.reason) for record in bench.batcher.policy.observed] == [(2, "full"), (1, "drain")]
    bench.batcher.policy.answers.append(Wait(None))
    bench.tick(5.0)
    assert bench.batcher.policy.views[-1].running == 0
