"""What a Droplet says beside its id: nothing of it is needed to look at its backups (R13)."""

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.digitalocean.decode import decode_droplet, decode_droplets
from inventory.model import Droplet
from tests.faults.documents import droplet

SIDE_FIELDS = sorted(droplet(7).keys() - {"id"})
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def read(**changes: object) -> Droplet:
    found = decode_droplet(json.dumps({"droplet": droplet(7, **changes)}).encode())
    [listed] = decode_droplets(json.dumps({"droplets": [droplet(7, **changes)]}).encode()).values.values()
    assert found == listed
    return found


@given(changes=st.dictionaries(st.sampled_from(SIDE_FIELDS), JSON))
def test_any_json_in_any_side_field_leaves_a_droplet_to_look_at(changes: dict[str, object]) -> None:
    found, usual = read(**changes), read()
    assert found.id == 7
    assert set(found.unreadable) <= changes.keys()
    untouched = {field.name for field in fields(Droplet)} - {"unreadable", "price_monthly_usd", *changes}
    untouched -= {name for name in untouched if name.startswith("next_window_")}
    assert [getattr(found, name) for name in sorted(untouched)] == [getattr(usual, name) for name in sorted(untouched)]


YEAR_ONE = "0001-01-01T00:00:00Z"
NO_TEXT: list[object] = [None, "", 7, [], {}]
OTHER_SHAPES: dict[str, list[object]] = {
    "next_backup_window": [{}, {"start": None, "end": None}, {"start": YEAR_ONE, "end": YEAR_ONE}, [], "soon", 0],
    "created_at": [YEAR_ONE, None, 0, "yesterday"],
    "name": NO_TEXT,
    "size_slug": NO_TEXT,
    "status": NO_TEXT,
    "region": [None, {}, "nyc3", {"slug": None}, {"slug": ""}],
    "size": [[], {"price_monthly": -1}, {"price_monthly": 1e300}, {"price_monthly": "6"}],
    "tags": [{}, "web", [1], ["web", None]],
    "features": [{}, "backups", [1], ["backups", None]],
    "backup_ids": [{}, 7, [0], ["7"], [7, None]],
    "snapshot_ids": [{}, 7, [0], ["7"], [7, None]],
}
READ_AS = {"next_backup_window": ("next_window_starts_at", "next_window_ends_at"), "size": ("price_monthly_usd",)}


@pytest.mark.parametrize("name", OTHER_SHAPES)
def test_a_field_in_another_shape_is_unknown_and_named(name: str) -> None:
    unknown: dict[str, Any] = dict.fromkeys(READ_AS.get(name, (name,)))
    for sent in OTHER_SHAPES[name]:
        assert read(**{name: sent}) == replace(read(), unreadable=(name,), **unknown), sent


@pytest.mark.parametrize("name", ["next_backup_window", "size", "tags", "features", "backup_ids", "snapshot_ids"])
def test_what_a_token_may_not_show_is_unknown_without_a_word(name: str) -> None:
    assert read(**{name: None}).unreadable == ()


def test_a_window_is_known_to_be_none_where_the_answer_has_none() -> None:
    assert read(next_backup_window=None).is_window_known
    assert not read(next_backup_window={}).is_window_known
