"""Cadence: ticks against the grid; lateness, drift, ticks that never ran and ticks that ran twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make import Made, at_times, ideal

from batchdemo.runs.cadence import cadence, slope


def ticking(*late, skipped=(), interval=5.0):
    """A run with a tick at every grid point but the skipped ones, each late by so much."""
    steps = [step for step in range(1, len(late) + len(skipped) + 1) if step not in skipped]
    ticks = [(step * interval, step * interval + by) for step, by in zip(steps, late, strict=True)]
    return at_times(interval=interval, max_batch_size=5, world="live", batches_from="the server's log", ticks=ticks)


def verdict(run, **promise):
    return run.check(**promise)["cadence"]


def test_the_grid_is_the_servers_own_where_it_recorded_its_ticks():
    seen = cadence(ideal())
    assert seen.anchored
    assert seen.lateness == pytest.approx([0.0002, 0.0013, -0.0004, 0.0003])
    assert seen.worst == pytest.approx(0.0013)
    assert (seen.missed, seen.doubled) == (0, 0)


def test_the_grid_goes_through_the_first_batch_where_nobody_saw_the_ticks():
    seen = cadence(Made().remote().run(), 5.0)
    assert not seen.anchored
    assert seen.lateness == pytest.approx([0.0, 0.0011, -0.0006, 0.0001])


def test_another_interval_than_the_servers_is_held_against_the_batches():
    assert not cadence(ideal(), 2.5).anchored


def test_without_an_interval_or_with_too_few_batches_there_is_none():
    assert cadence(Made().run(interval=None)) is None
    assert cadence(at_times(5.0), 5.0) is None
    assert cadence(at_times(), 5.0) is None


def test_one_tick_is_enough_for_a_verdict():
    found = verdict(ticking(0.001))
    assert found.holds is True
    assert found.says == "1 tick on a grid of 5.00 s, worst tick 1 ms late, drift +0.00 ms a tick"


def test_the_worst_may_be_early():
    assert cadence(ticking(0.001, -0.002, 0.0)).worst == pytest.approx(-0.002)


def test_drift_is_the_lateness_that_each_tick_adds():
    assert cadence(ticking(0.0, 0.002, 0.004, 0.006)).drift == pytest.approx(0.002)
    assert cadence(ticking(0.004, 0.002, 0.0)).drift == pytest.approx(-0.002)
    assert cadence(ticking(0.001)).drift == 0.0


def test_missed_ticks_are_counted_and_fail():
    run = ticking(0.0, 0.0, 0.0, skipped=(2, 3))
    assert cadence(run).missed == 2
    found = verdict(run)
    assert found.holds is False
    assert "2 ticks that were due never ran" in found.says


def test_one_missed_tick_is_said_in_the_singular():
    said = verdict(ticking(0.0, 0.0, skipped=(2,))).says
    assert "1 tick that was due never ran" in said


@pytest.mark.parametrize(("skipped", "after"), [((2,), 1), ((3, 5), 2), ((4, 5), 3)])
def test_the_tick_after_which_one_is_missing_is_the_counterexample(skipped, after):
    found = verdict(ticking(*[0.0] * 4, skipped=skipped))
    assert found.counterexample == (after,)
    assert f" due never ran, {'the first ' if len(skipped) > 1 else ''}after tick {after}; " in found.says


def test_a_doubled_tick_fails_and_is_named():
    run = at_times(interval=5.0, ticks=[(5.0, 5.0), (10.0, 10.0), (10.0, 10.1), (15.0, 15.0)])
    assert cadence(run).doubled == 1
    found = verdict(run)
    assert found.holds is False
    assert found.counterexample == (3,)
    assert found.says == "tick 3 came within the same interval as the one before"


def test_a_doubled_batch_fails_and_is_named_where_nobody_saw_the_ticks():
    found = verdict(at_times(5.0, 10.0, 10.4, 15.0), interval=5.0)
    assert found.holds is False
    assert found.counterexample == (3,)
    assert found.says == "batch 3 came within the same interval as the one before"


def test_a_pause_without_requests_is_no_fault_where_nobody_saw_the_ticks():
    found = verdict(at_times(5.0, 10.0, 40.0), interval=5.0)
    assert found.holds is True
    assert found.says.startswith("3 batches on a grid of 5.00 s through the first batch, worst batch ")


def test_batches_that_are_inferred_must_lie_on_a_grid_too():
    found = verdict(at_times(5.0, 10.0, 16.0), interval=5.0)
    assert found.holds is False
    assert found.counterexample == (3,)


@pytest.mark.parametrize(
    ("interval", "allowed"), [(0.1, 0.05), (0.2, 0.1), (1.0, 0.1), (2.0, 0.1), (5.0, 0.25), (60.0, 3.0)]
)
def test_by_default_a_twentieth_of_the_interval_is_allowed_but_a_tenth_of_a_second_and_half_the_interval(
    interval, allowed
):
    assert verdict(ticking(0.0, allowed * 0.99, 0.0, interval=interval)).holds is True
    found = verdict(ticking(0.0, allowed * 1.01, 0.0, interval=interval))
    assert found.holds is False
    assert found.counterexample == (2,)


def test_the_tolerance_may_be_given():
    run = ticking(0.0, 0.02, 0.0)
    assert verdict(run, tolerance=0.021).holds is True
    assert verdict(run, tolerance=0.019).holds is False
    assert verdict(run, tolerance=0).holds is False
    assert "19 ms is allowed" in verdict(run, tolerance=0.019).says


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.integers(1, 50), min_size=2, max_size=20, unique=True).map(sorted),
    interval=st.sampled_from([0.1, 1 / 3, 5.0]),
    start=st.floats(0, 100),
)
def test_batches_on_any_part_of_any_grid_are_found_on_it(steps, interval, start):
    run = at_times(*(start + step * interval for step in steps))
    seen = cadence(run, interval)
    assert (seen.step + steps[0]).tolist() == steps
    assert seen.worst == pytest.approx(0.0, abs=1e-9)
    assert (seen.missed, seen.doubled) == (steps[-1] - steps[0] + 1 - len(steps), 0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-100, 100), st.floats(-10, 10)), min_size=2, max_size=30))
def test_the_slope_is_that_of_least_squares(points):
    x, y = np.array(points, dtype=float).T
    if len(np.unique(x)) > 1:
        assert slope(x, y) == pytest.approx(np.polyfit(x, y, 1)[0], abs=1e-9)
    else:
        assert slope(x, y) == 0.0
