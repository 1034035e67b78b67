"""What Datasette is told of the published database is what the program and docs/sql.md say."""

import json

from docs import generate
from inventory.store.schema import PRIVATE
from inventory.views.catalog import views

DESCRIBED = json.loads(generate.DATASETTE.read_text("utf-8"))["databases"]["inventory"]


def test_it_is_up_to_date() -> None:
    """Else: make docs."""
    assert generate.DATASETTE.read_text("utf-8") == generate.datasette(generate.PAGE.read_text("utf-8"))


def test_every_view_has_its_question_its_units_and_its_columns() -> None:
    for name, view in views().items():
        told = DESCRIBED["tables"][name]
        assert view.question in told["title"]
        assert f"Units: {view.units}." in told["description"]
        assert told["columns"] == dict(view.columns)
    assert all(DESCRIBED["tables"][table.name]["hidden"] for table in PRIVATE)
    assert "hidden" not in DESCRIBED["tables"]["backups"]


def test_every_question_is_there_to_ask() -> None:
    asked = generate.questions(generate.PAGE.read_text("utf-8"))
    assert len(DESCRIBED["queries"]) == len(asked) > 20
