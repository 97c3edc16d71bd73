"""Order at two stages: pairs that changed places, who overtook whom, and the slope chart that shows both."""

from __future__ import annotations

import time
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from make import NAN, RUNS, Made, at_times, ideal, million

from batchdemo.errors import ArgumentError
from batchdemo.runs.order import STAGES, comparable, crossings, in_order, inversions, overtaken
from batchdemo.runs.plots import FEW, MOST
from batchdemo.runs.slopes import CLIENTS


def made(*rows):
    """A run of (client, sent, received), or (client, sent, received, outcome), numbered from 1."""
    hand = Made((len(rows),)) if rows else Made(())
    for number, (client, sent, received, *outcome) in enumerate(rows, 1):
        hand.change(number, client=client, sent=sent, arrived=sent, received=received,
                    outcome=outcome[0] if outcome else "served")  # fmt: skip
    return hand.run()


def by_hand(run, left="sent", right="received", within=False):
    """Every pair looked at. The oracle."""
    table = run.request_table
    rows = in_order(run, left, right)
    column = table.columns[right]
    return sum(
        bool(column[one] > column[other])
        for one, other in combinations(rows, 2)
        if not within or table.client[one] == table.client[other]
    )


# --- inversions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "count"),
    [([], 0), ([7], 0), ([1, 2], 0), ([2, 1], 1), ([1, 1], 0), ([3, 2, 1], 3), ([2, 3, 1], 2), ([2, 1, 2, 1], 3),
     ([5.5, -1.0, 0.0], 2), ([1, 2, 3, 4, 0], 4), (list(range(9))[::-1], 36)],
)  # fmt: skip
def test_inversions_are_pairs_in_the_opposite_order(values, count):
    assert inversions(np.array(values)) == count


@given(st.lists(st.integers(0, 12), max_size=40))
def test_inversions_are_what_a_look_at_every_pair_gives(values):
    assert inversions(np.array(values)) == sum(one > other for one, other in combinations(values, 2))


def test_inversions_of_a_million_are_exact_and_take_no_square_of_time():
    began = time.process_time()
    assert inversions(np.arange(1_000_000)[::-1]) == 1_000_000 * 999_999 // 2
    assert time.process_time() - began < 20


# --- crossings and the counterexample -------------------------------------------------------------------------

IN_ORDER = made((1, 0, 5), (1, 1, 6), (1, 2, 7))
ACROSS = made((1, 0, 7), (2, 1, 5), (1, 2, 8), (2, 3, 6))  # client 2 is served first
WITHIN = made((1, 0, 5), (2, 1, 8), (1, 2, 6), (2, 3, 7))
CASES = {
    "in order": (IN_ORDER, 0, 0, None),
    "two clients cross": (ACROSS, 3, 0, None),
    "one of two clients overtakes itself": (WITHIN, 2, 1, (2, 4)),
    "the last before all": (made((1, 0, 5), (1, 1, 6), (1, 2, 4)), 2, 2, (2, 3)),
    "the first after all": (made((1, 0, 9), (1, 1, 6), (1, 2, 7)), 2, 2, (1, 2)),
    "backwards": (made((1, 0, 9), (1, 1, 8), (1, 2, 7)), 3, 3, (1, 2)),
    "at one instant": (made((1, 0, 5), (2, 1, 5), (1, 2, 5)), 0, 0, None),
    "sent at one instant, rows decide": (made((1, 0, 6), (1, 0, 5)), 1, 1, (1, 2)),
    "rows not in the order of sending": (made((1, 2, 7), (1, 0, 5), (1, 1, 6)), 0, 0, None),
    "unknown between two in order": (made((1, 0, 5), (1, 1, NAN, "unknown"), (1, 2, 6)), 0, 0, None),
    "unknown between two out of order": (made((1, 0, 6), (1, 1, NAN, "unknown"), (1, 2, 5)), 1, 1, (1, 3)),
    "refused at once": (made((1, 0, 5), (1, 1, 1.1, "rejected"), (1, 2, 6)), 0, 0, None),
    "expired": (made((1, 0, 5), (1, 1, 2, "expired"), (1, 2, 6)), 0, 0, None),
    "failed, out of order": (made((1, 0, 6), (1, 1, 5, "failed")), 1, 1, (1, 2)),
    "the lowest client is named": (made((7, 0, 4), (3, 1, 9), (7, 2, 3), (3, 3, 8)), 3, 2, (2, 4)),
    "nothing": (made(), 0, 0, None),
    "one": (made((1, 0, 5)), 0, 0, None),
    "two": (made((1, 0, 5), (2, 1, 6)), 0, 0, None),
}


@pytest.mark.parametrize("case", CASES)
def test_crossings_are_counted_and_the_smallest_counterexample_is_found(case):
    run, crossed, within, pair = CASES[case]
    assert crossings(run) == by_hand(run) == crossed
    assert crossings(run, within=True) == by_hand(run, within=True) == within
    assert overtaken(run) == pair


@pytest.mark.parametrize("case", CASES)
def test_the_check_of_order_is_the_same_definition(case):
    run, _, _, pair = CASES[case]
    verdict = run.check()["in order within each client"]
    assert verdict.counterexample == (pair or ())
    assert verdict.holds is (pair is None if comparable(run).sum() > 1 else None)


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9), st.integers(0, 9)), max_size=25))
def test_any_run_is_counted_as_by_hand_and_a_counterexample_is_there_if_and_only_if_a_pair_crossed(rows):
    run = made(*rows)
    assert crossings(run) == by_hand(run)
    inside = crossings(run, within=True)
    assert inside == by_hand(run, within=True)
    pair = overtaken(run)
    assert (pair is not None) == (inside > 0)
    if pair is not None:
        (one, sent, late), (other, after, early) = (rows[number - 1] for number in pair)
        assert one == other
        assert (sent, pair[0]) < (after, pair[1])
        assert late > early
        between = [number for number, row in enumerate(rows, 1)
                   if row[0] == one and (sent, pair[0]) < (row[1], number) < (after, pair[1])]  # fmt: skip
        assert between == []


def test_each_half_of_the_way_is_looked_at_apart():
    run = Made((4,), clients=2).change(1, arrived=0.9).change(3, arrived=0.95).run()
    assert crossings(run, "sent", "arrived") == 3
    assert crossings(run, "sent", "arrived", within=True) == 0
    assert crossings(run, "arrived", "received") == 3
    assert crossings(run, "sent", "received") == 0
    assert crossings(run, "released", "replied") == 0  # one batch, one instant


def test_a_refusal_has_its_place_in_the_order_of_arrival():
    run = Made((4,)).reject(2).change(2, arrived=0.9).run()
    assert crossings(run, "sent", "arrived") == 2
    assert len(in_order(run)) == 3


@pytest.mark.parametrize("stage", ["send", "", None, 3, "number", ["sent"]])
@pytest.mark.parametrize("side", ["left", "right"])
def test_an_unknown_stage_is_refused_with_those_there_are(stage, side):
    for call in (ideal().describe_order, ideal().plot_order, lambda **sides: crossings(ideal(), **sides)):
        with pytest.raises(ArgumentError, match=f"^{side} must be one of sent, arrived, released, replied, received, "):
            call(**{side: stage})


# --- in words -------------------------------------------------------------------------------------------------

SAYS = {
    "in order": "From sent to received, no pair of 3 changes places.",
    "two clients cross": "From sent to received, 3 of 6 pairs change places. None within a client. "
    "#1 moved furthest, from place 1 to 3. On the right, from the top: #2 #4 #1 #3.",
    "one of two clients overtakes itself": "From sent to received, 2 of 6 pairs change places. "
    "1 within a client, as #4 overtook #2. #2 moved furthest, from place 2 to 4. "
    "On the right, from the top: #1 #3 #4 #2.",
    "failed, out of order": "From sent to received, 1 of 1 pair changes places. "
    "All within a client, as #2 overtook #1. #1 moved furthest, from place 1 to 2. "
    "On the right, from the top: #2 #1.",
    "two": "From sent to received, no pair changes places.",
    "one": "From sent to received: fewer than two requests to compare.",
}


@pytest.mark.parametrize("case", SAYS)
def test_the_order_is_said_in_words(case):
    assert CASES[case][0].describe_order() == SAYS[case]


def test_replies_without_a_number_are_said_to_have_been_taken_in_order():
    run = Made().run(by_order=18)
    assert run.describe_order().endswith("changes places. Replies without a number were taken to be in order: 18.")
    assert "without a number" not in run.describe_order(right="arrived")


def test_of_many_the_order_is_not_spelled_out():
    run = made(*[(1, at, 100 - at) for at in range(60)])
    assert run.describe_order() == (
        "From sent to received, 1,770 of 1,770 pairs change places. All within a client, as #2 overtook #1. "
        "#1 moved furthest, from place 1 to 60."
    )


# --- the picture ----------------------------------------------------------------------------------------------


def squeezed(text):
    return " ".join(text.split())


def labelled(ax, label):
    return [line for line in ax.lines if line.get_label() == label]


def ends(ax):
    """(place on the left, place on the right) of each line of a client."""
    found = []
    for line in ax.lines:
        if line.get_label().startswith("client "):
            y = line.get_ydata().reshape(-1, 3)
            assert line.get_xdata().reshape(-1, 3)[:, :2].tolist() == [[0, 1]] * len(y)
            found += [tuple(pair) for pair in y[:, :2].astype(int).tolist()]
    return sorted(found)


@pytest.mark.usefixtures("pyplot")
@pytest.mark.parametrize("stages", [("sent", "received"), ("sent", "arrived"), ("arrived", "replied")])
@pytest.mark.parametrize("kind", RUNS)
def test_every_run_is_drawn_and_its_alt_text_begins_with_the_title(kind, stages):
    left, right = stages
    ax = RUNS[kind].plot_order(left=left, right=right)
    ax.figure.canvas.draw()
    assert ax.figure.alt.startswith(squeezed(ax.get_title(loc="left")))
    assert ax.figure.alt == RUNS[kind].describe_order(left, right)
    assert len(ax.figure.alt) < 400


def test_axes_in_axes_out_and_nothing_changed_beyond_them(pyplot):
    mine, other = pyplot.subplots(1, 2)[1]
    before = pyplot.rcParams.copy()
    pyplot.sca(other)
    assert WITHIN.plot_order(mine) is mine
    assert WITHIN.plot_order(ax=mine) is mine
    assert pyplot.rcParams == before
    assert pyplot.gca() is other
    assert not other.has_data()


def test_without_axes_a_figure_is_made_and_a_refused_stage_leaves_none_behind(pyplot):
    with pytest.raises(ArgumentError):
        ideal().plot_order(left="send")
    assert pyplot.get_fignums() == []
    made_axes = ideal().plot_order()
    assert pyplot.get_fignums() == [made_axes.figure.number]


def test_each_request_is_a_line_from_its_place_to_its_place(ax):
    WITHIN.plot_order(ax)
    assert ends(ax) == [(1, 1), (2, 4), (3, 2), (4, 3)]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["sent", "reply received"]
    assert ax.get_ylabel() == "place in the order (1: the first)"
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first stands on top


def test_the_numbers_stand_beside_both_ends(ax):
    WITHIN.plot_order(ax)
    stand = {(text.get_text(), text.xy) for text in ax.texts}
    assert {("#2", (0, 2)), ("#2", (1, 4)), ("#4", (0, 4)), ("#4", (1, 3))} <= stand
    assert len(stand) == 8


def test_clients_differ_in_colour_and_in_marker(ax):
    run = made(*[(client, client, client) for client in range(1, 37)])
    run.plot_order(ax)
    looks = [(line.get_color(), line.get_marker()) for line in ax.lines if line.get_marker() not in (" ", "None")]
    assert len(looks) == len(set(looks)) == 36
    first = looks[:6]
    assert len({colour for colour, _ in first}) == len({marker for _, marker in first}) == 6
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend[-2:] == [f"client {CLIENTS}", f"and {36 - CLIENTS} more"]


def test_every_crossing_is_marked_where_the_lines_meet_and_by_its_kind(ax):
    WITHIN.plot_order(ax)
    (ring,) = labelled(ax, "crossing of two clients")
    (cross,) = labelled(ax, "crossing within a client")
    assert (ring.get_xdata().tolist(), ring.get_ydata().tolist()) == ([pytest.approx(1 / 3)], [pytest.approx(8 / 3)])
    assert (cross.get_xdata().tolist(), cross.get_ydata().tolist()) == ([pytest.approx(2 / 3)], [pytest.approx(10 / 3)])
    assert ring.get_marker() != cross.get_marker()


def test_as_many_marks_as_crossings_are_counted(ax):
    dice = np.random.default_rng(4)
    run = made(*[(at % 4 + 1, at, float(back)) for at, back in enumerate(dice.permutation(40))])
    run.plot_order(ax)
    rings, crosses = (
        len(labelled(ax, f"crossing {kind}")[0].get_xdata()) for kind in ("of two clients", "within a client")
    )
    assert crosses == crossings(run, within=True) > 0
    assert rings + crosses == crossings(run)
    assert f"{crossings(run):,} of 780 pairs" in ax.get_title(loc="left")


def test_where_nothing_crosses_nothing_is_marked(ax):
    IN_ORDER.plot_order(ax)
    assert labelled(ax, "crossing of two clients") == labelled(ax, "crossing within a client") == []


def test_beyond_what_can_be_seen_crossings_are_counted_and_not_marked(ax):
    run = made(*[(at % 2 + 1, at, at + 3 * (at % 2 == 0)) for at in range(FEW + 10)])
    run.plot_order(ax)
    assert crossings(run) > 0
    assert labelled(ax, "crossing of two clients") == []
    assert len(ax.texts) == 0


def test_a_million_are_drawn_with_a_bounded_number_of_lines_and_the_title_says_so(ax):
    million().plot_order(ax)
    drawn = sum(np.isfinite(line.get_ydata()).sum() // 2 for line in ax.lines)
    assert MOST / 2 < drawn <= MOST
    assert squeezed(ax.get_title(loc="left")).endswith(f"Drawn: {MOST:,} of 1,000,000.")
    ax.figure.canvas.draw()


def test_of_a_remote_server_the_halves_of_the_way_are_not_known():
    run = Made().remote().run()
    assert run.describe_order("sent", "arrived") == "From sent to arrived: fewer than two requests to compare."
    assert at_times().describe_order() == "From sent to received: fewer than two requests to compare."
    assert STAGES == ("sent", "arrived", "released", "replied", "received")
