"""A simulated account of a fixed fleet, served by a process of its own so that it shares no interpreter with a sync."""

from contextlib import AbstractContextManager
from functools import partial

from benchmarks.apart import served_apart
from inventory.process.clock import utc_now
from inventory.simulator.api import SimulatedApi
from inventory.simulator.fleet import Fleet

BACKUPS_A_DROPLET = 8
TOKEN = "dop_v1_" + "0" * 64


def served(droplets: int) -> AbstractContextManager[str]:
    """Serve so many Droplets of 8 backups each, whose clock stands still, and give the URL."""
    return served_apart(partial(_account, droplets))


def _account(droplets: int) -> SimulatedApi:
    fleet = Fleet(utc_now())
    for number in range(droplets):
        fleet.add_droplet(name=f"web-{number}", backups=BACKUPS_A_DROPLET)
    return SimulatedApi(fleet, token=TOKEN)
