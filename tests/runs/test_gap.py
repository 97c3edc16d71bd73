"""The gap between prediction and measurement: in words, above the plot, and in its alt text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make import NAN, Made, at_times, ideal, million, unanswered

from batchdemo.errors import ArgumentError
from batchdemo.runs.gap import gap
from batchdemo.runs.plots import MOST

RIGHT = [5.0] * 5 + [10.0] * 5 + [15.0] * 5 + [20.0] * 3
SAID = {
    "all at once": (
        Made(), [0.0] * 18,
        "Your prediction is furthest off at #18: 0.0 s said, 20.0 s measured; 0 of 18 replies lie within 0.5 s of it.",
    ),
    "right": (Made(), RIGHT, "Your prediction fits: every reply within 1.55 ms of it."),
    "near enough": (Made(), [time - 0.4 for time in RIGHT], "Your prediction fits: every reply within 402 ms of it."),
    "one wrong": (
        Made(), [*RIGHT[:6], 15.0, *RIGHT[7:]],
        "Your prediction is furthest off at #7: 15.0 s said, 10.0 s measured; 17 of 18 replies lie within 0.5 s of it.",
    ),
    "three of them": (
        Made(), [NAN] * 15 + [20.0] * 3,
        "Your prediction fits: every reply within 0.53 ms of it. You predicted 3 of 18.",
    ),
    "some never answered": (
        Made().lose(7).reject(17, 18), RIGHT,
        "Your prediction fits: every reply within 1.55 ms of it. No reply to compare with: #7, #17 and #18.",
    ),
    "a failure is a reply": (Made((1,)).change(1, outcome="failed"), [5.0],
                             "Your prediction fits: the reply within 0.41 ms of it."),
    "one reply": (
        Made((1,)), [1.0],
        "Your prediction is furthest off at #1: 1.0 s said, 5.0 s measured; 0 of 1 reply lies within 0.5 s of it.",
    ),
    "no reply": (unanswered(3), [5.0] * 3, "No reply to compare with: #1, #2 and #3."),
    "nothing": (Made(), [NAN] * 18, "Nothing was predicted."),
    "no request": (Made(()), [], "Nothing was predicted."),
    "none": (Made(), None, "Nothing was predicted."),
}  # fmt: skip


@pytest.mark.parametrize("kind", SAID)
def test_the_gap_is_said_in_words(kind):
    made, guess, says = SAID[kind]
    assert gap(made.run(), guess) == says
    assert made.run().gap(guess) == says


@pytest.mark.parametrize(
    ("interval", "near", "far", "words"),
    [(5.0, 0.49, 0.51, "0.5 s"), (0.25, 0.02, 0.03, "0.025 s"), (60.0, 5.9, 6.1, "6 s"), (None, 0.49, 0.51, "0.5 s")],
)
def test_near_is_a_tenth_of_the_interval_or_half_a_second_where_none_is_known(interval, near, far, words):
    run = at_times(100.0, interval=interval)
    assert run.gap([100 + near]).startswith("Your prediction fits")
    assert run.gap([100 + far]).endswith(f"0 of 1 reply lies within {words} of it.")


def test_the_figures_have_the_digits_that_the_limit_needs():
    assert "#1: 0.20 s said, 0.25 s measured;" in at_times(0.25, interval=0.25).gap([0.2])
    assert "#1: 50 s said, 100 s measured;" in at_times(100.0, interval=60.0).gap([50.0])


def test_a_prediction_may_be_anything_that_gives_seconds():
    for guess in (iter(RIGHT), tuple(RIGHT), np.array(RIGHT), map(str, RIGHT)):
        assert ideal().gap(guess).startswith("Your prediction fits")


class Guess:
    """What a student may answer later, or has."""

    def __init__(self, answered, seconds=()):
        self.answered = answered
        self.seconds = seconds

    def __iter__(self):
        return iter(self.seconds)


def test_what_is_not_yet_answered_is_no_prediction(ax):
    assert ideal().gap(Guess(False)) == "Nothing was predicted."
    ideal().plot(ax, predicted=Guess(False))
    assert "your prediction" not in [line.get_label() for line in ax.lines]
    assert "rediction" not in ax.get_title(loc="left")


def test_what_is_answered_is_a_prediction():
    assert ideal().gap(Guess(True, RIGHT)).startswith("Your prediction fits")
    with pytest.raises(ArgumentError, match=r"There are 18 requests, and 1 predictions\."):
        ideal().gap(Guess(True, [5.0]))


def test_never_is_no_time():
    with pytest.raises(ArgumentError, match=r"^predicted must be a list of seconds, one a request, got .* NaN leaves "):
        ideal().gap([float("inf")] * 18)


@pytest.mark.usefixtures("pyplot")
def test_the_plot_says_the_gap_below_its_sentence_and_in_its_alt_text():
    run = Made().remote().run()
    ax = run.plot(predicted=[0.0] * 18)
    both = f"{run.describe()} {run.gap([0.0] * 18)}"
    assert " ".join(ax.get_title(loc="left").split()) == both
    assert ax.figure.alt == both


def lines_to(ax, said):
    """The lines from a prediction: number -> measured, where they begin at what was said."""
    ends = [path.vertices for collection in ax.collections for path in collection.get_paths()]
    return {int(end[0, 1]): float(end[1, 0]) for end in ends if end[0, 0] == said}


def test_a_line_leads_from_each_prediction_to_its_reply(ax):
    Made().lose(7).reject(18).run().plot(ax, predicted=[NAN] + [1.0] * 17)
    found = lines_to(ax, 1.0)
    assert set(found) == set(range(2, 18)) - {7}
    assert found[2] == pytest.approx(5.0, abs=0.01)


def test_where_there_are_many_no_lines_are_drawn_and_the_gap_is_said_all_the_same(ax):
    run = million()
    run.plot(ax, predicted=np.ones(len(run)))
    assert lines_to(ax, 1.0) == {}
    (rings,) = [line for line in ax.lines if line.get_label() == "your prediction"]
    assert len(rings.get_xdata()) == MOST
    assert "within 0.0001 s of it." in " ".join(ax.get_title(loc="left").split())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6) | st.just(NAN), min_size=18, max_size=18))
def test_whatever_was_predicted_the_figures_are_those_of_the_arrays(guess):
    run = ideal()
    said, off = run.gap(guess), np.abs(np.array(guess) - run.request_table.received)
    known = ~np.isnan(off)
    if not known.any():
        assert said == "Nothing was predicted."
    elif (off[known] <= 0.5).all():
        assert said.startswith("Your prediction fits")
    else:
        assert f"furthest off at #{np.nanargmax(off) + 1}:" in said
        assert f"; {(off <= 0.5).sum()} of {known.sum()} repl" in said
