"""Those for whom a full queue has no place: a line for each client, one from each in turn."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdemo.errors import ArgumentError
from batchdemo.queues import Fifo, RoundRobin
from batchdemo.queues.checks import a_queue, one_of
from batchdemo.queues.outside import Outside


def filled(*items):
    outside = Outside()
    for item in items:
        outside.add(item[0], item)
    return outside


def taken(outside, may=lambda client: True):
    """All that come in, until nobody may."""
    found = []
    while (one := outside.next(may)) is not None:
        found.append(one[1])
    return found


def test_one_of_each_client_in_turn():
    assert taken(filled("a1", "a2", "a3", "b1", "b2", "c1")) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_who_may_not_come_in_does_not_stop_the_others():
    outside = filled("a1", "a2", "b1", "b2")
    assert taken(outside, lambda client: client != "a") == ["b1", "b2"]
    assert (len(outside), "a" in outside, "b" in outside) == (2, True, False)


def test_one_leaves_from_the_middle_and_a_client_with_all_it_has():
    outside = filled("a1", "a2", "a3", "b1")
    assert outside.remove("a", "a2")
    assert not outside.remove("a", "a2")
    assert not outside.remove("c", "c1")
    assert outside.leave("a") == ["a1", "a3"]
    assert outside.leave("a") == []
    assert outside.clients() == ["b"]
    assert taken(outside) == ["b1"]
    assert not outside


@given(st.lists(st.sampled_from("abc")))
def test_nobody_is_lost_and_each_client_goes_in_its_order(clients):
    items = [(client, number) for number, client in enumerate(clients)]
    outside = Outside()
    for item in items:
        outside.add(item[0], item)
    found = taken(outside)
    assert sorted(found) == sorted(items)
    for client in "abc":
        assert [item for item in found if item[0] == client] == [item for item in items if item[0] == client]


def test_a_queue_is_checked_at_the_door():
    full = Fifo()
    full.push(SimpleNamespace(arrived=0.0))
    for value, rule in (
        (RoundRobin, "That is a class"),
        ([1, 2], "a queue of batchdemo.queues"),
        (full, "nobody waits"),
    ):
        with pytest.raises(ArgumentError, match=rule):
            a_queue(value)
    assert a_queue(None) is None


@pytest.mark.parametrize("value", ["drop", None, 5, ["reject"]])
def test_a_word_is_checked_at_the_door(value):
    with pytest.raises(ArgumentError, match="overflow must be 'reject' or 'wait', got"):
        one_of("overflow", value, ("reject", "wait"))
