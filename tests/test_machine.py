"""The whole of a server's inside, on a fake clock, against a model that a page holds.

Hypothesis sends requests with and without deadlines, over several clients, into every queue and every overflow;
lets clients go, ticks pass and handlers answer or fail, in any order; and compares what became of each request
with a model that keeps plain lists and knows nothing of how it is done.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter

from batcher_bench import Bench
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from batchdemo.live.limits import Limits
from batchdemo.live.requests import Request
from batchdemo.policies import FixedInterval, SizeOrTimeout, TakeAll
from batchdemo.queues import EarliestDeadline, Fifo, Priority, RoundRobin, Weighted

CLIENTS = 3
INTERVAL = 4.0
POLICIES = {
    "ticks": lambda size: FixedInterval(size, INTERVAL),
    "greedy": TakeAll,
    "timeout": lambda size: SizeOrTimeout(size, INTERVAL),
}
QUEUES = {
    "fifo": Fifo,
    "round-robin": RoundRobin,
    "weighted": lambda: Weighted({"c0": 3}),
    "priority": lambda: Priority({"c0": 2}),
    "deadline": EarliestDeadline,
}


def handler(batch):
    """Fails over a batch that holds an item that was sent to fail."""
    if any("poison" in text for text in batch):
        raise ValueError("poison")
    return list(batch)


class Sent(Request):
    """A request, and what the model knows of it."""

    def __init__(self, text, owner, bad, *settings):
        super().__init__(text, *settings)
        self.owner, self.bad = owner, bad
        self.refused = self.left = False  # at the door; with its client


class Inside(RuleBasedStateMachine):
    """The model: where each request should be, as `outside`, `waiting`, `handled`, or how it ended."""

    @initialize(
        size=st.integers(1, 4),
        bound=st.integers(1, 8),
        per_client=st.none() | st.integers(1, 4),
        overflow=st.sampled_from(["reject", "wait", "drop_oldest"]),
        keep=st.booleans(),
        queue=st.sampled_from(sorted(QUEUES)),
        isolate=st.booleans(),
        policy=st.sampled_from(sorted(POLICIES)),
    )
    def begin(self, size, bound, per_client, overflow, keep, queue, isolate, policy):
        limits = Limits(bound, per_client, overflow, on_disconnect="keep" if keep else "cancel")
        self.bench = Bench(POLICIES[policy](size), handler, clients=CLIENTS, limits=limits,
                           queue=QUEUES[queue](), isolate=isolate)  # fmt: skip
        self.size, self.bound, self.per_client = size, bound, per_client or math.inf
        self.overflow, self.keep, self.fifo, self.isolate = overflow, keep, queue == "fifo", isolate
        self.requests = []  # in the order of sending
        self.due = INTERVAL

    # --- what may happen ----------------------------------------------------------------------------------

    @rule(client=st.integers(0, CLIENTS - 1), after=st.none() | st.sampled_from([1.0, 3.0, 9.0]), bad=st.booleans())
    def send(self, client, after, bad):
        places, own = self.taken(), self.taken(client)
        text = f"{len(self.requests)}{' poison' if bad else ''}"
        deadline = math.inf if after is None else self.bench.now + after
        place = self.bench.clients[client], self.bench.now, len(self.requests), deadline
        request = Sent(text, client, bad, *place)
        self.requests.append(request)
        self.bench.batcher.submit(request)
        request.refused = request.outcome == "rejected"
        room = places < self.bound and own < self.per_client
        if self.overflow == "reject":
            assert (request.outcome == "rejected") is not room
        elif self.overflow == "wait":
            assert request.outcome == "unknown"

    @rule()
    def tick(self):
        self.bench.now = self.due
        self.bench.batcher.ask(self.due)
        self.due += INTERVAL

    @rule(seconds=st.sampled_from([0.5, 1.0, 2.0]))
    def time_passes(self, seconds):
        self.bench.now = min(self.bench.now + seconds, self.due)
        self.bench.batcher.pass_by(self.bench.now)

    @precondition(lambda self: self.bench.batcher.held)
    @rule()
    def answer(self):
        asyncio.run(self.bench.answered())

    @rule(client=st.integers(0, CLIENTS - 1))
    def go(self, client):
        recipient = self.bench.clients[client]
        recipient.gone = True
        for one in self.requests:
            one.left |= one.owner == client
        self.bench.batcher.leave({recipient})
        waiting = [one for one in self.requests if one.owner == client and one.outcome == "unknown" and not one.batch]
        assert not waiting or (self.keep and all(one.taken for one in waiting))
        self.bench.clients[client] = type(recipient)(recipient.account.client_id)
        self.bench.clients[client].account = recipient.account

    # --- what must hold at any time ------------------------------------------------------------------------

    def taken(self, client=None):
        """Places that are taken, of a client or in all."""
        return sum(one.taken for one in self.requests if client in (None, one.owner))

    @invariant()
    def nobody_takes_more_than_may_be(self):
        assert self.taken() <= self.bound
        assert max(self.taken(client) for client in range(CLIENTS)) <= self.per_client
        assert self.taken() == self.bench.batcher.waiting + self.bench.batcher.held
        for client in range(CLIENTS):
            assert self.bench.clients[client].account.pending == self.taken(client)
        assert all(record.size <= self.size for record in self.bench.records)

    @invariant()
    def each_is_in_one_place(self):
        """In the queue, outside, in a batch that is not answered, or at its end."""
        queued = list(self.bench.batcher.queue)
        for one in self.requests:
            in_queue, in_batch = one in queued, one.batch is not None
            ended = one.outcome != "unknown"
            if ended:
                assert not one.taken
                assert not in_queue
                assert one.recipient is None
            else:
                assert one.taken is (in_queue or in_batch)
                assert not (in_queue and in_batch)
        assert len(queued) + len(self.bench.batcher.outside) == sum(
            one.outcome == "unknown" and one.batch is None for one in self.requests
        )
        counts = Counter(one.outcome for one in self.requests)
        for outcome in ("served", "failed", "rejected", "expired", "cancelled"):
            assert getattr(self.bench.batcher, outcome) == counts[outcome], outcome

    @invariant()
    def none_waits_past_its_deadline(self):
        for one in self.bench.batcher.queue:
            assert one.deadline > self.bench.now
        for one in self.requests:
            if one.batch is not None:
                assert one.batch.record.released < one.deadline

    @invariant()
    def nobody_waits_outside_while_there_is_room(self):
        outside = {one.owner for one in self.requests if one.outcome == "unknown" and not one.taken}
        assert self.taken() == self.bound or all(self.taken(client) >= self.per_client for client in outside)

    @invariant()
    def each_ends_as_it_should(self):
        for one in self.requests:
            if one.outcome == "expired":
                assert one.deadline <= self.bench.now
            if one.outcome == "rejected":
                assert one.refused or self.overflow == "drop_oldest"
            if one.outcome == "cancelled":
                assert one.left

    @invariant()
    def each_client_goes_in_its_order(self):
        for client in range(CLIENTS):
            places = [(one.batch.record.batch, one.position) for one in self.requests
                      if one.owner == client and one.batch is not None]  # fmt: skip
            assert places == sorted(places)
        if self.fifo and self.overflow != "wait":  # outside, clients go in turn
            places = [(one.batch.record.batch, one.position) for one in self.requests if one.batch is not None]
            assert places == sorted(places)

    @invariant()
    def only_the_poisoned_fail(self):
        for one in self.requests:
            if one.outcome == "served":
                assert not one.bad
            if one.outcome == "failed" and self.isolate:
                assert one.bad

    def teardown(self):
        """However it went, in the end nothing is left, and nobody is read no more."""
        if not hasattr(self, "bench"):
            return
        for _ in range(2 * len(self.requests) + 2):
            self.tick()
            self.answer()
        assert not [one for one in self.requests if one.outcome == "unknown"]
        assert self.taken() == 0
        assert not any(client.paused for client in self.bench.clients)


TestInside = Inside.TestCase
TestInside.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
