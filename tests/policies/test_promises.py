"""Wait(until, waiting): an engine that trusts the promise does what one does that asks at every arrival."""

from __future__ import annotations

import copy
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sampling import ARRIVALS, KINDS, SERVICE

from batchdemo.errors import PolicyError
from batchdemo.policies import (
    AIMD,
    BUSY,
    GroupCommit,
    IdleOrTimeout,
    Preferred,
    PreFormed,
    QueueView,
    Release,
    SizeOrTimeout,
    TakeAll,
    Wait,
    fault,
)
from batchdemo.prediction.engine import simulate

VIEW = QueueView(1.0, 2, 0.0, 1.0, 0)
NONE = {"NoBatching", "CostModel"}  # every arrival may change what these answer


class Asked:
    """The same policy, asked at every arrival: it promises nothing. It counts, and keeps the times it waited for."""

    def __init__(self, policy, *, keeps=False):
        self.policy, self.keeps = copy.deepcopy(policy), keeps
        self.questions, self.times, self.promised = 0, set(), False

    def decide(self, view):
        self.questions += 1
        answer = self.policy.decide(view)
        if not isinstance(answer, Wait):
            return answer
        self.times.add(answer.until)
        self.promised |= answer.waiting > 0
        return answer if self.keeps else Wait(answer.until)

    def observe(self, batch):
        self.policy.observe(batch)


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_the_engine_does_the_same_where_nothing_is_promised(name, data):
    policy = data.draw(KINDS[name].policies)
    arrivals, setting = data.draw(ARRIVALS), data.draw(SERVICE)

    def service(n):
        return setting["a"] * n + setting["b"]

    asked, trusted = Asked(policy), Asked(policy, keeps=True)
    history = simulate(asked, arrivals, service, setting["max_concurrent"])
    assume(asked.times.isdisjoint(arrivals))
    assert simulate(trusted, arrivals, service, setting["max_concurrent"]) == history
    assert trusted.questions <= asked.questions
    assert not (trusted.promised and name in NONE)


def line(n):
    return 0.001 * n + 0.05


CROWD = np.cumsum(np.random.default_rng(1).exponential(1 / 300, 1000)).tolist()
PROMISING = {
    "SizeOrTimeout": SizeOrTimeout(32, 0.1),
    "TakeAll": TakeAll(32),
    "IdleOrTimeout": IdleOrTimeout(32, 0.02, 0.1),
    "Preferred": Preferred(32, (8, 16, 32), 0.1),
    "PreFormed": PreFormed(32, 0.1),
    "PreFormed, gated": PreFormed(32, 0.1, preform=False),
    "AIMD": AIMD(0.08, max_batch_size=32),
    "GroupCommit": GroupCommit(32, 5, 0.01),
}


@pytest.mark.parametrize("name", sorted(KINDS.keys() - NONE))
def test_a_promise_spares_most_questions(name):
    asked, trusted = Asked(PROMISING[name]), Asked(PROMISING[name], keeps=True)
    history = simulate(asked, CROWD, line, 1)
    assert simulate(trusted, CROWD, line, 1) == history
    assert trusted.questions < asked.questions / 3


def test_all_who_come_at_the_very_instant_a_timer_is_due_are_in_time_for_it():
    """Asked at each, it would let the first of them go, and the other wait anew."""
    policy, arrivals = SizeOrTimeout(5, 1.0), [0.0, 1.0, 1.0]
    assert simulate(policy, arrivals, None, 1).size == [3]
    assert simulate(Asked(policy), arrivals, None, 1).size == [2, 1]


# --- promises of strangers -----------------------------------------------------------------------------------


class Threes:
    """Lets three go at a time, and promises whatever it is told to."""

    def __init__(self, waiting):
        self.waiting = waiting

    def decide(self, view):
        return Release(3, "full") if view.waiting >= 3 else Wait(None, self.waiting)

    def observe(self, batch):
        pass


@pytest.mark.parametrize("waiting", [0, 2.5, 3, Fraction(5, 2), True, math.inf])
@pytest.mark.parametrize("took", [0.0, 0.75, 10.0])
def test_one_that_promises_to_sleep_on_is_asked_where_nothing_else_would_wake_it(waiting, took):
    arrivals = [0.5 * at for at in range(9)]
    history = simulate(Threes(waiting), arrivals, lambda n: took, 1)
    assert history.size == [3, 3, 3]
    assert history.released[0] == 1.0
    if waiting != math.inf:
        assert history.released == [1.0, 2.5, 4.0]


@pytest.mark.parametrize("waiting", [0, 1, 2.5, math.inf, True, Fraction(5, 2), np.int64(3)])
def test_a_promise_is_a_number_of_requests(waiting):
    assert fault(Wait(None, waiting), VIEW) == fault(Wait(2.0, waiting), VIEW) == ""


@pytest.mark.parametrize("waiting", [math.nan, -1, -0.5, -math.inf, "many", "3", None, [3]])
def test_a_promise_that_is_none_is_a_fault_and_the_simulator_says_so(waiting):
    for answer in (Wait(None, waiting), Wait(2.0, waiting)):
        assert fault(answer, VIEW) == "but `waiting` must be a number of requests, from 0 to infinity"
    with pytest.raises(PolicyError, match=r"answered Wait\(until=None, waiting=.*must be a number of requests"):
        simulate(Threes(waiting), [0.0], None, 1)


def test_busy_waits_for_no_arrival_and_for_no_time():
    assert Wait(None, math.inf) == BUSY != Wait()
    assert fault(BUSY, VIEW) == ""
