"""docs/checks.md says what the code does."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from inventory.commands.check import EXIT_CODES
from inventory.judging.overdue import WITHOUT_SCHEDULE, overdue_after
from inventory.judging.rules import KINDS, SEVERITIES
from inventory.settings.formats import read_schedule
from inventory.settings.load import load
from inventory.settings.schedule import Schedule

PAGE = (Path(__file__).parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")


def test_every_finding_is_documented_in_the_order_worst_first() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (\w+) \| (.+) \|$", PAGE, re.MULTILINE)
    assert rows == [(name, kind.severity, kind.means) for name, kind in KINDS.items()]


def span(text: str) -> timedelta:
    number, unit = text.split()
    return int(number) * {"min": timedelta(minutes=1), "h": timedelta(hours=1)}[unit]


def test_the_table_of_what_is_overdue_is_what_the_program_goes_by() -> None:
    *rows, last = re.findall(r"^\| (`.+`|not set.*?) \| (.+) \| (.+) \|$", PAGE.split("## Overdue")[1], re.MULTILINE)[
        1:
    ]
    for written, longest_gap, after in rows:
        gap = Schedule(read_schedule(written.strip('`"'))).longest_gap
        assert (gap, overdue_after(gap)) == (span(longest_gap), span(after)), written
    assert (last[1], span(last[2])) == ("not known", WITHOUT_SCHEDULE)
    assert len(rows) == 6


def test_every_code_is_documented() -> None:
    rows = re.findall(r"^\| (\d) \| ([A-Z]+) \|", PAGE, re.MULTILINE)
    assert {word.lower(): int(code) for code, word in rows} == EXIT_CODES
    assert {*EXIT_CODES, "counted"} == {*SEVERITIES, "ok"}


@pytest.mark.parametrize("text", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_every_example_is_valid(text: str, tmp_path: Path) -> None:
    path = tmp_path / "inventory.toml"
    path.write_text(text, encoding="utf-8")
    settings = load(path, {}, needs_token=False)
    assert settings.rules.everywhere or settings.exemptions


def test_the_pictures_lines_are_of_findings_as_they_are_judged() -> None:
    (picture,) = re.findall(r"```\n(BACKUPS .*?)```", PAGE, re.DOTALL)
    lines = [line.split(maxsplit=3) for line in picture.splitlines()[1:]]
    words = {"exempt": "missed-backup", **{kind.severity.upper(): name for name, kind in KINDS.items()}}
    assert all(word in words and name in KINDS for word, _, name, _ in lines)
    assert all(KINDS[name].severity == word.lower() for word, _, name, _ in lines if word != "exempt")
