"""Many accounts synced at once by one process, as cron starts it, beside the time of one account alone.

Each account has its own token and its own limits, and an answer takes 100 ms, as from another continent.
"""

import argparse
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import sqlalchemy as sa

from benchmarks.account import BACKUPS_A_DROPLET
from benchmarks.apart import served_apart
from benchmarks.databases import DATABASES
from benchmarks.process import MEASURE
from inventory.process.clock import utc_now
from inventory.simulator.api import SimulatedApi
from inventory.simulator.fleet import Fleet
from inventory.simulator.limits import documented_limits
from inventory.simulator.messages import Answer, Request

_LATENCY_SECONDS = 0.1
_IDS_BETWEEN_ACCOUNTS = 2_000_000_000


def main() -> None:
    """Print a line for each database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=32)
    parser.add_argument("--droplets", type=int, default=100, help="of each account")
    parser.add_argument("--at-once", type=int, help="accounts; all of them unless told otherwise")
    parser.add_argument("--database", choices=DATABASES, help="only this one; both unless told otherwise")
    asked = parser.parse_args()
    at_once = asked.at_once or asked.accounts
    for name in [asked.database] if asked.database else DATABASES:
        print(f"{name}, {asked.accounts:,} accounts of {asked.droplets} Droplets, {at_once} at once:")
        with DATABASES[name]() as new, served_apart(partial(Accounts, asked.droplets)) as url:
            alone = _told("one alone", _sync(url, new(), accounts=1, at_once=1))
            database = new()
            first = _told("first", _sync(url, database, accounts=asked.accounts, at_once=at_once))
            print(f"  {first.seconds / alone.seconds:.2f} times one alone")
            # The first of them lists what changed during the first load; then the fleets are at rest.
            for kind in ("again", "at rest"):
                _told(kind, _sync(url, database, accounts=asked.accounts, at_once=at_once))


class _Measured(NamedTuple):
    seconds: float
    megabytes: float
    of_processor: float


def _told(kind: str, measured: _Measured) -> _Measured:
    used = f"{measured.of_processor:.1f} s of processor time, {measured.megabytes:.0f} MB"
    print(f"  {kind} {measured.seconds:.1f} s, {used}; load {os.getloadavg()[0]:.1f}", flush=True)
    return measured


def _sync(url: str, database: sa.URL, *, accounts: int, at_once: int) -> _Measured:
    """Return what one sync of so many accounts takes, each with a file of its own."""
    with TemporaryDirectory() as place:
        files = Path(place, "accounts")
        files.mkdir()
        for number in range(accounts):
            file = files / f"customer-{number}.token"
            file.write_text(token(number))
            file.chmod(0o600)
        shown = database.set(drivername=database.get_backend_name()).render_as_string(hide_password=False)
        settings = Path(place, "inventory.toml")
        settings.write_text(
            f"api_url = '{url}'\ndatabase_url = '{shown}'\n"
            f"accounts_directory = '{files}'\naccounts_at_once = {at_once}\n"
        )
        settings.chmod(0o600)
        inventory = str(Path(sys.executable).with_name("inventory"))
        words = [sys.executable, "-S", "-c", MEASURE, inventory, "sync", "--quiet", "--config", str(settings)]
        result = subprocess.run(words, check=True, capture_output=True, text=True)  # noqa: S603 - our own program
    return _Measured(*map(float, result.stdout.split()))


# The other side


class Accounts:
    """The API of any number of accounts; each is made when its token is first seen, and its clock stands still."""

    def __init__(self, droplets: int) -> None:
        self._droplets = droplets
        self._apis: dict[str, SimulatedApi] = {}

    def answer(self, request: Request) -> Answer:
        """Answer late, as the account whose token it is."""
        sent = request.headers["authorization"].removeprefix("Bearer ")
        if sent not in self._apis:
            self._apis[sent] = self._api(sent)
        return replace(self._apis[sent].answer(request), delay_seconds=_LATENCY_SECONDS)

    def _api(self, sent: str) -> SimulatedApi:
        number = int(sent.removeprefix(_PREFIX))
        fleet = Fleet(
            utc_now(),
            seed=number,
            first_droplet_id=1_000_000 * (number + 1),
            first_image_id=_IDS_BETWEEN_ACCOUNTS * number,
        )
        for each in range(self._droplets):
            fleet.add_droplet(name=f"web-{each}", backups=BACKUPS_A_DROPLET)
        return SimulatedApi(fleet, token=sent, limits=documented_limits)


_PREFIX = "dop_v1_"


def token(number: int) -> str:
    """Give the token of an account."""
    return f"{_PREFIX}{number:064}"


if __name__ == "__main__":
    main()
