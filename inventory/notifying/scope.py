"""Which findings a channel is told of. Pure."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from inventory.judging.rules import OF_A_CHANNEL, Severity
from inventory.judging.verdict import Finding, Verdict


@dataclass(frozen=True, slots=True)
class Scope:
    """Which findings: of all that is given, each must fit.

    Attributes:
        channel: Its name: it is never told of itself, nor of another if it is told of some accounts only.
        severities: Those that are told.
        accounts: Patterns of names; empty means all.
        groups: Patterns of groups; empty means all.
        tags: Patterns of tags, one of which the Droplet has; empty means all. What concerns an account always fits.
        group_of: Account -> its group; absent where it has none.
    """

    channel: str
    severities: Collection[Severity]
    accounts: Collection[str] = ()
    groups: Collection[str] = ()
    tags: Collection[str] = ()
    group_of: Mapping[str, str] = field(default_factory=dict)

    def of(self, verdict: Verdict) -> Verdict:
        """Return the verdict with what does not fit only counted, and without accounts that do not."""
        fitting = tuple(each for each in verdict.findings if self._fits(each, verdict))
        others = tuple(each for each in verdict.findings if each not in fitting)
        accounts, beyond = (
            frozenset(each for each in names if self.is_of(each)) for names in (verdict.accounts, verdict.beyond)
        )
        counted = (*verdict.counted, *others)
        return replace(verdict, findings=fitting, counted=counted, accounts=accounts, beyond=beyond)

    @property
    def written(self) -> str:
        """All that makes it wider or narrower, as one text."""
        return json.dumps([*map(sorted, (self.severities, self.accounts, self.groups, self.tags))])

    def _fits(self, finding: Finding, verdict: Verdict) -> bool:
        if finding.severity not in self.severities:
            return False
        if finding.name == OF_A_CHANNEL:
            return finding.account != self.channel and not (self.accounts or self.groups)
        if not self.is_of(finding.account):
            return False
        if not self.tags or finding.droplet_id is None:
            return True
        tags = verdict.tags.get(finding.droplet_id, ())
        return any(_fits(tag, self.tags) for tag in tags)

    def is_of(self, account: str) -> bool:
        """Tell whether the channel is told of this account."""
        return _fits(account, self.accounts) and _fits(self.group_of.get(account, ""), self.groups)


def _fits(name: str, patterns: Collection[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
