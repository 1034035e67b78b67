"""The API of the simulated account: requests in, answers out, as DigitalOcean would give them; no socket.

    authenticate (401) | rate limit (429) | scope (403) | route (404) | fault | document | page

Every answer is of the instant that the fleet's clock shows, and so is its date.
"""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from threading import RLock
from typing import Any, NamedTuple, NoReturn
from uuid import UUID

from inventory.simulator import documents
from inventory.simulator.catalog import BASE_IMAGE_ID
from inventory.simulator.documents import Document
from inventory.simulator.faults import HTML_BODY, Fault
from inventory.simulator.fleet import Fleet
from inventory.simulator.limits import DOCUMENTED_PER_HOUR, DOCUMENTED_PER_MINUTE, Allowance, RateLimits
from inventory.simulator.paging import MOST_PER_PAGE, NoLinks, Order, in_order, page
from inventory.simulator.values import SimulatedBackup, SimulatedDroplet

# Obviously made up; a token of this form gives access to nothing.
DEFAULT_TOKEN = "dop_v1_" + "0" * 64
DEFAULT_UUID = str(UUID(int=0xB6FC48DBF6D9A4B1B8E1F0B0C0FFEE00))
EVERY_SCOPE = frozenset({"account:read", "droplet:read", "image:read", "snapshot:read", "tag:read"})

_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _NOT_ALLOWED = 200, 401, 403, 404, 405
_UNPROCESSABLE, _TOO_MANY = 422, 429

_ERRORS = {
    _UNAUTHORIZED: ("unauthorized", "Unable to authenticate you."),
    _FORBIDDEN: ("forbidden", "You do not have permission to perform this action."),
    _NOT_FOUND: ("not_found", "The resource you requested could not be found."),
    _NOT_ALLOWED: ("method_not_allowed", "This method is not supported here."),
    _UNPROCESSABLE: ("unprocessable_entity", "tag_name cannot be combined with name or type."),
    _TOO_MANY: ("too_many_requests", "API rate limit exceeded."),
}
_SERVER_ERROR = ("server_error", "Unexpected server-side error")


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked.

    Attributes:
        base_url: Where the asker reached us, without a path; links begin with it.
        authorization: The header's value, or "".
    """

    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    authorization: str = ""
    method: str = "GET"
    base_url: str = "http://127.0.0.1"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; `delay_seconds` is how late."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    delay_seconds: float = 0.0


class _RefusedError(Exception):
    """The request gets an error document."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def _refuse(status: int) -> NoReturn:
    """End a request with an error document."""
    raise _RefusedError(status)


class _Asked(NamedTuple):
    """A request on its way through the routes."""

    request: Request
    fault: Fault
    scopes: frozenset[str]


class SimulatedApi:
    """The API of one account. Safe to ask from several threads.

    Attributes:
        fleet: What it shows.
        uuid: Of the account, and `status` its state.
        tokens: Token -> its scopes.
        faults: By path.
        order: In which listings come.
        no_links: How a listing of one page says so.
        most_per_page: What a larger `per_page` is clamped to.
        visible: Ids of the Droplets that exist for the tokens; None means all.
        is_edge_rejecting: Whether a 401 comes from the edge, without rate limit headers.
        are_ids_absent: Whether a token without `image:read` sees Droplets without `backup_ids`, or with empty ones.
        lagging_ids: By Droplet id, the `backup_ids` that it still shows.
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        token: str = DEFAULT_TOKEN,
        uuid: str = DEFAULT_UUID,
        per_minute: int | None = None,
        per_hour: int | None = None,
        follow: Callable[[], datetime] | None = None,
        limits: Callable[[], RateLimits] | None = None,
    ) -> None:
        """Serve a fleet to one token that may read everything.

        Args:
            fleet: Advance it through `advance` where other threads ask meanwhile.
            token: More may be put into `tokens`.
            uuid: Of the account.
            per_minute: Requests a token may make in a minute; None means any number, and so for `per_hour`.
            per_hour: As documented if `DOCUMENTED_PER_HOUR`.
            follow: A clock; the fleet is advanced to it before each answer.
            limits: Makes a token's rate limits, in place of the two numbers.
        """
        self.fleet = fleet
        self.token = token
        self.tokens = {token: EVERY_SCOPE}
        self.uuid = uuid
        self.status = "active"
        self.faults: dict[str, Fault] = {}
        self.order: Order = "ascending"
        self.no_links: NoLinks = "empty"
        self.most_per_page = MOST_PER_PAGE
        self.visible: set[int] | None = None
        self.is_edge_rejecting = False
        self.are_ids_absent = False
        self.lagging_ids: Mapping[int, Sequence[int]] = {}
        self._follow = follow
        self._make_limits = limits or (
            lambda: RateLimits(per_minute=per_minute, per_hour=per_hour, seconds=time.monotonic)
        )
        self._limits: dict[str, RateLimits] = {}
        self._requests = 0
        self._lock = RLock()

    @classmethod
    def limited(cls, fleet: Fleet, *, token: str, follow: Callable[[], datetime]) -> "SimulatedApi":
        """Serve a fleet under the documented rate limits."""
        return cls(fleet, token=token, follow=follow, per_minute=DOCUMENTED_PER_MINUTE, per_hour=DOCUMENTED_PER_HOUR)

    @property
    def droplets(self) -> dict[int, SimulatedDroplet]:
        """The Droplets that exist for the tokens, by id, oldest first."""
        seen = self.visible
        return {number: each for number, each in self.fleet.droplets.items() if seen is None or number in seen}

    def advance(self, *, to: datetime) -> None:
        """Advance the fleet's clock between two answers."""
        with self._lock:
            self.fleet.advance(to=to)

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        with self._lock:
            self._requests += 1
            if self._follow is not None and (now := self._follow()) > self.fleet.now:
                self.fleet.advance(to=now)
            fault = self.faults.get(request.path) or Fault()
            fault.meet()
            status, document, headers = self._checked(request, fault)
            body = HTML_BODY if fault.is_html else json.dumps(document, ensure_ascii=False).encode()
            headers |= {
                "date": format_datetime(self.fleet.now, usegmt=True),
                "x-request-id": str(UUID(int=self._requests)),
                **({"content-type": "text/html; charset=utf-8"} if fault.is_html else {}),
                **fault.headers,
            }
        return Answer(status, headers, body[: len(body) - fault.cut_bytes], fault.delay_seconds)

    def _checked(self, request: Request, fault: Fault) -> tuple[int, Document, dict[str, str]]:
        """Return status, document and headers; who may not ask is told nothing else."""
        scheme, _, token = request.authorization.partition(" ")
        scopes = self.tokens.get(token) if scheme.lower() == "bearer" else None
        if scopes is None and self.is_edge_rejecting:
            return _UNAUTHORIZED, _error(_UNAUTHORIZED), {"content-type": "application/json"}
        if token not in self._limits:
            self._limits[token] = self._make_limits()
        allowance = self._limits[token].ask()
        headers = self._headers(allowance)
        try:
            if scopes is None:
                _refuse(_UNAUTHORIZED)
            if not allowance.is_granted:
                _refuse(_TOO_MANY)
            if request.method != "GET":
                _refuse(_NOT_ALLOWED)
            if fault.status != _OK:
                _refuse(fault.status)
            return _OK, self._document(_Asked(request, fault, scopes)), headers
        except _RefusedError as refused:
            return refused.status, _error(refused.status), headers

    def _headers(self, allowance: Allowance) -> dict[str, str]:
        retry = {} if allowance.retry_seconds is None else {"retry-after": str(allowance.retry_seconds)}
        return {
            "content-type": "application/json; charset=utf-8",
            "ratelimit-limit": str(allowance.limit),
            "ratelimit-remaining": str(allowance.remaining),
            "ratelimit-reset": str(int(self.fleet.now.timestamp() + allowance.reset_seconds)),
            **retry,
        }

    def _document(self, asked: _Asked) -> Document:
        for scope, pattern, method in _ROUTES:
            if match := pattern.fullmatch(asked.request.path):
                if scope not in asked.scopes:
                    _refuse(_FORBIDDEN)
                document: Document = getattr(self, method)(asked, *(int(each) for each in match.groups()))
                return document
        _refuse(_NOT_FOUND)

    # One method a route

    def _account(self, _asked: _Asked) -> Document:
        return documents.account_document(self.uuid, status=self.status)

    def _list_droplets(self, asked: _Asked) -> Document:
        query = asked.request.query
        tag, name, kind = (query.get(key) for key in ("tag_name", "name", "type"))
        if tag is not None and (name is not None or kind is not None):
            _refuse(_UNPROCESSABLE)
        if tag is not None and "tag:read" not in asked.scopes:
            _refuse(_FORBIDDEN)
        found = [
            each
            for each in self.droplets.values()
            if (each.size.gpu_model is not None) == (kind == "gpus")
            and (tag is None or tag in each.tags)
            and (name is None or name.lower() == each.name.lower())
        ]
        snapshots = self._snapshots_by_droplet()
        return self._page(asked, "droplets", found, lambda each: self._droplet_document(asked, each, snapshots))

    def _get_droplet(self, asked: _Asked, droplet_id: int) -> Document:
        droplet = self._existing(droplet_id)
        return {"droplet": self._droplet_document(asked, droplet, self._snapshots_by_droplet())}

    def _list_backups(self, asked: _Asked, droplet_id: int) -> Document:
        self._existing(droplet_id)
        return self._page(asked, "backups", self.fleet.backups_of(droplet_id), documents.backup_document)

    def _list_droplet_snapshots(self, asked: _Asked, droplet_id: int) -> Document:
        self._existing(droplet_id)
        snapshots = self._snapshots_by_droplet().get(droplet_id, [])
        return self._page(asked, "snapshots", snapshots, documents.backup_document)

    def _get_policy(self, _asked: _Asked, droplet_id: int) -> Document:
        return {"policy": documents.policy_document(self._existing(droplet_id))}

    def _list_policies(self, asked: _Asked) -> Document:
        found = self._page(
            asked,
            "policies",
            list(self.droplets.values()),
            lambda each: (str(each.id), documents.policy_document(each)),
        )
        return {**found, "policies": dict(found["policies"])}

    def _supported_policies(self, _asked: _Asked) -> Document:
        return documents.supported_policies_document()

    def _list_images(self, asked: _Asked) -> Document:
        query = asked.request.query
        images: list[SimulatedBackup | None] = [*self._images()]
        if query.get("private") != "true":
            images.insert(0, None)
        if query.get("type") in ("distribution", "application"):
            images = [None] if query["type"] == "distribution" else []
        return self._page(asked, "images", images, _image_document)

    def _get_image(self, _asked: _Asked, image_id: int) -> Document:
        if image_id == BASE_IMAGE_ID:
            return {"image": documents.base_image_document()}
        for image in self._images():
            if image.id == image_id:
                return {"image": documents.image_document(image)}
        _refuse(_NOT_FOUND)

    def _list_snapshots(self, asked: _Asked) -> Document:
        is_of_volumes = asked.request.query.get("resource_type") == "volume"
        snapshots = [] if is_of_volumes else list(self.fleet.snapshots.values())
        return self._page(asked, "snapshots", snapshots, documents.snapshot_document)

    def _get_snapshot(self, _asked: _Asked, snapshot_id: int) -> Document:
        if snapshot_id not in self.fleet.snapshots:
            _refuse(_NOT_FOUND)
        return {"snapshot": documents.snapshot_document(self.fleet.snapshots[snapshot_id])}

    def _existing(self, droplet_id: int) -> SimulatedDroplet:
        if droplet_id not in self.fleet.droplets or (self.visible is not None and droplet_id not in self.visible):
            _refuse(_NOT_FOUND)
        return self.fleet.droplets[droplet_id]

    def _snapshots_by_droplet(self) -> dict[int, list[SimulatedBackup]]:
        found: dict[int, list[SimulatedBackup]] = {}
        for snapshot in self.fleet.snapshots.values():
            found.setdefault(snapshot.droplet_id, []).append(snapshot)
        return found

    def _images(self) -> list[SimulatedBackup]:
        backups = [backup for number in self.droplets for backup in self.fleet.backups_of(number)]
        return sorted([*backups, *self.fleet.snapshots.values()], key=lambda each: each.id)

    def _droplet_document(
        self, asked: _Asked, droplet: SimulatedDroplet, snapshots: Mapping[int, Sequence[SimulatedBackup]]
    ) -> Document:
        """Show a Droplet as far as the token's scopes go; what their lack leaves empty is nobody's "none"."""
        backups = [each.id for each in self.fleet.backups_of(droplet.id)]
        document = documents.droplet_document(
            droplet,
            backup_ids=self.lagging_ids.get(droplet.id, backups),
            snapshot_ids=[each.id for each in snapshots.get(droplet.id, ())],
        )
        if "tag:read" not in asked.scopes:
            document["tags"] = []
        if "image:read" not in asked.scopes:
            for key in ("backup_ids", "snapshot_ids"):
                document[key] = []
                if self.are_ids_absent:
                    del document[key]
        return document

    def _page(self, asked: _Asked, key: str, items: Sequence[Any], render: Callable[[Any], Any]) -> Document:
        return page(
            key,
            in_order(items, self.order),
            render,
            url=asked.request.base_url + asked.request.path,
            query=asked.request.query,
            fault=asked.fault,
            no_links=self.no_links,
            most_per_page=self.most_per_page,
        )


def _image_document(image: SimulatedBackup | None) -> Document:
    return documents.base_image_document() if image is None else documents.image_document(image)


def _error(status: int) -> Document:
    """Return the error document; the edge's own words for the same differ, so nobody should read them."""
    identifier, message = _ERRORS.get(status, _SERVER_ERROR)
    return {"id": identifier, "message": message}


def _route(scope: str, path: str, method: str) -> tuple[str, re.Pattern[str], str]:
    return scope, re.compile(path.replace("{id}", "([0-9]{1,19})")), method


# Scope, path and method of `SimulatedApi`; the first that fits, for `backups` is no id of a Droplet.
_ROUTES = (
    _route("account:read", "/v2/account", "_account"),
    _route("droplet:read", "/v2/droplets", "_list_droplets"),
    _route("droplet:read", "/v2/droplets/backups/policies", "_list_policies"),
    _route("droplet:read", "/v2/droplets/backups/supported_policies", "_supported_policies"),
    _route("droplet:read", "/v2/droplets/{id}", "_get_droplet"),
    _route("droplet:read", "/v2/droplets/{id}/backups", "_list_backups"),
    _route("droplet:read", "/v2/droplets/{id}/backups/policy", "_get_policy"),
    _route("droplet:read", "/v2/droplets/{id}/snapshots", "_list_droplet_snapshots"),
    _route("image:read", "/v2/images", "_list_images"),
    _route("image:read", "/v2/images/{id}", "_get_image"),
    _route("snapshot:read", "/v2/snapshots", "_list_snapshots"),
    _route("snapshot:read", "/v2/snapshots/{id}", "_get_snapshot"),
)
