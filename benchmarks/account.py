"""A simulated account of a fixed fleet, served by a process of its own so that it shares no interpreter with a sync."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from inventory.process.clock import utc_now
from inventory.simulator.api import SimulatedApi
from inventory.simulator.fleet import Fleet
from inventory.simulator.server import serve

BACKUPS_A_DROPLET = 8
TOKEN = "dop_v1_" + "0" * 64


@contextmanager
def served(droplets: int) -> Iterator[str]:
    """Serve so many Droplets of 8 backups each, whose clock stands still, and give the URL."""
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_serve, args=(droplets, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join()


def _serve(droplets: int, connection: Connection) -> None:
    fleet = Fleet(utc_now())
    for number in range(droplets):
        fleet.add_droplet(name=f"web-{number}", backups=BACKUPS_A_DROPLET)
    with serve(SimulatedApi(fleet, token=TOKEN)) as url:
        connection.send(url)
        connection.recv()
