"""Which intervals of history an attempt closes and opens. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from typing import TypeAlias

from inventory.history.changes import Change, Closed, End, Opened
from inventory.history.windows import Announced, announced
from inventory.model import Backup, BackupPolicy, DropletState, StoredBackup, StoredDroplet, StoredPolicy

# The attributes whose history is kept, in `backup_versions`, `droplet_versions` and `backup_policies`.
_OF_BACKUP = ("name", "type", "size_gigabytes", "min_disk_size")
_OF_DROPLET = ("name", "region", "size_slug", "price_monthly_usd", "status", "account_id", "unselected_since")
_OF_POLICY = tuple(field.name for field in fields(BackupPolicy))

_backup_version = attrgetter(*_OF_BACKUP)
_droplet_version = attrgetter(*_OF_DROPLET)

_Intervals: TypeAlias = tuple[list[Closed], list[Opened]]


def differs(before: StoredBackup, after: Backup) -> bool:
    """Tell whether a listing shows a backup differently from what is stored of it."""
    return before.regions != after.regions or _is_other_version(before, after)


def _is_other_version(before: StoredBackup, after: Backup) -> bool:
    is_redated = before.shown_created_at != after.created_at
    return is_redated or _backup_version(before.state) != _backup_version(after)


def backup_history(appeared: Iterable[Backup], changed: Iterable[Change], returned: Iterable[Change]) -> _Intervals:
    """List the versions and regions that close and open, but for those that ends close."""
    closed: list[Closed] = []
    opened: list[Opened] = []
    begun = [(backup, backup.created_at) for backup in appeared]
    begun += [(change.after, change.before.state.created_at) for change in returned]
    for backup, first_created_at in begun:
        opened.append(_version_of(backup, first_created_at))
        opened.extend(_region(backup.id, region) for region in backup.regions)
    for change in changed:
        before, after = change.before, change.after
        if _is_other_version(before, after):
            closed.append(Closed("backup_versions", {"backup_id": after.id}, closed_by="change"))
            opened.append(_version_of(after, before.state.created_at))
        left = sorted(set(before.regions) - set(after.regions))
        joined = sorted(set(after.regions) - set(before.regions))
        closed.extend(Closed("backup_regions", {"backup_id": after.id, "region": region}) for region in left)
        opened.extend(_region(after.id, region) for region in joined)
    return closed, opened


def _version_of(backup: Backup, first_created_at: datetime) -> Opened:
    """Open a version; it has a creation time of its own only where that is not the one first shown."""
    created_at = None if backup.created_at == first_created_at else backup.created_at
    values = {"backup_id": backup.id, **_named(_OF_BACKUP, backup), "created_at": created_at}
    return Opened("backup_versions", values)


def _region(backup_id: int, region: str) -> Opened:
    return Opened("backup_regions", {"backup_id": backup_id, "region": region})


def closed_by_ends(ended: Iterable[End]) -> Iterable[Closed]:
    """List the intervals of backups that their ends close."""
    for end in ended:
        backup = end.before
        yield Closed("backup_versions", {"backup_id": backup.state.id}, closed_by=end.reason)
        for region in backup.regions:
            yield Closed("backup_regions", {"backup_id": backup.state.id, "region": region})


def droplet_history(
    stored: StoredDroplet | None, state: DropletState, tags: frozenset[str] | None, policy: BackupPolicy | None
) -> tuple[tuple[Closed, ...], tuple[Opened, ...]]:
    """List the intervals of attributes, tags, policy and window that close and open.

    `state` is the row to be written; of a Droplet that was gone, none is open. Tags that are unknown (None) and a
    policy that was not read change nothing.
    """
    key = {"droplet_id": state.id}
    before = policy_in_force(stored.policies) if stored else None
    parts = (
        _droplet_intervals(key, stored.state if stored else None, state),
        _tag_intervals(key, stored.tags if stored else frozenset(), tags),
        _policy_intervals(key, before, policy),
        _window_intervals(key, announced(stored.state, before) if stored else None, announced(state, policy or before)),
    )
    return (
        tuple(interval for closed, _ in parts for interval in closed),
        tuple(interval for _, opened in parts for interval in opened),
    )


def reselection(before: DropletState, after: DropletState) -> tuple[tuple[Closed, ...], tuple[Opened, ...]]:
    """List the intervals that close and open where an attempt that showed nothing selects a Droplet again."""
    if before.gone_at is not None:
        return (), ()
    closed, opened = _droplet_intervals({"droplet_id": after.id}, before, after)
    return tuple(closed), tuple(opened)


def _droplet_intervals(key: Mapping[str, int], before: DropletState | None, after: DropletState) -> _Intervals:
    opened = [Opened("droplet_versions", {**key, **_named(_OF_DROPLET, after)})]
    if before is None or before.gone_at is not None:
        return [], opened
    if _droplet_version(before) == _droplet_version(after):
        return [], []
    return [Closed("droplet_versions", key)], opened


def _tag_intervals(key: Mapping[str, int], before: frozenset[str], after: frozenset[str] | None) -> _Intervals:
    if after is None:
        return [], []
    return (
        [Closed("droplet_tags", {**key, "tag": tag}) for tag in sorted(before - after)],
        [Opened("droplet_tags", {**key, "tag": tag}) for tag in sorted(after - before)],
    )


def _policy_intervals(key: Mapping[str, int], before: BackupPolicy | None, after: BackupPolicy | None) -> _Intervals:
    if after is None or after == before:
        return [], []
    opened = [Opened("backup_policies", {**key, **_named(_OF_POLICY, after)})]
    return [Closed("backup_policies", key)] if before else [], opened


def _window_intervals(key: Mapping[str, int], before: Announced | None, after: Announced | None) -> _Intervals:
    if after == before:
        return [], []
    window = {"starts_at": after.starts_at, "ends_at": after.ends_at} if after else {}
    return (
        [Closed("droplet_windows", key)] if before else [],
        [Opened("droplet_windows", {**key, **window})] if after else [],
    )


def closed_with_droplet(stored: StoredDroplet) -> tuple[Closed, ...]:
    """List the intervals of a Droplet's attributes, tags, policy and window that its end closes."""
    key = {"droplet_id": stored.state.id}
    policy = policy_in_force(stored.policies)
    return (
        Closed("droplet_versions", key),
        *(Closed("droplet_tags", {**key, "tag": tag}) for tag in sorted(stored.tags)),
        *([Closed("backup_policies", key)] if policy else []),
        *([Closed("droplet_windows", key)] if announced(stored.state, policy) else []),
    )


def policy_in_force(policies: Iterable[StoredPolicy]) -> BackupPolicy | None:
    """Give the policy that was in force until this attempt, as far as was known; None where none was ever read."""
    return next((each.policy for each in policies if each.valid_to is None), None)


def _named(names: Iterable[str], value: object) -> dict[str, object]:
    return {name: getattr(value, name) for name in names}
