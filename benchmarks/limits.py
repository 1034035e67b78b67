"""How long a sync takes under DigitalOcean's limits, by a simulated clock that only waiting moves.

The real sync, four requests a second at most, against the simulated account with the documented limits switched on.
Answers and work take no time in this.
"""

import argparse
from contextlib import closing
from datetime import datetime, timedelta

import httpx

from benchmarks.account import BACKUPS_A_DROPLET, TOKEN
from inventory.digitalocean.client import Client
from inventory.digitalocean.pace import Pace
from inventory.model import Selection
from inventory.network.access import Token
from inventory.process.clock import utc_now
from inventory.process.stopping import StopSignal
from inventory.report.progress import Silence
from inventory.simulator.api import SimulatedApi
from inventory.simulator.fleet import Fleet
from inventory.simulator.limits import DOCUMENTED_PER_HOUR, DOCUMENTED_PER_MINUTE, RateLimits
from inventory.simulator.messages import Request
from inventory.store.engine import Database, memory
from inventory.store.upgrade import upgrade
from inventory.sync.order import Job, Order
from inventory.sync.run import sync

_SIZES = (1_000,)
_LARGE = 10_000
_REQUESTS_PER_SECOND = 4.0  # the default


class _Account(SimulatedApi, httpx.BaseTransport):
    """A simulated account that is asked without a socket, and whose limits go by `seconds`.

    At rest, no backup is made or ends while time passes.
    """

    def __init__(self, fleet: Fleet, *, is_at_rest: bool = False) -> None:
        self.seconds = 0.0
        self._is_at_rest = is_at_rest
        self.refusals = 0
        self._began_at = fleet.now
        super().__init__(fleet, token=TOKEN, limits=self._documented_limits)

    def _documented_limits(self) -> RateLimits:
        return RateLimits(per_minute=DOCUMENTED_PER_MINUTE, per_hour=DOCUMENTED_PER_HOUR, seconds=lambda: self.seconds)

    def clock(self) -> datetime:
        return self._began_at + timedelta(seconds=self.seconds)

    def pass_time(self, seconds: float) -> None:
        self.seconds += seconds
        if not self._is_at_rest:
            self.fleet.advance(to=self.clock())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        query, headers = dict(request.url.params), dict(request.headers)
        answer = self.answer(Request(request.method, request.url.path, query, headers))
        self.refusals += answer.status == httpx.codes.TOO_MANY_REQUESTS
        return httpx.Response(answer.status, headers=answer.headers, content=answer.body)


class _Waiting(StopSignal):
    """Lets the account's time pass instead of ours."""

    def __init__(self, account: _Account) -> None:
        super().__init__()
        self._account = account

    def wait(self, seconds: float) -> bool:
        self._account.pass_time(seconds)
        return self.is_set()


def main() -> None:
    """Print a line for each size of fleet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help=f"measure {_LARGE:,} Droplets too")
    for droplets in (*_SIZES, _LARGE) if parser.parse_args().large else _SIZES:
        with closing(memory()) as database:
            upgrade(database)
            _measure(database, droplets)


def _measure(database: Database, droplets: int) -> None:
    fleet = Fleet(utc_now())
    for number in range(droplets):
        fleet.add_droplet(name=f"web-{number}", backups=BACKUPS_A_DROPLET)
    first = _sync(database, _Account(fleet))
    # The first of them lists what changed during the first load; then the fleet is at rest.
    rest = [_sync(database, _Account(fleet, is_at_rest=True)) for _ in range(2)][-1]
    print(
        f"under the limits, {droplets:,} Droplets: first {first[0]:,} requests, {first[1] / 60:.1f} min; at rest "
        f"{rest[0]} requests, {rest[1]:.1f} s: {first[1] / rest[1]:.0f} times; refused with 429: {first[2]}"
    )


def _sync(database: Database, account: _Account) -> tuple[int, float, int]:
    """Return how many requests a sync sends, the simulated seconds that they take, and how many were refused."""
    job = Job(
        account="default",
        selection=Selection(everything=True),
        configured_accounts=frozenset({"default"}),
        deadline=timedelta(hours=1),
        order=Order(),
    )
    pace = Pace(_REQUESTS_PER_SECOND, clock=account.clock, seconds=lambda: account.seconds)
    waiting = _Waiting(account)
    with Client(Token(TOKEN), clock=account.clock, transport=account, pace=pace, stop=waiting) as client:
        report = sync(database, client, job, clock=account.clock, listener=Silence(), threads=1)
    if report.status != "complete":
        raise SystemExit(f"the sync is {report.status}: {report.error}")
    return report.requests, account.seconds, account.refusals


if __name__ == "__main__":
    main()
