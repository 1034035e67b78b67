"""Creating and upgrading: whole or not at all, one at a time, every row kept."""

import ast
import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from inventory.errors import DatabaseUnavailableError, DatabaseUnusableError
from inventory.store.engine import Database, memory
from inventory.store.schema import metadata
from inventory.store.upgrade import (
    VERSION_TABLE,
    _create_sqlite_file,
    check_usable,
    configuration,
    migrations_directory,
    require_current,
    require_readable,
    revision,
    revisions,
    upgrade,
)
from tests.migration.later import downgrade, head_of

# A downgrade takes what these hold with the table.
BROUGHT_BY_LATER_REVISIONS = {
    *("account_days", "account_figures", "account_months", "current_findings", "droplet_windows"),
    *("notice_channels", "notices", "notice_attempts", "notice_digests"),
}

# Imports once and forks for every upgrade, so that many begin together.
UPGRADE = """
import os, sys
from pathlib import Path
from inventory.store.engine import Database
from inventory.store.upgrade import configuration, upgrade
url, directory, count = sys.argv[1:]
config = configuration(Path(directory))
waiting, together = os.pipe()
for _ in range(int(count)):
    if os.fork() == 0:
        os.close(together)
        os.read(waiting, 1)  # until the parent closes the other end
        upgrade(Database(url), config)
        sys.exit()
os.close(together)
print(*(os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(int(count))))
"""


@pytest.fixture
def failing(newer: Config) -> Config:
    """Give the configuration of a version whose last migration fails when half of it is done."""
    replace_in_next(newer, "def downgrade", "    1 / 0\n\n\ndef downgrade")
    return newer


def test_files_of_migrations_are_named_by_their_revisions() -> None:
    scripts = ScriptDirectory.from_config(configuration()).walk_revisions()
    assert revisions() == [script.revision for script in scripts][::-1]


def imported(file: Path) -> set[str]:
    """Name what a file imports."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {module.partition(".")[0] for module in modules}


@pytest.mark.parametrize("file", [*migrations_directory().glob("versions/*.py")], ids=lambda file: str(file.stem))
def test_a_migration_depends_on_nothing_of_the_program(file: Path) -> None:
    assert imported(file) <= {"datetime", "typing", "sqlalchemy", "alembic"}


def test_a_migration_that_alembic_writes_depends_on_nothing_of_the_program(filled: Database, newer: Config) -> None:
    upgrade(filled, newer)
    with filled.writing() as connection:
        connection.exec_driver_sql("DROP TABLE sync_listings")
        newer.attributes["connection"] = connection
        command.revision(newer, "listings", autogenerate=True, rev_id="9002")
    (file,) = directory_of(newer).glob("versions/9002_*.py")
    assert imported(file) == {"sqlalchemy", "alembic"}
    assert "sa.Column('attempted_at', sa.DateTime(timezone=True)" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("found", ["0001", "0002"])
def test_a_database_of_a_version_never_released_is_refused_in_a_sentence(filled: Database, found: str) -> None:
    before = rows(filled)
    with filled.writing() as connection:
        connection.execute(sa.update(sa.table(VERSION_TABLE, sa.column("version_num"))).values(version_num=found))
    for refuse in (upgrade, check_usable, partial(require_readable, source="")):
        with pytest.raises(DatabaseUnusableError, match=rf"never released \(revision {found}\).* Nothing was changed"):
            refuse(filled)
    assert current(filled) == found
    assert rows(filled) == before


def directory_of(config: Config) -> Path:
    return Path(config.get_main_option("script_location") or "")


def replace_in_next(config: Config, old: str, new: str) -> None:
    file = directory_of(config) / "versions" / "9001_next.py"
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def rows(database: Database) -> dict[str, set[tuple[Any, ...]]]:
    with database.reading() as connection:
        return {
            name: {tuple(row) for row in connection.execute(sa.select(table))}
            for name, table in metadata.tables.items()
        }


def current(database: Database) -> str | None:
    with database.reading() as connection:
        return revision(connection)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_an_empty_database_gets_the_tables(database_url: str) -> None:
    database = Database(database_url)
    assert upgrade(database) is None
    assert current(database) == head_of(configuration())
    assert upgrade(database) == head_of(configuration()), "nothing to do the second time"
    database.close()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_new_sqlite_file_is_for_its_owner_alone(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "100% odd ?name#.db"
    before = os.umask(umask)
    try:
        database = Database(sa.URL.create("sqlite", database=str(path)))
        upgrade(database)
        with database.writing() as connection:
            connection.exec_driver_sql("INSERT INTO accounts (name) VALUES ('default')")
            files = {file.name: mode(file) for file in tmp_path.iterdir()}
        database.close()
    finally:
        os.umask(before)
    assert files == dict.fromkeys((path.name, f"{path.name}-wal", f"{path.name}-shm"), 0o600)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_file_that_another_process_made_meanwhile_is_kept(sqlite_url: str, fill: Callable[[Database], None]) -> None:
    database = Database(sqlite_url)
    assert database.path is not None
    upgrade(database)
    fill(database)
    before = rows(database)
    database.close()
    _create_sqlite_file(database.path, configuration())
    assert rows(database) == before
    database.close()


def test_a_failure_leaves_no_half_made_file(tmp_path: Path, failing: Config) -> None:
    place = tmp_path / "place"
    place.mkdir()
    database = Database(f"sqlite:///{place}/inventory.db")
    with pytest.raises(ZeroDivisionError):
        upgrade(database, failing)
    assert list(place.iterdir()) == []
    upgrade(database)
    database.close()
    assert [file.name for file in place.iterdir()] == ["inventory.db"]


@pytest.mark.slow
def test_a_crash_leaves_no_half_made_file(tmp_path: Path, failing: Config) -> None:
    replace_in_next(failing, "1 / 0", "import os; os.kill(os.getpid(), 9)")
    path = tmp_path / "inventory.db"
    assert at_once(1, f"sqlite:///{path}", directory_of(failing)) == [-signal.SIGKILL]
    assert not path.exists()
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    assert current(database) == head_of(configuration())
    database.close()


def test_a_failed_upgrade_changes_nothing(filled: Database, failing: Config) -> None:
    before = rows(filled)
    with pytest.raises(ZeroDivisionError):
        upgrade(filled, failing)
    assert current(filled) == head_of(configuration())
    assert rows(filled) == before
    assert not filled.path or list(filled.path.parent.glob("*before*")) == []
    with filled.reading() as connection:
        assert "note" not in {column["name"] for column in sa.inspect(connection).get_columns("droplets")}


def at_once(count: int, url: str, directory: Path) -> list[int]:
    """Upgrade in so many processes, which begin together; return how each ended."""
    words = [sys.executable, "-c", UPGRADE, url, str(directory), str(count)]
    told = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    return [int(code) for code in told.stdout.split()]


@pytest.mark.slow
@pytest.mark.parametrize("is_new", [True, False], ids=["new", "older"])
def test_four_processes_upgrade_at_once(
    database_url: str, newer: Config, fill: Callable[[Database], None], *, is_new: bool
) -> None:
    database = Database(database_url)
    if not is_new:
        upgrade(database)
        fill(database)
    assert at_once(4, database_url, directory_of(newer)) == [0, 0, 0, 0]
    assert current(database) == "9001"
    database.close()


def test_every_row_survives_every_downgrade_and_upgrade(filled: Database, newer: Config) -> None:
    """Walk through all revisions there are, whatever they will be, and one that alters parents of other tables."""
    before = rows(filled)
    upgrade(filled, newer)
    for older in revisions(directory_of(newer))[-2::-1]:
        downgrade(filled, newer, older)
        assert current(filled) == older
        check_foreign_keys(filled)
    upgrade(filled, newer)
    check_foreign_keys(filled)
    after = rows(filled)
    downgrade(filled, newer, head_of(configuration()))
    assert {name for name, kept in before.items() if not kept <= after[name]} == BROUGHT_BY_LATER_REVISIONS
    assert rows(filled) == after


def check_foreign_keys(database: Database) -> None:
    if database.is_sqlite:
        with database.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []


def test_an_upgrade_keeps_every_guard(filled: Database, newer: Config) -> None:
    with filled.reading() as connection:
        before = names_of_guards(connection)
    upgrade(filled, newer)
    with filled.reading() as connection:
        assert names_of_guards(connection) == before
    for statement in (
        "UPDATE backups SET size_gigabytes = -1",
        "UPDATE backups SET droplet_id = 999",
        "DELETE FROM droplets",
        "UPDATE backup_versions SET valid_to = NULL, closed_by = NULL",
    ):
        with pytest.raises(sa.exc.IntegrityError), filled.writing() as connection:
            connection.exec_driver_sql(statement)


def names_of_guards(connection: sa.Connection) -> set[str | None]:
    inspector = sa.inspect(connection)
    return {
        guard["name"]
        for table in metadata.tables
        for guards in (
            inspector.get_check_constraints(table),
            inspector.get_foreign_keys(table),
            inspector.get_unique_constraints(table),
            inspector.get_indexes(table),
        )
        for guard in guards
    }


def test_a_migration_that_orphans_rows_is_refused(filled: Database, newer: Config) -> None:
    orphaning = "def upgrade() -> None:\n    op.execute('DELETE FROM backups')"
    replace_in_next(newer, "def upgrade() -> None:", orphaning)
    before = rows(filled)
    with pytest.raises((sa.exc.IntegrityError, DatabaseUnusableError)):
        upgrade(filled, newer)
    assert rows(filled) == before


def test_an_older_sqlite_file_is_copied_beside_itself(
    sqlite_url: str, newer: Config, fill: Callable[[Database], None]
) -> None:
    database = Database(sqlite_url)
    assert database.path is not None
    upgrade(database)
    fill(database)
    before = rows(database)
    assert list(database.path.parent.glob("*before*")) == [], "a new file has nothing to be copied"
    assert upgrade(database, newer) == head_of(configuration())
    upgrade(database, newer)
    database.close()

    (copy_path,) = database.path.parent.glob("inventory.db.before-9001.*")
    assert mode(copy_path) == 0o600
    copy = Database(f"sqlite:///{copy_path}")
    assert current(copy) == head_of(configuration())
    assert rows(copy) == before
    copy.close()


def test_without_room_for_the_copy_there_is_no_upgrade(sqlite_url: str, newer: Config) -> None:
    database = Database(sqlite_url)
    assert database.path is not None
    upgrade(database)
    database.close()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Enough for SQLite to open the database, too little for a copy of it.
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, hard))
    try:
        with pytest.raises(DatabaseUnavailableError, match=r"cannot copy database .* Nothing was changed"):
            upgrade(database, newer)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(database.path.parent.glob("*before*")) == []
    assert current(database) == head_of(configuration())
    database.close()


def test_an_older_program_leaves_a_newer_database_alone(filled: Database, newer: Config) -> None:
    upgrade(filled, newer)
    before = rows(filled)
    with pytest.raises(DatabaseUnusableError, match=r"newer version of this program \(revision 9001\)"):
        upgrade(filled)
    assert current(filled) == "9001"
    assert rows(filled) == before


def test_commands_that_only_read_leave_an_older_database_alone(
    filled: Database, newer: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_current(filled, "--database")
    monkeypatch.setattr("inventory.store.upgrade.migrations_directory", lambda: directory_of(newer))
    with pytest.raises(DatabaseUnusableError, match=r"\(from --database\) is of an older version .* db upgrade"):
        require_current(filled, "--database")
    monkeypatch.undo()
    assert current(filled) == head_of(configuration())


def test_a_database_in_memory_lives_through_its_upgrade() -> None:
    database = memory()
    upgrade(database)
    with pytest.raises(sa.exc.IntegrityError), database.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO droplet_days VALUES (1, '2026-03-02', 0, 0, NULL, NULL, '2026-03-02 12:00:00', NULL)"
        )
    database.close()


def test_a_new_sqlite_file_has_a_write_ahead_log(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    upgrade(database)
    database.close()
    assert database.path is not None
    with closing(sqlite3.connect(database.path)) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_tables_can_be_removed(filled: Database) -> None:
    downgrade(filled, configuration(), "base")
    with filled.reading() as connection:
        assert not set(sa.inspect(connection).get_table_names()) & metadata.tables.keys()
