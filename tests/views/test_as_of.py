"""What a view said on a day it says again later, when asked as of that day."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copy
from typing import Any, TypeAlias

import pytest

from inventory.store.engine import Database
from inventory.views.catalog import views
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
            _keep(database, now + SECOND_LOOK, answers)
        yield database, answers


def _keep(database: Database, now: datetime, answers: Answers) -> None:
    with database.reading() as connection:
        for name in REPEATABLE:
            answers[now, name] = ask(connection, ROWS[name], Question(now))


@pytest.mark.parametrize("name", REPEATABLE)
def test_a_days_answer_is_repeated(said: tuple[Database, Answers], name: str) -> None:
    """But for the columns of which the header says what they are for a past moment."""
    database, answers = said
    promised = [
        place for place, (_, says) in enumerate(views()[name].columns.items()) if "for a past moment" not in says
    ]
    with database.reading() as connection:
        for (now, view), before in answers.items():
            if view == name:
                after = ask(connection, ROWS[name], Question(now))
                assert _only(promised, after) == _only(promised, before), now


@pytest.mark.parametrize("name", REPEATABLE)
def test_after_the_first_look_of_a_day_all_is_repeated(said: tuple[Database, Answers], name: str) -> None:
    database, answers = said
    with database.reading() as connection:
        for (now, view), before in answers.items():
            if view == name and now.hour == story.BEGINS.hour:
                assert ask(connection, ROWS[name], Question(now)) == before, now


def _only(places: Sequence[int], rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple(row[place] for place in places) for row in rows]
