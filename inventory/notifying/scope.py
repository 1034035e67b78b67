"""Which findings a channel is told of. Pure."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from inventory.judging.findings import Finding, Verdict
from inventory.judging.rules import Severity


@dataclass(frozen=True, slots=True)
class Scope:
    """Which findings: of all that is given, each must fit.

    Attributes:
        severities: Those that are told.
        accounts: Patterns of names; empty means all.
        tags: Patterns of tags, one of which the Droplet has; empty means all. What concerns an account always fits.
    """

    severities: Collection[Severity]
    accounts: Collection[str] = ()
    tags: Collection[str] = ()

    def of(self, verdict: Verdict) -> Verdict:
        """Return the verdict with what does not fit only counted, and without accounts that do not."""
        fitting = tuple(each for each in verdict.findings if self._fits(each, verdict))
        others = tuple(each for each in verdict.findings if each not in fitting)
        accounts = frozenset(each for each in verdict.accounts if self._is_of(each))
        return replace(verdict, findings=fitting, counted=(*verdict.counted, *others), accounts=accounts)

    def _fits(self, finding: Finding, verdict: Verdict) -> bool:
        if finding.severity not in self.severities or not self._is_of(finding.account):
            return False
        if not self.tags or finding.droplet_id is None:
            return True
        tags = verdict.tags.get(finding.droplet_id, ())
        return any(fnmatchcase(tag, pattern) for tag in tags for pattern in self.tags)

    def _is_of(self, account: str) -> bool:
        return not self.accounts or any(fnmatchcase(account, pattern) for pattern in self.accounts)
