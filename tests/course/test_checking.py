"""Bad input at the door of the course kit: named, and met kindly."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections import deque
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from batchdemo.course import check, exercise, hint, seed_for
from batchdemo.errors import ArgumentError


def words(name, answer):
    verdict = check(name, answer)
    assert verdict.passed is False
    return verdict.words


@pytest.mark.parametrize("call", [lambda name: check(name, 1), hint, exercise])
@pytest.mark.parametrize("name", ["ex01_22", "ex1_1", "EX01_1", "", 7, None, ["ex01_1"], "x" * 5000])
def test_an_unknown_exercise_lists_those_there_are(call, name):
    with pytest.raises(ArgumentError, match=r"There are ex01_1, ex01_2, .*ex10_4\.") as caught:
        call(name)
    assert len(str(caught.value)) < 600


def test_a_misspelt_exercise_is_guessed():
    with pytest.raises(ArgumentError, match=r"Did you mean 'ex01_2'\? There are"):
        check("ex1_2", 15)


@pytest.mark.parametrize("level", [0, 4, 1.5, "1", True, None])
def test_a_hint_has_three_levels(level):
    with pytest.raises(ArgumentError, match="level must be a whole number from 1 to 3, got"):
        hint("ex01_1", level)


@pytest.mark.parametrize("seed", [-1, 1.5, "Ada", None, True])
def test_a_seed_is_a_whole_number(seed):
    for call in (lambda: check("ex01_1", 4, seed=seed), lambda: exercise("ex01_1", seed)):
        with pytest.raises(ArgumentError, match=r'seed must be .* seed_for\("your name"\)'):
            call()


class Unshowable:
    def __repr__(self):
        raise RuntimeError("no repr")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("4", "Leave the quotation marks away"),
        (True, "You answered True"),
        (4.5, "You answered 4.5"),
        (math.nan, "NaN is what comes of a computation without a result"),
        (np.float64("nan"), "NaN is what"),
        (math.inf, "must be finite"),
        ([4], "You answered [4]"),
        (4 + 0j, "You answered (4+0j)"),
        (Decimal(4), "Decimal"),
        (Unshowable(), "<Unshowable instance at"),
        (print, "print"),
        (b"4", "b'4'"),
    ],
)
def test_a_wrong_type_is_met_kindly(answer, said):
    assert said in words("ex01_1", answer)
    assert "asked for is a whole number" in words("ex01_1", answer)


def test_a_number_of_thousands_of_digits_is_met_kindly():
    assert "nobody can mean" in words("ex01_1", 10**5000)
    assert "nobody can mean" in words("ex01_1", -(10**5000))
    assert "must be finite" in words("ex01_2", 10**5000)
    assert "At place 1 of your list" in words("ex01_3", [10**5000])


@pytest.mark.parametrize("answer", [4, 4.0, np.int64(4), np.float32(4), Fraction(4)])
def test_a_number_is_a_number_in_whatever_dress(answer):
    assert check("ex01_1", answer).passed


@pytest.mark.parametrize("answer", [[5, 5, 5, 5, 3], (5, 5, 5, 5, 3), np.array([5, 5, 5, 5, 3]), [5.0, 5, 5, 5, 3]])
def test_a_list_may_be_a_tuple_or_an_array(answer):
    assert check("ex01_3", answer).passed


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (23, "Put it in square brackets"),
        ("55553", "You answered '55553'"),
        ((size for size in [5, 5]), "You answered <generator"),
        ({5, 3}, "You answered {3, 5}"),
        ([5, "5", 3], "At place 2 of your list: You answered '5'"),
        ([5, math.nan], "At place 2 of your list"),
        ([[5, 5]], "At place 1 of your list"),
        ([], "hold 0 messages together"),
        (np.array(5), "asked for is a list"),
        (np.zeros((3, 2)), "At place 1 of your list"),
        (range(10**12), "1,000,000,000,000 entries, which nobody can mean"),
        ([5] * 10**7, "10,000,000 entries, which nobody can mean"),
    ],
)
def test_a_list_that_is_none_is_met_kindly(answer, said):
    began = time.process_time()
    assert said in words("ex01_3", answer)
    assert time.process_time() - began < 0.1


def test_a_choice_lists_its_options_and_forgives_capitals():
    assert "asked for is one of the texts 'letters', 'invoices', 'pictures', 'sums'" in words("ex02_3", "bakery")
    assert "asked for is one of" in words("ex02_3", 3)
    assert check("ex02_3", "  Pictures ").passed


def test_a_function_that_was_called_is_none():
    assert "Give its name alone, without calling it" in words("ex01_4", 15)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda i, b, t: 1 / 0, "reply_time(12, 5, 5) raised ZeroDivisionError: division by zero."),
        (lambda i: i, "raised TypeError"),
        (lambda i, b, t: sys.exit("bye"), "raised SystemExit: bye."),
        (lambda i, b, t: {}["i"], "raised KeyError"),
        (lambda i, b, t: math.nan, "gave nan; a number of seconds is wanted"),
        (lambda i, b, t: "15", "gave '15'"),
        (lambda i, b, t: [15], "gave [15]"),
        (lambda i, b, t: Unshowable(), "<Unshowable instance at"),
        (int, "raised TypeError"),
    ],
)
def test_a_function_that_fails_is_told_with_the_call(function, said):
    assert said in words("ex01_4", function)


def test_a_function_without_an_answer_in_it_waits():
    def reply_time(i, b, t):
        """As it is handed out."""
        ...

    assert check("ex01_4", reply_time).passed is None
    assert check("ex01_4", lambda i, b, t: ...).passed is None


def test_recursion_without_an_end_is_told():
    def reply_time(i, b, t):
        return reply_time(i, b, t)

    assert "raised RecursionError" in words("ex01_4", reply_time)


def test_the_failing_input_is_shown_and_the_right_result_is_not():
    said = words("ex01_4", lambda i, b, t: math.ceil(i / 5) * 5)
    assert said.startswith("reply_time(7, 3, 2.0) gave 10; with 3 a batch, #7 comes in the third, ")


def endless(i, b, t):
    while True:
        pass


def stubborn(i, b, t):
    for _ in range(3):
        try:
            endless(i, b, t)
        except BaseException:
            continue
    return 0


@pytest.mark.parametrize("function", [endless, stubborn])
def test_an_endless_loop_is_stopped_with_a_word(function):
    said = words("ex01_4", function)
    assert "reply_time(12, 5, 5) did not return within 2 s and was stopped. Does a loop of it never end?" in said
    assert not [thread for thread in threading.enumerate() if thread.name == "batchdemo-trial"]


def test_what_python_cannot_stop_is_left_behind_with_a_word():
    assert "could not be stopped" in words("ex01_4", lambda i, b, t: time.sleep(4))


def test_all_calls_of_a_check_share_the_two_seconds():
    began = time.monotonic()
    assert "did not return within 2 s" in words("ex01_4", lambda i, b, t: time.sleep(0.7) or -(-i // b) * t)
    assert time.monotonic() - began < 2 * 2 + 1


def test_it_works_in_a_thread_that_is_not_the_main_one():
    said = []
    thread = threading.Thread(target=lambda: said.append(words("ex01_4", endless)))
    thread.start()
    thread.join(30)
    assert "was stopped" in said[0]


def test_a_queue_is_given_fresh_to_each_call():
    assert check("ex03_2", lambda queue, size: [queue.popleft() for _ in range(min(size, len(queue)))]).passed
    said = words("ex03_2", lambda queue, size: list(queue)[:size])
    assert "all of them are still in the queue" in said
    said = words("ex03_2", lambda queue, size: [queue.popleft(), *[queue.popleft() for _ in range(size - 1)]])
    assert "raised IndexError: pop from an empty deque." in said
    keep = deque()
    said = words(
        "ex03_2", lambda queue, size: keep.append(queue) or [queue.popleft() for _ in range(1, size + 1)][::-1]
    )
    assert "who waits longest goes first" in said or "order" in said


def test_runs_are_asked_for_by_name():
    assert "asked for is a run, as bd.send returns it" in words("ex01_6", [1, 2, 3])
    assert "asked for is a run" in words("ex03_3", "run")


@pytest.mark.parametrize("name", ["", "   ", 7, None, b"Ada"])
def test_a_seed_needs_a_name(name):
    with pytest.raises(ArgumentError, match="name must be your name, as a text, got"):
        seed_for(name)


def test_a_seed_is_the_same_everywhere_and_forgives_capitals_and_spaces():
    assert seed_for("Ada Lovelace") == seed_for("  ada   LOVELACE ") == 394233312
    assert seed_for("Zoë") == seed_for("Zoe\u0308")
    assert len({seed_for(f"student {number}") for number in range(1000)}) == 1000
    assert all(seed_for(name) > 0 for name in "abcdefghij")
    assert seed_for("\ud800") > 0
