"""What is found in an account to which everything happens once, against a table computed by hand.

Every window opens at 00:00 UTC and is awaited until 16:00; a sync looks at 18:00. What happens, happens at 18:30: the
next day's look is the first to see it. Clocks change on 8 and 29 March; UTC does not.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from inventory.judging.evidence import inspect
from inventory.judging.rules import KINDS, Rules
from inventory.judging.verdict import Verdict
from inventory.simulator.fleet import Fleet
from inventory.store.engine import Database
from tests.simulated import TOKEN, Account

pytestmark = pytest.mark.slow  # 26 scripted days

TABLE = Path(__file__).with_name("scripted.csv")
STARTS_AT = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
NOBODY_LOOKS_ON = date(2026, 3, 23)
LAST_DAY = date(2026, 3, 27)

# Name, plan, backups at first.
DROPLETS = (
    ("steady-01", "daily", 7),
    ("hourly-01", "hourly", 7),
    ("miss-01", "daily", 7),
    ("miss-02", "daily", 7),
    ("weekly-01", "weekly", 4),
    ("lost-01", "daily", 7),
    ("back-01", "daily", 7),
    ("conv-01", "daily", 7),
    ("off-01", "daily", 7),
    ("never-01", None, 0),
    ("late-01", None, 0),
    ("gone-01", "daily", 7),
    ("grow-01", "weekly", 4),
    ("plan-01", "daily", 7),
    ("named-01", "daily", 7),
)


class Row(NamedTuple):
    droplet: str
    finding: str
    severity: str
    since: str


def scripted(account: Account) -> Iterator[datetime]:
    """Let everything happen; give the moment of each day's look, also of the day on which nobody looks."""
    fleet = account.fleet
    ids = {
        name: fleet.add_droplet(name=name, plan=plan, backups=backups, hour=0 if plan else None, weekday="WED")
        for name, plan, backups in DROPLETS
    }
    lost: list[int] = []

    def newest(name: str) -> int:
        return fleet.backups_of(ids[name])[-1].id

    def lose(name: str) -> None:
        lost.append(newest(name))
        fleet.lose(lost[-1])

    happens: dict[int, Sequence[Callable[[], object]]] = {
        5: [partial(fleet.miss_next, ids["miss-01"])],
        6: [partial(fleet.miss_next, ids["miss-02"])],
        7: [partial(fleet.miss_next, ids["miss-02"])],
        10: [partial(lose, "lost-01"), partial(lose, "back-01"), partial(fleet.miss_next, ids["weekly-01"])],
        11: [
            lambda: fleet.return_backup(lost[-1]),
            partial(fleet.change_policy, ids["plan-01"], plan="weekly", weekday="SUN", hour=0),
        ],
        12: [lambda: fleet.convert(newest("conv-01"))],
        13: [
            partial(fleet.rename, ids["named-01"], "named-02"),
            partial(fleet.resize, ids["named-01"], "s-4vcpu-8gb"),
            partial(fleet.tag, ids["named-01"], "canary"),
        ],
        14: [partial(fleet.disable_backups, ids["off-01"]), partial(fleet.untag, ids["named-01"], "canary")],
        16: [
            partial(fleet.enable_backups, ids["late-01"], "weekly", weekday="SUN", hour=0),
            lambda: fleet.add_droplet(name="new-01", plan="weekly", weekday="SUN", hour=0),
        ],
        18: [partial(fleet.destroy, ids["gone-01"]), lambda: fleet.edit_backup(newest("grow-01"), size_gigabytes=9.9)],
    }
    while fleet.now.date() <= LAST_DAY:
        if fleet.now.date() != NOBODY_LOOKS_ON:
            account.sync()
        yield fleet.now
        account.advance(minutes=30)
        for happen in happens.get(fleet.now.day, ()):
            happen()
        account.advance(hours=23, minutes=30)


def expected_on(day: date) -> list[Row]:
    with TABLE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return sorted(
        Row(row["droplet"], row["finding"], row["severity"], row["since"])
        for row in rows
        if date.fromisoformat(row["first"]) <= day <= date.fromisoformat(row["last"])
    )


def verdict_at(account: Account, now: datetime) -> Verdict:
    with account.database.reading() as connection:
        return inspect(connection, now, Rules(), [])


def everything(verdict: Verdict) -> list[Row]:
    return sorted(
        Row(each.subject, each.name, each.severity, each.since.date().isoformat() if each.since else "")
        for each in (*verdict.findings, *verdict.counted)
    )


@pytest.fixture
def account(database: Database) -> Account:
    return Account(database, Fleet(STARTS_AT))


def test_every_day_all_findings_are_those_of_the_table(account: Account) -> None:
    looked = []
    for now in scripted(account):
        assert everything(verdict_at(account, now)) == expected_on(now.date()), now
        looked.append(now)
    # Asked later, each day is told as it was told on that day.
    for now in looked[::3]:
        assert everything(verdict_at(account, now)) == expected_on(now.date()), now


def test_where_nobody_looked_nothing_is_claimed_but_that(account: Account) -> None:
    for now in scripted(account):
        if now.date() == NOBODY_LOOKS_ON:
            break
    assert everything(verdict_at(account, now + timedelta(hours=2))) == expected_on(now.date())
    late = verdict_at(account, now + timedelta(hours=3))
    (overdue,) = [each for each in late.findings if each.account and each.droplet_id is None]
    assert (overdue.name, overdue.severity) == ("sync-overdue", "unknown")
    assert overdue.what.startswith("no complete sync since Sun 22 Mar 18:00Z; 15 of 15 Droplets not looked at")
    assert not {each.name for each in late.findings} & {"missed-backup"}


def test_what_is_wrong_with_the_account_is_found_as_long_as_it_is(account: Account) -> None:
    for name in ("web-01", "web-02"):
        account.fleet.add_droplet(name=name, plan="daily", backups=7, hour=0)

    def found() -> list[str]:
        return [each.name for each in verdict_at(account, account.fleet.now).findings]

    def next_day() -> list[str]:
        account.advance(days=1)
        account.sync()
        return found()

    assert found() == ["sync-overdue"]
    account.sync()
    assert found() == []
    account.lose_all(*account.droplets)
    assert next_day() == ["sync-held"]
    scopes = account.api.tokens.pop(TOKEN)
    assert next_day() == ["token-rejected", "sync-held", "sync-overdue"]
    account.api.tokens[TOKEN] = scopes
    account.api.status = "locked"
    assert next_day() == ["account-not-active", "unexplained-loss", "unexplained-loss"]
    account.api.status = "active"
    assert next_day() == ["unexplained-loss", "unexplained-loss"]


def test_the_tables_findings_and_those_of_accounts_are_all_there_are() -> None:
    with TABLE.open(newline="", encoding="utf-8") as file:
        in_table = {row["finding"] for row in csv.DictReader(file)}
    assert in_table == {name for name, kind in KINDS.items() if not kind.is_of_account}
