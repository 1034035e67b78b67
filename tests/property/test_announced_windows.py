"""Nobody is accused of what was made: however rarely somebody looks, a window that is called missed had no backup."""

from datetime import timedelta
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from inventory.simulator.fleet import Fleet
from inventory.store.engine import Database
from inventory.views.queries import Question, ask
from inventory.views.rows import EmptyWindow
from tests.examples import examples
from tests.simulated import MONDAY, Account

pytestmark = pytest.mark.costly


class Course(NamedTuple):
    """What happens to a fleet: the hours between looks, and between which two of them the first policy is changed."""

    seed: int
    plans: list[str]
    gaps: list[int]
    share_missing: float
    changed_after: int | None


courses = st.builds(
    Course,
    seed=st.integers(0, 9),
    plans=st.lists(st.sampled_from(["nightly", "intra_daily_4h", "intra_daily_12h", "daily"]), min_size=1, max_size=3),
    gaps=st.lists(st.sampled_from([1, 3, 5, 12, 17, 24, 31]), min_size=4, max_size=16),
    share_missing=st.sampled_from([0.0, 0.0, 0.2, 0.9]),
    changed_after=st.sampled_from([None, 1, 3]),
)


@settings(
    max_examples=examples(0.12),
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(course=courses, plan=st.sampled_from(["hourly", "intra_daily_8h", "weekly"]))
def test_a_window_that_is_called_missed_had_no_backup(sqlite_template: Path, course: Course, plan: str) -> None:
    fleet = Fleet(MONDAY, seed=course.seed, chance_of_missing=course.share_missing)
    for number, of_its_own in enumerate(course.plans):
        fleet.add_droplet(name=f"web-{number}", plan=of_its_own, backups=3)
    changing = min(fleet.droplets)
    with TemporaryDirectory() as directory:
        database = Database(f"sqlite:///{copy(sqlite_template, Path(directory, 'inventory.db'))}")
        account = Account(database, fleet)
        for look, hours in enumerate(course.gaps):
            account.sync(is_full=False, accept_gone=True)
            if look == course.changed_after:
                fleet.schedule(
                    fleet.now + timedelta(hours=hours / 2), lambda each: each.change_policy(changing, plan=plan)
                )
            account.advance(hours=hours)
        with database.reading() as connection:
            empty = ask(connection, EmptyWindow, Question(account.clock()))
        database.close()
    missed = [row for row in empty if row.verdict == "missed"]
    made = [(event.droplet_id, event.at) for event in fleet.events if event.kind == "made" and event.at > MONDAY]
    for row in missed:
        awaited_until = row.window_ends_at + timedelta(hours=12)
        assert not any(
            number == row.droplet_id and row.window_starts_at <= at < awaited_until for number, at in made
        ), row
    assert not missed or course.share_missing, "no backup was missed"
