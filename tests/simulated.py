"""A simulated account in process: its fleet, the API's answers without a socket, and syncs by a clock of our own."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, TypeAlias

import httpx
import sqlalchemy as sa

from inventory.digitalocean.client import Client
from inventory.model import Selection
from inventory.simulator.documents import account_document, backup_document, droplet_document, policy_document
from inventory.simulator.fleet import Fleet
from inventory.simulator.values import SimulatedBackup, SimulatedDroplet
from inventory.store.engine import Database
from inventory.store.schema import metadata
from inventory.sync import Order, sync
from inventory.sync_report import DropletReport, SyncReport

MONDAY = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
EVERYTHING = Selection(everything=True)
TOKEN = "dop_v1_" + "0" * 64

_BACKUPS = re.compile(r"/v2/droplets/([0-9]+)/backups")
_POLICY = re.compile(r"/v2/droplets/([0-9]+)/backups/policy")
_DROPLET = re.compile(r"/v2/droplets/([0-9]+)")

# Beside observation times, what a look that learns nothing may write (R4).
OBSERVATIONS = {"last_observed_at", "last_listed_at", "last_attempt_at"}

Row: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class Fault:
    """What is wrong with the answers to one path.

    Attributes:
        shows: Which of the entries it shows; the total still counts the others unless `is_plausible`.
        total: What it announces, given that total; None announces nothing.
        before: What happens to the fleet before the request of this number, counted from 1.
    """

    status: int = httpx.codes.OK
    shows: Callable[[Sequence[Any]], Sequence[Any]] = lambda entries: entries
    is_plausible: bool = False
    total: Callable[[int], int | None] = lambda true: true
    before: Mapping[int, Callable[[], object]] = field(default_factory=dict)
    requests: int = 0


class Api(httpx.BaseTransport):
    """Answers as DigitalOcean would, from the fleet as it is; the date is that of the fleet's clock.

    Attributes:
        faults: By path.
        page_size: The most that any page has, whatever is asked for.
        token_sees: Ids of the Droplets that exist for the token; None means all.
        asked: Every path, in order.
        delay: Called before each answer.
    """

    def __init__(self, fleet: Fleet, uuid: str) -> None:
        self.fleet = fleet
        self.uuid = uuid
        self.faults: dict[str, Fault] = {}
        self.page_size = 200
        self.token_sees: set[int] | None = None
        self.are_tags_readable = True
        self.asked: list[str] = []
        self.delay: Callable[[], object] = lambda: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.delay()
        path, params = request.url.path, request.url.params
        self.asked.append(path)
        fault = self.faults.get(path, Fault())
        fault.requests += 1
        fault.before.get(fault.requests, lambda: None)()
        document = self._document(path, params, fault)
        status = httpx.codes.NOT_FOUND if document is None and fault.status == httpx.codes.OK else fault.status
        body = document if status == httpx.codes.OK else {"id": "error", "message": "No."}
        headers = {"date": format_datetime(self.fleet.now, usegmt=True)}
        return httpx.Response(status, headers=headers, json=body)

    @property
    def droplets(self) -> dict[int, SimulatedDroplet]:
        """The Droplets that exist for the token."""
        seen = self.token_sees
        return {number: each for number, each in self.fleet.droplets.items() if seen is None or number in seen}

    def listed(self, droplet_id: int) -> tuple[SimulatedBackup, ...]:
        """What a Droplet's listing shows, all pages together."""
        fault = self.faults.get(backups_path(droplet_id), Fault())
        return tuple(fault.shows(self.fleet.backups_of(droplet_id)))

    def _document(self, path: str, params: httpx.QueryParams, fault: Fault) -> Row | None:
        if path == "/v2/account":
            return account_document(self.uuid, status="active")
        if path == "/v2/droplets":
            return self._page("droplets", self._listed_droplets(params), params, fault)
        if path == "/v2/droplets/backups/policies":
            policies = [(str(each.id), policy_document(each)) for each in self.droplets.values()]
            page = self._page("policies", policies, params, fault)
            return {**page, "policies": dict(page["policies"])}
        for pattern, answer in (
            (_BACKUPS, lambda each: self._page("backups", self._listed_backups(each.id), params, fault)),
            (_POLICY, lambda each: {"policy": policy_document(each)}),
            (_DROPLET, lambda each: {"droplet": self._droplet_document(each)}),
        ):
            match = pattern.fullmatch(path)
            if match and (droplet := self.droplets.get(int(match[1]))):
                return answer(droplet)
        return None

    def _listed_droplets(self, params: httpx.QueryParams) -> list[Row]:
        is_gpu = params.get("type") == "gpus"
        tag = params.get("tag_name")
        return [
            self._droplet_document(each)
            for each in self.droplets.values()
            if (each.size.gpu_model is not None) == is_gpu and (tag is None or tag in each.tags)
        ]

    def _listed_backups(self, droplet_id: int) -> list[Row]:
        return [backup_document(each) for each in self.fleet.backups_of(droplet_id)]

    def _droplet_document(self, droplet: SimulatedDroplet) -> Row:
        backups = [each.id for each in self.fleet.backups_of(droplet.id)]
        snapshots = [each.id for each in self.fleet.snapshots.values() if each.droplet_id == droplet.id]
        document = droplet_document(droplet, backup_ids=backups, snapshot_ids=snapshots)
        return document if self.are_tags_readable else {**document, "tags": []}

    def _page(self, key: str, entries: Sequence[Any], params: httpx.QueryParams, fault: Fault) -> Row:
        shown = fault.shows(entries)
        size = min(int(params["per_page"]), self.page_size)
        first = (int(params["page"]) - 1) * size
        has_next = first + size < len(shown)
        total = fault.total(len(shown if fault.is_plausible else entries))
        return {
            key: shown[first : first + size],
            "links": {"pages": {"next": "https://example.com/next"}} if has_next else {},
            "meta": {} if total is None else {"total": total},
        }


class Audience:
    """Listens to a sync and keeps what it was told before ends were accepted."""

    def __init__(self) -> None:
        self.accepted: list[DropletReport] = []

    def started(self, droplets: int) -> None:
        """Nothing to show."""

    def progressed(self, droplets: int, requests: int, waiting_until: datetime | None) -> None:
        """Nothing to show."""

    def accepting(self, droplets: Sequence[DropletReport]) -> None:
        self.accepted.extend(droplets)


class Account:
    """A configured account, and the database it is synced into.

    Attributes:
        skew: By how much this machine's clock is ahead of the API's, which is the fleet's.
    """

    def __init__(self, database: Database, fleet: Fleet | None = None, *, name: str = "default") -> None:
        self.name = name
        self.configured = frozenset({name})
        self.database = database
        self.fleet = fleet or Fleet(MONDAY)
        self.api = Api(self.fleet, uuid=f"uuid-of-{name}")
        self.audience = Audience()
        self.selection = EVERYTHING
        self.skew = timedelta(0)

    def clock(self) -> datetime:
        return self.fleet.now + self.skew

    def advance(self, **time: float) -> None:
        """Let time pass, in the words of `timedelta`."""
        self.fleet.advance(to=self.fleet.now + timedelta(**time))

    @property
    def droplets(self) -> list[int]:
        """The ids of the Droplets that exist, oldest first."""
        return list(self.fleet.droplets)

    def lose_all(self, *droplet_ids: int) -> list[int]:
        """Let every backup of these Droplets disappear without a reason; return their ids."""
        lost = [backup.id for number in droplet_ids for backup in self.fleet.backups_of(number)]
        for number in lost:
            self.fleet.lose(number)
        return lost

    def sync(
        self,
        *droplets: str,
        accept_gone: bool = False,
        is_dry_run: bool = False,
        is_full: bool = True,
        deadline: timedelta = timedelta(minutes=1),
    ) -> SyncReport:
        """Sync by the fleet's clock, one request after the other."""
        order = Order(
            account=self.name,
            selection=self.selection,
            configured_accounts=self.configured,
            deadline=deadline,
            droplets=frozenset(droplets),
            is_full=is_full,
            accept_gone=accept_gone,
            is_dry_run=is_dry_run,
        )
        with Client(TOKEN, requests_per_second=0, retry_wait_seconds=0, clock=self.clock, transport=self.api) as client:
            return sync(self.database, client, order, clock=self.clock, listener=self.audience, threads=1)

    def rows(self, table: str, **where: object) -> list[Row]:
        """Read a table, in the order of its key."""
        with self.database.reading() as connection:
            return rows(connection, table, **where)

    def dump(self, *, without: Iterable[str] = ()) -> dict[str, list[Row]]:
        """Read all that is stored of Droplets and backups; of runs, nothing."""
        left_out = set(without)
        tables = metadata.tables.keys() - {"sync_runs", "sync_listings"}
        with self.database.reading() as connection:
            return {
                name: [
                    {column: value for column, value in row.items() if column not in left_out}
                    for row in rows(connection, name)
                ]
                for name in sorted(tables)
            }

    def stored(self, droplet_id: int) -> Row:
        """Read a Droplet's row."""
        (row,) = self.rows("droplets", id=droplet_id)
        return row

    def live(self, droplet_id: int) -> set[int]:
        """Read which backups of a Droplet exist as far as is stored."""
        return {row["id"] for row in self.rows("backups", droplet_id=droplet_id) if row["gone_at"] is None}

    def reasons(self) -> list[str]:
        """Read why backups ended, oldest first."""
        return [row["gone_reason"] for row in self.rows("backups") if row["gone_at"] is not None]


def rows(connection: sa.Connection, table: str, **where: object) -> list[Row]:
    columns = metadata.tables[table]
    query = sa.select(columns).where(*(columns.c[name] == value for name, value in where.items()))
    return [dict(row) for row in connection.execute(query.order_by(*columns.primary_key)).mappings()]


def backups_path(droplet_id: int) -> str:
    return f"/v2/droplets/{droplet_id}/backups"
