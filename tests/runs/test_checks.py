"""The checks: each can say true, false and "cannot be told", and shows the smallest counterexample."""

from __future__ import annotations

import math

import pytest
from make import Made, at_times, ideal

from batchdemo.errors import ArgumentError

NAMES = ["every reply came", "none twice", "each to its own client", "in order within each client",
         "no batch above the size", "cadence"]  # fmt: skip


def verdict(made, name, **promise):
    """The one verdict, where every other one is sure to hold or to be unable to tell."""
    run = made.run() if isinstance(made, Made) else made
    return run.check(**promise)[name]


def others(made, name, **promise):
    return {found.name: found.holds for found in made.run().check(**promise) if found.name != name}


def test_on_the_ideal_run_every_check_holds():
    checks = ideal().check()
    assert [found.name for found in checks] == NAMES
    assert [found.holds for found in checks] == [True] * 6
    assert [found.counterexample for found in checks] == [()] * 6
    assert checks.ok


FAULTY = {
    "a missing reply": (Made().lose(7), "every reply came", (7,)),
    "two missing replies": (Made().lose(7, 9), "every reply came", (7,)),
    "a rejected request": (Made().reject(18), "every reply came", (18,)),
    "a failed request": (Made().change(6, outcome="failed"), "every reply came", (6,)),
    "a cancelled and a failed request": (
        Made().change(6, outcome="failed").change(3, outcome="cancelled"), "every reply came", (3, 6)
    ),
    "a second reply": (Made().stray("twice", 7), "none twice", (7,)),
    "a reply that nobody asked for": (Made().stray("unasked"), "none twice", ()),
    "a reply to the wrong client": (Made(clients=2).stray("misdelivered", 8, client=1), "each to its own client", (8,)),
    "two replies in the wrong order": (
        Made().change(6, received=10.002).change(7, received=10.001), "in order within each client", (6, 7)
    ),
    "a batch of six": (Made((5, 6, 5, 2)), "no batch above the size", (2,)),
    "a late tick": (Made(late=(0.0, 0.0, 0.3)), "cadence", (3,)),
    "an early tick": (Made(late=(0.0, -0.3, 0.0)), "cadence", (2,)),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTY)
def test_a_fault_makes_its_own_check_fail_with_the_counterexample_and_no_other(fault):
    made, name, counterexample = FAULTY[fault]
    found = verdict(made, name)
    assert found.holds is False
    assert found.counterexample == counterexample
    assert set(others(made, name).values()) == {True}
    assert not made.run().check().ok


SAYS = {
    "a missing reply": "#7 had no reply",
    "two missing replies": "#7 and #9 had no reply",
    "a rejected request": "#18 was rejected",
    "a failed request": "#6 was failed",
    "a cancelled and a failed request": "#3 was cancelled; #6 was failed",
    "a second reply": "#7 was answered again at 10.50 s",
    "a reply that nobody asked for": "client 1 got 'You wrote: 7', which nobody asked for",
    "a reply to the wrong client": "the reply to #8 went to client 1, who had not sent it",
    "two replies in the wrong order": "#7 was sent after #6 and answered before it",
    "a batch of six": "batch 2 held 6, above 5",
    "a late tick": "worst tick 300 ms late",
    "an early tick": "worst tick 300 ms early",
}


@pytest.mark.parametrize("fault", FAULTY)
def test_a_fault_is_said_in_words(fault):
    made, name, _ = FAULTY[fault]
    assert SAYS[fault] in verdict(made, name).says


UNTOLD = {
    "nothing was sent": (at_times(), NAMES[0]),
    "nothing was sent (twice)": (at_times(), NAMES[1]),
    "nothing was sent (client)": (at_times(), NAMES[2]),
    "replies had no number (twice)": (Made().run(by_order=18), NAMES[1]),
    "replies had no number (client)": (Made(clients=2).run(by_order=18), NAMES[2]),
    "replies had no number (order)": (Made().run(by_order=18), NAMES[3]),
    "one reply has no order": (Made((1,)).run(), NAMES[3]),
    "no reply has no order": (Made((2,)).lose(1, 2).run(), NAMES[3]),
    "no size is known": (Made().run(max_batch_size=None), NAMES[4]),
    "no batch was seen": (at_times(max_batch_size=5), NAMES[4]),
    "no interval is known": (Made().run(interval=None), NAMES[5]),
    "no tick and one batch": (at_times(5.0, interval=5.0), NAMES[5]),
}


@pytest.mark.parametrize("reason", UNTOLD)
def test_what_cannot_be_told_is_none_and_not_ok(reason):
    run, name = UNTOLD[reason]
    assert verdict(run, name).holds is None
    assert not run.check().ok


def test_of_nothing_nothing_holds_and_a_stray_is_a_fault_all_the_same():
    assert [found.holds for found in at_times().check()] == [None] * 6
    assert Made(()).stray("unasked").run().check()["none twice"].holds is False


@pytest.mark.parametrize(
    ("name", "one", "more"),
    [
        (NAMES[1], "to know it by", "to know them by"),
        (NAMES[2], "to know it by", "to know them by"),
        (NAMES[3], ", so was taken in order", ", so were taken in order"),
    ],
)
def test_one_reply_without_a_number_is_said_in_the_singular(name, one, more):
    assert verdict(Made().run(by_order=1), name).says.startswith("1 reply carried no number")
    assert verdict(Made().run(by_order=1), name).says.endswith(one)
    assert verdict(Made().run(by_order=2), name).says.startswith("2 replies carried no number")
    assert verdict(Made().run(by_order=2), name).says.endswith(more)


def test_a_stray_is_a_fault_even_where_replies_had_no_number():
    assert Made().stray("twice", 7).run(by_order=18).check()["none twice"].holds is False
    assert Made().stray("unasked").run(by_order=18).check()["none twice"].holds is False


def test_several_strays_are_counted_and_the_first_is_shown():
    found = verdict(Made().stray("twice", 7).stray("twice", 8).stray("twice", 7), "none twice")
    assert found.counterexample == (7,)
    assert found.says.endswith("(3 such replies)")


def test_out_of_order_across_clients_is_fine():
    made = Made(clients=2).change(1, 3, 5, received=5.9)  # client 1's first three come after client 2's
    assert verdict(made, "in order within each client").holds is True


def test_out_of_order_within_one_of_two_clients_names_the_client():
    made = Made(clients=2).change(4, received=10.5)
    found = verdict(made, "in order within each client")
    assert found.holds is False
    assert found.counterexample == (4, 6)
    assert found.says.startswith("client 2: ")


def test_replies_in_one_instant_are_in_order():
    assert verdict(Made((3,)).change(1, 2, 3, received=5.1), "in order within each client").holds is True
    assert verdict(Made((3,)).change(1, 2, 3, sent=0.0), "in order within each client").holds is True


def test_a_refusal_comes_at_once_and_is_not_out_of_order():
    assert verdict(Made((5, 5)).reject(8, 9), "in order within each client").holds is True


def test_the_promise_may_be_given_and_goes_before_the_servers_own():
    assert ideal().check(max_batch_size=4)["no batch above the size"].holds is False
    assert Made().remote().run().check(max_batch_size=5)["no batch above the size"].holds is True
    assert ideal().check(interval=4.0)["cadence"].holds is False
    assert Made().remote().run().check(interval=5.0)["cadence"].holds is True


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_batch_size", 0), ("max_batch_size", 2.5), ("max_batch_size", True), ("interval", 0), ("interval", math.nan),
     ("interval", "5"), ("tolerance", -0.1), ("tolerance", math.inf), ("tolerance", "1")],
)  # fmt: skip
def test_a_bad_promise_is_refused_by_name(name, value):
    with pytest.raises(ArgumentError, match=f"^{name} must be "):
        ideal().check(**{name: value})


def test_checks_are_found_by_name_and_an_unknown_name_lists_those_there_are():
    checks = ideal().check()
    assert len(checks) == 6
    assert checks["cadence"].name == "cadence"
    with pytest.raises(KeyError, match=r"no check 'order'.*in order within each client"):
        checks["order"]


def test_the_text_marks_each_verdict():
    lines = repr(Made().stray("twice", 7).run(interval=None).check()).splitlines()
    assert [line[0] for line in lines] == ["✓", "✗", "✓", "✓", "✓", "?"]
    assert lines[1] == "✗ none twice: #7 was answered again at 10.50 s"


def test_the_html_is_a_table_with_words_beside_the_marks_and_escapes_what_came_over_the_wire():
    page = Made().stray("unasked", text="<script>alert(1)</script>").run(interval=None).check()._repr_html_()
    assert page.count("<tr>") == 7
    assert all(word in page for word in ("✓ holds", "✗ fails", "? cannot be told"))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
