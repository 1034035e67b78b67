"""Revision 0008: what is known of looks, selections, statuses and replaced reasons is taken over."""

from datetime import timedelta

import sqlalchemy as sa

from inventory.store.engine import Database
from inventory.store.schema import (
    account_versions,
    accounts,
    backup_versions,
    backups,
    droplet_days,
    droplet_versions,
    droplets,
)
from inventory.store.upgrade import configuration, upgrade
from tests.migration.conftest import BACKUP_THEN, CLOSED, DROPLET_THEN, MONDAY, TUESDAY
from tests.migration.later import downgrade

EVENING = TUESDAY + timedelta(hours=8, seconds=5)


def test_what_is_known_is_taken_over(filled: Database) -> None:
    downgrade(filled, configuration(), "0004")
    unselected = droplets.c.id == 2**40
    with filled.writing() as connection:
        connection.execute(sa.update(accounts).values(status="warning"))
        connection.execute(sa.update(droplets).values(last_observed_at=EVENING))
        connection.execute(
            sa.insert(droplet_days).values(
                droplet_id=101, day=TUESDAY.date(), backups=1, size_gigabytes=2.34, first_look_at=TUESDAY
            )
        )
        connection.execute(sa.update(droplets).where(unselected).values(unselected_since=EVENING))
        connection.execute(
            sa.insert(droplet_versions).values(droplet_id=2**40, valid_from=MONDAY, valid_to=None, **DROPLET_THEN)
        )
        connection.execute(
            sa.insert(backup_versions).values(backup_id=1002, **CLOSED, **BACKUP_THEN, closed_by="unknown")
        )
        gone = backups.c.id == 1002
        connection.execute(sa.update(backups).where(gone).values(gone_reason_replaced_at=EVENING))
    upgrade(filled)
    with filled.reading() as connection:
        looks = sa.select(droplets.c.id, droplets.c.looks).order_by(droplets.c.id)
        assert connection.execute(looks).all() == [(101, "43200,72005"), (2**40, "72005")]
        assert connection.scalars(sa.select(droplet_days.c.looks)).all() == [None, None]
        assert connection.execute(sa.select(account_versions)).all() == [(1, MONDAY, None, "warning")]
        selection = sa.select(
            *(droplet_versions.c[name] for name in ("valid_from", "valid_to", "unselected_since", "account_id"))
        ).order_by(droplet_versions.c.valid_from)
        assert connection.execute(selection.where(droplet_versions.c.droplet_id == 2**40)).all() == [
            (MONDAY, EVENING, None, 1),
            (EVENING, None, EVENING, 1),
        ]
        assert connection.execute(selection.where(droplet_versions.c.droplet_id == 101)).all() == [
            (MONDAY, TUESDAY, None, 1),
            (TUESDAY, None, None, 1),
        ]
        replaced = sa.select(backup_versions.c.closed_by, backup_versions.c.replaced_by, backup_versions.c.replaced_at)
        assert set(connection.execute(replaced)) == {
            ("unknown", "expired", EVENING),
            ("change", None, None),
            (None, None, None),
        }
