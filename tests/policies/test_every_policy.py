"""What every policy of the field keeps, whatever its settings, its queue and its executor."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
from engine import play
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import ANY, ARRIVALS, KINDS, SERVICE, TIMES, finished, limit, views

from batchdemo.errors import ArgumentError
from batchdemo.policies import (
    AIMD,
    BUSY,
    CostModel,
    FixedInterval,  # noqa: F401  - for eval
    GroupCommit,
    IdleOrTimeout,
    NoBatching,
    Policy,
    Preferred,
    PreFormed,
    QueueView,
    Release,
    SizeOrTimeout,
    TakeAll,
    Wait,
    fault,
)

PATIENT = settings(max_examples=60, deadline=None)
EVERY = pytest.mark.parametrize("name", KINDS)
STEPS = st.lists(st.one_of(views(), finished()), max_size=12)


def settle(policy, view):
    """The answers to this view and to what each leaves, up to the one that waits, and the view it had.

    None may be at fault.
    """
    answers = []
    while True:
        answer = policy.decide(view)
        answers.append(answer)
        assert fault(answer, view) == ""
        if isinstance(answer, Wait):
            return answers, view
        if isinstance(answer, Release):
            assert answer.size <= limit(policy)
            view = view._replace(running=view.running + 1, free=max(0, view.free - 1))
        view = view._replace(waiting=view.waiting - answer.size)
        if not view.waiting:
            view = view._replace(oldest=math.nan, newest=math.nan)


def walk(policy, steps):
    """All answers on a way through any states."""
    answers = []
    for step in steps:
        if isinstance(step, QueueView):
            answers.append(settle(policy, step)[0])
        else:
            policy.observe(step)
    return answers


@EVERY
@PATIENT
@given(st.data())
def test_no_answer_is_ever_at_fault_and_the_questions_end(name, data):
    policy = data.draw(KINDS[name].policies)
    walk(policy, data.draw(STEPS))
    assert isinstance(policy, Policy)


@EVERY
@PATIENT
@given(st.data())
def test_a_timer_acts_at_the_time_at_which_it_was_due(name, data):
    """Else an engine whose clock stands still between events would ask for ever."""
    policy, view = data.draw(KINDS[name].policies), data.draw(views())
    walk(policy, data.draw(STEPS))
    answers, view = settle(policy, view)
    if answers[-1].until is not None:
        assert len(settle(policy, view._replace(now=answers[-1].until))[0]) > 1


@EVERY
@PATIENT
@given(st.data())
def test_whoever_waits_for_a_free_executor_is_dealt_with_or_has_a_time(name, data):
    policy, view = data.draw(KINDS[name].policies), data.draw(views())
    walk(policy, data.draw(STEPS))
    answer = policy.decide(view)
    promised = view.free > 0 or not KINDS[name].gated
    if view.waiting and promised:
        assert not isinstance(answer, Wait) or answer.until is not None
    if not view.waiting:
        assert answer == Wait() or (answer == BUSY and view.free < 1 and KINDS[name].gated)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.gated])
@PATIENT
@given(st.data())
def test_a_gated_policy_releases_nothing_to_a_busy_executor(name, data):
    policy, view = data.draw(KINDS[name].policies), data.draw(views())
    walk(policy, data.draw(STEPS))
    assert not isinstance(policy.decide(view._replace(free=0)), Release)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if not kind.gated])
@PATIENT
@given(st.data())
def test_a_policy_that_forms_batches_before_does_not_look_at_the_executor(name, data):
    policy, arrivals = data.draw(KINDS[name].policies), data.draw(ARRIVALS)
    one, other = (play(policy, arrivals, **data.draw(SERVICE)) for _ in range(2))
    assert one.batches == other.batches


@EVERY
@PATIENT
@given(st.data())
def test_everything_leaves_once_in_order_in_batches_of_the_size_and_for_a_reason_it_names(name, data):
    policy, arrivals = data.draw(KINDS[name].policies), data.draw(ARRIVALS)
    played = play(policy, arrivals, **data.draw(SERVICE))
    released = [number for _, numbers, _ in played.batches for number in numbers]
    refused = [number for _, number in played.refused]
    assert released == sorted(released)
    assert sorted(released + refused) == list(range(len(arrivals)))
    assert not refused or isinstance(policy, CostModel)
    for when, numbers, reason in played.batches:
        assert 1 <= len(numbers) <= limit(policy)
        assert reason in KINDS[name].reasons
        assert when >= arrivals[numbers[-1]]


@EVERY
@PATIENT
@given(st.data())
def test_the_engine_is_asked_a_bounded_number_of_times(name, data):
    """Each event costs one question and each batch or refusal one more; timers that do nothing are few."""
    arrivals = data.draw(ARRIVALS)
    played = play(data.draw(KINDS[name].policies), arrivals, **data.draw(SERVICE))
    assert len(played.views) <= 2 + 6 * len(arrivals)


@PATIENT
@given(ANY, STEPS, STEPS)
def test_a_copy_made_on_the_way_goes_on_alike_and_apart(policy, before, after):
    walk(policy, before)
    shallow, deep = pickle.loads(pickle.dumps(policy)), copy.deepcopy(policy)
    assert policy == deep
    first = walk(policy, after)
    assert walk(deep, after) == first  # as left by `before`, untouched by the original's way
    assert walk(shallow, after) == first


@PATIENT
@given(ANY, ARRIVALS, SERVICE)
def test_one_policy_gives_one_result_and_is_left_as_it_was(policy, arrivals, service):
    shown = copy.deepcopy(vars(policy)) if not isinstance(policy, CostModel) else None
    first, second = (play(policy, arrivals, until=1e3, **service) for _ in range(2))
    assert (first.batches, first.refused) == (second.batches, second.refused)
    assert shown is None or vars(policy) == shown


@PATIENT
@given(ANY, STEPS)
def test_policies_are_equal_by_their_settings_whatever_they_have_been_through(policy, steps):
    twin = copy.deepcopy(policy)
    walk(policy, steps)
    assert policy == twin
    assert repr(policy) == repr(twin)
    assert eval(repr(policy)) == policy  # the repr is how it is made
    assert str(policy) == str(twin) != repr(policy)


@EVERY
@PATIENT
@given(st.data(), TIMES)
def test_an_empty_queue_is_no_reason_for_anything(name, data, now):
    nothing = QueueView(now, 0, math.nan, math.nan, 0, 1)
    assert data.draw(KINDS[name].policies).decide(nothing) == Wait(None)


# --- the door ------------------------------------------------------------------------------------------------

SIZE = ("max_batch_size", "a whole number from 1 to 1,000,000", [0, -1, 5.0, "5", True, None, 1_000_001, float("nan")])
NUMBERS = [-0.001, 86_401, float("nan"), float("inf"), "5", True, None]


def time(name):
    return (name, "a number of seconds from 0 to 86,400", NUMBERS)


def above_zero(name):
    return (name, "a number of seconds from 0.0001 to 86,400", [0, *NUMBERS])


DOORS = [
    (SizeOrTimeout, {}, [SIZE, time("timeout")]),
    (TakeAll, {}, [SIZE]),
    (IdleOrTimeout, {}, [SIZE, time("idle"), time("timeout")]),
    (Preferred, {}, [SIZE, time("max_queue_delay")]),
    (Preferred, {}, [("preferred", "whole numbers from 1 to 8, such as (4, 8)", [4, None, "48", 4.0])]),
    (Preferred, {}, [("each of preferred", "a whole number from 1 to 8", [(0,), (4, 9), [2.5], {True}, ("4",)])]),
    (PreFormed, {}, [SIZE, time("batch_wait_timeout"), ("preform", "True or False", [0, 1, None, "yes"])]),
    (CostModel, {}, [SIZE, above_zero("max_latency")]),
    (AIMD, {"objective": 1.0}, [SIZE, above_zero("objective")]),
    (AIMD, {"objective": 1.0}, [("step", "a whole number from 1 to 1,000,000", [0, 0.5, True, None])]),
    (AIMD, {"objective": 1.0}, [("backoff", "a number of times the size from 0.01 to 0.99", [0, 1, 1.5, "x", None])]),
    (GroupCommit, {}, [SIZE, time("delay"), ("siblings", "a whole number from 0 to 1,000", [-1, 1.5, True, 1001])]),
]
CASES = [(make, good, *row) for make, good, rows in DOORS for row in rows]


@pytest.mark.parametrize(
    ("make", "good", "name", "rule", "bad"),
    CASES,
    ids=lambda x: getattr(x, "__name__", x if isinstance(x, str) else ""),
)
def test_a_bad_setting_is_refused_by_name_rule_and_value_at_the_door_and_afterwards(make, good, name, rule, bad):
    setting = name.removeprefix("each of ")
    for value in bad:
        with pytest.raises(ArgumentError) as caught:
            make(**{**good, setting: value})
        policy = make(**good)
        with pytest.raises(ArgumentError) as again:
            setattr(policy, setting, value)
        for error in (caught, again):
            assert str(error.value).startswith(f"{name} must be {rule}, got ")
        if not name.startswith("each of"):
            assert f"got {value!r}." in str(caught.value)
        assert policy == make(**good)


def test_the_largest_preferred_size_must_fit_afterwards_too():
    policy = Preferred(16, (4, 8))
    with pytest.raises(ArgumentError, match=r"^max_batch_size must be a whole number from 8 to 1,000,000, got 7\. The"):
        policy.max_batch_size = 7
    policy.max_batch_size = 8
    policy.preferred = [2, 8, 2]
    assert policy == Preferred(8, (2, 8))


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (SizeOrTimeout(), "5, or what waits 5 s after the oldest came"),
        (TakeAll(1000), "all that wait, up to 1,000, whenever the executor is free"),
        (NoBatching(), "each request on its own, at once"),
        (IdleOrTimeout(), "up to 1,000, once nothing came for 1 s or the oldest has waited 10 s"),
        (Preferred(), "8 when the executor is free, else up to 8 at once"),
        (
            Preferred(16, (8, 4), 0.1),
            "4 or 8 when the executor is free, else up to 16 once the oldest has waited 0.1 s",
        ),
        (PreFormed(), "up to 10 within 0.01 s of the first, formed before the executor is free"),
        (PreFormed(preform=False), "up to 10 within 0.01 s of the first, formed when the executor is free"),
        (CostModel(), "up to 100, answered within 60 s or refused, by its own cost model"),
        (AIMD(0.1), "as many as take 0.1 s, found by steps, up to 1,000"),
        (GroupCommit(), "up to 100 when the executor is free, 0.005 s later where 5 others are active"),
    ],
    ids=lambda x: type(x).__name__,
)
def test_a_policy_says_itself_in_words(policy, words):
    assert str(policy) == words
