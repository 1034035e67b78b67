"""Every view answers byte for byte alike on both databases, however PostgreSQL is set up."""

import io
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.report import rows_export
from inventory.store.engine import Database
from inventory.store.upgrade import upgrade
from inventory.terminal.document import as_json
from inventory.views.catalog import views
from inventory.views.queries import Question, ask
from inventory.views.rows import ROWS, Event, KnownDroplet, LiveBackup, MonthlyCost, SizeGrowth
from tests.postgres import cluster
from tests.views.by_hand import WEB, ByHand, at
from tests.views.conftest import History, copy_rows
from tests.views.test_all_views import MOMENTS

pytestmark = pytest.mark.costly

# By the codes of their characters they are in this order; in English dictionaries Zeta is the last.
NAMES = ("Zeta", "alpha", "beta-1", "beta1", "\u00e4lpha")


@dataclass
class Pair:
    """The same rows, in SQLite and in a PostgreSQL whose texts are sorted as in en_US, and whose zone is New York."""

    sqlite: Database
    postgresql: Database

    def __iter__(self) -> Iterator[Database]:
        yield from (self.sqlite, self.postgresql)


@pytest.fixture(scope="module")
def english() -> Iterator[str]:
    """Give the URL of a PostgreSQL database of the newest tables, in which texts are sorted as in en_US."""
    if not (shutil.which("localedef") and Path("/usr/share/i18n/locales/en_US").exists()):
        pytest.skip("this machine cannot make a locale")
    with cluster(language="en_US") as server:
        url = server.url().render_as_string(hide_password=False)
        with closing(Database(url)) as database:
            upgrade(database)
        yield url


@pytest.fixture(scope="module")
def pair(
    played: History, english: str, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[Pair]:
    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("pair") / "history.db")
    with closing(Database(f"sqlite:///{path}")) as sqlite, closing(Database(english)) as postgresql:
        for database in (sqlite, postgresql):
            copy_rows(played.database, database)
            _rename(database)
        yield Pair(sqlite, postgresql)


def _rename(database: Database) -> None:
    with database.writing() as connection:
        for table, column in (("droplets", "id"), ("droplet_versions", "droplet_id")):
            for number, name in enumerate(NAMES):
                connection.execute(
                    sa.text(f"UPDATE {table} SET name = :name WHERE {column} % 5 = {number}"),  # noqa: S608 - ours
                    {"name": name},
                )


def test_the_server_sorts_as_people_do(pair: Pair) -> None:
    with reading(pair.postgresql) as connection:
        names = sorted(NAMES)
        in_english = connection.execute(
            sa.text("SELECT name FROM unnest(CAST(:names AS text[])) AS n (name) ORDER BY name"), {"names": names}
        )
        assert list(in_english.scalars()) != names
        assert connection.execute(sa.text("SHOW timezone")).scalar_one() == "America/New_York"


@contextmanager
def reading(database: Database) -> Iterator[sa.Connection]:
    """Read in a session of another zone, as other clients do; our own sessions are in UTC."""
    with database.reading() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SET LOCAL timezone TO 'America/New_York'"))
        yield connection


def answers(database: Database, name: str, now: datetime) -> tuple[str, str]:
    """Give what a view answers, as JSON and as CSV."""
    with reading(database) as connection:
        rows = ask(connection, ROWS[name], Question(now))
    file = io.StringIO()
    rows_export.write_csv(file, list(views()[name].columns), rows)
    return as_json({"rows": rows_export.as_documents(rows)}), file.getvalue()


@pytest.mark.parametrize("now", MOMENTS, ids=str)
@pytest.mark.parametrize("name", list(views()))
def test_every_view_answers_alike(pair: Pair, name: str, now: datetime) -> None:
    (json, csv), (json_there, csv_there) = (answers(database, name, now) for database in pair)
    assert json == json_there
    assert csv == csv_there


def test_names_are_in_the_order_of_their_codes(pair: Pair) -> None:
    for database in pair:
        with database.reading() as connection:
            rows = ask(connection, KnownDroplet, Question(MOMENTS[-1]))
            some = ask(connection, KnownDroplet, Question(MOMENTS[-1], limit=7))
        assert {row.droplet for row in rows} == set(NAMES)
        assert rows == sorted(rows, key=lambda row: (row.account, row.droplet, row.droplet_id))
        assert some == rows[:7]


@pytest.fixture(params=["sqlite", "postgresql"])
def web(request: pytest.FixtureRequest) -> Iterator[ByHand]:
    with closing(Database(request.getfixturevalue(f"migrated_{request.param.removesuffix('ql')}_url"))) as database:
        yield ByHand(database)


def test_equal_rows_of_changes_are_in_the_order_of_their_values(web: ByHand) -> None:
    web.backup(1, "03-01 05:00", seen="03-01 12:00", changed_at=at("03-02 12:00"))
    for region, since, until in (
        ("nyc3", "03-01 12:00", "03-02 12:00"),
        ("ams3", "03-01 12:00", "03-02 12:00"),
        ("sfo3", "03-02 12:00", None),
        ("blr1", "03-02 12:00", None),
    ):
        interval = {"valid_from": at(since), "valid_to": at(until) if until else None}
        web.insert("backup_regions", backup_id=1, region=region, **interval)
    web.looks("03-01 12:00", "03-02 12:00")
    changed = [row for row in web.ask(Event, "03-03 00:00") if row.attribute == "regions"]
    assert [(row.old_value, row.new_value) for row in changed] == [
        (None, "blr1"),
        (None, "sfo3"),
        ("ams3", None),
        ("nyc3", None),
    ]
    (live,) = web.ask(LiveBackup, "03-03 00:00")
    assert live.regions == "blr1, sfo3"


def test_a_size_is_written_as_it_is_meant(web: ByHand) -> None:
    web.backup(1, "03-01 05:00", seen="03-01 12:00", size_gigabytes=0.1 + 0.2, changed_at=at("03-02 12:00"))
    web.looks("03-01 12:00", "03-02 12:00", size_gigabytes=2.0)
    web.change("backup_versions", valid_to=at("03-02 12:00"), closed_by="change")
    then = {"name": "web", "type": "backup", "min_disk_size": 25}
    web.insert("backup_versions", backup_id=1, valid_from=at("03-02 12:00"), size_gigabytes=2.0, **then)
    (row,) = (row for row in web.ask(Event, "03-03 00:00") if row.attribute)
    assert (row.old_value, row.new_value) == ("0.3", "2")


def test_a_size_that_does_not_grow_grows_by_zero(web: ByHand) -> None:
    web.backups([0.02, 2.52, 0.02], seen="03-03 12:00")
    web.looks("03-03 12:00")
    (row,) = web.ask(SizeGrowth, "03-03 12:00")
    assert str(row.growth_per_day_gigabytes) == "0.0"


def test_half_of_a_ten_thousandth_is_rounded_up(web: ByHand) -> None:
    """The mean of these is 1.26875, but added up as doubles a little less."""
    web.policy("03-01 12:00")
    for day, size in enumerate((2.34, 0.4, 1.4, 2.32, 0.46, 2.91, 0.29, 0.03), start=1):
        web.looks(f"03-{day:02} 12:00", size_gigabytes=size)
    (row,) = web.ask(MonthlyCost, "03-20 12:00")
    assert (row.droplet_id, row.days_observed, row.mean_size_gigabytes) == (WEB, 8, 1.2688)
