"""Every policy of the field with every kind of settings, and queues in every state, for Hypothesis to choose from."""

from __future__ import annotations

import math
from typing import NamedTuple

from hypothesis import strategies as st

from batchdemo.policies import (
    AIMD,
    CostModel,
    FixedInterval,
    GroupCommit,
    IdleOrTimeout,
    NoBatching,
    Preferred,
    PreFormed,
    QueueView,
    SizeOrTimeout,
    TakeAll,
)
from batchdemo.records import BatchRecord

SIZES = st.integers(1, 12)
WAITS = st.sampled_from([0.0, 0.001, 0.01, 0.1, 0.3, 1 / 3, 5.0]) | st.floats(0, 10)
OBJECTIVES = st.sampled_from([0.001, 0.05, 0.1, 1.0]) | st.floats(0.001, 10)
# Few and awkward times, so that many things happen at one instant and sums of them are rounded.
TIMES = st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.1 + 0.2, 0.7, 1 / 3, 1.0, 1e6, 1e6 + 0.1]) | st.floats(0, 20)


@st.composite
def preferred(draw):
    """Triton's settings, whose sizes must fit each other."""
    most = draw(SIZES)
    return Preferred(most, draw(st.sets(st.integers(1, most), max_size=3)), draw(WAITS))


class Kind(NamedTuple):
    """What a class of policies is, and what it promises."""

    policies: st.SearchStrategy
    reasons: set  # those that it gives
    gated: bool  # it forms a batch only when the executor is free


KINDS = {
    "SizeOrTimeout": Kind(st.builds(SizeOrTimeout, SIZES, WAITS), {"full", "timeout"}, False),
    "TakeAll": Kind(st.builds(TakeAll, SIZES), {"full", "idle"}, True),
    "NoBatching": Kind(st.just(NoBatching()), {"full"}, False),
    "IdleOrTimeout": Kind(st.builds(IdleOrTimeout, SIZES, WAITS, WAITS), {"full", "idle", "timeout"}, False),
    "Preferred": Kind(preferred(), {"full", "timeout", "idle"}, True),
    "PreFormed": Kind(st.builds(PreFormed, SIZES, WAITS), {"full", "timeout"}, False),
    "PreFormed, gated": Kind(st.builds(PreFormed, SIZES, WAITS, preform=st.just(False)), {"full", "timeout"}, True),
    "CostModel": Kind(st.builds(CostModel, SIZES, OBJECTIVES), {"full", "idle", "deadline", "timeout"}, True),
    "AIMD": Kind(st.builds(AIMD, OBJECTIVES, st.integers(1, 5), st.floats(0.01, 0.99), SIZES), {"full", "idle"}, True),
    "GroupCommit": Kind(st.builds(GroupCommit, SIZES, st.integers(0, 8), WAITS), {"full", "idle", "timeout"}, True),
}
FIXED = st.builds(FixedInterval, SIZES, st.sampled_from([0.1, 0.3, 5.0]))
ANY = st.one_of(*(kind.policies for kind in KINDS.values()), FIXED)


def limit(policy):
    """The largest batch that it may release."""
    return getattr(policy, "max_batch_size", 1)


@st.composite
def views(draw):
    """A queue in any state, at any time; even one that no engine would come to."""
    waiting = draw(st.integers(0, 30))
    oldest, newest = sorted([draw(TIMES), draw(TIMES)]) if waiting else (math.nan, math.nan)
    return QueueView(draw(TIMES), waiting, oldest, newest, draw(st.integers(0, 3)), draw(st.integers(0, 2)))


@st.composite
def finished(draw):
    """A batch that was handled, or one whose duration nobody saw."""
    size, duration = draw(st.integers(1, 12)), draw(st.floats(0, 10) | st.sampled_from([math.nan, 0.0, 1e-12, 0.05]))
    return BatchRecord(1, 0.0, size, "full", -1, -1, 1, duration)


ARRIVALS = st.lists(TIMES, max_size=40).map(sorted)
SERVICE = st.fixed_dictionaries(
    {
        "a": st.sampled_from([0.0, 0.001, 0.1]),
        "b": st.sampled_from([0.0, 0.05, 0.1, 1.0]),
        "max_concurrent": st.integers(1, 3),
    }
)
