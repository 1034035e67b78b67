"""The reader reads all that is ours, also after the views were made anew, and changes nothing whatever it sets."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count
from types import MappingProxyType

import pytest
import sqlalchemy as sa
from sqlalchemy import exc

from inventory.errors import DatabaseUnusableError, UsageError
from inventory.store import view_ddl
from inventory.store.engine import Database
from inventory.store.grants import grant_reader, readable
from inventory.store.schema import PRIVATE
from inventory.store.upgrade import require_current, upgrade
from inventory.views import catalog
from tests.postgres import Cluster

pytestmark = pytest.mark.slow  # roles on a server of their own

_numbers = count(1)

WRITES = (
    "INSERT INTO accounts (name) VALUES ('another')",
    "UPDATE backups SET size_gigabytes = 0",
    "DELETE FROM droplet_days",
    "TRUNCATE sync_listings",
    "UPDATE inventory_schema_version SET version_num = '0001'",
    "SELECT nextval('accounts_id_seq')",
    "INSERT INTO known_droplets (droplet) VALUES ('another')",
    "DROP VIEW cost_now",
    "ALTER TABLE backups ADD COLUMN mine integer",
    "CREATE TABLE mine (id integer)",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA mine",
    "SELECT id FROM backups FOR UPDATE",
    "COMMENT ON TABLE backups IS 'mine'",
    "SET ROLE postgres",
    "ALTER ROLE CURRENT_USER SUPERUSER",
)
READ_WRITE = "SET default_transaction_read_only = off"
WAYS_TO_WRITE = (
    (),
    (READ_WRITE,),
    ("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",),
    (READ_WRITE, "ALTER ROLE CURRENT_USER SET default_transaction_read_only = off"),
)


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    with closing(Database(postgres_url)) as database:
        upgrade(database)
        yield database


@pytest.fixture
def role(postgres: Cluster) -> Iterator[str]:
    """A name that needs quotes and holds what a driver could take for a parameter."""
    name = f"Reader-{next(_numbers)}@100%s"
    yield name
    with _administrating(postgres) as connection:
        connection.exec_driver_sql(f'DROP ROLE IF EXISTS "{name}"'.replace("%", "%%"))


def _administrating(server: Cluster) -> sa.Connection:
    return sa.create_engine(server.url(), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool).connect()


@pytest.fixture
def reader(database: Database, role: str) -> Iterator[sa.Engine]:
    assert grant_reader(database, role) is True
    with as_role(database, role) as engine:
        yield engine


class as_role:  # noqa: N801 - reads as what it is
    """Let someone log in as a role; what it was given is taken back at the end, so that it can be dropped."""

    def __init__(self, database: Database, role: str) -> None:
        self.database = database
        self.role = role
        self.engine = sa.create_engine(
            database.url.set(username=role), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
        )

    def __enter__(self) -> sa.Engine:
        return self.engine

    def __exit__(self, *_: object) -> None:
        with self.database.writing() as connection:
            connection.exec_driver_sql(f'DROP OWNED BY "{self.role}"'.replace("%", "%%"))


def test_it_reads_every_table_and_view(database: Database, reader: sa.Engine) -> None:
    with reader.connect() as connection:
        for name in readable():
            connection.execute(sa.select(sa.func.count()).select_from(sa.table(name)))
    with closing(Database(reader.url)) as as_reader:
        require_current(as_reader, "the test")
    with database.reading() as connection:
        there = {*sa.inspect(connection).get_table_names(), *sa.inspect(connection).get_view_names()}
    assert there - {table.name for table in PRIVATE} == set(readable())


@pytest.mark.parametrize("table", PRIVATE, ids=str)
def test_it_does_not_read_what_people_were_told(reader: sa.Engine, table: sa.Table) -> None:
    with reader.connect() as connection, pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
        connection.execute(sa.select(table))


@pytest.mark.parametrize("way", WAYS_TO_WRITE, ids=str)
def test_it_can_neither_write_nor_create_whatever_it_sets(reader: sa.Engine, way: tuple[str, ...]) -> None:
    # No privilege, or a view that nobody can write to; before it set anything also: a read-only transaction.
    refusals = {"42501", "55000"} if way else {"42501", "55000", "25006"}
    with reader.connect() as connection:
        for statement in way:
            connection.exec_driver_sql(statement)
        for statement in WRITES:
            with pytest.raises(exc.DBAPIError) as caught:
                connection.exec_driver_sql(statement)
            assert getattr(caught.value.orig, "sqlstate", None) in refusals, statement


def test_it_is_held_to_short_read_only_transactions(reader: sa.Engine) -> None:
    with reader.connect() as connection:
        shown = {
            name: connection.exec_driver_sql(f"SHOW {name}").scalar_one()
            for name in ("transaction_read_only", "statement_timeout", "idle_in_transaction_session_timeout", "jit")
        }
    assert shown == {
        "transaction_read_only": "on",
        "statement_timeout": "1min",
        "idle_in_transaction_session_timeout": "10min",
        "jit": "off",
    }


def test_views_made_anew_stay_readable(database: Database, reader: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    found = dict(catalog.views())
    found["cost_now"] = replace(found["cost_now"], header=found["cost_now"].header + "\n-- Another version.")
    monkeypatch.setattr(view_ddl, "views", lambda: MappingProxyType(found))
    with database.reading() as connection:
        assert not view_ddl.are_current(connection)
        query = sa.text("SELECT oid FROM pg_class WHERE relname = 'live_backups'")
        before = connection.scalar(query)
    upgrade(database)
    with database.reading() as connection:
        assert connection.scalar(query) != before
    with reader.connect() as connection:
        for name in readable():
            connection.execute(sa.select(sa.func.count()).select_from(sa.table(name)))


def test_a_role_that_is_there_is_brought_up_to_date(database: Database, role: str) -> None:
    quoted = f'"{role}"'.replace("%", "%%")
    with database.writing() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {quoted} LOGIN PASSWORD 'secret'")
        connection.exec_driver_sql(f"GRANT INSERT, DELETE ON accounts TO {quoted}")
        connection.exec_driver_sql(f"GRANT UPDATE (name) ON droplets TO {quoted}")
        connection.exec_driver_sql(f"GRANT CREATE ON SCHEMA public TO {quoted}")
    assert grant_reader(database, role) is False
    assert grant_reader(database, role) is False
    with as_role(database, role) as engine, engine.connect() as connection:
        connection.exec_driver_sql("SET default_transaction_read_only = off")
        for statement in ("DELETE FROM accounts", "UPDATE droplets SET name = ''", "CREATE TABLE mine (id integer)"):
            with pytest.raises(exc.DBAPIError, match="permission denied"):
                connection.exec_driver_sql(statement)
        assert connection.exec_driver_sql("SELECT count(*) FROM live_backups").scalar_one() == 0


def test_a_role_that_could_write_all_the_same_is_refused(database: Database, role: str) -> None:
    with pytest.raises(DatabaseUnusableError, match="is a superuser"):
        grant_reader(database, "postgres")
    for statement, said in (
        ("GRANT CREATE ON SCHEMA public TO PUBLIC", "could still create in schema public"),
        ("GRANT UPDATE ON backups TO PUBLIC", "could still write backups"),
    ):
        with database.writing() as connection:
            connection.exec_driver_sql(statement)
        with pytest.raises(DatabaseUnusableError, match=said):
            grant_reader(database, role)
        with database.writing() as connection:
            connection.exec_driver_sql(statement.replace("GRANT", "REVOKE").replace(" TO ", " FROM "))
            assert connection.scalar(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}) is None


def test_an_owner_who_may_make_roles_need_not_be_a_superuser(postgres: Cluster, postgres_url: str, role: str) -> None:
    """As on a managed server."""
    name = sa.make_url(postgres_url).database
    with _administrating(postgres) as connection:
        connection.exec_driver_sql("CREATE ROLE owner LOGIN CREATEROLE")
        connection.exec_driver_sql(f'ALTER DATABASE "{name}" OWNER TO owner')
    try:
        with closing(Database(sa.make_url(postgres_url).set(username="owner"))) as database:
            upgrade(database)
            assert grant_reader(database, role) is True
            assert grant_reader(database, role) is False
            with as_role(database, role).engine.connect() as connection:
                assert connection.exec_driver_sql("SELECT count(*) FROM live_backups").scalar_one() == 0
                connection.exec_driver_sql(READ_WRITE)
                with pytest.raises(exc.DBAPIError, match="permission denied"):
                    connection.exec_driver_sql("DELETE FROM accounts")
    finally:
        with closing(Database(postgres_url)) as administrator, administrator.writing() as connection:
            quoted = f'"{role}"'.replace("%", "%%")
            connection.exec_driver_sql(f"DROP OWNED BY {quoted}")
            connection.exec_driver_sql("REASSIGN OWNED BY owner TO postgres")
            connection.exec_driver_sql("DROP OWNED BY owner")
            connection.exec_driver_sql(f"DROP ROLE {quoted}")
            connection.exec_driver_sql("DROP ROLE owner")


def test_who_may_not_make_roles_is_told_who_may(database: Database, role: str, reader: sa.Engine) -> None:
    with (
        closing(Database(reader.url)) as as_reader,
        pytest.raises(DatabaseUnusableError, match=r"may not create roles.*an administrator can"),
    ):
        grant_reader(as_reader, "another")


@pytest.mark.parametrize("name", ["", "public", "none", "pg_reader", "x" * 64, "a\x00b", "a\nb"])
def test_names_that_no_role_can_have_are_refused(database: Database, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a role"):
        grant_reader(database, name)
