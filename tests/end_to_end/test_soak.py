"""A day of hourly rounds, told fast: the process is as large at its end as it was after the first hours."""

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.store.engine import Database
from tests.end_to_end.conftest import Served, later
from tests.end_to_end.daemon_process import DaemonProcess, eventually, running

WARM_HOURS = 24
HOURS = 24

# In 100 hours a process grows by 2.7 MB up to the 18th and by 0.5 MB after it; what is lost each hour comes to more.
TOLERATED_KILOBYTES = 2_000


def resident_kilobytes(daemon: DaemonProcess) -> int:
    lines = Path(f"/proc/{daemon.pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def threads(daemon: DaemonProcess) -> int:
    return len(list(Path(f"/proc/{daemon.pid}/task").iterdir()))


def descriptors(daemon: DaemonProcess) -> int:
    return len(list(Path(f"/proc/{daemon.pid}/fd").iterdir()))


def connections(database: Database) -> int:
    """Count the sessions of the daemon on PostgreSQL."""
    if database.is_sqlite:
        return 0
    with database.reading() as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return int(connection.execute(sa.text(query)).scalar_one())


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_day_leaves_the_process_as_it_was(
    environment: Callable[[Served], None], account: Served, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(account)
    monkeypatch.setenv("INVENTORY_SCHEDULE", str(0.5 / 60))
    # As the units and the image set it: what glibc keeps unused for each thread stays out of the figure.
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")

    def live_through(daemon: DaemonProcess, hours: int) -> None:
        """Each hour brings a backup to every Droplet, and somebody who asks for the metrics."""
        for _ in range(hours):
            later(account, minutes=1)
            for droplet_id in account.fleet.droplets:
                account.fleet.add_backup(droplet_id)
            daemon.wait_for("sync.finished", times=len(daemon.all("sync.finished")) + 1)
            assert daemon.get("/metrics").is_success

    with running() as daemon:
        live_through(daemon, WARM_HOURS)
        warm = resident_kilobytes(daemon)
        most = {count: most_of(count, daemon, database) for count in (threads, descriptors)}
        live_through(daemon, HOURS)
        grown = resident_kilobytes(daemon) - warm
        for count, before in most.items():
            eventually(lambda count=count, before=before: count(daemon) <= before)  # type: ignore[misc]  # bound now
        eventually(lambda: connections(database) == 0)
        assert daemon.stop() == 0
    assert grown < TOLERATED_KILOBYTES
    # One that was stopped as it began has no number.
    assert max(record["run_id"] or 0 for record in daemon.all("sync.finished")) >= WARM_HOURS + HOURS


def most_of(count: Callable[[DaemonProcess], int], daemon: DaemonProcess, database: Database) -> int:
    """Count between two rounds, when there is no connection to the database."""
    eventually(lambda: connections(database) == 0)
    return count(daemon)
