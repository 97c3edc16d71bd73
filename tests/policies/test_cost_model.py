"""CostModel: what a batch costs is learnt, who would be late is refused, and waiting must pay."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine import batches, play
from hypothesis import given, settings
from hypothesis import strategies as st

from batchdemo.policies import CostModel, QueueView, Refuse, Release, Wait
from batchdemo.policies.cost_line import CostLine
from batchdemo.records import BatchRecord

A, B = 0.125, 0.5  # seconds for a request and for a batch, exact in binary


def warm(policy, a=A, b=B):
    """The policy after its five first batches, each of which left as soon as its requests were there."""
    for size in (1, 1, 1, 2, 3):
        assert policy.decide(QueueView(0.0, size, 0.0, 0.0, 0, 1)) == Release(size, "full")
        policy.observe(BatchRecord(1, 0.0, size, "full", -1, -1, 1, a * size + b))
    assert policy.costs.cost(10) == pytest.approx(10 * a + b)
    return policy


# --- the line ------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 100), st.floats(0.001, 10)), min_size=2, max_size=80))
def test_the_line_is_the_least_squares_one_of_the_last_fifty_with_no_cost_below_zero(seen):
    line = CostLine(1.0, 1.0, 50)
    for size, duration in seen:
        line.learn(size, duration)
    n, t = np.array(seen[-50:]).T
    assert line.per_item >= 0
    assert line.per_batch >= 0
    if n.min() == n.max():
        assert line.cost(int(n[0])) == pytest.approx(t.mean())
        return
    a, b = np.polyfit(n, t, 1)
    if a < 0:
        a, b = 0.0, t.mean()
    elif b < 0:
        a, b = n @ t / (n @ n), 0.0
    assert (line.per_item, line.per_batch) == pytest.approx((a, b), rel=1e-6, abs=1e-9)


def test_batches_of_one_size_move_what_they_cost_and_keep_the_slope():
    line = CostLine(0.25, 9.0, 50)
    line.learn(4, 3.0)
    assert (line.per_item, line.per_batch) == (0.25, 2.0)
    line.learn(4, 5.0)
    assert (line.per_item, line.per_batch) == (0.25, 3.0)


def test_what_was_before_the_last_fifty_is_forgotten():
    line = CostLine(1.0, 1.0, 50)
    for size in range(1, 51):
        line.learn(size, 99.0)
    for size in range(1, 51):
        line.learn(size, A * size + B)
    assert (line.per_item, line.per_batch) == pytest.approx((A, B))


# --- warming up ----------------------------------------------------------------------------------------------


def test_it_warms_up_with_one_one_one_two_and_three():
    released = batches(CostModel(100, 15.0), [0.0, 2.0, 4.0, 6.0, 6.25, 10.0, 10.25, 10.5, 10.625], a=A, b=B)
    assert released[:3] == [(0.0, 1, "full"), (2.0, 1, "full"), (4.0, 1, "full")]
    assert released[3:5] == [(6.25, 2, "full"), (10.5, 3, "full")]
    assert released[5] == (10.5 + 3 * A + B, 1, "idle")


def test_it_waits_for_the_second_and_the_third_only_for_so_long():
    """A batch of one took 0.625 s, of which the model does not know the share per item yet: it takes it for all."""
    released = batches(CostModel(100, 15.0), [0.0, 2.0, 4.0, 6.0, 20.0, 40.0], a=A, b=B)
    assert released[3] == (6.0 + (5 * 0.625 - 2 * 0.625), 1, "timeout")
    assert released[4] == (20.0 + (7 * 0.625 - 3 * 0.625), 1, "timeout")  # it has still seen batches of 1 alone
    assert released[5] == (40.0, 1, "idle")  # that it waited on purpose has not made it patient


def test_nor_does_it_wait_for_them_until_the_first_is_late():
    released = batches(CostModel(100, 2.0), [0.0, 2.0, 4.0, 6.0], a=A, b=B)
    cost_of_two = 0.625 + 2.0 / 15  # a fifteenth of the objective for a request, for want of anything better
    assert released[3] == (pytest.approx(6.0 + 0.95 * 2.0 - cost_of_two), 1, "timeout")


def test_it_learns_nothing_from_the_first_two_batches():
    policy = CostModel(100, 15.0)
    for duration in (99.0, 99.0, 0.5):
        policy.observe(BatchRecord(1, 0.0, 1, "full", -1, -1, 1, duration))
    assert policy.costs.cost(1) == 0.5


def test_a_duration_that_nobody_saw_is_no_step_of_the_warm_up():
    policy = CostModel(100, 15.0)
    for _ in range(9):
        policy.observe(BatchRecord(1, 0.0, 1, "full", -1, -1, 1, math.nan))
    assert policy.decide(QueueView(0.0, 5, 0.0, 0.0, 0, 1)) == Release(1, "full")


def test_until_it_has_learnt_it_refuses_only_who_is_late():
    policy = CostModel(100, 1.0)
    assert policy.decide(QueueView(9.0, 2, 8.0, 9.0, 0, 1)) == Release(1, "full")
    assert policy.decide(QueueView(9.25, 2, 8.0, 9.0, 0, 1)) == Refuse(1)
    assert policy.decide(QueueView(9.25, 1, 8.0, 8.0, 0, 1)) == Release(1, "full")


# --- refusing ------------------------------------------------------------------------------------------------

# Two cost 0.75 s and one 0.625 s, of the 4 s that a request has; they came at 10.
LAST = 10.0 + (4.0 - 0.75)


@pytest.mark.parametrize(
    ("view", "answer"),
    [
        (QueueView(LAST + 0.01, 2, 10.0, 12.0, 0, 1), Refuse(1)),
        (QueueView(LAST, 2, 10.0, 12.0, 0, 1), Release(2, "deadline")),  # free at the last moment: in time
        (QueueView(LAST, 2, 10.0, 12.0, 1, 0), Refuse(1)),  # busy at the last moment: later than that
        (QueueView(LAST - 0.01, 2, 10.0, 12.0, 1, 0), Wait(LAST)),
        (QueueView(14.5, 1, 10.0, 10.0, 0, 1), Release(1, "deadline")),  # alone and free: late, but served
        (QueueView(13.9, 1, 10.0, 10.0, 1, 0), Wait(14.0)),
        (QueueView(14.0, 1, 10.0, 10.0, 1, 0), Refuse(1)),
        (QueueView(11.0, 2, 10.0, 11.0, 1, 3), Wait(LAST)),  # one at a time, whatever room there is
    ],
)
def test_who_is_refused(view, answer):
    assert warm(CostModel(100, 4.0)).decide(view) == answer


def test_what_cannot_be_in_the_batch_does_not_count_as_its_cost():
    assert warm(CostModel(4, 4.0)).decide(QueueView(12.0, 50, 10.0, 12.0, 0, 1)) == Release(4, "full")
    assert warm(CostModel(100, 4.0)).decide(QueueView(12.0, 50, 10.0, 12.0, 0, 1)) == Refuse(1)


def test_under_four_times_the_load_those_it_serves_are_in_time_and_the_executor_is_never_without_work():
    """10 in 60 ms are 167 a second; 667 a second come for half a minute."""
    objective, seconds = 0.25, 30.0
    arrivals = np.cumsum(np.random.default_rng(11).exponential(0.0015, 20_000)).tolist()
    played = play(CostModel(10, objective), arrivals, a=0.001, b=0.05)
    late = [
        done - arrivals[numbers[0]]
        for (_, numbers, _), done in list(zip(played.batches, played.finished, strict=True))[5:]
        if done - arrivals[numbers[0]] > objective + 1e-9
    ]
    assert not late
    served = sum(len(numbers) for _, numbers, _ in played.batches)
    assert served == pytest.approx(seconds * 10 / 0.06, rel=0.05)
    assert served + len(played.refused) == 20_000
    assert (played.policy.costs.per_item, played.policy.costs.per_batch) == pytest.approx((0.001, 0.05), rel=1e-6)


# --- waiting -------------------------------------------------------------------------------------------------


def waited(seconds):
    """A warm policy, patient by one batch whose oldest had waited so long; the mean is a sixth of it."""
    policy = warm(CostModel(100, 60.0))
    assert policy.decide(QueueView(100.0, 2, 100.0 - seconds, 100.0, 0, 1)) == Release(2, "idle")
    return policy


def test_who_never_had_to_wait_does_not_wait():
    assert warm(CostModel(100, 60.0)).decide(QueueView(10.0, 1, 10.0, 10.0, 0, 1)) == Release(1, "idle")


def test_it_waits_while_requests_come_close_together():
    """n·(age of the newest + 0.125) may be 0.95 times 6/6 s: for two, until the newest is 0.35 s old."""
    policy = waited(6.0)
    until = 200.0 + (0.95 * 1.0 / 2 - policy.costs.per_item)
    assert until == pytest.approx(200.35)
    assert policy.decide(QueueView(200.0, 2, 199.9, 200.0, 0, 1)) == Wait(until)
    assert policy.decide(QueueView(until, 2, 199.9, 200.0, 0, 1)) == Release(2, "idle")


def test_the_more_there_are_the_less_it_waits():
    policy = waited(6.0)
    waits = [policy.decide(QueueView(200.0, n, 199.9, 200.0, 0, 1)).until for n in (1, 2, 4)]
    assert waits == sorted(waits, reverse=True)
    assert policy.decide(QueueView(200.0, 8, 199.9, 200.0, 0, 1)) == Release(8, "idle")


def test_it_never_waits_so_long_that_the_oldest_is_late():
    policy = waited(6.0)
    policy.max_latency = 0.875
    last = 199.9 + (0.875 - policy.costs.cost(2))
    assert policy.decide(QueueView(200.0, 2, 199.9, 200.0, 0, 1)) == Wait(last)
    assert policy.decide(QueueView(last, 2, 199.9, 200.0, 0, 1)) == Release(2, "deadline")


def test_a_full_batch_does_not_wait():
    policy = waited(6.0)
    policy.max_batch_size = 2
    assert policy.decide(QueueView(200.0, 2, 199.9, 200.0, 0, 1)) == Release(2, "full")
    assert policy.decide(QueueView(200.0, 3, 199.9, 200.0, 0, 1)) == Release(2, "full")


def test_waiting_fades():
    policy = waited(6.0)
    lengths = []
    for second in range(200, 2200):
        answer = policy.decide(QueueView(second, 1, second, second, 0, 1))
        if isinstance(answer, Wait):
            lengths.append(answer.until - second)
            answer = policy.decide(QueueView(answer.until, 1, second, second, 0, 1))
        assert answer == Release(1, "idle")
    assert lengths[0] == pytest.approx(0.95 * 6 / 6 - A)
    assert len(lengths) < 200  # each took part in the mean, so it fades by a twentieth in fifty
    assert lengths[-1] < 0.05
