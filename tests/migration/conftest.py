"""A database of the newest tables, and rows for every one of them."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.config import Config

from inventory.store.engine import Database
from inventory.store.schema import metadata
from tests.migration.later import later_version

MONDAY = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
TUESDAY = datetime(2026, 3, 3, 12, 0, 0, tzinfo=UTC)

CLOSED = {"valid_from": MONDAY, "valid_to": TUESDAY}
OPEN = {"valid_from": TUESDAY, "valid_to": None}
DROPLET_THEN = {"name": "web-01", "region": "fra1", "size_slug": "s-1vcpu-1gb", "status": "active"}
BACKUP_THEN = {"name": "Ünïcode 🐙", "type": "backup", "size_gigabytes": 2.34, "min_disk_size": 25}
EXISTS = {"gone_after_at": None, "gone_at": None, "gone_reason": None}
ENDED = {"gone_after_at": MONDAY, "gone_at": TUESDAY, "gone_reason": "expired"}
RATE = {"plan": "hourly", "price_percent": 40, "source": "a letter"}
RUN = {
    "account_id": 1,
    "started_at": MONDAY,
    "heartbeat_at": MONDAY,
    "host": "web-admin",
    "pid": 4711,
    "overdue_after_seconds": 7200,
}

LOSS = {
    "account": "default",
    "droplet_id": 101,
    "finding": "unexplained-loss",
    "severity": "critical",
    "droplet": "web-01",
    "subject": "web-01",
    "began_at": MONDAY,
    "what": "1 backup gone early",
    "lost_backup_ids": "1002",
}

ATTEMPT = {
    "account": "default",
    "droplet_id": 101,
    "finding": "unexplained-loss",
    "change": "new",
    "severity": "critical",
    "lost_backup_ids": "1002",
    "unanswered": 1,
}

ROWS: dict[str, list[dict[str, Any]]] = {
    "accounts": [{"id": 1, "name": "default", "status": "active"}],
    "droplets": [
        {
            "id": droplet_id,
            "account_id": 1,
            **DROPLET_THEN,
            "created_at": MONDAY,
            "first_seen_at": MONDAY,
            "first_look_at": first_look_at,
            "last_attempt_at": TUESDAY,
            "last_outcome": "complete",
        }
        for droplet_id, first_look_at in ((101, MONDAY), (2**40, None))
    ],
    "account_versions": [{"account_id": 1, "status": "active", "valid_from": MONDAY, "valid_to": None}],
    "droplet_versions": [{"droplet_id": 101, "account_id": 1, **when, **DROPLET_THEN} for when in (CLOSED, OPEN)],
    "droplet_tags": [{"droplet_id": 101, "tag": "prod", **when} for when in (CLOSED, OPEN)],
    "backup_policies": [
        {"droplet_id": 101, **CLOSED, "is_enabled": True, "plan": "daily", "hour": 4, "retention_days": 7},
        {"droplet_id": 101, **OPEN, "is_enabled": False, "plan": None, "hour": None, "retention_days": None},
    ],
    "droplet_windows": [
        {"droplet_id": 101, **when, "starts_at": MONDAY, "ends_at": TUESDAY} for when in (CLOSED, OPEN)
    ],
    "backups": [
        {"id": 1001, **BACKUP_THEN, **rest, "droplet_id": 101, "created_at": MONDAY, "first_seen_at": MONDAY}
        for rest in (
            {**EXISTS, "missing_since": TUESDAY, "changed_at": TUESDAY},
            {"id": 1002, **ENDED, "missing_since": None, "changed_at": None},
        )
    ],
    "backup_regions": [{"backup_id": 1001, "region": "fra1", **when} for when in (CLOSED, OPEN)],
    "backup_versions": [
        {"backup_id": 1001, **CLOSED, **BACKUP_THEN, "closed_by": "change"},
        {"backup_id": 1001, **OPEN, **BACKUP_THEN, "closed_by": None},
    ],
    "droplet_days": [
        {"droplet_id": 101, "day": date(2026, 3, 2), "backups": 1, "size_gigabytes": 2.34, "first_look_at": MONDAY}
    ],
    "backup_rates": [
        {**RATE, "valid_from": date(2026, 3, 2), "valid_to": date(2026, 3, 3)},
        {**RATE, "valid_from": date(2026, 3, 3), "valid_to": None},
    ],
    "sync_runs": [
        {"id": run_id, **RUN, "trigger": "command", "mode": "listing", "status": status}
        for run_id, status in ((1, "complete"), (2, "running"))
    ],
    "sync_listings": [
        {"run_id": 1, "droplet_id": 404, "attempted_at": MONDAY, "outcome": "not_found", "duration_seconds": 0.2}
    ],
    "current_findings": [
        {
            "account_id": 1,
            "is_exempt": False,
            **{name: value for name, value in LOSS.items() if name not in ("account", "lost_backup_ids")},
        }
    ],
    "account_figures": [{"account_id": 1, "droplets": 2, "droplets_protected": 1, "windows_due": 0, "windows_made": 0}],
    "account_days": [
        {"account_id": 1, "day": date(2026, 3, 2), "added_up_at": TUESDAY, "size_gigabytes": 2.34}
        | dict.fromkeys(("backups", "droplets_observed", "droplets_known"), 1)
    ],
    "account_months": [
        {"account_id": 1, "month": date(2026, 2, 1), "added_up_at": TUESDAY, "is_complete_month": True}
        | {"droplets": 1, "backups_made": 4, "droplets_of_unknown_cost": 0, "windows_due": 4, "windows_made": 4}
    ],
    "notice_channels": [{"name": "print", "judged_at": TUESDAY}],
    "notices": [{"channel": "print", **LOSS, "told_at": MONDAY, "ended_at": ended_at} for ended_at in (TUESDAY, None)],
    "notice_digests": [{"channel": "print", "due_local": "2026-03-02 07:00", "due_at": MONDAY, "unanswered": 0}],
    "notice_attempts": [
        {"channel": "print", **ATTEMPT, "first_tried_at": MONDAY, "ended_at": ended_at} for ended_at in (TUESDAY, None)
    ],
}


def _fill(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(sa.delete(metadata.tables["backup_rates"]))  # those of the migration
        for table in metadata.sorted_tables:
            connection.execute(sa.insert(table), ROWS[table.name])


@pytest.fixture
def fill() -> Callable[[Database], None]:
    """Give what puts rows into every table."""
    return _fill


@pytest.fixture
def filled(migrated_url: str) -> Iterator[Database]:
    """Give a database of the newest tables with rows in every one."""
    database = Database(migrated_url)
    _fill(database)
    yield database
    database.close()


@pytest.fixture
def newer(tmp_path: Path) -> Config:
    """Give the configuration of a later version of the program, which alters two parent tables."""
    return later_version(tmp_path / "newer" / "migrations")
