"""An account in figures: the corner cases."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from inventory.report.overview import in_month
from inventory.store.engine import Database
from inventory.store.verdicts import Figures
from inventory.views.rows import AccountOverview
from tests.views.by_hand import ByHand, at


@pytest.fixture
def web(migrated_url: str) -> Iterator[ByHand]:
    with closing(Database(migrated_url)) as database:
        yield ByHand(database)


def run(web: ByHand, account_id: int, status: str) -> None:
    began = at("03-01 12:00")
    web.insert(
        "sync_runs",
        account_id=account_id,
        started_at=began,
        finished_at=began,
        heartbeat_at=began,
        host="here",
        pid=1,
        trigger="command",
        mode="listing",
        overdue_after_seconds=7200,
        status=status,
    )


def test_nothing_is_known_of_an_account_before_its_first_look(web: ByHand) -> None:
    run(web, 1, "failed")
    (row,) = web.ask(AccountOverview, "03-02 12:00")
    assert (row.account, row.account_group, row.droplets, row.droplets_protected) == ("default", None, 1, 0)
    assert (row.backups, row.size_gigabytes, row.this_month_usd, row.last_month_usd) == (None, None, None, None)
    assert (row.windows_due, row.windows_made, row.windows_made_percent) == (0, 0, None)
    assert (row.oldest_observed_at, row.last_complete_at) == (None, None)


def test_an_account_without_droplets_has_no_backups_and_one_never_synced_no_row(web: ByHand) -> None:
    web.insert("accounts", id=2, name="empty", account_group="acme")
    web.insert("accounts", id=3, name="never")
    run(web, 2, "complete")
    (row,) = web.ask(AccountOverview, "03-02 12:00")
    assert (row.account, row.account_group) == ("empty", "acme")
    assert (row.droplets, row.droplets_protected, row.backups, row.size_gigabytes) == (0, 0, 0, 0.0)
    assert row.last_complete_at == at("03-01 12:00")


@pytest.mark.parametrize(("now", "due", "made"), [("03-31 20:00", 30, 1), ("04-01 00:00", 29, 0)])
def test_windows_count_for_thirty_days(web: ByHand, now: str, due: int, made: int) -> None:
    """Those of 2 to 31 March, and of 3 to 31 March; the only backup was made on 2 March, the only look came late."""
    run(web, 1, "complete")
    web.policy("03-01 12:00")
    web.backup(1, "03-02 05:00", seen="03-31 18:00")
    web.looks("03-01 12:00", "03-31 22:00")
    (row,) = web.ask(AccountOverview, now)
    assert (row.windows_due, row.windows_made) == (due, made)


def test_a_droplet_with_none_of_its_backups_left_is_not_protected(web: ByHand) -> None:
    run(web, 1, "complete")
    web.policy("03-01 12:00")
    web.backup(1, "03-01 05:00", seen="03-01 12:00", gone="03-03 12:00", reason="unexplained")
    web.looks("03-01 12:00", "03-02 12:00", "03-03 12:00")
    assert [web.ask(AccountOverview, now)[0].droplets_protected for now in ("03-02 13:00", "03-03 13:00")] == [1, 0]


@pytest.mark.parametrize("now", ["03-31 23:00", "04-01 00:00", "04-30 23:00", "05-01 01:00"])
def test_costs_that_were_kept_are_those_of_the_view_in_a_later_month(web: ByHand, now: str) -> None:
    """Nobody looks from 30 March on."""
    run(web, 1, "complete")
    web.policy("03-01 12:00")
    web.backup(1, "02-27 05:00", seen="03-01 12:00")
    web.backup(2, "03-02 05:00", seen="03-02 12:00")
    web.looks("03-01 12:00", "03-02 12:00", "03-30 12:00", size_gigabytes=2.5)
    (then,), (later,) = (web.ask(AccountOverview, each) for each in ("03-30 13:00", now))
    assert (then.this_month_usd, then.last_month_usd) > (0.0, 0.0)
    kept = in_month(Figures(*then[2:11]), at("03-30 13:00"), at(now))
    assert (kept.this_month_usd, kept.last_month_usd) == (later.this_month_usd, later.last_month_usd)
