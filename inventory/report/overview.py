"""The report account_overview: the figures of each account, and how badly it needs attention, the worst first.

Figures are the view's. What is wrong with Droplets is the verdict that was kept after the last round, and is judged
again of the past, and where no recent verdict was kept; what is wrong with the account itself is judged now.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

import sqlalchemy as sa

from inventory.judging.evidence import inspect
from inventory.judging.findings import judge_accounts
from inventory.judging.rules import KINDS, SEVERITIES, Exemption, Rules
from inventory.judging.verdict import Finding
from inventory.store import verdicts
from inventory.views.catalog import View
from inventory.views.queries import Question, ask
from inventory.views.rows import AccountOverview, SyncHealth

OVERVIEW = "account_overview"

_MEANINGS = MappingProxyType(
    {
        "severity": "of the worst finding: critical, unknown or warning; ok without one; NULL if the account is no "
        "longer configured and nobody asked for it by name",
        "worst_finding": "its name, as inventory check has it; NULL without one",
        "findings_critical": "how many there are, exempt ones aside",
        "findings_unknown": "how many there are",
        "findings_warning": "how many there are",
    }
)


class AccountLine(NamedTuple):
    """A row of the view, and what is wrong; of an account that was never synced, figures are 0 or None."""

    account: str
    account_group: str | None
    droplets: int
    droplets_protected: int
    backups: int | None
    size_gigabytes: float | None
    this_month_usd: float | None
    last_month_usd: float | None
    windows_due: int
    windows_made: int
    windows_made_percent: float | None
    oldest_observed_at: datetime | None
    last_complete_at: datetime | None
    severity: str | None
    worst_finding: str | None
    findings_critical: int
    findings_unknown: int
    findings_warning: int


def with_findings(view: View) -> View:
    """Describe the report that is made of the view account_overview."""
    return replace(view, columns=MappingProxyType({**view.columns, **_MEANINGS}))


@dataclass(frozen=True, slots=True)
class Judging:
    """What the settings say of judging.

    Attributes:
        accounts: The names of those that are configured; None where none is, and all are judged.
        groups: The group of each configured account; None where nobody said.
    """

    rules: Rules
    exemptions: Sequence[Exemption]
    accounts: Collection[str] | None
    groups: Mapping[str, str | None] = field(default_factory=dict)


def read_lines(
    connection: sa.Connection, question: Question, judging: Judging, *, today: datetime
) -> Sequence[AccountLine]:
    """Read a line for each account of the question, of those stored and those configured, the worst first.

    At a moment before `today` the accounts are judged again.
    """
    rows = {row.account: row for row in ask(connection, AccountOverview, replace(question, limit=None))}
    wanted = judging.accounts if question.accounts is None else question.accounts
    judged = rows.keys() if wanted is None else wanted
    found = _findings(connection, question.now, judging, judged, today)
    names = {*rows, *judged}
    every = [_line(rows.get(name) or _never_synced(name, judging.groups.get(name)), found.get(name)) for name in names]
    in_order = sorted(every, key=lambda line: (_place(line.severity), line.account))
    return in_order[: question.limit]


def _findings(
    connection: sa.Connection, now: datetime, judging: Judging, accounts: Collection[str], today: datetime
) -> Mapping[str, Sequence[Finding]]:
    """Give the findings of each of these accounts, exempt ones aside."""
    health = ask(connection, SyncHealth, Question(now, accounts=accounts))
    whole = judge_accounts(health, accounts, judging.rules, judging.exemptions, now)
    kept = _recently_kept(connection, health) if now >= today else {}
    of_droplets = [each for name in accounts if name in kept for each in kept[name] if each.severity != "counted"]
    if others := sorted(set(accounts) - kept.keys()):
        of_droplets += inspect(connection, now, judging.rules, judging.exemptions, accounts=others).findings
    found: dict[str, list[Finding]] = {name: [] for name in accounts}
    for each in (*whole.findings, *filter(lambda each: each.droplet_id is not None, of_droplets)):
        found[each.account].append(each)
    return found


def _recently_kept(connection: sa.Connection, health: Sequence[SyncHealth]) -> Mapping[str, Sequence[Finding]]:
    """Give the findings of each account whose verdict is of the last round or the one before; one may be under way."""
    kept = verdicts.read(connection)
    return {
        row.account: its.findings
        for row in health
        if (its := kept.get(row.account)) and row.last_run_at - its.judged_at <= row.overdue_after
    }


def _line(row: AccountOverview, findings: Sequence[Finding] | None) -> AccountLine:
    if findings is None:
        return AccountLine(*row, None, None, 0, 0, 0)
    number = Counter(each.severity for each in findings)
    worst = min(findings, key=_badness, default=None)
    return AccountLine(
        *row,
        worst.severity if worst else "ok",
        worst.name if worst else None,
        number["critical"],
        number["unknown"],
        number["warning"],
    )


def _badness(finding: Finding) -> tuple[int, int]:
    return _place(finding.severity), [*KINDS].index(finding.name)


def _place(severity: str | None) -> int:
    """Give the place in the order: the worst first, then what is ok, then what is not judged."""
    order: list[str | None] = [*SEVERITIES, "ok", None]
    return order.index(severity)


def _never_synced(name: str, group: str | None) -> AccountOverview:
    return AccountOverview(name, group, 0, 0, None, None, None, None, 0, 0, None, None, None)
