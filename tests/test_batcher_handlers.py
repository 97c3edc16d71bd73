"""The batcher and its handler: where it runs, what its faults cost, and who is told what."""

from __future__ import annotations

import asyncio
import functools
import threading

import pytest
from batcher_bench import burst

from batchdemo.handlers import echo

SECRET = "the password is swordfish"


def raises(batch):
    raise KeyError(SECRET)


async def raises_async(batch):
    raise KeyError(SECRET)


def exits(batch):
    raise SystemExit(SECRET)


def runs_out(batch):
    raise StopIteration(SECRET)


async def runs_out_async(batch):
    raise StopIteration(SECRET)


def is_interrupted(batch):
    raise KeyboardInterrupt(SECRET)


async def exits_async(batch):
    raise SystemExit(SECRET)


async def lets_a_cancellation_out(batch):
    raise asyncio.CancelledError(SECRET)


async def one_too_few_async(batch):
    return batch[1:]


FAULTS = {
    **{
        fault.__name__: fault
        for fault in (
            raises,
            raises_async,
            exits,
            exits_async,
            runs_out,
            runs_out_async,
            is_interrupted,
            lets_a_cancellation_out,
        )
    },
    "one too few": lambda batch: batch[1:],
    "one too few, async": one_too_few_async,
    "one too many": lambda batch: [*batch, "one more"],
    "a str of the right length": lambda batch: "12345",
    "numbers": lambda batch: [1, 2, 3, 4, 5],
    "bytes": lambda batch: [b"reply"] * 5,
    "None": lambda batch: None,
    "half a character, which no encoding can send": lambda batch: ["\ud800"] * 5,
}


def once(fault):
    """A handler that has the fault at its first batch and answers the others; async if the fault is."""
    turns = iter([fault])

    async def handler_async(batch):
        return await next(turns, echo)(batch)

    def handler(batch):
        turn = next(turns, None)
        return [f"You wrote: {text}" for text in batch] if turn is None else turn(batch)

    return handler_async if asyncio.iscoroutinefunction(fault) else handler


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_handler_that_goes_wrong_costs_that_batch_an_error_reply_and_nothing_more(fault):
    bench = burst(10, once(fault))
    bench.answer()
    replies = bench.clients[0].replies
    assert [reply.startswith("Failed: the handler raised ") for reply in replies] == [True] * 5 + [False] * 5
    assert [reply.rpartition(": ")[2] for reply in replies] == [str(number) for number in range(1, 11)]
    assert bench.outcomes == ["failed"] * 5 + ["served"] * 5
    assert (bench.batcher.failed, bench.batcher.served) == (5, 5)


@pytest.mark.parametrize("fault", [raises, raises_async])
def test_the_client_learns_the_type_of_the_error_and_the_log_the_rest(fault):
    bench = burst(1, fault)
    bench.answer()
    assert bench.clients[0].replies == ["Failed: the handler raised KeyError: 1"]
    assert any("batch 1" in line and SECRET in line for line in bench.log)


@pytest.mark.parametrize("fault", [exits, exits_async])
def test_an_exit_is_called_an_exit_wherever_the_handler_runs(fault):
    bench = burst(1, fault)
    bench.answer()
    assert bench.clients[0].replies == ["Failed: the handler raised SystemExit: 1"]
    assert bench.log == [f"batch 1: the handler failed: SystemExit('{SECRET}')"]


def test_a_plain_handler_runs_in_a_thread_of_its_own_and_may_block():
    threads = []

    def handler(batch):
        threads.append(threading.current_thread())
        return batch

    burst(10, handler).answer()
    assert len(set(threads)) == 2
    assert threading.current_thread() not in threads
    assert all(thread.daemon for thread in threads)


def test_an_async_handler_runs_on_the_loop():
    seen = []

    async def handler(batch):
        seen.append((threading.current_thread(), asyncio.get_running_loop()))
        return batch

    bench = burst(1, handler)

    async def main():
        await bench.answered()
        return asyncio.get_running_loop()

    loop = asyncio.run(main())
    assert seen == [(threading.current_thread(), loop)]


class Model:
    """A handler with a state, as a loaded model is."""

    async def __call__(self, batch):
        asyncio.get_running_loop()  # raises in any other thread
        return [f"{text}!" for text in batch]

    async def method(self, batch):
        return await self(batch)

    def plain(self, batch):
        return [f"{text}!" for text in batch]


async def with_a_setting(mark, batch):
    return [text + mark for text in batch]


@pytest.mark.parametrize(
    "handler",
    [
        Model(),
        Model().method,
        Model().plain,
        functools.partial(with_a_setting, "!"),
        lambda batch: with_a_setting("!", batch),
        lambda batch: tuple(f"{text}!" for text in batch),
    ],
    ids=["async __call__", "async method", "method", "partial of an async", "lambda that calls an async", "tuple"],
)
def test_a_handler_may_be_anything_that_gives_replies_or_awaitable_replies(handler):
    bench = burst(2, handler)
    bench.answer()
    assert bench.clients[0].replies == ["1!", "2!"]


def test_batches_are_handled_one_at_a_time_and_in_order_even_where_the_handler_awaits():
    running = []

    async def handler(batch):
        running.append(batch)
        assert len(running) == 1
        await asyncio.sleep(0)
        running.remove(batch)
        return batch

    bench = burst(18, handler)
    bench.answer()
    assert bench.clients[0].replies == [str(number) for number in range(1, 19)]


def test_the_duration_is_the_handlers_and_the_reply_comes_after_it():
    def handler(batch):
        bench.now += 2.5
        return batch

    bench = burst(5, handler)
    bench.answer()
    batch = bench.recorder.batches[0]
    assert (batch.record.released, batch.record.duration, batch.replied) == (5.0, 2.5, 7.5)


@pytest.mark.parametrize("handler", [echo, raises])
def test_a_client_that_is_gone_leaves_its_requests_cancelled_and_the_others_served(handler):
    bench = burst(4, handler, clients=2)
    bench.clients[0].gone = True
    bench.answer()
    other = "served" if handler is echo else "failed"
    assert bench.outcomes == ["cancelled", other, "cancelled", other]
    assert bench.batcher.served + bench.batcher.failed == 2
