"""Two daemons and syncs by cron on one database write what one daemon writes, and never at once (R8)."""

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise

import pytest

from inventory.store.engine import Database
from inventory.store.upgrade import upgrade
from tests.end_to_end.conftest import Run, Served, later
from tests.end_to_end.daemon_process import DaemonProcess, Record, eventually, running
from tests.end_to_end.stored import state
from tests.simulated import Row, rows

TICKS = 100


@pytest.fixture
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The database of a daemon that has it for itself."""
    with closing(Database(f"sqlite:///{tmp_path_factory.mktemp('alone')}/inventory.db")) as database:
        upgrade(database)
        yield database


@pytest.fixture(autouse=True)
def _configured(environment: Callable[[Served], None], account: Served) -> None:
    environment(account)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_two_daemons_and_cron_write_what_one_daemon_writes(
    account: Served, database: Database, alone: Database, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INVENTORY_SCHEDULE", str(0.5 / 60))
    shared_url = database.url.render_as_string(hide_password=False)
    monkeypatch.setenv("INVENTORY_DATABASE_URL", alone.url.render_as_string(hide_password=False))
    codes = []
    with running() as only:
        monkeypatch.setenv("INVENTORY_DATABASE_URL", shared_url)
        with running() as first, running() as second:
            for daemon in (only, first, second):
                daemon.wait_for("sync.finished")
            for change in changes(account):
                change()
                codes.append(run("sync", "--quiet").code)
                eventually(lambda: live(database) == live(alone) == existing(account))
            eventually(lambda: len(codes) + len(finished(first, second)) >= TICKS, seconds=200)
            assert {daemon.stop() for daemon in (only, first, second)} == {0}
            ended = finished(first, second)
    assert set(codes) <= {0, 3, 75}, "3 where a destroyed Droplet is missed for the first time"
    others = [(record["exit_code"], record["error"]) for record in ended if record["exit_code"] not in (0, 3, 75, 143)]
    assert others == []
    check_never_at_once(database)
    assert differences(state(database), state(alone)) == []


def finished(*daemons: DaemonProcess) -> list[Record]:
    return [record for daemon in daemons for record in daemon.all("sync.finished")]


def changes(account: Served) -> Iterator[Callable[[], object]]:
    """Backups come and go, one Droplet is made and one destroyed.

    None goes that is near the end of its retention: why it ended would depend on the minute of the look.
    """
    fleet = account.fleet
    for turn in range(3):
        later(account, minutes=1)
        for droplet_id in list(fleet.droplets)[: 1 + turn % 3]:
            yield lambda number=droplet_id: fleet.add_backup(number)  # type: ignore[misc]  # bound in the loop
            yield lambda number=droplet_id: fleet.lose(fleet.backups_of(number)[-2].id)  # type: ignore[misc]  # as above
    yield lambda: fleet.add_droplet(name="new", plan="daily", backups=2)
    yield lambda: fleet.destroy(next(iter(fleet.droplets)))


def live(database: Database) -> set[int]:
    with database.reading() as connection:
        return {row["id"] for row in rows(connection, "backups") if row["gone_at"] is None}


def existing(account: Served) -> set[int]:
    return {backup.id for number in account.fleet.droplets for backup in account.fleet.backups_of(number)}


def check_never_at_once(database: Database) -> None:
    """No run stored a look that it made before the one before it had ended; they are numbered as they took the lease.

    When a run began does not say it: on PostgreSQL it may have waited for the lease since.
    """
    with database.reading() as connection:
        found, looks = rows(connection, "sync_runs"), rows(connection, "sync_listings")
    assert {row["trigger"] for row in found} == {"command", "daemon"}
    assert len({row["pid"] for row in found}) == 3
    for earlier, following in pairwise(found):
        stamps = [look["attempted_at"] for look in looks if look["run_id"] == following["id"]]
        assert all(earlier["finished_at"] <= stamp for stamp in stamps), (earlier, following)


def differences(shared: dict[str, list[Row]], alone: dict[str, list[Row]]) -> list[object]:
    """Compare but for the accounts: which number they have, nobody chooses."""
    found: list[object] = []
    for name in shared.keys() - {"accounts"}:
        if len(shared[name]) != len(alone[name]):
            found.append((name, len(shared[name]), len(alone[name])))
        for one, other in zip(shared[name], alone[name], strict=False):
            found += [(name, one, key, other[key]) for key in one if untimed(key, one[key]) != untimed(key, other[key])]
    return found


def untimed(key: str, value: object) -> object:
    """Leave of a time only whether there is one: two databases are told at two moments."""
    return value is None if key in ("gone_reason_replaced_at", "replaced_at", "looks") else value
