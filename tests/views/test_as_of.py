"""What a view said in a long story it says again later, when asked as of that moment (R14)."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copy
from typing import Any, TypeAlias

import pytest

from inventory.rounds.adding_up import add_up
from inventory.store.engine import Database
from inventory.views.queries import Question, ask
from inventory.views.rows import ROWS
from tests.views import story

pytestmark = pytest.mark.slow

Answers: TypeAlias = dict[tuple[datetime, str], list[tuple[Any, ...]]]

# By all that is known today is what this one is about.
REPEATABLE = [name for name in ROWS if name != "restorable_backups"]
SECOND_LOOK = timedelta(hours=6)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[tuple[Database, Answers]]:
    """Play the story with a second look a day, at 18:00, and keep what is answered after each look."""
    path = copy(sqlite_template, tmp_path_factory.mktemp("as-of") / "history.db")
    answers: Answers = {}
    with closing(Database(f"sqlite:///{path}")) as database:
        told = story.begin(database)
        for now in story.days(told):
            _keep(database, now, answers)
            told.account.advance(hours=6)
            told.account.sync()
            add_up(database, told.account.name, now + SECOND_LOOK)
            _keep(database, now + SECOND_LOOK, answers)
        yield database, answers


def _keep(database: Database, now: datetime, answers: Answers) -> None:
    with database.reading() as connection:
        for name in REPEATABLE:
            answers[now, name] = ask(connection, ROWS[name], Question(now))


@pytest.mark.parametrize("name", REPEATABLE)
def test_what_was_answered_is_answered_again(said: tuple[Database, Answers], name: str) -> None:
    database, answers = said
    with database.reading() as connection:
        for (now, view), before in answers.items():
            if view == name:
                assert ask(connection, ROWS[name], Question(now)) == before, now
