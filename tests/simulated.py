"""A simulated account in process: its fleet, the API's answers without a socket, and syncs by a clock of our own."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import httpx
import sqlalchemy as sa

from inventory.digitalocean.client import Client
from inventory.model import Selection
from inventory.network.access import Token
from inventory.simulator.api import SimulatedApi
from inventory.simulator.faults import Fault
from inventory.simulator.fleet import Fleet
from inventory.simulator.messages import Answer, Request
from inventory.simulator.values import SimulatedBackup, SimulatedDroplet
from inventory.store.engine import Database
from inventory.store.schema import metadata
from inventory.sync.order import Job, Order
from inventory.sync.result import DropletReport, SyncReport
from inventory.sync.run import sync

MONDAY = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
EVERYTHING = Selection(everything=True)
TOKEN = "dop_v1_" + "0" * 64

# Beside observation times, what a look that learns nothing may write (R4).
OBSERVATIONS = {"last_observed_at", "last_listed_at", "last_attempt_at", "looks"}

Row: TypeAlias = dict[str, Any]


class Api(SimulatedApi, httpx.BaseTransport):
    """The simulated account's API as a transport, without a socket.

    Attributes:
        token_sees: Ids of the Droplets that exist for the token; None means all.
        are_tags_readable: Whether Droplets show their tags, and are found by them.
        asked: Every path, in order.
        delay: Called before each answer.
    """

    def __init__(self, fleet: Fleet, uuid: str) -> None:
        super().__init__(fleet, token=TOKEN, uuid=uuid)
        self.token_sees: set[int] | None = None
        self.are_tags_readable = True
        self.asked: list[str] = []
        self.delay: Callable[[], object] = lambda: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.delay()
        self.asked.append(request.url.path)
        query, headers = dict(request.url.params), dict(request.headers)
        answer = self.answer(Request(request.method, request.url.path, query, headers))
        return httpx.Response(answer.status, headers=answer.headers, content=answer.body)

    @property
    def droplets(self) -> Mapping[int, SimulatedDroplet]:
        """The Droplets that exist for the token, as far as it may read them."""
        if self.token_sees is None and self.are_tags_readable:
            return self.fleet.droplets
        return {
            number: each if self.are_tags_readable else replace(each, tags=())
            for number, each in self.fleet.droplets.items()
            if self.token_sees is None or number in self.token_sees
        }

    def listed(self, droplet_id: int) -> tuple[SimulatedBackup, ...]:
        """What a Droplet's listing shows, all pages together."""
        fault = self.faults.get(backups_path(droplet_id), Fault())
        return tuple(fault.shows(self.fleet.backups_of(droplet_id)))


class Accounts:
    """The API of several simulated accounts, each with a token of its own."""

    def __init__(self, fleets: Mapping[str, Fleet]) -> None:
        """Serve these fleets; the token of account NAME is `token_of(NAME)`."""
        self.apis = {token_of(name): SimulatedApi(each, token=token_of(name)) for name, each in fleets.items()}

    def answer(self, request: Request) -> Answer:
        """Answer as the account whose token it is; any of them refuses a token of nobody."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return self.apis.get(token, next(iter(self.apis.values()))).answer(request)


def token_of(name: str) -> str:
    """Give the token of the account of this name: of a token's length and characters."""
    return "dop_v1_" + name.encode().hex().rjust(64, "0")


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
        seconds: Callable[[], float] = time.monotonic,
    ) -> SyncReport:
        """Sync by the fleet's clock, one request after the other."""
        job = Job(
            account=self.name,
            selection=self.selection,
            configured_accounts=self.configured,
            deadline=deadline,
            order=Order(droplets=frozenset(droplets), is_full=is_full, accept_gone=accept_gone, is_dry_run=is_dry_run),
        )
        with Client(
            Token(TOKEN), requests_per_second=0, retry_wait_seconds=0, clock=self.clock, transport=self.api
        ) as client:
            return sync(
                self.database, client, job, clock=self.clock, listener=self.audience, threads=1, seconds=seconds
            )

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
