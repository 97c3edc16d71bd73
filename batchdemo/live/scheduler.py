"""The clock of the live server: an APScheduler interval job on an absolute grid. The only import of APScheduler.

APScheduler lives on the wall clock and the record on a monotonic one, so a tick says when it was *due* on the
monotonic grid beside when it really ran. Where somebody sets the wall clock, ticks come early or late by as
much; one that comes more than half an interval early is taken for a repetition and passed over. APScheduler
counts in microseconds, so an interval that is no whole number of them moves by less than one a tick.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from batchdemo.live.alarm import Alarm
from batchdemo.live.core import Core
from batchdemo.policies import ticks_by
from batchdemo.records import TickRecord


class Ticker:
    """Calls `on_tick(due)` at every `interval` seconds of `clock`; made anew at each start of a server."""

    def __init__(
        self,
        interval: float,
        clock: Callable[[], float],
        on_tick: Callable[[float], float | None],
        record: Callable[[TickRecord], None],
    ) -> None:
        self._interval = interval
        self._clock = clock
        self._on_tick = on_tick
        self._record = record
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self.due = interval  # when the next tick is due, on `clock`

    def start(self) -> None:
        """Begin, from within the running loop. The first tick is due at `interval`."""
        first = datetime.now(UTC) + timedelta(seconds=self.due - self._clock())
        trigger = IntervalTrigger(seconds=self._interval, start_date=first, timezone=UTC)
        # Late ticks run (no grace time), several missed ones are one, and the job never overlaps itself.
        self._scheduler.add_job(self._tick, trigger, coalesce=True, max_instances=1, misfire_grace_time=None)
        self._scheduler.start()

    def stop(self) -> None:
        """End; from within the loop that started it."""
        self._scheduler.shutdown(wait=False)

    async def _tick(self) -> None:  # a coroutine, since APScheduler runs plain functions in a thread pool
        ran = self._clock()
        due = self.due
        if ran < due - self._interval / 2:
            return
        # A late tick is taken at the last grid point it reached; an early one at its own.
        due = max(due, ticks_by(ran, self._interval) * self._interval)
        self._record(TickRecord(due, ran))
        until = self._on_tick(due)
        self.due = due + self._interval if until is None else until


def clockwork(core: Core[Any], clock: Callable[[], float], record: Callable[[TickRecord], None]) -> Ticker | Alarm:
    """What wakes a policy: ticks, where it lives on them and says how far apart they are, else the loop's timers."""
    interval = getattr(core.policy, "interval", None)
    if core.on_ticks and interval is not None:
        return Ticker(interval, clock, core.ask, record)
    alarm = Alarm(clock, core.ask)
    core.set_alarm = alarm.set
    return alarm
