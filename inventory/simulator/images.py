"""The backups and snapshots that exist, and what there ever was of them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from types import MappingProxyType

from inventory.simulator.values import SimulatedBackup

_IDS_START_AT = datetime(2018, 1, 1, tzinfo=UTC)


class Images:
    """Backups by their Droplets, and the snapshots that were converted from them."""

    def __init__(self, first_id: int = 0) -> None:
        self._first_id = first_id
        self._backups: dict[int, tuple[SimulatedBackup, ...]] = {}
        self._snapshots: dict[int, dict[int, SimulatedBackup]] = {}
        self._ever: dict[int, SimulatedBackup] = {}

    def backups_of(self, droplet_id: int) -> tuple[SimulatedBackup, ...]:
        """Return a Droplet's backups, oldest first."""
        return self._backups.get(droplet_id, ())

    def snapshots_of(self, droplet_id: int) -> Mapping[int, SimulatedBackup]:
        """Return the snapshots made of a Droplet's backups, by id, in the order they were converted."""
        return MappingProxyType(self._snapshots.get(droplet_id, {}))

    def snapshots(self) -> dict[int, SimulatedBackup]:
        """Return all snapshots by id, that of the smallest first."""
        return dict(sorted((number, each) for of in self._snapshots.values() for number, each in of.items()))

    def find(self, image_id: int) -> SimulatedBackup | None:
        """Return the backup or snapshot of that id as it is now, or None if there is none."""
        if image_id not in self._ever:
            return None
        last = self._ever[image_id]
        return last if self.has_backup(image_id) else self.snapshots_of(last.droplet_id).get(image_id)

    def has_backup(self, backup_id: int) -> bool:
        """Tell whether there is a backup of that id; what was converted is none."""
        backup = self._ever.get(backup_id)
        return backup is not None and backup in self.backups_of(backup.droplet_id)

    def put(self, backup: SimulatedBackup) -> None:
        """Add a backup to those of its Droplet, in its place by age."""
        self._ever[backup.id] = backup
        listed = (*self.backups_of(backup.droplet_id), backup)
        self._backups[backup.droplet_id] = tuple(sorted(listed, key=lambda each: (each.created_at, each.id)))

    def put_back(self, backup_id: int) -> SimulatedBackup:
        """Add a backup again, as it last was, and return it; no snapshot of that id remains."""
        backup = self._ever[backup_id]
        self._snapshots.get(backup.droplet_id, {}).pop(backup_id, None)
        self.put(backup)
        return backup

    def take(self, backup_id: int) -> SimulatedBackup:
        """Remove a backup and return it.

        Raises:
            ValueError: There is none.
        """
        if not self.has_backup(backup_id):
            message = f"there is no backup {backup_id}"
            raise ValueError(message)
        backup = self._ever[backup_id]
        remaining = tuple(each for each in self.backups_of(backup.droplet_id) if each.id != backup_id)
        self._backups[backup.droplet_id] = remaining
        return backup

    def take_all(self, droplet_id: int) -> tuple[SimulatedBackup, ...]:
        """Remove all backups of a Droplet and return them, oldest first."""
        return self._backups.pop(droplet_id, ())

    def convert(self, backup_id: int) -> SimulatedBackup:
        """Make a snapshot of a backup, of the same id, and return the backup."""
        backup = self.take(backup_id)
        snapshots = self._snapshots.setdefault(backup.droplet_id, {})
        snapshots[backup_id] = replace(backup, type="snapshot", expires_at=None)
        return backup

    def free_id(self, created_at: datetime) -> int:
        """Derive an id from the time, so that a newer image has a larger one whatever was made before it."""
        first = self._first_id + int((created_at - _IDS_START_AT).total_seconds())
        return next(number for number in count(first) if number not in self._ever)
