from datetime import UTC, datetime, timedelta

import pytest

from inventory.terminal import words
from inventory.vocabulary import GoneReason

NOW = datetime(2026, 11, 25, 6, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (NOW - timedelta(hours=1), "05:04Z"),
        (NOW - timedelta(days=3), "22 Nov 06:04Z"),
        (NOW - timedelta(days=400), "21 Oct 2025 06:04Z"),
    ],
)
def test_instants_are_as_short_as_they_are_clear(at: datetime, expected: str) -> None:
    assert words.instant(at, NOW) == expected


@pytest.mark.parametrize(
    ("gigabytes", "expected"), [(0, "0.0 GB"), (0.07, "0.07 GB"), (2.34, "2.3 GB"), (1234.56, "1,234.6 GB")]
)
def test_sizes_have_their_unit(gigabytes: float, expected: str) -> None:
    assert words.size(gigabytes) == expected


@pytest.mark.parametrize(("number", "expected"), [(0, "0 backups"), (1, "1 backup"), (4812, "4,812 backups")])
def test_numbers_have_their_noun(number: int, expected: str) -> None:
    assert words.count(number, "backup") == expected


def test_every_reason_has_words_and_an_unknown_one_is_shown_as_it_is() -> None:
    said = [words.reason(each) for each in GoneReason]
    assert len(set(said)) == len(said)
    assert not any("_" in each for each in said)
    assert words.reason("moved_to_mars") == "moved_to_mars"


@pytest.mark.parametrize(("values", "expected"), [([], ""), ([3.0], "▄"), ([2.0, 2.0], "▄▄"), ([1.0, 2.0, 8.0], "▁▂█")])
def test_trends_are_drawn(values: list[float], expected: str) -> None:
    assert words.trend(values, 9) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1.0, 8.0, 4.0, 1.0, 8.0], "▁▄█"), ([1.0, 8.0, 4.0, 1.0, 8.0, 4.0, 1.0], "█▁")],
)
def test_a_long_trend_is_thinned_out_and_keeps_its_last_value(values: list[float], expected: str) -> None:
    assert words.trend(values, len(expected)) == expected


def test_differences_and_money_have_sign_and_unit() -> None:
    assert (words.change(1.25), words.change(-1.25), words.change(0)) == ("+1.2 GB", "-1.2 GB", "+0.0 GB")
    assert words.money(1234.5) == "1,234.50 USD"
    assert words.span(timedelta(days=-3)) == "-3 d"
