"""What is asked of the demonstration's database: views by SQL, reports and checks by command."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from tests.golden.running import DAYS, LOSS_SEEN_AT, ROOT, Json, environment, run

_TABLES_OF_THE_INTERFACE = ("backups", "backup_regions")


def demonstrate(directory: Path) -> Path:
    """Make the demonstration's database; return its path."""
    with environment(directory):
        assert run("demo", "--days", str(DAYS)).code == 0
    return directory / "inventory-demo.db"


def copy_to(demonstration: Path, url: str) -> None:
    """Copy the demonstration's database to another."""
    with environment(demonstration.parent, {"INVENTORY_DATABASE_URL": str(demonstration)}):
        assert run("db", "copy", "--to", url).code == 0


def migrate(url: str) -> None:
    """Make the tables and views of a database."""
    with TemporaryDirectory() as directory, environment(Path(directory), {"INVENTORY_DATABASE_URL": url}):
        assert run("db", "upgrade").code == 0


def views_on_sqlite(demonstration: Path) -> Json:
    """Give each view's columns with the types of their values; all of it for tables that are part of the interface.

    SQLite declares no types for what a view computes.
    """
    with closing(sqlite3.connect(":memory:")) as connection:
        with closing(sqlite3.connect(demonstration)) as source:
            source.backup(connection)
        # As docs/sql.md has it: what the columns hold must not depend on the day.
        connection.executescript(_statements("SQLite"))
        names = [*_TABLES_OF_THE_INTERFACE, *_column(connection, "SELECT name FROM sqlite_schema WHERE type = 'view'")]
        return {name: _types_on_sqlite(connection, name) for name in sorted(names)}


def _types_on_sqlite(connection: sqlite3.Connection, name: str) -> list[str]:
    columns = _column(connection, f"SELECT name FROM pragma_table_info('{name}') ORDER BY cid")  # noqa: S608 - ours
    types = ", ".join(f"group_concat(DISTINCT typeof({column}))" for column in columns)
    (row,) = connection.execute(f"SELECT {types} FROM {name}")  # noqa: S608 - names of ours
    found = (",".join(sorted((each or "no rows").split(","))) for each in row)
    return [f"{column}: {each}" for column, each in zip(columns, found, strict=True)]


def _column(connection: sqlite3.Connection, sql: str) -> list[str]:
    return [row[0] for row in connection.execute(sql)]


def _statements(database: str) -> str:
    page = (ROOT / "docs" / "sql.md").read_text("utf-8")
    return page.partition(f"-- {database}: on a copy, never where syncs go on\n")[2].partition("```")[0]


def views_on_postgresql(url: str) -> Json:
    """Give each view's columns with their types; all of it for tables that are part of the interface."""
    found: dict[str, list[str]] = {}
    with psycopg.connect(url.replace("postgresql+psycopg:", "postgresql:")) as connection:
        rows = connection.execute(
            "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a "
            "JOIN pg_class AS c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace "
            "AND (c.relkind = 'v' OR c.relname = ANY(%s)) AND a.attnum > 0 AND NOT a.attisdropped "
            'ORDER BY c.relname COLLATE "C", a.attnum',
            [list(_TABLES_OF_THE_INTERFACE)],
        )
        for view, column, kind in rows:
            found.setdefault(view, []).append(f"{column}: {kind}")
    return found


def reports(url: str, directory: Path) -> Json:
    """Give what each report, the summary and `show` answer."""
    with environment(directory, {"INVENTORY_DATABASE_URL": url}):
        asked = [
            ("report",),
            ("report", "--as-of", f"{LOSS_SEEN_AT:%Y-%m-%dT%H:%MZ}"),
            ("report", "--droplet", "db-01"),
            *(("report", name) for name in _report_names()),
            ("report", "changes", "--since", "7d", "--droplet", "db-01", "--limit", "3"),
            ("report", "restorable_backups", "--at", "2026-10-20", "--tag", "db"),
            ("show", "db-01"),
            ("show", "old-01"),
            *(("show", backup) for backup in _backups("db-01")),
        ]
        return {" ".join(words): run(*words, "--json").golden() for words in asked}


def _report_names() -> list[str]:
    return [line.split()[0] for line in run("report", "--list").out.splitlines() if line[:1].isalpha()]


def _backups(droplet: str) -> tuple[str, str]:
    """Give the id of the newest backup that is gone, and of the newest."""
    rows = json.loads(run("report", "backup_lifetimes", "--droplet", droplet, "--json").out)["rows"]
    rows.sort(key=lambda row: row["created_at"])
    return str([row["backup_id"] for row in rows if row["gone_at"]][-1]), str(rows[-1]["backup_id"])


def checks(demonstration: Path, directory: Path) -> Json:
    """Give what `check` says: at the end, and on a day of findings, as they are, exempt, and counting for more."""
    file = directory / "checks.toml"
    file.write_text(FINDINGS, "utf-8")
    file.chmod(0o600)
    with environment(directory, {"INVENTORY_DATABASE_URL": str(demonstration)}):
        return {
            "at the end": run("check", "--json").golden(),
            "after a loss": run("check", "--json", at=LOSS_SEEN_AT).golden(),
            "after a loss, with exemptions": run("check", "--config", file.name, "--json", at=LOSS_SEEN_AT).golden(),
        }


FINDINGS = """
[findings]
unprotected = "warning"

[[exemptions]]
finding = "unexplained-loss"
droplet = "db-01"
until = 2027-01-31
reason = "lost by hand"

[[exemptions]]
finding = "unprotected"
tag = "cache"
until = 2026-10-01
reason = "until it is moved"
"""
