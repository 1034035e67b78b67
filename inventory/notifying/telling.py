"""What a channel is told: what is true now, compared with what it was told before. Pure.

told before
| settle      what ends, or gets less bad, without a message
| due         messages: what is new, worse or solved
| urgent      in quiet hours
| tell        what the channel knows once they are delivered

The table in docs/notify.md says the same in words; a property test compares both.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from inventory.judging.findings import STAYS_FOR
from inventory.judging.rules import OF_A_CHANNEL, SEVERITIES, Severity
from inventory.judging.verdict import Finding, Verdict

_FOLLOWS_FROM = {"sync-overdue": ("token-rejected", "sync-held")}
_URGENT = ("critical", "unknown")
# A backup counts as soon as it is made, and its window once it is over: between the two, one too few is enough.
_COMES_AND_GOES = ("too-few-backups",)
_A_DAY = timedelta(days=1)
_ENDS_WITH_TIME = ("unexplained-loss", "size-anomaly")


class Key(NamedTuple):
    """What one finding is about; `droplet_id` is None where it concerns the account."""

    account: str
    droplet_id: int | None
    finding: str


class Change(StrEnum):
    """What a message says of a finding."""

    NEW = "new"
    WORSE = "worse"
    SOLVED = "solved"


class Extent(NamedTuple):
    """How bad a finding is.

    Attributes:
        lost: The backups of an `unexplained-loss`; empty for others.
    """

    severity: Severity
    lost: frozenset[int]

    def is_worse_than(self, other: "Extent") -> bool:
        """Tell whether it is of a higher severity, or further backups are lost."""
        return SEVERITIES.index(self.severity) < SEVERITIES.index(other.severity) or bool(self.lost - other.lost)


@dataclass(frozen=True, slots=True)
class Told:
    """What a channel knows of one finding that is not over.

    Attributes:
        finding: As it was last judged; its severity is the one that was told, or a lower one since.
        lost: The backups of an `unexplained-loss` that were told; empty for others.
        told_at: UTC moment of the verdict of the last message about it.
        found_at: The same of the latest verdict that found it.
    """

    finding: Finding
    lost: frozenset[int]
    told_at: datetime
    found_at: datetime

    @property
    def extent(self) -> Extent:
        """How bad it was when it was told."""
        return Extent(self.finding.severity, self.lost)


Known = Mapping[Key, Told]


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell.

    Attributes:
        finding: As it is now; of a solved one, as it last was.
        lost: The backups of an `unexplained-loss`; empty for others.
    """

    change: Change
    finding: Finding
    lost: frozenset[int] = frozenset()

    @property
    def extent(self) -> Extent:
        """How bad it says that it is."""
        return Extent(self.finding.severity, self.lost)


def key_of(finding: Finding) -> Key:
    """Return what a finding is about."""
    return Key(finding.account, finding.droplet_id, finding.name)


def settle(known: Known, verdict: Verdict) -> dict[Key, Told]:
    """Return what is left of what a channel knows after what changes without a message."""
    found = {key_of(each): each for each in verdict.findings}
    left = {}
    for key, told in known.items():
        finding = found.get(key)
        if finding is not None:
            severity = max(told.finding.severity, finding.severity, key=SEVERITIES.index)
            lost = told.lost & _lost(verdict, finding)
            left[key] = replace(told, finding=replace(finding, severity=severity), lost=lost, found_at=verdict.now)
        elif key.account in verdict.beyond or not _ends_silently(told.finding, verdict):
            left[key] = told
    return left


def due(settled: Known, verdict: Verdict) -> list[Message]:
    """Return what to tell a channel that knows what `settle` left: new and worse ones worst first, then the solved."""
    found = {key_of(each): each for each in verdict.findings}
    new_or_worse = [
        message for key, finding in found.items() for message in _compared(settled.get(key), finding, verdict)
    ]
    solved = [
        Message(Change.SOLVED, told.finding, told.lost)
        for key, told in sorted(settled.items(), key=lambda each: str(each[0]))
        if key not in found and key.account not in verdict.beyond and _is_solved(told, verdict)
    ]
    return [*new_or_worse, *solved]


def urgent(messages: Sequence[Message]) -> list[Message]:
    """Return those that may disturb somebody in quiet hours; the others stay due, as far as they are true then."""
    return [each for each in messages if each.change is not Change.SOLVED and each.finding.severity in _URGENT]


def tell(settled: Known, messages: Sequence[Message], now: datetime) -> dict[Key, Told]:
    """Return what a channel knows once the messages, of a verdict of `now`, are delivered."""
    known = dict(settled)
    for message in messages:
        key = key_of(message.finding)
        if message.change is Change.SOLVED:
            known.pop(key, None)
        else:
            known[key] = Told(message.finding, message.lost, told_at=now, found_at=now)
    return known


def _compared(told: Told | None, finding: Finding, verdict: Verdict) -> Iterator[Message]:
    worse = Message(Change.WORSE, finding, _lost(verdict, finding))
    if told is None:
        if not _follows(finding, verdict):
            yield replace(worse, change=Change.NEW)
    elif worse.extent.is_worse_than(told.extent):
        yield worse


def _lost(verdict: Verdict, finding: Finding) -> frozenset[int]:
    is_loss = finding.name == "unexplained-loss" and finding.droplet_id is not None
    return verdict.lost.get(finding.droplet_id or 0, frozenset()) if is_loss else frozenset()


def _follows(finding: Finding, verdict: Verdict) -> bool:
    """Tell whether another finding of its account already says why."""
    causes = _FOLLOWS_FROM.get(finding.name, ())
    return any(each.name in causes and each.account == finding.account for each in verdict.findings)


def _ends_silently(finding: Finding, verdict: Verdict) -> bool:
    """Tell whether a finding that a verdict lacks is over without a look that shows it solved."""
    set_aside = (*verdict.counted, *(each for each, _ in verdict.exempted))
    judged = verdict.channels if finding.name == OF_A_CHANNEL else verdict.accounts
    if finding.account not in judged or any(key_of(each) == key_of(finding) for each in set_aside):
        return True
    if finding.droplet_id is None:
        return False
    droplet = verdict.judged.get(finding.droplet_id)
    if droplet is None or droplet.account != finding.account:
        return True
    is_over = finding.since is not None and verdict.now - finding.since >= STAYS_FOR
    return finding.name in _ENDS_WITH_TIME and is_over


def _is_solved(told: Told, verdict: Verdict) -> bool:
    """Tell whether a look shows it, later than the verdict that last found it; none while the account is overdue."""
    finding = told.finding
    if finding.droplet_id is not None:
        looked_at = verdict.judged[finding.droplet_id].last_observed_at
        if looked_at is None or looked_at <= told.found_at:
            return False
    if finding.name in _COMES_AND_GOES and verdict.now - told.found_at < _A_DAY:
        return False
    found = (*verdict.findings, *verdict.counted, *(each for each, _ in verdict.exempted))
    return not any(each.name == "sync-overdue" and each.account == finding.account for each in found)
