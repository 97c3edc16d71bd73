"""The event engine under pressure: a queue that says who goes next, places that run out, requests that lose patience.

By the rules of the live server. A request takes a place from when it is taken in until its batch is finished. Events
at the same instant happen in this order:

1. A batch is finished, and its places are free. Those whose deadline has come leave, the policy is asked, and those
   who wait outside come in, each as any arrival.
2. Requests whose deadline has come leave. The policy is not asked: who goes gives it nothing to release, and what it
   promised of how many must wait still holds of those who remain. Then those who wait outside come in.
3. Requests arrive one by one. Who is refused changes nothing, and the policy is not asked.
4. A timer is due.

So a request whose deadline is the very time of a tick is not in its batch. Those outside stand in a line for each
client, and come in one from each in turn; a deadline counts from when a request came, outside or in.
"""

from __future__ import annotations

import copy
import math
from collections import Counter, deque
from typing import Any

import numpy as np

from batchdemo.arguments import refuse
from batchdemo.policies import Policy, QueueView
from batchdemo.prediction import engine
from batchdemo.prediction.arrivals import Arrivals
from batchdemo.prediction.bounds import Bounds
from batchdemo.prediction.service import Service
from batchdemo.queues import Fifo
from batchdemo.queues.outside import Outside

INSIDE, OUTSIDE, GONE = range(3)


class Item:
    """A request while it waits: what a queue may know of it, and where it is."""

    __slots__ = ("arrived", "client_id", "deadline", "number", "where")

    def __init__(self, number: int, client_id: str, came: float, deadline: float) -> None:
        self.number = number  # from 0, in the order of coming
        self.client_id = client_id
        self.arrived = came  # anew when it is taken in
        self.deadline = deadline
        self.where = GONE


def simulate(policy: Policy, coming: Arrivals, service: Service | None, slots: int, bounds: Bounds) -> engine.History:
    """Run the policy over these requests within the bounds; else as `engine.simulate`."""
    return _Pressed(policy, coming, service, slots, bounds).run()


class _Pressed(engine.Engine):
    """`head` counts those who were released, `history.order` says who they were."""

    def __init__(self, policy: Policy, coming: Arrivals, service: Service | None, slots: int, bounds: Bounds) -> None:
        super().__init__(policy, coming.times.tolist(), service, slots)
        self.client_ids = _texts(coming.clients)
        self.queue = Fifo[Item]() if bounds.queue is None else copy.deepcopy(bounds.queue)
        self.outside: Outside[str, Item] = Outside()
        self.places, self.per_client, self.patience = bounds.places, bounds.per_client, bounds.patience
        self.overflow = bounds.overflow
        self.waiting = 0  # in the queue
        self.held = 0  # released, and their batch is not finished
        self.pending: Counter[str] = Counter()  # of each client, waiting or held
        self.patient: deque[Item] = deque()  # who came, in the order of their deadlines; who has left goes when first
        self.timer = math.inf
        self.order: list[int] = []
        self.history.order = self.order
        self.history.arrived = list(self.times) if bounds.overflow == "wait" else None
        self.lost: dict[str, tuple[list[int], list[float]]] = {"expired": ([], []), "rejected": ([], [])}
        self.history.lost = self.lost

    def run(self) -> engine.History:
        """Event after event, until all is answered."""
        times, handling, patient = self.times, self.handling, self.patient
        count, idle = len(times), 0
        self.timer = self._ask(0.0)
        while self.arrived < count or self.waiting or handling:
            while patient and patient[0].where == GONE:
                patient.popleft()
            timer = self.timer
            arrival = times[self.arrived] if self.arrived < count else math.inf
            expiry = patient[0].deadline if patient else math.inf
            if handling and handling[0][0] <= min(expiry, arrival, timer):
                self._finish_at(handling[0][0])
            elif patient and expiry <= arrival and expiry <= timer:
                self._expire(expiry)
                self._let_in(expiry)
            elif self.arrived < count and arrival <= timer:
                self._arrive(arrival)
            elif timer < math.inf:
                before = self.head, self.waiting
                self._wake(timer)
                idle = idle + 1 if self.waiting and before == (self.head, self.waiting) else 0
                if idle > engine.IDLE_TIMERS:
                    raise self._stuck(timer, self.waiting)
            else:
                raise self._stuck(times[-1], self.waiting)
        return self.history

    # --- events ------------------------------------------------------------------------------------------

    def _finish_at(self, now: float) -> None:
        batch = self.handling[0][1]
        self._finish()
        first, size = self.history.first[batch], self.history.size[batch]
        self.held -= size
        for number in self.order[first : first + size]:
            self.pending[self.client_ids[number]] -= 1
        self._expire(now)
        if not self.on_ticks:
            self.timer = self._ask(now)
        self._let_in(now)

    def _expire(self, now: float) -> None:
        """Let all go whose deadline has come."""
        patient = self.patient
        while patient and patient[0].deadline <= now:
            item = patient.popleft()
            if item.where == INSIDE:
                self._remove(item)
            elif item.where == OUTSIDE:
                self.outside.remove(item.client_id, item)
            else:
                continue
            self._lose(item, "expired", now)

    def _arrive(self, now: float) -> None:
        number = self.arrived
        self.arrived = number + 1
        client_id = self.client_ids[number]
        item = Item(number, client_id, now, now + self.patience)
        if self.patience < math.inf:
            self.patient.append(item)
        if self.outside and client_id in self.outside:  # behind its own that came before
            self._put_outside(item)
        elif self._has_place(client_id) or (self.overflow == "drop_oldest" and self._make_room(client_id, now)):
            self._take(item, now)
            if self.waiting >= self.enough:
                self._wake(now)
        elif self.overflow == "wait":
            self._put_outside(item)
        else:
            self._lose(item, "rejected", now)

    def _wake(self, now: float) -> None:
        self.timer = self._ask(now)
        self._let_in(now)  # where the policy turned somebody away

    # --- in ----------------------------------------------------------------------------------------------

    def _has_place(self, client_id: str) -> bool:
        return self.waiting + self.held < self.places and self.pending[client_id] < self.per_client

    def _take(self, item: Item, now: float) -> None:
        item.arrived = now
        item.where = INSIDE
        self.waiting += 1
        self.pending[item.client_id] += 1
        self.queue.push(item)

    def _make_room(self, client_id: str, now: float) -> bool:
        """Drop the oldest that waits, where the client has too many the oldest of its own; False where none does."""
        crowded = self.pending[client_id] >= self.per_client
        oldest = next((item for item in self.queue if not crowded or item.client_id == client_id), None)
        if oldest is None:
            return False
        self._remove(oldest)
        self._lose(oldest, "rejected", now)
        return True

    def _put_outside(self, item: Item) -> None:
        item.where = OUTSIDE
        self.outside.add(item.client_id, item)

    def _let_in(self, now: float) -> None:
        """Take in whom there is a place for, each an arrival of its own, which the policy may be asked about."""
        while self.outside and self.waiting + self.held < self.places:
            found = self.outside.next(self._has_place)
            if found is None:
                return
            _, item = found
            self._take(item, now)
            if self.history.arrived is not None:
                self.history.arrived[item.number] = now
            if self.waiting >= self.enough:
                self.timer = self._ask(now)

    # --- out ---------------------------------------------------------------------------------------------

    def _ask(self, now: float) -> float:
        """Ask until the answer is Wait; when to ask again at the latest."""
        queue, decide, slots = self.queue, self.policy.decide, self.slots
        while True:
            waiting, running = self.waiting, self.running
            free = slots - running if running < slots else 0
            if waiting:
                view = QueueView(now, waiting, queue.oldest, queue.newest, running, free)
            else:
                view = QueueView(now, 0, math.nan, math.nan, running, free)
            until = self._obey(decide(view), view)
            if until is not None:
                return until

    def _release(self, now: float, size: int, reason: str, waiting: int) -> None:
        for item in self._pop(size):
            item.where = GONE
            self.order.append(item.number)
        self.held += size
        super()._release(now, size, reason, waiting)

    def _turn_away(self, size: int, now: float) -> None:
        for item in self._pop(size):
            self.pending[item.client_id] -= 1
            self._lose(item, "expired", now)

    def _pop(self, size: int) -> list[Item]:
        items: list[Item] = self.queue.pop(size)
        if len(items) != size:
            rule = "one whose pop(n) gives n of those that wait"
            refuse("queue", rule, self.queue, f"It gave {len(items):,} of {size:,}.")
        self.waiting -= size
        return items

    def _remove(self, item: Item) -> None:
        self.queue.remove(item)
        self.waiting -= 1
        self.pending[item.client_id] -= 1

    def _lose(self, item: Item, outcome: str, now: float) -> None:
        """It is not served, and hears so now."""
        item.where = GONE
        who, when = self.lost[outcome]
        who.append(item.number)
        when.append(now)


def _texts(clients: Any) -> list[str]:
    """Each request's client, as the text that queues know it by."""
    numbers, which = np.unique(clients, return_inverse=True)
    texts = [str(number) for number in numbers.tolist()]
    return [texts[at] for at in which.tolist()]
