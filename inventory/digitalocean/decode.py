"""JSON of DigitalOcean's API -> frozen values."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from inventory.digitalocean.contract import (
    AccountAnswer,
    BackupsAnswer,
    DropletAnswer,
    DropletEntry,
    DropletsAnswer,
    ListAnswer,
    PoliciesAnswer,
    PolicyAnswer,
    PolicyEntry,
)
from inventory.errors import ProtocolError
from inventory.model import LARGEST_ID, Account, Backup, BackupPolicy, Droplet

Value = TypeVar("Value")
Model = TypeVar("Model", bound=BaseModel)

_DIGITS = re.compile(r"[0-9]{1,19}")
_LONGEST_EXPLANATION = 160


@dataclass(frozen=True, slots=True)
class Page(Generic[Value]):
    """One page of a listing.

    Attributes:
        values: By id: of a Droplet or a backup; of its Droplet for a policy.
        malformed: Id -> why its entry could not be read.
        unidentified: Why each entry without a readable id could not be read.
        doubts: Id -> which of its values say nothing, and are unknown.
        ids: Of all other entries, in the order they came; one id may come twice.
        total: How many entries all pages together have; None where the answer does not say, or not usably.
        has_next: Whether the answer names a next page; which one is never used (R9).
    """

    values: Mapping[int, Value]
    malformed: Mapping[int, str]
    unidentified: tuple[str, ...]
    ids: tuple[int, ...]
    total: int | None
    has_next: bool
    doubts: Mapping[int, str] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many entries the page has, readable or not."""
        return len(self.ids) + len(self.unidentified)


def decode_account(body: bytes) -> Account:
    """Read `/v2/account`."""
    return _decoded(AccountAnswer, body).account.value()


def decode_droplet(body: bytes) -> Droplet:
    """Read `/v2/droplets/{id}`."""
    entry = _decoded(DropletAnswer, body).droplet
    return entry.value() if isinstance(entry, DropletEntry) else _droplet(entry, "droplet")


def decode_policy(body: bytes, droplet_id: int) -> tuple[BackupPolicy, str | None]:
    """Read `/v2/droplets/{id}/backups/policy`; beside it, which of its values say nothing."""
    entry = _decoded(PolicyAnswer, body).policy
    return entry.value(droplet_id), entry.doubt()


def decode_backups(body: bytes) -> Page[Backup]:
    """Read a page of `/v2/droplets/{id}/backups`; one entry that does not fit makes the whole page unusable."""
    answer = _decoded(BackupsAnswer, body)
    return Page(
        values={entry.id: entry.value() for entry in answer.backups},
        malformed={},
        unidentified=(),
        ids=tuple(entry.id for entry in answer.backups),
        total=answer.total(),
        has_next=answer.has_next(),
    )


def decode_droplets(body: bytes) -> Page[Droplet]:
    """Read a page of `/v2/droplets`."""
    answer = _decoded(DropletsAnswer, body)
    page = _Entries[Droplet]()
    for position, entry in enumerate(answer.droplets):
        if isinstance(entry, DropletEntry):
            page.take(entry.id, entry.value)
        elif isinstance(entry, dict) and (droplet_id := _readable_id(entry.get("id"))):
            page.take(droplet_id, partial(_droplet, entry, f"droplets.{position}"))
        else:
            page.refuse(f"droplets.{position}: its id cannot be read")
    return page.finish(answer)


def decode_policies(body: bytes) -> Page[BackupPolicy]:
    """Read a page of `/v2/droplets/backups/policies`, which is a map with ids as text for keys."""
    answer = _decoded(PoliciesAnswer, body)
    page = _Entries[BackupPolicy]()
    for key, entry in answer.policies.items():
        if _DIGITS.fullmatch(key) and (droplet_id := _readable_id(int(key))):
            page.take(droplet_id, partial(_policy, entry, droplet_id, page.doubts))
        else:
            page.refuse("policies: a key is not the id of a Droplet")
    return page.finish(answer)


def _droplet(written: object, where: str) -> Droplet:
    """Read a Droplet without the fields that came in another shape: none but its id is needed (R13)."""
    try:
        return DropletEntry.model_validate(written).value()
    except ValidationError as error:
        misfits = {str(each["loc"][0]) for each in error.errors(include_input=False) if each["loc"]}
    if not isinstance(written, dict) or "id" in misfits:
        return _validated(DropletEntry, written, where).value()
    rest = {name: value for name, value in written.items() if name not in misfits}
    return _validated(DropletEntry, rest, where).value(misfits)


def _policy(entry: object, droplet_id: int, doubts: dict[int, str]) -> BackupPolicy:
    fits = entry if isinstance(entry, PolicyEntry) else _validated(PolicyEntry, entry, f"policies.{droplet_id}")
    if doubt := fits.doubt():
        doubts[droplet_id] = doubt
    return fits.value(droplet_id)


@dataclass
class _Entries(Generic[Value]):
    """A page whose entries are read one by one, so that one which does not fit affects no other (R10)."""

    values: dict[int, Value] = field(default_factory=dict)
    malformed: dict[int, str] = field(default_factory=dict)
    unidentified: list[str] = field(default_factory=list)
    doubts: dict[int, str] = field(default_factory=dict)
    ids: list[int] = field(default_factory=list)

    def take(self, entry_id: int, read: Callable[[], Value]) -> None:
        self.ids.append(entry_id)
        try:
            self.values[entry_id] = read()
        except ProtocolError as error:
            self.malformed[entry_id] = str(error)

    def refuse(self, why: str) -> None:
        self.unidentified.append(f"the answer does not fit: {why}")

    def finish(self, answer: ListAnswer) -> Page[Value]:
        return Page(
            values=self.values,
            malformed=self.malformed,
            unidentified=tuple(self.unidentified),
            doubts=self.doubts,
            ids=tuple(self.ids),
            total=answer.total(),
            has_next=answer.has_next(),
        )


def _decoded(model: type[Model], body: bytes) -> Model:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _misfit(error) from None


def _validated(model: type[Model], document: object, where: str) -> Model:
    """Check a part of an answer; `where` says which."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise _misfit(error, where) from None


def _misfit(error: ValidationError, *where: str) -> ProtocolError:
    """Say what does not fit, and where; never the value, which may be a secret."""
    first = error.errors(include_input=False, include_url=False)[0]
    if first["type"] == "json_invalid":
        why = first["ctx"]["error"]
        if why.startswith("EOF "):
            return ProtocolError("the answer is cut off", status=200)
    else:
        place = ".".join([*where, *map(str, first["loc"])])
        message = "Input should be an object" if first["type"] in ("model_type", "dict_type") else first["msg"]
        why = f"{place}: {message}" if place else message
    return ProtocolError(f"the answer does not fit: {why[:_LONGEST_EXPLANATION]}", status=200)


def _readable_id(written: object) -> int | None:
    return written if type(written) is int and 0 < written <= LARGEST_ID else None
