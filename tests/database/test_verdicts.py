"""The last verdict on each account is kept, read back as it was, and replaced by a later one."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from inventory.judging.rules import OF_A_CHANNEL, Exemption
from inventory.judging.verdict import Finding, Verdict
from inventory.store import forget, verdicts
from inventory.store.engine import Database
from inventory.store.schema import account_figures, accounts, current_findings
from inventory.views.rows import AccountOverview
from tests.simulated import MONDAY

MINUTE = timedelta(minutes=1)
HELD = Finding("sync-held", "unknown", "acme", None, None, MONDAY, "since Monday", "acme")
MISSED = Finding("missed-backup", "warning", "acme", 2**40, "@web\n", MONDAY, "one window", str(2**40))
BARE = Finding("unprotected", "counted", "acme", 7, "bare", None, "never had a backup", "bare")
KNOWN = Finding("too-few-backups", "warning", "beta", 8, "db", None, "3 of 7", "db")
EXEMPTION = Exemption("too-few-backups", date(2027, 1, 1), "being moved", droplet="db")


@pytest.fixture
def database(database: Database) -> Database:
    with database.writing() as connection:
        connection.execute(sa.insert(accounts), [{"name": name} for name in ("acme", "beta", "other")])
    return database


def verdict(minutes: int, *findings: Finding) -> Verdict:
    return Verdict(MONDAY + minutes * MINUTE, findings, (), (), (), 1, None, frozenset({"acme", "beta", "never"}))


def kept(database: Database) -> dict[str, verdicts.Kept]:
    with database.reading() as connection:
        return verdicts.read(connection)


def test_a_verdict_is_read_as_it_was_kept(database: Database) -> None:
    found = replace(verdict(0, HELD, MISSED), counted=(BARE,), exempted=((KNOWN, EXEMPTION),))
    verdicts.keep(database, found, {"acme": "client", "beta": None})
    assert kept(database) == {
        "acme": verdicts.Kept(MONDAY, (HELD, BARE, MISSED), ()),
        "beta": verdicts.Kept(MONDAY, (), (KNOWN,)),
    }
    with database.reading() as connection:
        groups = connection.execute(sa.select(accounts.c.name, accounts.c.account_group)).all()
    assert sorted(map(tuple, groups)) == [("acme", "client"), ("beta", None), ("other", None)]


def test_what_a_channel_did_not_take_is_not_kept_as_that_of_an_account_of_the_same_name(database: Database) -> None:
    verdicts.keep(database, verdict(0, HELD, replace(HELD, name=OF_A_CHANNEL, severity="warning")), {})
    assert kept(database)["acme"].findings == (HELD,)


def test_findings_are_counted_by_account_name_and_severity(database: Database) -> None:
    others = [replace(MISSED, droplet_id=number) for number in (1, 2)]
    verdicts.keep(database, replace(verdict(0, HELD, MISSED, *others), exempted=((KNOWN, EXEMPTION),)), {})
    with database.reading() as connection:
        assert verdicts.count(connection) == {
            "acme": {("sync-held", "unknown"): 1, ("missed-backup", "warning"): 3},
            "beta": {},
        }


def test_a_later_verdict_takes_the_place_of_an_earlier_one_only(database: Database) -> None:
    verdicts.keep(database, verdict(0, HELD, MISSED), {})
    verdicts.keep(database, verdict(2, replace(MISSED, severity="critical")), {})
    verdicts.keep(database, verdict(1, HELD), {})
    found = kept(database)
    assert {name: each.judged_at for name, each in found.items()} == dict.fromkeys(
        ("acme", "beta"), MONDAY + 2 * MINUTE
    )
    assert found["acme"].findings == (replace(MISSED, severity="critical"),)


def test_a_verdict_on_some_accounts_leaves_the_others(database: Database) -> None:
    verdicts.keep(database, verdict(0, HELD, KNOWN), {})
    verdicts.keep(database, replace(verdict(1), accounts=frozenset({"acme"})), {})
    assert kept(database) == {
        "acme": verdicts.Kept(MONDAY + MINUTE, (), ()),
        "beta": verdicts.Kept(MONDAY, (KNOWN,), ()),
    }


def test_figures_are_kept_with_the_verdict_and_go_with_it(database: Database) -> None:
    def figures() -> dict[str, verdicts.Figures | None]:
        return {name: its.figures for name, its in kept(database).items()}

    verdicts.keep(database, verdict(0), {}, [figures_of("acme", 1), figures_of("beta", 2)])
    assert figures() == {"acme": kept_of(1), "beta": kept_of(2)}
    verdicts.keep(database, replace(verdict(2), accounts=frozenset({"beta"})), {}, [figures_of("beta", 3)])
    verdicts.keep(database, verdict(1), {}, [figures_of("acme", 4), figures_of("beta", 5)])
    assert figures() == {"acme": kept_of(4), "beta": kept_of(3)}, "a later one that was kept stays"
    verdicts.keep(database, verdict(3), {}, [figures_of("beta", 3)])
    assert figures() == {"acme": None, "beta": kept_of(3)}, "none are older than the verdict beside them"


def figures_of(account: str, backups: int) -> AccountOverview:
    return AccountOverview(account, None, *kept_of(backups), MONDAY, MONDAY)


def kept_of(backups: int) -> verdicts.Figures:
    return verdicts.Figures(2, 1, backups, 0.1 * backups, None, 12.3456, 9, 7, 77.7778)


def test_who_keeps_one_on_an_account_does_not_wait_for_the_row_of_another(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one lock for all")
    with database.writing() as connection:
        connection.execute(sa.update(accounts).where(accounts.c.name == "other").values(status="active"))
        verdicts.keep(database, verdict(0, HELD), {"acme": "client", "other": "client"})
    assert kept(database)["acme"].findings == (HELD,)


def test_it_is_forgotten_with_its_account(database: Database) -> None:
    verdicts.keep(database, verdict(0, HELD, KNOWN), {}, [figures_of("acme", 1), figures_of("beta", 2)])
    found = forget.find(database, "beta")
    assert found is not None
    assert (found.rows["current_findings"], found.rows["account_figures"]) == (1, 1)
    forget.forget(database, found.account, MONDAY)
    with database.reading() as connection:
        assert connection.scalars(sa.select(current_findings.c.finding)).all() == ["sync-held"]
        assert connection.scalars(sa.select(account_figures.c.backups)).all() == [1]
