"""What holds for every view: its columns, their types and names, its header, and equal rows on both databases."""

import math
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from itertools import product
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_type_hints

import psycopg
import pytest
import sqlalchemy as sa
from psycopg.sql import SQL, Identifier

from inventory.store.engine import Database
from inventory.store.schema import metadata
from inventory.views import catalog
from inventory.views.catalog import DIALECTS, views
from inventory.views.queries import Question, ask, column_types
from inventory.views.rows import ROWS, KnownDroplet, ReportClock
from tests.views.conftest import History
from tests.views.story import BEGINS, ENDS, UNLOOKED

NAMES = list(views())
# Before the first look, right after it, at the turn of a month, while nobody looked, and at the end.
MOMENTS = (
    BEGINS - timedelta(seconds=1),
    BEGINS,
    BEGINS.replace(month=3, day=1, hour=0),
    UNLOOKED + timedelta(hours=11),
    ENDS,
)
KEY = ("account", "droplet_id", "droplet")
# Of a whole account, or of none.
WITHOUT_DROPLET = {"fleet_size_by_day", "sync_health", "account_overview", "account_overview_by_month", "report_clock"}
# The names of design.md: what a column is by its type.
NAMED: dict[type, str] = {
    datetime: r"\w+_at|now|(\w+_)?since|unselected_since|pruned_before",
    date: r"(\w+_)?day|month",
    bool: r"is_\w+",
    float: r"\w+_(gigabytes|usd|hours|days|percent)",
    int: r"\w+_id|\w*(backups|windows|droplets|days|failures)(_\w+)?|\w+_gigabytes",
    str: r"[a-z_]+",
}


def hints(name: str) -> dict[str, tuple[type, ...]]:
    """Give each column's types."""
    found = get_type_hints(ROWS[name])
    return {column: get_args(hint) if isinstance(hint, UnionType) else (hint,) for column, hint in found.items()}


def equal(left: Any, right: Any) -> bool:  # noqa: ANN401 - any value of a database
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12)
    return bool(left == right)


def differences(left: Sequence[tuple[Any, ...]], right: Sequence[tuple[Any, ...]]) -> list[str]:
    """Say where two answers differ, the first three places."""
    found = [f"{len(left)} rows, {len(right)} rows"] if len(left) != len(right) else []
    for one, other in zip(left, right, strict=False):
        if not all(map(equal, one, other)):
            found.append(f"{one}\n{other}")
    return found[:3]


@pytest.mark.parametrize("name", NAMES)
def test_rows_have_the_types_that_are_declared(connection: sa.Connection, name: str) -> None:
    rows = ask(connection, ROWS[name], Question(ENDS))
    assert rows, "a view without rows shows nothing"
    types = hints(name)
    for row in rows:
        for (column, expected), value in zip(types.items(), row, strict=True):
            assert type(value) in expected, f"{column} is {value!r}"
            if isinstance(value, datetime):
                assert value.utcoffset() == timedelta(0), column
                assert value.microsecond == 0, column
            if isinstance(value, float):
                assert math.isfinite(value), column


@pytest.mark.parametrize("name", NAMES)
def test_what_null_means_is_said_of_every_column_that_may_be_null(name: str) -> None:
    for column, types in hints(name).items():
        says = "NULL" in views()[name].columns[column].replace("never NULL", "")
        assert says == (NoneType in types), column


@pytest.mark.parametrize("now", MOMENTS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_both_databases_answer_alike(played: History, copied: History, name: str, now: datetime) -> None:
    answers = []
    for history in (played, copied):
        with history.database.reading() as connection:
            answers.append(ask(connection, ROWS[name], Question(now)))
    assert not differences(*answers)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", NAMES)
def test_the_view_in_the_database_answers_what_is_asked_as_of_now(
    recent: dict[str, Database], name: str, dialect: str
) -> None:
    view, row = views()[name], ROWS[name]
    query = sa.text(f"SELECT * FROM {name} ORDER BY {view.order}").columns(**column_types(row))  # noqa: S608 - names are ours
    with recent[dialect].reading() as connection:
        before = None
        while before != (before := clock(connection)):  # SQLite's moves with the true time
            result = connection.execute(query)
            in_database = [tuple(each) for each in result]
    assert list(result.keys()) == list(view.columns)
    with recent[dialect].reading() as connection:
        asked = ask(connection, row, Question(before.now))
    assert in_database
    assert not differences(in_database, asked)


def clock(connection: sa.Connection) -> ReportClock:
    query = sa.text("SELECT now, since FROM report_clock").columns(**column_types(ReportClock))
    return ReportClock(*connection.execute(query).one())


# What a driver gives that knows nothing of our types; text is then held against its form.
SQLITE_FORMS: dict[type, tuple[type, str]] = {
    bool: (int, "[01]"),
    int: (int, r"-?\d+"),
    float: (float, ".*"),
    str: (str, "(?s).*"),
    date: (str, r"\d{4}-\d\d-\d\d"),
    datetime: (str, r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"),
}


@pytest.mark.parametrize("name", NAMES)
def test_sqlite_answers_any_client(recent: dict[str, Database], name: str) -> None:
    with closing(sqlite3.connect(f"file:{recent['sqlite'].path}?mode=ro", uri=True)) as bare:
        cursor = bare.execute(f"SELECT * FROM {name}")  # noqa: S608 - names are ours
        rows = cursor.fetchall()
    assert rows
    for row in rows:
        for (column, types), value in zip(hints(name).items(), row, strict=True):
            assert value is not None or NoneType in types, column
            if value is not None:
                kind, form = SQLITE_FORMS[types[0]]
                assert type(value) is kind, f"{column} is {value!r}"
                assert re.fullmatch(form, str(value)), f"{column} is {value!r}"


@pytest.mark.parametrize("name", NAMES)
def test_postgresql_answers_any_client(recent: dict[str, Database], name: str) -> None:
    url = recent["postgresql"].url.set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg.connect(url)) as bare:
        rows = bare.execute(SQL("SELECT * FROM {}").format(Identifier(name))).fetchall()
    assert rows
    for row in rows:
        for (column, types), value in zip(hints(name).items(), row, strict=True):
            assert type(value) in types, f"{column} is {value!r}"


def test_every_view_has_a_type_of_rows_and_every_type_a_view() -> None:
    assert list(ROWS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_header_says_what_the_view_is(name: str) -> None:
    view = views()[name]
    assert tuple(view.columns) == ROWS[name]._fields
    assert all(view.columns.values())
    assert "?" in view.answers
    assert view.grain
    assert view.units
    assert view.time is None or view.time in view.columns


def test_a_header_gives_the_reason_where_a_view_has_two_queries() -> None:
    files = [file for file in Path(catalog.__file__).parent.glob("*.sql") if file.suffixes == [".sql"]]
    assert files
    for file in files:
        has_two = all(file.with_suffix(f".{dialect}.sql").exists() for dialect in DIALECTS)
        assert ("\n-- Two queries: " in file.read_text("utf-8")) == has_two, file.name


@pytest.mark.parametrize("name", NAMES)
def test_columns_are_named_by_what_they_are(name: str) -> None:
    types = hints(name)
    if name not in WITHOUT_DROPLET:
        assert tuple(types)[:3] == KEY
    elif name != "report_clock":
        assert next(iter(types)) == "account"
    for column, (kind, *_) in types.items():
        assert re.fullmatch(NAMED[kind], column), f"{column} is {kind}"
    assert types.get("last_seen_at", (datetime,)) == (datetime,), "never NULL in a view"


@pytest.mark.parametrize("name", NAMES)
def test_the_header_names_what_postgresql_reads(recent: dict[str, Database], name: str) -> None:
    query = sa.text("SELECT table_name FROM information_schema.view_table_usage WHERE view_name = :name")
    with recent["postgresql"].reading() as connection:
        read = set(connection.execute(query, {"name": name}).scalars())
    assert read == set(views()[name].reads)


@pytest.mark.parametrize("name", NAMES)
def test_the_header_names_what_sqlite_reads(name: str) -> None:
    """With these tables alone it can be asked, and with one fewer not."""
    view = views()[name]
    columns = {table: each.columns.keys() for table, each in metadata.tables.items()}
    columns |= {table: list(each.columns) for table, each in views().items()}
    with closing(sqlite3.connect(":memory:")) as bare:
        for table in view.reads:
            bare.execute(f"CREATE TABLE {table} ({', '.join(columns[table])})")
        assert bare.execute(view.queries["sqlite"]).description
        for table in view.reads:
            bare.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
            with pytest.raises(sqlite3.OperationalError, match=f"no such table: {table}"):
                bare.execute(view.queries["sqlite"])
            bare.execute(f"ALTER TABLE elsewhere RENAME TO {table}")


@pytest.mark.parametrize("name", NAMES)
def test_a_view_reads_none_that_comes_after_it(name: str) -> None:
    before = NAMES[: NAMES.index(name)]
    assert set(views()[name].reads) <= metadata.tables.keys() | set(before)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_is_one_of_columns_and_leaves_nothing_to_chance(connection: sa.Connection, name: str) -> None:
    view = views()[name]
    columns = [part.partition(" ")[0] for part in view.order.split(", ")]
    assert set(columns) <= view.columns.keys()
    places = [ROWS[name]._fields.index(column) for column in columns]
    keys = [tuple(row[place] for place in places) for row in ask(connection, ROWS[name], Question(ENDS))]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", NAMES)
def test_the_first_rows_are_the_first_of_all(connection: sa.Connection, name: str) -> None:
    assert len(ask(connection, KnownDroplet, Question(ENDS))) > 20, "more than are asked about at first"
    rows = ask(connection, ROWS[name], Question(ENDS))
    for limit in {1, len(rows) // 2, abs(len(rows) - 1), len(rows) + 1}:
        assert ask(connection, ROWS[name], Question(ENDS, limit=limit)) == rows[:limit]


@pytest.mark.parametrize("days", [0, 3, 20])
@pytest.mark.parametrize("name", [name for name in NAMES if views()[name].time])
def test_what_is_asked_of_a_period_is_what_is_said_of_it_among_all(
    connection: sa.Connection, name: str, days: int
) -> None:
    row, time = ROWS[name], views()[name].time
    since = ENDS - timedelta(days=days)
    first = since if "datetime" in str(column_types(row)[time or ""]).lower() else since.date()
    begin = first.replace(day=1) if time == "month" else first
    expected = [each for each in ask(connection, row, Question(ENDS)) if getattr(each, time or "") >= begin]
    assert ask(connection, row, Question(ENDS, since=since)) == expected
    for limit in (1, len(expected) + 1):
        assert ask(connection, row, Question(ENDS, since=since, limit=limit)) == expected[:limit]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITHOUT_DROPLET])
def test_what_is_asked_of_one_is_what_is_said_of_it_among_all(
    history: History, connection: sa.Connection, name: str
) -> None:
    row, wanted = ROWS[name], history.ids["web"]
    of_it = [each for each in ask(connection, row, Question(ENDS)) if each[1] == wanted]
    assert ask(connection, row, Question(ENDS, droplet_ids={wanted})) == of_it


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITHOUT_DROPLET])
def test_what_is_asked_of_some_is_what_is_said_of_them_among_all(
    history: History, connection: sa.Connection, name: str
) -> None:
    row = ROWS[name]
    rows = ask(connection, row, Question(ENDS))
    wanted = {history.ids[each] for each in ("web", "gone", "dark", "bare")}
    of_them = [each for each in rows if each[1] in wanted]
    assert ask(connection, row, Question(ENDS, droplet_ids=wanted)) == of_them
    assert ask(connection, row, Question(ENDS, droplet_ids=())) == []
    of_account = [each for each in rows if each[0] == "seeded"]
    assert ask(connection, row, Question(ENDS, accounts={"seeded"})) == of_account
    assert ask(connection, row, Question(ENDS, accounts={"seeded"}, droplet_ids=wanted)) == []


def test_an_account_beside_others_is_told_at_every_moment_what_is_said_of_it_among_all(
    connection: sa.Connection,
) -> None:
    """Where only backups that were live of late have versions, too."""
    of_versions = [
        name for name, view in views().items() if "backup_versions" in view.reads and "account" in view.columns
    ]
    for now, name in product(MOMENTS, of_versions):
        for since in (None, now - timedelta(days=3), now - timedelta(hours=1)):
            rows = ask(connection, ROWS[name], Question(now, since=since))
            of_one = ask(connection, ROWS[name], Question(now, since=since, accounts={"seeded"}))
            assert of_one == [row for row in rows if row[0] == "seeded"], (name, now, since)


@pytest.mark.parametrize("name", sorted(WITHOUT_DROPLET))
def test_views_without_droplets_ignore_a_filter_on_droplets(connection: sa.Connection, name: str) -> None:
    rows = ask(connection, ROWS[name], Question(ENDS))
    assert ask(connection, ROWS[name], Question(ENDS, droplet_ids={1})) == rows


def test_sqlite_joins_nothing_row_by_row_for_a_whole_account(played: History) -> None:
    """Without statistics it took an account for a few Droplets; of 20,000, each then cost as much as all of them."""
    plans: dict[str, list[str]] = {}

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_others: Any) -> None:  # noqa: ANN401 - the driver's
        plans[name] = [step for *_, step in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()]

    with played.database.reading() as connection:
        sa.event.listen(connection, "before_cursor_execute", explain)
        for name in NAMES:
            ask(connection, ROWS[name], Question(ENDS, accounts={"default", "seeded"}))
    assert {name: step for name, plan in plans.items() for step in plan if re.match(r"SCAN \w+ LEFT-JOIN", step)} == {}
