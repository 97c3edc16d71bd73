"""The staircase in characters: every reply in its place, ticks on the axis, never wider than the terminal."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st
from make import NAN, Made, at_times, ideal, million, unanswered

from batchdemo.runs.terminal import MARKS, ROWS, staircase


def parts(picture):
    """The rows of the grid, the axis and the scale, without their labels."""
    *rows, axis, scale = picture.splitlines()
    return [row.split("│", 1)[1] for row in rows], axis.split("└", 1)[1], scale


def marks(picture):
    return [(row, character) for row in parts(picture)[0] for character in row if character != " "]


def test_the_ideal_run_is_a_staircase_of_four_steps():
    rows, axis, scale = parts(staircase(ideal()))
    assert len(rows) == 18
    assert [row.strip() for row in reversed(rows)] == ["●"] * 5 + ["■"] * 5 + ["▲"] * 5 + ["◆"] * 3
    columns = [len(row) - 1 for row in reversed(rows)]
    assert len(set(columns)) == 4
    assert columns == sorted(columns)
    assert [at for at, character in enumerate(axis) if character == "┴"] == sorted(set(columns))
    assert scale.split() == ["0", "20.00", "s"]


def test_numbers_rise_from_the_bottom():
    labels = [line.split("│")[0].strip() for line in staircase(ideal()).splitlines()[:-2]]
    assert labels == [str(number) for number in range(18, 0, -1)]


def test_time_runs_from_zero_at_the_left_to_the_last_reply_at_the_right():
    rows, axis, _ = parts(staircase(at_times(0.0, 5.0, 10.0)))
    assert [len(row) - 1 for row in reversed(rows)] == [0, (len(axis) - 1) // 2, len(axis) - 1]


def test_a_reply_that_never_came_is_an_empty_row():
    rows = parts(staircase(Made().lose(7).run()))[0]
    assert [len(row.strip()) for row in reversed(rows)] == [1] * 6 + [0] + [1] * 11


def test_without_a_reply_it_says_so():
    assert staircase(at_times()) == "(no reply to draw)"
    assert staircase(unanswered(3).run()) == "(no reply to draw)"


def test_a_tick_after_the_last_reply_is_left_out():
    made = Made((5, 5))
    made.lose(*range(6, 11))
    assert parts(staircase(made.run()))[1].count("┴") == 1


def test_without_ticks_the_axis_is_plain():
    assert set(parts(staircase(Made().remote().run()))[1]) == {"─"}


def test_batches_beyond_the_last_mark_begin_again_with_the_first():
    seen = [character for _, character in marks(staircase(Made((1,) * 8).run()))]
    assert seen == list(reversed(MARKS + MARKS[:2]))[: len(seen)]


def test_a_reply_in_no_batch_is_drawn_all_the_same():
    made = Made((3,)).change(1, 2, 3, batch=0, position=0)
    assert len(marks(staircase(made.run()))) == 3


def test_one_reply_at_time_zero_is_drawn():
    assert len(marks(staircase(at_times(0.0)))) == 1


def test_ten_thousand_replies_fit_on_the_screen():
    picture = staircase(Made((5,) * 2000).run())
    rows, _, _ = parts(picture)
    assert len(rows) == ROWS
    assert all(row.strip() for row in rows)


def test_of_replies_in_one_place_the_last_is_drawn():
    made = Made((5,) * 2000)
    rows, axis, _ = parts(staircase(made.run()))
    assert rows[0][-1] == MARKS[1999 % len(MARKS)]
    assert set(axis) == {"┴"}


def test_a_million_replies_are_drawn_without_a_step_a_reply():
    run = million()
    began = time.process_time()
    rows, _, scale = parts(staircase(run))
    assert len(rows) == ROWS
    assert scale.split() == ["0", "200.00", "s"]
    assert time.process_time() - began < 2.0  # 4 s, a reply at a time


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(-(2**53), 2**53), st.floats(0, 1e6) | st.just(NAN), st.integers(0, 50)),
        min_size=1, max_size=40, unique_by=lambda row: row[0],
    ),
    width=st.integers(40, 120),
)  # fmt: skip
def test_whatever_came_the_picture_keeps_its_width_and_its_height(rows, width):
    made = Made((len(rows),))
    for at, (number, received, batch) in enumerate(rows, 1):
        made.change(at, number=number, received=received, batch=batch)
    lines = staircase(made.run(), width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= ROWS + 2
