"""The task that hands batches to the handler: what it outlives, and who hears of it when it does not."""

from __future__ import annotations

import asyncio

from batcher_bench import burst

from batchdemo.policies import FixedInterval


class UnspeakableError(Exception):
    """An error that cannot even say itself."""

    def __repr__(self):
        raise RuntimeError("no words")


def test_an_error_that_cannot_be_shown_costs_its_batch_and_nothing_more():
    def handler(batch):
        if "1" in batch:
            raise UnspeakableError
        return batch

    bench = burst(10, handler)
    bench.answer()
    assert bench.outcomes == ["failed"] * 5 + ["served"] * 5
    assert bench.log == ["batch 1: the handler failed: UnspeakableError, whose repr fails"]


def test_a_policy_that_fails_to_observe_does_not_end_the_answering(monkeypatch):
    def observe(self, batch):
        raise ValueError("cannot learn")

    monkeypatch.setattr(FixedInterval, "observe", observe)
    bench = burst(10)
    bench.answer()
    assert bench.outcomes == ["served"] * 10
    assert any("failed to observe it: ValueError('cannot learn')" in line for line in bench.log)


def test_a_worker_that_ends_unexpectedly_is_in_the_log(monkeypatch):
    def deliver(self, answered):
        raise OSError("the floor is gone")

    bench = burst(5)
    monkeypatch.setattr(type(bench.clients[0]), "deliver", deliver)

    async def main():
        worker = asyncio.create_task(bench.batcher.work())
        worker.add_done_callback(bench.batcher.ended)
        await asyncio.wait([worker])

    asyncio.run(main())
    assert bench.log == ["no batch is handled any more, since the worker ended: OSError('the floor is gone')"]


def test_a_worker_that_is_told_to_end_is_not_worth_a_line():
    bench = burst(5)

    async def main():
        worker = asyncio.create_task(bench.batcher.work())
        worker.add_done_callback(bench.batcher.ended)
        await asyncio.sleep(0)
        worker.cancel()
        await asyncio.wait([worker])

    asyncio.run(main())
    assert bench.log == []
