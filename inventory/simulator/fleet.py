"""A fleet of Droplets whose backups are made and expire by a clock that only `advance` moves.

Pure and deterministic: the same seed and the same calls give the same fleet, and what is random about one Droplet
depends on nothing but the seed and its name, never on the order of calls.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from types import MappingProxyType
from typing import Literal, Self

from inventory.simulator.agenda import Agenda, whole_second
from inventory.simulator.catalog import SIZES, Size
from inventory.simulator.chance import Chance
from inventory.simulator.growth import Growth, size_after
from inventory.simulator.images import Images
from inventory.simulator.values import WINDOW_LENGTH, Event, SimulatedBackup, SimulatedDroplet, SimulatedPolicy

# Nobody knows which of the two DigitalOcean does: a backup goes at the instant its age passes the retention, or when
# the next one is made.
OldestGoes = Literal["by_age", "by_count"]


class Fleet:
    """The Droplets of one account and their backups, at the instant `now`.

    Args:
        now: Aware; where the clock starts.
        seed: What all chance is derived from.
        oldest_goes: When a backup past its retention disappears.
        chance_of_missing: The share of due backups that are not made, 0 to 1.
        first_droplet_id: Of the Droplets; DigitalOcean gives no id to two accounts.
        first_image_id: Of the backups and snapshots; 2,000,000,000 from one account to the next keep them apart.
    """

    def __init__(
        self,
        now: datetime,
        *,
        seed: int = 1,
        oldest_goes: OldestGoes = "by_age",
        chance_of_missing: float = 0.0,
        first_droplet_id: int = 500_000_001,
        first_image_id: int = 0,
    ) -> None:
        self.events: list[Event] = []
        self.chance = Chance(seed)
        self._agenda = Agenda(now)
        self._oldest_goes = oldest_goes
        self._chance_of_missing = chance_of_missing
        self._droplet_ids = count(first_droplet_id)
        self._droplets: dict[int, SimulatedDroplet] = {}
        self._destroyed: dict[int, SimulatedDroplet] = {}
        self._images = Images(first_image_id)
        self._misses: set[int] = set()

    @property
    def now(self) -> datetime:
        """The instant the fleet's clock shows."""
        return self._agenda.now

    @property
    def droplets(self) -> Mapping[int, SimulatedDroplet]:
        """The Droplets that exist, by id, oldest first."""
        return MappingProxyType(self._droplets)

    @property
    def destroyed(self) -> Mapping[int, SimulatedDroplet]:
        """The Droplets that existed, as they last were."""
        return MappingProxyType(self._destroyed)

    @property
    def snapshots(self) -> Mapping[int, SimulatedBackup]:
        """What was converted from backups, by id; a snapshot outlives its Droplet."""
        return self._images.snapshots()

    def backups_of(self, droplet_id: int) -> tuple[SimulatedBackup, ...]:
        """Return the existing backups of a Droplet, oldest first; none if the Droplet does not exist."""
        return self._images.backups_of(droplet_id)

    def snapshots_of(self, droplet_id: int) -> Mapping[int, SimulatedBackup]:
        """Return what was converted from a Droplet's backups, by id."""
        return self._images.snapshots_of(droplet_id)

    def image(self, image_id: int) -> SimulatedBackup | None:
        """Return the backup or snapshot of that id, or None if there is none."""
        return self._images.find(image_id)

    def advance(self, *, to: datetime) -> None:
        """Move the clock, and let all that is due until then, `to` included, happen at its instant.

        Raises:
            ValueError: `to` is earlier than `now`.
        """
        self._agenda.advance(to=to)

    def schedule(self, at: datetime, event: Callable[[Self], object]) -> None:
        """Let `event`, called with the fleet, happen at `at`, or at the next advance if that is past."""
        self._agenda.enter(at, partial(event, self))

    def add_droplet(
        self,
        *,
        name: str,
        plan: str | None = "daily",
        tags: Sequence[str] = (),
        region: str = "nyc3",
        gpu: bool = False,
        size_slug: str | None = None,
        price_monthly_usd: float | None = None,
        growth: Growth = "flat",
        size_gigabytes: float = 2.34,
        weekday: str | None = None,
        hour: int | None = None,
        retention_days: int | None = None,
        created_at: datetime | None = None,
        backups: int = 0,
    ) -> int:
        """Add a Droplet and return its id, larger than all before it; its name need not be unique.

        `plan` None means backups are off; `size_slug` is one of `catalog.SIZES`. What is None otherwise is drawn by
        chance or follows from plan and size. `size_gigabytes` is the size of a backup made now, `growth` how it goes
        on. `backups` exist already: the latest that the plan made, or closer together if they would be too old.
        """
        size = _size(size_slug, price_monthly_usd, gpu=gpu)
        seed = self.chance.droplet_seed(name)
        droplet = SimulatedDroplet(
            id=next(self._droplet_ids),
            seed=seed,
            name=name,
            region=region,
            size=size,
            tags=tuple(tags),
            created_at=whole_second(created_at or self.now),
            policy=None,
            next_window_starts_at=None,
            growth=growth,
            size_gigabytes=size_gigabytes,
            sized_at=self.now,
        )
        self._droplets[droplet.id] = droplet
        self._log("droplet_created", droplet.id)
        if plan is not None:
            policy = self.chance.policy(seed, plan, weekday=weekday, hour=hour, retention_days=retention_days)
            self._adopt(droplet.id, policy, "backups_enabled")
            self._add_past_backups(droplet.id, policy, backups)
        return droplet.id

    def destroy(self, droplet_id: int) -> None:
        """Destroy a Droplet and, as DigitalOcean does, its backups with it."""
        self._delete_backups(droplet_id)
        self._destroyed[droplet_id] = self._droplets.pop(droplet_id)
        self._log("droplet_destroyed", droplet_id)

    def rename(self, droplet_id: int, name: str) -> None:
        """Rename a Droplet; its backups keep the names they were made with."""
        self._droplets[droplet_id] = replace(self._droplets[droplet_id], name=name)
        self._log("renamed", droplet_id)

    def resize(self, droplet_id: int, size_slug: str) -> None:
        """Give a Droplet another size; backups made later need at least its disk."""
        self._droplets[droplet_id] = replace(self._droplets[droplet_id], size=SIZES[size_slug])
        self._log("resized", droplet_id)

    def tag(self, droplet_id: int, tag: str) -> None:
        """Give a Droplet a tag."""
        tags = self._droplets[droplet_id].tags
        self._droplets[droplet_id] = replace(self._droplets[droplet_id], tags=(*tags, tag))
        self._log("tagged", droplet_id)

    def untag(self, droplet_id: int, tag: str) -> None:
        """Take a tag away from a Droplet."""
        tags = tuple(each for each in self._droplets[droplet_id].tags if each != tag)
        self._droplets[droplet_id] = replace(self._droplets[droplet_id], tags=tags)
        self._log("untagged", droplet_id)

    def enable_backups(
        self,
        droplet_id: int,
        plan: str = "daily",
        *,
        weekday: str | None = None,
        hour: int | None = None,
        retention_days: int | None = None,
    ) -> None:
        """Switch backups on; the first is made in the next window. What is None is as in `add_droplet`."""
        seed = self._droplets[droplet_id].seed
        policy = self.chance.policy(seed, plan, weekday=weekday, hour=hour, retention_days=retention_days)
        self._adopt(droplet_id, policy, "backups_enabled")

    def disable_backups(self, droplet_id: int) -> None:
        """Switch backups off, which deletes all that exist."""
        self._delete_backups(droplet_id)
        droplet = self._droplets[droplet_id]
        self._droplets[droplet_id] = replace(droplet, policy=None, next_window_starts_at=None)
        self._log("backups_disabled", droplet_id)

    def change_policy(
        self,
        droplet_id: int,
        *,
        plan: str | None = None,
        weekday: str | None = None,
        hour: int | None = None,
        retention_days: int | None = None,
    ) -> None:
        """Change what is not None; existing backups keep the retention they were made under (our choice)."""
        droplet = self._droplets[droplet_id]
        before = droplet.policy
        if before is None:
            message = f"backups of Droplet {droplet_id} are off"
            raise ValueError(message)
        kept_retention = before.retention_days if plan in (None, before.plan) else None
        policy = self.chance.policy(
            droplet.seed,
            plan or before.plan,
            weekday=weekday or before.weekday,
            hour=before.hour if hour is None else hour,
            retention_days=retention_days or kept_retention,
        )
        self._adopt(droplet_id, policy, "policy_changed")

    def miss_next(self, droplet_id: int) -> None:
        """Let the next due backup of a Droplet not be made."""
        self._misses.add(droplet_id)

    def add_backup(
        self,
        droplet_id: int,
        *,
        created_at: datetime | None = None,
        name: str | None = None,
        size_gigabytes: float | None = None,
        min_disk_size: int | None = None,
        regions: Sequence[str] | None = None,
    ) -> int:
        """Make a backup and return its id; what is None is as the Droplet's plan would make it now."""
        droplet = self._droplets[droplet_id]
        at = whole_second(created_at or self.now)
        backup = SimulatedBackup(
            id=self._images.free_id(at),
            droplet_id=droplet_id,
            name=name or f"{droplet.name}- {at:%Y-%m-%d}",
            type="backup",
            created_at=at,
            size_gigabytes=self._size_at(at, droplet) if size_gigabytes is None else size_gigabytes,
            min_disk_size=droplet.size.disk if min_disk_size is None else min_disk_size,
            regions=(droplet.region,) if regions is None else tuple(regions),
            expires_at=at + timedelta(days=droplet.policy.retention_days) if droplet.policy else None,
        )
        self._put(backup, "made")
        return backup.id

    def edit_backup(
        self,
        backup_id: int,
        *,
        name: str | None = None,
        size_gigabytes: float | None = None,
        regions: Sequence[str] | None = None,
        created_at: datetime | None = None,
    ) -> None:
        """Change what the API says of an existing backup, not when it expires; None leaves an attribute as it is."""
        before = self._images.take(backup_id)
        after = replace(
            before,
            name=name or before.name,
            size_gigabytes=before.size_gigabytes if size_gigabytes is None else size_gigabytes,
            regions=before.regions if regions is None else tuple(regions),
            created_at=created_at or before.created_at,
        )
        self._put(after, "edited")

    def convert(self, backup_id: int) -> None:
        """Convert a backup to a snapshot of the same id, which leaves the list of backups."""
        backup = self._images.convert(backup_id)
        self._log("converted", backup.droplet_id, backup_id)

    def lose(self, backup_id: int) -> None:
        """Let a backup disappear early, for no reason anybody is told."""
        backup = self._images.take(backup_id)
        self._log("lost", backup.droplet_id, backup_id)

    def return_backup(self, backup_id: int) -> None:
        """Let a backup that disappeared be listed again, as it last was; past its retention it stays for good."""
        backup = self._images.put_back(backup_id)
        assert backup.droplet_id in self._droplets
        self._settle(backup, "returned")

    def _make_due(self, droplet_id: int, window: datetime) -> None:
        droplet = self._droplets.get(droplet_id)
        if droplet is None or droplet.policy is None or droplet.next_window_starts_at != window:
            return  # destroyed, switched off or changed since this was planned
        is_missed = self.chance.is_missed(window, droplet.seed, share=self._chance_of_missing)
        if is_missed or droplet_id in self._misses:
            self._misses.discard(droplet_id)
            self._log("missed", droplet_id)
        else:
            self.add_backup(droplet_id)
            self._push_out_oldest(droplet_id, droplet.policy.keeps)
        self._plan_next(droplet_id, after=window)

    def _push_out_oldest(self, droplet_id: int, keeps: int) -> None:
        if self._oldest_goes != "by_count":
            return
        # Made early in its window, the next backup finds the oldest up to a window's length short of its retention.
        due = self.now + WINDOW_LENGTH
        for backup in self.backups_of(droplet_id)[:-keeps]:
            if backup.expires_at is not None and backup.expires_at <= due:
                self._expire(backup.id)

    def _expire(self, backup_id: int) -> None:
        if self._images.has_backup(backup_id):
            backup = self._images.take(backup_id)
            self._log("expired", backup.droplet_id, backup_id)

    def _adopt(self, droplet_id: int, policy: SimulatedPolicy, kind: str) -> None:
        self._droplets[droplet_id] = replace(self._droplets[droplet_id], policy=policy)
        self._plan_next(droplet_id, after=self.now)
        self._log(kind, droplet_id)

    def _plan_next(self, droplet_id: int, *, after: datetime) -> None:
        droplet = self._droplets[droplet_id]
        assert droplet.policy is not None
        window = droplet.policy.window_after(after)
        self._droplets[droplet_id] = replace(droplet, next_window_starts_at=window)
        self._agenda.enter(self.chance.instant_in(window, droplet.seed), partial(self._make_due, droplet_id, window))

    def _add_past_backups(self, droplet_id: int, policy: SimulatedPolicy, backups: int) -> None:
        if not backups:
            return
        seed = self._droplets[droplet_id].seed
        window = policy.window_after(self.now - policy.interval)
        if self.chance.instant_in(window, seed) > self.now:
            window -= policy.interval
        instants = [self.chance.instant_in(window - number * policy.interval, seed) for number in range(backups)]
        retention = timedelta(days=policy.retention_days)
        if instants[-1] + retention <= self.now:
            spacing = (retention - (self.now - instants[0])) / backups
            instants = [instants[0] - number * spacing for number in range(backups)]
        for at in reversed(instants):
            self.add_backup(droplet_id, created_at=at)
        created_at = min(self._droplets[droplet_id].created_at, whole_second(instants[-1] - WINDOW_LENGTH))
        self._droplets[droplet_id] = replace(self._droplets[droplet_id], created_at=created_at)
        self._plan_next(droplet_id, after=window)

    def _size_at(self, at: datetime, droplet: SimulatedDroplet) -> float:
        days = (at - droplet.sized_at) / timedelta(days=1)
        random = self.chance.random(droplet.seed, "size", at)
        return size_after(days, growth=droplet.growth, start_gigabytes=droplet.size_gigabytes, random=random)

    def _put(self, backup: SimulatedBackup, kind: str) -> None:
        self._images.put(backup)
        self._settle(backup, kind)

    def _settle(self, backup: SimulatedBackup, kind: str) -> None:
        """Note what happened to a backup that is listed from now on, and plan its end."""
        self._log(kind, backup.droplet_id, backup.id)
        if self._oldest_goes == "by_age" and backup.expires_at is not None and backup.expires_at > self.now:
            self._agenda.enter(backup.expires_at, partial(self._expire, backup.id))

    def _delete_backups(self, droplet_id: int) -> None:
        for backup in self._images.take_all(droplet_id):
            self._log("deleted", droplet_id, backup.id)

    def _log(self, kind: str, droplet_id: int, backup_id: int | None = None) -> None:
        self.events.append(Event(self.now, kind, droplet_id, backup_id))


def _size(slug: str | None, price_monthly_usd: float | None, *, gpu: bool) -> Size:
    size = SIZES[slug or ("gpu-h100x1-80gb" if gpu else "s-1vcpu-1gb")]
    return size if price_monthly_usd is None else replace(size, price_monthly_usd=price_monthly_usd)
