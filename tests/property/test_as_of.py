"""What was answered can be asked again: as of that moment, every answer is what it was, byte for byte (R14)."""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from inventory.judging.findings import judge
from inventory.judging.rules import Rules
from inventory.model import Selection
from inventory.report.completeness import gap
from inventory.report.fleet_sizes import SizeOnDay, read_sizes
from inventory.report.forms import RowsReport, SummaryReport
from inventory.report.kept_days import read_kept
from inventory.report.overview import Judging
from inventory.report.summary import read, summarise
from inventory.rounds.adding_up import add_up_after
from inventory.simulator.faults import Fault
from inventory.simulator.fleet import Fleet
from inventory.store import prune
from inventory.store.engine import Database
from inventory.store.schema import account_days, metadata
from inventory.terminal.document import iso
from inventory.views.catalog import views
from inventory.views.queries import Question, ask
from inventory.views.readers import TwoReaders
from inventory.views.rows import FleetSizeOnDay, KnownDroplet
from tests.examples import examples
from tests.property.mishaps import FAULTS
from tests.simulated import EVERYTHING, MONDAY, Account, backups_path

pytestmark = pytest.mark.costly

# What could have been restored by all that is known today is what this one is about.
REPEATABLE = [view for view in views().values() if view.name not in ("report_clock", "restorable_backups")]

DISAPPEARED = "what disappeared"

TAG = "ours"
TAGGED = Selection(everything=False, tags=frozenset({TAG}))
NOTHING = Selection(everything=False, tags=frozenset({"none"}))


class World:
    """A fleet that two accounts list, and all that was answered about it, by moment and report."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.fleet = Fleet(MONDAY, seed=1)
        self.ours, self.theirs = (Account(database, self.fleet, name=name) for name in ("ours", "theirs"))
        for account in (self.ours, self.theirs):
            account.configured = frozenset({"ours", "theirs"})
        self.ours.selection = TAGGED
        self.lost: list[int] = []
        self.changed: set[str] = set()
        self.answered: dict[datetime, Mapping[str, str]] = {}
        for number, plan in enumerate(("daily", "weekly", "intra_daily_8h", "hourly")):
            self.fleet.add_droplet(name=f"web-{number}", plan=plan, backups=6, tags=[TAG])

    @property
    def now(self) -> datetime:
        """What the clock of this machine says."""
        return self.ours.clock()

    def look(self, minutes: int, *accounts: Account) -> None:
        """Let time pass, sync, and a minute later ask everything."""
        self.ours.advance(minutes=minutes)
        for account in accounts:
            add_up_after(self.database, account.sync())
            account.advance(seconds=30)
        self.ours.api.faults.clear()
        self.answered[self.now] = answers(self.database, self.now)

    def contradictions(self) -> list[tuple[datetime, str, str, str]]:
        """List what is answered otherwise now, with what was answered and what is; but not what says it was pruned."""
        return [
            (moment, name, before, now[name])
            for moment, asked in self.answered.items()
            for now in [answers(self.database, moment)]
            for name, before in asked.items()
            if name not in self.changed
            and not _is_same(name, before, now[name])
            and '"incomplete_before": null' in now[name]
        ]


def by_day(database: Database, moments: Iterable[datetime]) -> dict[datetime, list[list[FleetSizeOnDay | SizeOnDay]]]:
    """Add up each day as of each moment, as the view does and as summaries do, of all Droplets and of one account."""
    with database.reading() as connection:
        return {
            moment: [
                [*ask(connection, FleetSizeOnDay, Question(moment))],
                *(
                    summed_up(connection, Question(moment, accounts=accounts), days)
                    for accounts in (None, ["ours"])
                    for days in (4, 400)
                ),
            ]
            for moment in moments
        }


def summed_up(connection: sa.Connection, question: Question, days: int) -> list[FleetSizeOnDay | SizeOnDay]:
    droplets = ask(connection, KnownDroplet, question)
    kept, until = read_kept(connection, question, droplets, question.now.date() - timedelta(days=days))
    return [*kept, *read_sizes(connection, question, droplets, until).totals()]


def answers(database: Database, now: datetime) -> dict[str, str]:
    """Ask every report and the summary as of `now`; give each as the JSON that a user gets, in one line."""
    with database.reading() as connection:
        reports = {
            view.name: RowsReport(
                connection,
                view,
                question,
                "",
                "",
                gap(connection, question, view, now),
                Judging(Rules(), (), None),
                now,
            ).document()
            for view in REPEATABLE
            for question in [Question(now)]
        }
        documents = {**reports, **_summary(connection, now)}
        return {name: json.dumps(each, default=iso) for name, each in documents.items()}


def _summary(connection: sa.Connection, now: datetime) -> dict[str, dict[str, object]]:
    """Give the summary, and apart from it what disappeared, of which less is told after history was pruned."""
    question = Question(now)
    evidence, figures = read(TwoReaders(connection), question)
    summary = summarise(connection, question, evidence, figures)
    whole = SummaryReport(summary, judge(evidence, Rules(), (), now), question, "", "").document()
    disappeared = {name: whole.pop(name) for name in ("disappeared", "disappeared_since")}
    return {"summary": whole, DISAPPEARED: {**disappeared, "incomplete_before": None}}


def _is_same(name: str, before: str, now: str) -> bool:
    if name != DISAPPEARED or before == now:
        return before == now
    was, told = json.loads(before), json.loads(now)
    since = told["disappeared_since"]
    return since > was["disappeared_since"] and _after(since, was) == _after(since, told)


def _after(moment: str, answer: Mapping[str, Any]) -> list[Any]:
    return [each for each in answer["disappeared"] if each["day"] > moment[:10]]


def _toggle_backups(world: World, droplet: int) -> None:
    is_on = world.fleet.droplets[droplet].policy is not None
    world.fleet.disable_backups(droplet) if is_on else world.fleet.enable_backups(droplet, "daily")


def _move_hour(world: World, droplet: int) -> None:
    policy = world.fleet.droplets[droplet].policy
    if policy:
        world.fleet.change_policy(droplet, plan="daily", hour=(policy.hour + 8) % 24)


def _toggle_tag(world: World, droplet: int) -> None:
    is_tagged = TAG in world.fleet.droplets[droplet].tags
    (world.fleet.untag if is_tagged else world.fleet.tag)(droplet, TAG)


def _lose(world: World, droplet: int) -> None:
    for backup in world.fleet.backups_of(droplet)[1:3]:
        world.fleet.lose(backup.id)
        world.lost.append(backup.id)


def _return(world: World, _droplet: int) -> None:
    last_seen_under = {event.backup_id: event.droplet_id for event in world.fleet.events}
    for backup in world.lost[:1]:
        if last_seen_under[backup] in world.fleet.droplets:
            world.fleet.return_backup(world.lost.pop(0))


def _edit(world: World, droplet: int) -> None:
    for backup in world.fleet.backups_of(droplet)[-1:]:
        world.fleet.edit_backup(backup.id, size_gigabytes=4 * backup.size_gigabytes, regions=("ams3", "fra1"))


def _rename_and_resize(world: World, droplet: int) -> None:
    world.fleet.rename(droplet, f"{world.fleet.droplets[droplet].name}-new")
    world.fleet.resize(droplet, "s-2vcpu-4gb")


def _toggle_theirs(world: World, _droplet: int) -> None:
    world.theirs.selection = EVERYTHING if world.theirs.selection == NOTHING else NOTHING


def _toggle_status(world: World, _droplet: int) -> None:
    world.ours.api.status = "locked" if world.ours.api.status == "active" else "active"


def _forbid_policies(world: World, _droplet: int) -> None:
    world.ours.api.faults["/v2/droplets/backups/policies"] = Fault(status=500)


def _prune(world: World, _droplet: int) -> None:
    world.changed.add("known_droplets")  # it says of every moment since when history is kept
    for _ in prune.delete(world.database, prune.find(world.database, keep_days=90, today=world.now.date())):
        pass


def _step_clock(minutes: int) -> Callable[[World, int], None]:
    """Put this machine's clock so far ahead of the API's; moments that it shows again are not asked again."""

    def befall(world: World, _droplet: int) -> None:
        world.ours.skew = world.theirs.skew = timedelta(minutes=minutes)
        world.answered = {moment: asked for moment, asked in world.answered.items() if moment < world.now}

    return befall


def _faulty(kind: str) -> Callable[[World, int], None]:
    def befall(world: World, droplet: int) -> None:
        world.ours.api.faults[backups_path(droplet)] = FAULTS[kind]()

    return befall


EVENTS: dict[str, Callable[[World, int], object]] = {
    "nothing": lambda _world, _droplet: None,
    "misses": lambda world, droplet: world.fleet.miss_next(droplet),
    "toggles backups": _toggle_backups,
    "moves the hour": _move_hour,
    "is destroyed": lambda world, droplet: world.fleet.destroy(droplet),
    "toggles its tag": _toggle_tag,
    "loses backups": _lose,
    "gets a backup back": _return,
    "has a backup edited": _edit,
    "is renamed": _rename_and_resize,
    "is added": lambda world, _droplet: world.fleet.add_droplet(name="new", plan="daily", backups=2, tags=[TAG]),
    "the other account selects": _toggle_theirs,
    "the account changes": _toggle_status,
    "no policies": _forbid_policies,
    "history is pruned": _prune,
    "the clock is right": _step_clock(0),
    "the clock is slow": _step_clock(-40),
    "the clock is fast": _step_clock(40),
    "a short listing": _faulty("short"),
    "a failing listing": _faulty("failing"),
}


class Step(NamedTuple):
    """What happens, to which Droplet, and which accounts are synced how much later."""

    minutes: int
    event: str
    droplet: int
    accounts: tuple[bool, bool]


STEPS = st.builds(
    Step,
    minutes=st.sampled_from([3, 60, 60, 300, 60 * 13, 60 * 24 * 9, 60 * 24 * 100]),
    event=st.sampled_from(sorted(EVENTS)),
    droplet=st.integers(0, 5),
    accounts=st.sampled_from([(True, False), (True, True), (True, True), (False, True), (False, False)]),
)


def play(database: Database, steps: list[Step]) -> World:
    """Live through the steps in an emptied database."""
    with database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(sa.delete(table))
    world = World(database)
    world.look(5, world.ours)
    for step in steps:
        if world.fleet.droplets:
            EVENTS[step.event](world, list(world.fleet.droplets)[step.droplet % len(world.fleet.droplets)])
        chosen = zip((world.ours, world.theirs), step.accounts, strict=True)
        world.look(step.minutes, *(account for account, is_synced in chosen if is_synced))
    return world


# An hour after a day's first look, at which no policies could be read, the policy of a Droplet is found to have ended.
ENDED_LATER_THAT_DAY = [
    Step(300, "toggles backups", 3, (False, True)),
    Step(60 * 24 * 100, "no policies", 0, (True, True)),
    Step(60, "nothing", 0, (True, False)),
]

# What disappeared is told of up to a year. Of a Droplet that did, a part is pruned.
PRUNED_IN_PART = [
    Step(60 * 24 * 9, "nothing", 0, (True, True)),
    Step(60, "is destroyed", 3, (False, True)),
    Step(60 * 13, "nothing", 0, (True, True)),
    Step(60 * 24 * 100, "nothing", 0, (False, True)),
    Step(60, "nothing", 0, (True, True)),
    Step(60 * 24 * 100, "nothing", 0, (True, False)),
    Step(300, "history is pruned", 0, (True, True)),
]

# Between two complete runs the clock was set back: the first ended later. Both are pruned, but for what must stay.
ENDED_AFTER_THE_NEXT = [
    Step(3, "the clock is slow", 0, (True, False)),
    Step(60 * 24 * 100, "the clock is right", 0, (False, True)),
    Step(60 * 24 * 100, "history is pruned", 0, (True, False)),
]


@pytest.mark.timeout(900)
def test_what_was_answered_is_answered_again(migrated_url: str) -> None:
    with closing(Database(migrated_url)) as database:

        @settings(
            max_examples=examples(0.2),
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.lists(STEPS, min_size=1, max_size=12))
        @example(ENDED_LATER_THAT_DAY)
        @example(PRUNED_IN_PART)
        @example(ENDED_AFTER_THE_NEXT)
        def hold(steps: list[Step]) -> None:
            world = play(database, steps)
            assert world.contradictions() == []
            kept = by_day(database, world.answered)
            with database.writing() as connection:
                connection.execute(sa.delete(account_days))
            assert by_day(database, world.answered) == kept

        hold()
