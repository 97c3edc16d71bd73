"""Live equals simulated: the same policy puts the same requests in the same batches, for the same reasons."""

from __future__ import annotations

import copy
import heapq
import math
import sys
from pathlib import Path

import pytest
from batcher_bench import Bench
from hypothesis import given, settings
from hypothesis import strategies as st

import batchdemo as bd
from batchdemo import policies
from batchdemo.prediction.engine import simulate

sys.path.append(str(Path(__file__).parent / "policies"))
from sampling import ARRIVALS, FIXED, KINDS, SERVICE

EVERY = {**{name: kind.policies for name, kind in KINDS.items()}, "FixedInterval": FIXED}


def test_every_policy_is_compared():
    words = {"BUSY", "Policy", "QueueView", "Refuse", "Release", "Wait"}
    assert {name for name in policies.__all__ if name[0].isupper()} - words == {name.split(",")[0] for name in EVERY}


class Live:
    """The server's batcher on a fake clock. At one instant batches are finished, then requests come, then timers."""

    def __init__(self, policy, arrivals, service, slots):
        self.bench = Bench(policy, max_concurrent_batches=slots)
        self.arrivals, self.service, self.slots = list(enumerate(arrivals)), service, slots
        self.due = math.inf
        self.handling = []  # (when it is finished, number, when it began, batch), a heap
        self.bench.batcher.set_alarm = self.set_alarm

    def set_alarm(self, due):
        self.due = math.inf if due is None else due

    def play(self):
        batcher = self.bench.batcher
        batcher.ask(0.0)
        self.begin()
        while self.arrivals or self.handling or batcher.waiting:
            arrival = self.arrivals[0][1] if self.arrivals else math.inf
            finished = self.handling[0][0] if self.handling else math.inf
            now = self.bench.now = min(arrival, finished, self.due)
            assert now < math.inf, "nothing happens any more"
            if now == finished:
                _, _, began, batch = heapq.heappop(self.handling)
                # As the worker, which hands the next batch to the handler when this one is answered.
                batcher.finish(batch, began, [request.text for request in batch.requests])
            elif now == arrival:
                self.bench.submit(self.arrivals.pop(0)[0])
            else:
                self.due = math.inf
                batcher.ask(now)
            self.begin()
        return self.bench

    def begin(self):
        while len(self.handling) < self.slots:
            batch = self.bench.batcher.next_batch()
            if batch is None:
                return
            took, now = self.service(batch.record.size), self.bench.now
            heapq.heappush(self.handling, (now + took, batch.record.batch, now, batch))


def lived(bench):
    """(released, first request, size, reason, waiting) of each batch, and who was refused."""
    rows, refused = {}, []
    for number, request in enumerate(bench.recorder.requests):
        if request.batch is None:
            assert request.outcome == "expired"
            refused.append(number)
        else:
            rows.setdefault(request.batch.record.batch, []).append(number)
    batches = [
        (record.released, rows[record.batch], record.reason, record.waiting_before, record.duration)
        for record in bench.records
    ]
    return batches, refused


def simulated(history):
    batches = [
        (when, list(range(first, first + size)), reason, waiting, finished - began)
        for when, size, reason, first, waiting, began, finished in zip(
            history.released, history.size, history.reason, history.first, history.waiting, history.began,
            history.finished, strict=True,
        )
    ]  # fmt: skip
    return batches, [number for first, many, _ in history.refused for number in range(first, first + many)]


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_the_live_batcher_does_what_the_simulator_foretells(name, data):
    policy = data.draw(EVERY[name])
    arrivals, setting = data.draw(ARRIVALS), data.draw(SERVICE)
    if name == "FixedInterval":
        arrivals = [time for time in arrivals if time < 100]  # else there are millions of ticks before the first
    slots = setting["max_concurrent"]

    def service(n):
        return setting["a"] * n + setting["b"]

    bench = Live(policy, arrivals, service, slots).play()
    assert bench.batcher.failure == ""
    assert lived(bench) == simulated(simulate(copy.deepcopy(policy), arrivals, service, slots))


class Threes:
    """Lets three go at a time, and promises whatever it is told to."""

    def __init__(self, waiting):
        self.waiting = waiting

    def decide(self, view):
        return policies.Release(3, "full") if view.waiting >= 3 else policies.Wait(None, self.waiting)

    def observe(self, batch):
        pass


@pytest.mark.parametrize("waiting", [0, 2.5, 3, math.inf])
@pytest.mark.parametrize("took", [0.0, 0.75, 10.0])
def test_one_that_promises_to_sleep_on_is_asked_where_nothing_else_would_wake_it(waiting, took):
    arrivals = [0.5 * at for at in range(9)]
    bench = Live(Threes(waiting), arrivals, lambda n: took, 1).play()
    assert [record.size for record in bench.records] == [3, 3, 3]
    assert lived(bench) == simulated(simulate(Threes(waiting), arrivals, lambda n: took, 1))


def test_a_burst_of_twelve_over_real_sockets_leaves_when_full_and_the_rest_by_the_timeout():
    policy = bd.SizeOrTimeout(5, 1.5)
    with bd.Server(policy) as server:
        run = bd.send(range(1, 13), server)
    foretold = bd.simulate(policy, bd.arrivals.burst(12))
    for seen in (run, foretold):
        assert seen.batches["size"].tolist() == [5, 5, 2]
        assert seen.batches["reason"].tolist() == ["full", "full", "timeout"]
    assert run.columns["batch"].tolist() == foretold.columns["batch"].tolist() == [1] * 5 + [2] * 5 + [3] * 2
    assert run.columns["position"].tolist() == foretold.columns["position"].tolist()


def test_a_burst_that_meets_a_busy_handler_over_real_sockets_is_taken_when_that_is_free(until):
    """The first leaves alone; the handler holds it until the others wait; then they go, five at a time."""

    def patient(batch):
        if batch == ["1"]:
            until(lambda: server.stats()["waiting"] == 12)
        return [f"You wrote: {text}" for text in batch]

    with bd.Server(bd.TakeAll(5), handler=patient) as server:
        run = bd.send(range(1, 14), server)
    assert run.batches["size"].tolist() == [1, 5, 5, 2]
    assert run.batches["reason"].tolist() == ["idle", "full", "full", "idle"]
    foretold = bd.simulate(bd.TakeAll(5), bd.arrivals.burst(13), service=0.1)
    assert run.columns["batch"].tolist() == foretold.columns["batch"].tolist()
