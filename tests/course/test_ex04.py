"""Exercises of notebook 04: right answers in many forms pass, plausible wrong ones are met with what they missed."""

from __future__ import annotations

import random
from itertools import combinations, permutations

import numpy as np
import pytest
from attempts import SEEDS, by_name, changed, words

from batchdemo.course import check, exercise
from batchdemo.course.ex04 import EXERCISES, answered, mixed_up
from batchdemo.course.fifo import CASES, is_fifo, made_up
from batchdemo.policies import TakeAll
from batchdemo.prediction import simulate
from batchdemo.runs.order import crossings, overtaken

BY_NAME = by_name(EXERCISES)


# --- ex04_1 ---------------------------------------------------------------------------------------------------


def with_pandas(run):
    table = run.requests.dropna(subset="received")
    table = table[table["outcome"].isin(["served", "failed"])].sort_values("sent")
    return all(own["received"].is_monotonic_increasing for _, own in table.groupby("client"))


def with_loops(run):
    rows = run.requests[["client", "sent", "received", "outcome"]].to_dict("records")
    rows = [row for row in rows if row["outcome"] in ("served", "failed")]
    return not any(
        one["client"] == other["client"] and one["sent"] < other["sent"] and one["received"] > other["received"]
        for one in rows
        for other in rows
    )


def with_numpy(run):
    columns = run.columns
    kept = (columns["outcome"] == 0) | (columns["outcome"] == 4)
    for client in np.unique(columns["client"]):
        mine = np.flatnonzero(kept & (columns["client"] == client))
        mine = mine[np.argsort(columns["sent"][mine])]
        if np.any(np.diff(columns["received"][mine]) < 0):
            return np.False_
    return np.True_


def with_a_dictionary(run):
    last = {}
    for row in run.requests.sort_values("sent").itertuples():
        if row.outcome not in ("served", "failed"):
            continue
        if row.received < last.get(row.client, 0):
            return False
        last[row.client] = row.received
    return True


def with_the_bench(run):
    return run.check()["in order within each client"].holds is not False


def with_a_count(run):
    return crossings(run, within=True) == 0


def that_changes_what_it_gets(run):
    answer = with_numpy(run)
    run.columns["received"][:] = 0.0
    return answer


RIGHT = [with_pandas, with_loops, with_numpy, with_a_dictionary, with_the_bench, with_a_count, is_fifo,
         that_changes_what_it_gets]  # fmt: skip


@pytest.mark.parametrize("function", RIGHT)
def test_is_fifo_may_be_written_in_many_ways(function):
    for seed in SEEDS[:4]:
        verdict = check("ex04_1", function, seed=seed)
        assert verdict.passed, verdict


IS_FIFO = """
def is_fifo(run):
    last = {}
    for row in run.requests.sort_values("sent").itertuples():
        if row.outcome not in ("served", "failed"):
            continue
        if row.received < last.get(row.client, 0):
            return False
        last[row.client] = row.received
    return True
"""

MUTANTS = {
    "order of the table": ('run.requests.sort_values("sent")', "run.requests"),
    "order of the numbers": ('sort_values("sent")', 'sort_values("number")'),
    "order of the replies": ('sort_values("sent")', 'sort_values("received")'),
    "backwards": ('sort_values("sent")', 'sort_values("sent", ascending=False)'),
    "served alone": ('("served", "failed")', '("served",)'),
    "failed alone": ('("served", "failed")', '("failed",)'),
    "refusals as well": ('("served", "failed")', '("served", "failed", "rejected")'),
    "whatever the outcome": ('row.outcome not in ("served", "failed")', "False"),
    "strictly": ("row.received < last.get", "row.received <= last.get"),
    "the wrong way": ("row.received < last.get(row.client, 0)", "row.received > last.get(row.client, 99)"),
    "one for all clients": ("last.get(row.client, 0)", "last.get(0, 0)"),
    "across clients": ("last[row.client]", "last[0]"),
    "client 1 alone": ('("served", "failed"):', '("served", "failed") or row.client != 1:'),
    "clients 1 and 2 alone": ('("served", "failed"):', '("served", "failed") or row.client > 2:'),
    "the first alone": ("last[row.client] = row.received", "last.setdefault(row.client, row.received)"),
    "two clients alone": (
        '("served", "failed"):',
        '("served", "failed") or (len(last) > 1 and row.client not in last):',
    ),
    "never": ("return True", "return False"),
    "always": ("return False", "return True"),
    "when it arrived": ("row.received <", "row.arrived <"),
    "latency": ("row.received", "(row.received - row.sent)"),
    "stops at a gap": ("continue", "return True"),
    "a gap is a fault": ("continue", "return False"),
    "says 1": ("return True", "return 1"),
    "says yes": ("return True", "return 'yes'"),
    "says nothing": ("return False", "return None"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_one_thing_wrong_is_found_out(name):
    assert check("ex04_1", changed(IS_FIFO, "is_fifo", "last = {}", "last = {}")).passed
    for seed in SEEDS[:3]:
        said = words("ex04_1", changed(IS_FIFO, "is_fifo", *MUTANTS[name]), seed)
        assert said.startswith("is_fifo gave ") or "is_fifo(" in said


def test_the_run_that_shows_it_is_told_row_by_row():
    said = words("ex04_1", lambda run: bool(run.requests.sort_values("sent")["received"].is_monotonic_increasing))
    assert said.startswith(
        "is_fifo gave False for this run: two clients by turns, all replies to the second one first.\n"
        "#1 of client 1: sent at 0 s, reply at 7 s\n#2 of client 2: sent at 1 s, reply at 5 s\n"
    )
    assert "True or False is wanted" in words("ex04_1", lambda run: 1)
    assert "raised AttributeError" in words("ex04_1", lambda run: run.rows)
    assert check("ex04_1", lambda run: None).passed is None


def test_the_made_up_runs_are_what_they_are_said_to_be_and_no_answer_fits_by_chance():
    for what, right, rows in CASES:
        assert (overtaken(made_up(rows)) is None) == right == with_loops(made_up(rows)), what
    assert {right for _, right, _ in CASES} == {True, False}
    assert len({what for what, _, _ in CASES}) == len(CASES)


# --- ex04_2 ---------------------------------------------------------------------------------------------------


def test_of_all_pairs_one_is_the_answer_in_either_order():
    for seed in SEEDS[:8]:
        given = BY_NAME["ex04_2"].numbers(seed)
        numbers = range(given["first"], given["last"] + 1)
        right = [pair for pair in combinations(numbers, 2) if check("ex04_2", list(pair), seed=seed).passed]
        assert right == [tuple(given["pair"])]
        assert check("ex04_2", right[0][::-1], seed=seed).passed
        assert check("ex04_2", np.array(right[0]), seed=seed).passed


def test_the_run_to_be_seen_is_the_one_in_the_text_and_holds_one_counterexample():
    for seed in SEEDS:
        run, given = mixed_up(seed), BY_NAME["ex04_2"].numbers(seed)
        assert overtaken(run) == tuple(given["pair"])
        assert crossings(run, within=True) == 1
        assert crossings(run) >= 2
        assert run.requests.sort_values("received")["number"].tolist() == given["order"]
        came = " ".join(f"#{number}" for number in given["order"])
        assert f"in this order: {came}." in exercise("ex04_2", seed).text


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([8, 9], "#8 is client 2's and #9 client 3's: between two clients no order is promised"),
        ([1, 10], "#1 and #10 are both client 1's, and their replies came in the order of sending"),
        ([8, 8], "#8 alone is not out of order"),
        ([8, 13], "#13 was not sent in this run; the numbers go from 1 to 12"),
        ([8], "yours has 1 where 2 belong"),
        (8, "Put it in square brackets"),
        (["#8", "#11"], "At place 1 of your list"),
    ],
)
def test_a_pair_that_breaks_nothing_is_told_why(answer, said):
    assert said in words("ex04_2", answer)


# --- ex04_3 ---------------------------------------------------------------------------------------------------


def sure(given, letter):
    """Whether every pair of clocks within the bound gives the same order: tried, not reasoned."""
    one, at, other, later = given["pairs"]["ABCDEF".index(letter)]
    shifts = [0.0] if one == other else np.linspace(-given["most"], given["most"], 401)
    return len({np.sign(later + shift - at) for shift in shifts}) == 1


def test_of_all_lists_of_letters_one_is_the_answer_in_whatever_order():
    for seed in SEEDS[:8]:
        given = BY_NAME["ex04_3"].numbers(seed)
        right = [letter for letter in "ABCDEF" if sure(given, letter)]
        lists = [list(some) for count in range(7) for some in combinations("ABCDEF", count)]
        assert [some for some in lists if check("ex04_3", some, seed=seed).passed] == [right]
        assert check("ex04_3", [letter.lower() for letter in right[::-1]], seed=seed).passed


def test_every_draw_holds_both_kinds_and_nothing_at_the_very_bound():
    for seed in range(1, 300):
        given = BY_NAME["ex04_3"].numbers(seed)
        gaps = [later - at for _, at, _, later in given["pairs"]]
        assert all(gap > 0 and abs(gap - given["most"]) > 2 for gap in gaps)
        kinds = {(one == other, later - at > given["most"]) for one, at, other, later in given["pairs"]}
        assert kinds == {(True, False), (True, True), (False, False), (False, True)}


# --- ex04_4 ---------------------------------------------------------------------------------------------------


def test_of_all_orders_one_is_the_answer():
    for seed in SEEDS[:4]:
        right = [list(order) for order in permutations(range(1, 6)) if check("ex04_4", list(order), seed=seed).passed]
        assert right == [answered(BY_NAME["ex04_4"].numbers(seed)["sizes"], 1.0, 0.1, 2)]


class Given:
    """Releases batches of these sizes, whatever the handler does."""

    def __init__(self, sizes):
        self.sizes = list(sizes)

    def decide(self, view):
        from batchdemo.policies import Release, Wait

        if self.sizes and view.waiting >= self.sizes[0]:
            return Release(self.sizes.pop(0), "full")
        return Wait()

    def observe(self, batch):
        pass


@pytest.mark.parametrize("slots", [1, 2, 3, 5])
def test_the_order_is_the_simulators(slots):
    dice = random.Random(4)
    for _ in range(20):
        sizes = [dice.randint(1, 8) for _ in range(5)]
        times = [batch * 0.1 for batch, size in enumerate(sizes) for _ in range(size)]
        run = simulate(Given(sizes), times, service=(1.0, 0.0), max_concurrent_batches=slots)
        ended = run.requests.groupby("batch")["received"].first()
        ended = ended.round(9).reset_index().sort_values(["received", "batch"])
        assert ended["batch"].tolist() == answered(sizes, 1.0, 0.1, slots)


def test_one_at_a_time_keeps_the_order_and_a_policy_that_waits_for_the_handler_does_too():
    assert answered([5, 2, 1, 4, 3], 1.0, 0.1, 1) == [1, 2, 3, 4, 5]
    assert is_fifo(simulate(TakeAll(4), [0.1 * at for at in range(50)], service=(0.1, 0.1)))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([1, 2, 3, 4, 5], "That is the order of release"),
        ([3, 2, 5, 4, 1], "there are two places, and the third waits for one"),
        ([2, 3, 4, 1, 5], "You said that batch 4 is answered next after batch 3"),
        ([2, 2, 3, 4, 5], "Each of the 5 batches is answered exactly once"),
        ([2, 3, 1], "yours has 3 where 5 belong"),
    ],
)
def test_an_order_that_cannot_be_is_told_where(answer, said):
    assert said in words("ex04_4", answer)
