"""What DigitalOcean's API sends, as far as we read it; this module alone knows its field names.

Strict where the contract is: an id is an integer, a size a finite number, a time has an offset. Unknown keys are
ignored and unknown words kept, because the API grows. What an answer lacks is None, never "none" (R2).
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, FailFast, Field
from pydantic_core import PydanticCustomError

from inventory.errors import ProtocolError
from inventory.model import LARGEST_ID, Account, Backup, BackupPolicy, Droplet

Value = TypeVar("Value")

_LARGEST_COUNT = 2**31 - 1
_YEARS = range(1900, 2200)

# A number beyond these says nothing, nor does 0, which Go sends for "not said" (R13). A petabyte no backup reaches.
_RETENTION_DAYS = range(1, 3_651)
_WINDOW_HOURS = range(1, 169)
_HOURS = range(24)
_LARGEST_GIGABYTES = 1e6
_LARGEST_PRICE_USD = 1e6

# Of a Droplet; what depends on a scope of the token, or was added later, is not among them.
_ALWAYS_SAID = ("created_at", "name", "region", "size_slug", "status")

_WEEKDAYS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
_WEEKDAY_OF = {written: day[:3] for day in _WEEKDAYS for written in (day, day[:3])}
_PLANS = re.compile(r"daily|weekly|intra_daily_[0-9]{1,2}h", re.ASCII | re.IGNORECASE)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)

# More than a page may hold, and few enough for any answer to be judged in a moment.
_MOST_ENTRIES = 1000


def _moment(written: object) -> datetime:
    """Read an RFC 3339 time; no other form that Python would take."""
    moment = _utc(written) if isinstance(written, str) and _RFC3339.fullmatch(written) else None
    if moment is None or moment.year not in _YEARS:
        raise PydanticCustomError(
            "moment", "Input should be a time of the years 1900 to 2199 with an offset, as RFC 3339 writes it"
        )
    # replace() would take as long as all the rest.
    return moment.replace(microsecond=0) if moment.microsecond else moment


def _utc(written: str) -> datetime | None:
    try:
        return datetime.fromisoformat(written).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _storable(text: str) -> str:
    """Replace NUL, which PostgreSQL cannot store; what reads JSON has refused lone surrogates."""
    return text.replace("\0", "\ufffd")


_Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]
_Count = Annotated[int, Field(ge=0, le=_LARGEST_COUNT)]
_LONGEST_TEXT = 1024
_Text = Annotated[str, Field(max_length=_LONGEST_TEXT), AfterValidator(_storable)]
_Said = Annotated[_Text, Field(min_length=1)]
_Slug = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]
_Moment = Annotated[datetime, BeforeValidator(_moment)]
_Some = Field(max_length=_MOST_ENTRIES)
_FIRST_THAT_FITS = Field(union_mode="left_to_right")


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False, frozen=True)


class _Team(_Strict):
    uuid: _Text = Field(min_length=1)


class AccountEntry(_Strict):
    """An account; `team` is there for most tokens that belong to one, and empty for some."""

    uuid: _Text
    status: _Text
    team: Annotated[_Team | Any, _FIRST_THAT_FITS] = None

    def value(self) -> Account:
        """Return it as a value; UUIDs mean the same in either case."""
        team_uuid = self.team.uuid.lower() if isinstance(self.team, _Team) else None
        return Account(uuid=self.uuid.lower(), status=self.status, team_uuid=team_uuid)


class AccountAnswer(_Strict):
    """`/v2/account`."""

    account: AccountEntry


class ListAnswer(_Strict):
    """One page of any listing.

    `links` may be missing, empty, or hold `pages`; whatever it is, the answer is not refused for it.
    """

    links: Any = None
    meta: Any = None

    def total(self) -> int | None:
        """Return the number of entries on all pages; None where it is missing or unusable."""
        total = self.meta.get("total") if isinstance(self.meta, dict) else None
        return total if type(total) is int and 0 <= total <= _LARGEST_COUNT else None

    def has_next(self) -> bool:
        """Tell whether the answer names a next page."""
        pages = self.links.get("pages") if isinstance(self.links, dict) else None
        return isinstance(pages, dict) and bool(pages.get("next"))


class BackupEntry(_Strict):
    """One backup in a listing; nothing in it names its Droplet."""

    id: _Id
    name: _Text
    type: _Text
    created_at: _Moment
    size_gigabytes: Annotated[float, Field(ge=0, le=_LARGEST_GIGABYTES)]
    min_disk_size: _Count
    regions: Annotated[list[_Slug], _Some]

    def value(self) -> Backup:
        """Return it as the program knows it."""
        return Backup(
            id=self.id,
            name=self.name,
            type=self.type,
            created_at=self.created_at,
            size_gigabytes=self.size_gigabytes + 0.0,  # a negative zero stays one in PostgreSQL alone
            min_disk_size=self.min_disk_size,
            regions=tuple(sorted(set(self.regions))),
        )


class BackupsAnswer(ListAnswer):
    """`/v2/droplets/{id}/backups`."""

    backups: Annotated[list[BackupEntry], _Some, FailFast()]


class _Region(_Strict):
    slug: _Slug


class _Size(_Strict):
    price_monthly: Annotated[float, Field(ge=0, le=_LARGEST_PRICE_USD)] | None = None


class _Window(_Strict):
    start: _Moment
    end: _Moment


class DropletEntry(_Strict):
    """One Droplet. Nothing but its id is needed to list its backups, so that all else may be missing."""

    id: _Id
    name: _Said | None = None
    region: _Region | None = None
    size_slug: _Said | None = None
    size: _Size | None = None
    status: _Said | None = None
    created_at: _Moment | None = None
    next_backup_window: _Window | None = None
    tags: list[_Text] | None = None
    features: list[_Text] | None = None
    backup_ids: list[_Id] | None = None
    snapshot_ids: list[_Id] | None = None

    def value(self, misfits: Iterable[str] = ()) -> Droplet:
        """Return it as the program knows it; `misfits` names fields that came in another shape, and were left out."""
        window = self.next_backup_window
        lacking = (name for name in _ALWAYS_SAID if getattr(self, name) is None)
        return Droplet(
            id=self.id,
            name=self.name,
            region=self.region.slug if self.region else None,
            size_slug=self.size_slug,
            price_monthly_usd=_price(self.size),
            status=self.status,
            created_at=self.created_at,
            next_window_starts_at=window.start if window else None,
            next_window_ends_at=window.end if window else None,
            tags=_set(self.tags),
            features=_set(self.features),
            backup_ids=_set(self.backup_ids),
            snapshot_ids=_set(self.snapshot_ids),
            unreadable=tuple(sorted({*misfits, *lacking})),
        )


def _set(values: Iterable[Value] | None) -> frozenset[Value] | None:
    return None if values is None else frozenset(values)


def _price(size: _Size | None) -> float | None:
    """Return the price without the noise of single precision, such as 0.00743999984115362."""
    return None if size is None or size.price_monthly is None else round(size.price_monthly, 5)


class DropletAnswer(_Strict):
    """`/v2/droplets/{id}`."""

    droplet: Annotated[DropletEntry | Any, _FIRST_THAT_FITS]


class DropletsAnswer(ListAnswer):
    """`/v2/droplets`; entries that do not fit are left as they came."""

    droplets: Annotated[list[Annotated[DropletEntry | Any, _FIRST_THAT_FITS]], _Some]


class _Plan(_Strict):
    """What a policy says of its plan, as it came: a value without information makes no other unreadable (R13)."""

    plan: Any = None
    weekday: Any = None
    hour: Any = None
    window_length_hours: Any = None
    retention_period_days: Any = None

    def value(self) -> BackupPolicy:
        """Return what can be believed; the rest is None."""
        return BackupPolicy(
            is_enabled=True,
            plan=_plan(self.plan),
            weekday=_weekday(self.weekday),
            hour=_believable(self.hour, _HOURS),
            window_length_hours=_believable(self.window_length_hours, _WINDOW_HOURS),
            retention_days=_believable(self.retention_period_days, _RETENTION_DAYS),
        )

    def without_information(self) -> tuple[str, ...]:
        """Name the values that were sent and say nothing."""
        read = self.value()
        values = (read.plan, read.weekday, read.hour, read.window_length_hours, read.retention_days)
        sent = dict(self)
        return tuple(name for name, value in zip(sent, values, strict=True) if value is None is not sent[name])


def _believable(written: object, values: range) -> int | None:
    return written if type(written) is int and written in values else None


def _words(written: object) -> str | None:
    is_text = isinstance(written, str) and 0 < len(written) <= _LONGEST_TEXT
    return _storable(written) if isinstance(written, str) and is_text else None


def _weekday(written: object) -> str | None:
    """Return the day as `SUN` to `SAT`, whole or in three letters, without case; other words as they came."""
    words = _words(written)
    return None if words is None else _WEEKDAY_OF.get(words.strip().upper(), words)


def _plan(written: object) -> str | None:
    """Return the known plans in small letters, other words as they came."""
    words = _words(written)
    return words.strip().lower() if words and _PLANS.fullmatch(words.strip()) else words


class PolicyEntry(_Strict):
    """One backup policy; with backups off it says nothing else."""

    droplet_id: _Id | None = None
    backup_enabled: bool
    backup_policy: _Plan | None = None

    def value(self, droplet_id: int) -> BackupPolicy:
        """Return it as the program knows it.

        Raises:
            ProtocolError: It is the policy of another Droplet than `droplet_id`.
        """
        if self.droplet_id not in (None, droplet_id):
            raise ProtocolError("the answer does not fit: the backup policy is that of another Droplet", status=200)
        if not self.backup_enabled:
            return BackupPolicy(is_enabled=False)
        return (self.backup_policy or _Plan()).value()

    def doubt(self) -> str | None:
        """Say which values were sent and say nothing; None if each does."""
        names = self.backup_policy.without_information() if self.backup_policy and self.backup_enabled else ()
        return f"{' and '.join(names)} cannot be true" if names else None


class PolicyAnswer(_Strict):
    """`/v2/droplets/{id}/backups/policy`."""

    policy: PolicyEntry


class PoliciesAnswer(ListAnswer):
    """`/v2/droplets/backups/policies`, by ids as text; entries that do not fit are left as they came."""

    policies: Annotated[dict[str, Annotated[PolicyEntry | Any, _FIRST_THAT_FITS]], _Some]
