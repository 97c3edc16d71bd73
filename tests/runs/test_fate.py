"""What became of each number: told from a run, from plain lists, from the handler's own book; and the grid of it."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pytest
from make import RUNS, Made, ideal, million

from batchdemo.errors import ArgumentError
from batchdemo.runs import describe_fates, fates, plot_fates
from batchdemo.runs.fate import FATES, MOST, NAMED

KILLED = fates(range(1, 19), range(1, 11), done=range(1, 13))  # in memory, in the middle of the third batch
AGAIN = fates(range(1, 19), range(1, 19), done=[*range(1, 19), *range(11, 19)])
EVERY = dict(enumerate([*FATES] * 3, 1))


@pytest.mark.parametrize(
    ("replies", "done", "fate"),
    [
        ([7], None, "served"),
        ([7, 7], None, "twice"),
        ([7, 7, 7], None, "twice"),
        ([], None, "silent"),
        ([7], [7], "served"),
        ([7, 7], [7], "served"),  # two replies are not two effects
        ([7], [7, 7], "twice"),
        ([], [7, 7], "twice"),
        ([], [7], "silent"),
        ([], [], "lost"),
        ([7], [], "misled"),
        ([8], [8, 8], "lost"),
    ],
)
def test_of_plain_lists(replies, done, fate):
    assert fates([7], replies, done=done) == {7: fate}


@pytest.mark.parametrize(
    ("outcome", "done", "fate"),
    [
        (outcome, done, {None: "failed", 0: "failed", 1: "misled", 2: "twice"}[done])
        for outcome, done in product(("failed", "rejected", "expired", "cancelled"), (None, 0, 1, 2))
    ]
    + [("unknown", None, "silent"), ("unknown", 0, "lost"), ("unknown", 1, "silent"), ("unknown", 2, "twice")]
    + [("served", None, "served"), ("served", 0, "misled"), ("served", 1, "served"), ("served", 2, "twice")],
)
def test_of_a_run(outcome, done, fate):
    run = Made((3,)).change(2, outcome=outcome).run()
    book = None if done is None else [1, 3, *[2] * done]
    assert fates(run, done=book) == {1: "served", 2: fate, 3: "served"}


def test_a_stray_that_came_twice_counts_and_any_other_does_not():
    made = Made((4,)).stray("twice", 2).stray("misdelivered", 3).stray("unasked").stray("twice", 4).lose(4)
    assert fates(made.run()) == {1: "served", 2: "twice", 3: "served", 4: "served"}
    assert fates(made.run(), done=[1, 2, 3, 4])[2] == "served"


def test_every_number_has_one_fate_in_the_order_of_sending_whatever_its_type():
    assert list(fates([3, 1, 2, 1], [1])) == [3, 1, 2]
    assert fates(np.arange(3), np.array([0, 1]), done=iter([1])) == {0: "misled", 1: "served", 2: "lost"}
    assert fates([]) == {}
    for run in RUNS.values():
        assert list(fates(run)) == run.requests["number"].tolist()
        assert set(fates(run).values()) <= set(FATES)


@pytest.mark.parametrize(("lists", "name"), [((["a"], []), "of"), (([1], ["x"]), "replies"), ((5, []), "of")])
def test_what_is_no_number_is_refused(lists, name):
    with pytest.raises(ArgumentError, match=f"^{name} must be whole numbers"):
        fates(*lists)
    with pytest.raises(ArgumentError, match=r"^done must be"):
        fates([1], done=[None])


# --- in words -------------------------------------------------------------------------------------------------


def test_the_words_count_each_fate_and_name_the_numbers():
    assert describe_fates({"in memory": KILLED, "sent again": AGAIN}) == (
        "In memory: 10 served, 2 silent (#11, #12), 6 lost (#13 to #18). Sent again: 10 served, 8 twice (#11 to #18)."
    )
    assert describe_fates({"all": ideal()}) == "All: 18 served."
    assert describe_fates({"none": dict.fromkeys(range(3), "lost")}) == "None: 3 lost."
    assert describe_fates({"empty": {}}) == "Empty: nothing was sent."
    assert describe_fates({}) == "Nothing was sent."
    assert describe_fates({"odd": {n: "lost" if n % 2 else "served" for n in range(20)}}) == (
        "Odd: 10 served, 10 lost (#1, #3, #5, #7, …)."
    )


def test_of_many_ways_the_words_say_a_few():
    said = describe_fates({f"way {at}": KILLED for at in range(30)})
    assert said.endswith(" And 22 more.")
    assert said.count("served") == 8


# --- in a picture ---------------------------------------------------------------------------------------------


def cells(ax):
    """(row, place): its colour; of the cells alone."""
    found = {}
    for bars in ax.collections:
        for path in bars.get_paths():
            (left, top), (right, bottom) = path.vertices.min(axis=0), path.vertices.max(axis=0)
            found[round((top + bottom) / 2), round((left + right) / 2)] = tuple(bars.get_facecolor()[0])
    return found


def marks(ax):
    return {(round(text.get_position()[1]), round(text.get_position()[0])): text.get_text() for text in ax.texts}


def test_a_cell_a_number_with_its_colour_and_its_mark(ax):
    from matplotlib.colors import to_rgba

    assert plot_fates({"killed": KILLED, "again": AGAIN, "every": EVERY}, ax) is ax
    right = {(row, number - 1): fate for row, way in enumerate((KILLED, AGAIN, EVERY)) for number, fate in way.items()}
    assert marks(ax) == {at: FATES[fate][0] for at, fate in right.items()}
    assert cells(ax) == {at: to_rgba(FATES[fate][1]) for at, fate in right.items()}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["killed", "again", "every"]
    assert [label.get_text() for label in ax.get_xticklabels()] == [str(number) for number in range(1, 19)]
    assert ax.yaxis_inverted()


def test_every_fate_has_a_mark_a_colour_and_a_hatch_of_its_own():
    for column in range(4):
        assert len({fate[column] for fate in FATES.values()}) == len(FATES)
    assert all(re.fullmatch("#[0-9A-F]{6}", fate[1]) for fate in FATES.values())


def test_the_legend_says_what_is_there_and_nothing_else(ax):
    plot_fates({"killed": KILLED}, ax)
    said = [text.get_text() for text in ax.get_legend().get_texts()]
    assert [one.split(":")[0] for one in said] == ["✓  served", "?  silent", "✕  lost"]


def test_numbers_that_a_way_does_not_have_are_left_out_of_its_row(ax):
    plot_fates({"one": {1: "served", 3: "lost"}, "other": {2: "twice"}}, ax)
    assert marks(ax) == {(0, 0): "✓", (0, 2): "✕", (1, 1): "2+"}


@pytest.mark.parametrize("kind", RUNS)
def test_every_run_is_drawn(kind, ax):
    assert plot_fates({kind: RUNS[kind], "again": RUNS[kind]}, ax=ax) is ax
    ax.figure.canvas.draw()


@pytest.mark.parametrize("ways", [{}, {"empty": {}}, {"$5 and \\frac$": {1: "lost"}}])
def test_little_or_odd_is_drawn_too(ways, ax):
    plot_fates(ways, ax).figure.canvas.draw()


def test_too_many_for_marks_are_hatched_and_a_bounded_number_is_drawn(ax):
    many = dict(enumerate([*FATES] * (NAMED // 6 + 1)))
    plot_fates({"many": many}, ax)
    assert not ax.texts
    hatches = {bars.get_hatch() or "" for bars in ax.collections}
    assert hatches == {fate[2] for fate in FATES.values()}
    assert len(cells(ax)) == len(many)


def test_of_a_million_some_are_drawn_and_the_words_count_all(ax):
    plot_fates({"a million": million()}, ax)
    assert len(cells(ax)) == MOST
    assert len(ax.get_xticks()) <= 21
    assert ax.get_title(loc="left").split("\n")[-1] == "Drawn: 400 of 1,000,000."


@pytest.mark.usefixtures("pyplot")
def test_the_alt_text_is_the_words():
    ax = plot_fates({"in memory": KILLED, "sent again": AGAIN})
    assert ax.figure.alt == describe_fates({"in memory": KILLED, "sent again": AGAIN})
    alone = plot_fates({"in memory": KILLED})
    assert " ".join(alone.get_title(loc="left").split()) == alone.figure.alt


def test_it_changes_no_setting_and_not_the_current_axes(pyplot):
    mine, other = pyplot.subplots(1, 2)[1]
    before = pyplot.rcParams.copy()
    pyplot.sca(other)
    plot_fates({"killed": KILLED}, mine)
    assert pyplot.rcParams == before
    assert pyplot.gca() is other
    assert not other.has_data()


def test_a_fate_that_there_is_not_is_refused():
    with pytest.raises(ArgumentError, match=r"ways\['way'\] must be for each number one of served, twice"):
        plot_fates({"way": {1: "eaten"}})
    with pytest.raises(ArgumentError):
        describe_fates({"way": {1: None}})
