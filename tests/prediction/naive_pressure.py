"""A server under pressure the slow way: lists, looked through from end to end; no sums, and queues of its own.

Only the order of events on one instant is that of `batchdemo/prediction/pressure.py`, as its docstring says it.
"""

from __future__ import annotations

import copy
import math

from batchdemo.policies import QueueView, Refuse, Wait, fault
from batchdemo.records import BatchRecord

FINISHED, EXPIRED, ARRIVED, DUE = range(4)  # in this order where they come at one instant


class Naive:
    """One run. Requests are numbered from 0; `turn` is "fifo", "round-robin", "priority" or "earliest".

    trusting   whether a policy is believed that some arrivals change nothing; else it is asked at each
    """

    def __init__(self, policy, times, clients, service, slots, turn="fifo", levels=None, size=math.inf,
                 per_client=math.inf, overflow="reject", deadline=math.inf, trusting=True):  # fmt: skip
        self.policy, self.service, self.slots = copy.deepcopy(policy), service, slots
        self.came, self.client, self.arrived = times, clients, list(times)
        self.turn, self.levels = turn, levels or {}
        self.size, self.per_client, self.overflow, self.deadline = size, per_client, overflow, deadline
        self.on_ticks = bool(getattr(policy, "on_ticks", False))
        self.trusting, self.promised = trusting, 0
        self.coming = list(range(len(times)))
        self.queue, self.outside = [], []  # both in the order of arrival
        self.rota, self.lines = [], []  # clients in the order of their turns: in the queue, and outside
        self.batches = []  # (released, numbers, reason, waiting before)
        self.begun, self.handling, self.done = [], [], []  # (began, finished) of each; (finished, batch); batches
        self.outcome = {}  # of a number: (outcome, when)

    def play(self):
        """Event after event until all is answered."""
        self.timer = self.ask(0.0)
        while self.coming or self.queue or len(self.done) < len(self.batches):
            events = [(when, FINISHED, batch) for when, batch in self.handling]
            events += [(self.came[at] + self.deadline, EXPIRED, 0) for at in self.queue + self.outside]
            events += [(self.came[at], ARRIVED, at) for at in self.coming[:1]]
            now, kind, what = min([*events, (self.timer, DUE, 0)])
            if kind == FINISHED:
                self.finish(now, what)
            if kind in (FINISHED, EXPIRED):
                self.expire(now)
            if kind == ARRIVED:
                self.arrive(now, self.coming.pop(0))
            elif kind == DUE or (kind == FINISHED and not self.on_ticks):
                self.timer = self.ask(now)
            self.let_in(now)
            self.hold()
        return self

    def hold(self):
        """What must be so after every event."""
        assert len(self.queue) + len(self.held()) <= self.size
        for client in set(self.client):
            assert self.pending(client) <= self.per_client
        assert all(not self.may(self.client[at]) for at in self.outside)

    def held(self):
        return [at for batch, row in enumerate(self.batches) if batch not in self.done for at in row[1]]

    def pending(self, client):
        return sum(self.client[at] == client for at in self.queue + self.held())

    def may(self, client):
        return len(self.queue) + len(self.held()) < self.size and self.pending(client) < self.per_client

    # --- events ------------------------------------------------------------------------------------------

    def arrive(self, now, number):
        client = self.client[number]
        if any(self.client[at] == client for at in self.outside):
            self.outside.append(number)
        elif self.may(client) or (self.overflow == "drop_oldest" and self.drop(now, client)):
            self.take(now, number)
        elif self.overflow == "wait":
            self.outside.append(number)
            self.lines.append(client)
        else:
            self.outcome[number] = ("rejected", now)

    def take(self, now, number):
        self.arrived[number] = now
        self.queue.append(number)
        if self.client[number] not in self.rota:
            self.rota.append(self.client[number])
        if not self.on_ticks and len(self.queue) >= self.promised:
            self.timer = self.ask(now)

    def drop(self, now, client):
        crowded = self.pending(client) >= self.per_client
        oldest = [at for at in self.queue if self.client[at] == client or not crowded][:1]
        for at in oldest:
            self.leave(at)
            self.outcome[at] = ("rejected", now)
        return bool(oldest)

    def let_in(self, now):
        entered = True
        while entered:
            entered = False
            for client in list(self.lines):
                self.lines.remove(client)
                line = [at for at in self.outside if self.client[at] == client]
                self.lines += [client] if line else []
                if line and self.may(client):
                    self.outside.remove(line[0])
                    if len(line) == 1:
                        self.lines.remove(client)
                    self.take(now, line[0])
                    entered = True
                    break

    def expire(self, now):
        for at in [at for at in self.queue + self.outside if self.came[at] + self.deadline <= now]:
            if at in self.queue:
                self.leave(at)
            else:
                self.outside.remove(at)
                if self.client[at] not in [self.client[other] for other in self.outside]:
                    self.lines.remove(self.client[at])
            self.outcome[at] = ("expired", now)

    def leave(self, number):
        """One goes unserved; its client keeps its turn while it has others."""
        self.queue.remove(number)
        if all(self.client[at] != self.client[number] for at in self.queue):
            self.rota.remove(self.client[number])

    def finish(self, now, batch):
        self.handling.remove((now, batch))
        self.done.append(batch)
        self.begin(now)
        released, numbers, reason, waiting = self.batches[batch]
        began, finished = self.begun[batch]
        self.outcome |= dict.fromkeys(numbers, ("served", finished))
        size = len(numbers)
        after = waiting - size
        self.policy.observe(BatchRecord(batch + 1, released, size, reason, waiting, after, 1, finished - began))

    # --- the policy --------------------------------------------------------------------------------------

    def ask(self, now):
        while True:
            waiting, running = len(self.queue), len(self.batches) - len(self.done)
            ends = [self.arrived[self.queue[end]] if waiting else math.nan for end in (0, -1)]
            view = QueueView(now, waiting, *ends, running, max(0, self.slots - running))
            answer = self.policy.decide(view)
            assert fault(answer, view) == "", (view, answer)
            if isinstance(answer, Wait):
                self.promised = answer.waiting if self.trusting and (running or answer.until is not None) else 0
                return math.inf if answer.until is None else answer.until
            numbers = [self.next() for _ in range(answer.size)]
            if isinstance(answer, Refuse):
                self.outcome |= dict.fromkeys(numbers, ("expired", now))
            else:
                self.batches.append((now, numbers, answer.reason, waiting))
                self.begin(now)

    def begin(self, now):
        while len(self.handling) < self.slots and len(self.begun) < len(self.batches):
            finished = now + self.service(len(self.batches[len(self.begun)][1]))
            self.handling.append((finished, len(self.begun)))
            self.begun.append((now, finished))

    def next(self):
        heads = {}
        for place, at in enumerate(self.queue):
            heads.setdefault(self.client[at], (place, at))
        rank = {
            "fifo": lambda client: heads[client][0],
            "round-robin": self.rota.index,
            "priority": lambda client: (-self.levels.get(str(client), 0), heads[client][0]),
            "earliest": lambda client: (self.came[heads[client][1]] + self.deadline, heads[client][0]),
        }[self.turn]
        client = min(heads, key=rank)
        number = heads[client][1]
        self.queue.remove(number)
        self.rota.remove(client)
        if any(self.client[at] == client for at in self.queue):
            self.rota.append(client)
        return number
