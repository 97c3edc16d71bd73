"""Preferred: Triton's dynamic batcher, against its own loop."""

from __future__ import annotations

import pytest
from engine import batches
from hypothesis import given, settings
from hypothesis import strategies as st

from batchdemo.policies import Preferred, QueueView, Release, Wait


def triton(waiting, age, most, preferred, delay):
    """How many GetDynamicBatch sends, None where it sleeps; its walk with a cursor, for requests of one item.

    Read in triton-inference-server/core, src/dynamic_batch_scheduler.cc; a model without preferred sizes gets its
    maximum as the only one (src/model_config_utils.cc).
    """
    preferred = set(preferred) or {most}
    largest = max(preferred)
    pending = marked = 0
    send_now = False
    while pending < waiting:
        if pending:
            if pending + 1 > largest and marked == 0:
                marked = pending
            if pending + 1 > most:
                send_now = True
                break
        pending += 1
        if pending in preferred:
            marked = pending
    exceeded = delay != 0 and age >= delay
    if marked and not exceeded:
        return marked
    if send_now or pending >= largest or exceeded or delay == 0:
        return pending
    return None


@settings(max_examples=1000, deadline=None)
@given(st.data(), st.integers(1, 12), st.integers(1, 30), st.sampled_from([0.0, 0.25, 0.5]))
def test_it_sends_what_triton_sends(data, most, waiting, delay):
    preferred = data.draw(st.sets(st.integers(1, most), max_size=4))
    age = data.draw(st.sampled_from([0.0, 0.125, 0.25, 0.375, 0.5, 9.0]))
    answer = Preferred(most, preferred, delay).decide(QueueView(10.0, waiting, 10.0 - age, 10.0, 0, 1))
    wanted = triton(waiting, age, most, preferred, delay)
    if wanted is None:
        assert answer == Wait(10.0 - age + delay, min(preferred or {most}))
    else:
        assert answer.size == wanted
        assert (answer.reason == "full") == (wanted in {most, *preferred})
        assert answer.reason in (("full", "timeout") if delay else ("full", "idle"))


@pytest.mark.parametrize(
    ("waiting", "now", "answer"),
    [
        (3, 10.0, Wait(10.5, 4)),
        (4, 10.0, Release(4, "full")),
        (7, 10.0, Release(4, "full")),  # the other three wait on
        (8, 10.0, Release(8, "full")),
        (20, 10.0, Release(8, "full")),  # the largest preferred size, not the largest there may be
        (3, 10.5, Release(3, "timeout")),
        (7, 10.5, Release(7, "timeout")),  # now all of them
        (8, 10.5, Release(8, "full")),
        (20, 10.5, Release(16, "full")),
    ],
)
def test_its_decisions_with_a_delay(waiting, now, answer):
    assert Preferred(16, (4, 8), 0.5).decide(QueueView(now, waiting, 10.0, 10.0, 0, 1)) == answer


@pytest.mark.parametrize(("waiting", "answer"), [(3, Release(3, "idle")), (7, Release(4, "full"))])
def test_without_a_delay_it_waits_for_nobody_but_keeps_to_the_sizes(waiting, answer):
    assert Preferred(16, (4, 8)).decide(QueueView(99.0, waiting, 10.0, 10.0, 0, 1)) == answer


def test_twelve_leave_as_eight_and_then_as_four():
    released = batches(Preferred(16, (4, 8), 0.5), [0.0, *[0.1] * 12], b=1.0)
    assert released == [(0.1, 4, "full"), (1.1, 9, "timeout")]  # five of the nine waited longer than 0.5 s
    released = batches(Preferred(16, (4, 8), 5.0), [0.0, *[0.1] * 15], b=1.0)
    assert released == [(0.1, 4, "full"), (1.1, 8, "full"), (2.1, 4, "full")]


def test_the_clock_runs_on_while_the_executor_is_busy():
    released = batches(Preferred(16, (4, 8), 0.5), [0.0, 0.75, 1.25], b=1.0)
    assert released == [(0.5, 1, "timeout"), (1.5, 2, "timeout")]  # due at 1.25, free at 1.5


def test_the_order_and_the_doubles_of_the_preferred_sizes_do_not_matter():
    assert Preferred(16, [8, 4, 8]) == Preferred(16, (4, 8))
    assert repr(Preferred(16, [8, 4, 8])) == "Preferred(max_batch_size=16, preferred=(4, 8), max_queue_delay=0.0)"
