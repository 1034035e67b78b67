"""Sums over Droplets of which not every one was looked at every day."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from inventory.report.fleet_sizes import FleetSizes, add_up
from inventory.views.rows import KnownDroplet

FIRST = date(2026, 3, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(8)]
BEFORE = st.none() | st.tuples(st.integers(1, 40), st.integers(0, 9_000))
ENDS = st.none() | st.integers(-2, 9)
LOOKS = st.dictionaries(st.sampled_from(DAYS), st.integers(0, 9_000))


def droplet(number: int, ends: int | None, *, is_gone: bool) -> KnownDroplet:
    at = None if ends is None else datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(days=ends)
    values: dict[str, Any] = dict.fromkeys(KnownDroplet._fields) | {"account": "default", "droplet_id": number}
    return KnownDroplet(**values | {"gone_at" if is_gone else "unselected_since": at})


@given(st.lists(st.tuples(BEFORE, LOOKS, ENDS, st.booleans()), max_size=6))
def test_every_day_is_the_sum_of_what_was_last_known(
    fleet: list[tuple[Any, dict[date, int], int | None, bool]],
) -> None:
    """Held against each Droplet for itself; sizes are in hundredths."""
    sizes = FleetSizes(
        droplets=[droplet(number, ends, is_gone=is_gone) for number, (*_, ends, is_gone) in enumerate(fleet)],
        before={
            FIRST - timedelta(days=age): {
                number: before[1] / 100 for number, (before, *_) in enumerate(fleet) if before and before[0] == age
            }
            for age in range(40, 0, -1)
        },
        looks={
            day: {number: looks[day] / 100 for number, (_, looks, *_) in enumerate(fleet) if day in looks}
            for day in DAYS
            if any(day in looks for _, looks, *_ in fleet)
        },
    )
    by_day = {each.day: each.size_gigabytes for each in sizes.totals()}
    days, groups = sizes.by_group({number: ("all", f"{number % 2}") for number in range(len(fleet))}, DAYS[2])
    assert days == [day for day in by_day if day >= DAYS[2]]
    assert groups.get("all", [0.0] * len(days)) == [by_day[day] for day in days]
    both = zip(*(groups.get(name, [0.0] * len(days)) for name in "01"), strict=True)
    assert [add_up(parts) for parts in both] == [by_day[day] for day in days]
    assert list(by_day) == list(sizes.looks)
    for day in DAYS:
        known = []
        for before, looks, ends, _ in fleet:
            seen = {FIRST - timedelta(days=before[0]): before[1]} if before else {}
            seen |= {each: size for each, size in looks.items() if each <= day}
            if seen and (ends is None or day <= FIRST + timedelta(days=ends)):
                known.append((max(seen), Fraction(seen[max(seen)], 100)))
        total = sizes.total(day, {"default": timedelta(hours=50)})
        if total is None:
            assert known == []
            continue
        assert total.size_gigabytes == float(sum(size for _, size in known))
        assert total.not_fresh_gigabytes == float(sum(size for at, size in known if (day - at).days > 2))
        assert by_day.get(day, total.size_gigabytes) == total.size_gigabytes


@given(st.permutations([0.1, 0.2, 0.3, 700.7, 12.3, 1e6, -1e6]))
def test_the_order_of_what_is_added_up_is_of_no_matter(figures: list[float]) -> None:
    assert add_up(figures) == 713.6


def test_nothing_is_not_less_than_nothing() -> None:
    assert str(add_up([-0.00001])) == "0.0"
