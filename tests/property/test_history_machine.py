"""Anything may happen to a fleet, a clock, the answers and a process: after every step the rules hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from inventory.errors import SyncRunningError
from inventory.model import Selection
from inventory.simulator.faults import Fault
from inventory.simulator.fleet import Fleet
from inventory.simulator.values import SimulatedBackup
from inventory.store.engine import Database
from inventory.store.schema import metadata, sync_runs
from inventory.sync.result import COUNTS, SyncReport
from tests.examples import examples
from tests.property import rules
from tests.property.mishaps import (
    DISCOVERY_FAULTS,
    FAULTS,
    HARMLESS_IF_THERE_ARE_NONE,
    PLAUSIBLE,
    PLAUSIBLE_IF_ACCEPTED,
    PLAUSIBLE_IF_INSISTING,
    dying,
)
from tests.property.rules import Attempts, Tables
from tests.simulated import EVERYTHING, MONDAY, OBSERVATIONS, Account, Row, backups_path

pytestmark = pytest.mark.costly

TAG = "web"

# Any Droplet or backup there is: a number, taken modulo how many there are.
choices = st.integers(0, 11)
sizes = st.sampled_from([0.0, 0.1, 2.34, 7.0])
plans = st.sampled_from(["daily", "weekly", "hourly"])


class History(RuleBasedStateMachine):
    """A fleet, its looks, and the syncs that should tell its history."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.account = Account(database)
        self.fleet = self.account.fleet
        self.attempts = Attempts()
        self.dated: dict[int, datetime] = {}
        self.lost: list[int] = []
        self.before: Tables = self.account.dump()

    # What happens to the fleet

    @initialize(seed=st.integers(0, 9), oldest_goes=st.sampled_from(["by_age", "by_count"]))
    def begin(self, seed: int, oldest_goes: Any) -> None:  # noqa: ANN401 - a literal
        self.fleet = Fleet(MONDAY, seed=seed, oldest_goes=oldest_goes)
        self.account.fleet = self.account.api.fleet = self.fleet
        self.account.api.most_per_page = 4
        for number, plan in enumerate(("daily", "daily", "weekly")):
            self.fleet.add_droplet(name=f"web-{number}", plan=plan, backups=6, tags=[TAG])

    @rule(plan=st.none() | plans, backups=st.integers(0, 7), tags=st.sampled_from([[], [TAG], [TAG, "db"]]))
    def add_droplet(self, plan: str | None, backups: int, tags: list[str]) -> None:
        if len(self.fleet.droplets) < 6:
            self.fleet.add_droplet(name="new", plan=plan, backups=backups, tags=tags)

    @rule(droplet=choices)
    def destroy(self, droplet: int) -> None:
        for number in self.chosen(droplet):
            self.fleet.destroy(number)

    @rule(
        droplet=choices,
        name=st.sampled_from(["web-1", "Ünïcode 🐙"]),
        size=st.sampled_from(["s-1vcpu-1gb", "s-2vcpu-4gb"]),
    )
    def rename_and_resize(self, droplet: int, name: str, size: str) -> None:
        for number in self.chosen(droplet):
            self.fleet.rename(number, name)
            self.fleet.resize(number, size)

    @rule(droplet=choices, tag=st.sampled_from([TAG, "db"]))
    def tag_or_untag(self, droplet: int, tag: str) -> None:
        for number in self.chosen(droplet):
            is_tagged = tag in self.fleet.droplets[number].tags
            (self.fleet.untag if is_tagged else self.fleet.tag)(number, tag)

    @rule(droplet=choices, plan=plans)
    def enable_or_change_policy(self, droplet: int, plan: str) -> None:
        for number in self.chosen(droplet):
            is_on = self.fleet.droplets[number].policy is not None
            if is_on:
                self.fleet.change_policy(number, plan=plan)
            else:
                self.fleet.enable_backups(number, plan)

    @rule(droplet=choices)
    def disable_backups(self, droplet: int) -> None:
        for number in self.chosen(droplet):
            self.fleet.disable_backups(number)

    @rule(droplet=choices, size=sizes, regions=st.sampled_from([("fra1",), ("ams3", "fra1")]))
    def make_backup(self, droplet: int, size: float, regions: Sequence[str]) -> None:
        for number in self.chosen(droplet):
            self.fleet.add_backup(number, size_gigabytes=size, regions=regions)

    @rule(
        droplet=choices,
        backup=choices,
        size=sizes,
        name=st.sampled_from(["one", "two"]),
        regions=st.sampled_from([("fra1",), ("ams3",)]),
    )
    def edit_backup(self, droplet: int, backup: int, size: float, name: str, regions: Sequence[str]) -> None:
        for number in self.chosen_backup(droplet, backup):
            self.fleet.edit_backup(number, size_gigabytes=size, name=name, regions=regions)

    @rule(droplet=choices, days=st.sampled_from([-365, -1, 3]))
    def redate_backups(self, droplet: int, days: int) -> None:
        for number in self.chosen(droplet):
            for backup in self.fleet.backups_of(number):
                self.fleet.edit_backup(backup.id, created_at=backup.created_at + timedelta(days=days))

    @rule(droplet=choices, backup=choices, is_converted=st.booleans())
    def lose_or_convert(self, droplet: int, backup: int, *, is_converted: bool) -> None:
        for number in self.chosen_backup(droplet, backup):
            self.lost.append(number)
            (self.fleet.convert if is_converted else self.fleet.lose)(number)

    @rule()
    @precondition(lambda self: self.lost)
    def return_backup(self) -> None:
        number = self.lost.pop()
        last_seen_under = {event.backup_id: event.droplet_id for event in self.fleet.events}
        if last_seen_under[number] in self.fleet.droplets:
            self.fleet.return_backup(number)

    @rule(hours=st.sampled_from([0.01, 1, 5, 25, 49, 24 * 9]))
    def time_passes(self, hours: float) -> None:
        self.account.advance(hours=hours)

    # What happens to the machine and its configuration

    @rule(minutes=st.integers(-50, 50), microseconds=st.sampled_from([0, 1, 499_999, 500_000, 999_999]))
    def clock_steps(self, minutes: int, microseconds: int) -> None:
        self.account.skew = timedelta(minutes=minutes, microseconds=microseconds)

    @rule(kind=st.sampled_from(["everything", "tag", "ids"]))
    def configure(self, kind: str) -> None:
        self.account.selection = {
            "everything": EVERYTHING,
            "tag": Selection(everything=False, tags=frozenset({TAG})),
            "ids": Selection(
                everything=False, droplet_ids=frozenset([*self.fleet.droplets, *self.fleet.destroyed][::2])
            ),
        }[kind]

    # Syncs

    @rule()
    def sync(self) -> None:
        self.looked(self.account.sync())

    @rule()
    def sync_again(self) -> None:
        """The same listing twice changes nothing but observation times (R4)."""
        first = self.account.sync()
        self.looked(first)
        before, day = self.before, self.account.clock().date()
        report = self.account.sync()
        self.looked(report)
        if first.status == "complete" and all(each.date() == day for each in self.last_looks()):
            assert report.counts["droplets_changed"] == 0
            assert self.account.rows("sync_listings", run_id=report.run_id) == []
            assert unobserved(before) == unobserved(self.before)

    @rule(faults=st.dictionaries(choices, st.sampled_from(sorted(FAULTS)), min_size=1, max_size=3))
    def sync_with_faults(self, faults: dict[int, str]) -> None:
        self.looked(*self.faulty_sync(faults))

    @rule(
        kind=st.sampled_from(sorted(DISCOVERY_FAULTS)),
        faults=st.dictionaries(choices, st.sampled_from(sorted(FAULTS)), max_size=1),
    )
    def sync_with_poor_discovery(self, kind: str, faults: dict[int, str]) -> None:
        path, fault = DISCOVERY_FAULTS[kind]
        self.account.api.faults[path] = fault()
        report, faulty = self.faulty_sync(faults)
        self.looked(report, faulty, is_clean=False)

    @rule(droplet=choices, at_request=st.integers(1, 5), is_replaced=st.booleans())
    def sync_while_a_listing_changes(self, droplet: int, at_request: int, *, is_replaced: bool) -> None:
        """The oldest backup goes, and perhaps a new one comes, between two pages."""

        def tear() -> None:
            for backup in self.fleet.backups_of(number)[:1]:
                self.fleet.lose(backup.id)
            if is_replaced:
                self.fleet.add_backup(number)

        for number in self.chosen(droplet):
            self.account.api.faults[backups_path(number)] = Fault(before={at_request: tear})
            report = self.account.sync()
            self.looked(report, {number: "torn"})

    @rule(at_commit=st.integers(1, 6))
    def sync_that_is_killed(self, at_commit: int) -> None:
        with dying(self.account.database, at_commit=at_commit):
            self.account.sync()
        self.looked(None)
        begun = self.account.rows("sync_runs", status="running")
        if any(datetime.now(UTC) - run["heartbeat_at"] < timedelta(minutes=1) for run in begun):
            with pytest.raises(SyncRunningError):
                self.account.sync()
            self.silence()

    @rule(
        droplet=choices,
        accept_gone=st.booleans(),
        faults=st.dictionaries(choices, st.sampled_from(sorted(FAULTS)), max_size=2),
    )
    def sync_one(self, droplet: int, faults: dict[int, str], *, accept_gone: bool) -> None:
        known = [row["id"] for row in self.before["droplets"] if row["unselected_since"] is None and not row["gone_at"]]
        if self.account.selection == EVERYTHING and known:
            chosen = known[droplet % len(known)]
            report, faulty = self.faulty_sync(faults, str(chosen), accept_gone=accept_gone)
            unselected = {row["id"]: row["unselected_since"] for row in self.before["droplets"]}
            self.looked(report, faulty, is_clean=False, is_insisting=accept_gone, accept_gone=accept_gone)
            assert report.mode == "subset"
            assert {row["id"]: row["unselected_since"] for row in self.before["droplets"]} == unselected

    @rule(faults=st.dictionaries(choices, st.sampled_from(sorted(FAULTS)), max_size=2))
    def sync_accepting(self, faults: dict[int, str]) -> None:
        report, faulty = self.faulty_sync(faults, accept_gone=True)
        assert report.status != "held"
        self.looked(report, faulty, accept_gone=True)

    # The model

    def chosen(self, choice: int) -> list[int]:
        """Give one existing Droplet, or none if there is none."""
        return [list(self.fleet.droplets)[choice % len(self.fleet.droplets)]] if self.fleet.droplets else []

    def chosen_backup(self, droplet: int, backup: int) -> list[int]:
        backups = [each.id for number in self.chosen(droplet) for each in self.fleet.backups_of(number)]
        return [backups[backup % len(backups)]] if backups else []

    def faulty_sync(
        self, faults: Mapping[int, str], *droplets: str, accept_gone: bool = False
    ) -> tuple[SyncReport, dict[int, str]]:
        faulty = {number: kind for choice, kind in faults.items() for number in self.chosen(choice)}
        self.account.api.faults |= {backups_path(number): FAULTS[kind]() for number, kind in faulty.items()}
        return self.account.sync(*droplets, accept_gone=accept_gone), faulty

    def silence(self) -> None:
        """Let two minutes pass since the last heartbeat of any run."""
        long_ago = datetime.now(UTC) - timedelta(minutes=2)
        with self.account.database.writing() as connection:
            connection.execute(sa.update(sync_runs).values(heartbeat_at=long_ago))

    def last_looks(self) -> list[datetime]:
        return [at for number in self.attempts.pictures if (at := self.attempts.last(number))]

    def looked(
        self,
        report: SyncReport | None,
        faulty: Mapping[int, str] = {},
        *,
        is_clean: bool = True,
        is_insisting: bool = False,
        accept_gone: bool = False,
    ) -> None:
        """Take over what a sync should have seen, and check all rules; `report` is None where it was killed."""
        tables = self.account.dump()
        self.check_dates(tables)
        accepted = PLAUSIBLE_IF_ACCEPTED if accept_gone else PLAUSIBLE
        plausible = {*(PLAUSIBLE_IF_INSISTING if is_insisting else accepted), "torn"}
        moved = set()
        for row in tables["droplets"]:
            number, stamp = row["id"], row["last_observed_at"]
            if stamp == self.attempts.last(number):
                continue
            moved.add(number)
            is_true = faulty.get(number) in HARMLESS_IF_THERE_ARE_NONE and not self.fleet.backups_of(number)
            assert is_true or faulty.get(number, "torn") in plausible, (
                f"a look at {number} in spite of {faulty[number]}"
            )
            assert row["gone_at"] is None or number in self.fleet.destroyed
            put_off = () if accept_gone else self.put_off(number)
            picture = (*self.account.api.listed(number), *put_off)
            self.attempts.add(number, stamp, tuple(replace(b, created_at=self.dated[b.id]) for b in picture))
            self.check_droplet(row, tables, is_clean=is_clean)
        self.account.api.faults.clear()
        held = self.check_run(report) if report else set()
        rules.check(tables, self.attempts)
        rules.check_nothing_was_deleted(self.before, tables)
        if not accept_gone:
            rules.check_brake(self.before, tables, moved | held)
        if report and is_clean:
            self.check_reach(report, moved | held | faulty.keys())
        self.before = tables

    def put_off(self, droplet_id: int) -> Iterator[SimulatedBackup]:
        """Give what a listing lacks but the Droplet still names: it is taken to exist as it was, for one more look."""
        listed = {backup.id for backup in self.account.api.listed(droplet_id)}
        hidden = {backup.id for backup in self.fleet.backups_of(droplet_id)} - listed
        for row in self.before["backups"]:
            if row["id"] in hidden and row["gone_at"] is None and row["missing_since"] is None:
                places = [each for each in self.before["backup_regions"] if each["backup_id"] == row["id"]]
                regions = tuple(sorted(each["region"] for each in places if each["valid_to"] is None))
                names = ("id", "droplet_id", "name", "type", "created_at", "size_gigabytes", "min_disk_size")
                yield SimulatedBackup(**{name: row[name] for name in names}, regions=regions, expires_at=None)

    def check_dates(self, tables: Tables) -> None:
        """A backup keeps the creation time that was shown first."""
        for row in tables["backups"]:
            image = self.fleet.image(row["id"])
            shown = image.created_at if image else row["created_at"]
            assert row["created_at"] == self.dated.setdefault(row["id"], shown)

    def check_droplet(self, row: Row, tables: Tables, *, is_clean: bool) -> None:
        """After a look, a Droplet is stored as it is."""
        droplet = self.fleet.droplets.get(row["id"])
        if droplet is None:
            return
        assert (row["name"], row["size_slug"], row["unselected_since"]) == (droplet.name, droplet.size.slug, None)
        assert row["price_monthly_usd"] == droplet.size.price_monthly_usd
        # While no Droplet shows any, the token may only be unable to read them.
        is_any_tagged = any(each.tags for each in self.fleet.droplets.values())
        if droplet.tags or (is_any_tagged and is_clean and self.account.selection.everything):
            assert {each["tag"] for each in _open(tables["droplet_tags"], droplet.id)} == set(droplet.tags)
        if is_clean:
            (stored,) = _open(tables["backup_policies"], droplet.id)
            policy = droplet.policy
            assert stored["is_enabled"] == (policy is not None)
            for name in ("plan", "weekday", "hour", "retention_days"):
                assert stored[name] == (policy and getattr(policy, name))

    def check_run(self, report: SyncReport) -> set[int]:
        """The run's record and its listings tell what the report tells; return which Droplets were held."""
        (run,) = self.account.rows("sync_runs", id=report.run_id)
        assert run["status"] == report.status
        assert {name: run[name] for name in COUNTS} == dict(report.counts)
        assert (run["error"] is None) <= (report.error is None)
        assert (report.error is None) == (report.status == "complete")
        assert run["droplets_selected"] == report.droplets_selected
        assert self.account.rows("sync_runs", status="running") == []
        outcomes = {
            row["droplet_id"]: row["outcome"] for row in self.account.rows("sync_listings", run_id=report.run_id)
        }
        failed = [outcome for outcome in outcomes.values() if outcome != "complete"]
        assert len(failed) == report.counts["droplets_incomplete"] + report.counts["droplets_failed"]
        held = {number for number, outcome in outcomes.items() if outcome == "held"}
        assert bool(held) == (report.status == "held")
        assert (report.exit_code == 0) == (report.status == "complete")
        return held

    def check_reach(self, report: SyncReport, reached: set[int]) -> None:
        """Nothing that exists, is meant and can be listed is passed over."""
        seen_before = {row["id"] for row in self.before["droplets"] if not (row["gone_at"] or row["unselected_since"])}
        if report.status == "failed":
            is_foreign = len(seen_before) >= 2 and not seen_before & self.fleet.droplets.keys()
            assert is_foreign or not self.meant() - reached or not report.droplets_selected
            return
        assert self.meant() <= reached

    def meant(self) -> set[int]:
        selection = self.account.selection
        return {
            number
            for number, droplet in self.fleet.droplets.items()
            if selection.everything or number in selection.droplet_ids or selection.tags & set(droplet.tags)
        }


def _open(rows: Sequence[Row], droplet_id: int) -> list[Row]:
    return [row for row in rows if row["droplet_id"] == droplet_id and row["valid_to"] is None]


def unobserved(tables: Tables) -> dict[str, list[Row]]:
    return {
        table: [{name: value for name, value in row.items() if name not in OBSERVATIONS} for row in rows]
        for table, rows in tables.items()
    }


def run(url: str, *, number: int, steps: int) -> None:
    database = Database(url)

    class HistoryHere(History):
        def __init__(self) -> None:
            with database.writing() as connection:
                for table in reversed(metadata.sorted_tables):
                    connection.execute(sa.delete(table))
            super().__init__(database)

    profile = settings(
        max_examples=number,
        stateful_step_count=steps,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(HistoryHere, settings=profile)
    finally:
        database.close()


@pytest.mark.timeout(900)
def test_rules_hold_whatever_happens(migrated_url: str) -> None:
    is_sqlite = migrated_url.startswith("sqlite")
    run(migrated_url, number=examples(0.3 if is_sqlite else 0.06), steps=50)
