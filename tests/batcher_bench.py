"""A batcher with a fake clock and clients that are plain objects: no sockets, no waiting. Used by the tests."""

from __future__ import annotations

import asyncio

from batchdemo.handlers import echo
from batchdemo.live.batcher import TextBatcher
from batchdemo.live.limits import Limits
from batchdemo.live.recorder import Recorder
from batchdemo.live.requests import Account, Request
from batchdemo.policies import FixedInterval


class Recipient:
    """One connection, which keeps what it is given, encoded as on the wire."""

    def __init__(self, client_id):
        self.account = Account(client_id)
        self.gone = False
        self.paused = False
        self.shares = []

    def deliver(self, answered):
        if not self.gone:
            self.shares.append([reply.encode() for _, reply in answered])
        return not self.gone

    def refuse(self, text, why, *, outcome, retry_after=None):
        return self.deliver([(None, f"{outcome}: {why}: {text}")])

    def pause(self):
        self.paused = True

    def resume(self):
        self.paused = False

    @property
    def replies(self):
        return [reply.decode() for share in self.shares for reply in share]


class Bench:
    """A batcher, its clock, its clients, its record and its log."""

    def __init__(self, policy=None, handler=echo, *, bound=10_000, clients=1, limits=None, **settings):
        self.now = 0.0
        self.log = []
        self.recorder = Recorder(100_000)
        self.clients = [Recipient(f"c{at}") for at in range(clients)]
        self.batcher = TextBatcher(
            FixedInterval(5, 5.0) if policy is None else policy,
            handler,
            clock=lambda: self.now,
            limits=Limits(bound) if limits is None else limits,
            recorder=self.recorder,
            report=self.log.append,
            **settings,
        )

    def submit(self, text, client=0):
        """Whether it was taken."""
        request = Request(str(text), self.clients[client], self.now)
        self.batcher.submit(request)
        return request.outcome != "rejected"

    def tick(self, due):
        """Wake the batcher at `due`, as the scheduler does; returns when to wake it next."""
        self.now = due
        return self.batcher.wake(due)

    async def answered(self):
        """Until all that was handed over is answered. Must be the only one to await the batcher's work."""
        worker = asyncio.create_task(self.batcher.work())
        async with asyncio.timeout(20):
            while self.batcher.held:
                assert not worker.done(), f"the worker has died: {worker!r}"
                await asyncio.sleep(0)
        worker.cancel()

    def answer(self):
        asyncio.run(self.answered())

    @property
    def records(self):
        return [batch.record for batch in self.recorder.batches]

    @property
    def outcomes(self):
        return [request.outcome for request in self.recorder.requests]


def burst(count, handler=echo, **settings):
    """The numbers from 1 to `count` at once, dealt round, and as many ticks as they need; not yet answered."""
    bench = Bench(handler=handler, **settings)
    for number in range(1, count + 1):
        bench.submit(number, client=(number - 1) % len(bench.clients))
    due = 5.0
    while len(bench.batcher.queue):
        due = bench.tick(due)
    return bench
