"""`prune`, `db copy` and `db grant-reader` as a user types them."""

import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from inventory.errors import EXIT_COMPLETE, EXIT_FAILED, EXIT_NEEDS_CHANGE, EXIT_USAGE, DatabaseUnavailableError
from inventory.store.engine import Database
from inventory.store.schema import backup_regions, backup_versions, backups
from inventory.store.upgrade import upgrade
from tests.end_to_end.conftest import Run, Served

pytestmark = pytest.mark.slow  # histories to copy and prune

LONG_AGO = datetime.now(UTC).replace(microsecond=0) - timedelta(days=400)


@pytest.fixture
def aged(run: Run, environment: object, account: Served, database: Database) -> Database:
    """A synced account, four of whose backups, and seven by which the next are judged, ended long ago."""
    environment(account)  # type: ignore[operator]
    assert run("sync", "--quiet").code == EXIT_COMPLETE
    with database.writing() as connection:
        droplet_id = connection.scalar(sa.select(sa.func.min(backups.c.droplet_id)))
        for number in range(1, 12):
            made, gone = LONG_AGO + timedelta(days=number), LONG_AGO + timedelta(days=number + 7)
            then = {"name": "old", "type": "backup", "size_gigabytes": 1.5, "min_disk_size": 25}
            connection.execute(
                sa.insert(backups).values(
                    id=number,
                    droplet_id=droplet_id,
                    created_at=made,
                    first_seen_at=made,
                    gone_after_at=made,
                    gone_at=gone,
                    gone_reason="expired",
                    **then,
                )
            )
            interval = {"backup_id": number, "valid_from": made, "valid_to": gone}
            connection.execute(sa.insert(backup_versions).values(closed_by="expired", **interval, **then))
            connection.execute(sa.insert(backup_regions).values(region="nyc3", **interval))
    return database


def old(database: Database) -> int:
    with database.reading() as connection:
        return connection.scalar(sa.select(sa.func.count()).where(backups.c.id < 12)) or 0


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    typed = io.StringIO(answer)
    monkeypatch.setattr(typed, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", typed)


def test_a_disk_that_is_full_half_way_says_what_was_deleted(
    run: Run, aged: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_up(*_: object) -> Iterator[int]:
        yield 3
        raise DatabaseUnavailableError("disk full while writing the database.")

    monkeypatch.setattr("inventory.commands.prune.delete", fill_up)
    ended = run("prune", "--keep-days", "90", "--yes", "--quiet")
    assert ended.code == EXIT_FAILED
    stopped, why = ended.err.splitlines()
    assert stopped == "inventory: stopped after 3 of 4 backups and runs; the next prune continues there"
    assert why == "inventory: disk full while writing the database."


def test_it_says_what_it_would_delete_and_deletes_nothing(run: Run, aged: Database) -> None:
    ended = run("prune", "--keep-days", "90", "--dry-run")
    assert (ended.code, ended.err, old(aged)) == (EXIT_COMPLETE, "", 11)
    numbers = dict(re.findall(r"^(\w+) +(\w+)$", ended.out, re.MULTILINE))
    assert numbers == {
        "table": "rows",
        "backups": "4",
        "backup_versions": "4",
        "backup_regions": "4",
        "sync_runs": "0",
        "sync_listings": "0",
        "notices": "0",
        "notice_attempts": "0",
        "notice_digests": "0",
    }


def test_from_cron_it_deletes_without_a_word(run: Run, aged: Database) -> None:
    ended = run("prune", "--keep-days", "90", "--yes", "--quiet")
    assert (ended.code, ended.out, ended.err, old(aged)) == (EXIT_COMPLETE, "", "", 7)
    ended = run("prune", "--keep-days", "90", "--yes")
    assert (ended.code, ended.err, old(aged)) == (EXIT_COMPLETE, "", 7)
    assert "nothing" in ended.out


def test_where_nobody_can_be_asked_it_wants_to_be_told(run: Run, aged: Database) -> None:
    ended = run("prune", "--keep-days", "90")
    assert (ended.code, ended.out, old(aged)) == (EXIT_USAGE, "", 11)
    assert "use --yes to delete, --dry-run to only list" in ended.err


@pytest.mark.parametrize(("answer", "left"), [("y\n", 7), ("Yes\n", 7), ("\n", 11), ("n\n", 11), ("", 11)])
def test_a_person_is_asked(run: Run, aged: Database, monkeypatch: pytest.MonkeyPatch, answer: str, left: int) -> None:
    at_a_terminal(monkeypatch, answer)
    ended = run("prune", "--keep-days", "90")
    assert (ended.code, old(aged)) == (EXIT_COMPLETE, left)
    assert "Delete these rows for good? [y/N]" in ended.out
    if left == 7:
        assert ("VACUUM" in ended.out) == aged.is_sqlite
    else:
        assert "Nothing was deleted." in ended.out


def test_too_few_days_are_refused_with_the_reason(run: Run, aged: Database) -> None:
    ended = run("prune", "--keep-days", "89", "--yes")
    assert (ended.code, old(aged)) == (EXIT_USAGE, 11)
    assert "89 is too few: reports look back 90 days" in ended.err


def test_a_history_moves_to_another_file(run: Run, aged: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = run("db", "copy", "--to", "moved.db")
    assert (ended.err, ended.code) == ("", EXIT_COMPLETE)
    assert "read back, and are equal" in ended.out
    again = run("db", "copy", "--to", "moved.db")
    assert (again.code, again.out) == (EXIT_NEEDS_CHANGE, "")
    assert "already holds a history" in again.err
    monkeypatch.setenv("INVENTORY_DATABASE_URL", "moved.db")
    document = run("sync", "--json").document
    assert document["exit_code"] == EXIT_COMPLETE


@pytest.mark.parametrize("url", ["mysql://db.example/inventory", "", ":memory:"])
def test_a_copy_goes_to_a_database_of_ours(run: Run, aged: Database, url: str) -> None:
    ended = run("db", "copy", "--to", url)
    assert (ended.code, ended.out) == (EXIT_USAGE, "")
    assert "inventory: --to: " in ended.err


def test_a_reader_is_told_how_to_get_in(run: Run, account: Served, environment: object, database: Database) -> None:
    environment(account)  # type: ignore[operator]
    upgrade(database)
    ended = run("db", "grant-reader", "grafana")
    if database.is_sqlite:
        assert (ended.code, ended.out) == (EXIT_USAGE, "")
        assert "inventory db publish FILE" in ended.err
        return
    try:
        assert (ended.code, ended.err) == (EXIT_COMPLETE, "")
        assert '\\password "grafana"' in ended.out
        assert "\\password" not in run("db", "grant-reader", "grafana").out
    finally:
        with database.writing() as connection:
            connection.exec_driver_sql("DROP OWNED BY grafana")
            connection.exec_driver_sql("DROP ROLE grafana")
