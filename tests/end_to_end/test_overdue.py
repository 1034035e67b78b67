"""One answer to whether a sync is overdue: `check`, `doctor`, `/readyz`, the summary and the view."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from inventory.commands import check, doctor, report
from inventory.daemon.readiness import overdue
from inventory.judging.overdue import overdue_after
from inventory.report.asking import Asked
from inventory.report.check_unanswered import Wait
from inventory.report.forms import Form
from inventory.settings.load import load
from inventory.settings.schedule import Schedule
from inventory.store.engine import Database
from inventory.store.schema import droplets, sync_runs
from inventory.store.snapshot import read_snapshot
from inventory.views.queries import Question, ask
from inventory.views.rows import SyncHealth
from tests.end_to_end.conftest import Run, Served

pytestmark = pytest.mark.slow  # a sync for each schedule, on both databases

SECOND = timedelta(seconds=1)

# The schedule that the sync went by, that of the settings that ask (None: they name none), and after how many hours
# the next sync is overdue.
SCHEDULES = [
    ("10", "10", 1 / 3),
    ("60", "60", 2),
    ("17 * * * *", "17 * * * *", 2),
    ("1440", "1440", 26),
    ("2880", "2880", 50),
    ("0 3 * * mon-fri", "0 3 * * mon-fri", 74),
    ("0 3 * * sun", "0 3 * * sun", 170),
    (None, None, 26),
    ("0 3 * * sun", None, 170),
    (None, "60", 2),
    ("0 3 * * sun", "60", 2),
]


@dataclass
class Answers:
    """Asks each of those that answer, of a moment."""

    database: Database
    capsys: pytest.CaptureFixture[str]

    def _document(self, ask: Callable[[], int]) -> Any:  # noqa: ANN401 - JSON
        self.capsys.readouterr()
        ask()
        return json.loads(self.capsys.readouterr().out)

    def check(self, now: datetime) -> bool:
        document = self._document(lambda: check.run(None, check.Options(as_json=True), Wait(60), now=now))
        return "sync-overdue" in [each["name"] for each in document["findings"]]

    def doctor(self, now: datetime) -> bool:
        environ = {name: value for name, value in os.environ.items() if name.startswith("INVENTORY_")}
        document = self._document(
            lambda: doctor.run(
                config_file=None,
                as_json=True,
                environ=environ,
                clock=lambda: now,
                patience_seconds=20,
                mounts=Path("nowhere"),
            )
        )
        (found,) = [each for each in document["checks"] if each["name"] == "last-run"]
        assert found["verdict"] in ("OK", "FAIL")
        return bool(found["verdict"] == "FAIL")

    def summary(self, now: datetime) -> bool:
        document = self._document(lambda: report.run(None, None, Asked(), Form(as_json=True), now=now))
        return "sync-overdue" in [each["name"] for each in document["findings"]]

    def readyz(self, now: datetime) -> bool:
        after = overdue_after(Schedule(load().schedule).longest_gap)
        with self.database.reading() as connection:
            snapshot = read_snapshot(connection, now, most_droplets=0)
        return bool(overdue(["default"], snapshot, after, started_at=now - timedelta(days=365), now=now))

    def view(self, now: datetime) -> bool:
        with self.database.reading() as connection:
            (row,) = ask(connection, SyncHealth, Question(now))
        assert row.droplets == 4
        assert row.droplets_overdue in (0, 4)
        return row.droplets_overdue == 4


@pytest.mark.parametrize(("synced_by", "asked_by", "hours"), SCHEDULES)
def test_all_agree_on_when_a_sync_is_overdue(
    *,
    synced_by: str | None,
    asked_by: str | None,
    hours: float,
    run: Run,
    environment: Callable[[Served], None],
    account: Served,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    environment(account)
    monkeypatch.setenv("INVENTORY_SCHEDULE", synced_by or "")
    assert run("sync", "--quiet").code == 0
    ended_at = end_of_the_run(database)
    monkeypatch.setenv("INVENTORY_SCHEDULE", asked_by or "")
    asked = Answers(database, capsys)
    answers = [asked.check, asked.doctor, asked.summary]
    # The daemon always goes by a schedule; a view knows the one that the sync went by.
    answers += [asked.readyz] if asked_by else []
    answers += [asked.view] if asked_by in (synced_by, None) else []
    after = timedelta(seconds=round(hours * 3600))
    for age, expected in ((timedelta(0), False), (after, False), (after + SECOND, True), (3 * after, True)):
        told = {answer.__name__: answer(ended_at + age) for answer in answers}
        assert told == dict.fromkeys(told, expected), age


def end_of_the_run(database: Database) -> datetime:
    """Let every look have ended when the run did, so that Droplets and run are of one age."""
    with database.writing() as connection:
        ended_at: datetime = connection.execute(sa.select(sync_runs.c.finished_at)).scalar_one()
        connection.execute(sa.update(droplets).values(last_observed_at=ended_at))
    return ended_at
