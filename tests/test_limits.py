"""Overload on a fake clock: bounds, overflow, deadlines, departures, and a handler's poisoned items."""

from __future__ import annotations

import asyncio
import math
from types import SimpleNamespace

import pytest
from batcher_bench import Bench

from batchdemo.errors import ArgumentError
from batchdemo.live.limits import Capacity, Limits
from batchdemo.live.requests import Request
from batchdemo.live.retrying import LONGEST, Retry, a_retry
from batchdemo.policies import FixedInterval, SizeOrTimeout, TakeAll, Wait
from batchdemo.queues import RoundRobin


def sent(bench, count, client=0, after=None):
    """So many requests of a client, now; with a deadline so many seconds after."""
    deadline = math.inf if after is None else bench.now + after
    requests = [Request(f"{client}.{at}", bench.clients[client], bench.now, at, deadline) for at in range(count)]
    for request in requests:
        bench.batcher.submit(request)
    return requests


def outcomes(requests):
    return [request.outcome for request in requests]


def placed(bench):
    """What the accounts say is under way, which must be what the queue and the handler hold."""
    assert sum(client.account.pending for client in bench.clients) == bench.batcher.waiting + bench.batcher.held
    return bench.batcher.waiting + bench.batcher.held


def test_a_client_that_has_too_many_under_way_is_refused_and_the_others_are_not():
    bench = Bench(clients=2, limits=Limits(max_pending_per_client=2))
    assert outcomes(sent(bench, 3)) == ["unknown", "unknown", "rejected"]
    assert outcomes(sent(bench, 2, client=1)) == ["unknown"] * 2
    assert bench.clients[0].replies == [
        "rejected: as many of your requests as may be are under way (max_pending_per_client=2): 0.2"
    ]
    bench.tick(5.0)
    bench.answer()
    assert placed(bench) == 0
    assert outcomes(sent(bench, 1)) == ["unknown"]


def test_drop_oldest_makes_room_for_the_newest_and_says_so():
    bench = Bench(limits=Limits(3, overflow="drop_oldest"))
    requests = sent(bench, 5)
    assert outcomes(requests) == ["rejected"] * 2 + ["unknown"] * 3
    assert "dropped from a full queue for a newer request (max_queue_size=3): 0.0" in bench.clients[0].replies[0]
    assert [request.text for request in bench.batcher.queue] == ["0.2", "0.3", "0.4"]
    bench.tick(5.0)  # now all three places are held by the handler, and nobody waits who could be dropped
    assert outcomes(sent(bench, 1)) == ["rejected"]
    assert placed(bench) == 3


def test_drop_oldest_of_a_client_with_too_many_drops_its_own():
    bench = Bench(clients=2, limits=Limits(10, max_pending_per_client=1, overflow="drop_oldest"))
    (meek,) = sent(bench, 1, client=1)
    requests = sent(bench, 2)
    assert outcomes(requests) == ["rejected", "unknown"]
    assert meek.outcome == "unknown"


def test_with_wait_nobody_is_refused_and_who_waits_outside_is_not_read():
    bench = Bench(clients=2, limits=Limits(3, overflow="wait"))
    first, second = sent(bench, 4), sent(bench, 2, client=1)
    assert [client.paused for client in bench.clients] == [True, True]
    assert len(bench.batcher.outside) == 3
    for due in (5.0, 10.0):
        bench.tick(due)
        bench.answer()
    assert outcomes(first) == ["served"] * 4
    assert outcomes(second) == ["served"] * 2
    assert [client.paused for client in bench.clients] == [False, False]
    assert [request.arrived for request in (*first, *second)] == [0.0, 0.0, 0.0, 5.0, 5.0, 5.0]
    assert placed(bench) == 0


def test_who_waits_outside_keeps_its_order_behind_its_own():
    bench = Bench(limits=Limits(2, overflow="wait"))
    requests = sent(bench, 7)
    for due in (5.0, 10.0, 15.0, 20.0):
        bench.tick(due)
        bench.answer()
    assert bench.clients[0].replies == [f"You wrote: 0.{at}" for at in range(7)]
    assert outcomes(requests) == ["served"] * 7


def test_who_has_too_many_outside_does_not_stop_the_others():
    bench = Bench(clients=2, limits=Limits(10, max_pending_per_client=1, overflow="wait"))
    first, second = sent(bench, 3), sent(bench, 2, client=1)
    bench.batcher.remove(second[0])
    bench.batcher._end(second[0], "cancelled")
    bench.batcher.pass_by(0.0)
    assert [request.taken for request in (*first, *second)] == [True, False, False, False, True]
    assert [client.paused for client in bench.clients] == [True, False]


def test_where_the_policy_fails_who_waits_outside_is_told_and_read_again():
    def fails(view):
        if view.waiting == 2:
            raise ZeroDivisionError
        return Wait()

    policy = SimpleNamespace(decide=fails, observe=lambda batch: None)
    bench = Bench(policy, limits=Limits(10, max_pending_per_client=1, overflow="wait"), clients=2)
    requests = [*sent(bench, 3), *sent(bench, 1, client=1)]
    assert outcomes(requests) == ["failed"] * 4
    assert not bench.clients[0].paused
    assert placed(bench) == 0


@pytest.mark.parametrize("policy", [FixedInterval(5, 5.0), SizeOrTimeout(5, 5.0)], ids=str)
def test_what_has_expired_takes_no_place_in_a_batch(policy):
    bench = Bench(policy)
    late, good = sent(bench, 2, after=4.0), sent(bench, 4)
    if bench.batcher.released:  # a full batch left at once, so all were in time
        return
    bench.now = 4.0
    bench.batcher.pass_by(4.0)
    assert outcomes(late) == ["expired"] * 2
    assert bench.clients[0].replies == [f"expired: its deadline passed while it waited: 0.{at}" for at in (0, 1)]
    bench.tick(5.0)
    assert [record.size for record in bench.records] == [4]
    bench.answer()
    assert outcomes(good) == ["served"] * 4
    assert (bench.batcher.expired, bench.batcher.served) == (2, 4)


def test_a_deadline_that_a_late_timer_missed_is_met_at_the_tick():
    bench = Bench()
    late, good = sent(bench, 1, after=4.0), sent(bench, 1)
    bench.now = 5.0
    bench.batcher.ask(5.0)
    assert (late[0].outcome, good[0].position) == ("expired", 1)


def test_a_deadline_does_not_call_back_what_has_left():
    bench = Bench()
    (request,) = sent(bench, 1, after=6.0)
    bench.tick(5.0)
    bench.batcher.pass_by(9.0)
    bench.answer()
    assert request.outcome == "served"
    assert bench.clients[0].replies == ["You wrote: 0.0"]


def test_a_deadline_is_kept_outside_too_and_frees_the_client():
    bench = Bench(limits=Limits(1, overflow="wait"))
    first, second = sent(bench, 2, after=3.0)
    bench.batcher.pass_by(3.0)
    assert (first.outcome, second.outcome) == ("expired", "expired")
    assert not bench.clients[0].paused
    assert placed(bench) == 0


def test_who_leaves_takes_what_waits_along_and_frees_its_places():
    bench = Bench(clients=2, limits=Limits(4))
    gone, stayed = sent(bench, 3), sent(bench, 1, client=1)
    assert outcomes(sent(bench, 1, client=1)) == ["rejected"]
    bench.batcher.leave({bench.clients[0]})
    assert outcomes(gone) == ["cancelled"] * 3
    assert bench.batcher.cancelled == 3
    assert bench.clients[0].replies == []
    assert outcomes(sent(bench, 3, client=1)) == ["unknown"] * 3
    bench.tick(5.0)
    assert [record.size for record in bench.records] == [4]
    assert stayed[0].position == 1


def test_on_disconnect_keep_is_the_tutorials_way():
    bench = Bench(limits=Limits(on_disconnect="keep"))
    gone = sent(bench, 3)
    bench.clients[0].gone = True
    bench.batcher.leave({bench.clients[0]})
    bench.tick(5.0)
    assert [record.size for record in bench.records] == [3]
    bench.answer()
    assert outcomes(gone) == ["cancelled"] * 3


def test_a_fair_queue_decides_who_goes_next():
    bench = Bench(clients=2, queue=RoundRobin())
    sent(bench, 5)
    sent(bench, 2, client=1)
    bench.tick(5.0)
    bench.answer()
    assert [len(client.replies) for client in bench.clients] == [3, 2]


def poison(batch):
    if "0.2" in batch:
        raise ValueError("poison")
    return [f"fine: {text}" for text in batch]


async def poison_async(batch):
    return poison(batch)


@pytest.mark.parametrize("handler", [poison, poison_async])
@pytest.mark.parametrize("isolate", [False, True])
def test_a_poisoned_item_costs_its_batch_or_with_isolate_itself_alone(handler, isolate):
    bench = Bench(handler=handler, isolate=isolate)
    requests = sent(bench, 5)
    bench.tick(5.0)
    bench.answer()
    wanted = ["served", "served", "failed", "served", "served"] if isolate else ["failed"] * 5
    assert outcomes(requests) == wanted
    assert bench.clients[0].replies[2] == "Failed: the handler raised ValueError: 0.2"


def test_an_exception_in_an_items_place_fails_it_alone():
    bench = Bench(handler=lambda batch: [KeyError("private") if text == "0.1" else text for text in batch])
    requests = sent(bench, 3)
    bench.tick(5.0)
    bench.answer()
    assert outcomes(requests) == ["served", "failed", "served"]
    assert bench.clients[0].replies == ["0.0", "Failed: the handler raised KeyError: 0.1", "0.2"]
    assert (bench.batcher.served, bench.batcher.failed) == (2, 1)


def test_isolation_needs_two_calls_a_level():
    calls = []

    def handler(batch):
        calls.append(len(batch))
        return poison(batch)

    bench = Bench(FixedInterval(64, 5.0), handler=handler, isolate=True)
    requests = sent(bench, 64)
    bench.tick(5.0)
    bench.answer()
    assert outcomes(requests).count("failed") == 1
    assert len(calls) == 1 + 2 * int(math.log2(64))


def test_a_cancelled_isolation_is_cancelled():
    started = asyncio.Event()

    async def handler(batch):
        if len(batch) > 1:
            raise ValueError
        started.set()
        await asyncio.sleep(60)

    async def main():
        bench = Bench(handler=handler, isolate=True)
        sent(bench, 2)
        bench.tick(5.0)
        worker = asyncio.create_task(bench.batcher.work())
        await started.wait()
        worker.cancel()
        await asyncio.wait([worker], timeout=20)
        assert worker.cancelled()

    asyncio.run(main())


# --- when to come again ---------------------------------------------------------------------------------------


def test_those_who_are_refused_together_are_told_different_ticks():
    capacity = Capacity(FixedInterval(5, 10.0), 1, lambda: 4.0)
    assert [capacity.retry_after() for _ in range(12)] == [4.0] * 5 + [14.0] * 5 + [24.0] * 2
    capacity.finished(0.1)
    assert capacity.retry_after() == 4.0


def test_without_ticks_the_handlers_own_pace_says_when():
    capacity = Capacity(TakeAll(2), 2, lambda: None)
    assert capacity.retry_after() is None  # nobody knows yet
    capacity.finished(1.0)
    assert [capacity.retry_after() for _ in range(3)] == [0.5, 0.5, 1.0]


def test_a_retry_waits_as_long_as_it_was_told_and_a_little_more_each_time():
    waits = Retry(attempts=4, base=1.0, cap=3.0, seed=7).waits()
    for _ in range(200):
        assert 5.0 <= waits.before_next(1, 5.0) <= 6.0
        assert 0.0 <= waits.before_next(2, None) <= 2.0
        assert 0.0 <= waits.before_next(3, None) <= 3.0
    assert waits.before_next(4, 5.0) is None


@pytest.mark.parametrize("said", [math.nan, math.inf, -5.0, 1e300])
def test_a_server_may_say_anything_and_no_retry_waits_for_ever(said):
    wait = Retry(base=0.001).waits().before_next(1, said)
    assert 0.0 <= wait <= LONGEST + 0.001


def test_the_same_seed_gives_the_same_waits():
    one, two = (Retry(seed=3).waits() for _ in range(2))
    assert [one.before_next(k, None) for k in range(1, 9)] == [two.before_next(k, None) for k in range(1, 9)]


def test_what_retry_takes():
    assert a_retry(None) is None
    assert a_retry(False) is None
    assert a_retry(True) == Retry()
    assert a_retry(3).attempts == 3


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: Limits(0), "max_queue_size must be a whole number from 1"),
        (lambda: Limits(max_pending_per_client=0), "max_pending_per_client must be a whole number from 1"),
        (lambda: Limits(overflow="drop"), "overflow must be 'reject' or 'wait' or 'drop_oldest', got 'drop'"),
        (lambda: Limits(overflow=None), "overflow must be"),
        (lambda: Limits(deadline=0), "deadline must be a number of seconds"),
        (lambda: Limits(deadline=math.nan), "deadline must be a number of seconds"),
        (lambda: Limits(on_disconnect="forget"), "on_disconnect must be 'cancel' or 'keep'"),
        (lambda: Retry(0), "attempts must be a whole number from 1"),
        (lambda: Retry(base=0), "base must be a number of seconds"),
        (lambda: Retry(cap=math.inf), "cap must be a number of seconds"),
        (lambda: Retry(seed=-1), "seed must be a whole number"),
        (lambda: a_retry("yes"), "retry must be True, a number of tries, or a Retry"),
        (lambda: a_retry(0), "retry must be a whole number from 1"),
    ],
)
def test_bad_arguments_are_met_at_the_door(make, rule):
    with pytest.raises(ArgumentError) as error:
        make()
    assert str(error.value).startswith(rule)
