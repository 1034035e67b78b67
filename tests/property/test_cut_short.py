"""A run that ends before it has looked at everything is continued by the next."""

import time
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
import sqlalchemy as sa

from inventory.errors import EXIT_BUSY, EXIT_COMPLETE, EXIT_PARTIAL
from inventory.simulator.faults import Fault
from inventory.store.engine import Database
from inventory.store.schema import sync_runs
from tests.end_to_end.daemon_process import eventually
from tests.simulated import Account, Audience, backups_path

pytestmark = pytest.mark.costly


@pytest.fixture
def large(database: Database) -> Account:
    """Forty Droplets, none synced yet."""
    account = Account(database)
    for number in range(40):
        account.fleet.add_droplet(name=f"web-{number}", backups=1)
    return account


def listed(account: Account) -> list[int]:
    return [int(path.split("/")[3]) for path in account.api.asked if path.endswith("/backups")]


def test_longest_unlooked_come_first(large: Account) -> None:
    first, second, third, *_ = large.droplets
    for number in (third, first):
        large.sync(str(number))
        large.advance(minutes=1)
    large.api.asked.clear()
    large.sync()
    assert listed(large)[0] == second
    assert listed(large)[-2:] == [third, first]


class Slow(Audience):
    """Lets 50 ms pass whenever the run says how far it is."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[int, int, datetime | None]] = []

    def progressed(self, droplets: int, requests: int, waiting_until: datetime | None) -> None:
        self.told.append((droplets, requests, waiting_until))

    def seconds(self) -> float:
        return 0.05 * len(self.told)


def test_run_cut_by_its_deadline_is_continued_by_the_next(large: Account) -> None:
    large.audience = slow = Slow()
    reached: set[int] = set()
    for _ in range(5):
        large.advance(minutes=1)
        report = large.sync(deadline=timedelta(seconds=1), seconds=slow.seconds)
        looked = {row["id"] for row in large.rows("droplets") if row["last_observed_at"] == large.clock()}
        assert looked
        assert not looked & reached
        assert (report.exit_code, report.counts["droplets_complete"]) == (EXIT_PARTIAL, len(looked))
        assert "stopped after" in (report.error or "")
        reached |= looked
        if len(reached) > 20:
            return
    pytest.fail(f"only {len(reached)} were reached in five runs")


@pytest.mark.slow
def test_a_rate_limit_that_never_ends_costs_what_was_not_reached_and_the_next_run_begins_there(large: Account) -> None:
    """The whole account waits, until the run's deadline; what the others used up is not asked for again and again."""
    reached, missed = large.droplets[:5], large.droplets[5:]
    limited = Fault(status=429, headers={"retry-after": "3600"})
    large.api.faults = dict.fromkeys(map(backups_path, missed), limited)
    large.audience = slow = Slow()
    report = large.sync(deadline=timedelta(seconds=1), seconds=slow.seconds)
    assert (report.exit_code, report.counts["droplets_complete"]) == (EXIT_PARTIAL, 5)
    assert "at Droplet 5 of 40" in (report.error or "")
    assert any(waiting_until for _, _, waiting_until in slow.told), "whoever follows it was told"
    assert limited.struck == 1
    large.api.faults = {}
    large.api.asked.clear()
    large.audience = Audience()
    large.advance(hours=1)
    assert large.sync().exit_code == EXIT_COMPLETE
    assert listed(large) == [*missed, *reached]


def test_twenty_failures_in_a_row_end_the_run(large: Account) -> None:
    numbers = large.droplets
    large.api.faults = {backups_path(number): Fault(status=500) for number in numbers[5:]}
    report = large.sync()
    assert (report.exit_code, report.counts["droplets_complete"]) == (EXIT_PARTIAL, 5)
    assert report.counts["droplets_failed"] == 20
    assert "20 times in a row" in (report.error or "")
    assert len(large.rows("droplets")) == 5 + 20


def test_record_of_a_run_says_what_its_report_says(large: Account) -> None:
    """Also where the run has no error of its own, but notes: it says why a complete run may have missed something."""
    first, second, *others = large.droplets
    for faults in (
        {},
        {backups_path(first): Fault(status=500), backups_path(second): Fault(total=lambda true: true + 1)},
        {backups_path(number): Fault(status=500) for number in others},
        {"/v2/droplets/backups/policies": Fault(status=403)},
        {"/v2/account": Fault(status=401)},
    ):
        large.advance(hours=1)
        large.fleet.add_backup(first)
        large.api.faults = faults
        report = large.sync()
        row = large.rows("sync_runs")[-1]
        assert (row["id"], row["mode"], row["status"]) == (report.run_id, report.mode, report.status)
        assert (row["started_at"], row["finished_at"]) == (report.started_at, report.finished_at)
        assert {name: row[name] for name in report.counts} == report.counts
        assert row["droplets_selected"] == report.droplets_selected
        assert (row["requests"], row["rate_limit_remaining"]) == (report.requests, report.rate_limit_remaining)
        assert row["requests"] > 0
        assert row["rate_limit_remaining"] is not None
        assert (row["error"], row["failure"]) == (report.error or ("; ".join(report.notes) or None), report.failure)


def test_failures_with_answers_between_them_do_not(large: Account) -> None:
    large.api.faults = {backups_path(number): Fault(status=500) for number in large.droplets[1::2]}
    report = large.sync()
    assert (report.exit_code, report.counts["droplets_complete"]) == (EXIT_PARTIAL, 20)


def test_lease_is_renewed_while_answers_are_awaited(account: Account) -> None:
    """Another run may take the account over after 90 s of silence; here 21 s pass before the first answer."""
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    seconds = [0.0]
    renewed = []

    def hang() -> None:
        with account.database.writing() as connection:
            connection.execute(sa.update(sync_runs).values(heartbeat_at=long_ago))
        for passing in (19.0, 2.0):
            seconds[0] += passing
            until = time.monotonic() + (0.5 if passing == 19.0 else 60)
            while not (is_renewed := heartbeat(account) > long_ago) and time.monotonic() < until:
                time.sleep(0.01)
            renewed.append(is_renewed)

    account.api.faults["/v2/droplets"] = Fault(before={1: hang})
    assert account.sync(seconds=lambda: seconds[0]).exit_code == EXIT_COMPLETE
    assert renewed == [False, True]


def heartbeat(account: Account) -> datetime:
    moment: datetime = account.rows("sync_runs")[-1]["heartbeat_at"]
    return moment


def test_run_that_lost_its_account_to_another_writes_nothing_more(account: Account) -> None:
    def take_over() -> None:
        with account.database.writing() as connection:
            connection.execute(sa.update(sync_runs).values(status="interrupted"))

    account.lose_all(account.droplets[0])
    account.api.faults[backups_path(account.droplets[-1])] = Fault(before={1: take_over})
    before = account.dump()
    report = account.sync()
    assert (report.status, report.exit_code) == ("failed", EXIT_BUSY)
    assert (report.error or "").endswith("another one took the account over. Nothing was changed.")
    assert account.dump() == before


def test_what_was_written_before_the_record_was_lost_is_reported(large: Account) -> None:
    def take_over() -> None:
        eventually(lambda: large.rows("backups"))  # the threads are ahead of what is written
        with large.database.writing() as connection:
            connection.execute(sa.update(sync_runs).values(status="interrupted"))

    large.api.faults[backups_path(large.droplets[-1])] = Fault(before={1: take_over})
    moments = count(0, 3)  # more than a batch waits: attempts are written one by one
    report = large.sync(seconds=lambda: float(next(moments)), deadline=timedelta(hours=1))
    assert (report.status, report.exit_code) == ("failed", EXIT_BUSY)
    assert report.run_id == large.rows("sync_runs")[-1]["id"]
    assert report.counts["backups_appeared"] == len(large.rows("backups")) > 0
    assert (report.error or "").endswith("Nothing more was changed.")
