"""What may be asked for, and what there is to show for it."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from inventory.simulator.catalog import BASE_IMAGE_ID, BASE_IMAGE_SLUG
from inventory.simulator.documents import (
    Document,
    backup_document,
    base_image_document,
    droplet_document,
    image_document,
    policy_document,
    snapshot_document,
    supported_policy_documents,
)
from inventory.simulator.fleet import Fleet
from inventory.simulator.messages import (
    BAD_REQUEST,
    FORBIDDEN,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    UNPROCESSABLE,
    Problem,
    Request,
)
from inventory.simulator.paging import Listing
from inventory.simulator.values import SimulatedDroplet
from inventory.simulator.variants import Variants

# Fields of a Droplet that depend on a scope of their own.
_FIELDS_BY_SCOPE = {
    "image:read": ("backup_ids", "snapshot_ids", "image"),
    "tag:read": ("tags",),
    "block_storage:read": ("volume_ids",),
    "vpc:read": ("vpc_uuid",),
}
EVERY_SCOPE = frozenset({"account:read", "droplet:read", "snapshot:read", *_FIELDS_BY_SCOPE})

Query: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Single:
    """The one thing that is asked for, and the key it has in the body."""

    key: str
    document: Document | list[Document]


Found: TypeAlias = Listing | Single | Problem


@dataclass(frozen=True, slots=True)
class View:
    """What one token sees of the account.

    Attributes:
        droplets: Those that exist for it, oldest first.
        account: The document of the account.
        variants: What a field is that the token lacks the scope for, and the like.
    """

    fleet: Fleet
    droplets: Mapping[int, SimulatedDroplet]
    account: Document
    scopes: Collection[str]
    variants: Variants

    def droplet(self, number: int) -> Document:
        """Return a Droplet as far as the token may read it."""
        droplet = self.droplets[number]
        is_usage_based = droplet.policy is not None and droplet.policy.is_usage_based
        shows_ids = not is_usage_based or self.variants.usage_based_ids == "present"
        document = droplet_document(
            droplet,
            backup_ids=[each.id for each in self.fleet.backups_of(number)] if shows_ids else [],
            snapshot_ids=list(self.fleet.snapshots_of(number)),
        )
        for scope in _FIELDS_BY_SCOPE.keys() - self.scopes:
            for field in _FIELDS_BY_SCOPE[scope]:
                value = document.pop(field)
                if self.variants.unreadable == "empty":
                    document[field] = type(value)()
        return document

    def image(self, number: int) -> Document:
        """Return a backup, a snapshot or the base image as an image."""
        backup = self.fleet.image(number)
        return base_image_document() if backup is None else image_document(backup)

    def backup(self, number: int) -> Document:
        """Return a backup or snapshot as its Droplet's listings show it."""
        backup = self.fleet.image(number)
        assert backup is not None
        return backup_document(backup)


def find(request: Request, view: View) -> Found:
    """Return what a request asks for, as far as its token may see it."""
    for pattern, scope, show in _ROUTES:
        if match := pattern.fullmatch(request.path):
            if request.method != "GET":
                return METHOD_NOT_ALLOWED
            return show(view, request.query, *match.groups()) if scope in view.scopes else FORBIDDEN
    return NOT_FOUND


def _account(view: View, _query: Query) -> Found:
    return Single("account", view.account)


def _droplets(view: View, query: Query) -> Found:
    tag, name = query.get("tag_name"), query.get("name")
    if tag is not None and ("name" in query or "type" in query):
        return UNPROCESSABLE
    if tag is not None and "tag:read" not in view.scopes:
        return FORBIDDEN
    is_gpu = query.get("type") == "gpus"
    ids = [
        number
        for number, each in view.droplets.items()
        if (each.size.gpu_model is not None) == is_gpu
        and (tag is None or tag in each.tags)
        and (name is None or name.casefold() == each.name.casefold())
    ]
    return Listing("droplets", ids, view.droplet)


def _droplet(view: View, _query: Query, number: str) -> Found:
    return Single("droplet", view.droplet(int(number))) if int(number) in view.droplets else NOT_FOUND


def _backups(view: View, _query: Query, number: str) -> Found:
    if int(number) not in view.droplets:
        return NOT_FOUND
    return Listing("backups", [each.id for each in view.fleet.backups_of(int(number))], view.backup)


def _droplet_snapshots(view: View, _query: Query, number: str) -> Found:
    if int(number) not in view.droplets:
        return NOT_FOUND
    return Listing("snapshots", sorted(view.fleet.snapshots_of(int(number))), view.backup)


def _policy(view: View, _query: Query, number: str) -> Found:
    droplet = view.droplets.get(int(number))
    return Single("policy", policy_document(droplet)) if droplet else NOT_FOUND


def _policies(view: View, _query: Query) -> Found:
    def show(number: int) -> Document:
        return policy_document(view.droplets[number])

    return Listing("policies", list(view.droplets), show, map_by="droplet_id")


def _supported_policies(_view: View, _query: Query) -> Found:
    return Single("supported_policies", supported_policy_documents())


def _images(view: View, query: Query) -> Found:
    """List backups and snapshots, and before them the base image, which is public; none has a tag."""
    kind, is_private = query.get("type"), query.get("private") == "true"
    backups = [each.id for number in view.droplets for each in view.fleet.backups_of(number)]
    ids = [
        *([BASE_IMAGE_ID] if not is_private and kind in (None, "distribution") else []),
        *(sorted([*backups, *view.fleet.snapshots]) if kind is None else []),
    ]
    return Listing("images", [] if "tag_name" in query else ids, view.image)


def _image(view: View, _query: Query, id_or_slug: str) -> Found:
    number = BASE_IMAGE_ID if id_or_slug == BASE_IMAGE_SLUG else _number(id_or_slug)
    exists = number == BASE_IMAGE_ID or view.fleet.image(number) is not None
    return Single("image", view.image(number)) if exists else NOT_FOUND


def _snapshots(view: View, query: Query) -> Found:
    """List snapshots of Droplets; the account has no volumes."""
    snapshots = view.fleet.snapshots

    def show(number: int) -> Document:
        return snapshot_document(snapshots[number])

    return Listing("snapshots", [] if query.get("resource_type") == "volume" else list(snapshots), show)


def _snapshot(view: View, _query: Query, number: str) -> Found:
    image = view.fleet.image(_number(number))
    if image is None:
        return NOT_FOUND
    return Single("snapshot", snapshot_document(image)) if image.type == "snapshot" else BAD_REQUEST


def _number(written: str) -> int:
    """Read an id; 0, which is none, where it is none."""
    return int(written) if written.isascii() and written.isdigit() else 0


def _path(template: str) -> re.Pattern[str]:
    return re.compile(template.replace("{id}", "([0-9]{1,19})").replace("{name}", "([a-z0-9.-]{1,64})"))


_ROUTES: tuple[tuple[re.Pattern[str], str, Callable[..., Found]], ...] = (
    (_path("/v2/droplets/{id}/backups"), "droplet:read", _backups),
    (_path("/v2/droplets/{id}"), "droplet:read", _droplet),
    (_path("/v2/droplets/{id}/backups/policy"), "droplet:read", _policy),
    (_path("/v2/droplets/{id}/snapshots"), "droplet:read", _droplet_snapshots),
    (_path("/v2/droplets"), "droplet:read", _droplets),
    (_path("/v2/droplets/backups/policies"), "droplet:read", _policies),
    (_path("/v2/droplets/backups/supported_policies"), "droplet:read", _supported_policies),
    (_path("/v2/account"), "account:read", _account),
    (_path("/v2/images"), "image:read", _images),
    (_path("/v2/images/{name}"), "image:read", _image),
    (_path("/v2/snapshots"), "snapshot:read", _snapshots),
    (_path("/v2/snapshots/{name}"), "snapshot:read", _snapshot),
)
