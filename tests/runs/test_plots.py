"""The pictures: axes in, axes out, nothing changed beyond them, and every point where it should be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from make import RUNS, Made, at_times, ideal, million

from batchdemo.errors import ArgumentError
from batchdemo.runs.plots import COLOURS, MARKERS, MOST

PLOTS = ["plot", "plot_queue", "plot_latency", "plot_cadence"]


def points(ax):
    """What is drawn with one of the markers of the batches: (x, y) -> (colour, marker)."""
    return {
        (x, y): (line.get_color(), line.get_marker())
        for line in ax.lines
        if line.get_marker() in MARKERS and line.get_markerfacecolor() != "none"
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    }


def drawn(ax):
    """How many points and segments are on the axes."""
    segments = sum(len(collection.get_paths()) for collection in ax.collections)
    return segments + sum(len(line.get_xdata()) for line in ax.lines)


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("kind", RUNS)
def test_every_run_is_drawn_on_the_axes_that_were_given(kind, plot, ax):
    assert getattr(RUNS[kind], plot)(ax) is ax
    assert getattr(RUNS[kind], plot)(ax=ax) is ax
    ax.figure.canvas.draw()


@pytest.mark.parametrize("plot", PLOTS)
def test_without_axes_a_figure_is_made(plot, pyplot):
    made = getattr(ideal(), plot)()
    assert pyplot.get_fignums() == [made.figure.number]


@pytest.mark.parametrize("plot", PLOTS)
def test_a_plot_changes_no_setting_and_not_the_current_axes(plot, pyplot):
    mine, other = pyplot.subplots(1, 2)[1]
    before = pyplot.rcParams.copy()
    pyplot.sca(other)
    getattr(ideal(), plot)(mine)
    assert pyplot.rcParams == before
    assert pyplot.gca() is other
    assert not other.has_data()


@pytest.mark.parametrize(
    ("plot", "across", "up"),
    [
        ("plot", "time since the run began (s)", "number of the request"),
        ("plot_queue", "time since the run began (s)", "requests waiting in the queue"),
        ("plot_cadence", "time since the run began (s)", "how late the tick was (ms)"),
    ],
)
def test_each_axis_says_what_it_shows_and_in_which_unit(plot, across, up, ax):
    getattr(ideal(), plot)(ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (across, up)


def test_the_title_is_the_sentence(ax):
    title = ideal().plot(ax).get_title(loc="left")
    assert " ".join(title.split()) == ideal().describe()


def test_what_came_over_the_wire_is_in_the_alt_text_and_not_in_the_title():
    run = RUNS["characters in a note that no font here has"]
    ax = run.plot()
    assert " ".join(ax.get_title(loc="left").split()) == ideal().describe()
    assert ax.figure.alt == run.describe() == f"{ideal().describe()} The server closed: 再见 \U0001f44b."


def test_every_reply_is_a_point_at_its_time_and_number(ax):
    run = ideal()
    run.plot(ax)
    assert set(points(ax)) == set(zip(run.request_table.received, run.request_table.number, strict=True))


def test_batches_differ_in_colour_and_in_marker_and_a_batch_does_not(ax):
    run = ideal()
    shown = points(run.plot(ax))
    looks = [
        {shown[x, y] for x, y, own in zip(*(run.columns[name] for name in ("received", "number", "batch")), strict=True)
         if own == batch}
        for batch in (1, 2, 3, 4)
    ]  # fmt: skip
    assert [len(look) for look in looks] == [1, 1, 1, 1]
    colours, markers = zip(*(look.pop() for look in looks), strict=True)
    assert len(set(colours)) == len(set(markers)) == 4


def test_there_is_a_marker_for_every_colour_and_no_two_are_the_same():
    assert len(set(COLOURS)) == len(COLOURS) == len(set(MARKERS)) == len(MARKERS)


def test_ticks_are_lines_where_they_ran(ax):
    ideal().plot(ax)
    lines = [c for c in ax.collections if c.get_label() == "tick of the server"]
    assert [path.vertices[0, 0] for path in lines[0].get_paths()] == ideal().tick_table.ran.tolist()


def test_a_reply_that_never_came_is_a_cross_where_it_was_sent(ax):
    Made().lose(7).run().plot(ax)
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert len(crosses) == 1
    assert crosses[0].get_xdata() == pytest.approx([6e-4])
    assert crosses[0].get_ydata().tolist() == [7]


def test_a_refusal_looks_like_no_reply_of_any_batch(ax):
    run = Made().reject(17, 18).run()
    assert {number for _, number in points(run.plot(ax))} == set(range(1, 17))
    (line,) = [line for line in ax.lines if line.get_label() == "refusal"]
    assert line.get_ydata().tolist() == [17, 18]


def test_a_prediction_is_drawn_at_its_times(ax):
    guess = [5.0] * 5 + [10.0] * 5 + [15.0] * 5 + [20.0] * 3
    ideal().plot(ax, predicted=guess)
    rings = [line for line in ax.lines if line.get_label() == "your prediction"]
    assert rings[0].get_xdata().tolist() == guess
    assert rings[0].get_ydata().tolist() == list(range(1, 19))


@pytest.mark.parametrize("guess", [[5.0] * 17, [5.0] * 19, [], 5.0, "soon", [[5.0] * 18], ["soon"] * 18, [[1], [2, 3]]])
def test_a_prediction_that_is_no_list_of_one_time_a_request_is_refused(guess, ax):
    with pytest.raises(ArgumentError, match=r"^predicted must be a list of seconds, one a request, got "):
        ideal().plot(ax, predicted=guess)


def test_a_refused_prediction_leaves_no_figure_behind(pyplot):
    with pytest.raises(ArgumentError):
        ideal().plot(predicted=[5.0])
    assert pyplot.get_fignums() == []


def test_the_queue_steps_up_at_arrivals_and_down_at_batches(ax):
    run = ideal()
    line = run.plot_queue(ax).lines[0]
    time, length = line.get_xdata(), line.get_ydata()
    for asked, waiting in [(0.002, 18), (4.9, 18), (5.1, 13), (10.1, 8), (15.1, 3), (20.1, 0)]:
        assert length[np.searchsorted(time, asked) - 1] == waiting
    assert line.get_drawstyle() == "steps-post"
    assert "at most 18" in ax.get_title(loc="left")


def test_from_outside_the_queue_is_what_was_sent_and_not_yet_answered(ax):
    Made().remote().run().plot_queue(ax)
    assert ax.get_ylabel() == "requests sent and not yet answered"
    assert ax.lines[0].get_ydata()[-1] == 0


def test_a_refused_request_never_waited_in_the_queue(ax):
    made = Made((5, 5)).reject(9, 10).change(9, 10, arrived=0.001)  # the server's log says when it came
    made.run().plot_queue(ax)
    assert ax.lines[0].get_ydata().max() == 8
    assert ax.lines[0].get_ydata()[-1] == 0


def test_the_cadence_is_drawn_in_milliseconds(ax):
    line = next(line for line in ideal().plot_cadence(ax).lines if line.get_marker() == "o")
    assert line.get_xdata().tolist() == ideal().tick_table.ran.tolist()
    assert line.get_ydata() == pytest.approx([0.2, 1.3, -0.4, 0.3])
    assert ax.get_title(loc="left").startswith("Worst tick 1.3 ms late, drift ")


def test_a_cadence_that_nobody_can_tell_says_so(ax):
    at_times(5.0).plot_cadence(ax)
    assert "no cadence to show" in " ".join(ax.get_title(loc="left").split())


@pytest.mark.parametrize("plot", PLOTS)
def test_a_million_requests_are_drawn_with_a_bounded_number_of_points(plot, ax):
    getattr(million(), plot)(ax)
    assert MOST / 2 < drawn(ax) < 3 * MOST
    ax.figure.canvas.draw()


def test_a_thinned_picture_says_so_and_keeps_both_ends_and_the_peak(ax, pyplot):
    title = " ".join(million().plot(ax).get_title(loc="left").split())
    assert title.endswith(f"Drawn: {MOST:,} of 1,000,000.")
    numbers = [number for _, number in points(ax)]
    assert (min(numbers), max(numbers)) == (1, 1_000_000)
    line = million().plot_queue(pyplot.subplots()[1]).lines[0]
    assert line.get_ydata().max() == pytest.approx(995_000, abs=10)


def test_more_runs_fit_on_one_axes_and_limits_are_finite(ax):
    ideal().plot(ax)
    Made(clients=2).run().plot(ax)
    assert all(math.isfinite(limit) for limit in (*ax.get_xlim(), *ax.get_ylim()))
