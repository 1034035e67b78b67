"""What is stored of the one account that tests sync, told so that two ways to the same history compare equal."""

from contextlib import closing

import sqlalchemy as sa

from inventory.store.engine import Database
from inventory.store.schema import metadata, sync_runs
from tests.end_to_end.conftest import Served
from tests.simulated import Row, rows

# Stamps say when a look was made, which a killed one leaves to a later one.
STAMPS = {
    *("first_seen_at", "valid_from", "valid_to", "gone_after_at", "gone_at", "missing_since"),
    *("last_observed_at", "last_listed_at", "last_attempt_at", "first_look_at", "looks"),
    *("judged_at", "next_due_at"),
}


def state(database: Database) -> dict[str, list[Row]]:
    """Read all that is stored of one account, without stamps and without the number of the account's row."""
    with database.reading() as connection:
        return {
            name: [_told(name, row) for row in rows(connection, name)]
            for name in sorted(
                metadata.tables.keys()
                - {
                    "sync_runs",
                    "sync_listings",
                    "current_findings",
                    "account_figures",
                    "account_days",
                    "account_months",
                }
            )
        }


def _told(table: str, row: Row) -> Row:
    numbers = {"id"} if table == "accounts" else {"account_id"}
    return {column: value for column, value in row.items() if column not in STAMPS | numbers}


def empty(database: Database) -> None:
    with database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            if table.name != "backup_rates":
                connection.execute(sa.delete(table))


def check_live(account: Served, after: dict[str, list[Row]]) -> None:
    """What is stored as existing is what exists, each backup with one open version and its regions."""
    exists = {
        backup.id: (number, backup.name, backup.size_gigabytes)
        for number in account.fleet.droplets
        for backup in account.fleet.backups_of(number)
    }
    live = {row["id"]: row for row in after["backups"] if row["gone_reason"] is None}
    assert {number: (row["droplet_id"], row["name"], row["size_gigabytes"]) for number, row in live.items()} == exists
    open_versions = [row["backup_id"] for row in after["backup_versions"] if row["closed_by"] is None]
    assert sorted(open_versions) == sorted(exists)
    assert {row["last_outcome"] for row in after["droplets"]} == {"complete"}


def free(url: sa.URL) -> None:
    """Let the lease expire of a run that never heard of its end, on PostgreSQL; its process lives on, as a daemon's."""
    with closing(Database(url)) as database, database.writing() as connection:
        connection.execute(sa.update(sync_runs).values(heartbeat_at=sa.text("now() - interval '91 seconds'")))
