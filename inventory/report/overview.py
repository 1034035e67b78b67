"""The report account_overview: the figures of each account, and how badly it needs attention, the worst first.

Figures, and what is wrong with Droplets, are those that were kept after the last round. Of the past, and where nothing
recent was kept, the account is judged again and the figures are the view's. What is wrong with the account itself is
judged now, and when it was looked at is read now.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

import sqlalchemy as sa

from inventory.judging.evidence import in_parts, inspect
from inventory.judging.findings import judge_accounts
from inventory.judging.rules import KINDS, SEVERITIES, Exemption, Rules
from inventory.judging.verdict import Finding
from inventory.store import verdicts
from inventory.store.schema import accounts
from inventory.store.verdicts import Figures, Kept
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
        "figures_at": "UTC, the moment that the figures are of, when the last round was judged, unless they had to be "
        "added up; NULL of an account that was never synced",
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
    figures_at: datetime | None


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

    At a moment before `today` the accounts are judged again, and their figures added up.
    """
    now = question.now
    health = ask(connection, SyncHealth, Question(now, accounts=question.accounts))
    kept = _recently_kept(connection, health) if now >= today else {}
    lines = _figures(connection, question, health, kept)
    wanted = judging.accounts if question.accounts is None else question.accounts
    judged = frozenset(lines if wanted is None else wanted)
    found = _of_accounts(health, judged, judging, now)
    for each in _of_droplets(connection, judged, judging, now, kept):
        found[each.account].append(each)
    for name in judged:
        lines.setdefault(name, _never_synced(name, judging.groups.get(name)))
    every = [_judged(line, found.get(name)) for name, line in lines.items()]
    in_order = sorted(every, key=lambda line: (_place(line.severity), line.account))
    return in_order[: question.limit]


def _figures(
    connection: sa.Connection, question: Question, health: Sequence[SyncHealth], kept: Mapping[str, Kept]
) -> dict[str, AccountLine]:
    """Give each account's figures: those that were kept, or else the view's."""
    lines = {}
    stored = connection.execute(sa.select(accounts.c.name, accounts.c.account_group))
    group_of = {row.name: row.account_group for row in stored}
    for row in health:
        its = kept.get(row.account)
        if its and its.figures:
            figures = in_month(its.figures, its.judged_at, question.now)
            looks = (row.oldest_observed_at, row.last_complete_at)
            known = AccountOverview(row.account, group_of[row.account], *figures, *looks)
            lines[row.account] = _line(known, its.judged_at)
    if others := sorted({row.account for row in health} - lines.keys()):
        for part in in_parts(connection, others):
            for each in ask(connection, AccountOverview, Question(question.now, accounts=part)):
                lines[each.account] = _line(each, question.now)
    return lines


def in_month(figures: Figures, of: datetime, now: datetime) -> Figures:
    """Give figures that were kept in one UTC month as they are in that of `now`, if no look came since."""
    months = 12 * (now.year - of.year) + now.month - of.month
    if months == 0:
        return figures
    return figures._replace(this_month_usd=None, last_month_usd=figures.this_month_usd if months == 1 else None)


def _of_accounts(
    health: Sequence[SyncHealth], judged: frozenset[str], judging: Judging, now: datetime
) -> dict[str, list[Finding]]:
    """Give what is wrong with each of these accounts as a whole, exempt findings aside."""
    its = [row for row in health if row.account in judged]
    whole = judge_accounts(its, judged, judging.rules, judging.exemptions, now)
    found: dict[str, list[Finding]] = {name: [] for name in judged}
    for each in whole.findings:
        found[each.account].append(each)
    return found


def _of_droplets(
    connection: sa.Connection, judged: frozenset[str], judging: Judging, now: datetime, kept: Mapping[str, Kept]
) -> Iterator[Finding]:
    """Give what is wrong with their Droplets, as it was kept or else judged now, exempt findings aside."""
    found = [each for name in judged & kept.keys() for each in kept[name].findings if each.severity != "counted"]
    if others := sorted(judged - kept.keys()):
        found += inspect(connection, now, judging.rules, judging.exemptions, accounts=others).findings
    return (each for each in found if each.droplet_id is not None)


def _recently_kept(connection: sa.Connection, health: Sequence[SyncHealth]) -> Mapping[str, Kept]:
    """Give what was kept on each account after the last round or the one before; one may be under way."""
    kept = verdicts.read(connection)
    return {
        row.account: its
        for row in health
        if (its := kept.get(row.account)) and row.last_run_at - its.judged_at <= row.overdue_after
    }


def _line(row: AccountOverview, at: datetime | None) -> AccountLine:
    return AccountLine(*row, None, None, 0, 0, 0, at)


def _judged(line: AccountLine, findings: Sequence[Finding] | None) -> AccountLine:
    if findings is None:
        return line
    number = Counter(each.severity for each in findings)
    worst = min(findings, key=_badness, default=None)
    return line._replace(
        severity=worst.severity if worst else "ok",
        worst_finding=worst.name if worst else None,
        findings_critical=number["critical"],
        findings_unknown=number["unknown"],
        findings_warning=number["warning"],
    )


def _badness(finding: Finding) -> tuple[int, int]:
    return _place(finding.severity), [*KINDS].index(finding.name)


def _place(severity: str | None) -> int:
    """Give the place in the order: the worst first, then what is ok, then what is not judged."""
    order: list[str | None] = [*SEVERITIES, "ok", None]
    return order.index(severity)


def _never_synced(name: str, group: str | None) -> AccountLine:
    return _line(AccountOverview(name, group, 0, 0, None, None, None, None, 0, 0, None, None, None), None)
