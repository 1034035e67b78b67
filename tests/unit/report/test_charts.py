"""Charts run nothing, style nothing, name their values, and come out the same twice."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from inventory.report import charts
from inventory.report.charts import Chart

DAYS = [date(2026, 3, 1) + timedelta(days=number) for number in range(30)]
HOSTILE = '"><script>alert(1)</script>{{7*7}}'
ALL_TAGS = {"svg", "g", "rect", "path", "text", "title", "circle", "line"}


def stored() -> Chart:
    return charts.stored("Stored", DAYS, {HOSTILE: [100.0 + each for each in range(30)], "b": [50.0] * 30})


def costs() -> Chart:
    return charts.costs("Cost", [date(2026, 3, 1), date(2026, 4, 1)], {HOSTILE: [1.5, 2.5]})


def restore_points() -> Chart:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return charts.restore_points("Points", {HOSTILE: [(at, 1.0)], "expired": [(at + timedelta(days=9), 2.0)]})


@pytest.mark.parametrize("draw", [stored, costs, restore_points])
def test_a_chart_runs_and_styles_nothing_and_is_the_same_twice(draw: Callable[[], Chart]) -> None:
    drawn = draw()
    assert drawn == draw()
    svg = parsed(drawn)
    elements = list(svg.iter())
    assert {each.tag.rpartition("}")[2] for each in elements} <= ALL_TAGS
    assert not {name for each in elements for name in each.attrib if name in {"id", "style"} or name.startswith("on")}
    assert "script" not in drawn.svg.replace("&lt;script&gt;", "").replace("&lt;/script&gt;", "")
    assert svg.get("aria-label") == drawn.title


def parsed(drawn: Chart) -> ET.Element:
    return ET.fromstring(drawn.svg)  # noqa: S314 - our own


def titles(drawn: Chart) -> list[str]:
    return [each.text or "" for each in parsed(drawn).iter() if each.tag.rpartition("}")[2] == "title"]


def test_every_value_is_a_title_and_in_the_table() -> None:
    assert {"Mar 2026: 1.50 USD", "Apr 2026: 2.50 USD"} <= set(titles(costs()))
    assert costs().rows == [["Mar 2026", "1.50 USD"], ["Apr 2026", "2.50 USD"]]
    drawn = stored()
    assert sum(each.startswith("30 Mar:") for each in titles(drawn)) == 2
    assert drawn.rows[-1] == ["30 Mar", "129.0 GB", "50.0 GB"]


def test_restore_points_stand_on_an_axis_of_days() -> None:
    labels = [each.text or "" for each in parsed(restore_points()).iter() if each.tag.rpartition("}")[2] == "text"]
    assert sum(each.endswith(" Mar") for each in labels) >= 3, labels
    years = {"a": [(datetime(year, 3, 1, tzinfo=UTC), 1.0) for year in (2024, 2026)]}
    assert {"1 Mar 2024: 1.0 GB", "1 Mar 2026: 1.0 GB"} <= set(titles(charts.restore_points("Years", years)))


def test_a_stacked_area_begins_at_nothing() -> None:
    assert "0.0 GB" in titles(stored())


def test_of_many_series_the_largest_stay_and_the_others_are_added_up() -> None:
    many = {f"account {number}": [0.0, float(number)] for number in range(1, 11)}
    drawn = charts.stored("Stored", DAYS[:2], many)
    assert list(drawn.legend) == [*(f"account {number}" for number in range(6, 11)), "all others"]
    assert drawn.rows[-1][-1] == "15.0 GB"


def test_one_series_needs_no_legend() -> None:
    assert costs().legend == ()
