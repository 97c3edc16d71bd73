"""What batches cost: the line through the figures, what follows from it, and how it is said and drawn."""

from __future__ import annotations

import html
import math
import pickle
import re

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from batchdemo.errors import ArgumentError
from batchdemo.prediction import Costs
from batchdemo.prediction.cost_words import lapse
from batchdemo.runs.figure import new_axes

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
PLOTS = ["plot_throughput", "plot_duration"]

sizes = st.lists(st.integers(1, 1024), min_size=2, max_size=12, unique=True).map(sorted)
seconds = st.floats(1e-6, 0.1)


def made(a, b, sizes=SIZES, name="Commits"):
    """Costs that lie on the line exactly."""
    return Costs(sizes, [[a * n + b for n in sizes]], name)


def of(*durations, sizes=None):
    """Costs with these durations in one round."""
    return Costs(sizes or SIZES[: len(durations)], [durations], "Commits")


GOOD = made(21e-6, 1.9e-3)  # pays
NONE = made(0.0, 1e-3)  # pays, and has no ceiling
BAD = made(1e-3, 0.0)  # does not pay
SOME = made(1e-3, 2e-4)  # gains a little, and does not pay
BENT = of(1.0, 1.0, 4.0, 1.0)  # no straight line
FALLING = of(4.0, 2.0, 1.0)
EVIL = Costs((1, 2), [[1e-3, 1e-3]], "<script>'\" & $\\frac$")
EVERY = {"good": GOOD, "none": NONE, "bad": BAD, "some": SOME, "bent": BENT, "falling": FALLING, "evil": EVIL,
         "two sizes": of(1e-3, 1.1e-3, sizes=(7, 9)), "days": made(1e4, 1e5), "nanoseconds": made(1e-9, 1e-9),
         "no size below 3": made(1e-3, 1e-2, (3, 5)), "many": made(1e-3, 1e-2, range(1, 1001))}  # fmt: skip


# --- the line ----------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(sizes, seconds, seconds)
def test_durations_on_a_line_give_that_line(sizes, a, b):
    costs = made(a, b, sizes)
    within = 1e-9 * costs.medians.max()
    assert costs.per_item == pytest.approx(a, abs=within)
    assert costs.per_batch == pytest.approx(b, abs=within)
    assert costs.fit_error < 1e-9
    assert costs.ceiling == pytest.approx(1 / costs.per_item)


def loss(costs, a, b):
    return sum(((a * n + b - t) / t) ** 2 for n, t in zip(costs.sizes.tolist(), costs.medians.tolist(), strict=True))


@settings(deadline=None)
@given(sizes.flatmap(lambda some: st.tuples(st.just(some), st.tuples(*[seconds] * len(some)))))
@example(([1, 2], (4.0, 1.0)))
@example(([1, 2], (1.0, 4.0)))
def test_no_other_line_without_a_negative_cost_has_smaller_relative_residuals(figures):
    sizes, durations = figures
    costs = of(*durations, sizes=sizes)
    a, b = costs.per_item, costs.per_batch
    assert a >= 0
    assert b >= 0
    least = loss(costs, a, b)
    for step in (1e-3, 0.1, 1.0):  # the loss is convex: what is smallest nearby is smallest
        for da in (-step, 0, step):
            for db in (-step, 0, step):
                other_a = max(0.0, a + da * max(costs.medians) / sizes[-1])
                other_b = max(0.0, b + db * max(costs.medians))
                assert least <= loss(costs, other_a, other_b) * (1 + 1e-9) + 1e-12


def test_a_miss_counts_by_its_share_and_not_by_its_seconds():
    costs = of(1.1e-3, 2e-3, 4e-3, 8.0, sizes=(1, 2, 4, 8000))  # in seconds, the last would outweigh the others
    assert abs(costs.duration(1) / 1.1e-3 - 1) < 0.1


def test_where_durations_fall_the_request_costs_nothing_and_the_batch_is_fitted_alone():
    costs = of(2.0, 1.0)
    assert costs.per_item == 0
    assert costs.per_batch == pytest.approx((1 / 2 + 1 / 1) / (1 / 4 + 1 / 1))
    assert costs.ceiling == math.inf


def test_where_durations_rise_too_fast_the_batch_costs_nothing_and_the_request_is_fitted_alone():
    costs = of(1.0, 4.0)
    assert costs.per_batch == 0
    assert costs.per_item == pytest.approx((1 / 1 + 2 / 4) / (1 / 1 + 4 / 16))
    assert costs.size_for(0.9) == 1


def test_the_medians_are_fitted_and_one_slow_round_moves_nothing():
    costs = Costs((1, 2, 4), [[2e-3, 3e-3, 5e-3], [9.0, 3e-3, 5e-3], [2e-3, 9.0, 1e-3]])
    assert costs.medians.tolist() == [2e-3, 3e-3, 5e-3]
    assert (costs.per_item, costs.per_batch) == pytest.approx((1e-3, 1e-3))
    assert costs.rounds == 3


def test_the_error_of_the_line_is_the_largest_one():
    assert of(2.0, 1.0).fit_error == pytest.approx(0.4)  # 1.2 in place of 2 and of 1
    assert of(1.0, 4.0).fit_error == pytest.approx(0.4)


# --- what follows ------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(seconds, seconds, st.floats(0.001, 0.999))
@example(1.0, 1.0, 0.9)
@example(1.0, 1.0, 0.5)
@example(1e-3, 1e-6, 0.001)
def test_the_size_for_a_share_is_the_smallest_that_has_it(a, b, share):
    costs = made(a, b)
    assume(share / (1 - share) * costs.per_batch / costs.per_item < 1e5)
    is_smallest(costs, share)


@settings(deadline=None)
@given(st.floats(1e-6, 1.0), st.integers(1, 2000), st.floats(0.01, 0.99))
def test_so_it_is_where_a_whole_number_has_just_that_share_but_for_the_rounding(a, size, share):
    is_smallest(made(a, size * a * (1 - share) / share), share)


def is_smallest(costs, share):
    size = costs.size_for(share)
    has = costs.throughput(np.arange(1, size + 3)) >= share * costs.ceiling
    assert size == 1 + np.argmax(has)
    assert has[size - 1 :].all()


def test_nine_tenths_take_nine_times_the_ratio_of_the_costs():
    assert made(1e-3, 0.1).size_for() == made(1e-3, 0.1).size_for(0.9) == 900
    assert GOOD.size_for() == 815  # 9 * 1.9e-3 / 21e-6 is 814.3
    assert BAD.size_for(0.99) == 1


@pytest.mark.parametrize("costs", [NONE, FALLING, of(0.1, 0.1, 0.1)])
def test_without_a_cost_a_request_there_is_no_ceiling_and_no_size_for_it(costs):
    assert costs.ceiling == math.inf
    with pytest.raises(ArgumentError) as caught:
        costs.size_for(0.9)
    assert str(caught.value) == (
        "share must be of a ceiling, and these costs have none: a request more costs nothing, got 0.9."
    )


@pytest.mark.parametrize("share", [0, 1, 0.0, 1.0, -0.1, 90, math.nan, "0.9", None, True])
def test_a_share_is_a_number_between_0_and_1(share):
    with pytest.raises(ArgumentError, match=rf"^share must be .* 0 .* 1, got {re.escape(repr(share))}\."):
        GOOD.size_for(share)


def test_a_share_of_next_to_all_is_a_very_large_batch_and_no_fault():
    assert GOOD.size_for(1 - 2**-53) > 10**15
    assert of(0.1, 0.1, 0.1 * (1 + 1e-10)).size_for() > 10**9


def test_duration_and_throughput_take_a_number_or_an_array():
    for n in (3, 3.0, np.int64(3), 2.5):
        assert type(GOOD.duration(n)) is type(GOOD.throughput(n)) is float
        assert GOOD.duration(n) == pytest.approx(21e-6 * n + 1.9e-3)
        assert GOOD.throughput(n) == pytest.approx(n / (21e-6 * n + 1.9e-3))
    assert GOOD.duration([1, 10]) == pytest.approx([1.921e-3, 2.11e-3])
    assert GOOD.throughput(np.array([[1], [10]])).shape == (2, 1)


@pytest.mark.parametrize("n", [0, -1, math.nan, math.inf, "1", None, True, [1, 0], [[1], [1, 2]], 1j])
@pytest.mark.parametrize("method", ["duration", "throughput"])
def test_a_size_that_is_none_is_refused(method, n):
    with pytest.raises(ArgumentError) as caught:
        getattr(GOOD, method)(n)
    assert str(caught.value) == f"n must be a number above 0, or an array of them, got {n!r}."


def test_the_speedup_is_the_best_measured_over_the_smallest():
    costs = of(1.0, 1.0, 1.0, 8.0)
    assert costs.rates.tolist() == [1, 2, 4, 1]
    assert (costs.speedup, costs.best, costs.pays) == (4.0, 4, True)


@pytest.mark.parametrize(("second", "pays"), [(1.25, True), (1.34, False), (2.0, False)])
def test_it_pays_from_one_and_a_half_times_on(second, pays):
    assert of(1.0, second).pays is pays


@pytest.mark.parametrize(
    ("sizes", "durations", "name", "rule"),
    [
        ([1], [[1.0]], "sizes", "2 to 1,000 whole numbers from 1 to 100,000, rising"),
        ([], [[]], "sizes", "2 to 1,000 whole numbers"),
        (5, [[1.0]], "sizes", "2 to 1,000 whole numbers"),
        ([1, 1], [[1.0, 1.0]], "sizes", "2 to 1,000 whole numbers"),
        ([2, 1], [[1.0, 1.0]], "sizes", "2 to 1,000 whole numbers"),
        ([0, 1], [[1.0, 1.0]], "sizes", "2 to 1,000 whole numbers"),
        ([1, 100_001], [[1.0, 1.0]], "sizes", "2 to 1,000 whole numbers"),
        ([1.0, 2.0], [[1.0, 1.0]], "sizes", "2 to 1,000 whole numbers"),
        (range(1, 1002), [[1.0] * 1001], "sizes", "2 to 1,000 whole numbers"),
        ([1, 2], [1.0, 1.0], "durations", "seconds from 1e-9 to 1e9, a row a round and a column for each of 2 sizes"),
        ([1, 2], [[1.0]], "durations", "seconds from"),
        ([1, 2], [], "durations", "seconds from"),
        ([1, 2], [[1.0, 2.0], [1.0]], "durations", "seconds from"),
        ([1, 2], [[1.0, 0.0]], "durations", "seconds from"),
        ([1, 2], [[1.0, math.nan]], "durations", "seconds from"),
        ([1, 2], [[1.0, math.inf]], "durations", "seconds from"),
        ([1, 2], "soon", "durations", "seconds from"),
    ],
)
def test_figures_that_are_no_costs_are_refused(sizes, durations, name, rule):
    with pytest.raises(ArgumentError) as caught:
        Costs(sizes, durations)
    assert str(caught.value).startswith(f"{name} must be {rule}")
    assert ", got " in str(caught.value)


def test_a_name_is_a_text():
    with pytest.raises(ArgumentError, match=r"^name must be a text, got 5\."):
        Costs([1, 2], [[1.0, 1.0]], 5)


def test_costs_are_a_copy_that_nobody_changes():
    sizes, durations = np.array([1, 2]), np.array([[1.0, 2.0]])
    costs = Costs(sizes, durations)
    sizes[:] = durations[:] = 9
    assert costs.sizes.tolist() == [1, 2]
    assert costs.durations.tolist() == [[1, 2]]
    with pytest.raises(ValueError, match="read-only"):
        costs.durations[0, 0] = 9
    with pytest.raises(ValueError, match="read-only"):
        costs.sizes[0] = 9
    with pytest.raises(ValueError, match="read-only"):
        costs.medians[0] = 9
    with pytest.raises(AttributeError):
        costs.name = "other"


def test_costs_survive_a_pickle():
    again = pickle.loads(pickle.dumps(GOOD))
    assert repr(again) == repr(GOOD)


# --- in words ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0 µs"), (1e-12, "under 0.01 µs"), (1.23e-7, "0.12 µs"), (21e-6, "21 µs"), (9.994e-4, "1 ms"),
     (1.9e-3, "1.9 ms"), (0.123, "120 ms"), (0.9949, "990 ms"), (0.996, "1 s"), (2.54, "2.5 s"),
     (86_400, "86,000 s")],
)  # fmt: skip
def test_a_duration_is_said_with_two_digits_in_the_unit_that_fits(value, said):
    assert lapse(value) == said


SAID = {
    "good": "Commits: 21 µs a request + 1.9 ms a batch. A batch of 256 serves 68 times as many requests a second as a "
    "batch of 1; nine tenths of the ceiling of 48,000/s are had from a batch of 815 on, which is extrapolated: the "
    "largest batch measured is 256.",
    "none": "Commits: 0 µs a request + 1 ms a batch. A batch of 256 serves 260 times as many requests a second as a "
    "batch of 1; no ceiling is in sight up to a batch of 256.",
    "bad": "Commits: 1 ms a request + 0 µs a batch. Batching does not pay here: no batch serves more requests a second "
    "than a batch of 1.",
    "some": "Commits: 1 ms a request + 200 µs a batch. Batching does not pay here: a batch of 256 serves 1.2 times as "
    "many requests a second as a batch of 1.",
    "no size below 3": "Commits: 1 ms a request + 10 ms a batch. Batching does not pay here: a batch of 5 serves 1.4 "
    "times as many requests a second as a batch of 3.",
    "many": "Commits: 1 ms a request + 10 ms a batch. A batch of 1,000 serves 11 times as many requests a second as a "
    "batch of 1; nine tenths of the ceiling of 1,000/s are had from a batch of 90 on.",
}


@pytest.mark.parametrize("kind", SAID)
def test_the_sentences(kind):
    assert EVERY[kind].describe() == SAID[kind]


def test_a_line_that_misses_a_median_by_more_than_a_quarter_is_not_trusted():
    assert BENT.fit_error > 0.25
    assert re.search(r" These costs are no straight line: at a batch of 4 it is off by \d\d %, so trust what was "
                     r"measured more than what follows from the line\.$", BENT.describe())  # fmt: skip
    assert "no straight line: at a batch of 2 it is off by 40 %" in of(1.0, 4.0).describe()
    for straight in (GOOD, of(1.0, 1.2, 1.5, 2.5)):
        assert straight.fit_error < 0.25
        assert "straight" not in straight.describe()


def test_the_text_is_the_sentences_and_a_row_a_size():
    costs = Costs((1, 1000), [[1e-3, 2e-3], [1.1e-3, 2.5e-3], [0.9e-3, 3e-3]], "f")
    assert repr(costs) == (
        f"{costs.describe()}\n"
        "Durations of a batch over 3 rounds, and the requests a second by their median.\n"
        "batch of  median   least  greatest  by the line  requests/s\n"
        "       1    1 ms  900 µs    1.1 ms         1 ms       1,000\n"
        "   1,000  2.5 ms    2 ms      3 ms       2.5 ms     400,000"
    )


def test_of_many_sizes_some_are_listed_from_end_to_end():
    _, caption, _, *rows = repr(EVERY["many"]).splitlines()
    assert caption.endswith(" Shown: 20 of 1,000 sizes.")
    listed = [row.split()[0] for row in rows]
    assert (len(listed), listed[0], listed[-1]) == (20, "1", "1,000")


@pytest.mark.usefixtures("pyplot")
@pytest.mark.parametrize("kind", EVERY)
def test_the_page_has_the_sentences_the_table_and_a_picture_with_its_alt_text(kind):
    costs = EVERY[kind]
    data, metadata = costs._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html"}
    assert metadata == {}
    assert data["text/plain"] == repr(costs)
    page = data["text/html"]
    assert page.startswith(f"<p>{html.escape(costs.describe())}</p><table><caption>")
    assert page.count("<tr>") == 1 + min(len(costs.sizes), 20)
    (alt,) = re.findall(r'<img src="data:image/png;base64,[^"]+" alt="([^"]*)"', page)
    assert html.unescape(alt) == costs.plot()[0].figure.alt
    assert "<script" not in page


def test_a_shown_page_leaves_no_figure_behind(pyplot):
    GOOD._repr_mimebundle_()
    assert pyplot.get_fignums() == []


def test_the_frame_has_a_row_a_size():
    frame = Costs((1, 2), [[1e-3, 4e-3], [1e-3, 2e-3]]).to_frame()
    assert list(frame.columns) == ["size", "median_s", "throughput_per_s", "fitted_s"]
    assert frame["size"].tolist() == [1, 2]
    assert frame["median_s"].tolist() == [1e-3, 3e-3]
    assert frame["throughput_per_s"].tolist() == pytest.approx([1000, 2 / 3e-3])
    assert GOOD.to_frame()["fitted_s"].tolist() == pytest.approx(GOOD.medians.tolist())


# --- in pictures -------------------------------------------------------------------------------------------


def labelled(ax, label):
    (line,) = [line for line in ax.lines if line.get_label().startswith(label)]
    return line


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("kind", EVERY)
def test_all_costs_are_drawn_on_the_axes_that_were_given(kind, plot, ax):
    assert getattr(EVERY[kind], plot)(ax) is ax
    assert getattr(EVERY[kind], plot)(ax=ax) is ax
    ax.figure.canvas.draw()


@pytest.mark.parametrize("plot", PLOTS)
def test_without_axes_a_figure_is_made(plot, pyplot):
    made = getattr(GOOD, plot)()
    assert pyplot.get_fignums() == [made.figure.number]


def test_both_stand_side_by_side_on_one_figure(pyplot):
    left, right = GOOD.plot()
    assert pyplot.get_fignums() == [left.figure.number]
    assert left.figure is right.figure
    assert left.get_ylabel().startswith("throughput")
    assert right.get_ylabel().startswith("duration")


@pytest.mark.parametrize("form", [tuple, list, np.array])
def test_both_are_drawn_on_a_pair_that_is_given(form, pyplot):
    given = form(list(pyplot.subplots(2, 1)[1]))
    assert GOOD.plot(given) is given
    assert GOOD.plot(axes=given)[1].has_data()


def test_what_is_no_pair_of_axes_is_refused_and_leaves_no_figure_behind(ax, pyplot):
    before = pyplot.get_fignums()
    for bad in (ax, [ax], [ax, ax, ax], 5):
        with pytest.raises(ArgumentError, match=r"^axes must be a pair of axes, got "):
            GOOD.plot(bad)
    assert pyplot.get_fignums() == before
    assert not ax.has_data()


@pytest.mark.parametrize("plot", PLOTS)
def test_a_plot_changes_no_setting_and_not_the_current_axes(plot, pyplot):
    mine, other = pyplot.subplots(1, 2)[1]
    before = pyplot.rcParams.copy()
    pyplot.sca(other)
    getattr(GOOD, plot)(mine)
    assert pyplot.rcParams == before
    assert pyplot.gca() is other
    assert not other.has_data()


@pytest.mark.parametrize(
    ("plot", "up"), [("plot_throughput", "throughput (requests/s)"), ("plot_duration", "duration of the batch (ms)")]
)
def test_each_axis_says_what_it_shows_in_which_unit_and_is_logarithmic(plot, up, ax):
    getattr(GOOD, plot)(ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("size of the batch (requests)", up)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_what_was_measured_is_dots_with_the_spread_over_the_rounds(ax):
    costs = Costs((1, 4), [[1e-3, 2e-3], [3e-3, 2e-3], [2e-3, 8e-3]])
    dots = labelled(costs.plot_duration(ax), "measured")
    assert dots.get_xdata().tolist() == [1, 4]
    assert dots.get_ydata().tolist() == [2, 2]
    (spread,) = ax.collections
    assert [path.vertices[:, 1].tolist() for path in spread.get_paths()] == [[1, 3], [2, 8]]


def test_the_throughput_is_drawn_in_requests_a_second(ax):
    dots = labelled(GOOD.plot_throughput(ax), "measured")
    assert dots.get_ydata() == pytest.approx([n / (21e-6 * n + 1.9e-3) for n in SIZES])
    assert labelled(ax, "ceiling 1/a: 48,000/s").get_ydata() == pytest.approx([1 / 21e-6] * 2)


@pytest.mark.parametrize("plot", PLOTS)
def test_the_line_goes_through_what_lies_on_it(plot, ax):
    dots, line = labelled(getattr(GOOD, plot)(ax), "measured"), labelled(ax, "a·n" if "dur" in plot else "n / (a·n")
    at = np.interp(dots.get_xdata(), line.get_xdata(), line.get_ydata())
    assert at == pytest.approx(dots.get_ydata(), rel=0.01)


@pytest.mark.parametrize("plot", PLOTS)
def test_nine_tenths_of_the_ceiling_are_marked_where_they_are_near(plot, ax):
    assert labelled(getattr(GOOD, plot)(ax), "9/10 of the ceiling, by the line: 815").get_xdata() == [815, 815]
    assert labelled(ax, "a·n" if "dur" in plot else "n / (a·n").get_xdata()[-1] > 815
    for far in (NONE, made(1e-5, 1e-2)):
        ax.clear()
        getattr(far, plot)(ax)
        assert not [line for line in ax.lines if line.get_label().startswith("9/10")]
        assert labelled(ax, "a·n" if "dur" in plot else "n / (a·n").get_xdata()[-1] == pytest.approx(256)


def test_the_titles_are_sentences(ax):
    squeezed = " ".join(GOOD.plot_duration(ax).get_title(loc="left").split())
    assert squeezed == "Commits: 21 µs a request + 1.9 ms a batch."
    squeezed = " ".join(GOOD.plot_throughput(ax).get_title(loc="left").split())
    assert squeezed == "A batch of 256 serves 68 times as many requests a second as a batch of 1."
    assert "no straight line" in " ".join(BENT.plot_duration(ax).get_title(loc="left").split())


def test_ticks_are_plain_numbers(ax):
    GOOD.plot_throughput(ax)
    ax.figure.canvas.draw()
    said = [label.get_text() for axis in (ax.xaxis, ax.yaxis) for label in axis.get_ticklabels(which="both")]
    assert {"1", "64", "1,000", "10,000"} <= set(said)
    assert not any("$" in label for label in said)


@pytest.mark.usefixtures("pyplot")
def test_the_alt_text_says_what_was_measured():
    costs = made(1e-3, 4e-3, (1, 4, 16))
    assert costs.plot_duration().figure.alt == (
        "Commits: 1 ms a request + 4 ms a batch. Duration of a batch by its size: 5 ms with 1, 8 ms with 4 and 20 ms "
        "with 16."
    )
    assert costs.plot_throughput().figure.alt == (
        "Commits, throughput. A batch of 16 serves 4 times as many requests a second as a batch of 1. Requests a "
        "second by batch size: 200/s with 1, 500/s with 4 and 800/s with 16."
    )
    together = f"{costs.plot_throughput().figure.alt} {costs.plot_duration().figure.alt}"
    assert costs.plot()[0].figure.alt == costs.plot(new_axes(1, 2))[0].figure.alt == together


@pytest.mark.usefixtures("pyplot")
@pytest.mark.parametrize("plot", PLOTS)
def test_of_many_sizes_the_alt_text_says_a_few_from_end_to_end(plot):
    said = getattr(EVERY["many"], plot)().figure.alt
    assert said.count(" with ") == 10
    assert " with 1," in said
    assert said.endswith("with 1,000.")
