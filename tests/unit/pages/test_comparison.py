"""What changed between two moments, said of sides that are made by hand."""

from datetime import UTC, datetime
from typing import Any

from inventory.pages.comparison import Difference, Side, differences, totals
from inventory.views.rows import KnownDroplet

AT = datetime(2026, 3, 2, tzinfo=UTC)


def side(
    number: int = 1, *, backups: int | None = 7, size: float | None = 2.0, policy: str = "daily", **was: str
) -> Side:
    droplet: dict[str, Any] = dict.fromkeys(KnownDroplet._fields) | {
        "droplet_id": number,
        "droplet": f"web-{number}",
        "size_slug": "s-1vcpu-1gb",
        "is_current": True,
        **was,
    }
    return Side(KnownDroplet(**droplet), backups, size, policy)


def test_a_droplet_that_is_as_it_was_is_no_difference() -> None:
    assert differences({1: side()}, {1: side()}, set()) == []


def test_droplets_come_and_go() -> None:
    before, after = {1: side(1), 2: side(2)}, {3: side(3, backups=None, size=None)}
    found = {each.droplet_id: each for each in differences(before, after, {1})}
    assert found[1] == Difference("web-1", 1, ["gone"], "7 → -", "2.0 GB → -", "-2.0 GB")
    assert found[2].what == ["no longer selected"]
    assert found[3] == Difference("web-3", 3, ["came"], "-", "-", "")


def test_what_was_altered_is_named_with_both_values() -> None:
    after = side(droplet="shop", size_slug="s-2vcpu-2gb", policy="")
    (found,) = differences({1: side()}, {1: after}, set())
    assert found.droplet == "shop"
    assert found.what == ["name: web-1 → shop", "size: s-1vcpu-1gb → s-2vcpu-2gb", "policy: daily → unknown"]


def test_the_altered_come_first_and_then_those_whose_size_changed_most() -> None:
    before = {number: side(number) for number in (1, 2, 3, 4)}
    after = {1: side(1, size=2.5), 2: side(2, size=0.5), 3: side(3, policy="weekly"), 4: side(4, backups=6)}
    found = differences(before, after, set())
    assert [each.droplet_id for each in found] == [3, 2, 1, 4]
    assert [(each.backups, each.change) for each in found] == [
        ("7", ""),
        ("7", "-1.5 GB"),
        ("7", "+0.50 GB"),
        ("7 → 6", ""),
    ]


def test_both_moments_are_summed_up() -> None:
    lines = list(totals({1: side(1)}, {1: side(1), 2: side(2, backups=None, size=None)}))
    assert [tuple(each) for each in lines] == [
        ("Droplets", "1", "2", "+1"),
        ("Backups", "7", "7", "+0"),
        ("Stored", "2.0 GB", "2.0 GB", "+0.0 GB"),
    ]
