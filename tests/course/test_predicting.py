"""Predictions: kept before the run, held against it afterwards."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from batchdemo.course import predict
from batchdemo.errors import ArgumentError
from batchdemo.policies import FixedInterval
from batchdemo.prediction import arrivals, simulate


def burst(n, size, interval):
    """The ideal run of a burst, on virtual time."""
    return simulate(FixedInterval(size, interval), arrivals.burst(n))


def begun(run, after):
    """The run as if it had begun so many seconds from now."""
    began = (datetime.now(UTC) + timedelta(seconds=after)).isoformat()
    return dataclasses.replace(run, about=dataclasses.replace(run.about, began=began))


def test_none_yet():
    for guess in (predict(), predict(...), predict(None)):
        assert not guess.answered
        assert repr(guess).startswith("… your prediction waits for your answer. Put it in place of the dots")
        assert "place of the dots" in guess.against(7)
        assert len(guess) == 0


def test_a_number_is_held_against_a_number():
    guess = predict(40)
    assert repr(guess) == "✔ Your prediction is kept: 40"
    assert guess.against(80) == "You said 40, it was 80: 2 times too little."
    assert guess.against(10.0) == "You said 40, it was 10: 4 times too much."
    assert guess.against(41) == "You said 40, it was 41: within a tenth of it."
    assert guess.against(40) == "You said 40, it was 40: exactly that."
    assert predict(0).against(2.5) == "You said 0, it was 2.5: 2.5 too little."


def test_a_list_is_held_against_a_run():
    run = begun(burst(18, 5, 5.0), 60)
    said = predict([5.0] * 5 + [10.0] * 5 + [15.0] * 5 + [20.0] * 3).against(run)
    assert "fits" in said
    assert "after the run had begun" not in said
    assert "#16" in predict([5.0] * 18).against(run)


def test_speed_divides_what_was_said():
    assert list(predict([5, 10], speed=20)) == [0.25, 0.5]
    assert len(predict([5, 10])) == 2


def test_a_prediction_after_the_run_is_none():
    assert "no prediction any more" in predict([5.0] * 18).against(begun(burst(18, 5, 5.0), -60))


@pytest.mark.parametrize("said", ["5", [5, "6"], [5, math.nan], math.nan, {1}, object(), [True], np.array(3)])
def test_what_is_no_prediction(said):
    with pytest.raises(ArgumentError, match="said must be a number, or a list of seconds, one a request, got"):
        predict(said)


@pytest.mark.parametrize("speed", [0, -1, math.nan, "fast", None])
def test_a_speed_is_a_number(speed):
    with pytest.raises(ArgumentError, match="speed must be a number of times as fast"):
        predict([5.0], speed=speed)


def test_unlike_things_are_not_held_against_each_other():
    with pytest.raises(ArgumentError, match="measured must be a run, as the prediction is a list, got 7"):
        predict([5.0]).against(7)
    with pytest.raises(ArgumentError, match="measured must be"):
        predict(5.0).against(burst(3, 5, 1.0))


def test_the_plot_draws_it_and_an_unmade_one_is_left_out():
    run = burst(18, 5, 5.0)
    drawn = run.plot(predicted=predict([0.0] * 18))
    labels = [text.get_text() for text in drawn.get_legend().get_texts()]
    assert "your prediction" in labels
    labels = [text.get_text() for text in run.plot(predicted=predict(...)).get_legend().get_texts()]
    assert "your prediction" not in labels


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    from matplotlib import pyplot

    pyplot.close("all")
