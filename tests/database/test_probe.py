"""Whether the database is there, as the probe sees it."""

from collections.abc import Callable
from threading import Event

import pytest
import sqlalchemy as sa

from inventory.serving.probe import Probe
from inventory.store.engine import Database
from inventory.store.upgrade import VERSION_TABLE
from tests.end_to_end.daemon_process import eventually


@pytest.fixture
def url(database: Database) -> Callable[[], str]:
    return lambda: database.url.render_as_string(hide_password=False)


def test_before_it_was_asked_nothing_is_known() -> None:
    assert not Probe().is_up
    assert Probe().problem == "the database has not been checked yet"


def test_a_database_of_this_version_is_up(url: Callable[[], str]) -> None:
    probe = Probe()
    with probe.running(url):
        assert probe.is_up
        assert probe.problem is None


def test_one_of_another_version_is_not(url: Callable[[], str], database: Database) -> None:
    probe = Probe(every_seconds=0.05)
    with probe.running(url):
        with database.writing() as connection:
            connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = 'another'"))  # noqa: S608 - ours
        eventually(lambda: not probe.is_up)
        assert probe.problem == "the tables of the database do not match this program's version"


def test_one_that_went_and_came_back_is_noticed(url: Callable[[], str]) -> None:
    chosen = "sqlite:////nowhere/inventory.db"
    probe = Probe(every_seconds=0.05)
    with probe.running(lambda: chosen):
        assert probe.problem is not None
        assert "/nowhere/inventory.db" in probe.problem
        chosen = url()
        eventually(lambda: probe.is_up)


def test_one_that_does_not_answer_is_not_up_for_ever(url: Callable[[], str]) -> None:
    has_answered, goes_on = Event(), Event()

    def silent() -> str:
        if has_answered.is_set():
            goes_on.wait()
        has_answered.set()
        return url()

    probe = Probe(every_seconds=0.05, answer_seconds=0.05)
    with probe.running(silent):
        eventually(lambda: not probe.is_up)
        assert "did not answer for" in (probe.problem or "")
        goes_on.set()
        eventually(lambda: probe.is_up)
