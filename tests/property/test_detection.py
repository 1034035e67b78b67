"""Asking less finds the same: what is proven unchanged is stored as if it had been listed."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeAlias, get_args

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.errors import EXIT_COMPLETE, EXIT_PARTIAL
from inventory.history.detection import RELIST_AFTER
from inventory.model import Selection
from inventory.simulator import story
from inventory.simulator.faults import Fault
from inventory.simulator.fleet import Fleet
from inventory.simulator.variants import Variants
from inventory.store.engine import Database
from tests.examples import examples
from tests.simulated import MONDAY, Account, Row, backups_path

pytestmark = pytest.mark.costly

HISTORY = ("backups", "backup_regions", "backup_versions", "backup_policies", "droplet_windows", "droplet_days")
Ids: TypeAlias = Literal["present", "empty"]
STAMPS = {"first_seen_at", "gone_after_at", "gone_at", "gone_reason", "gone_reason_replaced_at"}


def listings(account: Account) -> int:
    """Count the listings of backups asked for since this was last counted."""
    asked = [path for path in account.api.asked if path.endswith("/backups")]
    account.api.asked.clear()
    return len(asked)


def history(account: Account) -> dict[str, list[Row]]:
    return {table: account.rows(table) for table in HISTORY}


# What is asked


def test_unchanged_droplets_are_looked_at_without_a_listing(account: Account) -> None:
    account.sync(is_full=False)
    listings(account)
    account.advance(minutes=30)
    report = account.sync(is_full=False)
    assert (report.exit_code, report.mode, listings(account)) == (EXIT_COMPLETE, "detection", 0)
    assert report.counts["droplets_complete"] == report.counts["droplets_proven"] == 3
    for row in account.rows("droplets"):
        assert row["last_observed_at"] == MONDAY + timedelta(minutes=30)
        assert row["last_listed_at"] == MONDAY
    assert account.sync(is_full=True).mode == "listing"
    assert listings(account) == 3


def test_only_the_droplet_that_changed_is_listed(account: Account) -> None:
    first, second, _ = account.droplets
    lost = account.fleet.backups_of(first)[0].id
    account.fleet.lose(lost)
    made = account.fleet.add_backup(second)
    listings(account)
    report = account.sync(is_full=False)
    assert (report.counts["droplets_proven"], listings(account)) == (1, 2)
    assert lost not in account.live(first)
    assert made in account.live(second)


def edited_to_nothing(account: Account, droplet_id: int) -> None:
    account.fleet.edit_backup(account.fleet.backups_of(droplet_id)[0].id, size_gigabytes=0.0)
    account.sync()


def failed(account: Account, droplet_id: int) -> None:
    account.api.faults[backups_path(droplet_id)] = Fault(status=500)
    account.sync()
    account.api.faults.clear()


def held(account: Account, droplet_id: int) -> None:
    hidden = account.fleet.backups_of(droplet_id)[0].id
    account.api.faults[backups_path(droplet_id)] = Fault(
        shows=lambda entries: [each for each in entries if each["id"] != hidden], is_plausible=True
    )
    account.sync()
    account.api.faults.clear()


@pytest.mark.parametrize("raise_question", [edited_to_nothing, failed, held])
def test_droplet_whose_last_look_raised_a_question_is_listed(
    account: Account, raise_question: Callable[[Account, int], None]
) -> None:
    raise_question(account, account.droplets[0])
    listings(account)
    report = account.sync(is_full=False)
    assert (report.counts["droplets_proven"], listings(account)) == (2, 1)


def test_proven_looks_neither_read_nor_write_rows_of_backups(account: Account) -> None:
    sent: list[str] = []
    sa.event.listen(account.database.engine, "before_cursor_execute", lambda *words: sent.append(words[2]))
    statements = []
    for more in (0, 40):
        for number in range(more):
            account.fleet.add_droplet(name=f"more-{number}", plan="weekly", backups=3)
        account.sync()
        account.advance(minutes=5)
        sent.clear()
        assert account.sync(is_full=False).counts["droplets_proven"] == len(account.droplets)
        statements.append(list(sent))
    assert len(statements[0]) == len(statements[1])
    text = "\n".join(statements[1])
    assert not re.search(r"backup_versions|backup_regions|(INSERT INTO|UPDATE) (backups|droplet_days)", text)
    # One asks for ids, one for recent ends that may still be explained.
    assert len(re.findall(r"(FROM|JOIN) backups", text)) == 2


def test_first_proven_look_of_a_day_carries_the_figures_of_the_last(account: Account) -> None:
    account.fleet.disable_backups(account.droplets[0])
    account.sync()
    account.advance(days=1)
    stamp = account.clock()
    assert account.sync(is_full=False).counts["droplets_proven"] > 0
    proven = {row["id"] for row in account.rows("droplets") if row["last_listed_at"] < stamp}
    assert proven
    for number in proven:
        *_, before, today = account.rows("droplet_days", droplet_id=number)
        assert before["looks"] == "43200,43201"
        assert today == {**before, "day": stamp.date(), "first_look_at": stamp, "looks": None}
        assert account.stored(number)["looks"] == "43200"


@pytest.mark.parametrize("ids", [[], None])
def test_ids_that_cannot_be_read_prove_nothing(account: Account, ids: list[int] | None) -> None:
    account.api.faults["/v2/droplets"] = Fault(shows=lambda entries: [{**each, "backup_ids": ids} for each in entries])
    listings(account)
    assert account.sync(is_full=False).counts["droplets_proven"] == 0
    assert listings(account) == 3


@pytest.mark.parametrize("ids", get_args(Ids))
def test_backups_of_a_usage_based_plan_are_found_though_nothing_but_the_policy_tells_of_them(
    database: Database, ids: Ids
) -> None:
    account = Account(database)
    account.api.variants = Variants(usage_based_ids=ids)
    number = account.fleet.add_droplet(name="web", plan="intra_daily_4h")
    for _ in range(36):
        assert account.sync(is_full=False).exit_code == EXIT_COMPLETE
        assert account.live(number) == {backup.id for backup in account.fleet.backups_of(number)}
        account.advance(hours=1)
    assert len(account.live(number)) >= 7


def test_where_the_policy_cannot_be_read_the_last_one_that_was_counts(database: Database) -> None:
    account = Account(database)
    account.api.variants = Variants(usage_based_ids="empty")
    number = account.fleet.add_droplet(name="web", plan="intra_daily_4h")
    account.sync(is_full=False)
    account.api.faults["/v2/droplets/backups/policies"] = Fault(status=500)
    account.advance(hours=8)
    account.sync(is_full=False)
    assert account.live(number) == {backup.id for backup in account.fleet.backups_of(number)} != set()


def test_droplet_asked_for_by_name_is_listed(account: Account) -> None:
    listings(account)
    report = account.sync("web-0", is_full=False)
    assert (report.mode, listings(account)) == ("subset", 1)


def test_every_droplet_is_listed_within_two_weeks(account: Account) -> None:
    oldest = timedelta(0)
    for number in account.droplets:
        account.fleet.disable_backups(number)
    account.sync(accept_gone=True)
    for _ in range(60):
        account.advance(hours=12)
        account.sync(is_full=False)
        listed = [account.stored(number)["last_listed_at"] for number in account.droplets]
        oldest = max(oldest, *(account.clock() - at for at in listed))
    assert RELIST_AFTER <= oldest < 2 * RELIST_AFTER


@pytest.mark.parametrize(
    ("droplets", "most"), [(200, 4), (1000, 12), pytest.param(10_000, 105, marks=pytest.mark.slow)]
)
def test_requests_at_rest(database: Database, droplets: int, most: int) -> None:
    account = Account(database)
    for number in range(droplets):
        account.fleet.add_droplet(name=f"web-{number}", plan="weekly", backups=4)
    assert account.sync(is_full=False, deadline=timedelta(minutes=10)).exit_code == EXIT_COMPLETE
    report = account.sync(is_full=False, deadline=timedelta(minutes=10))
    assert (report.exit_code, report.counts["droplets_proven"]) == (EXIT_COMPLETE, droplets)
    assert report.requests <= most


def test_explicit_ids_are_learnt_from_listings_where_that_is_cheaper(account: Account) -> None:
    for number in range(7):
        account.fleet.add_droplet(name=f"db-{number}", backups=2)
    few, many = account.droplets[:2], account.droplets[:8]
    for ids, is_listed in ((few, False), (many, True)):
        account.selection = Selection(everything=False, droplet_ids=frozenset(ids))
        account.api.asked.clear()
        report = account.sync(is_full=False)
        assert (report.exit_code, report.droplets_selected) == (EXIT_COMPLETE, len(ids))
        assert ("/v2/droplets" in account.api.asked) is is_listed
        assert (f"/v2/droplets/{ids[0]}" in account.api.asked) is not is_listed
        assert {row["id"] for row in account.rows("droplets") if row["unselected_since"] is None} >= set(ids)


def test_explicit_id_that_the_listing_lacks_is_asked_for(account: Account) -> None:
    account.selection = Selection(everything=False, droplet_ids=frozenset([*account.droplets, 404]))
    account.api.asked.clear()
    report = account.sync(is_full=False)
    assert (report.exit_code, report.counts["droplets_complete"]) == (EXIT_PARTIAL, 3)
    assert "/v2/droplets/404" in account.api.asked


# What is found


def lose_oldest(fleet: Fleet, droplet_id: int) -> None:
    for backup in fleet.backups_of(droplet_id)[:1]:
        fleet.lose(backup.id)


CHANGES: tuple[Callable[[Fleet, int], Any], ...] = (
    lambda fleet, droplet: fleet.add_backup(droplet),
    lose_oldest,
    story.convert_one,
    lambda fleet, droplet: fleet.disable_backups(droplet),
    lambda fleet, droplet: fleet.enable_backups(droplet, "weekly"),
    lambda fleet, droplet: fleet.enable_backups(droplet, "intra_daily_4h"),
    lambda fleet, droplet: fleet.rename(droplet, "renamed"),
    lambda fleet, droplet: fleet.resize(droplet, "s-2vcpu-4gb"),
    lambda fleet, droplet: fleet.destroy(droplet),
)
Step: TypeAlias = tuple[float, Callable[[Fleet, int], Any] | None, int]

steps = st.lists(
    st.tuples(st.sampled_from([0.5, 5, 25, 24 * 8]), st.sampled_from([None, *CHANGES]), st.integers(0, 3)),
    min_size=1,
    max_size=12,
)


@contextmanager
def two_accounts(template: Path, seed: int, ids: Ids = "present") -> Iterator[tuple[Account, Account]]:
    """One fleet, synced into two databases."""
    fleet = Fleet(MONDAY, seed=seed)
    for number, plan in enumerate(("daily", "intra_daily_4h", "weekly", None)):
        fleet.add_droplet(name=f"web-{number}", plan=plan, backups=5 if plan else 0)
    with TemporaryDirectory() as directory:
        files = [shutil.copy(template, Path(directory, name)) for name in ("listing.db", "detection.db")]
        databases = [Database(f"sqlite:///{file}") for file in files]
        accounts = [Account(database, fleet) for database in databases]
        for account in accounts:
            account.api.variants = Variants(usage_based_ids=ids)
        yield accounts[0], accounts[1]
        for database in databases:
            database.close()


def live(fleet: Fleet, change: Callable[[Fleet, int], Any] | None, choice: int) -> None:
    droplets = list(fleet.droplets)
    if change and droplets:
        change(fleet, droplets[choice % len(droplets)])


quick = settings(max_examples=examples(0.08), suppress_health_check=list(HealthCheck))


@quick
@given(seed=st.integers(0, 9), steps=steps, ids=st.sampled_from(get_args(Ids)))
def test_detection_and_listing_tell_the_same_history(
    sqlite_template: Path, seed: int, steps: list[Step], ids: Ids
) -> None:
    with two_accounts(sqlite_template, seed, ids) as (listing, detection):
        for hours, change, choice in steps:
            live(listing.fleet, change, choice)
            one, other = listing.sync(is_full=True), detection.sync(is_full=False)
            assert one.status == other.status
            assert history(listing) == history(detection)
            listing.advance(hours=hours)


@quick
@given(seed=st.integers(0, 9), steps=steps, lags=st.lists(st.booleans(), min_size=12, max_size=12))
def test_ids_that_lag_are_made_good_by_the_next_listing(
    sqlite_template: Path, seed: int, steps: list[Step], lags: list[bool]
) -> None:
    """While the ids are those of an earlier moment, nothing wrong is stored; afterwards the same is known to exist."""
    with two_accounts(sqlite_template, seed) as (listing, detection):
        earlier: dict[int, list[int]] = {}
        for (hours, change, choice), is_lagging in zip(steps, lags, strict=False):
            live(listing.fleet, change, choice)
            if is_lagging:
                detection.api.faults["/v2/droplets"] = Fault(
                    shows=lambda entries, ids=dict(earlier): [  # type: ignore[misc]
                        {**each, "backup_ids": ids.get(each["id"], each["backup_ids"])} for each in entries
                    ]
                )
            detection.sync(is_full=False)
            detection.api.faults.clear()
            listing.sync(is_full=True)
            earlier = {
                number: [each.id for each in listing.fleet.backups_of(number)] for number in listing.fleet.droplets
            }
            listing.advance(hours=hours)
        for account in (listing, detection):
            for _ in range(3):
                account.sync(is_full=account is listing, accept_gone=True)
        for number in listing.fleet.droplets:
            assert detection.live(number) == listing.live(number) == {b.id for b in listing.fleet.backups_of(number)}
