"""The last verdict on each account and its figures, kept by what judges after a round, so that others need not.

It is no history: each verdict and its figures, which are of one moment, replace those before.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from inventory.judging.rules import OF_A_CHANNEL, Severity
from inventory.judging.verdict import Finding, Verdict
from inventory.store.bulk import among, upsert
from inventory.store.engine import Database
from inventory.store.schema import account_figures, accounts, current_findings
from inventory.views.rows import AccountOverview


class Figures(NamedTuple):
    """Of a row of the view account_overview, what takes long to add up."""

    droplets: int
    droplets_protected: int
    backups: int | None
    size_gigabytes: float | None
    this_month_usd: float | None
    last_month_usd: float | None
    windows_due: int
    windows_made: int
    windows_made_percent: float | None


@dataclass(frozen=True, slots=True)
class Kept:
    """The verdict that is kept on one account.

    Attributes:
        judged_at: UTC, its moment.
        findings: Those to see to, and those that are only counted.
        exempted: What an exemption covers.
        figures: Those of its moment; None if none were kept with it.
    """

    judged_at: datetime
    findings: tuple[Finding, ...]
    exempted: tuple[Finding, ...]
    figures: Figures | None = None


_Rows = frozenset[tuple[Any, ...]]


def keep(
    database: Database,
    verdict: Verdict,
    groups: Mapping[str, str | None],
    figures: Collection[AccountOverview] = (),
) -> None:
    """Keep the verdict on each account that it judged whole, its figures, and whose each is; a later one stays.

    An account that was never synced has no row, and no verdict is kept on it. The figures are of the verdict's moment;
    of an account without any, those kept before go.
    """
    columns = (accounts.c.id, accounts.c.name, accounts.c.account_group, accounts.c.judged_at)
    its = accounts.c.name.in_(sorted(verdict.accounts))
    with database.writing() as connection:
        # Two may keep at once, on PostgreSQL: the second waits here (R12), and nobody for the accounts of another.
        locked = sa.select(*columns).where(its).order_by(accounts.c.id).with_for_update(key_share=True)
        stored = connection.execute(locked).all()
        for row in stored:
            if row.name in groups and groups[row.name] != row.account_group:
                change = sa.update(accounts).where(accounts.c.id == row.id)
                connection.execute(change.values(account_group=groups[row.name]))
        judged = {row.name: row.id for row in stored if row.judged_at is None or row.judged_at <= verdict.now}
        _replace(connection, judged, verdict)
        _replace_figures(connection, judged, figures)
        each = among(connection, accounts.c.id, judged.values())
        connection.execute(sa.update(accounts).where(each).values(judged_at=verdict.now))


def _replace(connection: sa.Connection, judged: Mapping[str, int], verdict: Verdict) -> None:
    before, after = _stored(connection, judged), _found(judged, verdict)
    for account_id in sorted(judged.values()):
        if before[account_id] != after[account_id]:
            connection.execute(sa.delete(current_findings).where(current_findings.c.account_id == account_id))
            rows = sorted(after[account_id], key=lambda row: row[:3])
            names = current_findings.columns.keys()
            if rows:
                connection.execute(sa.insert(current_findings), [dict(zip(names, row, strict=True)) for row in rows])


def _replace_figures(
    connection: sa.Connection, judged: Mapping[str, int], figures: Collection[AccountOverview]
) -> None:
    its = among(connection, account_figures.c.account_id, judged.values())
    before = {row.account_id: row for row in connection.execute(sa.select(account_figures).where(its))}
    after = {judged[row.account]: _figures(row) for row in figures if row.account in judged}
    changed = [number for number, each in after.items() if number not in before or before[number][1:] != each]
    upsert(connection, account_figures, [{"account_id": number, **after[number]._asdict()} for number in changed])
    if gone := before.keys() - after.keys():
        connection.execute(sa.delete(account_figures).where(among(connection, account_figures.c.account_id, gone)))


def _figures(row: AccountOverview | sa.Row[Any]) -> Figures:
    return Figures(*(getattr(row, name) for name in Figures._fields))


def _stored(connection: sa.Connection, judged: Mapping[str, int]) -> Mapping[int, _Rows]:
    its = among(connection, current_findings.c.account_id, judged.values())
    return _by_account(tuple(row) for row in connection.execute(sa.select(current_findings).where(its)))


def _found(judged: Mapping[str, int], verdict: Verdict) -> Mapping[int, _Rows]:
    every = [(each, False) for each in (*verdict.findings, *verdict.counted)]
    every += [(each, True) for each, _ in verdict.exempted]
    return _by_account(
        (
            judged[each.account],
            each.droplet_id or 0,
            each.name,
            each.severity,
            is_exempt,
            each.droplet,
            each.subject,
            each.since.replace(microsecond=0) if each.since else None,
            each.what,
        )
        for each, is_exempt in every
        if each.account in judged and each.name != OF_A_CHANNEL
    )


def _by_account(rows: Iterator[tuple[Any, ...]]) -> Mapping[int, _Rows]:
    found: dict[int, set[tuple[Any, ...]]] = defaultdict(set)
    for row in rows:
        found[row[0]].add(row)
    return defaultdict(frozenset, {account_id: frozenset(each) for account_id, each in found.items()})


def read(connection: sa.Connection) -> dict[str, Kept]:
    """Read the verdicts that are kept, by the name of the account."""
    found: dict[int, list[tuple[Finding, bool]]] = defaultdict(list)
    stored = connection.execute(sa.select(accounts.c.id, accounts.c.name, accounts.c.judged_at)).all()
    names = {row.id: row.name for row in stored}
    for row in connection.execute(sa.select(current_findings).order_by(*current_findings.primary_key)):
        found[row.account_id].append((_finding(row, names[row.account_id]), row.is_exempt))
    figures = {row.account_id: _figures(row) for row in connection.execute(sa.select(account_figures))}
    return {
        row.name: _kept(row.judged_at, found[row.id], figures.get(row.id))
        for row in stored
        if row.judged_at is not None
    }


def count(connection: sa.Connection) -> dict[str, dict[tuple[str, Severity], int]]:
    """Count the findings that are kept on each account, by name and severity, exempt ones aside.

    An account on which no verdict is kept is left out; of one without findings there is nothing to count.
    """
    judged = sa.select(accounts.c.name).where(accounts.c.judged_at.is_not(None))
    found: dict[str, dict[tuple[str, Severity], int]] = {name: {} for name in connection.scalars(judged)}
    finding = current_findings.c
    numbers = (
        sa.select(accounts.c.name, finding.finding, finding.severity, sa.func.count().label("number"))
        .join_from(current_findings, accounts)
        .where(sa.not_(finding.is_exempt))
        .group_by(accounts.c.name, finding.finding, finding.severity)
    )
    for row in connection.execute(numbers):
        found[row.name][row.finding, row.severity] = row.number
    return found


def _kept(judged_at: datetime, found: Sequence[tuple[Finding, bool]], figures: Figures | None) -> Kept:
    return Kept(
        judged_at,
        tuple(each for each, is_exempt in found if not is_exempt),
        tuple(each for each, is_exempt in found if is_exempt),
        figures,
    )


def _finding(row: sa.Row[Any], account: str) -> Finding:
    return Finding(
        name=row.finding,
        severity=row.severity,
        account=account,
        droplet_id=row.droplet_id or None,
        droplet=row.droplet,
        since=row.began_at,
        what=row.what,
        subject=row.subject,
    )
