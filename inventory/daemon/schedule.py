"""Calls the work at each due time, until it is stopped. Knows nothing of backups.

The next due time is kept in memory, by the wall clock. The main thread compares that clock with the monotonic one and
reports each step (`clock_stepped`): the scheduler alone would sleep through an hour that the clock was set back.
"""

import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from apscheduler.events import EVENT_JOB_MAX_INSTANCES as _SKIPPED
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from inventory.settings.schedule import Schedule

if TYPE_CHECKING:
    from apscheduler.job import Job

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.schedule")

# What the clocks may differ by without one having been set.
_STEP = timedelta(seconds=2)

# A due time that passed so long ago has been missed.
_LATE = timedelta(minutes=1)

_SPREAD_SHARE = 0.1
_SPREAD_AT_MOST = timedelta(seconds=30)


def spread(schedule: Schedule) -> timedelta:
    """Choose by chance how long to wait before a first run, so that many hosts do not ask in the same second."""
    most = min(schedule.longest_gap * _SPREAD_SHARE, _SPREAD_AT_MOST)
    return most * random.random()  # noqa: S311 - nobody gains by guessing it


class Clocks:
    """The wall clock beside the monotonic one."""

    def __init__(self, wall: Callable[[], datetime], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._before = wall(), monotonic()

    def step(self) -> timedelta | None:
        """Say by how much the wall clock went on more than time did since the last call; None where it did not.

        A machine that slept, or was set, shows that so; asked often, slow corrections are none.
        """
        wall, monotonic = self._wall(), self._monotonic()
        step = (wall - self._before[0]) - timedelta(seconds=monotonic - self._before[1])
        self._before = wall, monotonic
        return step if abs(step) > _STEP else None


class Clockwork:
    """Calls `work` at each due time, in a thread of its own; never twice at once, and once for all that was missed."""

    def __init__(self, work: Callable[[], None], schedule: Schedule, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._schedule = schedule
        self._is_busy = False
        self._work = work
        self._job: Job | None = None
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1, {"thread_name_prefix": "round"})},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

        # Its words for this change with its version.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler.add_listener(lambda _event: _log.warning("round.skipped", is_run_under_way=True), _SKIPPED)

    def start(self, first_due: datetime) -> None:
        """Begin to wait for the first due time."""
        self._job = self._scheduler.add_job(self._run, self._schedule.trigger, next_run_time=first_due)
        self._scheduler.start()

    @property
    def is_busy(self) -> bool:
        """Whether `work` is under way."""
        return self._is_busy

    @property
    def is_waiting(self) -> bool:
        """Whether the next due time is still to come; one that passed a while ago says that something is stuck."""
        due = self.next_due_at
        return not self._is_busy and due is not None and due > self._clock() - _LATE

    @property
    def next_due_at(self) -> datetime | None:
        """When `work` is called next; None before the start."""
        due: datetime | None = self._job.next_run_time if self._job else None
        return due

    def change(self, schedule: Schedule) -> None:
        """Go by another schedule from now on."""
        self._schedule = schedule
        if self._job:
            self._job.reschedule(schedule.trigger)

    def clock_stepped(self, step: timedelta) -> None:
        """Put the next due time right after the wall clock was set, or this machine slept: `step` forward."""
        now, due = self._clock(), self.next_due_at
        if self._job is None or due is None:
            return
        if due <= now:
            self._job.modify(next_run_time=now)
        elif step < timedelta(0):
            is_interval = isinstance(self._schedule.written, float)
            self._job.modify(next_run_time=due + step if is_interval else self._schedule.after(now))

    def stop(self) -> None:
        """Call `work` no more; a call under way goes on."""
        self._scheduler.shutdown(wait=False)

    def _run(self) -> None:
        self._is_busy = True
        try:
            self._work()
        finally:
            self._is_busy = False
