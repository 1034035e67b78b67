"""What solves a finding, row by row of the table where chance may miss it."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.judging.verdict import Finding, Judged, Verdict
from inventory.notifying.telling import Change, Known, due, settle, tell

START = datetime(2026, 3, 2, 12, tzinfo=UTC)


def finding(name: str) -> Finding:
    return Finding(name, "warning", "default", 1, "web-01", START, "why", "web-01")


def said(looks: list[int], name: str = "missed-backup") -> list[list[Change]]:
    """Tell of a finding that is found in the first two rounds, an hour apart, with the last look before each."""
    known: Known = {}
    told = []
    for hour, look in enumerate(looks):
        now = START + timedelta(hours=hour)
        found = (finding(name),) if hour < 2 else ()
        judged = {1: Judged("default", START + timedelta(hours=look))}
        verdict = Verdict(now, found, (), (), (), 1, now, frozenset({"default"}), judged)
        settled = settle(known, verdict)
        messages = due(settled, verdict)
        told.append([each.change for each in messages])
        known = tell(settled, messages, now)
    return told


@pytest.mark.parametrize(
    ("looks", "solved_in"),
    [
        ([0, 1, 2], 2),
        # What went away by the clock is not solved by the look that still showed it.
        ([0, 1, 1, 1, 4], 4),
        ([0, 0, 0, 3], 3),
    ],
)
def test_only_a_look_since_it_was_last_found_solves_it(looks: list[int], solved_in: int) -> None:
    told = said(looks)
    assert told[0] == [Change.NEW]
    assert [number for number, changes in enumerate(told) if changes == [Change.SOLVED]] == [solved_in]


def test_too_few_backups_is_solved_after_a_day_without_it() -> None:
    told = said([*range(30)], "too-few-backups")
    assert [number for number, changes in enumerate(told) if changes] == [0, 25]
