"""What check says fits a terminal, and its first line tells the worst and the rest."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from inventory.judging.findings import LONGEST_SUBJECT
from inventory.judging.rules import Severity
from inventory.judging.verdict import Finding, Verdict
from inventory.report import check_text, check_unanswered

NOW = datetime(2026, 11, 23, 6, 4, tzinfo=UTC)


def finding(severity: Severity, subject: str = "web-04") -> Finding:
    return Finding("account-not-active", severity, "default", 1, subject, None, "so many words " * 10, subject)


def verdict(*findings: Finding, counted: tuple[Finding, ...] = (), looked_at: datetime | None = NOW) -> Verdict:
    return Verdict(NOW, findings, counted, (), (), 12, looked_at)


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (verdict(), "BACKUPS OK - 12 Droplets; looked at 0 min ago"),
        (
            verdict(counted=(finding("counted"),) * 2),
            "BACKUPS OK - 12 Droplets; 2 account-not-active; looked at 0 min ago",
        ),
        (verdict(looked_at=None), "BACKUPS OK - 12 Droplets; never looked at completely"),
        (
            verdict(finding("warning"), looked_at=NOW - timedelta(minutes=4)),
            "BACKUPS WARNING - web-04 account-not-active; looked at 4 min ago",
        ),
        (
            verdict(finding("critical"), finding("critical"), finding("unknown"), *(finding("warning"),) * 2),
            "BACKUPS CRITICAL - web-04 account-not-active; and 1 critical, 1 unknown, 2 warnings; looked at 0 min ago",
        ),
        (
            verdict(finding("unknown"), finding("warning"), looked_at=NOW + timedelta(minutes=4)),
            "BACKUPS UNKNOWN - web-04 account-not-active; and 1 warning; looked at 0 min ago",
        ),
    ],
)
def test_the_first_line_tells_the_worst_and_counts_the_others(found: Verdict, line: str) -> None:
    assert check_text.headline(found) == line


def test_a_terminal_of_80_columns_folds_what_was_found_and_nothing_else() -> None:
    name = "w" * LONGEST_SUBJECT
    console = Console(file=io.StringIO(), width=80, markup=False, highlight=False, emoji=False)
    console.print(check_text.lines(verdict(finding("critical", name))))
    assert isinstance(console.file, io.StringIO)
    first, *others = console.file.getvalue().splitlines()
    assert first.split()[:3] == ["CRITICAL", name, "account-not-active"]
    assert others
    assert all(len(line) <= 80 for line in (first, *others))


def test_why_there_is_no_answer_is_one_line_without_a_secret() -> None:
    token = "dop_v1_" + "0" * 64
    assert check_unanswered.unanswered(f"x.toml:1: a | b\n\n  x.toml:2: {token}\x1b\n") == (
        r"BACKUPS UNKNOWN - x.toml:1: a \x7c b; x.toml:2: [token]\x1b"
    )
