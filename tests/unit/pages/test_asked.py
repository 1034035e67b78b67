"""What the address of a page asks, read and written."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.errors import UsageError
from inventory.pages.asked import Asked, address

NOW = datetime(2026, 11, 25, 6, 4, tzinfo=UTC)
texts = st.text(st.characters(codec="utf-8"), max_size=50).map(str.strip)


@given(st.builds(Asked, account=texts, tag=texts, plan=texts, text=texts, sort=texts, page=st.integers(1, 10_000)))
def test_an_address_asks_again_what_was_asked(asked: Asked) -> None:
    written = urlsplit(address("../", "reports/live_backups", asked))
    assert written.path == "../reports/live_backups"
    assert Asked.read(dict(parse_qsl(written.query))) == asked


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"asof": "2026-03"}, 'no parameter "asof"'),
        ({"page": "0"}, 'page "0" is no number'),
        ({"page": "\N{ARABIC-INDIC DIGIT ONE}"}, "is no number"),
        ({"page": "9" * 50}, "is no number"),
        ({"text": "x" * 256}, "more than 255 characters"),
    ],
)
def test_what_makes_no_sense_is_refused(parameters: dict[str, str], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        Asked.read(parameters)


def test_the_moment_is_the_one_that_is_asked_for_but_not_in_the_future() -> None:
    assert Asked.read({}).moment(NOW) == NOW
    assert Asked.read({"as_of": "2026-11-24T06:04"}).moment(NOW) == NOW - timedelta(days=1)
    with pytest.raises(UsageError, match="lies in the future"):
        Asked.read({"as_of": "2026-11-26"}).moment(NOW)


@pytest.mark.parametrize(
    ("root", "place", "written"),
    [("", "", "./"), ("", "calendar", "calendar"), ("../", "", "../"), ("../", "droplets/5", "../droplets/5")],
)
def test_links_are_relative_to_the_page_they_stand_on(root: str, place: str, written: str) -> None:
    assert address(root, place, Asked()) == written


def test_other_parameters_begin_a_list_again() -> None:
    assert Asked(tag="a", page=3).changed(tag="b") == Asked(tag="b")
    assert Asked(tag="a", page=3).changed(page=4) == Asked(tag="a", page=4)
