"""The page on SQL says what the program says, and its questions have the printed answers on both databases."""

import json
import re
from collections.abc import Iterator
from contextlib import closing

import pytest

from docs import generate
from inventory.store.copy import copy
from inventory.store.engine import Database
from inventory.views.catalog import views
from tests.conftest import temporary_database
from tests.postgres import Cluster

pytestmark = pytest.mark.slow  # the demonstration's history, on both databases

PAGE = generate.PAGE.read_text("utf-8")
QUESTIONS = generate.questions(PAGE)


@pytest.fixture(scope="module")
def on_sqlite() -> Iterator[Database]:
    with generate.demonstration() as path, closing(Database(f"sqlite:///{path}")) as database:
        with database.writing() as connection:
            generate.freeze(connection, PAGE)
        yield database


@pytest.fixture(scope="module")
def on_postgresql(postgres: Cluster, on_sqlite: Database) -> Iterator[Database]:
    with temporary_database(postgres) as url, closing(Database(url)) as database:
        copy(on_sqlite, database, lambda _done, _total: None)
        with database.writing() as connection:
            generate.freeze(connection, PAGE)
        yield database


def test_what_is_generated_is_up_to_date(on_sqlite: Database) -> None:
    """Else: make docs."""
    with on_sqlite.reading() as connection:
        assert generate.written(PAGE, lambda sql: generate.ask(connection, sql)) == PAGE


def test_every_question_has_the_printed_answer_on_postgresql_too(on_postgresql: Database) -> None:
    with on_postgresql.reading() as connection:
        connection.exec_driver_sql("SET LOCAL timezone = 'UTC'")
        answered = {title: generate.ask(connection, sql) for title, sql in QUESTIONS}
    assert answered == dict(zip((title for title, _ in QUESTIONS), generate.answers(PAGE), strict=True))


def test_datasette_asks_the_same_questions_and_gets_the_printed_answers(on_sqlite: Database) -> None:
    asked = [generate.canned(each) for each in QUESTIONS]
    queries = json.loads(generate.DATASETTE.read_text("utf-8"))["databases"]["inventory"]["queries"]
    assert [(each["title"], each["sql"]) for each in queries.values()] == [(each.title, each.sql) for each in asked]
    with on_sqlite.reading() as connection:
        answered = [generate.ask(connection, each.sql, each.values) for each in asked]
    assert answered == generate.answers(PAGE)
    assert not any("'20" in each.sql or "'demo'" in each.sql for each in asked), "a reader fills these in"


def test_the_page_has_as_many_questions_as_it_says() -> None:
    assert f"(#questions-and-answers): {len(QUESTIONS)} of them" in PAGE
    assert len({title for title, _ in QUESTIONS}) == len(QUESTIONS)


def test_the_questions_use_views_that_exist() -> None:
    asked = {name for _, sql in QUESTIONS for name in re.findall(r"(?:FROM|JOIN) (\w+)", sql)}
    assert asked & views().keys() >= views().keys() - {
        # What the others are made of.
        "report_clock",
        "known_droplets",
        "droplet_size_at_last_look",
        "announced_windows",
        "window_schedules",
        "due_windows",
        "empty_windows",
        # Asked by the page as tables of which they are made, or as their like for all Droplets together.
        "restorable_backups",
        "droplet_size_by_day",
    }
