"""What is stored and what was seen, with the usual values where a test names none; and changesets applied in memory."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from inventory.history.changes import Changeset
from inventory.history.reconcile import reconcile
from inventory.model import (
    Attempt,
    Backup,
    BackupPolicy,
    BackupState,
    Droplet,
    Failed,
    Listed,
    Listing,
    Proven,
    StoredBackup,
    StoredDroplet,
    StoredPolicy,
)
from inventory.vocabulary import Outcome

NOON = datetime(2026, 3, 10, 12, 0, 0, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
DAILY = BackupPolicy(is_enabled=True, plan="daily", hour=4, window_length_hours=4, retention_days=7)
WEEKLY = BackupPolicy(is_enabled=True, plan="weekly", weekday="SUN", hour=4, window_length_hours=4, retention_days=28)
OFF = BackupPolicy(is_enabled=False)
DROPLET_ID = 101


def backup(number: int = 1, *, days_old: float = 1, **changes: Any) -> Backup:  # noqa: ANN401 - as Backup says
    made_at = (NOON - timedelta(days=days_old)).replace(microsecond=0)
    usual = {"name": f"web-01- {number}", "type": "backup", "created_at": made_at, "size_gigabytes": 2.5}
    return Backup(**{"id": number, "min_disk_size": 25, "regions": ("fra1",), **usual, **changes})


def droplet(**changes: Any) -> Droplet:  # noqa: ANN401 - as Droplet says
    usual = {
        "id": DROPLET_ID,
        "name": "web-01",
        "region": "fra1",
        "size_slug": "s-1vcpu-1gb",
        "price_monthly_usd": 6.0,
        "status": "active",
        "created_at": NOON - timedelta(days=90),
        "next_window_starts_at": NOON + timedelta(hours=16),
        "next_window_ends_at": NOON + timedelta(hours=20),
        "tags": frozenset({"web"}),
        "features": frozenset({"backups"}),
        "backup_ids": frozenset(),
        "snapshot_ids": frozenset(),
    }
    return Droplet(**{**usual, **changes})


def seen(
    *backups: Backup,
    at: datetime = LATER,
    policy: BackupPolicy | None = DAILY,
    problem: str | None = None,
    account_id: int = 1,
    **changes: Any,  # noqa: ANN401 - as Droplet says
) -> Listed:
    """An attempt that listed these backups; `changes` are those of the Droplet."""
    listing = Listing(DROPLET_ID, backups, problem, at, pages=1, rows=len(backups), announced_total=len(backups))
    return Listed(
        droplet_id=DROPLET_ID,
        account_id=account_id,
        droplet=droplet(**changes),
        policy=policy,
        listing=listing,
        http_status=200,
        attempted_at=at,
        duration_seconds=0.1,
    )


def proven(*, at: datetime = LATER, policy: BackupPolicy | None = DAILY, **changes: Any) -> Proven:  # noqa: ANN401 - as Droplet says
    """A Droplet proven unchanged; `changes` are its own."""
    return Proven(
        droplet_id=DROPLET_ID,
        account_id=1,
        droplet=droplet(**changes),
        policy=policy,
        http_status=200,
        attempted_at=at,
        duration_seconds=0.0,
    )


def failed(outcome: str = "unavailable", *, at: datetime = LATER, status: int | None = 503, **changes: Any) -> Failed:  # noqa: ANN401 - as Failed says
    """An attempt that came to nothing."""
    usual = {
        "droplet_id": DROPLET_ID,
        "account_id": 1,
        "droplet": droplet(),
        "policy": DAILY,
        "error": f"it was {outcome}",
        "is_token_alive": False,
        "duration_seconds": 0.1,
    }
    return Failed(**{**usual, "outcome": Outcome(outcome), "http_status": status, "attempted_at": at, **changes})


def missing(*, at: datetime = LATER, is_token_alive: bool = True, **changes: Any) -> Failed:  # noqa: ANN401 - as Failed says
    """An attempt that was answered 404, for the Droplet as for its backups."""
    usual = {"droplet": None, "policy": None, "is_token_alive": is_token_alive}
    return failed("not_found", at=at, status=404, **{**usual, **changes})


def after(stored: StoredDroplet | None, *attempts: Attempt, held_because: str | None = None) -> StoredDroplet:
    """Give what is stored after these attempts, one after the other."""
    for attempt in attempts:
        stored = applied(stored, reconcile(stored, attempt, {}, held_because=held_because))
    assert stored is not None
    return stored


def applied(stored: StoredDroplet | None, judged: Changeset) -> StoredDroplet:
    """Write a changeset as the database would."""
    assert judged.droplet is not None
    opened = [(each.table, each.values) for each in judged.opened]
    closed = [(each.table, each.key) for each in judged.closed]
    tags = set(stored.tags) if stored else set()
    tags -= {str(key["tag"]) for table, key in closed if table == "droplet_tags"}
    tags |= {str(values["tag"]) for table, values in opened if table == "droplet_tags"}
    policies = [
        replace(each, valid_to=judged.stamp) if each.valid_to is None and _names("backup_policies", closed) else each
        for each in (stored.policies if stored else ())
    ]
    policies += [
        StoredPolicy(BackupPolicy(**{k: v for k, v in values.items() if k != "droplet_id"}), judged.stamp, None)  # type: ignore[arg-type]
        for table, values in opened
        if table == "backup_policies"
    ]
    return StoredDroplet(
        state=judged.droplet,
        tags=frozenset(tags),
        policies=tuple(policies),
        backups=_backups(stored.backups if stored else {}, judged),
        last_day=judged.day or (stored.last_day if stored else None),
    )


def _names(table: str, closed: Iterable[tuple[str, Mapping[str, object]]]) -> bool:
    return any(name == table for name, _ in closed)


def _backups(before: Mapping[int, StoredBackup], judged: Changeset) -> dict[int, StoredBackup]:
    states: dict[int, BackupState] = {number: each.state for number, each in before.items()}
    states |= {state.id: state for state in judged.backups}
    regions = {number: set(each.regions) for number, each in before.items()}
    versions = {number: each.version_from for number, each in before.items()}
    dates: dict[int, Any] = {number: each.shown_created_at for number, each in before.items()}
    for closed in judged.closed:
        if closed.table == "backup_regions":
            regions[int(str(closed.key["backup_id"]))] -= {str(closed.key["region"])}
        if closed.table == "backup_versions":
            versions[int(str(closed.key["backup_id"]))] = None
    for opened in judged.opened:
        if opened.table == "backup_regions":
            regions.setdefault(int(str(opened.values["backup_id"])), set()).add(str(opened.values["region"]))
        if opened.table == "backup_versions":
            number = int(str(opened.values["backup_id"]))
            versions[number] = judged.stamp
            dates[number] = opened.values["created_at"] or states[number].created_at
    return {
        number: StoredBackup(state, tuple(sorted(regions.get(number, ()))), versions.get(number), dates[number])
        for number, state in states.items()
    }
