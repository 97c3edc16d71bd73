"""`Batcher` on its own: everybody gets its own result, whoever is cancelled harms nobody, and nobody hangs."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.request import urlopen

import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

import batchdemo as bd
from batchdemo.errors import ArgumentError, ExpiredError, PolicyError, QueueFullError, ServerError, StoppedError
from batchdemo.policies import Refuse, Release, Wait

PAIRS = bd.SizeOrTimeout(2, 0.01)
NEVER = bd.SizeOrTimeout(100, 3600.0)


async def double(items):
    return [2 * item for item in items]


def run(main, within=20):
    """Run the test on a loop of its own; it fails where it hangs."""

    async def bounded():
        async with asyncio.timeout(within):
            return await main()

    return asyncio.run(bounded())


async def submitted(batcher, *items):
    """Tasks that submit these, all of which wait by now."""
    tasks = [asyncio.create_task(batcher.submit(item)) for item in items]
    await asyncio.sleep(0)
    return tasks


def sizes(batcher):
    return batcher.run.batches["size"].tolist()


def outcomes(batcher):
    return batcher.run.requests["outcome"].tolist()


@pytest.mark.parametrize("handler", [double, lambda items: [2 * item for item in items]], ids=["async", "plain"])
@pytest.mark.parametrize("policy", [PAIRS, bd.FixedInterval(2, 0.01), bd.TakeAll(2)], ids=repr)
@pytest.mark.parametrize("slots", [1, 3])
def test_everybody_gets_the_result_of_its_own_item(handler, policy, slots):
    async def main():
        async with bd.Batcher(handler, policy, max_concurrent_batches=slots) as batcher:
            assert await asyncio.gather(*(batcher.submit(n) for n in range(9))) == [2 * n for n in range(9)]
            assert max(sizes(batcher)) == 2
            assert outcomes(batcher) == ["served"] * 9

    run(main)


def test_items_and_results_are_any_objects_and_pass_through_untouched():
    items = [object(), None, {"a": 1}, [1, 2], 3.5]

    async def main():
        batcher = bd.Batcher(list, bd.SizeOrTimeout(5, 1.0))  # begins by itself
        results = await asyncio.gather(*map(batcher.submit, items))
        assert all(result is item for result, item in zip(results, items, strict=True))
        await batcher.stop()

    run(main)


def test_a_result_that_is_an_error_is_raised_for_that_item_alone():
    async def some_fail(items):
        return [ValueError("odd") if item % 2 else item for item in items]

    async def main():
        async with bd.Batcher(some_fail, bd.SizeOrTimeout(4, 1.0)) as batcher:
            results = await asyncio.gather(*map(batcher.submit, range(4)), return_exceptions=True)
            assert [str(result) for result in results] == ["0", "odd", "2", "odd"]
            assert outcomes(batcher) == ["served", "failed", "served", "failed"]

    run(main)


class AwkwardError(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one}{two}")


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (KeyError("k"), KeyError, "'k'"),
        (AwkwardError(1, 2), bd.BatchdemoError, "the handler raised AwkwardError"),  # cannot be copied
        (SystemExit(3), bd.BatchdemoError, "the handler raised SystemExit"),
    ],
)
def test_what_the_handler_raises_comes_to_each_of_its_batch_as_its_own_and_chained(error, kind, says):
    def broken(items):
        raise error

    async def main():
        async with bd.Batcher(broken, PAIRS) as batcher:
            first, second = await asyncio.gather(batcher.submit(1), batcher.submit(2), return_exceptions=True)
            assert type(first) is type(second)
            assert isinstance(first, kind)
            assert str(first) == says
            assert first is not second
            assert first.__cause__ is second.__cause__ is error

    run(main)


@pytest.mark.parametrize("wrong", [lambda items: items[1:], lambda items: "ab", lambda items: None])
def test_a_handler_that_answers_what_none_may_fails_its_batch_and_no_other(wrong):
    turns = iter([wrong])

    async def handler(items):
        return next(turns, list)(items)

    async def main():
        async with bd.Batcher(handler, PAIRS) as batcher:
            with pytest.raises((TypeError, ValueError), match="a handler must return"):
                await asyncio.gather(batcher.submit(1), batcher.submit(2))
            assert await batcher.submit(3) == 3

    run(main)


def test_a_full_queue_says_its_bound_and_when_to_try_again():
    async def main():
        async with bd.Batcher(double, bd.SizeOrTimeout(9, 60.0), max_queue_size=2) as batcher:
            waiting = await submitted(batcher, 1, 2)
            with pytest.raises(QueueFullError, match=r"the queue is full \(max_queue_size=2\); try again in") as full:
                await batcher.submit(3)
            assert 0 < full.value.retry_after <= 60
            assert outcomes(batcher) == ["unknown", "unknown", "rejected"]
            waiting[0].cancel()
            await asyncio.wait([waiting[0]])
            again = (await submitted(batcher, 4))[0]  # a place is free again
            await batcher.stop()  # and all that wait are answered
            assert (await waiting[1], await again) == (4, 8)
            assert outcomes(batcher) == ["cancelled", "served", "rejected", "served"]

    run(main)


def test_whoever_is_cancelled_while_waiting_takes_no_place_in_a_batch():
    async def main():
        async with bd.Batcher(double, bd.SizeOrTimeout(3, 3600.0)) as batcher:
            one, two = await submitted(batcher, 1, 2)
            one.cancel()
            await asyncio.wait([one])
            others = await submitted(batcher, 3, 4)
            assert [await task for task in (two, *others)] == [4, 6, 8]
            assert sizes(batcher) == [3]

    run(main)


def test_whoever_is_cancelled_while_it_is_handled_costs_the_others_nothing():
    async def main():
        entered, go_on = asyncio.Event(), asyncio.Event()

        async def slow(items):
            entered.set()
            await go_on.wait()
            return items

        async with bd.Batcher(slow, PAIRS) as batcher:
            one, two = await submitted(batcher, 1, 2)
            await entered.wait()
            one.cancel()
            go_on.set()
            assert await two == 2
            assert outcomes(batcher) == ["cancelled", "served"]
            assert await batcher.submit(3) == 3

    run(main)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=40), st.integers(1, 6), st.integers(1, 3),
    st.integers(1, 12),
)  # fmt: skip
def test_whatever_comes_and_goes_each_gets_its_own_once_and_the_record_tells_of_all(steps, size, slots, bound):
    async def main():
        handled = []

        async def handler(items):
            handled.extend(items)
            await asyncio.sleep(0)
            return [2 * item for item in items]

        batcher = bd.Batcher(handler, bd.SizeOrTimeout(size, 0.0005), max_concurrent_batches=slots,
                             max_queue_size=bound)  # fmt: skip
        tasks = []
        for number, (pause, leaves) in enumerate(steps):
            tasks.append(asyncio.create_task(batcher.submit(number)))
            for _ in range(pause):
                await asyncio.sleep(0)
            if leaves:
                tasks[number // 2].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await batcher.stop()
        assert len(handled) == len(set(handled))
        for number, result in enumerate(results):
            assert result == 2 * number or isinstance(result, QueueFullError | asyncio.CancelledError)
        if steps:
            told = batcher.run
            assert max(sizes(batcher), default=0) <= size
            answered = sum(isinstance(result, int) for result in results)
            gone = sum(isinstance(result, asyncio.CancelledError) for result in results)
            # One who is cancelled between its answer and its next step was served, and never saw it.
            assert answered <= outcomes(batcher).count("served") <= answered + gone
            assert outcomes(batcher).count("rejected") == sum(isinstance(result, QueueFullError) for result in results)
            assert told.columns["number"].tolist() == list(range(1, len(told) + 1))
            assert sum(sizes(batcher)) == (told.columns["batch"] > 0).sum() == len(handled)

    run(main)


class Whim:
    """Gives its answers in turn, and then waits."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def decide(self, view):
        answer = self.answers.pop(0) if self.answers and view.waiting else Wait()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def observe(self, batch):
        pass

    def __str__(self):
        return "Whim"


def test_whom_the_policy_refuses_is_told_so():
    async def main():
        async with bd.Batcher(double, Whim(Wait(), Refuse(1), Release(1, "full"))) as batcher:
            first, second = await submitted(batcher, 1, 2)
            with pytest.raises(ExpiredError, match=r"could not be answered in time \(policy Whim\)"):
                await first
            assert await second == 4
            assert outcomes(batcher) == ["expired", "served"]

    run(main)


@pytest.mark.parametrize(
    ("answer", "says"),
    [(Release(9, "full"), r"Whim answered Release.* when 2 were waiting"), (ZeroDivisionError("0"), "raised ZeroDivi")],
)
def test_a_policy_at_fault_fails_all_who_wait_and_all_who_come(answer, says):
    async def main():
        async with bd.Batcher(double, Whim(Wait(), answer)) as batcher:
            for result in await asyncio.gather(batcher.submit(1), batcher.submit(2), return_exceptions=True):
                assert isinstance(result, PolicyError)
            with pytest.raises(PolicyError, match=says):
                await batcher.submit(3)
            assert "failed: Whim" in repr(batcher)
            assert outcomes(batcher) == ["failed", "failed", "rejected"]
            await batcher.stop()
            again = await submitted(batcher.start(), 1)
            assert "failed" not in repr(batcher)
            await batcher.stop()
            assert await again[0] == 2

    run(main)


# --- its life ---------------------------------------------------------------------------------------------------


def test_a_stop_hands_over_what_waits_and_takes_nothing_more():
    async def main():
        batcher = bd.Batcher(double, bd.SizeOrTimeout(2, 3600.0))
        waiting = await submitted(batcher, 1, 2, 3)
        await batcher.stop()
        assert [task.result() for task in waiting] == [2, 4, 6]
        assert batcher.run.batches["reason"].tolist() == ["full", "drain"]
        with pytest.raises(StoppedError, match="was stopped, so it takes nothing"):
            await batcher.submit(4)
        await batcher.stop()
        assert "stopped" in repr(batcher)
        assert len(await asyncio.gather(*await submitted(batcher.start(), 5, 6))) == 2

    run(main)


@pytest.mark.parametrize("within", [0, 0.01])
@pytest.mark.parametrize("kind", ["async", "plain"])
def test_a_stop_leaves_nobody_hanging_even_where_the_handler_never_returns(within, kind):
    release = threading.Event()

    async def main():
        async def forever(items):
            await asyncio.Event().wait()

        batcher = bd.Batcher(forever if kind == "async" else lambda items: release.wait(), bd.NoBatching())
        tasks = await submitted(batcher, 1, 2)
        await batcher.stop(within)
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(result, StoppedError)

    run(main)
    release.set()


def test_each_loop_that_ended_may_be_followed_by_another():
    batcher = bd.Batcher(double, PAIRS)
    for _ in range(2):
        assert run(lambda: batcher.submit(1)) == 2
        assert len(batcher.run) == 1


def test_its_loop_may_stand_still_and_go_on_in_another_thread():
    batcher = bd.Batcher(double, PAIRS)
    loop = asyncio.new_event_loop()
    assert loop.run_until_complete(batcher.submit(1)) == 2
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(loop.run_until_complete, batcher.submit(2)).result(20) == 4
    with pytest.raises(ServerError, match="belongs to another event loop"):
        run(lambda: batcher.submit(3))
    loop.run_until_complete(batcher.stop())
    loop.close()
    assert batcher.run.requests["outcome"].tolist() == ["served"] * 2


def test_a_second_loop_at_the_same_time_is_refused():
    async def main():
        batcher = bd.Batcher(double, PAIRS).start()
        with pytest.raises(ServerError, match="belongs to another event loop"):
            await asyncio.to_thread(run, lambda: batcher.submit(1))
        with pytest.raises(ServerError, match="another event loop"):
            await asyncio.to_thread(run, batcher.stop)
        assert await batcher.submit(1) == 2
        await batcher.stop()

    run(main)


def test_it_serves_anybodys_routes_and_lives_as_long_as_the_application():
    batcher = bd.Batcher(double, PAIRS)
    app = FastAPI(lifespan=batcher.lifespan)

    @app.get("/double/{number}")
    async def over_http(number: int) -> int:
        return await batcher.submit(number)

    for _ in range(2):
        with bd.background(app) as server:
            for number in range(3):
                with urlopen(f"{server.url}double/{number}", timeout=20) as answer:
                    assert int(answer.read()) == 2 * number
            assert "<Batcher running" in repr(batcher)
        assert "<Batcher stopped" in repr(batcher)
        assert len(batcher.run) == 3


def test_the_record_forgets_the_oldest_and_says_so():
    async def main():
        async with bd.Batcher(double, bd.NoBatching(), log_size=3) as batcher:
            for number in range(10):
                await batcher.submit(number)
            assert batcher.run.columns["number"].tolist() == [8, 9, 10]
            assert "The record holds the last 3 of 10." in batcher.run.describe()

    run(main)


def test_the_policy_that_was_passed_in_is_left_as_it_was():
    policy = bd.PreFormed(2, 3600.0)
    before = vars(policy).copy()

    async def main():
        async with bd.Batcher(double, policy) as batcher:
            await submitted(batcher, 1)

    run(main)
    assert vars(policy) == before


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"handler": 3}, "handler must be a function from a list of items"),
        ({"policy": bd.TakeAll}, "Make one first: TakeAll"),
        ({"policy": None}, "policy must be a policy"),
        ({"max_queue_size": 0}, "max_queue_size must be"),
        ({"max_concurrent_batches": 0}, "max_concurrent_batches must be"),
        ({"log_size": 0}, "log_size must be"),
    ],
)
def test_bad_arguments_are_met_at_the_door(arguments, rule):
    with pytest.raises(ArgumentError, match=rule):
        bd.Batcher(**{"handler": double, "policy": PAIRS, **arguments})


def test_with_isolate_a_poisoned_item_fails_alone():
    async def picky(items):
        if 3 in items:
            raise ValueError("three")
        return items

    async def main():
        async with bd.Batcher(picky, bd.SizeOrTimeout(8, 0.01), isolate=True) as batcher:
            return await asyncio.gather(*(batcher.submit(item) for item in range(8)), return_exceptions=True), batcher

    results, batcher = run(main)
    assert [result for result in results if not isinstance(result, ValueError)] == [0, 1, 2, 4, 5, 6, 7]
    assert isinstance(results[3], ValueError)
    assert len(batcher.run.batches) == 1
