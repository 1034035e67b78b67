"""Three accounts of two clients in one configuration: what is told of them together, and of each."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from inventory.simulator.fleet import Fleet
from inventory.simulator.server import serve
from inventory.store import verdicts
from inventory.store.engine import Database
from tests.end_to_end.conftest import Run, now
from tests.simulated import Accounts, token_of

GROUPS = {"acme-db": "acme", "acme-web": "acme", "beta": "b"}


@pytest.fixture
def fleets() -> dict[str, Fleet]:
    """Give each account a Droplet of the same name, with three backups."""
    found = {}
    for number, name in enumerate(GROUPS):
        fleet = Fleet(now(), seed=number, first_droplet_id=(number + 1) * 1_000_000, first_image_id=number * 2 * 10**9)
        fleet.add_droplet(name="gpu-01", plan="daily", backups=3)
        found[name] = fleet
    return found


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    with closing(Database(migrated_url)) as database:
        yield database


@pytest.fixture
def configure(
    fleets: dict[str, Fleet], migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """Serve the accounts, and write their configuration, with more text where it is given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    tables = "".join(
        f"[accounts.{name}]\ntoken = '{token_of(name)}'\ngroup = '{group}'\n" for name, group in GROUPS.items()
    )
    with serve(Accounts(fleets)) as url:
        head = f"api_url = '{url}'\nrequests_per_second = 0\ndatabase_url = '{migrated_url}'\n"

        def write(more: str = "") -> None:
            file = Path("inventory.toml")
            file.write_text(head + more + tables, encoding="utf-8")
            file.chmod(0o600)

        write()
        yield write


@pytest.fixture
def synced(run: Run, configure: Callable[[str], None], fleets: dict[str, Fleet]) -> Callable[[str], None]:
    """Sync all twice; in between, somebody switches the backups of `acme-db` off."""
    assert run("sync", "--quiet").code == 0
    (droplet_id,) = fleets["acme-db"].droplets
    fleets["acme-db"].disable_backups(droplet_id)
    assert run("sync", "--quiet").code == 0
    return configure


@pytest.mark.usefixtures("synced")
def test_a_sync_of_several_accounts_keeps_the_verdict_on_those_it_synced(run: Run, database: Database) -> None:
    def kept() -> dict[str, verdicts.Kept]:
        with database.reading() as connection:
            return verdicts.read(connection)

    found = kept()
    assert {name: [each.name for each in its.findings] for name, its in found.items()} == {
        "acme-db": ["backups-disabled"],
        "acme-web": [],
        "beta": [],
    }
    assert run("sync", "--quiet", "--dry-run").code == 0
    assert kept() == found
    assert run("sync", "--quiet", "--account", "beta").code == 0
    assert kept()["acme-db"] == found["acme-db"]
    assert kept()["beta"].judged_at >= found["beta"].judged_at
