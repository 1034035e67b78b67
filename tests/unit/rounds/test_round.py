"""Accounts in lanes: what a round over several accounts keeps of one sync after the other."""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from inventory.report.progress import Silence
from inventory.rounds.round import Round
from inventory.rounds.tokens import Tokens
from inventory.settings.load import Settings, load
from inventory.simulator.fleet import Fleet
from inventory.simulator.server import serve
from inventory.store.engine import Database
from inventory.sync.order import Order
from inventory.sync.result import SyncReport
from tests.simulated import Account as Synced
from tests.simulated import Accounts, rows, token_of

NAMES = [f"customer-{number}" for number in range(5)]

Follow = Callable[[str], AbstractContextManager[Silence]]


def fleets() -> dict[str, Fleet]:
    """Give each account two Droplets of its own; made again they are the same, but for the time of day."""
    found = {}
    for number, name in enumerate(NAMES):
        fleet = Fleet(
            datetime.now(UTC).replace(microsecond=0),
            seed=number,
            first_droplet_id=(number + 1) * 1_000_000,
            first_image_id=number * 2_000_000_000,
        )
        for droplet in range(2):
            fleet.add_droplet(name=f"web-{droplet}", plan="daily", backups=3)
        found[name] = fleet
    return found


@pytest.fixture
def database(migrated_sqlite_url: str) -> Iterator[Database]:
    with closing(Database(migrated_sqlite_url)) as database:
        yield database


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Callable[[int], Settings]]:
    """Serve the accounts, and give the settings for syncing so many of them at once."""
    tables = "".join(f"[accounts.{name}]\ntoken = '{token_of(name)}'\n" for name in NAMES)
    with serve(Accounts(fleets())) as url:

        def give(at_once: int) -> Settings:
            file = tmp_path / "inventory.toml"
            file.write_text(f"api_url = '{url}'\nrequests_per_second = 0\naccounts_at_once = {at_once}\n{tables}")
            file.chmod(0o600)
            return load(file, {})

        yield give


def unfollowed(_account: str) -> AbstractContextManager[Silence]:
    return nullcontext(Silence())


def synced(
    settings: Settings,
    database: Database,
    *,
    follow: Follow = unfollowed,
    interrupted_by: Callable[[], int | None] = lambda: None,
) -> list[SyncReport]:
    one_round = Round(settings, database, Order(), Tokens(), follow=follow, interrupted_by=interrupted_by)
    return list(one_round.sync(settings.accounts))


def test_lanes_write_what_one_sync_after_the_other_writes(
    settings: Callable[[int], Settings], migrated_url: str, tmp_path: Path, sqlite_template: Path
) -> None:
    together = Barrier(len(NAMES), timeout=60)

    @contextmanager
    def all_at_once(_account: str) -> Iterator[Silence]:
        together.wait()
        yield Silence()

    in_turn = tmp_path / "in_turn.db"
    in_turn.write_bytes(sqlite_template.read_bytes())
    before = gc.get_threshold()
    with closing(Database(migrated_url)) as lanes, closing(Database(f"sqlite:///{in_turn}")) as alone:
        reports = synced(settings(len(NAMES)), lanes, follow=all_at_once)
        assert [(report.account, report.status) for report in reports] == [(name, "complete") for name in NAMES]
        assert [report.status for report in synced(settings(1), alone)] == ["complete"] * len(NAMES)
        assert stored(lanes) == stored(alone)
    assert gc.get_threshold() == before, "there is one for all lanes"


def stored(database: Database) -> Mapping[str, object]:
    """Read what is stored, by the names of the accounts, but for when it was learned."""
    with database.reading() as connection:
        names = {row["id"]: row["name"] for row in rows(connection, "accounts")}
        of_backups = ("droplet_id", "name", "size_gigabytes", "created_at", "gone_at")
        return {
            "droplets": [(row["id"], names[row["account_id"]], row["name"]) for row in rows(connection, "droplets")],
            "backups": [[row[key] for key in of_backups] for row in rows(connection, "backups")],
            "policies": [(row["droplet_id"], row["plan"]) for row in rows(connection, "backup_policies")],
            "claims": {row["name"]: row["claimed_uuid"] for row in rows(connection, "accounts")},
            "runs": sorted((names[row["account_id"]], row["status"]) for row in rows(connection, "sync_runs")),
        }


def test_a_bug_in_one_account_stops_no_other(settings: Callable[[int], Settings], database: Database) -> None:
    def follow(account: str) -> AbstractContextManager[Silence]:
        if account == NAMES[1]:
            raise KeyError("nobody foresaw this")
        return unfollowed(account)

    reports = synced(settings(2), database, follow=follow)
    assert [report.account for report in reports] == NAMES
    assert [report.exit_code for report in reports] == [0, 70, 0, 0, 0]
    assert "nobody foresaw this" in (reports[1].traceback or "")
    assert reports[1].error == "a bug ended the run: KeyError"


def test_a_signal_stops_every_lane_and_no_other_begins(settings: Callable[[int], Settings], database: Database) -> None:
    begun = Barrier(2, timeout=60)
    signals: list[int] = []

    @contextmanager
    def follow(_account: str) -> Iterator[Silence]:
        begun.wait()
        signals.append(15)
        yield Silence()

    reports = synced(settings(2), database, follow=follow, interrupted_by=lambda: signals[0] if signals else None)
    assert [(report.account, report.exit_code) for report in reports] == [(name, 143) for name in NAMES[:2]]
    reports = synced(settings(8), database, interrupted_by=lambda: 15)
    assert [(report.account, report.exit_code) for report in reports] == [(NAMES[0], 143)]


def test_a_database_that_another_program_locks_is_busy_for_every_lane(
    settings: Callable[[int], Settings], database: Database
) -> None:
    @sa.event.listens_for(database.engine, "connect")
    def _hurry(connection: object, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout = 20")  # type: ignore[attr-defined]  # the driver's own

    with closing(Database(database.url)) as other, other.writing():
        reports = synced(settings(8), database)
    assert [(report.status, report.exit_code) for report in reports] == [("failed", 75)] * len(NAMES)


def test_what_is_wrong_with_a_file_is_logged_once_in_a_process(
    settings: Callable[[int], Settings], database: Database
) -> None:
    given = settings(2).model_copy(update={"accounts": settings(2).accounts[:1]})
    tokens = Tokens()

    def told(problem: str | None) -> list[str]:
        accounts = [replace(each, problem=problem) for each in given.accounts]
        one_round = Round(given, database, Order(), tokens, follow=unfollowed, interrupted_by=lambda: None)
        with capture_logs() as records:
            (report,) = one_round.sync(accounts)
        assert report.exit_code == (78 if problem else 0), "every round counts it"
        return [record["error"] for record in records if record["event"] == "sync.finished"]

    assert told("x.toml: is empty") == ["x.toml: is empty"]
    assert told("x.toml: is empty") == []
    assert told("x.toml: has 2 lines") == ["x.toml: has 2 lines"]
    assert told(None) == [None]
    assert told("x.toml: has 2 lines") == ["x.toml: has 2 lines"], "it was mended in between"


def test_an_account_whose_file_is_broken_keeps_its_droplets(
    settings: Callable[[int], Settings], database: Database, tmp_path: Path
) -> None:
    """It cannot be synced, and is configured all the same: no other account takes what it lists too (R6)."""
    given = settings(2)
    synced(given, database)
    broken = [replace(each, token=None, problem="x.toml: is empty") for each in given.accounts[:1]]
    given = given.model_copy(update={"accounts": (*broken, *given.accounts[1:])})
    reports = synced(given, database)
    assert [report.exit_code for report in reports] == [78, 0, 0, 0, 0]
    assert reports[0].error == "x.toml: is empty"
    stranger = Synced(database, fleets()[NAMES[0]], name="stranger")
    stranger.configured = frozenset({"stranger", *(each.name for each in given.accounts)})
    report = stranger.sync()
    assert all(f'belongs to account "{NAMES[0]}"' in note for note in report.notes)
    assert len(report.notes) == 2
