"""What is wrong, how badly, and since when. Only this module judges; all others show what it finds. Pure.

Evidence          rows of the views, of one moment
| judge           one rule for each name of `inventory.judging.rules.KINDS`
| severities      as the configuration sets them
| exemptions      set aside what a person knows of
= Verdict         findings, worst first
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from inventory.judging.overdue import is_overdue
from inventory.judging.rules import KINDS, SEVERITIES, Exemption, Rules, Severity
from inventory.judging.verdict import Finding, Judged, Left, Verdict, worst_first
from inventory.views.rows import (
    BackupLifetime,
    DropletRetention,
    DropletTag,
    KnownDroplet,
    MissedBackup,
    SizeAnomaly,
    SyncHealth,
    UnprotectedDroplet,
)
from inventory.vocabulary import GoneReason, RunStatus

STAYS_FOR = timedelta(days=7)
"""For how long a loss, or a newest backup of odd size, is a finding."""

LONGEST_SUBJECT = 28
"""A longer name does not fit a line, which then shows the Droplet's id."""

_PLAIN_NAME = re.compile(r"(?!\d+$)[A-Za-z0-9][A-Za-z0-9._-]*")
_YEAR_IS_CLEAR_FOR = timedelta(days=300)


class Undelivered(NamedTuple):
    """What a channel did not take before it was given up: how many messages, and since when."""

    messages: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """Rows of the views, all of the same moment.

    Attributes:
        accounts: Names of the accounts that should be synced; None: those that ever were.
        droplet_ids: The Droplets to judge, all of them current.
        droplets: The current Droplets of these accounts, or all.
        missed: Windows without a backup, whatever their verdict; all of the last 90 days that opened after the newest
            backup that their Droplet has.
        backups: Of Droplets that miss a backup or lost one for no known reason, those made lately, ended ones too: all
            whose loss in the last 7 days would be early, and all made since a missed window.
        shared_names: Names that several current Droplets have, of whichever account.
        channels: The channels that are judged, each with what it did not take; None where there is nothing.
    """

    accounts: Collection[str] | None
    droplet_ids: frozenset[int]
    droplets: Sequence[KnownDroplet]
    tags: Sequence[DropletTag]
    health: Sequence[SyncHealth]
    retention: Sequence[DropletRetention]
    missed: Sequence[MissedBackup]
    backups: Sequence[BackupLifetime]
    unprotected: Sequence[UnprotectedDroplet]
    anomalies: Sequence[SizeAnomaly]
    shared_names: frozenset[str] = frozenset()
    channels: Mapping[str, Undelivered | None] = field(default_factory=dict)


def judge(evidence: Evidence, rules: Rules, exemptions: Sequence[Exemption], now: datetime) -> Verdict:
    """Judge what the views show at `now`."""
    found = _Findings(evidence, rules, now).all()
    listed = [each for each in found if each.severity != "counted"]
    valid = [each for each in exemptions if now.date() <= each.until]
    tags = _tags(evidence.tags)
    findings, exempted = _set_aside(listed, valid, tags)
    wrong = {each.droplet_id for each in findings}
    return Verdict(
        now=now,
        findings=findings,
        counted=tuple(each for each in found if each.severity == "counted"),
        exempted=exempted,
        expired=tuple(each for each in exemptions if now.date() > each.until),
        droplets=len(evidence.droplet_ids),
        looked_at=_looked_at(evidence.health),
        accounts=_judged_accounts(evidence),
        channels=frozenset(evidence.channels),
        judged=_judged(evidence),
        lost=_ids(_lost(evidence.backups, since=now - STAYS_FOR)),
        tags={droplet_id: each for droplet_id, each in tags.items() if droplet_id in wrong},
        left=_left(evidence.retention, wrong),
    )


def judge_accounts(
    health: Sequence[SyncHealth],
    accounts: Collection[str] | None,
    rules: Rules,
    exemptions: Sequence[Exemption],
    now: datetime,
) -> Verdict:
    """Judge what concerns accounts as a whole, and none of their Droplets; `accounts` as in `Evidence`."""
    none: tuple[()] = ()
    evidence = Evidence(accounts, frozenset(), none, none, health, none, none, none, none, none)
    return judge(evidence, rules, exemptions, now)


def current_misses(missed: Iterable[MissedBackup], newest_at: Mapping[int, datetime]) -> dict[int, list[MissedBackup]]:
    """Group by Droplet the windows that a look showed to have no backup, oldest first.

    `newest_at` is when each Droplet's newest known backup was made; windows that opened before that count no longer.
    """
    found: dict[int, list[MissedBackup]] = defaultdict(list)
    for window in sorted(missed, key=lambda each: each.window_starts_at):
        newest = newest_at.get(window.droplet_id)
        if window.verdict == "missed" and (newest is None or window.window_starts_at > newest):
            found[window.droplet_id].append(window)
    return dict(found)


def newest_backups(
    retention: Iterable[DropletRetention], backups: Iterable[BackupLifetime], now: datetime
) -> dict[int, datetime]:
    """Map each Droplet to when its newest known backup was made, also if that is gone; Droplets without any are absent.

    A backup that claims to be made after `now` does not count: some clock is wrong.
    """
    made = [(each.droplet_id, each.created_at) for each in backups]
    made += [(each.droplet_id, each.newest_backup_at) for each in retention if each.newest_backup_at is not None]
    return dict(sorted(each for each in made if each[1] <= now))


class _Findings:
    """The rules, a method each; every finding has the severity of its kind until `all` applies the configured ones."""

    def __init__(self, evidence: Evidence, rules: Rules, now: datetime) -> None:
        self._evidence = evidence
        self._rules = rules
        self._now = now
        self._tags = _tags(evidence.tags)
        self._subjects = _subjects(evidence.droplets, evidence.shared_names)
        self._retention = {each.droplet_id: each for each in evidence.retention}
        self._newest_at = newest_backups(evidence.retention, evidence.backups, now)
        self._missed = current_misses(evidence.missed, self._newest_at)
        self._lost = _lost(evidence.backups, since=now - STAYS_FOR)

    def all(self) -> list[Finding]:
        """Apply every rule and the configured severities; worst first."""
        found = [
            *self._of_accounts(),
            *self._of_channels(),
            *self._missed_backups(),
            *self._too_few_backups(),
            *self._unprotected(),
            *self._losses(),
            *self._anomalies(),
        ]
        return sorted(map(self._weighed, found), key=worst_first)

    def _weighed(self, finding: Finding) -> Finding:
        severity = _severity(self._rules, finding, self._tags.get(finding.droplet_id or 0, set()))
        return replace(finding, severity=severity or finding.severity)

    def _of_droplet(
        self,
        name: str,
        row: BackupLifetime | DropletRetention | MissedBackup | UnprotectedDroplet | SizeAnomaly,
        since: datetime | None,
        what: str,
    ) -> Iterator[Finding]:
        """Give the finding if its Droplet is one of those to judge."""
        if row.droplet_id in self._evidence.droplet_ids:
            subject = self._subjects[row.droplet_id]
            yield Finding(name, KINDS[name].severity, row.account, row.droplet_id, row.droplet, since, what, subject)

    def _of_account(self, name: str, account: str, since: datetime | None, what: str) -> Finding:
        return Finding(name, KINDS[name].severity, account, None, None, since, what, account)

    def _of_accounts(self) -> Iterator[Finding]:
        for row in self._evidence.health:
            if row.account_status not in (None, "active"):
                what = f'DigitalOcean says that it is "{row.account_status}"'
                yield self._of_account("account-not-active", row.account, None, what)
            if row.token_rejected_since is not None:
                what = f"{self._from(row.token_rejected_since)}; replace the token, then: inventory sync"
                yield self._of_account("token-rejected", row.account, row.token_rejected_since, what)
            if row.held_since is not None:
                what = f"{self._from(row.held_since)}; another sync, or --accept-gone, confirms it"
                yield self._of_account("sync-held", row.account, row.held_since, what)
            after = self._rules.sync_overdue_after or row.overdue_after
            if is_overdue(row.last_complete_at, after, self._now):
                what = self._overdue(row)
                yield self._of_account("sync-overdue", row.account, row.last_complete_at, what)
        yield from self._without_a_sync()

    def _without_a_sync(self) -> Iterator[Finding]:
        synced = {row.account for row in self._evidence.health}
        # Whose Droplets are known was synced; which runs there were is gone where `prune` deleted them.
        were_synced = {each.account for each in self._evidence.droplets}
        for account in sorted({*(self._evidence.accounts or ()), *were_synced} - synced):
            what = "its syncs until then are no longer known" if account in were_synced else "it was never synced"
            yield self._of_account("sync-overdue", account, None, what)
        if not synced and not were_synced and self._evidence.accounts is None:
            yield self._of_account("sync-overdue", "default", None, "nothing was ever synced")

    def _of_channels(self) -> Iterator[Finding]:
        for channel, undelivered in self._evidence.channels.items():
            if undelivered:
                messages = "1 message" if undelivered.messages == 1 else f"{undelivered.messages} messages"
                what = f"{messages} {self._from(undelivered.since)}; mend it, then: inventory notify --test {channel}"
                yield self._of_account("notice-undelivered", channel, undelivered.since, what)

    def _overdue(self, row: SyncHealth) -> str:
        since = (
            f"no complete sync {self._from(row.last_complete_at)}" if row.last_complete_at else "no complete sync yet"
        )
        behind = f"{row.droplets_overdue} of {row.droplets} Droplets not looked at"
        told = [since, *([behind] if row.droplets_overdue else [])]
        if row.last_run_status != RunStatus.COMPLETE:
            told.append(
                f"the last run: {row.last_run_status}" + (f": {row.last_run_error}" if row.last_run_error else "")
            )
        return "; ".join(told)

    def _missed_backups(self) -> Iterator[Finding]:
        for windows in self._missed.values():
            first, last = windows[0], windows[-1]
            newest_at = self._newest_at.get(last.droplet_id)
            which = self._window(last) if len(windows) == 1 else f"{len(windows)} windows to {self._window(last)}"
            what = f"{which}; {f'newest of {self._day(newest_at)}' if newest_at else 'none exists'}"
            for finding in self._of_droplet("missed-backup", last, first.window_ends_at, what):
                yield finding if len(windows) == 1 else replace(finding, severity="critical")

    def _too_few_backups(self) -> Iterator[Finding]:
        never_had = {each.droplet_id for each in self._evidence.unprotected if not each.is_formerly_protected}
        for row in self._evidence.retention:
            if row.verdict != "too few":
                continue
            expected = f" of the {row.expected_backups} that should exist" if row.expected_backups else ""
            if row.backups == 0 and row.droplet_id not in never_had:
                for finding in self._of_droplet("too-few-backups", row, None, f"none is left{expected}"):
                    yield replace(finding, severity="critical")
            elif row.droplet_id not in self._missed and row.droplet_id not in self._lost:
                yield from self._of_droplet("too-few-backups", row, None, f"{row.backups}{expected}")

    def _unprotected(self) -> Iterator[Finding]:
        for row in self._evidence.unprotected:
            is_off = row.reason == "backups off"
            retention = self._retention.get(row.droplet_id)
            if is_off and row.is_formerly_protected:
                left = retention.backups if retention else None
                kept = f"{left} still exist" if left else "none is left"
                what = f"{self._from(row.unprotected_since)}; {kept}"
                yield from self._of_droplet("backups-disabled", row, row.unprotected_since, what)
            elif is_off or retention is None or retention.plan is None:
                what = f"never had a backup; known {self._from(row.unprotected_since)}"
                yield from self._of_droplet("unprotected", row, row.unprotected_since, what)

    def _losses(self) -> Iterator[Finding]:
        for lost in self._lost.values():
            first_at = min(each.gone_at for each in lost if each.gone_at)
            backups = "1 backup" if len(lost) == 1 else f"{len(lost)} backups"
            what = f"{backups} gone early, found {self._instant(first_at)}"
            yield from self._of_droplet("unexplained-loss", lost[0], first_at, what)

    def _anomalies(self) -> Iterator[Finding]:
        for row in self._evidence.anomalies:
            if row.is_newest and self._now - row.created_at < STAYS_FOR:
                before = f"median of the {row.compared_backups} before {row.median_before_gigabytes:,.2f} GB"
                what = f"{row.size_gigabytes:,.2f} GB; {before}"
                yield from self._of_droplet("size-anomaly", row, row.created_at, what)

    def _from(self, at: datetime) -> str:
        return f"since {self._instant(at)}"

    def _instant(self, at: datetime) -> str:
        return f"{at:%a} {self._day(at)} {at:%H:%M}Z"

    def _day(self, at: datetime) -> str:
        return f"{at.day} {at:%b}" + (f" {at.year}" if self._now - at > _YEAR_IS_CLEAR_FOR else "")

    def _window(self, window: MissedBackup) -> str:
        starts_at, ends_at = window.window_starts_at, window.window_ends_at
        return f"{starts_at:%a} {self._day(starts_at)} {starts_at:%H:%M}-{ends_at:%H:%M}Z"


def _subjects(droplets: Sequence[KnownDroplet], shared_names: Collection[str]) -> dict[int, str]:
    times = Counter(each.droplet for each in droplets)
    shared = {*shared_names, *(name for name, number in times.items() if number > 1)}
    return {
        each.droplet_id: each.droplet
        if _is_plain(each.droplet) and each.droplet not in shared
        else str(each.droplet_id)
        for each in droplets
    }


def _is_plain(name: str) -> bool:
    return len(name) <= LONGEST_SUBJECT and _PLAIN_NAME.fullmatch(name) is not None


def _tags(rows: Iterable[DropletTag]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        found[row.droplet_id].add(row.tag)
    return dict(found)


def _lost(backups: Iterable[BackupLifetime], since: datetime) -> dict[int, list[BackupLifetime]]:
    """Group by Droplet the backups whose end since then nothing explains."""
    found: dict[int, list[BackupLifetime]] = defaultdict(list)
    for backup in backups:
        if backup.gone_reason == GoneReason.UNEXPLAINED and backup.gone_at is not None and backup.gone_at > since:
            found[backup.droplet_id].append(backup)
    return dict(found)


def _left(retention: Sequence[DropletRetention], droplet_ids: Collection[int | None]) -> dict[int, Left]:
    of_these = (each for each in retention if each.droplet_id in droplet_ids)
    return {each.droplet_id: Left(each.backups, each.newest_backup_at) for each in of_these}


def _judged_accounts(evidence: Evidence) -> frozenset[str]:
    synced = (each.account for each in evidence.health)
    return frozenset(synced if evidence.accounts is None else evidence.accounts)


def _judged(evidence: Evidence) -> dict[int, Judged]:
    names = {each.account: each.account for each in evidence.droplets}  # one text an account, not one a Droplet
    return {
        each.droplet_id: Judged(names[each.account], each.last_observed_at)
        for each in evidence.droplets
        if each.droplet_id in evidence.droplet_ids
    }


def _ids(lost: Mapping[int, Sequence[BackupLifetime]]) -> dict[int, frozenset[int]]:
    return {droplet_id: frozenset(each.backup_id for each in backups) for droplet_id, backups in lost.items()}


def _looked_at(health: Sequence[SyncHealth]) -> datetime | None:
    ends = [row.last_complete_at for row in health if row.last_complete_at is not None]
    return min(ends) if ends and len(ends) == len(health) else None


def _severity(rules: Rules, finding: Finding, tags: Collection[str]) -> Severity | None:
    """Give the severity that the configuration sets most closely; None where it sets none."""
    of_droplet = rules.by_droplet.get(finding.droplet_id or 0, {}).get(finding.name)
    of_tags = {table[finding.name] for tag, table in rules.by_tag.items() if tag in tags and finding.name in table}
    of_worst_tag = next((each for each in SEVERITIES if each in of_tags), None)
    return of_droplet or of_worst_tag or rules.everywhere.get(finding.name)


def _set_aside(
    found: Iterable[Finding], exemptions: Sequence[Exemption], tags: Mapping[int, set[str]]
) -> tuple[tuple[Finding, ...], tuple[tuple[Finding, Exemption], ...]]:
    """Part the findings that no exemption covers from those that one covers, each with the first that does."""
    findings, exempted = [], []
    for finding in found:
        exemption = next((each for each in exemptions if _covers(each, finding, tags)), None)
        if exemption is None:
            findings.append(finding)
        else:
            exempted.append((finding, exemption))
    return tuple(findings), tuple(exempted)


def _covers(exemption: Exemption, finding: Finding, tags: Mapping[int, set[str]]) -> bool:
    if exemption.finding != finding.name:
        return False
    if finding.droplet_id is None:
        return exemption.account == finding.account
    if exemption.tag is not None:
        return exemption.tag in tags.get(finding.droplet_id, ())
    return exemption.droplet in (finding.droplet, str(finding.droplet_id))
