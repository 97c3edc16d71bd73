"""Runs made by hand: the ideal 18 in 5, 5, 5 and 3, and whatever a test does to it."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from batchdemo.records import BatchRecord, RequestRecord, TickRecord
from batchdemo.runs import table
from batchdemo.runs.run import About, Run, Stray
from batchdemo.runs.table import Table

NAN = math.nan
UNSEEN = {"arrived": NAN, "released": NAN, "replied": NAN, "received": NAN, "batch": 0, "position": 0}
LATE = (0.0002, 0.0013, -0.0004, 0.0003)  # seconds by which the ticks are late; the worst is 1.3 ms


class Made:
    """Rows that a test may change before it makes a run of them."""

    def __init__(self, sizes=(5, 5, 5, 3), clients=1, interval=5.0, late=LATE):
        self.about = {"world": "live", "batches_from": "the server's log", "policy": f"up to 5 every {interval:g} s",
                      "max_batch_size": 5, "interval": interval, "began": "2024-05-17T10:00:00.000+00:00"}  # fmt: skip
        self.requests, self.batches, self.ticks, self.strays = [], [], [], []
        number, waiting = 0, sum(sizes)
        for batch, size in enumerate(sizes, 1):
            due = batch * interval
            ran = due + late[(batch - 1) % len(late)]
            for position in range(1, size + 1):
                sent, received = number * 1e-4, ran + 2e-4 + position * 1e-5
                row = (number + 1, number % clients + 1, sent, sent + 2e-4, ran, ran + 1e-4, received, batch, position)
                self.requests.append(RequestRecord(*row, "served"))
                number += 1
            self.ticks.append(TickRecord(due, ran))
            self.batches.append(
                BatchRecord(batch, ran, size, "tick", waiting, waiting - size, min(size, clients), 1e-4)
            )
            waiting -= size

    def change(self, *numbers, **fields):
        """Change the rows of these requests."""
        for number in numbers:
            self.requests[number - 1] = self.requests[number - 1]._replace(**fields)
        return self

    def lose(self, *numbers, outcome="unknown"):
        """No reply to these was seen, nor anything else of them."""
        return self.change(*numbers, **UNSEEN, outcome=outcome)

    def reject(self, *numbers):
        """These were refused, at once, as a full queue does."""
        for number in numbers:
            self.lose(number, outcome="rejected")
            self.change(number, received=self.requests[number - 1].sent + 3e-4)
        return self

    def stray(self, kind, number=None, *, client=1, text="You wrote: 7", at=10.5):
        """A reply that answers nothing."""
        self.strays.append(Stray(at, client, text, kind, number))
        return self

    def remote(self, **about):
        """As seen from outside: nothing of what only the server knows."""
        self.about = {"world": "remote", "batches_from": "gaps between the replies", **about}
        self.requests = [row._replace(arrived=NAN, released=NAN, replied=NAN) for row in self.requests]
        self.batches = [
            row._replace(reason="unknown", waiting_before=-1, waiting_after=-1, duration=NAN) for row in self.batches
        ]
        self.ticks = []
        return self

    def run(self, **about):
        """The run as it stands; `about` changes what is known of it."""
        return Run(
            About(**{**self.about, **about}),
            table.requests(self.requests),
            table.batches(self.batches),
            table.ticks(self.ticks),
            tuple(self.strays),
        )


def ideal():
    """18 requests of one client in batches of 5, 5, 5 and 3, the worst tick 1.3 ms late."""
    return Made().run()


def unanswered(count):
    """So many requests, and nothing that came of them."""
    made = Made((count,)).lose(*range(1, count + 1))
    made.batches = []
    return made


def at_times(*released, ticks=(), **about):
    """A run of batches of one request each, released at these times; ticks as (due, ran)."""
    made = Made(sizes=())
    for batch, time in enumerate(released, 1):
        made.requests.append(RequestRecord(batch, 1, 0.0, 0.0, time, time, time, batch, 1, "served"))
        made.batches.append(BatchRecord(batch, time, 1, "tick", 1, 0, 1, 0.0))
    made.ticks = [TickRecord(due, ran) for due, ran in ticks]
    return made.run(**about)


@cache
def million():
    """A million requests in batches of five every millisecond, and a tick for each."""
    count, size = 1_000_000, 5
    at = np.arange(count)
    batch = at // size + 1
    number = np.arange(1, count // size + 1)
    released = batch * 1e-3
    requests = {"number": at + 1, "client": at % 100 + 1, "sent": at * 1e-6, "arrived": at * 1e-6, "released": released,
                "replied": released, "received": released + 1e-5, "batch": batch, "position": at % size + 1,
                "outcome": np.zeros(count, int)}  # fmt: skip
    batches = {"batch": number, "released": number * 1e-3, "size": np.full(len(number), size),
               "reason": np.zeros(len(number), int), "waiting_before": count - (number - 1) * size,
               "waiting_after": count - number * size, "clients": np.full(len(number), size),
               "duration": np.zeros(len(number))}  # fmt: skip
    ticks = {"due": number * 1e-3, "ran": number * 1e-3 + 1e-5}
    about = About("live", "the server's log", "up to 5 every 0.001 s", size, 1e-3)
    return Run(about, Table(RequestRecord, requests), Table(BatchRecord, batches), Table(TickRecord, ticks))


RUNS = {
    "ideal": ideal(),
    "no request": at_times(),
    "one request": Made((1,)).run(),
    "no reply": unanswered(3).run(),
    "nothing sent": unanswered(3).change(1, 2, 3, sent=NAN).run(),
    "remote": Made().remote().run(),
    "remote, with an interval": Made().remote(interval=5.0).run(),
    "some lost, some refused": Made().lose(7, 8).reject(17, 18).run(),
    "many batches": Made((5,) * 30, clients=3).run(),
    "dollars in a note": Made().run(notes=(r"The server closed: you owe $5 and \frac$.",)),
    "characters in a note that no font here has": Made().run(notes=("The server closed: 再见 \U0001f44b.",)),
}
"""Runs of every kind, each of which everything must be able to show."""
