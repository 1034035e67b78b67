"""What was found at a moment, and how verdicts on different accounts are put together. Pure."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Literal, NamedTuple, TypeAlias

from inventory.judging.rules import KINDS, SEVERITIES, Exemption, Severity

Status: TypeAlias = Literal["critical", "unknown", "warning", "ok"]

_IN_ORDER = {name: place for place, name in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        name: One of `inventory.judging.rules.KINDS`.
        account: Its name; of `notice-undelivered`, which concerns no account, the name of the channel.
        droplet_id: None where it concerns the account.
        droplet: The Droplet's name, unescaped; None where it concerns the account.
        since: UTC, when it began or was learned; None where that is not known.
        what: What was found, in a clause, its times in UTC. It stays the same while nothing changes.
        subject: What it concerns, as its line and an exemption name it: the Droplet's name where it is plain and
            unique, otherwise the Droplet's id; or the account's name.
    """

    name: str
    severity: Severity
    account: str
    droplet_id: int | None
    droplet: str | None
    since: datetime | None
    what: str
    subject: str


class Judged(NamedTuple):
    """A Droplet that was judged; small, because a verdict on a large fleet holds one for each."""

    account: str
    last_observed_at: datetime | None


class Left(NamedTuple):
    """What a Droplet could be restored from: how many backups (None: never looked at), and the newest (None: none)."""

    backups: int | None
    newest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found at a moment.

    Attributes:
        now: The moment.
        findings: What a person must see to, worst first.
        counted: What is only counted, in the same order.
        exempted: What would be among `findings` without an exemption, each with the one that covers it.
        expired: Exemptions whose last day has passed.
        droplets: How many were judged.
        looked_at: When the last complete sync ended, of several accounts the earliest; None where one had none.
        accounts: Names of the accounts that were judged.
        judged: The Droplets that were judged, by id.
        lost: Droplet id -> the backups of its `unexplained-loss`.
        tags: Droplet id -> its tags, of Droplets among `findings`; absent where it has none.
        left: Droplet id -> what is left to restore from, of Droplets among `findings`.
        channels: Names of the channels that were judged.
        beyond: Names of configured accounts that this verdict says nothing of: what people were told of them stays.
    """

    now: datetime
    findings: tuple[Finding, ...]
    counted: tuple[Finding, ...]
    exempted: tuple[tuple[Finding, Exemption], ...]
    expired: tuple[Exemption, ...]
    droplets: int
    looked_at: datetime | None
    accounts: frozenset[str] = frozenset()
    judged: Mapping[int, Judged] = field(default_factory=dict)
    lost: Mapping[int, frozenset[int]] = field(default_factory=dict)
    tags: Mapping[int, Collection[str]] = field(default_factory=dict)
    left: Mapping[int, Left] = field(default_factory=dict)
    channels: frozenset[str] = frozenset()
    beyond: frozenset[str] = frozenset()

    @property
    def status(self) -> Status:
        """The worst of what was found."""
        found = {finding.severity for finding in self.findings}
        return next((each for each in SEVERITIES if each in found and each != "counted"), "ok")

    @property
    def counts(self) -> Mapping[str, int]:
        """How many findings there are of each severity, counted ones too."""
        found = Counter(finding.severity for finding in (*self.findings, *self.counted))
        return {severity: found[severity] for severity in SEVERITIES}


def worst_first(finding: Finding) -> tuple[int, int, str, str, int]:
    """Give the key by which findings are in order."""
    return (
        SEVERITIES.index(finding.severity),
        _IN_ORDER[finding.name],
        finding.account,
        finding.droplet or "",
        finding.droplet_id or 0,
    )


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """Put the verdicts of one moment on different accounts together, one at least, by the same rules."""
    if len(verdicts) == 1:
        return verdicts[0]
    looked_at = [each.looked_at for each in verdicts if each.looked_at is not None]
    return replace(
        _found_together(verdicts),
        droplets=sum(each.droplets for each in verdicts),
        looked_at=min(looked_at) if len(looked_at) == len(verdicts) else None,
        accounts=frozenset().union(*(each.accounts for each in verdicts)),
        judged=dict(chain.from_iterable(each.judged.items() for each in verdicts)),
        lost=dict(chain.from_iterable(each.lost.items() for each in verdicts)),
        tags=dict(chain.from_iterable(each.tags.items() for each in verdicts)),
        left=dict(chain.from_iterable(each.left.items() for each in verdicts)),
    )


def _found_together(verdicts: Sequence[Verdict]) -> Verdict:
    """Give the first verdict with the findings of all, worst first."""
    exempted = chain.from_iterable(each.exempted for each in verdicts)
    return replace(
        verdicts[0],
        findings=tuple(sorted(chain.from_iterable(each.findings for each in verdicts), key=worst_first)),
        counted=tuple(sorted(chain.from_iterable(each.counted for each in verdicts), key=worst_first)),
        exempted=tuple(sorted(exempted, key=lambda each: worst_first(each[0]))),
    )
