"""Exercises of notebook 10: right answers in many forms pass, plausible wrong ones are met with what they missed."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import chain, combinations, product

import numpy as np
import pytest
from attempts import SEEDS, by_name, changed, words

from batchdemo.course import check, exercise, histories, once
from batchdemo.course.ex10 import CLIENTS, EXERCISES, KILLS, paid
from batchdemo.runs import fates

BY_NAME = by_name(EXERCISES)


def counted(history):
    """How often each was served; written anew."""
    often = {}
    for what, number in history:
        if what == "sent":
            often.setdefault(number, 0)
        if what == "served":
            often[number] += 1  # KeyError: served and never sent
    return often


# --- ex10_1 ---------------------------------------------------------------------------------------------------


def with_setdefault(request, seen):
    if request.key is None:
        return "serve"
    mark = object()
    before = seen.get((request.client, request.key), mark)
    if before is mark:
        seen[request.client, request.key] = None
        return "serve"
    return "wait" if before is None else "again"


def with_try(request, seen):
    client, key, _ = request
    if key is None:
        return "serve"
    try:
        reply = seen[client, key]
    except KeyError:
        seen.update({(client, key): None})
        return "serve"
    return "again" if reply is not None else "wait"


def with_match(request, seen):
    name = (request.client, request.key)
    match (request.key, name in seen, seen.get(name)):
        case (None, _, _):
            return "serve"
        case (_, False, _):
            seen[name] = None
            return "serve"
        case (_, True, None):
            return "wait"
    return "again"


def with_numpys_text(request, seen):
    return np.str_(once.handle(request, seen))


@pytest.mark.parametrize("function", [once.handle, with_setdefault, with_try, with_match, with_numpys_text])
def test_handle_may_be_written_in_many_ways(function):
    for seed in SEEDS[:4]:
        verdict = check("ex10_1", function, seed=seed)
        assert verdict.passed, verdict


TEXT = """
def handle(request, seen):
    if request.key is None:
        return "serve"
    name = (request.client, request.key)
    if name not in seen:
        seen[name] = None
        return "serve"
    return "wait" if seen[name] is None else "again"
"""

MUTANTS = {
    "no key is never served": ('None:\n        return "serve"', 'None:\n        return "wait"'),
    "no key is one key": ("request.key is None", "False"),
    "an empty key is none": ("request.key is None", "not request.key"),
    "the key alone": ("(request.client, request.key)", "request.key"),
    "the client alone": ("(request.client, request.key)", "request.client"),
    "the text": ("(request.client, request.key)", "(request.client, request.text)"),
    "all three": ("(request.client, request.key)", "(request.client, request.key, request.text)"),
    "the whole request": ("(request.client, request.key)", "request"),
    "swapped": ("(request.client, request.key)", "(request.key, request.client)"),
    "no note": ("seen[name] = None", "pass"),
    "a note that is a word": ("seen[name] = None", 'seen[name] = "serving"'),
    "a note that is False": ("seen[name] = None", "seen[name] = False"),
    "an empty text for a note": ("seen[name] = None", 'seen[name] = ""'),
    "get is enough": ("name not in seen", "seen.get(name) is None"),
    "an empty reply is none": ("seen[name] is None", "not seen[name]"),
    "an empty reply is new": ("name not in seen", "not seen.get(name)"),
    "never again": ('else "again"', 'else "wait"'),
    "never wait": ('"wait" if', '"again" if'),
    "serve meanwhile": ('"wait" if', '"serve" if'),
    "serve afterwards": ('else "again"', 'else "serve"'),
    "the wrong way round": ("seen[name] is None else", "seen[name] is not None else"),
    "one key at a time": ("name not in seen", "not any(reply is None for reply in seen.values()) and name not in seen"),
    "only the first key": ("name not in seen", "not seen"),
    "forgets what is done": ("if name not in seen", "if seen.get(name): del seen[name]\n    if name not in seen"),
    "forgets the others": ("seen[name] = None", "seen.clear(); seen[name] = None"),
    "notes for no key": ('request.key is None:\n', 'request.key is None:\n        seen[request.client, None] = None\n'),
    "the reply itself": ('else "again"', "else seen[name]"),
    "True": ('return "serve"\n    return', "return True\n    return"),
    "says nothing": ('return "serve"\n    return', "return None\n    return"),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_one_thing_wrong_is_found_out(name):
    handle = changed(TEXT, "handle", *MUTANTS[name], times=1)
    for seed in SEEDS[:3]:
        verdict = check("ex10_1", handle, seed=seed)
        assert verdict.passed is (None if name == "says nothing" else False), verdict
        if verdict.passed is False:
            assert "'serve', 'wait', 'again'" in verdict.words or "?" in verdict.words or "seen" in verdict.words


def test_the_story_is_told_until_where_it_goes_wrong():
    assert words("ex10_1", lambda request, seen: once.handle(request, seen) and "serve").startswith(
        "One key twice, the second after the first was done: ann sends 'pay 1' with the key 'k1', you say 'serve'; it "
        "is done, and seen['ann', 'k1'] becomes 'paid'; ann sends 'pay 1' with the key 'k1', you say 'serve'. That "
        "serves one key twice."
    )
    assert "raised AttributeError" in words("ex10_1", lambda request, seen: request.name)
    assert "One of 'serve', 'wait', 'again' is wanted" in words("ex10_1", lambda request, seen: 1)
    assert "Give its name alone" in words("ex10_1", "serve")
    assert check("ex10_1", lambda request, seen: None).passed is None


def test_in_each_story_whoever_is_told_to_serve_serves_each_key_once_at_a_time():
    """What the reference promises: between a note and its end nobody else serves the key, and after a reply nobody."""
    for what, steps in once.STORIES:
        seen, serving, served = {}, set(), defaultdict(int)
        for step in steps:
            name = step.client, step.key
            if step.what == "comes":
                word = once.handle(once.Request(step.client, step.key, step.text), seen)
                if word == "serve" and step.key is not None:
                    assert name not in serving, what
                    assert not served[name], what
                    serving.add(name)
                assert (word == "again") == bool(served[name]), what
            else:
                assert name in serving, what
                serving.remove(name)
                seen[name] = step.text
                if step.what == "done":
                    served[name] += 1
                else:
                    del seen[name]


# --- ex10_2 ---------------------------------------------------------------------------------------------------


def test_of_all_answers_one_is_right():
    for seed in SEEDS[:8]:
        given = BY_NAME["ex10_2"].numbers(seed)["histories"]
        right = [
            list(some)
            for some in product(histories.PROMISES, repeat=3)
            if check("ex10_2", list(some), seed=seed).passed
        ]
        often = [set(counted(history).values()) for history in given]
        assert right == [
            ["exactly once" if one == {1} else "at most once" if 0 in one else "at least once" for one in often]
        ]
        assert check("ex10_2", [word.upper() for word in right[0]], seed=seed).passed
        assert check("ex10_2", tuple(f" {word} " for word in right[0]), seed=seed).passed


def test_no_history_is_both_and_none_is_told_by_another_event():
    for seed in range(1, 200):
        given = BY_NAME["ex10_2"].numbers(seed)["histories"]
        assert len({histories.promise(history) for history in given}) > 1
        for history in given:
            assert histories.promise(history)
            often = counted(history)
            assert not (0 in often.values() and max(often.values()) > 1)
            assert history.count(histories.CRASH) == 1


def test_every_history_could_have_happened():
    """Accepted after it was sent, served after it was accepted, answered after it was served."""
    for seed in range(1, 100):
        given = [*BY_NAME["ex10_2"].numbers(seed)["histories"], BY_NAME["ex10_3"].numbers(seed)["history"]]
        for history in given:
            seen = defaultdict(Counter)
            for what, number in history:
                before = seen[number]
                if what == "accepted":
                    assert before["accepted"] < before["sent"]
                if what == "served":
                    assert before["accepted"]
                if what == "reply":
                    assert before["served"]
                before[what] += 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (["exactly once"] * 3, "You called history A exactly once. Count there how often #"),
        (["at least once", "exactly once", "at least once"], "You called history A at least once"),
        (["at most once", "at most once", "at least once"], "how often each of its numbers was served"),
        (["at most once", "exactly once", "exactly once"], "You called history C exactly once"),
        (["at most once", "at least once"], "yours has 2 where 3 belong"),
        ("exactly once", "You answered 'exactly once'"),
        (["once"] * 3, "At place 1 of your list"),
    ],
)
def test_a_promise_that_is_not_kept_is_told_where(answer, said):
    assert said in words("ex10_2", answer)


# --- ex10_3 ---------------------------------------------------------------------------------------------------


def test_the_lists_are_right_in_whatever_order_and_form():
    for seed in SEEDS:
        history = exercise("ex10_3", seed).numbers["history"]
        often = counted(history)
        lost = [number for number, count in often.items() if count == 0]
        twice = [number for number, count in often.items() if count > 1]
        assert check("ex10_3", [lost[::-1], sorted(twice)], seed=seed).passed
        assert check("ex10_3", (np.array(lost), tuple(twice)), seed=seed).passed
        assert 2 <= len(lost) <= 3
        assert 2 <= len(twice) <= 3
        by_fate = fates(sorted(often), [n for what, n in history if what == "reply"],
                        done=[n for what, n in history if what == "served"])  # fmt: skip
        assert sorted(lost) == [number for number, fate in by_fate.items() if fate == "lost"]
        assert sorted(twice) == [number for number, fate in by_fate.items() if fate == "twice"]


def test_one_more_or_one_less_is_wrong():
    given = BY_NAME["ex10_3"].numbers(0)
    lost, twice = BY_NAME["ex10_3"].solution(given)
    for number in range(given["first"], given["last"] + 1):
        for place, word in enumerate(("lost", "twice")):
            lists = [list(lost), list(twice)]
            if number in lists[place]:
                lists[place].remove(number)
                assert f"Your list of the {word} is right as far as it goes" in words("ex10_3", lists)
            else:
                lists[place].append(number)
                assert f"You said that #{number} is {word}." in words("ex10_3", lists)


def test_a_list_that_is_wrong_is_told_where():
    lost, twice = BY_NAME["ex10_3"].solution(BY_NAME["ex10_3"].numbers(0))
    assert "asked for is a list of numbers. Put it in square brackets" in words("ex10_3", [1, 2])
    assert "more than once; once is enough" in words("ex10_3", [[lost[0], *lost], twice])
    assert "#77 was not sent" in words("ex10_3", [[*lost, 77], twice])
    assert "where 2 belong" in words("ex10_3", [lost, twice, []])
    assert "At place 2 of your list: At place 1 of your list" in words("ex10_3", [lost, ["#5"]])


# --- ex10_4 ---------------------------------------------------------------------------------------------------


class CrashedError(Exception):
    pass


def coins(order, client, after):
    """A server and a client, played step by step: nothing is added up."""
    disk = {"accepted": [], "done": []}  # ids
    box, answered, keys = [], [], {}

    def work(one, until=None):
        for at, step in enumerate(order[1:], 1):
            if step == "do":
                box.append(one)
            elif step == "commit":
                disk["done"].append(one)
            else:
                answered.append(one)
            if at == until:
                raise CrashedError

    def comes(key):
        if key is not None and key in keys:
            return None
        one = len(disk["accepted"]) + 1
        disk["accepted"].append(one)
        if key is not None:
            keys[key] = one
        return one

    try:
        first = comes("k" if client == "key" else None)
        if after:
            work(first, after)
    except CrashedError:
        pass
    unanswered = not answered
    todo = [one for one in disk["accepted"] if one not in disk["done"]]
    if client != "never" and unanswered:
        again = comes("k" if client == "key" else None)
        todo += [again] if again else []
    for one in todo:
        work(one)
    return len(box)


def test_the_coins_are_those_of_a_server_that_is_played_through():
    for kill in KILLS:
        for after in range(4):
            assert paid(kill["order"], kill["client"], after) == coins(kill["order"], kill["client"], after), kill
    assert {kill["client"] for kill in KILLS} == set(CLIENTS)
    assert len(KILLS) >= 12


def test_of_all_pairs_of_lists_one_is_right():
    some = [list(letters) for letters in chain(*(combinations("ABCD", count) for count in range(5)))]
    for seed in SEEDS[:6]:
        given = BY_NAME["ex10_4"].numbers(seed)
        often = {letter: coins(given["order"], given["client"], at) for at, letter in enumerate("ABCD")}
        right = [
            [letter for letter in "ABCD" if often[letter] > 1],
            [letter for letter in "ABCD" if often[letter] == 0],
        ]
        assert [[one, other] for one in some for other in some
                if check("ex10_4", [one, other], seed=seed).passed] == [right]  # fmt: skip
        assert check("ex10_4", ([letter.lower() for letter in right[0][::-1]], tuple(right[1])), seed=seed).passed


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([["A", "B"], []], "You said that the coin is paid twice or more where the kill comes right after A"),
        ([[], []], "There is a moment that you left out of those at which it is paid twice or more"),
        ([["B"], ["A"]], "You said that the coin is paid never where the kill comes right after A"),
        ([["B"]], "yours has 1 where 2 belong"),
        (["B", []], "At place 1 of your list: You answered 'B'"),
        ([["E"], []], "At place 1 of your list: At place 1 of your list"),
    ],
)
def test_a_moment_that_is_wrong_is_told(answer, said):
    assert said in words("ex10_4", answer)
