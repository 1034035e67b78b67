"""What may go wrong: with the answers to a sync, and with its process."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import sqlalchemy as sa

from inventory.simulator.faults import Fault
from inventory.store.engine import Database

# What may be wrong with a listing of backups. Those of PLAUSIBLE cannot be told from the truth: what they show counts.
# An empty one can, as long as the Droplet names backups: it counts only if the user accepts it.
FAULTS: Mapping[str, Callable[[], Fault]] = {
    "forbidden": lambda: Fault(status=403),
    "missing": lambda: Fault(status=404),
    "failing": lambda: Fault(status=503),
    "too high a total": lambda: Fault(total=lambda true: true + 1),
    "no total": lambda: Fault(total=lambda _: None),
    "short": lambda: Fault(shows=lambda entries: entries[1:]),
    "empty": lambda: Fault(shows=lambda _: []),
    "plausibly short": lambda: Fault(shows=lambda entries: entries[1:], is_plausible=True),
    "plausibly empty": lambda: Fault(shows=lambda _: [], is_plausible=True),
}
PLAUSIBLE = {"plausibly short", "no total"}
PLAUSIBLE_IF_ACCEPTED = {*PLAUSIBLE, "plausibly empty"}
# Where two walks that agree are taken for the whole.
PLAUSIBLE_IF_INSISTING = {*PLAUSIBLE_IF_ACCEPTED, "too high a total", "short", "empty"}
HARMLESS_IF_THERE_ARE_NONE = {"short", "empty", "plausibly empty"}

DISCOVERY_FAULTS: Mapping[str, tuple[str, Callable[[], Fault]]] = {
    "account forbidden": ("/v2/account", lambda: Fault(status=403)),
    "token rejected": ("/v2/account", lambda: Fault(status=401)),
    "no listing": ("/v2/droplets", lambda: Fault(status=500)),
    "torn listing": ("/v2/droplets", lambda: Fault(shows=lambda entries: entries[1:])),
    "empty listing": ("/v2/droplets", lambda: Fault(shows=lambda _: [], is_plausible=True)),
    "no policies": ("/v2/droplets/backups/policies", lambda: Fault(status=500)),
    "some policies": ("/v2/droplets/backups/policies", lambda: Fault(shows=lambda entries: entries[1:])),
}


class Killed(BaseException):
    """The process is no more."""


@contextmanager
def dying(database: Database, *, at_commit: int) -> Iterator[None]:
    """Let the process die where it would commit for the n-th time, and write nothing from then on."""
    commits = 0

    def commit(_connection: sa.Connection) -> None:
        nonlocal commits
        commits += 1
        if commits >= at_commit:
            raise Killed

    sa.event.listen(database.engine, "commit", commit)
    try:
        yield
    except Killed:
        pass
    finally:
        sa.event.remove(database.engine, "commit", commit)
