"""Many accounts on one screen: how many there are, and those that need attention. Pure."""

from collections.abc import Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from inventory.judging.overdue import is_overdue
from inventory.judging.verdict import Finding, Verdict
from inventory.report import check_text
from inventory.terminal import words
from inventory.terminal.display import shown, shown_to_monitoring
from inventory.terminal.table import TEXT, WORD, table
from inventory.views.rows import SyncHealth

FEW = 5
"""So many accounts are named one by one."""

_MOST_LINES = 10


def looks(health: Sequence[SyncHealth], now: datetime) -> str:
    """Say how many accounts had a complete sync in time, and how many Droplets had no look lately."""
    in_time = sum(not is_overdue(row.last_complete_at, row.overdue_after, now) for row in health)
    late = sum(row.droplets_overdue for row in health)
    droplets = f"{words.count(late, 'Droplet')} not looked at" if late else "all Droplets looked at"
    return f"{in_time:,} of {words.count(len(health), 'account')} had a complete sync in time; {droplets}."


def no_longer_configured(accounts: Sequence[str]) -> str:
    """Say that accounts were taken out of the configuration, and how to see what is left of them."""
    return (
        f"{len(accounts):,} accounts are no longer configured, and not counted here; their history stays: "
        f"{words.some([*map(shown, accounts)], FEW)}. To see one, name it with --account; to delete it: "
        "inventory db forget-account"
    )


def with_findings(verdict: Verdict) -> str:
    """Count the accounts that have findings."""
    return words.count(len(_by_account(verdict)), "account")


def lines(verdict: Verdict) -> Table:
    """Lay out the accounts that have findings, those with the worst first, and say how many more there are."""
    found = _by_account(verdict)
    cells = [
        (check_text.word(findings[0]), shown(account), findings[0].name, _others(findings))
        for account, findings in [*found.items()][:_MOST_LINES]
    ]
    if left := len(found) - len(cells):
        cells.append((Text("and"), f"{left:,} more", "", "inventory report account_overview lists them all"))
    return table((WORD, WORD, WORD, TEXT), cells)


def _by_account(verdict: Verdict) -> dict[str, list[Finding]]:
    """Group the findings, which come worst first."""
    found: dict[str, list[Finding]] = {}
    for finding in verdict.findings:
        found.setdefault(finding.account, []).append(finding)
    return found


def _others(findings: Sequence[Finding]) -> str:
    worst = findings[0]
    whose = "" if worst.droplet is None else f"{shown_to_monitoring(worst.droplet)}: "
    others = f"; and {words.count(len(findings) - 1, 'finding')}" if findings[1:] else ""
    return f"{whose}{shown_to_monitoring(worst.what)}{others}"
