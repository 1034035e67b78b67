"""The rows of current state as an attempt leaves them. Pure."""

import math
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from inventory.history.changes import End
from inventory.history.looks import looked_at
from inventory.model import Backup, BackupState, Droplet, DropletDay, DropletState
from inventory.vocabulary import Outcome

# A creation time that is later than the first sight by more than this is not believed.
CREATED_WITHIN = timedelta(hours=1)


def shown_droplet(
    before: DropletState | None,
    droplet: Droplet,
    account_id: int | None,
    stamp: datetime,
    *,
    outcome: Outcome,
    error: str | None = None,
    observed_at: datetime | None = None,
    listed_at: datetime | None = None,
) -> DropletState:
    """Give the row of a Droplet that was shown, by the account that saw it; what is unknown stays as it was.

    `before` is None where it was never seen. Where the attempt was no look, `observed_at` is None; where there was no
    complete listing, `listed_at` is.
    """
    known = before or _unknown_droplet(droplet.id, account_id, stamp, outcome)
    if observed_at:
        known = looked_at(known, observed_at)
    window = droplet if droplet.is_window_known else known
    price = droplet.price_monthly_usd
    return replace(
        known,
        account_id=account_id,
        name=droplet.name or known.name,
        region=droplet.region or known.region,
        size_slug=droplet.size_slug or known.size_slug,
        price_monthly_usd=known.price_monthly_usd if price is None else price,
        status=droplet.status or known.status,
        created_at=known.created_at or droplet.created_at,
        next_window_starts_at=window.next_window_starts_at,
        next_window_ends_at=window.next_window_ends_at,
        unselected_since=None,
        last_listed_at=listed_at or known.last_listed_at,
        gone_at=None,
        last_attempt_at=stamp,
        last_outcome=outcome,
        last_error=error,
    )


def _unknown_droplet(droplet_id: int, account_id: int | None, stamp: datetime, outcome: Outcome) -> DropletState:
    """Give the row of a Droplet of which only the id is known, which is its name then."""
    return DropletState(
        id=droplet_id,
        account_id=account_id,
        name=str(droplet_id),
        region=None,
        size_slug=None,
        price_monthly_usd=None,
        status=None,
        created_at=None,
        next_window_starts_at=None,
        next_window_ends_at=None,
        unselected_since=None,
        first_seen_at=stamp,
        first_look_at=None,
        last_observed_at=None,
        last_listed_at=None,
        gone_at=None,
        last_attempt_at=stamp,
        last_outcome=outcome,
        last_error=None,
    )


def attempted_droplet(before: DropletState, stamp: datetime, outcome: Outcome, error: str) -> DropletState:
    """Give the row of a Droplet of which nothing new was read."""
    return replace(before, last_attempt_at=stamp, last_outcome=outcome, last_error=error, unselected_since=None)


def new_backup(backup: Backup, droplet_id: int, first_seen_at: datetime) -> BackupState:
    """Give the row of a backup that exists and raises no question."""
    return BackupState(
        id=backup.id,
        droplet_id=droplet_id,
        type=backup.type,
        created_at=backup.created_at,
        name=backup.name,
        min_disk_size=backup.min_disk_size,
        size_gigabytes=backup.size_gigabytes,
        first_seen_at=first_seen_at,
    )


def shown_backup(before: BackupState, after: Backup, stamp: datetime) -> BackupState:
    """Give the row of a known backup that a listing shows changed, or again; what was stored of an end is void.

    Its creation time stays as first shown, so that the past keeps its answers.
    """
    shown = new_backup(after, before.droplet_id, before.first_seen_at)
    later = [at for at in (before.latest_created_at, after.created_at) if at is not None and at != before.created_at]
    believable = [at for at in later if is_believable(at, before.first_seen_at)]
    latest = max(believable, default=None)
    return replace(shown, created_at=before.created_at, latest_created_at=latest, changed_at=stamp)


def is_believable(created_at: datetime, first_seen_at: datetime) -> bool:
    """Tell whether a backup can have been made then: not after it was seen, but for a clock that is a little off."""
    return created_at <= first_seen_at + CREATED_WITHIN


def made_at(backup: BackupState) -> datetime:
    """Give when a backup was made, by the latest time that was shown and is believable, else when it was first seen."""
    shown = [at for at in (backup.created_at, backup.latest_created_at) if at is not None]
    return max((at for at in shown if is_believable(at, backup.first_seen_at)), default=backup.first_seen_at)


def ended_backup(end: End, last_observed_at: datetime | None, stamp: datetime) -> BackupState:
    """Give the row of a backup that ended: after its Droplet's last look, or a later listing that showed it first.

    `last_observed_at` is None where there was no look before.
    """
    seen = [at for at in (last_observed_at, end.before.version_from) if at is not None]
    return replace(end.before.state, gone_after_at=max(seen), gone_at=stamp, gone_reason=end.reason, missing_since=None)


def explained_backup(end: End, stamp: datetime) -> BackupState:
    """Give the row of a backup that ended earlier, with the reason that is known now."""
    return replace(end.before.state, gone_reason=end.reason, gone_reason_replaced_at=stamp)


def changed_day(
    before: DropletDay | None, backups: Collection[Backup | BackupState], stamp: datetime
) -> DropletDay | None:
    """Give the figures of the stamp's day, or None where they are those `before`, the latest stored."""
    made = [backup.created_at for backup in backups]
    day = DropletDay(
        day=stamp.date(),
        backups=len(backups),
        size_gigabytes=math.fsum(backup.size_gigabytes for backup in backups),
        oldest_backup_at=min(made, default=None),
        newest_backup_at=max(made, default=None),
        first_look_at=before.first_look_at if before and before.day == stamp.date() else stamp,
    )
    return None if before == day else day


def next_day(before: DropletDay, stamp: datetime) -> DropletDay | None:
    """Give the unchanged figures `before` for the stamp's day, or None where they are stored for it."""
    return replace(before, day=stamp.date(), first_look_at=stamp) if before.day < stamp.date() else None
