"""Two faults at once: each is met as if it were alone (row 84)."""

import signal
from collections.abc import Callable

import pytest

from inventory.simulator.faults import Fault
from inventory.store.engine import Database
from tests.end_to_end.conftest import Run, Served, on_sqlite, start
from tests.end_to_end.daemon_process import eventually, running
from tests.end_to_end.stored import check_live, state
from tests.end_to_end.test_streams import typed
from tests.postgres import cluster

pytestmark = [pytest.mark.slow, on_sqlite]  # real processes


@pytest.fixture(autouse=True)
def _configured(environment: Callable[[Served], None], account: Served) -> None:
    environment(account)


def killed(account: Served, fault: Fault) -> None:
    """Begin a sync, and kill it while this fault keeps it waiting for a Droplet's backups."""
    account.api.faults["/v2/droplets/*"] = fault
    process = start("sync", "--quiet")
    eventually(lambda: fault.struck > 0)
    process.kill()
    process.communicate()
    account.api.faults.clear()


def test_a_disk_that_is_full_when_a_killed_sync_is_made_good(run: Run, account: Served, database: Database) -> None:
    killed(account, Fault(delay_seconds=600))
    blocks = database.path.stat().st_size // 512 if database.path else 0  # of 512 bytes, as sh counts them
    ended = typed("sync", streams=f"ulimit -f {blocks // 4}")
    assert (ended.returncode, "Traceback" in ended.stderr) == (1, False), ended.stderr
    assert "disk" in ended.stderr
    assert run("sync", "--quiet").code == 0
    check_live(account, state(database))


def test_a_kill_while_a_rate_limit_is_waited_for(run: Run, account: Served, database: Database) -> None:
    killed(account, Fault(status=429, headers={"retry-after": "3600"}))
    assert run("sync", "--quiet").code == 0
    check_live(account, state(database))


def test_a_daemon_whose_database_is_down_stops_when_it_is_told_to(
    account: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a run: the server stops answering, and then the signal comes."""
    monkeypatch.setenv("INVENTORY_SCHEDULE", str(1 / 60))
    with cluster() as server:
        monkeypatch.setenv("INVENTORY_DATABASE_URL", server.url().render_as_string(hide_password=False))
        with running() as daemon:
            daemon.wait_for("sync.finished", where=lambda record: record["status"] == "complete")
            account.api.faults["/v2/droplets"] = slow = Fault(delay_seconds=2)
            eventually(lambda: slow.struck > 0)
            server.stop()
            daemon.signal(signal.SIGTERM)
            assert daemon.wait() == 0
    assert daemon.records[-1]["event"] == "daemon.stopped"
