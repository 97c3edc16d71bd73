"""Under pressure, too, live equals simulated: the same requests end the same way, in the same batches."""

from __future__ import annotations

import math

import numpy as np
from batcher_bench import Bench
from hypothesis import given, settings
from hypothesis import strategies as st

from batchdemo.live.limits import Limits
from batchdemo.live.requests import Request
from batchdemo.policies import FixedInterval, SizeOrTimeout, TakeAll
from batchdemo.prediction import simulate
from batchdemo.prediction.arrivals import Arrivals
from batchdemo.queues import EarliestDeadline, Fifo, Priority, RoundRobin

SERVICE = 0.75  # seconds a batch
POLICIES = [FixedInterval(3, 2.0), SizeOrTimeout(3, 2.0), TakeAll(3)]
QUEUES = [Fifo, RoundRobin, lambda: Priority({"2": 1}), EarliestDeadline]
# No two things happen at one instant: requests come at hundredths that are no multiple of a quarter.
TIMES = st.lists(st.integers(0, 60).map(lambda at: at / 4 + 0.01 * (1 + at % 7)), min_size=1, max_size=40).map(sorted)


class Live:
    """The server's inside, driven event by event, as the loop and its timers drive it."""

    def __init__(self, policy, limits, queue):
        self.bench = Bench(policy, clients=3, limits=limits, queue=queue)
        self.batcher = self.bench.batcher
        self.timer = self.deadline = None
        self.batcher.set_alarm = lambda due: setattr(self, "timer", due)
        self.batcher.deadlines.set_alarm = lambda due: setattr(self, "deadline", due)
        for number, client in enumerate(self.bench.clients, 1):
            client.account.client_id = str(number)
        self.handled, self.ends = None, math.inf

    def run(self, times, clients, patience):
        """One request after another; what became of each."""
        coming, requests = list(zip(times, clients, strict=True)), []
        self.batcher.ask(0.0)
        while coming or self.batcher.waiting or self.batcher.held or self.batcher.outside:
            self.begin()
            at = [self.ends, math.inf if self.deadline is None else self.deadline,
                  coming[0][0] if coming else math.inf, math.inf if self.timer is None else self.timer]  # fmt: skip
            self.bench.now = min(at)
            what = at.index(min(at))
            if what == 0:
                batch, self.handled = self.handled, None
                began, self.ends = self.ends - SERVICE, math.inf
                self.batcher.finish(batch, began, [request.text for request in batch.requests])
            elif what == 1:
                self.batcher.pass_by(self.bench.now)
            elif what == 2:
                _, client = coming.pop(0)
                place = self.bench.clients[client - 1], self.bench.now, len(requests), self.bench.now + patience
                requests.append(Request(str(len(requests)), *place))
                self.batcher.submit(requests[-1])
            else:
                self.timer = self.batcher.ask(self.timer)
        return requests

    def begin(self):
        """The handler takes the next batch, where it is free."""
        if self.handled is None and (batch := self.batcher.next_batch()) is not None:
            self.handled, self.ends = batch, self.bench.now + SERVICE


@settings(max_examples=300, deadline=None)
@given(
    times=TIMES,
    seed=st.integers(0, 9),
    policy=st.sampled_from(POLICIES),
    queue=st.sampled_from(QUEUES),
    places=st.none() | st.integers(1, 8),
    per_client=st.none() | st.integers(1, 4),
    overflow=st.sampled_from(["reject", "wait", "drop_oldest"]),
    patience=st.none() | st.sampled_from([1.105, 3.305]),
)
def test_live_equals_simulated(times, seed, policy, queue, places, per_client, overflow, patience):
    clients = np.random.default_rng(seed).integers(1, 4, len(times))
    if overflow == "drop_oldest" and (patience is not None or (places or 9) < 3 or (per_client or 9) < 3):
        overflow = "reject"  # else a policy that waits for the oldest may never come to release
    limits = Limits(places or 10_000, per_client, overflow)
    live = Live(policy, limits, queue())
    requests = live.run(times, clients.tolist(), math.inf if patience is None else patience)
    run = simulate(policy, Arrivals(times, clients), service=lambda size: SERVICE, queue=queue(),
                   max_queue_size=places, max_pending_per_client=per_client, overflow=overflow,
                   deadline=patience)  # fmt: skip
    rows = run.requests
    assert [request.outcome for request in requests] == rows["outcome"].tolist()
    batches = [request.batch.record.batch if request.batch else 0 for request in requests]
    assert batches == rows["batch"].fillna(0).tolist()
    assert [request.position for request in requests] == rows["position"].fillna(0).tolist()
    assert [record.reason for record in live.bench.records] == run.batches["reason"].tolist()
