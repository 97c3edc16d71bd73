"""Exercises of notebook 09: right answers in many forms pass, plausible wrong ones are met with what they missed."""

from __future__ import annotations

import random
from collections import deque
from itertools import combinations, product
from statistics import fmean

import numpy as np
import pytest
from attempts import SEEDS, by_name, changed, words

from batchdemo.course import check
from batchdemo.course.ex09 import EXERCISES, index, persons
from batchdemo.course.rounds import ROUNDS, TakenBy, take
from batchdemo.course.sharing import crowd, served_by
from batchdemo.errors import ArgumentError
from batchdemo.policies import FixedInterval
from batchdemo.prediction import simulate
from batchdemo.queues import EarliestDeadline, Fifo, Priority, RoundRobin, Weighted
from batchdemo.runs.fairness import jain

BY_NAME = by_name(EXERCISES)


# --- ex09_1 ---------------------------------------------------------------------------------------------------


def with_numpy(values):
    array = np.asarray(values, dtype=float)
    return array.sum() ** 2 / (len(array) * (array**2).sum()) if array.any() else 1


def with_a_loop(values):
    total = squares = 0
    for value in values:
        total += value
        squares += value * value
    return 1 if squares == 0 else total * total / len(values) / squares


def with_means(values):
    mean = fmean(values)
    return mean**2 / fmean(value**2 for value in values) if mean else 1.0


def that_empties_its_list(values):
    answer = with_a_loop(values)
    values.clear()
    return answer


@pytest.mark.parametrize("function", [with_numpy, with_a_loop, with_means, that_empties_its_list, index, jain])
def test_the_index_may_be_written_in_many_ways(function):
    for seed in SEEDS[:6]:
        verdict = check("ex09_1", function, seed=seed)
        assert verdict.passed, verdict


JAIN = """
def jain(values):
    if not any(values):
        return 1.0
    return sum(values) ** 2 / (len(values) * sum(value**2 for value in values))
"""

JAIN_MUTANTS = {
    "square of nothing": ("sum(values) ** 2", "sum(values)"),
    "cubed": ("sum(values) ** 2", "sum(values) ** 3"),
    "no squares below": ("value**2", "value"),
    "cubes below": ("value**2", "value**3"),
    "without n": ("len(values) * ", ""),
    "n less one": ("len(values) *", "(len(values) - 1 or 1) *"),
    "those above nothing": ("len(values)", "len([value for value in values if value])"),
    "different ones": ("len(values)", "len(set(values))"),
    "whole division": (") ** 2 / (", ") ** 2 // ("),
    "root": ("sum(values) ** 2", "sum(values)"),
    "wrong brackets": ("(len(values) * sum(value**2 for value in values))", "len(values) * sum(v**2 for v in values)"),
    "nothing is unfair": ("1.0", "0.0"),
    "NaN": ("1.0", "float('nan')"),
    "no case for nothing": ("if not any(values)", "if not values"),
    "any nothing": ("if not any(values)", "if not all(values)"),
    "upside down": ("return sum(values) ** 2 /", "return 1 / sum(values) ** 2 *"),
    "text": ("return sum", "return '%f' % sum"),
    "true": ("1.0", "True"),
}


@pytest.mark.parametrize("name", JAIN_MUTANTS)
def test_an_index_with_one_thing_wrong_is_found_out(name):
    assert check("ex09_1", changed(JAIN, "jain", "values", "values")).passed
    for seed in SEEDS[:6]:
        assert "jain([" in words("ex09_1", changed(JAIN, "jain", *JAIN_MUTANTS[name]), seed)


def test_the_values_that_show_it_are_told_and_a_function_without_a_word_waits():
    said = words("ex09_1", lambda values: 1.0)
    assert said.startswith("jain([11, 0, 0, 0]) gave 1. What does the formula give? Remember: one of four has all")
    assert "ZeroDivisionError" in words("ex09_1", lambda v: sum(v) ** 2 / (len(v) * sum(x * x for x in v)))
    assert check("ex09_1", lambda values: None).passed is None
    assert "Give its name alone" in words("ex09_1", 0.5)


# --- ex09_2 ---------------------------------------------------------------------------------------------------


def with_move_to_end(lines, size):
    taken = []
    for _ in range(min(size, sum(len(line) for line in lines.values()))):
        client, line = next(iter(lines.items()))
        taken.append(line.popleft())
        del lines[client]
        if len(line) > 0:
            lines.update({client: line})
    return taken


def with_a_list_of_clients(lines, size):
    turn = list(lines.items())
    taken = []
    while turn and len(taken) < size:
        client, line = turn.pop(0)
        taken.append(line.popleft())
        if line:
            turn.append((client, line))
    lines.clear()
    lines.update(turn)
    return tuple(taken)


def with_recursion(lines, size):
    if not lines or not size:
        return []
    client = next(iter(lines))
    line = lines.pop(client)
    item = line.popleft()
    if line:
        lines[client] = line
    return [item, *with_recursion(lines, size - 1)]


def with_other_deques(lines, size):
    taken = deque()
    while lines and len(taken) < size:
        client, line = next(iter(lines.items()))
        taken.append(line[0])
        rest = deque(list(line)[1:])
        del lines[client]
        if rest:
            lines[client] = rest
    return taken


TAKERS = [take, with_move_to_end, with_a_list_of_clients, with_recursion, with_other_deques]


@pytest.mark.parametrize("function", TAKERS)
def test_a_round_may_be_written_in_many_ways(function):
    for seed in SEEDS[:6]:
        verdict = check("ex09_2", function, seed=seed)
        assert verdict.passed, verdict


TAKE = """
def take(lines, size):
    batch = []
    while lines and len(batch) < size:
        client = next(iter(lines))
        line = lines.pop(client)
        batch.append(line.popleft())
        if line:
            lines[client] = line
    return batch
"""

TAKE_MUTANTS = {
    "never ends": ("lines and ", ""),
    "one too many": ("< size", "<= size"),
    "one too few": ("< size", "< size - 1"),
    "twice as many": ("< size", "< 2 * size"),
    "the last client first": ("next(iter(lines))", "next(reversed(lines))"),
    "by name": ("next(iter(lines))", "min(lines)"),
    "the longest line": ("next(iter(lines))", "max(lines, key=lambda one: len(lines[one]))"),
    "the shortest line": ("next(iter(lines))", "min(lines, key=lambda one: len(lines[one]))"),
    "stays at the front": ("lines.pop(client)", "lines[client]"),
    "the newest first": ("popleft", "pop"),
    "nobody leaves": ("line.popleft()", "line[0]"),
    "out after one": ("if line:", "if False:"),
    "empty lines stay": ("if line:", "if True:"),
    "two of each": ("batch.append(line.popleft())", "batch += [line.popleft() for _ in range(min(2, len(line)))]"),
    "the whole line": ("batch.append(line.popleft())", "batch += [line.popleft() for _ in list(line)][:size]"),
    "gives lists": ("batch.append(line.popleft())", "batch.append([line.popleft()])"),
    "gives clients": ("batch.append(line.popleft())", "line.popleft(); batch.append(client)"),
    "backwards": ("return batch", "return batch[::-1]"),
    "sorted": ("return batch", "return sorted(batch)"),
    "gives text": ("return batch", "return ' '.join(batch)"),
    "gives nothing": ("return batch", "return batch or None"),
    "a copy of the round": ("batch = []", "batch, lines = [], dict(lines)"),
    "copies of the lines": ("batch = []", "batch, lines = [], {c: deque(line) for c, line in lines.items()}"),
    "puts to the front": (
        "lines[client] = line",
        "rest = dict(lines); lines.clear(); lines[client] = line; lines.update(rest)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKE_MUTANTS)
def test_a_round_with_one_thing_wrong_is_found_out(name):
    assert check("ex09_2", changed(TAKE, "take", "lines", "lines", deque=deque)).passed
    for seed in SEEDS[:3] if name != "never ends" else SEEDS[:1]:
        assert "take(" in words("ex09_2", changed(TAKE, "take", *TAKE_MUTANTS[name], deque=deque), seed)


def test_the_round_that_shows_it_is_told_and_the_right_batch_is_not():
    said = words("ex09_2", BY_NAME["ex09_2"].usual(BY_NAME["ex09_2"].numbers(0))["client after client"])
    assert said.startswith(
        "A flooder before two others: a1, a2, a3, a4, b1, c1 come; take(lines, 3) gives ['a1', 'a2', 'a3']. "
        "Look at place 2: whose turn is it there?"
    )
    assert "b1'" not in said


def test_the_rounds_are_those_of_the_queue_of_the_bench():
    class Item:
        deadline = float("inf")

        def __init__(self, name):
            self.name, self.client_id, self.arrived = name, name[0], 0.0

    for _, steps in ROUNDS:
        queue, lines = RoundRobin(), {}
        for step in steps:
            if isinstance(step, tuple):
                for name in step:
                    queue.push(Item(name))
                    lines.setdefault(name[0], deque()).append(name)
            else:
                assert [item.name for item in queue.pop(step)] == take(lines, step)


@pytest.mark.parametrize("function", [take, with_move_to_end, with_recursion])
def test_a_students_function_drives_the_simulator_as_the_queue_of_the_bench(function):
    for seed in range(5):
        traffic = crowd([6, 1, 2, 0.5], 30, seed=seed)
        for policy in (FixedInterval(5, 1.0), FixedInterval(3, 0.7)):
            settings = {"max_pending_per_client": 20, "overflow": "drop_oldest", "deadline": 9.0} if seed % 2 else {}
            mine = simulate(policy, traffic, queue=TakenBy(function), **settings)
            bench = simulate(policy, traffic, queue=RoundRobin(), **settings)
            assert mine.requests["batch"].equals(bench.requests["batch"])
            assert mine.requests["outcome"].equals(bench.requests["outcome"])


# --- ex09_3 ---------------------------------------------------------------------------------------------------


def test_who_starves_may_be_said_in_many_ways():
    for seed in SEEDS:
        victim = BY_NAME["ex09_3"].numbers(seed)["victim"]
        for high, low in ((1, 0), (10, -10), (0, -1), (1000, 999)):
            levels = [low if client == victim else high for client in range(1, 6)]
            for answer in (levels, tuple(levels), np.array(levels), [float(level) for level in levels]):
                assert check("ex09_3", answer, seed=seed).passed, (seed, answer)


def test_of_all_levels_with_two_steps_one_is_the_answer():
    for seed in SEEDS[:10]:
        victim = BY_NAME["ex09_3"].numbers(seed)["victim"]
        right = [list(levels) for levels in product((0, 1), repeat=5) if check("ex09_3", levels, seed=seed).passed]
        assert right == [[int(client != victim) for client in range(1, 6)]]


def test_what_is_said_of_the_others_holds_on_other_traffic_too():
    """With a margin, or a right answer would hang on the seeds of the trials."""
    for seed in SEEDS:
        given = BY_NAME["ex09_3"].numbers(seed)
        queue = Priority({str(given["victim"]): -1})
        for other in range(20, 30):
            traffic = crowd(given["rates"], given["seconds"], seed=other)
            sent = np.bincount(traffic.clients, minlength=6)[1:]
            share = np.array(served_by(simulate(FixedInterval(5, 1.0), traffic, queue=queue), given["seconds"])) / sent
            assert share[given["victim"] - 1] <= 0.25
            assert min(np.delete(share, given["victim"] - 1)) > 0.4


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([1, 1, 1, 1, 1], "that is not starving. Who may pass before it"),
        ([0, 0, 0, 1, 0], "that is not starving"),
        ([1, 0, 1, 0, 1], "it goes hungry too. Only client 4 should"),
        ([1, 1, 1, 0], "yours has 4 where 5 belong"),
        ([1, 1, 1, 0.5, 1], "At place 4 of your list"),
        ([9999, 1, 1, 0, 1], "Only their order counts"),
        ({"4": -1}, "asked for is a list of the five levels"),
    ],
)
def test_levels_that_starve_nobody_or_too_many_are_told_whom(answer, said):
    assert said in words("ex09_3", answer)


# --- ex09_4 ---------------------------------------------------------------------------------------------------


def test_the_persons_may_be_made_equal_in_many_ways():
    for seed in SEEDS:
        alias = BY_NAME["ex09_4"].numbers(seed)["aliases"]
        others = [client for client in range(1, 8) if client not in alias]
        for queue in (
            Weighted({str(client): 1 / len(alias) for client in alias}),
            Weighted({str(client): len(alias) for client in others}),
            Weighted({str(client): 1 for client in alias}, default=len(alias)),
            Weighted({str(client): 0.3 for client in alias}),
        ):
            verdict = check("ex09_4", queue, seed=seed)
            assert verdict.passed, (seed, verdict)


def test_the_weights_of_no_other_names_will_do():
    for seed in SEEDS[:4]:
        alias = BY_NAME["ex09_4"].numbers(seed)["aliases"]
        for some in combinations(range(1, 8), len(alias)):
            queue = Weighted({str(client): 1 / len(alias) for client in some})
            assert bool(check("ex09_4", queue, seed=seed).passed) == (list(some) == alias)


@pytest.mark.parametrize("queue", [Fifo, RoundRobin, EarliestDeadline, lambda: Priority({}), lambda: Weighted({})])
def test_a_queue_that_counts_names_or_nothing_is_told_what_the_person_got(queue):
    for seed in SEEDS[:6]:
        count = len(BY_NAME["ex09_4"].numbers(seed)["aliases"])
        assert f"the person of {count} names was served" in words("ex09_4", queue(), seed)


def test_what_is_no_queue_or_does_not_work_as_one_is_told_kindly():
    assert "Call the class" in words("ex09_4", Weighted)
    assert "asked for is a queue" in words("ex09_4", {"1": 0.3})

    class Broken(Fifo):
        def pop(self, size):
            raise KeyError("oh")

    assert "raised KeyError: 'oh'" in words("ex09_4", Broken())
    used = Weighted({"1": 0.3, "4": 0.3, "6": 0.3})
    assert check("ex09_4", used).passed
    assert check("ex09_4", used).passed  # worked on as a copy


def test_the_index_over_persons_is_right_or_wrong_on_other_traffic_as_in_the_trials():
    for seed in SEEDS[:8]:
        given = BY_NAME["ex09_4"].numbers(seed)
        fair = Weighted({str(client): 1 / len(given["aliases"]) for client in given["aliases"]})
        for other in range(20, 26):
            assert index(persons(given, fair, other)) > 0.95
            assert index(persons(given, RoundRobin(), other)) < 0.85


# --- traffic --------------------------------------------------------------------------------------------------


def test_a_crowd_sends_at_its_rates_and_evenly_no_two_at_one_time_nor_at_a_tick():
    traffic = crowd([8, 0.5, 0.5, 0.5, 0.5, 0.5], 20)
    assert np.bincount(traffic.clients).tolist() == [0, 160, 10, 10, 10, 10, 10]
    assert np.diff(traffic.times).min() > 1e-6
    assert abs(traffic.times - traffic.times.round()).min() > 1e-6
    assert traffic.times.max() < 20
    drawn = crowd([8, 0.5], 1000, seed=1)
    assert np.bincount(drawn.clients)[1:] == pytest.approx([8000, 500], rel=0.1)
    assert drawn.times.max() < 1000
    assert np.array_equal(drawn.times, crowd([8, 0.5], 1000, seed=1).times)


@pytest.mark.parametrize(
    ("rates", "seconds"), [([], 20), ([0], 20), ([1], 0), ([1e9], 20), (["x"], 20), ([900] * 9, 9)]
)
def test_a_crowd_that_nobody_can_mean_is_refused(rates, seconds):
    with pytest.raises(ArgumentError):
        crowd(rates, seconds)


def test_served_by_counts_who_left_by_then():
    run = simulate(FixedInterval(5, 1.0), crowd([8, 0.5], 20))
    dice = random.Random(9)
    for seconds in [0.5, 1, 20, *(dice.uniform(0, 40) for _ in range(5))]:
        table = run.requests
        left = table[table["released"] <= seconds]
        assert served_by(run, seconds) == [int((left["client"] == client).sum()) for client in (1, 2)]
