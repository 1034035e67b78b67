"""An API served by a process of its own, so that it shares no interpreter with a sync."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from inventory.simulator.server import Answers, serve


@contextmanager
def served_apart(make: Callable[[], Answers]) -> Iterator[str]:
    """Make an API in another process, which must be able to import ``make``, serve it there, and give its URL."""
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_serve, args=(make, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join()


def _serve(make: Callable[[], Answers], connection: Connection) -> None:
    with serve(make()) as url:
        connection.send(url)
        connection.recv()
