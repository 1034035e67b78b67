"""Whose a Droplet is, and which of them the configuration means (R6)."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from inventory.errors import EXIT_NEEDS_CHANGE
from inventory.model import Account
from inventory.store import account_records, remembered
from inventory.store.engine import Database
from inventory.store.schema import account_versions, droplets
from inventory.store.selection import unselect
from tests.simulated import Account as Synced

NOW = datetime(2026, 3, 3, 6, 0, 0, tzinfo=UTC)


def add_droplet(connection: sa.Connection, droplet_id: int, account_id: int, **stamps: datetime) -> None:
    row = {
        "id": droplet_id,
        "account_id": account_id,
        "name": f"web-{droplet_id}",
        "region": "fra1",
        "size_slug": "s-1vcpu-1gb",
        "status": "active",
        "created_at": NOW,
        "first_seen_at": NOW,
        "last_attempt_at": NOW,
        "last_outcome": "complete",
        **stamps,
    }
    connection.execute(sa.insert(droplets).values(row))


@pytest.fixture
def two_accounts(database: Database) -> dict[str, int]:
    """Give the ids of two accounts by name."""
    with database.writing() as connection:
        return {name: account_records.ensure_account(connection, name).id for name in ("mine", "theirs")}


def test_an_account_is_made_once(database: Database) -> None:
    with database.writing() as connection:
        assert account_records.read_account(connection, "mine") is None
        made = account_records.ensure_account(connection, "mine")
        assert (
            account_records.ensure_account(connection, "mine")
            == made
            == account_records.read_account(connection, "mine")
        )
    assert made.uuid is None


@pytest.mark.parametrize(
    ("theirs", "mine", "are_one"),
    [
        (("u1", None), ("u1", None), True),
        (("u1", None), ("u2", None), False),
        (("u1", "t1"), ("u1", "t1"), True),
        (("u1", "t1"), ("u2", "t1"), True),
        (("u1", "t1"), ("u1", "t2"), False),
        (("u1", "t1"), ("u1", None), False),
        (("u1", None), ("u1", "t1"), False),
    ],
)
def test_two_accounts_are_one_if_their_teams_say_so(
    database: Database,
    two_accounts: dict[str, int],
    theirs: tuple[str, str | None],
    mine: tuple[str, str | None],
    are_one: bool,  # noqa: FBT001 - a table
) -> None:
    found = Account(mine[0], "active", mine[1])
    with database.writing() as connection:
        account_records.record_account(connection, two_accounts["theirs"], Account(theirs[0], "active", theirs[1]), NOW)
        account_records.record_account(connection, two_accounts["mine"], found, NOW)
        assert account_records.namesakes(connection, found, "mine") == (["theirs"] if are_one else [])
        assert account_records.read_account(connection, "mine") == account_records.StoredAccount(
            two_accounts["mine"], "mine", uuid=mine[0], team_uuid=mine[1], status="active"
        )


def test_every_droplet_of_the_account_is_known(database: Database, two_accounts: dict[str, int]) -> None:
    with database.writing() as connection:
        add_droplet(connection, 1, two_accounts["mine"])
        add_droplet(connection, 2, two_accounts["mine"], gone_at=NOW, last_observed_at=NOW)
        add_droplet(connection, 3, two_accounts["theirs"])
        assert remembered.known_droplets(connection, two_accounts["mine"]) == {
            1: remembered.KnownDroplet(1, "web-1", None, NOW, "complete", None, None),
            2: remembered.KnownDroplet(2, "web-2", NOW, NOW, "complete", NOW, None),
        }


def test_a_droplet_belongs_to_the_account_that_saw_it_first(database: Database, two_accounts: dict[str, int]) -> None:
    mine, theirs = two_accounts["mine"], two_accounts["theirs"]
    with database.writing() as connection:
        add_droplet(connection, 1, mine)
        add_droplet(connection, 2, theirs)
        add_droplet(connection, 3, theirs, gone_at=NOW)
        add_droplet(connection, 4, theirs, unselected_since=NOW)
        both = frozenset(two_accounts)
        assert remembered.owned_elsewhere(connection, mine, both, [1, 2, 3, 4, 5]) == {2: "theirs"}
        assert remembered.owned_elsewhere(connection, mine, both, [1, 3]) == {}
        assert remembered.owned_elsewhere(connection, mine, frozenset({"mine"}), [2]) == {}, "that account is forgotten"


def test_leaving_the_configuration_is_stamped_once(database: Database, two_accounts: dict[str, int]) -> None:
    with database.writing() as connection:
        for droplet_id in (1, 2):
            add_droplet(connection, droplet_id, two_accounts["mine"])
        unselect(connection, [], NOW)
        unselect(connection, [2], NOW)
        unselect(connection, [2], NOW + timedelta(days=1))
        known = remembered.known_droplets(connection, two_accounts["mine"])
    later = NOW + timedelta(seconds=1)  # than the last attempt (R5)
    assert {droplet_id: each.unselected_since for droplet_id, each in known.items()} == {1: None, 2: later}
    assert known[2].gone_at is None


def test_every_status_of_an_account_is_kept(database: Database, two_accounts: dict[str, int]) -> None:
    second, account_id = timedelta(seconds=1), two_accounts["mine"]
    told = [("active", NOW), ("active", NOW + second), ("locked", NOW + second), ("active", NOW - second)]
    with database.writing() as connection:
        for status, at in told:
            account_records.record_account(connection, account_id, Account("f81d4fae", status), at)
        rows = connection.execute(sa.select(account_versions).order_by(account_versions.c.valid_from)).all()
    assert rows == [
        (account_id, NOW, NOW + second, "active"),
        (account_id, NOW + second, NOW + 2 * second, "locked"),
        (account_id, NOW + 2 * second, None, "active"),
    ]


def test_a_droplet_that_another_account_enters_meanwhile_is_read_again(migrated_postgres_url: str) -> None:
    """Both saw it as new: who writes second must not fail because it is there."""
    with closing(Database(migrated_postgres_url)) as database:
        account = Synced(database, name="mine")
        account.fleet.add_droplet(name="web-1", backups=2)
        account.configured = frozenset({"mine", "theirs"})
        (droplet_id,) = account.droplets
        with database.writing() as connection:
            theirs = account_records.ensure_account(connection, "theirs").id
        with ThreadPoolExecutor(1) as threads, database.engine.begin() as first:
            add_droplet(first, droplet_id, theirs)
            second = threads.submit(account.sync)
            wait_for_lock(migrated_postgres_url)
            first.commit()
            assert second.result(timeout=60).status == "complete"
        assert account.live(droplet_id) == {backup.id for backup in account.fleet.backups_of(droplet_id)}


def named(database: Database, name: str) -> Synced:
    """Give one more name, with a token of its own, of one account of DigitalOcean that has three Droplets."""
    account = Synced(database, name=name)
    account.api.uuid = "one"
    account.configured = frozenset({"mine", "theirs"})
    for number in range(3):
        account.fleet.add_droplet(name=f"web-{number}", backups=2)
    return account


def test_of_two_names_synced_at_once_one_has_the_account(database: Database) -> None:
    mine, theirs = named(database, "mine"), named(database, "theirs")

    def once() -> None:
        if mine.api.asked == ["/v2/account"]:  # it was checked, and nothing is written yet
            mine.api.delay = lambda: None
            assert theirs.sync().status == "complete"

    mine.api.delay = once
    report = mine.sync()
    assert (report.status, report.exit_code) == ("failed", EXIT_NEEDS_CHANGE)
    assert 'accounts "theirs" and "mine" are one account of DigitalOcean (team one)' in (report.error or "")
    owners = {row["id"]: row["name"] for row in theirs.rows("accounts")}
    assert {owners[row["account_id"]] for row in theirs.rows("droplets")} == {"theirs"}


def test_another_name_takes_over_from_one_that_is_no_longer_configured(database: Database) -> None:
    mine, theirs = named(database, "mine"), named(database, "theirs")
    for account in (mine, theirs, mine):
        account.configured = frozenset({account.name})
        assert account.sync().status == "complete"
        claims = {row["name"]: row["claimed_uuid"] for row in account.rows("accounts")}
        assert claims == dict.fromkeys(claims, None) | {account.name: "one"}


def test_a_claim_of_the_same_moment_is_waited_for(migrated_postgres_url: str) -> None:
    with closing(Database(migrated_postgres_url)) as database:
        mine = named(database, "mine")
        with database.writing() as connection:
            theirs = account_records.ensure_account(connection, "theirs")
        with ThreadPoolExecutor(1) as threads, database.engine.begin() as first:
            assert account_records.claim(first, theirs, Account("one", "active"), mine.configured) is None
            second = threads.submit(mine.sync)
            wait_for_lock(migrated_postgres_url)
            first.commit()
            assert second.result(timeout=60).exit_code == EXIT_NEEDS_CHANGE
        assert mine.rows("droplets") == []


def wait_for_lock(url: str) -> None:
    """Wait until somebody waits for a lock in this database."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with closing(Database(url)) as other:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with other.reading() as connection:
                if connection.exec_driver_sql(waiting).scalar_one():
                    return
        raise AssertionError("nobody waits")
