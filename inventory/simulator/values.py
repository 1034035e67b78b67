"""The frozen values a fleet is made of. Times are aware, UTC and of whole seconds; sizes are gigabytes."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from inventory.simulator.catalog import Size
from inventory.simulator.growth import Growth

WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
WINDOW_HOURS = (0, 4, 8, 12, 16, 20)
WINDOW_LENGTH = timedelta(hours=4)

# Plan -> (time between two backups, days each is kept). DigitalOcean documents these two.
PLANS = {"daily": (timedelta(days=1), 7), "weekly": (timedelta(days=7), 28)}
# What usage-based plans are called was seen for one of them, `intra_daily_4h`, which keeps seven days.
_USAGE_BASED = re.compile(r"intra_daily_([1-9]\d?)h")
_USAGE_BASED_KEEPS_DAYS = 7
# Nobody documents how often any other plan runs or how long it keeps: this is our choice for all of them.
_UNDOCUMENTED_PLAN = (timedelta(hours=4), 3)

_A_SUNDAY = datetime(2018, 1, 7, tzinfo=UTC)


def rhythm(plan: str) -> tuple[timedelta, int]:
    """Return the time between two backups of a plan, and the days each is kept."""
    if usage_based := _USAGE_BASED.fullmatch(plan):
        return timedelta(hours=int(usage_based[1])), _USAGE_BASED_KEEPS_DAYS
    return PLANS.get(plan, _UNDOCUMENTED_PLAN)


@dataclass(frozen=True, slots=True)
class SimulatedPolicy:
    """When backups of a Droplet are made and how long they are kept.

    Attributes:
        weekday: One of `WEEKDAYS` for the weekly plan, None for others.
        hour: The UTC hour at which the window opens, one of `WINDOW_HOURS`.
    """

    plan: str
    weekday: str | None
    hour: int
    retention_days: int

    @property
    def interval(self) -> timedelta:
        """The time between two windows."""
        return rhythm(self.plan)[0]

    @property
    def is_usage_based(self) -> bool:
        """Whether it is billed by size; such a Droplet's `features` lack `backups`, by all that was seen."""
        return _USAGE_BASED.fullmatch(self.plan) is not None

    @property
    def keeps(self) -> int:
        """How many backups exist once the Droplet is older than the retention."""
        return max(1, timedelta(days=self.retention_days) // self.interval)

    def window_after(self, instant: datetime) -> datetime:
        """Return when the first window after `instant` opens."""
        days = WEEKDAYS.index(self.weekday) if self.weekday else 0
        anchor = _A_SUNDAY + timedelta(days=days, hours=self.hour)
        return anchor + ((instant - anchor) // self.interval + 1) * self.interval


@dataclass(frozen=True, slots=True)
class SimulatedBackup:
    """A backup, or the snapshot it was converted to.

    Attributes:
        type: `backup` or `snapshot`.
        expires_at: When its age passes the retention it was made under; None if nothing expires it.
    """

    id: int
    droplet_id: int
    name: str
    type: str
    created_at: datetime
    size_gigabytes: float
    min_disk_size: int
    regions: tuple[str, ...]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class SimulatedDroplet:
    """A Droplet.

    Attributes:
        seed: What everything random about it is derived from; survives renaming.
        policy: None while backups are off.
        next_window_starts_at: None while backups are off.
        size_gigabytes: The size of a backup made at `sized_at`, from where `growth` takes it.
    """

    id: int
    seed: str
    name: str
    region: str
    size: Size
    tags: tuple[str, ...]
    created_at: datetime
    policy: SimulatedPolicy | None
    next_window_starts_at: datetime | None
    growth: Growth
    size_gigabytes: float
    sized_at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the fleet: the truth that an inventory of it should find.

    Attributes:
        kind: `droplet_created droplet_destroyed renamed resized tagged untagged backups_enabled backups_disabled
            policy_changed`, or of one backup `made missed expired deleted lost converted returned edited`.
        backup_id: None where no backup is meant, and for `missed`.
    """

    at: datetime
    kind: str
    droplet_id: int
    backup_id: int | None = None
