"""Little's law on recorded runs: made by hand, simulated, live; and those that cannot be held against it."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import batchdemo as bd
from batchdemo.errors import ArgumentError
from batchdemo.prediction.theory import fixed_interval, little
from batchdemo.records import RequestRecord, TickRecord
from batchdemo.runs import table
from batchdemo.runs.run import About, Run

NAN = math.nan


def run_of(*lives, ticks=()):
    """A run of requests that arrive, are released and end so: (0.0, 4.0) or (0.0, NAN, "unknown")."""
    rows = []
    for number, (arrived, released, *said) in enumerate(lives, 1):
        outcome = said[0] if said else "served"
        batch = 0 if math.isnan(released) else 1
        rows.append(
            RequestRecord(number, 1, arrived, arrived, released, released, released, batch, batch, outcome)
        )  # fmt: skip
    about = About("live", "the server's log")
    return Run(about, table.requests(rows), table.batches([]), table.ticks([TickRecord(at, at) for at in ticks]))


THREE = run_of((1.0, 5.0), (2.0, 5.0), (3.0, 7.0))


# --- the law ---------------------------------------------------------------------------------------------


def test_three_requests_by_hand():
    """One waits from 1 to 2, two to 3, three to 5, one to 7: 1 + 2 + 6 + 2 = 11 over 6 s."""
    law = little(THREE)
    assert law.mean_queue_length == pytest.approx(11 / 6)
    assert law.arrival_rate == pytest.approx(3 / 6)
    assert law.mean_waiting_time == pytest.approx(11 / 3)
    assert law.product == pytest.approx(11 / 6)
    assert abs(law.gap) < 1e-14
    assert (law.duration, law.arrived, law.waiting) == (6.0, 3, 0)
    assert law.mean_waiting_time_of_released == pytest.approx(11 / 3)
    assert law.describe().startswith(
        "Little's law over 6.00 s: L = 1.833 requests waiting on average; λ·W = 0.5/s × 3.67 s = 1.833; gap "
    )


def test_who_still_waits_counts_until_the_last_time_that_the_run_saw():
    law = little(run_of((0.0, 4.0), (2.0, NAN, "unknown"), ticks=(5.0, 10.0)))
    assert (law.duration, law.arrived, law.waiting) == (10.0, 2, 1)
    assert law.mean_waiting_time == pytest.approx((4 + 8) / 2)
    assert law.mean_queue_length == pytest.approx((4 + 8) / 10)
    assert law.mean_waiting_time_of_released == 4.0
    assert abs(law.gap) < 1e-14
    assert law.describe().endswith(
        "1 of 2 were still waiting at the end and count until then; by the released alone λ·W would be 0.8."
    )


def test_all_may_still_be_waiting():
    law = little(run_of((0.0, NAN, "unknown"), (1.0, NAN, "unknown"), ticks=(4.0,)))
    assert (law.waiting, law.mean_queue_length, law.mean_waiting_time) == (2, 7 / 4, 3.5)
    assert math.isnan(law.mean_waiting_time_of_released)
    assert law.describe().endswith("2 of 2 were still waiting at the end and count until then.")


def test_a_reply_that_was_not_seen_does_not_mean_that_it_was_not_released():
    law = little(run_of((0.0, 4.0), (1.0, 4.0, "unknown")))
    assert (law.arrived, law.waiting, law.mean_queue_length) == (2, 0, 7 / 4)


@pytest.mark.parametrize("outcome", ["failed", "cancelled", "expired"])
def test_whoever_was_released_did_wait(outcome):
    assert little(run_of((0.0, 4.0), (1.0, 4.0, outcome))).arrived == 2


def test_who_was_rejected_never_waited_and_who_never_arrived_neither():
    law = little(run_of((0.0, 4.0), (1.0, NAN, "rejected"), (NAN, NAN, "unknown"), (2.0, 4.0)))
    assert (law.arrived, law.waiting, law.mean_queue_length) == (2, 0, 6 / 4)


times = st.floats(0, 1e3)


@given(lives=st.lists(st.tuples(times, times, st.booleans()), min_size=1, max_size=60))
@settings(deadline=None)
def test_the_two_sides_are_equal_whatever_happens(lives):
    rows = [(came, NAN, "unknown") if waits else (came, came + wait) for came, wait, waits in lives]
    law = little(run_of(*rows, (0.0, 1.0), ticks=(3e3,)))
    assert law.product == pytest.approx(law.mean_queue_length, rel=1e-9, abs=1e-9)
    assert law.gap == pytest.approx(0, abs=1e-9 * (1 + law.mean_queue_length))
    assert law.waiting == sum(waits for *_, waits in lives)


def test_a_simulated_run_has_the_lengths_and_times_that_theory_foretells():
    rng = np.random.default_rng(3)
    laws = []
    for _ in range(20):
        arrived = np.cumsum(rng.exponential(2.0, 4_000))
        tick = 0.0 * arrived
        for i, time in enumerate(arrived):
            tick[i] = max(math.ceil(time / 5.0), tick[i - 5] + 1 if i >= 5 else 0)
        laws.append(little(run_of(*zip(arrived.tolist(), (tick * 5.0).tolist(), strict=True))))
    queue = fixed_interval(0.5, 5, 5.0)
    for name in ("mean_queue_length", "mean_waiting_time"):
        values = [getattr(law, name) for law in laws]
        error = np.std(values, ddof=1) / math.sqrt(len(values))
        assert abs(np.mean(values) - getattr(queue, name)) < 5 * error
        assert error < 0.02 * getattr(queue, name)


def test_a_live_run_obeys_it():
    with bd.Server(bd.FixedInterval(5, 0.05)) as server:
        run = bd.send(range(1, 41), server, clients=3, arrivals=200.0, progress=False)
    law = little(run)
    summary = run.summary()
    assert (law.arrived, law.waiting) == (40, 0)
    assert summary["served"] == 40
    assert law.mean_waiting_time == pytest.approx(summary["waiting_time_mean_s"], rel=1e-9)
    assert law.mean_queue_length == pytest.approx(law.product, rel=1e-9)
    assert law.mean_queue_length > 0
    assert law == little(run)


# --- what cannot be held against it ----------------------------------------------------------------------


def test_a_run_from_outside_lacks_the_arrivals():
    with pytest.raises(ArgumentError) as caught:
        little(run_of((NAN, NAN), (NAN, NAN)))
    assert str(caught.value) == (
        "the run's column `arrived` must be known for every request that was answered, got nan. 2 of 2 lack it. "
        "Only a server's own log has it: send to a Server of yours, or load a run that was."
    )


@pytest.mark.parametrize("outcome", ["served", "failed", "cancelled", "expired"])
def test_one_answered_request_without_its_release_is_one_too_many(outcome):
    with pytest.raises(ArgumentError, match=r"^the run's column `released` must be known .* 1 of 2 lack it\."):
        little(run_of((0.0, 4.0), (1.0, NAN, outcome)))


@pytest.mark.parametrize("lives", [[], [(NAN, NAN, "unknown")], [(0.0, NAN, "rejected")]], ids=repr)
def test_somebody_must_have_waited(lives):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ArgumentError, match=r"^the run's column `arrived` must be known for one request at least"):
            little(run_of(*lives))


def test_some_time_must_have_passed():
    with pytest.raises(ArgumentError, match=r"^the time from the first arrival to the end must be above 0 s, got 0\.0"):
        little(run_of((1.0, 1.0)))


@pytest.mark.parametrize("run", [None, "run.json", 1.0, THREE.requests], ids=lambda run: type(run).__name__)
def test_what_is_no_run_is_refused(run):
    with pytest.raises(ArgumentError, match=r"^run must be a Run, as bd\.send makes it, got "):
        little(run)
