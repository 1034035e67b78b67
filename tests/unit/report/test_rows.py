"""Rows of views as people and other programs read them."""

import csv
import io
from datetime import UTC, date, datetime
from typing import NamedTuple

import pytest

from inventory.report import rows_export, rows_table

NOW = datetime(2026, 11, 25, 6, 4, tzinfo=UTC)


class Shape(NamedTuple):
    name: str | None
    size_gigabytes: float
    is_large: bool
    made_at: datetime | None
    day: date


def written(*rows: Shape) -> str:
    stream = io.StringIO(newline="")
    rows_export.write_csv(stream, Shape._fields, rows)
    return stream.getvalue()


def test_csv_is_as_rfc_4180_has_it() -> None:
    text = written(
        Shape('a "b", c\nd', -1.5, is_large=True, made_at=NOW, day=NOW.date()),
        Shape(None, 2.0, is_large=False, made_at=None, day=NOW.date()),
    )
    assert text == (
        "name,size_gigabytes,is_large,made_at,day\r\n"
        '"a ""b"", c\nd",-1.5,true,2026-11-25T06:04:00Z,2026-11-25\r\n'
        ",2.0,false,,2026-11-25\r\n"
    )


@pytest.mark.parametrize(
    "name",
    ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx", "\r=1", "  =1+1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201"],
)
def test_a_text_that_a_spreadsheet_would_run_is_made_harmless(name: str) -> None:
    ((_, *_), (cell, size, *_)) = csv.reader(
        io.StringIO(written(Shape(name, -2.5, is_large=True, made_at=NOW, day=NOW.date())), newline="")
    )
    assert cell == f"'{name}"
    assert size == "-2.5", "numbers stay numbers"


@pytest.mark.parametrize("name", ["web-01", "a=b", "1-2", "", "'quoted"])
def test_other_texts_stay_as_they_are(name: str) -> None:
    (_, (cell, *_)) = csv.reader(
        io.StringIO(written(Shape(name, 1.0, is_large=True, made_at=NOW, day=NOW.date())), newline="")
    )
    assert cell == name


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("droplet", "web\x1b[2J", r"web\x1b[2J"),
        ("droplet", "[red]web[/red]", "[red]web[/red]"),
        ("droplet_id", 500000001, "500000001"),
        ("backups", 1234, "1,234"),
        ("size_gigabytes", 1234.56, "1,234.6 GB"),
        ("growth_per_day_gigabytes", -0.5, "-0.50 GB"),
        ("estimated_usd", 1234.5, "1,234.50 USD"),
        ("age_hours", 49.0, "2 d"),
        ("early_by_days", -1.5, "-36 h"),
        ("created_at", NOW, "06:04Z"),
        ("month", date(2026, 11, 1), "2026-11"),
        ("day", date(2026, 11, 1), "2026-11-01"),
        ("is_newest", True, "yes"),
        ("gone_at", None, "-"),
    ],
)
def test_a_cell_is_written_by_the_unit_its_column_names(column: str, value: object, expected: str) -> None:
    assert rows_table.cell(column, value, NOW) == expected
