"""What is read for one account or Droplet does not grow with the others: counted in SQLite's own steps, not in time."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from inventory.commands import report
from inventory.judging.evidence import inspect
from inventory.judging.rules import Rules
from inventory.judging.verdict import Verdict
from inventory.report.asking import Asked
from inventory.report.forms import Form
from inventory.store.engine import Database
from inventory.store.schema import metadata
from inventory.views.queries import Question, ask
from inventory.views.rows import ROWS, Event
from tests.simulated import Account

EVERY = 100  # steps
ALMOST = 2  # a question about some of several accounts says more; all 200 would take 40 times as much
OTHERS = 200


class Steps:
    """How many steps SQLite took, in hundreds, while they were counted."""

    def __init__(self) -> None:
        self.taken = 0
        self.is_counting = True

    def took(self) -> int:
        self.taken += self.is_counting
        return 0


@contextmanager
def counted() -> Iterator[Steps]:
    """Count the steps of all databases."""
    steps = Steps()

    def count(connection: sa.Connection) -> None:
        connection.connection.driver_connection.set_progress_handler(steps.took, EVERY)  # type: ignore[union-attr]

    sa.event.listen(sa.Engine, "begin", count)
    yield steps
    steps.is_counting = False
    sa.event.remove(sa.Engine, "begin", count)


@pytest.fixture
def account(migrated_sqlite_url: str) -> Iterator[Account]:
    with closing(Database(migrated_sqlite_url)) as database:
        account = Account(database)
        for number in range(10):
            account.fleet.add_droplet(name=f"web-{number}", plan="daily", backups=5)
        account.sync()
        yield account


def add_others(account: Account) -> None:
    """Store so many other accounts, each with Droplets and backups as this one has."""
    numbers = f"WITH RECURSIVE other(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM other WHERE n < {OTHERS})"  # noqa: S608 - our own
    with account.database.writing() as connection:
        for table in metadata.sorted_tables:
            if table.name != "backup_rates":
                values = ", ".join(map(moved, table.columns))
                names = ", ".join(table.columns.keys())
                copies = f"SELECT {values} FROM {table.name} CROSS JOIN other"  # noqa: S608 - our own
                connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) {numbers} {copies}")


def moved(column: sa.Column[object]) -> str:
    """Give what stands in a column in the copy of number `n`; ids of Droplets and backups lie within a million."""
    if str(column) in ("accounts.name", "accounts.uuid", "accounts.team_uuid", "accounts.claimed_uuid"):
        return f"{column} || n"
    if column.name in ("account_id", "run_id") or str(column) in ("accounts.id", "sync_runs.id"):
        return f"{column} + 100 * n"
    if column.name in ("droplet_id", "backup_id") or str(column) in ("droplets.id", "backups.id"):
        return f"{column} + 1000000 * n"
    return str(column)


def test_a_sync_reads_as_much_beside_others_as_alone(account: Account) -> None:
    account.sync(is_full=False)
    with counted() as alone:
        account.sync(is_full=False)
    add_others(account)
    account.configured |= {f"default{number}" for number in range(1, OTHERS + 1)}
    with counted() as beside:
        assert account.sync(is_full=False).status == "complete"
    assert beside.taken < ALMOST * alone.taken


def test_judging_one_account_reads_as_much_beside_others_as_alone(account: Account) -> None:
    with counted() as alone:
        judge(account)
    add_others(account)
    with counted() as beside:
        assert judge(account).droplets == 10
    assert beside.taken < ALMOST * alone.taken


def test_what_happened_to_one_droplet_is_found_as_soon_beside_others(account: Account) -> None:
    def events() -> list[Event]:
        with account.database.reading() as connection:
            ids = frozenset(account.droplets[:1])
            return ask(connection, Event, Question(account.clock(), droplet_ids=ids))

    with counted() as alone:
        found = events()
    add_others(account)
    with counted() as beside:
        assert events() == found
    assert found
    assert beside.taken < ALMOST * alone.taken


def test_no_table_is_read_whole_for_one_account(account: Account) -> None:
    """As SQLite plans it, which knows nothing of how much is stored."""
    add_others(account)
    asked: list[tuple[str, Any]] = []

    def remember(_connection: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        asked.append((statement, values))

    with account.database.reading() as connection:
        sa.event.listen(account.database.engine, "before_cursor_execute", remember)
        for name in [name for name, row in ROWS.items() if "account" in row._fields]:
            ask(connection, ROWS[name], Question(account.clock(), accounts=[account.name]))
            statement, values = asked[-1]
            steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).scalars("detail")
            assert [step for step in steps if step.startswith("SCAN main.")] == [], name


def judge(account: Account) -> Verdict:
    with account.database.reading() as connection:
        return inspect(connection, account.clock(), Rules(), (), accounts=[account.name])


@pytest.mark.parametrize("name", [None, "live_backups", "account_overview"])
def test_a_report_on_one_account_reads_as_much_beside_others_as_alone(
    account: Account, name: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INVENTORY_DATABASE_URL", account.database.url.render_as_string(hide_password=False))

    def answer() -> str:
        capsys.readouterr()
        asked = Asked(accounts=[account.name])
        assert report.run(None, name, asked, Form(as_json=True), now=account.clock()) == 0
        return capsys.readouterr().out

    with counted() as alone:
        before = answer()
    add_others(account)
    with counted() as beside:
        assert answer() == before
    assert beside.taken < ALMOST * alone.taken + 50  # 50: their names
