"""The fair queues: exact orders, who starves and who doesn't, and each against a naive list."""

from __future__ import annotations

import copy
import math
import pickle
import time
from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from batchdemo.errors import ArgumentError
from batchdemo.queues import EarliestDeadline, Priority, RoundRobin, Weighted
from batchdemo.queues.turns import SLACK

WEIGHTS = {"a": 3, "b": 0.5}
LEVELS = {"a": 2, "c": -1}
KINDS = {
    "RoundRobin": RoundRobin,
    "Weighted": lambda: Weighted(WEIGHTS),
    "Priority": lambda: Priority(LEVELS),
    "EarliestDeadline": EarliestDeadline,
}


@dataclass(eq=False)
class Item:
    """The least that a fair queue can hold."""

    arrived: float
    client_id: str
    deadline: float = math.inf


def filled(queue, clients, deadlines=()):
    """An item a letter, a second apart; the n-th of a client is named by the letter and n."""
    items = [Item(float(at), client) for at, client in enumerate(clients)]
    for item, deadline in zip(items, deadlines, strict=False):
        item.deadline = deadline
    for item in items:
        queue.push(item)
    return items


def order(queue, size=10_000):
    return "".join(item.client_id for item in queue.pop(size))


@pytest.fixture(params=KINDS)
def queue(request):
    return KINDS[request.param]()


# --- exact orders ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("came", "left"),
    [("aaaa", "aaaa"), ("aaabc", "abcaa"), ("aaabbc", "abcaba"), ("cba", "cba"), ("aaaabbbb", "abababab")],
)
def test_round_robin_takes_one_from_each_in_turn(came, left):
    queue = RoundRobin()
    filled(queue, came)
    assert order(queue) == left


def test_who_comes_back_goes_to_the_end_of_the_round():
    queue = RoundRobin()
    filled(queue, "aabbc")
    assert order(queue, 3) == "abc"
    filled(queue, "cc")
    assert order(queue) == "abcc"


def test_a_round_goes_on_where_the_last_batch_ended():
    queue = RoundRobin()
    filled(queue, "aaabbbccc")
    assert [order(queue, 2) for _ in range(5)] == ["ab", "ca", "bc", "ab", "c"]


@pytest.mark.parametrize(
    ("weights", "came", "left"),
    [
        ({"a": 4}, "a" * 8 + "b" * 2, "aaab" + "aaaab" + "a"),  # due at 1/4, 1/2, 3/4, and at 1 b before a
        ({"a": 2, "b": 1}, "b" * 3 + "a" * 4, "abaaba" + "b"),
        ({}, "aaabbc", "abcaba"),
        ({"b": 1000}, "abbbb", "bbbba"),
    ],
)
def test_weights_share_out_the_order(weights, came, left):
    queue = Weighted(weights)
    filled(queue, came)
    assert order(queue) == left


def test_being_away_earns_no_credit():
    queue = Weighted({})
    filled(queue, "a" * 20)
    assert order(queue, 10) == "a" * 10
    filled(queue, "b" * 10)
    assert order(queue) == "ab" * 10


def test_the_highest_level_goes_first_and_one_level_is_first_come_first_served():
    queue = Priority({"high": 5, "low": -5})
    items = filled(queue, ["low", "x", "y", "x", "high", "high"])
    assert queue.pop(10) == [items[at] for at in (4, 5, 1, 2, 3, 0)]


def test_under_priority_the_low_starve_as_long_as_the_high_keep_coming():
    queue = Priority({"high": 1})
    (starved,) = filled(queue, ["low"])
    for _ in range(1000):
        filled(queue, ["high", "high"])
        assert starved not in queue.pop(2)
    assert queue.pop(1) == [starved]


@pytest.mark.parametrize("fair", [RoundRobin, lambda: Weighted({"high": 100})])
def test_under_the_fair_queues_nobody_starves(fair):
    queue = fair()
    filled(queue, ["high"] * 10)
    (meek,) = filled(queue, ["low"])
    for _ in range(101):
        filled(queue, ["high"])
        if queue.pop(1) == [meek]:
            return
    pytest.fail("not served within a hundred of the other's")


def test_the_earliest_deadline_goes_first_and_those_without_one_last_by_arrival():
    queue = EarliestDeadline()
    items = filled(queue, "abcde", [math.inf, 9.0, 7.0, math.inf, 9.0])
    assert queue.pop(10) == [items[at] for at in (2, 1, 4, 0, 3)]


def test_an_urgent_request_waits_for_a_patient_one_of_its_own_client():
    queue = EarliestDeadline()
    items = filled(queue, "aab", [50.0, 1.0, 20.0])
    assert queue.pop(10) == [items[at] for at in (2, 0, 1)]


def test_once_its_first_is_removed_a_client_is_as_urgent_as_its_second():
    queue = EarliestDeadline()
    items = filled(queue, "aab", [50.0, 1.0, 20.0])
    assert queue.remove(items[0])
    assert queue.pop(10) == [items[1], items[2]]


@pytest.mark.parametrize("fair", [RoundRobin, lambda: Weighted({"a": 2, "b": 2})])
def test_who_removes_its_first_keeps_its_turn(fair):
    queue = fair()
    items = filled(queue, "aabb")
    queue.remove(items[0])
    assert order(queue) == "abb"


# --- what they all promise ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "got"), [(0, 0), (1, 1), (5, 5), (18, 18), (1000, 18)])
def test_pop_gives_as_many_as_were_asked_for_or_all(queue, size, got):
    filled(queue, "abc" * 6)
    assert len(queue.pop(size)) == got
    assert len(queue) == 18 - got


def test_the_oldest_and_the_newest_are_of_all_clients(queue):
    items = filled(queue, "cabbac")
    assert (queue.oldest, queue.newest) == (0.0, 5.0)
    assert queue.remove(items[0])
    assert queue.remove(items[5])
    assert (queue.oldest, queue.newest) == (1.0, 4.0)
    assert list(queue) == items[1:5]
    queue.pop(10)
    assert math.isnan(queue.oldest)
    assert math.isnan(queue.newest)


def test_one_who_left_or_was_never_there_is_not_removed(queue):
    items = filled(queue, "ab")
    assert queue.remove(items[0])
    assert not queue.remove(items[0])
    assert not queue.remove(Item(1.0, "b"))
    queue.pop(1)
    assert not queue.remove(items[1])
    assert not queue.remove(Item(1.0, "nobody"))


def test_the_same_object_cannot_wait_twice(queue):
    (item,) = filled(queue, "a")
    with pytest.raises(ArgumentError, match="item must be one that does not wait already"):
        queue.push(item)
    assert queue.pop(10) == [item]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda queue: pickle.loads(pickle.dumps(queue))])
@pytest.mark.parametrize("used", [False, True])
def test_an_empty_queue_can_be_copied_and_the_copy_is_its_own(queue, again, used):
    if used:
        filled(queue, "aabbc")
        queue.pop(5)
    twin = again(queue)
    assert type(twin) is type(queue)
    assert repr(twin) == repr(queue)
    filled(queue, "aabbc")
    assert len(twin) == 0
    filled(twin, "aabbc")
    assert order(twin) == order(queue)


def test_what_waits_in_a_copy_can_be_removed_from_it(queue):
    filled(queue, "aab")
    twin = copy.deepcopy(queue)
    for item in list(twin):
        assert twin.remove(item)
    assert (len(twin), len(queue)) == (0, 3)


def test_nothing_is_kept_of_clients_that_are_gone(queue):
    filled(queue, ["stays"] * 2)
    for at in range(5000):
        (item,) = filled(queue, [f"passes {at}"])
        queue.remove(item)
    assert len(queue._lines) == len(queue._turns) == 1
    assert len(queue._turns._heap) <= 2 + SLACK
    queue.pop(10)
    assert [len(part) for part in (queue._waiting, queue._lines, queue._turns._heap)] == [0, 0, 0]


def test_a_hundred_thousand_waiting_cost_no_more_each_than_a_few(queue):
    items = filled(queue, [f"{at % 1000}" for at in range(100_000)])
    began = time.perf_counter()
    for item in items[:50_000]:
        assert queue.remove(item)
        assert queue.oldest == item.arrived + 1
    while queue.pop(5):
        assert queue.newest >= 50_000 or not len(queue)
    assert time.perf_counter() - began < 10  # half a second; with a search for each it would be minutes


# --- in words, and at the door -----------------------------------------------------------------------------

SAID = [
    (RoundRobin(), "RoundRobin()", "round-robin over clients"),
    (EarliestDeadline(), "EarliestDeadline()", "earliest deadline first, over clients"),
    (Weighted({"1": 3, "2": 1}), "Weighted({'1': 3.0, '2': 1.0}, default=1)",
     "shares over clients by weight: 1 3, 2 1, all others 1"),
    (Priority({"vip": 10}), "Priority({'vip': 10}, default=0)",
     "strict priority over clients, highest first: vip 10, all others 0"),
    (Weighted({}, 2.5), "Weighted({}, default=2.5)", "shares over clients by weight: all 2.5"),
    (Priority({str(at): at for at in range(9)}), None,
     "strict priority over clients, highest first: 0 0, 1 1, 2 2, 3 3, 5 more, all others 0"),
]  # fmt: skip


@pytest.mark.parametrize(("queue", "shown", "said"), SAID)
def test_each_says_what_it_is(queue, shown, said):
    assert shown is None or repr(queue) == shown
    assert str(queue) == said


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (
            lambda: Weighted([3, 1]),
            r"weights must be a dict from client to number, got \[3, 1\]\. For example Weighted",
        ),
        (lambda: Weighted({1: 3}), "a client in weights must be a text, got 1. Write '1'."),
        (lambda: Weighted({"1": 0}), r"weights\['1'\] must be a number of shares from 0.001 to 1,000, got 0"),
        (lambda: Weighted({"1": math.nan}), r"weights\['1'\] must be .*, got nan"),
        (lambda: Weighted({}, -1), "default must be a number of shares from 0.001 to 1,000, got -1"),
        (lambda: Priority({"1": 1.5}), r"levels\['1'\] must be a whole number from -1,000,000 to 1,000,000, got 1.5"),
        (lambda: Priority({"1": True}), r"levels\['1'\] must be a whole number"),
        (lambda: Priority("1"), "levels must be a dict from client to number, got '1'. For example Priority"),
        (lambda: Priority({}, "high"), "default must be a whole number"),
    ],
)
def test_bad_settings_are_refused_by_name_rule_and_value(make, says):
    with pytest.raises(ArgumentError, match=says):
        make()


def test_the_settings_are_copied_from_the_callers_dict():
    weights = {"a": 1000}
    queue = Weighted(weights)
    weights["a"] = 1
    filled(queue, "baaa")
    assert order(queue) == "aaab"


# --- shares, over any course of events ---------------------------------------------------------------------

EVENTS = st.lists(st.one_of(st.sampled_from("pqr"), st.integers(1, 4)), max_size=80)


def served(queue, always, events):
    """Who is served, one after the other, while `always` wait all the time and p, q and r come as they like."""
    filled(queue, always * 400)
    left = []
    for event in events:
        if isinstance(event, str):
            filled(queue, event)
        else:
            left += [item.client_id for item in queue.pop(event)]
    return left


@given(EVENTS)
def test_round_robin_differs_by_at_most_one_between_those_who_always_wait(events):
    seen = Counter(dict.fromkeys("abc", 0))
    for client in served(RoundRobin(), "abc", events):
        seen[client] += 1
        counts = [seen[one] for one in "abc"]
        assert max(counts) - min(counts) <= 1


WEIGHT = st.floats(0.05, 20)


@given(EVENTS, WEIGHT, WEIGHT)
def test_while_two_wait_their_service_by_weight_differs_within_golestanis_bound(events, first, second):
    weights = {"a": first, "b": second, "p": 7.0}
    seen = Counter(a=0, b=0)
    lead = [0.0]  # of a over b, in served / weight
    for client in served(Weighted(weights), "ab", events):
        seen[client] += 1
        lead.append(seen["a"] / first - seen["b"] / second)
    assert max(lead) - min(lead) <= 1 / first + 1 / second + 1e-9  # over every interval, not only from the start


@given(EVENTS)
def test_equal_weights_are_a_round_robin(events):
    assert served(Weighted({}, 3), "ab", events) == served(RoundRobin(), "ab", events)


# --- against a naive model ---------------------------------------------------------------------------------


def first_of_each(model):
    heads = {}
    for item in model:
        heads.setdefault(item.client_id, item)
    return list(heads.values())  # in order of arrival


def expected(kind, model):
    """Whom the rule of the queue names, where it names one without a memory of the past; else None."""
    heads = first_of_each(model)
    if kind == "Priority":
        return max(heads, key=lambda item: LEVELS.get(item.client_id, 0))  # the first of equals
    if kind == "EarliestDeadline":
        return min(heads, key=lambda item: item.deadline)
    return None


class AgainstAList(RuleBasedStateMachine):
    """Every sequence of pushes, pops and removals leaves the queue as it leaves a plain list."""

    kind: str

    def __init__(self):
        super().__init__()
        self.queue = KINDS[self.kind]()
        self.model = []
        self.clock = 0.0

    @rule(clients=st.lists(st.sampled_from("abcd"), max_size=6), deadline=st.sampled_from([1.0, 5.0, 9.0, math.inf]))
    def push(self, clients, deadline):
        for client in clients:
            self.clock += 1.0
            item = Item(self.clock, client, self.clock + deadline)
            self.queue.push(item)
            self.model.append(item)

    @rule(size=st.integers(0, 7))
    def pop(self, size):
        taken = self.queue.pop(size)
        assert len(taken) == min(size, len(self.model))
        for item in taken:
            assert item in first_of_each(self.model)  # first of its client; nothing twice, nothing invented
            assert expected(self.kind, self.model) in (item, None)
            self.model.remove(item)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove(self, data):
        item = self.model.pop(data.draw(st.integers(0, len(self.model) - 1)))
        assert self.queue.remove(item)
        assert not self.queue.remove(item)

    @invariant()
    def agrees_with_the_list(self):
        assert len(self.queue) == len(self.model)
        assert list(self.queue) == self.model
        ends = [self.model[0].arrived, self.model[-1].arrived] if self.model else [math.nan, math.nan]
        assert [self.queue.oldest, self.queue.newest] == pytest.approx(ends, nan_ok=True)
        assert len(self.queue._turns) == len({item.client_id for item in self.model})


def machine(name):
    case = type(name, (AgainstAList,), {"kind": name}).TestCase
    case.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
    return case


TestRoundRobinAgainstAList = machine("RoundRobin")
TestWeightedAgainstAList = machine("Weighted")
TestPriorityAgainstAList = machine("Priority")
TestEarliestDeadlineAgainstAList = machine("EarliestDeadline")
