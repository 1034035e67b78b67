import json
from datetime import UTC, date, datetime
from enum import StrEnum

import pytest

from inventory.terminal.document import as_json


class Colour(StrEnum):
    RED = "red"


def test_times_days_and_words_are_written_as_other_programs_read_them() -> None:
    document = {"at": datetime(2026, 11, 25, 6, 4, 59, 999, tzinfo=UTC), "day": date(2026, 11, 25), "is": Colour.RED}
    text = as_json(document)
    assert json.loads(text) == {"at": "2026-11-25T06:04:59Z", "day": "2026-11-25", "is": "red"}
    assert text.endswith("}\n")


def test_no_token_leaves_in_a_document() -> None:
    token = f"dop_v1_{'0123456789abcdef' * 4}"
    assert json.loads(as_json({"name": f"web {token}"})) == {"name": "web [token]"}


def test_what_has_no_form_is_a_bug_and_not_a_text() -> None:
    with pytest.raises(TypeError, match="set has no form in JSON"):
        as_json({"ids": {1, 2}})
