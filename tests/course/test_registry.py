"""Every exercise there is: the solution passes, the usual slips fail with a helpful word, for any seed."""

from __future__ import annotations

import re
import time

import pytest

from batchdemo.course import check, exercise, hint, seed_for, stand_in
from batchdemo.course.registry import EXERCISES

SEEDS = [0, *(seed_for(f"student {number}") for number in range(25))]
each = pytest.mark.parametrize("name", EXERCISES)


SLIPS = [
    pytest.param(name, slip, id=f"{name}: {slip}")
    for name, found in EXERCISES.items()
    for slip in found.usual(found.numbers(0))
]


def test_the_names_say_notebook_and_place():
    assert all(re.fullmatch(r"ex\d\d_\d", name) and found.name == name for name, found in EXERCISES.items())
    assert list(EXERCISES) == sorted(EXERCISES)


@each
def test_the_solution_passes_with_any_seed(name):
    for seed in SEEDS:
        verdict = check(name, EXERCISES[name].solution(EXERCISES[name].numbers(seed)), seed=seed)
        assert (verdict.passed, verdict.words) == (True, ""), (seed, verdict)
        assert str(verdict) == f"✔ {name}: public checks passed."


@pytest.mark.parametrize(("name", "slip"), SLIPS)
def test_the_usual_slip_fails_with_a_helpful_word(name, slip):
    for seed in SEEDS:
        numbers = EXERCISES[name].numbers(seed)
        verdict = check(name, EXERCISES[name].usual(numbers)[slip], seed=seed)
        assert verdict.passed is False, (seed, verdict)
        assert len(verdict.words.split()) > 8
        assert verdict.words.endswith(f'. Stuck? hint("{name}")') or verdict.words.endswith(f'? Stuck? hint("{name}")')


@pytest.mark.parametrize(("name", "slip"), SLIPS)
def test_a_word_never_holds_the_answer(name, slip):
    for seed in SEEDS:
        found, task = EXERCISES[name], exercise(name, seed)
        numbers = found.numbers(seed)
        answer, wrong = found.solution(numbers), found.usual(numbers)[slip]
        words = check(name, wrong, seed=seed).words.split(" Stuck? ")[0]
        if isinstance(answer, (int, float)) and not re.search(rf"\b{answer:g}\b", f"{task.text} {wrong}"):
            assert not re.search(rf"(?<![#\d.]){answer:g}\b(?!\.\d)", words), (seed, words)
        elif isinstance(answer, (str, list)):
            assert repr(answer) not in words
            assert str(answer) not in words


def test_the_smallest_example_says_what_was_expected_of_what_was_received():
    assert str(check("ex01_2", 10)) == (
        "✘ ex01_2: not yet. #12 comes in the third batch; you said 10 s, which is when the second leaves. "
        'Stuck? hint("ex01_2")'
    )


@each
def test_three_hints_that_say_more_and_more(name):
    hints = [hint(name, level) for level in (1, 2, 3)]
    assert len({each.words for each in hints}) == 3
    assert str(hints[1]) == f"{name}, hint 2 of 3: {EXERCISES[name].hints[1]}"
    assert hint(name) == hints[0]


@each
def test_the_text_is_complete_and_says_what_to_answer_with(name):
    for seed in SEEDS:
        task = exercise(name, seed)
        assert not re.search(r"[{}]", task.text)
        assert str(task).endswith(f"Answer with {task.asks}.")
        assert task.points >= 1


def test_neighbours_have_other_numbers_and_each_keeps_the_own():
    for name, found in EXERCISES.items():
        texts = {exercise(name, seed).text for seed in SEEDS}
        assert len(texts) == 1 if found.draw is None else len(texts) >= 3, name
        assert exercise(name, SEEDS[1]) == exercise(name, SEEDS[1])
    drawn = [found for found in EXERCISES.values() if found.draw]
    assert len(drawn) >= 0.8 * len(EXERCISES)


def test_an_answer_copied_from_a_neighbour_is_seldom_right():
    """Over all exercises with a value for an answer, and all pairs of seeds."""
    right = pairs = 0
    for name, found in EXERCISES.items():
        if found.draw is None or callable(found.solution(found.numbers(0))) or "run" in exercise(name).asks:
            continue
        for mine in SEEDS[1:]:
            for theirs in SEEDS[1:]:
                if found.numbers(mine) != found.numbers(theirs):
                    pairs += 1
                    right += bool(check(name, found.solution(found.numbers(theirs)), seed=mine).passed)
    assert pairs > 3000
    assert right / pairs < 0.2


@each
def test_a_forgotten_answer_waits_kindly(name):
    for verdict in (check(name), check(name, ...), check(name, None)):
        assert verdict.passed is None
        assert str(verdict).startswith(f"… {name} waits for your answer. Put ")


@each
def test_a_check_takes_a_moment(name):
    found = EXERCISES[name]
    answers = [found.solution(found.numbers(0)), *found.usual(found.numbers(0)).values(), ..., "x"]
    check(name, answers[0])  # what it imports, it imports now
    for answer in answers:
        began = time.process_time()
        check(name, answer)
        assert time.process_time() - began < 0.1


def test_a_stand_in_is_the_students_own_where_it_passes():
    def good(i, b, t):
        return -(-i // b) * t

    assert stand_in("ex01_4", good) is good
    assert stand_in("ex01_4", lambda i, b, t: 0)(12, 5, 5) == 15
    assert stand_in("ex01_4", ...)(12, 5, 5) == 15
    assert stand_in("ex01_1", 4) == 4
