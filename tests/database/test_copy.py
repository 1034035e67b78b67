"""A history copied to the other kind of database, and back, is the same history, and goes on there."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.errors import DatabaseError, DatabaseUnavailableError, DatabaseUnusableError
from inventory.judging.verdict import Finding, Verdict
from inventory.notifying import telling, trying
from inventory.notifying.hours import Due
from inventory.rounds.adding_up import add_up
from inventory.store import digests, notices, verdicts
from inventory.store.copy import copy
from inventory.store.engine import Database
from inventory.store.schema import accounts, backup_rates, backups, metadata
from inventory.store.upgrade import revision, upgrade
from inventory.views.queries import Question, ask
from inventory.views.rows import AccountOverview
from tests.histories import History, answers, tables
from tests.simulated import Account

pytestmark = pytest.mark.slow  # whole histories


@pytest.fixture
def source(history: History) -> Iterator[Database]:
    """A SQLite file; copying only reads it."""
    with closing(Database(f"sqlite:///{history.path}")) as database:
        yield database


@pytest.fixture
def target(database_url: str) -> Iterator[Database]:
    """A database without tables, or a file that is not there."""
    with closing(Database(database_url)) as database:
        yield database


def copied(source: Database, target: Database) -> dict[str, int]:
    return copy(source, target, lambda _done, _total: None)


def ask_figures(database: Database, now: datetime) -> list[AccountOverview]:
    with database.reading() as connection:
        return ask(connection, AccountOverview, Question(now))


def tell(database: Database, now: datetime) -> None:
    """Keep a finding, figures and days, and note that somebody was told of it: no sync of one account does."""
    finding = Finding("sync-held", "unknown", "default", None, None, now, "since now", "default")
    verdict = Verdict(now, (finding,), (), (), (), 0, now, frozenset({"default"}))
    verdicts.keep(database, verdict, {}, ask_figures(database, now))
    add_up(database, "default", now)
    state = notices.begin(database, "ops", verdict, now)
    assert state
    messages = telling.due(state.known, verdict)
    tried = trying.after({}, messages, messages, trying.Ending.REFUSED, now)
    assert notices.finish(database, "ops", notices.State(telling.tell({}, messages, now), tried), now)
    due = Due("2026-03-02 07:00", now)
    digests.begin(database, "ops", due, now)
    digests.begin(database, "ops", due, now)
    digests.finish(database, "ops", due, trying.Ending.TAKEN, now)


def test_there_and_back_every_table_is_the_same(
    source: Database, target: Database, tmp_path: Path, history: History
) -> None:
    tell(source, history.ends_at)
    stored = tables(source)
    assert all(stored.values())
    assert copied(source, target) == {table.name: len(stored[table.name]) for table in metadata.sorted_tables}
    assert tables(target) == stored
    with closing(Database(f"sqlite:///{tmp_path / 'back.db'}")) as back:
        copied(target, back)
        assert tables(back) == stored
    ends_at = history.ends_at
    assert answers(target, ends_at, ends_at) == answers(source, ends_at, ends_at)


def test_syncs_go_on_there_without_a_new_event(source: Database, target: Database, history: History) -> None:
    copied(source, target)
    account = Account(target, history.fleet)
    before = account.dump()
    report = account.sync()
    assert (report.status, report.counts["droplets_changed"], report.droplets) == ("complete", 0, ())
    after = account.dump()
    for table in after.keys() - {"droplets", "droplet_days"}:
        assert after[table] == before[table], table
    runs = [row["id"] for row in account.rows("sync_runs")]
    assert report.run_id == max(runs)
    assert len(runs) == len(tables(source)["sync_runs"]) + 1
    with target.writing() as connection:
        connection.execute(sa.insert(accounts).values(name="another"))


def test_edited_rates_come_in_place_of_the_seeded_ones(source: Database, target: Database, tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'own.db'}")) as own:
        copied(source, own)
        with own.writing() as connection:
            connection.execute(sa.delete(backup_rates).where(backup_rates.c.plan != "daily"))
            connection.execute(sa.update(backup_rates).values(price_percent=25.5, source="a letter"))
        copied(own, target)
        assert tables(target)["backup_rates"] == tables(own)["backup_rates"]


def test_a_target_with_a_history_is_refused_before_anything_is_written(source: Database, target: Database) -> None:
    upgrade(target)
    with target.writing() as connection:
        connection.execute(sa.insert(accounts).values(name="default"))
    before = tables(target)
    with pytest.raises(DatabaseUnusableError, match="table accounts has rows"):
        copied(source, target)
    with pytest.raises(DatabaseUnusableError, match="already holds a history"):
        copied(source, source)
    assert tables(target) == before


def test_a_target_of_somebody_else_is_refused(source: Database, target: Database, tmp_path: Path) -> None:
    if target.path:
        target.path.touch(0o600)
        expected = "an empty file"
    else:
        with target.writing() as connection:
            connection.exec_driver_sql("CREATE TABLE backups (id integer)")
        expected = "not ours"
    with pytest.raises(DatabaseUnusableError, match=expected):
        copied(source, target)


def alter(target: Database, table: sa.Table, number: int) -> None:
    """Let a database keep another name than it is given for one row."""
    when, let = f"INSERT ON {table}", "NEW.name := 'another'"
    of_postgresql = (
        f"CREATE FUNCTION altered() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {let}; RETURN NEW; END $$",
        f"CREATE TRIGGER altering BEFORE {when} FOR EACH ROW WHEN (NEW.id = {number}) EXECUTE FUNCTION altered()",
    )
    change = f"UPDATE {table} SET name = 'another' WHERE id = NEW.id"  # noqa: S608 - our own names
    of_sqlite = (f"CREATE TRIGGER altering AFTER {when} WHEN NEW.id = {number} BEGIN {change}; END",)
    with target.writing() as connection:
        for statement in of_sqlite if target.is_sqlite else of_postgresql:
            connection.exec_driver_sql(statement)


@pytest.mark.parametrize("table", [accounts, backups], ids=lambda table: table.name)
def test_what_reads_back_otherwise_is_not_kept(source: Database, target: Database, table: sa.Table) -> None:
    upgrade(target)
    alter(target, table, min(row["id"] for row in tables(source)[table.name]))
    with pytest.raises(DatabaseError, match=f"table {table.name} of .* does not hold what was written"):
        copied(source, target)
    with target.reading() as connection:
        assert revision(connection) is not None
    assert {name for name, rows in tables(target).items() if rows} == {"backup_rates"}
    with target.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER altering" + f" ON {table}" * (not target.is_sqlite))
    copied(source, target)


def check_nothing_copied(target: Database) -> None:
    """A new file is not there; a server's database has its tables, and they are empty."""
    if target.path:
        assert list(target.path.parent.glob(f"*{target.path.name}*")) == []
        return
    with target.reading() as connection:
        assert revision(connection) is not None
    assert {name for name, rows in tables(target).items() if rows} == {"backup_rates"}


def test_a_failure_half_way_leaves_nothing_copied(source: Database, target: Database) -> None:
    def stop(done: int, total: int) -> None:
        if done > total / 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(source, target, stop)
    check_nothing_copied(target)


def test_what_a_killed_copy_left_is_removed_even_where_the_next_is_refused(source: Database, tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'own.db'}")) as own:
        copied(source, own)
        (left := tmp_path / ".own.db.draft-1").mkdir()
        (left / "own.db").hardlink_to(tmp_path / "own.db")
        with pytest.raises(DatabaseUnusableError, match="already holds a history"):
            copied(source, own)
    assert not left.exists()


def test_a_server_that_goes_away_is_told_as_such(source: Database, postgres_url: str) -> None:
    ends_others = sa.text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with closing(Database(postgres_url)) as target, closing(Database(postgres_url)) as administrator:

        def go_away(_done: int, _total: int) -> None:
            with administrator.writing() as connection:
                connection.execute(ends_others)

        with pytest.raises(DatabaseUnavailableError, match="Nothing was changed"):
            copy(source, target, go_away)
        assert {name for name, rows in tables(target).items() if rows} == {"backup_rates"}


def test_whoever_waits_is_told_how_far_it_is(source: Database, target: Database) -> None:
    told: list[tuple[int, int]] = []
    copy(source, target, lambda done, total: told.append((done, total)))
    rows = sum(len(each) for each in tables(source).values())
    assert told == sorted(told)
    assert told[-1] == (2 * rows, 2 * rows)
