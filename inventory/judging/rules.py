"""What can be found, how badly it counts, and what the configuration says about that. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

Severity: TypeAlias = Literal["critical", "unknown", "warning", "counted"]
"""How badly a finding counts; `counted` ones are not listed and change no exit code."""

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""Worst first."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What the findings of one name have in common.

    Attributes:
        severity: Where the configuration sets none; for `missed-backup`, that of the first in a row, for
            `too-few-backups`, that of a Droplet which has some.
        means: When it is found, in a sentence.
        is_of_account: Whether it concerns an account, or a channel by its name, not one Droplet.
    """

    severity: Severity
    means: str
    is_of_account: bool = False


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "account-not-active": Kind(
            "critical", "DigitalOcean says that the account is not active, but locked or warned.", is_of_account=True
        ),
        "backups-disabled": Kind(
            "critical", "An active Droplet had backups and has them off; DigitalOcean deletes all of them."
        ),
        "unexplained-loss": Kind(
            "critical", "Within the last 7 days a backup was found gone before its time, and nothing explains it."
        ),
        "token-rejected": Kind(
            "unknown", "DigitalOcean rejects the token (401), so nothing can be looked at.", is_of_account=True
        ),
        "sync-held": Kind(
            "unknown", "Most backups were missing at once; the next sync, or a person, confirms it.", is_of_account=True
        ),
        "sync-overdue": Kind(
            "unknown",
            "No sync of the whole configuration was complete for longer than the `schedule` explains; 26 h where none "
            "is known.",
            is_of_account=True,
        ),
        "missed-backup": Kind(
            "warning", "No backup was made in a window or within 12 h after it; critical from the second in a row on."
        ),
        "too-few-backups": Kind(
            "warning",
            "Fewer backups exist than the policy has had time to make, and neither `missed-backup` nor "
            "`unexplained-loss` says why; critical where a policy is on, whatever its plan, and of the backups that "
            "there were none is left.",
        ),
        "size-anomaly": Kind(
            "warning",
            "The newest backup, made within the last 7 days, is above 1.8 times the median of the 7 before it, below "
            "half of it, or of size 0 after the window in which it was begun (12 h, if no window is known).",
        ),
        "notice-undelivered": Kind(
            "warning",
            "A channel of `[[notify]]` did not take a message within 7 days, and it was given up.",
            is_of_account=True,
        ),
        "unprotected": Kind("counted", "An active Droplet never had a backup, and no policy is known to make one."),
    }
)
"""By name, worst first."""

OF_A_CHANNEL = "notice-undelivered"
"""The finding that concerns a channel."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How badly each finding counts.

    Attributes:
        everywhere: Name -> severity, for all Droplets and accounts.
        by_tag: Tag -> the same, for Droplets that have it; if they have several, the worst severity counts.
        by_droplet: Droplet id -> the same. It overrules `by_tag`, which overrules `everywhere`.
        sync_overdue_after: How long there may be no complete sync; None where the settings name no schedule, and
            what the last run stored counts.
    """

    everywhere: Mapping[str, Severity] = field(default_factory=dict)
    by_tag: Mapping[str, Mapping[str, Severity]] = field(default_factory=dict)
    by_droplet: Mapping[int, Mapping[str, Severity]] = field(default_factory=dict)
    sync_overdue_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Exemption:
    """A finding that a person knows of. Exactly one of `droplet`, `tag` and `account` says whose.

    Attributes:
        finding: Its name.
        until: The last day on which it holds, UTC.
        reason: Free text, shown where the exemption is.
        droplet: Its name or id.
        account: Its name; for findings that concern no Droplet.
    """

    finding: str
    until: date
    reason: str
    droplet: str | None = None
    tag: str | None = None
    account: str | None = None

    @property
    def subject(self) -> str:
        """Whose finding it is: a Droplet, `tag:NAME` or an account."""
        return f"tag:{self.tag}" if self.tag else self.droplet or self.account or ""
