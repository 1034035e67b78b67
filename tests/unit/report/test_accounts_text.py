"""The summary of many accounts: totals and those that need attention, not two thousand names."""

from dataclasses import replace
from datetime import timedelta

from inventory.judging.verdict import Finding, Verdict
from inventory.report import summary_text
from inventory.report.summary import Large, Summary
from inventory.terminal.console import plain
from tests.unit.report.test_pages import NOW, summary

NAMES = [f"client-{number:04}" for number in range(2_000)]


def of_accounts(names: list[str], *, late: int = 0) -> Summary:
    one = summary("web-01")
    (health,), (large,) = one.health, one.largest
    in_time = health._replace(last_complete_at=NOW - timedelta(hours=1), overdue_after_hours=2.0)
    overdue = in_time._replace(last_complete_at=NOW - timedelta(hours=30), droplets_overdue=1)
    return replace(
        one,
        droplets=len(names),
        health=[(overdue if each < late else in_time)._replace(account=name) for each, name in enumerate(names)],
        largest=[Large(large.growth._replace(account=names[0]), large.retention, large.sizes)],
    )


def verdict(names: list[str]) -> Verdict:
    found = [Finding("missed-backup", "critical", name, 1, "gpu-01", NOW, "none", "1") for name in names]
    found += [Finding("sync-overdue", "unknown", name, None, None, NOW, "no complete sync", name) for name in names[:3]]
    return Verdict(NOW, tuple(found), (), (), (), len(names), NOW, frozenset(NAMES))


def screen(summary: Summary, found: Verdict) -> list[str]:
    parts = summary_text.screen(summary, found, "inventory.db")
    return [line for line in "\n".join(plain(part, columns=80) for part in parts).splitlines() if line]


def test_it_begins_with_totals_and_names_what_needs_attention() -> None:
    told = screen(of_accounts(NAMES, late=12), verdict(NAMES[:12]))
    assert told[:3] == [
        "Backups of 2,000 accounts, 2,000 Droplets",
        "inventory.db, as of Wed 2026-11-25 06:04 UTC",
        "1,988 of 2,000 accounts had a complete sync in time; 12 Droplets not looked at.",
    ]
    assert "Needs attention: 12 accounts (15 findings)" in told
    begin = told.index("Needs attention: 12 accounts (15 findings)") + 1
    assert told[begin].split(maxsplit=3) == [
        "CRITICAL",
        "client-0000",
        "missed-backup",
        "gpu-01: none; and 1 finding",
    ]
    assert told[begin + 10].startswith("and ")
    assert "2 more" in told[begin + 10]
    assert max(map(len, told)) <= 80
    assert {name for name in NAMES if any(name in line for line in told)} == set(NAMES[:10])


def test_a_few_accounts_are_named_and_stand_beside_the_droplets() -> None:
    names = NAMES[:3]
    told = screen(of_accounts(names), replace(verdict(names[:1]), accounts=frozenset(names)))
    assert told[0] == 'Backups of accounts "client-0000", "client-0001", "client-0002", 3 Droplets'
    assert [line.split(maxsplit=3) for line in told if line.startswith("CRITICAL")] == [
        ["CRITICAL", "1", "missed-backup", "client-0000: gpu-01: none"]
    ]
    (head,) = [number for number, line in enumerate(told) if line.startswith("Largest")]
    assert told[head].split()[:2] == ["Largest", "account"]
    assert told[head + 1].split()[:2] == ["web-01", "client-0000"]


def test_of_one_account_nothing_says_its_name_twice() -> None:
    told = screen(of_accounts(NAMES[:1]), replace(verdict(NAMES[:1]), accounts=frozenset(NAMES[:1])))
    assert [line.split(maxsplit=3)[3] for line in told if line.startswith("CRITICAL")] == ["gpu-01: none"]
    assert sum(NAMES[0] in line for line in told) == 2, "the heading, and the overdue sync"


def test_many_accounts_that_were_taken_out_are_one_line() -> None:
    (line,) = summary_text.no_longer_configured(replace(of_accounts(NAMES), no_longer_configured=NAMES))
    assert line.startswith("2,000 accounts are no longer configured")
    assert "client-0004 and 1,995 more" in line
