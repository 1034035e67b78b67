"""A token of another account or a wrong clock writes nothing (R2, R5); no Droplet has two accounts (R6)."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from inventory.errors import EXIT_COMPLETE, EXIT_FAILED, EXIT_NEEDS_CHANGE, EXIT_PARTIAL, ClockError
from inventory.model import Selection
from inventory.simulator.documents import backup_document
from inventory.simulator.faults import Fault
from inventory.store.engine import Database
from inventory.store.schema import accounts
from tests.simulated import Account, backups_path

# Whose token


def test_token_of_another_account_writes_nothing(account: Account) -> None:
    before = account.dump()
    account.api.uuid = "another"
    account.lose_all(*account.droplets)
    for _ in range(3):
        report = account.sync(accept_gone=True)
        assert (report.status, report.exit_code) == ("failed", EXIT_NEEDS_CHANGE)
        assert "belongs to another account" in (report.error or "")
    assert account.dump() == before


@pytest.mark.parametrize("wanted", [(), ("web-0",), ("other",), ("500000004",)])
def test_token_that_sees_none_of_the_known_droplets_writes_nothing(account: Account, wanted: tuple[str, ...]) -> None:
    other = account.fleet.add_droplet(name="other", backups=3, tags=["web"])
    before = account.dump()
    account.api.token_sees = {other}
    account.api.faults["/v2/account"] = Fault(status=403)
    for _ in range(3):
        assert account.sync(*wanted).exit_code == EXIT_NEEDS_CHANGE
    assert account.dump() == before


def test_404_of_a_token_that_read_nothing_else_ends_nothing(account: Account) -> None:
    """Narrowed to one Droplet, the run does not learn that the token sees none of the others either."""
    account.selection = Selection(everything=False, droplet_ids=frozenset(account.droplets))
    account.api.token_sees = set()
    account.api.faults["/v2/account"] = Fault(status=403)
    for _ in range(3):
        report = account.sync("web-0")
        assert (report.exit_code, [each.outcome for each in report.droplets]) == (EXIT_FAILED, ["unproven"])
    assert account.reasons() == []


@pytest.mark.parametrize(
    ("shown", "is_same"),
    [
        # What `/v2/account` answers, sync after sync: the user and the team.
        ([("u1", None), ("u1", "t1"), ("u1", None), ("u2", "t1")], True),
        ([("u1", "t1"), ("u2", "t1")], True),
        ([("u1", "t1"), ("U1", "T1")], True),
        ([("u1", "t1"), ("u1", None), ("U1", None)], True),
        ([("u1", None), ("u2", None)], False),
        ([("u1", None), ("u2", "t1")], False),
        ([("u1", "t1"), ("u1", "t2")], False),
        ([("u1", "t1"), ("u1", None), ("u1", "t2")], False),
        ([("u1", "t1"), ("u2", None)], False),
    ],
)
def test_team_decides_whose_a_token_is_and_where_one_lacks_the_uuid(
    account: Account,
    shown: list[tuple[str, str | None]],
    is_same: bool,  # noqa: FBT001 - a table
) -> None:
    with account.database.writing() as connection:
        connection.execute(sa.update(accounts).values(uuid=None, team_uuid=None))
    *before, last = shown
    assert [sync_as(account, *each) for each in before] == [EXIT_COMPLETE] * len(before)
    assert sync_as(account, *last) == (EXIT_COMPLETE if is_same else EXIT_NEEDS_CHANGE)


@pytest.mark.parametrize("stored", ["u1", "t1"])
def test_uuid_stored_before_teams_were_may_be_of_either(account: Account, stored: str) -> None:
    with account.database.writing() as connection:
        connection.execute(sa.update(accounts).values(uuid=stored, team_uuid=None))
    assert sync_as(account, "u1", "t1") == EXIT_COMPLETE
    row = account.rows("accounts")[0]
    assert (row["uuid"], row["team_uuid"]) == ("u1", "t1")


def sync_as(account: Account, uuid: str, team_uuid: str | None) -> int:
    """Sync with a token of this user and team, and return the exit code."""
    team = {"team": {"uuid": team_uuid, "name": "My Team"}} if team_uuid else {}
    shown = json.dumps({"account": {"uuid": uuid, "status": "active", **team}}).encode()
    account.api.faults["/v2/account"] = Fault(body=lambda _: shown)
    return account.sync().exit_code


def test_account_of_a_token_that_was_refused_is_not_kept(database: Database) -> None:
    """The right token must not be refused later because the wrong one could say whose it is."""
    account = Account(database)
    for name in ("one", "two"):
        account.fleet.add_droplet(name=name, backups=2)
    account.api.faults["/v2/account"] = Fault(status=403)
    account.sync()
    account.api.faults.clear()
    account.api.token_sees, account.api.uuid = set(), "another"
    assert account.sync().exit_code == EXIT_NEEDS_CHANGE
    account.api.token_sees, account.api.uuid = None, "the right one"
    assert account.sync().exit_code == EXIT_COMPLETE
    assert account.rows("accounts")[0]["uuid"] == "the right one"


@pytest.mark.parametrize("is_account_readable", [True, False])
def test_end_of_all_droplets_must_be_accepted(account: Account, is_account_readable: bool) -> None:  # noqa: FBT001 - a table
    for number in account.droplets:
        account.fleet.destroy(number)
    if not is_account_readable:
        account.api.faults["/v2/account"] = Fault(status=403)
    before = account.dump()
    assert [account.sync().exit_code for _ in range(3)] == [EXIT_NEEDS_CHANGE] * 3
    assert account.dump() == before
    account.sync(accept_gone=True)
    assert account.reasons() == []
    assert account.sync(accept_gone=True).exit_code == EXIT_COMPLETE
    assert account.reasons() == ["droplet_destroyed"] * 18


def test_entry_that_says_little_keeps_no_droplet_from_being_looked_at(account: Account) -> None:
    """The known Droplets' entries do not fit: all are looked at, the new one too, and keep what was known (R13)."""
    account.sync()
    names = [account.stored(number)["name"] for number in account.droplets]
    new = account.fleet.add_droplet(name="new", backups=1)
    account.api.faults["/v2/droplets"] = Fault(
        shows=lambda entries: [{**each, "name": 7} if each["id"] != new else each for each in entries]
    )
    account.advance(hours=1)
    assert account.sync().exit_code == EXIT_COMPLETE
    assert [account.stored(number)["name"] for number in account.droplets] == [*names, "new"]
    assert {row["last_outcome"] for row in account.rows("droplets")} == {"complete"}


def test_entry_without_an_id_makes_a_run_partial_and_is_said_once(account: Account) -> None:
    """It may be a Droplet that the configuration means and nobody has looked at."""
    strays = [{"id": "x"}, "y"]
    account.api.faults["/v2/droplets"] = Fault(shows=lambda entries: [*entries, *strays], is_plausible=True)
    account.api.faults["/v2/droplets/backups/policies"] = Fault(
        shows=lambda entries: [*entries, {"droplet_id": "web", "backup_enabled": True}], is_plausible=True
    )
    report = account.sync()
    assert (report.exit_code, report.counts["droplets_complete"]) == (EXIT_PARTIAL, 3)
    unread = "holds an entry that cannot be read: the answer does not fit"
    droplets, policies = report.notes
    assert droplets == f"the listing of Droplets {unread}: droplets.3: its id cannot be read"
    assert policies == f"the listing of backup policies {unread}: policies: a key is not the id of a Droplet"


@pytest.mark.parametrize("status", [403, 500])
def test_account_that_cannot_be_asked_for_any_droplet_loses_none(account: Account, status: int) -> None:
    first, *others = account.droplets
    for number in others:
        account.fleet.destroy(number)
    account.api.token_sees = set()
    account.api.faults[f"/v2/droplets/{first}"] = Fault(status=status)
    before = account.dump()
    for _ in range(3):
        assert account.sync().exit_code in (EXIT_NEEDS_CHANGE, EXIT_FAILED)
    assert account.dump() == before


# Clocks


@pytest.mark.parametrize("days", [3652, -3652, 0.05, -0.05])
def test_wrong_clock_writes_nothing(account: Account, days: float) -> None:
    account.lose_all(account.droplets[0])
    runs, before = account.rows("sync_runs"), account.dump()
    account.skew = timedelta(days=days)
    for _ in range(2):
        with pytest.raises(ClockError) as caught:
            account.sync()
        assert caught.value.exit_code == EXIT_NEEDS_CHANGE
    assert (account.rows("sync_runs"), account.dump()) == (runs, before)


@pytest.mark.parametrize("minutes", [50, -50])
def test_clock_that_is_less_than_an_hour_off_is_good_enough(account: Account, minutes: int) -> None:
    account.skew = timedelta(minutes=minutes)
    assert account.sync().exit_code == EXIT_COMPLETE


def test_backup_from_the_future_is_kept_and_said(account: Account) -> None:
    first, *_ = account.droplets
    soon = account.fleet.add_backup(first, created_at=account.clock() + timedelta(minutes=50))
    late = account.fleet.add_backup(first, created_at=account.clock() + timedelta(days=2))
    report = account.sync()
    assert report.exit_code == EXIT_COMPLETE
    assert {soon, late} <= account.live(first)
    (note,) = report.notes
    assert f"backup {late}" in note
    assert "in the future" in note
    assert account.sync().notes == ()


# Two accounts


@pytest.fixture
def both(database: Database) -> tuple[Account, Account]:
    """Two configured accounts whose tokens see the same two Droplets, as in a shared team; none is synced yet."""
    one = Account(database, name="one")
    two = Account(database, one.fleet, name="two")
    one.configured = two.configured = frozenset({"one", "two"})
    for name in ("web", "db"):
        one.fleet.add_droplet(name=name, backups=2)
    return one, two


def test_two_accounts_with_one_uuid_are_a_configuration_error(both: tuple[Account, Account]) -> None:
    one, two = both
    two.api.uuid = one.api.uuid
    one.sync()
    before = one.dump(without={"name"})["droplets"]
    report = two.sync()
    assert report.exit_code == EXIT_NEEDS_CHANGE
    assert '"one" and "two" are one account' in (report.error or "")
    assert one.dump(without={"name"})["droplets"] == before
    assert one.sync().exit_code == EXIT_COMPLETE


def test_dry_run_of_an_account_without_a_row_sees_what_belongs_to_others(both: tuple[Account, Account]) -> None:
    one, two = both
    one.sync()
    before = one.dump()
    two.fleet.add_droplet(name="new", backups=3)
    report = two.sync(is_dry_run=True)
    assert report.exit_code == EXIT_COMPLETE
    assert (report.droplets_selected, report.counts["backups_appeared"]) == (1, 3)
    assert any('belongs to account "one"' in note for note in report.notes)
    assert one.dump() == before


def test_droplet_stays_with_the_account_that_saw_it_first(both: tuple[Account, Account]) -> None:
    one, two = both
    one.sync()
    before = one.dump()
    report = two.sync()
    assert (report.exit_code, report.droplets_selected) == (EXIT_COMPLETE, 0)
    assert len(report.notes) == 2
    assert 'belongs to account "one"' in report.notes[0]
    after = one.dump()
    for table in ("accounts", "account_versions"):
        assert after.pop(table) != before.pop(table)
    assert after == before


def unselect(one: Account, droplet_id: int) -> None:
    one.selection = Selection(everything=False, droplet_ids=frozenset(one.fleet.droplets) - {droplet_id})
    one.sync()


def lose_sight(one: Account, droplet_id: int) -> None:
    one.api.token_sees = set(one.fleet.droplets) - {droplet_id}
    one.sync()
    one.sync()


@pytest.mark.parametrize("leave", [unselect, lose_sight])
def test_droplet_moves_once_it_is_gone_or_unselected(
    both: tuple[Account, Account], leave: Callable[[Account, int], None]
) -> None:
    one, two = both
    first, second = one.fleet.droplets
    one.sync()
    backups = {row["id"] for row in one.rows("backups")}
    leave(one, first)
    two.sync()
    assert [one.stored(number)["account_id"] for number in (first, second)] == [2, 1]
    assert (one.stored(first)["unselected_since"], one.stored(first)["gone_at"]) == (None, None)
    assert {row["id"] for row in one.rows("backups")} == backups
    assert one.reasons() == []


def test_droplet_moves_once_its_account_is_no_longer_configured(both: tuple[Account, Account]) -> None:
    one, two = both
    one.sync()
    two.configured = frozenset({"two"})
    assert two.sync().droplets_selected == 2
    assert {row["account_id"] for row in one.rows("droplets")} == {2}


def test_token_of_another_account_cannot_end_a_droplet(both: tuple[Account, Account]) -> None:
    """The id of a Droplet of one account was written under the other, whose token does not see it."""
    one, two = both
    first, second = one.fleet.droplets
    one.sync()
    two.api.token_sees = {second}
    two.selection = Selection(everything=False, droplet_ids=frozenset({first}))
    for _ in range(3):
        assert two.sync().exit_code == EXIT_FAILED
    unselect(one, first)
    before = one.dump()
    for _ in range(3):
        two.sync()
    assert one.dump() == before


def test_backup_shown_under_two_droplets_stays_with_the_first(account: Account) -> None:
    """Also where neither was ever seen, and both are looked at in one transaction (R1, R6)."""
    one, two = (account.fleet.add_droplet(name=name, backups=2) for name in ("one", "two"))
    stray = [backup_document(backup) for backup in account.fleet.backups_of(one)]
    account.api.faults[backups_path(two)] = Fault(shows=lambda own: [*own, *stray], is_plausible=True)
    for _ in range(2):
        report = account.sync()
        assert report.exit_code == EXIT_PARTIAL
        assert [each.outcome for each in report.droplets if each.droplet_id == two] == ["incomplete"]
    assert [len(account.live(number)) for number in (one, two)] == [2, 2]
    assert account.stored(two)["last_observed_at"] is None


def test_listings_that_were_exchanged_at_first_sight_enter_nothing(database: Database) -> None:
    """Each Droplet names its own backups; what is entered under another could never be taken back (R6)."""
    account = Account(database)
    one, two = (account.fleet.add_droplet(name=name, backups=6) for name in ("one", "two"))
    for number, other in ((one, two), (two, one)):
        entries = [backup_document(backup) for backup in account.fleet.backups_of(other)]
        shown = Fault(shows=lambda _, entries=entries: entries, is_plausible=True)  # type: ignore[misc]
        account.api.faults[backups_path(number)] = shown
    report = account.sync(accept_gone=True)
    assert [each.outcome for each in report.droplets] == ["incomplete"] * 2
    assert account.rows("backups") == account.rows("droplet_days") == []

    account.api.faults.clear()
    assert account.sync().exit_code == EXIT_COMPLETE
    for number in (one, two):
        assert account.live(number) == {backup.id for backup in account.fleet.backups_of(number)}


def test_empty_listing_of_a_droplet_that_names_backups_is_no_look(account: Account) -> None:
    first, *_ = account.droplets
    new = account.fleet.add_droplet(name="new", backups=3)
    for number in (first, new):
        account.api.faults[backups_path(number)] = Fault(shows=lambda _: [], is_plausible=True)
    for _ in range(2):
        assert account.sync().exit_code == EXIT_PARTIAL
    assert account.reasons() == []
    assert account.stored(new)["last_observed_at"] is None
    assert account.sync(accept_gone=True).counts["backups_ended"] == 6
