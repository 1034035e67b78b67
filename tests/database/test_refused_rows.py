"""What the database refuses is one Droplet's failure, and a bug where it refuses every one (R10, R15)."""

import pytest
import sqlalchemy as sa

from inventory.store.engine import Database
from tests.simulated import Account

pytestmark = pytest.mark.costly

REFUSALS = ("23514", "22003", "P0001", "54000")


def refuse(database: Database, table: str, when: str, *, sqlstate: str = "23514") -> None:
    """Let the database refuse each new and each changed row of a table for which this holds."""
    raised = f"RAISE EXCEPTION 'not in this house' USING ERRCODE = '{sqlstate}'"
    event = f"BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW WHEN ({when})"
    statements = [
        f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {raised}; END $$",
        f"CREATE TRIGGER refused {event} EXECUTE FUNCTION refuse()",
    ]
    if database.is_sqlite:
        raised = "SELECT RAISE(ABORT, 'not in this house')"
        statements = [
            f"CREATE TRIGGER refused_{event} BEFORE {event} ON {table} WHEN {when} BEGIN {raised}; END"
            for event in ("INSERT", "UPDATE")
        ]
    with database.writing() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def accept(database: Database) -> None:
    """Take the refusals back."""
    statements = ["DROP FUNCTION refuse CASCADE"]
    if database.is_sqlite:
        statements = ["DROP TRIGGER refused_INSERT", "DROP TRIGGER refused_UPDATE"]
    with database.writing() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@pytest.fixture
def account(database: Database) -> Account:
    """Seven Droplets with three backups each, none seen yet."""
    account = Account(database)
    for number in range(7):
        account.fleet.add_droplet(name=f"web-{number}", backups=3)
    return account


@pytest.mark.parametrize("sqlstate", REFUSALS)
def test_a_refused_backup_costs_its_own_droplet_alone(account: Account, sqlstate: str) -> None:
    unlucky = account.droplets[2]
    refuse(account.database, "backups", f"NEW.droplet_id = {unlucky}", sqlstate=sqlstate)
    report = account.sync()
    assert (report.status, report.exit_code) == ("partial", 3)
    assert report.error == "1 of 7 Droplets were not looked at"
    assert [number for number in account.droplets if account.live(number)] == [
        number for number in account.droplets if number != unlucky
    ]
    (row,) = [row for row in account.rows("sync_listings") if row["error"]]
    assert (row["droplet_id"], row["outcome"], row["http_status"]) == (unlucky, "refused", 200)
    assert row["error"] == (
        "the database refuses what was read of this Droplet (not in this house); what was stored of it before stays"
    )
    assert [(each.droplet_id, each.error) for each in report.droplets] == [(unlucky, row["error"])]
    assert account.rows("sync_runs")[-1]["droplets_failed"] == 1


def test_a_refused_droplet_is_looked_at_again_and_kept_until_then(account: Account) -> None:
    account.sync()
    unlucky, *others = account.droplets
    kept = account.live(unlucky)
    refuse(account.database, "backups", f"NEW.droplet_id = {unlucky}")
    account.advance(days=1)
    seen_at = account.stored(unlucky)["last_observed_at"]
    assert account.sync().exit_code == 3
    stored = account.stored(unlucky)
    assert (stored["last_outcome"], stored["last_observed_at"]) == ("refused", seen_at)
    assert account.live(unlucky) == kept
    assert all(account.stored(number)["last_outcome"] == "complete" for number in others)
    accept(account.database)
    account.advance(hours=1)
    assert account.sync().exit_code == 0
    assert account.live(unlucky) > kept


@pytest.mark.parametrize("is_known", [True, False])
def test_where_the_droplets_own_row_is_refused_the_attempt_is_recorded(account: Account, is_known: bool) -> None:  # noqa: FBT001 - a parameter of the test
    if is_known:
        account.sync()
    unlucky = account.droplets[-1]
    before = account.rows("droplets", id=unlucky)
    refuse(account.database, "droplets", f"NEW.id = {unlucky}")
    account.advance(hours=1)
    assert account.sync().exit_code == 3
    assert account.rows("droplets", id=unlucky) == before
    assert [row["droplet_id"] for row in account.rows("sync_listings") if row["outcome"] == "refused"] == [unlucky]


def test_ends_that_waited_for_the_brake_are_refused_alone(account: Account) -> None:
    account.sync()
    unlucky, lucky = account.droplets[:2]
    lost = [account.fleet.backups_of(number)[0].id for number in (unlucky, lucky)]
    for number in lost:
        account.fleet.lose(number)
    refuse(account.database, "backups", f"NEW.id = {lost[0]}")
    account.advance(hours=1)
    assert account.sync().exit_code == 3
    assert lost[0] in account.live(unlucky)
    assert lost[1] not in account.live(lucky)


def test_a_database_that_refuses_every_droplet_shows_a_bug(account: Account) -> None:
    refuse(account.database, "backups", "NEW.id > 0")
    with pytest.raises(sa.exc.DBAPIError, match="not in this house"):
        account.sync()
    (run,) = account.rows("sync_runs")
    assert (run["status"], run["error"][:24]) == ("failed", "a bug ended the run: Int")
    assert account.rows("backups") == []


def test_a_batch_that_nothing_refuses_takes_no_savepoint(account: Account) -> None:
    savepoints: list[object] = []
    sa.event.listen(account.database.engine, "savepoint", lambda *about: savepoints.append(about))
    account.sync()
    assert savepoints == []
    refuse(account.database, "backups", f"NEW.droplet_id = {account.droplets[0]}")
    account.advance(days=1)
    account.sync()
    assert savepoints
