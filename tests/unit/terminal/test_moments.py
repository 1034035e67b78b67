"""The moments and periods that a person writes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.errors import UsageError
from inventory.terminal import moments

NOW = datetime(2026, 10, 31, 18, 30, 15, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("2026-03", "2026-03-01", "2026-04-01"),
        ("2025-12", "2025-12-01", "2026-01-01"),
        ("2026-10", "2026-10-01", "2026-11-01"),  # has not ended
        ("2026-03-03", "2026-03-03", "2026-03-04"),
        ("20260303", "2026-03-03", "2026-03-04"),
        ("today", "2026-10-31", "2026-11-01"),
        (" Yesterday ", "2026-10-30", "2026-10-31"),
    ],
)
def test_a_month_or_a_day_begins_and_ends(text: str, begin: str, end: str) -> None:
    assert moments.read("--since", text, NOW) == at(begin)
    assert moments.read_end("--until", text, NOW) == at(end)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-03T12:00Z", "2026-03-03 12:00"),
        ("2026-03-03t12:00", "2026-03-03 12:00"),
        ("2026-03-03 12:00:30.9+02:00", "2026-03-03 10:00:30"),
        ("36h", "2026-10-30 06:30:15"),
        ("7d", "2026-10-24 18:30:15"),
        ("7d ago", "2026-10-24 18:30:15"),
        ("4 w ago", "2026-10-03 18:30:15"),
    ],
)
def test_an_instant_ends_where_it_begins(text: str, moment: str) -> None:
    assert moments.read("--since", text, NOW) == moments.read_end("--until", text, NOW) == at(moment)


@pytest.mark.parametrize("text", ["", "soon", "7", "7days", "2026", "2026-13", "2026-02-30", "2026-W10", "9999-12"])
def test_what_is_no_moment_is_refused_with_the_forms_that_are(text: str) -> None:
    for read in (moments.read, moments.read_end):
        with pytest.raises(UsageError, match=r"is no moment: write a month \(2026-03\)"):
            read("--since", text, NOW)


@pytest.mark.parametrize("text", ["2026-11", "2026-11-01", "2026-10-31T18:31Z"])
def test_what_has_not_begun_lies_in_the_future(text: str) -> None:
    for read in (moments.read, moments.read_end):
        with pytest.raises(UsageError, match="lies in the future"):
            read("--until", text, NOW)


def test_nothing_stays_nothing() -> None:
    assert moments.read("--since", None, NOW) is moments.read_end("--until", None, NOW) is None


@pytest.mark.parametrize("text", ["0001-01-01", "99999w", "1969-12-31T23:59:59Z"])
def test_views_cannot_look_back_from_the_first_days_of_the_calendar(text: str) -> None:
    with pytest.raises(UsageError, match="lies before 1970"):
        moments.read("--as-of", text, NOW)


@given(st.integers(0, int(at("2026-10-31").timestamp())))
def test_what_is_written_out_is_read_as_it_was(second: int) -> None:
    moment = datetime.fromtimestamp(second, UTC)
    assert moments.read("--since", moment.isoformat(), NOW) == moment
    midnight = moment.replace(hour=0, minute=0, second=0)
    assert moments.read("--since", f"{moment:%Y-%m-%d}", NOW) == midnight
    assert moments.read_end("--until", f"{moment:%Y-%m-%d}", NOW) == midnight + timedelta(days=1)
    month_end = moments.read_end("--until", f"{moment:%Y-%m}", NOW)
    assert month_end
    assert (month_end - timedelta(seconds=1)).month == moment.month
    assert month_end.day == 1
