"""`inventory sync`, from the shell to the rows."""

import os
import re
import signal
import stat
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pydo
import pytest
import sqlalchemy as sa

from inventory.digitalocean.client import Client
from inventory.simulator.faults import Fault
from inventory.simulator.story import seeded_fleet
from inventory.store.engine import Database
from inventory.store.schema import backup_regions, backups, droplets, sync_runs
from tests.end_to_end.conftest import Ended, Run, Serve, Served, now, on_sqlite, small_fleet, start
from tests.end_to_end.daemon_process import eventually
from tests.simulated import backups_path, rows

Environment = Callable[[Served], None]


@pytest.fixture(autouse=True)
def _configured(environment: Environment, account: Served) -> None:
    environment(account)


def stored(database: Database) -> dict[int, tuple[object, ...]]:
    """Read every existing backup as the database has it, with its regions."""
    with database.reading() as connection:
        places = connection.execute(sa.select(backup_regions).where(backup_regions.c.valid_to.is_(None))).all()
        found = connection.execute(sa.select(backups).where(backups.c.gone_at.is_(None))).all()
    regions: dict[int, list[str]] = defaultdict(list)
    for place in places:
        regions[place.backup_id].append(place.region)
    return {
        each.id: (
            each.droplet_id,
            each.name,
            each.type,
            each.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            each.size_gigabytes,
            each.min_disk_size,
            sorted(regions[each.id]),
        )
        for each in found
    }


def listed_by_official_client(served: Served) -> dict[int, tuple[object, ...]]:
    """Read every backup as DigitalOcean's own client shows it, page by page."""
    client = pydo.Client(token=served.api.token, endpoint=served.url)
    found: dict[int, tuple[object, ...]] = {}
    for droplet_id in served.fleet.droplets:
        page = 1
        while True:
            answer = client.droplets.list_backups(droplet_id, per_page=50, page=page, enforce_https=False)
            for each in answer["backups"]:
                found[each["id"]] = (
                    droplet_id,
                    each["name"],
                    each["type"],
                    each["created_at"],
                    float(each["size_gigabytes"]),
                    each["min_disk_size"],
                    sorted(each["regions"]),
                )
            if "next" not in answer.get("links", {}).get("pages", {}):
                break
            page += 1
    return found


def test_what_the_official_client_lists_is_stored_and_nothing_more(
    run: Run, account: Served, database: Database
) -> None:
    large = account.fleet.add_droplet(name="large", plan="hourly")
    for _ in range(230):
        account.fleet.add_backup(large, regions=["fra1", "ams3"], size_gigabytes=2)
    assert run("sync").code == 0
    assert stored(database) == listed_by_official_client(account)
    assert len(stored(database)) == 4 * 6 + 230


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_four_hundred_and_fifty_droplets_are_stored_as_the_official_client_lists_them(
    run: Run, serve_fleet: Serve, environment: Environment, database: Database
) -> None:
    served = serve_fleet(seeded_fleet(droplets=450, starts_at=now() - timedelta(days=30), days=30))
    environment(served)
    assert run("sync").code == 0
    assert stored(database) == listed_by_official_client(served)
    with database.reading() as connection:
        assert {row["id"] for row in rows(connection, "droplets")} == set(served.fleet.droplets)


@pytest.mark.new_database
def test_a_second_sync_changes_nothing(run: Run, database: Database) -> None:
    first = run("sync")
    assert (first.code, first.err) == (0, "")
    assert "COMPLETE: 4 of 4 Droplets. 24 appeared." in first.out
    before = stored(database)
    second = run("sync")
    assert "Nothing changed." in second.out
    assert "4 Droplets proven unchanged" in second.out
    assert stored(database) == before


def torn(served: Served, droplet_id: int) -> Fault:
    served.api.most_per_page = 4

    def lose_oldest() -> None:
        served.fleet.lose(served.fleet.backups_of(droplet_id)[0].id)

    return Fault(before={2: lose_oldest})


PAGE_FAULTS: dict[str, Callable[[Served, int], Fault]] = {
    "forbidden": lambda _served, _droplet: Fault(status=403),
    "failing": lambda _served, _droplet: Fault(status=500),
    "late": lambda _served, _droplet: Fault(delay_seconds=2),
    "lying": lambda _served, _droplet: Fault(total=lambda true: true + 1),
    "torn": torn,
}


@pytest.mark.parametrize("kind", PAGE_FAULTS)
def test_a_page_that_fails_leaves_its_droplet_as_it_was_and_stops_no_other(
    run: Run, account: Served, database: Database, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    impatient = partial(Client, timeout_seconds=0.5, retry_wait_seconds=0)
    monkeypatch.setattr("inventory.rounds.round.Client", impatient)
    run("sync")
    first, *others = account.fleet.droplets
    before = {number: row for number, row in stored(database).items() if row[0] == first}
    made = {account.fleet.add_backup(number) for number in others}
    account.api.faults[backups_path(first)] = PAGE_FAULTS[kind](account, first)
    ended = run("sync", "--full")
    assert ended.code == 3
    assert "PARTIAL: 3 of 4 Droplets." in ended.out
    assert "web-0 comes first next time" in ended.out
    assert {number: row for number, row in stored(database).items() if row[0] == first} == before
    assert made <= stored(database).keys()


@pytest.mark.new_database
def test_nothing_is_written_by_a_dry_run(run: Run, account: Served, database: Database) -> None:
    if database.is_sqlite:
        ended = run("sync", "--dry-run")
        assert (ended.code, "DRY RUN, nothing written. COMPLETE" in ended.out) == (0, True)
        assert f'account "default" -> {database.path} ' in " ".join(ended.out.split())
        assert list(Path().iterdir()) == []
    run("sync")
    with database.reading() as connection:
        before = connection.execute(sa.select(sync_runs)).all()
    account.fleet.add_backup(next(iter(account.fleet.droplets)))
    ended = run("sync", "--dry-run", "--json")
    assert ended.document["accounts"][0]["backups_appeared"] == 1
    with database.reading() as connection:
        assert connection.execute(sa.select(sync_runs)).all() == before


@pytest.mark.new_database
def test_a_new_sqlite_file_is_for_its_owner_alone(run: Run, database: Database) -> None:
    if database.path is None:
        pytest.skip("PostgreSQL has no file")
    run("sync")
    assert stat.S_IMODE(database.path.stat().st_mode) == 0o600


def test_one_droplet_by_its_name(run: Run, account: Served) -> None:
    run("sync")
    for number in account.fleet.droplets:
        account.fleet.add_backup(number)
    document = run("sync", "--droplet", "web-1", "--json").document["accounts"][0]
    assert (document["mode"], document["droplets_selected"], document["backups_appeared"]) == ("subset", 1, 1)
    missing = run("sync", "--droplet", "nowhere")
    assert missing.code == 2
    assert "nowhere" in missing.err


# Exit codes, and who is told what


def test_an_api_out_of_reach_is_said_in_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("sync")
    monkeypatch.setattr("inventory.rounds.round.Client", partial(Client, retry_wait_seconds=0))
    monkeypatch.setenv("INVENTORY_API_URL", "http://127.0.0.1:1")
    ended = run("sync")
    assert ended.code == 1
    assert ended.out == ""
    assert ended.err.count("\n") == 1
    assert "cannot reach 127.0.0.1 (connection refused)" in ended.err
    assert "Last complete sync" in ended.err


def test_a_rejected_token_says_where_it_was_read_and_is_never_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "dop_v1_" + "b" * 64
    monkeypatch.setenv("INVENTORY_TOKEN", secret)
    for arguments in (("sync",), ("sync", "--verbose"), ("sync", "--json")):
        ended = run(*arguments)
        assert ended.code == 78
        assert secret not in ended.out + ended.err
    assert "INVENTORY_TOKEN" in run("sync").err


def test_a_fleet_that_loses_most_of_its_backups_is_held(run: Run, account: Served, database: Database) -> None:
    run("sync")
    for number in account.fleet.droplets:
        for backup in account.fleet.backups_of(number):
            account.fleet.lose(backup.id)
    held = run("sync")
    assert held.code == 4
    assert "HELD" in held.out
    assert re.search(r" 2[0-4] held\.", held.out), "all but those that were about to expire"
    accepted = run("sync", "--accept-gone")
    assert accepted.code == 0
    assert re.search(r" 2[0-4] ended", accepted.out)
    assert not stored(database)


def test_quiet_tells_only_what_a_person_must_mend(run: Run, account: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("sync", "--quiet") == Ended(0, "", "")
    first = next(iter(account.fleet.droplets))
    account.api.faults[backups_path(first)] = Fault(status=403)
    partial = run("sync", "--quiet", "--full")
    assert (partial.code, partial.out, partial.err) == (3, "", "")
    monkeypatch.setenv("INVENTORY_TOKEN", "wrong")
    rejected = run("sync", "--quiet")
    assert (rejected.code, rejected.out) == (78, "")
    assert rejected.err.count("\n") == 1


def test_two_accounts_are_reported_in_the_order_of_the_configuration(
    run: Run, account: Served, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INVENTORY_TOKEN")
    Path("inventory.toml").write_text(
        f'[accounts.web]\ntoken = "{account.api.token}"\n[accounts.db]\ntoken = "wrong"\n', encoding="utf-8"
    )
    Path("inventory.toml").chmod(0o600)
    ended = run("sync", "--json")
    assert ended.code == 78
    assert [(each["account"], each["status"]) for each in ended.document["accounts"]] == [
        ("web", "complete"),
        ("db", "failed"),
    ]
    assert len(stored(database)) == 24
    assert run("sync", "--account", "w*").code == 0
    ambiguous = run("sync", "--droplet", "web-1")
    assert (ambiguous.code, "needs --account" in ambiguous.err) == (2, True)
    unknown = run("sync", "--account", "nowhere")
    assert unknown.code == 2
    assert "only: web, db" in unknown.err


@on_sqlite
def test_a_bug_is_told_with_its_account_and_its_traceback(run: Run, account: Served, database: Database) -> None:
    """A fault that nobody foresaw: the table of accounts is lost."""
    assert run("sync", "--quiet").code == 0
    with database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE accounts RENAME TO lost")
    ended = run("sync", "--json")
    assert (ended.code, ended.document["exit_code"], ended.document["accounts"][0]["status"]) == (70, 70, "failed")
    assert 'inventory: account "default": a bug ended the run: OperationalError\nTraceback' in ended.err
    assert "no such table" in ended.err
    assert "please report it" in ended.err


# Processes


def slow(served: Served, seconds: float = 0.4) -> None:
    """Let every listing take a while."""
    for number in served.fleet.droplets:
        served.api.faults[backups_path(number)] = Fault(delay_seconds=seconds)


def wait_for_run(served: Served) -> None:
    """Wait until a sync asks for the first listings; until some have answered it writes nothing."""
    eventually(lambda: any(fault.requests for fault in served.api.faults.values()))


@pytest.fixture
def busy(serve_fleet: Serve, environment: Environment) -> Served:
    served = serve_fleet(small_fleet(40))
    environment(served)
    slow(served)
    return served


@pytest.mark.slow
@pytest.mark.parametrize(
    ("database_url", "signal_number", "code"),
    [("sqlite", 2, 130), ("postgresql", 15, 143)],
    indirect=["database_url"],
)
def test_a_signal_ends_a_sync_with_its_record(
    busy: Served, run: Run, database: Database, signal_number: int, code: int
) -> None:
    process = start("sync")
    wait_for_run(busy)
    process.send_signal(signal_number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, out + err
    assert "stopping after the current write" in err
    with database.reading() as connection:
        assert connection.execute(sa.select(sync_runs.c.status)).scalar_one() == "interrupted"
    busy.api.faults.clear()
    assert run("sync").code == 0


@pytest.mark.slow
def test_the_second_sync_says_who_holds_the_account_and_a_killed_one_makes_way(
    busy: Served, run: Run, database: Database
) -> None:
    process = start("sync")
    wait_for_run(busy)
    second = run("sync")
    assert second.code == 75
    assert f"pid {process.pid}" in second.err
    assert run("sync", "--quiet").err == ""
    process.kill()
    process.communicate()
    busy.api.faults.clear()
    assert run("sync").code == 0
    with database.reading() as connection:
        assert list(connection.scalars(sa.select(sync_runs.c.status).order_by(sync_runs.c.id))) == [
            "interrupted",
            "complete",
        ]


@pytest.mark.slow
def test_a_stopped_sync_that_goes_on_after_another_took_over_writes_nothing(
    busy: Served, run: Run, database: Database
) -> None:
    slow(busy, seconds=5)  # a writer that is stopped would keep a SQLite file for itself
    process = start("sync")
    wait_for_run(busy)
    os.kill(process.pid, signal.SIGSTOP)
    with database.writing() as connection:
        connection.execute(sa.update(sync_runs).values(heartbeat_at=sa.text("'2020-01-01 00:00:00'")))
    busy.api.faults.clear()
    assert run("sync").code == 0
    with database.reading() as connection:
        before = rows(connection, "droplets")
    os.kill(process.pid, signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 75
    assert "another one took the account over" in err
    with database.reading() as connection:
        assert rows(connection, "droplets") == before
        assert connection.execute(sa.select(sa.func.count()).select_from(droplets)).scalar_one() == 40
