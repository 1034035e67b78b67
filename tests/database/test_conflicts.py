"""A transaction that PostgreSQL gives up because another stood in its way is made again, up to three times."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from inventory.store.engine import Database
from inventory.vocabulary import RunStatus
from tests.simulated import Account

DEADLOCK, SERIALIZATION_FAILURE = "40P01", "40001"


@pytest.fixture
def account(migrated_postgres_url: str) -> Iterator[Account]:
    with closing(Database(migrated_postgres_url)) as database:
        account = Account(database)
        for number in range(3):
            account.fleet.add_droplet(name=f"web-{number}", backups=3)
        yield account


def conflict(database: Database, statement: str, *, times: int, sqlstate: str) -> None:
    """Let the server give up the transactions with this statement so many times; a sequence outlives them."""
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE SEQUENCE conflicts")
        connection.exec_driver_sql(
            "CREATE FUNCTION stand_in_the_way() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF nextval('conflicts') <= {times} THEN RAISE 'not you' USING ERRCODE = '{sqlstate}'; END IF; "
            "RETURN NULL; END $$"
        )
        connection.exec_driver_sql(
            f"CREATE TRIGGER in_the_way BEFORE {statement} FOR EACH STATEMENT EXECUTE FUNCTION stand_in_the_way()"
        )


def met(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.exec_driver_sql("SELECT last_value FROM conflicts").scalar_one())


@pytest.mark.parametrize(
    ("statement", "sqlstate"),
    [
        ("INSERT ON sync_runs", DEADLOCK),  # the lease
        ("UPDATE ON accounts", SERIALIZATION_FAILURE),
        ("INSERT ON backup_regions", DEADLOCK),  # the looks
        ("UPDATE OF finished_at ON sync_runs", SERIALIZATION_FAILURE),
    ],
)
def test_three_conflicts_are_outlived(account: Account, statement: str, sqlstate: str) -> None:
    conflict(account.database, statement, times=3, sqlstate=sqlstate)
    report = account.sync()
    assert (report.status, report.exit_code, report.notes) == (RunStatus.COMPLETE, 0, ())
    assert met(account.database) >= 4
    assert {number: len(account.live(number)) for number in account.droplets} == dict.fromkeys(account.droplets, 3)
    assert len(account.rows("sync_runs")) == 1
    assert account.sync().counts["backups_appeared"] == 0


def test_a_fourth_conflict_ends_the_run_and_the_next_one_catches_up(account: Account) -> None:
    conflict(account.database, "INSERT ON backup_regions", times=4, sqlstate=SERIALIZATION_FAILURE)
    report = account.sync()
    assert (report.status, report.exit_code) == (RunStatus.FAILED, 75)
    assert (report.error or "").endswith(
        "gave a transaction up because another stood in its way (not you). Nothing more was changed; the next run "
        "catches up."
    )
    assert account.rows("backups") == []
    assert account.sync().exit_code == 0


def test_a_refused_droplet_is_counted_once_where_its_transaction_is_made_again(account: Account) -> None:
    """The database refuses one Droplet's backups, and then gives up the transaction that says so."""
    unlucky = account.droplets[0]
    with account.database.writing() as connection:
        connection.exec_driver_sql(f"ALTER TABLE backups ADD CHECK (droplet_id <> {unlucky})")
    conflict(account.database, "INSERT ON sync_listings", times=2, sqlstate=DEADLOCK)
    report = account.sync()
    assert (report.status, report.exit_code) == (RunStatus.PARTIAL, 3)
    assert (report.counts["droplets_failed"], report.counts["droplets_complete"]) == (1, 2)
