"""The frozen values that one package passes to another: what was read, and what is stored.

All times are aware, UTC and of whole seconds; sizes are gigabytes as the API bills them; money is US dollars.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

from inventory.vocabulary import Outcome

LARGEST_ID = 2**63 - 1
"""The largest id that both databases can store."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which Droplets of an account the configuration selects: the union of its parts.

    Attributes:
        everything: Whether all Droplets are selected, GPU Droplets included; ids and tags then add nothing.
    """

    everything: bool
    droplet_ids: frozenset[int] = frozenset()
    tags: frozenset[str] = frozenset()

    @property
    def is_by_ids_alone(self) -> bool:
        """Whether no Droplet is meant but those whose ids are given."""
        return not (self.everything or self.tags)


@dataclass(frozen=True, slots=True)
class Account:
    """What `/v2/account` says of the account a token belongs to.

    Attributes:
        uuid: Of the user, or of the account itself; in lower case.
        team_uuid: Of the team, which owns the Droplets then; None where the answer names none, though there may be one.
    """

    uuid: str
    status: str
    team_uuid: str | None = None


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup as a listing shows it.

    Attributes:
        id: DigitalOcean's image id, unique over the account.
        type: `backup` in every known listing; the API's own example says `snapshot`. Stored as it comes.
        regions: Distinct slugs, sorted.
    """

    id: int
    name: str
    type: str
    created_at: datetime
    size_gigabytes: float
    min_disk_size: int
    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BackupPolicy:
    """When backups of a Droplet are made and how long they are kept, as far as the API says.

    Where backups are off, the API says nothing more: the other attributes are None.

    Attributes:
        plan: Free text; `daily` and `weekly` are documented, others exist.
        weekday: `SUN` to `SAT`; None for plans without one.
        hour: The UTC hour at which the window opens.
        retention_days: None where the API does not say; nothing is then assumed.
    """

    is_enabled: bool
    plan: str | None = None
    weekday: str | None = None
    hour: int | None = None
    window_length_hours: int | None = None
    retention_days: int | None = None


@dataclass(frozen=True, slots=True)
class Droplet:
    """One Droplet as `/v2/droplets` shows it; what cannot be read is None, and unknown (R13).

    Attributes:
        price_monthly_usd: None where the answer has no price.
        next_window_starts_at: None while backups are off, as is `next_window_ends_at`, or where it cannot be read.
        tags: None means unknown (the token may lack `tag:read`), never "has none".
        features: None where the answer lacks them.
        backup_ids: None where the answer lacks them (the token may lack `image:read`); empty proves nothing by itself.
        snapshot_ids: As `backup_ids`.
        unreadable: The API's names of the fields that should say something and say nothing, sorted.
    """

    id: int
    name: str | None
    region: str | None
    size_slug: str | None
    price_monthly_usd: float | None
    status: str | None
    created_at: datetime | None
    next_window_starts_at: datetime | None
    next_window_ends_at: datetime | None
    tags: frozenset[str] | None
    features: frozenset[str] | None
    backup_ids: frozenset[int] | None
    snapshot_ids: frozenset[int] | None
    unreadable: tuple[str, ...] = ()

    @property
    def is_window_known(self) -> bool:
        """Whether the next window, or that there is none, is known."""
        return "next_backup_window" not in self.unreadable


@dataclass(frozen=True, slots=True)
class Listing:
    """What a listing of one Droplet's backups showed, and whether that was all.

    Attributes:
        backups: Distinct, by id.
        problem: One sentence on why backups may be missing; None means that the listing is complete (R1).
        listed_at: The moment its last page was decoded.
        pages: How many were fetched, by both walks together.
        rows: How many items the pages of the last walk held, duplicates included.
        announced_total: `meta.total`; None where it was missing or unusable.
    """

    droplet_id: int
    backups: tuple[Backup, ...]
    problem: str | None
    listed_at: datetime
    pages: int
    rows: int
    announced_total: int | None

    @property
    def is_complete(self) -> bool:
        """Whether what the listing lacks is not there."""
        return self.problem is None


@dataclass(frozen=True, slots=True)
class DropletPages:
    """Every Droplet that a listing of Droplets showed. A Droplet that it lacks may still exist: it is walked once.

    Attributes:
        droplets: By id.
        malformed: Droplet id -> why its entry could not be read.
        unidentified: Why each entry without a readable id could not be read.
        problem: Why pages may be missing, or None.
    """

    droplets: Mapping[int, Droplet]
    malformed: Mapping[int, str]
    unidentified: tuple[str, ...]
    problem: str | None


@dataclass(frozen=True, slots=True)
class PolicyPages:
    """Every backup policy that the listing of policies showed; a Droplet it lacks has an unknown policy.

    Attributes:
        policies: By Droplet id.
        malformed: Droplet id -> why its entry could not be read.
        doubts: Droplet id -> which values of its policy say nothing, and are unknown.
        unidentified: Why each entry without a readable id could not be read.
        problem: Why pages may be missing, or None.
    """

    policies: Mapping[int, BackupPolicy]
    malformed: Mapping[int, str]
    doubts: Mapping[int, str]
    unidentified: tuple[str, ...]
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """What the three kinds of attempts to look at a Droplet have in common.

    Attributes:
        account_id: Of its row in `accounts`; None in a dry run of an account that was never synced.
        policy: Read in this run; None means not read, never "off".
        http_status: Of the answer that decided; None where none came.
        attempted_at: The moment the attempt ended.
        duration_seconds: From first request to last answer, waiting included.
    """

    droplet_id: int
    account_id: int | None
    policy: BackupPolicy | None
    http_status: int | None
    attempted_at: datetime
    duration_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(_Attempt):
    """A listing of the Droplet's backups came; whether it is all of them, the listing says.

    Attributes:
        droplet: Where it named backups that the complete listing lacks, its `backup_ids` are those that it still named
            when it was asked once more after the listing.
    """

    droplet: Droplet
    listing: Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven(_Attempt):
    """What a listing of Droplets says proves the backups unchanged since their last listing: see `detection`."""

    droplet: Droplet


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(_Attempt):
    """No listing came.

    Attributes:
        droplet: What the API said of the Droplet in this run; None where nothing readable was.
        outcome: Of the error that prevented the listing.
        is_token_alive: Whether the same token read something else of the account in this run. Only then does
            `not_found` say something about the Droplet (R2).
    """

    droplet: Droplet | None
    outcome: Outcome
    error: str
    is_token_alive: bool


Attempt: TypeAlias = Listed | Proven | Failed
"""One attempt to look at one Droplet, and all that was read on the way."""


@dataclass(frozen=True, slots=True)
class DropletState:
    """A Droplet's row in `droplets`, column by column; the schema says what each means.

    Only in a dry run of an account that was never synced is there no `account_id`.
    """

    id: int
    account_id: int | None
    name: str
    region: str | None
    size_slug: str | None
    price_monthly_usd: float | None
    status: str | None
    created_at: datetime | None
    next_window_starts_at: datetime | None
    next_window_ends_at: datetime | None
    unselected_since: datetime | None
    first_seen_at: datetime
    first_look_at: datetime | None
    last_observed_at: datetime | None
    last_listed_at: datetime | None
    gone_at: datetime | None
    last_attempt_at: datetime
    last_outcome: str
    last_error: str | None
    looks: str | None = None


@dataclass(frozen=True, slots=True)
class BackupState:
    """A backup's row in `backups`, column by column; the schema says what each means."""

    id: int
    droplet_id: int
    type: str
    created_at: datetime
    name: str
    min_disk_size: int
    size_gigabytes: float
    first_seen_at: datetime
    gone_after_at: datetime | None = None
    gone_at: datetime | None = None
    gone_reason: str | None = None
    gone_reason_replaced_at: datetime | None = None
    missing_since: datetime | None = None
    latest_created_at: datetime | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredBackup:
    """A backup as stored.

    Attributes:
        regions: Where it is now, sorted; empty once it is gone.
        version_from: The stamp from which its open version holds; None once it is gone.
        shown_created_at: Its creation time as a listing last showed it; `state` has the one first shown.
    """

    state: BackupState
    regions: tuple[str, ...]
    version_from: datetime | None
    shown_created_at: datetime

    @property
    def is_live(self) -> bool:
        """Whether it exists, as far as is known."""
        return self.state.gone_at is None


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """A backup policy and the stamps between which it was in force, as far as is known."""

    policy: BackupPolicy
    valid_from: datetime
    valid_to: datetime | None


@dataclass(frozen=True, slots=True)
class DropletDay:
    """How many backups a Droplet had after the last look of a UTC day, and how large they were.

    Attributes:
        first_look_at: The stamp of the day's first look.
    """

    day: date
    backups: int
    size_gigabytes: float
    oldest_backup_at: datetime | None
    newest_backup_at: datetime | None
    first_look_at: datetime


@dataclass(frozen=True, slots=True)
class StoredDroplet:
    """All that is stored of a Droplet and that an attempt may concern.

    Attributes:
        policies: Oldest first.
        backups: By id. Of the live backups all, or none if the attempt proved them unchanged; of the ended ones those
            whose end may still be explained, and those that the attempt lists.
        last_day: The latest row of `droplet_days`; None where there is none.
    """

    state: DropletState
    tags: frozenset[str]
    policies: tuple[StoredPolicy, ...]
    backups: Mapping[int, StoredBackup]
    last_day: DropletDay | None
