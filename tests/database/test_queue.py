"""The queue's tables are made by one version, replaced by another while no worker lives, and left alone by all else."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date

import pytest
import sqlalchemy as sa

from inventory.errors import ConfigurationError, DatabaseUnusableError
from inventory.store import queue
from inventory.store.copy import copy
from inventory.store.engine import Database
from inventory.store.grants import grant_reader
from inventory.store.prune import delete, find

JOB = (
    "SET LOCAL search_path TO inventory_jobs; "
    "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('accounts', 'inventory.sync')"
)


@pytest.fixture
def database(migrated_postgres_url: str) -> Iterator[Database]:
    with closing(Database(migrated_postgres_url)) as database:
        yield database


def change(database: Database, statement: str) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql(statement)


def jobs(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM inventory_jobs.procrastinate_jobs").scalar_one())


def test_it_is_made_once_and_remembers_by_which_version(database: Database) -> None:
    with pytest.raises(DatabaseUnusableError, match="is missing"):
        queue.require_current(database)
    assert queue.ensure(database)
    queue.require_current(database)
    change(database, JOB)
    assert not queue.ensure(database)
    assert jobs(database) == 1


def test_another_version_replaces_it_unless_a_worker_lives(database: Database) -> None:
    queue.ensure(database)
    change(database, JOB)
    change(database, "COMMENT ON SCHEMA inventory_jobs IS 'procrastinate 3.0.0'")
    change(database, "INSERT INTO inventory_jobs.procrastinate_workers DEFAULT VALUES")
    with pytest.raises(DatabaseUnusableError, match="in use by 1 worker with"):
        queue.ensure(database)
    change(database, "UPDATE inventory_jobs.procrastinate_workers SET last_heartbeat = now() - interval '1 minute'")
    assert queue.ensure(database)
    assert jobs(database) == 0
    queue.require_current(database)


def test_prune_and_copy_leave_it_alone(database: Database, sqlite_url: str) -> None:
    queue.ensure(database)
    change(database, JOB)
    list(delete(database, find(database, keep_days=90, today=date(2030, 1, 1))))
    with closing(Database(sqlite_url)) as target:
        copy(database, target, lambda _done, _total: None)
        assert not [name for name in sa.inspect(target.engine).get_table_names() if "procrastinate" in name]
    assert jobs(database) == 1


def test_a_reader_does_not_see_it(database: Database) -> None:
    queue.ensure(database)
    role = f"reader_of_{sa.make_url(database.url).database}"
    try:
        grant_reader(database, role)
        with database.reading() as connection:
            may_use = sa.select(sa.func.has_schema_privilege(role, queue.SCHEMA, "USAGE"))
            assert connection.scalar(may_use) is False
    finally:
        change(database, f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')


def test_without_the_extra_a_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    monkeypatch.setattr(queue, "_ENGINE", "no-such-distribution")
    assert not queue.is_wanted(database)
    with pytest.raises(ConfigurationError, match=r"pip install 'droplet-backup-inventory\[scale\]'"):
        queue.ensure(database)
