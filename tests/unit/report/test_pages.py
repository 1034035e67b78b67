"""Pages of names that somebody chose to do harm: they are text, and nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.judging.rules import Exemption
from inventory.judging.verdict import Finding, Verdict
from inventory.report import rows_html, summary_html, summary_text
from inventory.report.disappeared import Disappeared
from inventory.report.fleet_sizes import SizeOnDay
from inventory.report.past_text import past
from inventory.report.summary import Large, Summary
from inventory.terminal.console import plain
from inventory.terminal.display import shown
from inventory.views.catalog import views
from inventory.views.queries import Question
from inventory.views.rows import DropletRetention, DropletTag, SizeGrowth, SyncHealth
from tests.reports import pages

NOW = datetime(2026, 11, 25, 6, 4, tzinfo=UTC)
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title><script>",
    "</style><style>@import url(//x)",
    "<!-- ",
    "&lt;b&gt; &amp; &#60;",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe\u2066",
    "\x1b[2J\x00\r\n\u2028",
    "\ud800",
    "\u05e9\u05dc\u05d5\u05dd",
]


def of_rows(name: str) -> Element:
    row = DropletTag(account=name, droplet_id=1, droplet=name, tag=name)
    question = Question(now=NOW)
    text = "".join(
        rows_html.page(views()["droplet_tag_list"], question, [row], database=name, narrowed=name, remark=name)
    )
    assert text.encode()
    return pages.parse(text)


def of_summary(name: str) -> Element:
    text = "".join(summary_html.page(summary(name), verdict(name), Question(now=NOW), database=name, narrowed=name))
    assert text.encode()
    return pages.parse(text)


def summary(name: str) -> Summary:
    health: dict[str, Any] = dict.fromkeys(SyncHealth._fields) | {
        "account": name,
        "last_run_status": "failed",
        "droplets": 1,
        "droplets_overdue": 0,
    }
    growth: dict[str, Any] = dict.fromkeys(SizeGrowth._fields) | {"droplet": name, "backups": 1, "size_gigabytes": 2.0}
    retention: dict[str, Any] = dict.fromkeys(DropletRetention._fields) | {"plan": name}
    return Summary(
        now=NOW,
        health=[SyncHealth(**health)],
        droplets=1,
        disabled=0,
        never_protected=0,
        none_left=0,
        never_looked_at=0,
        backups=1,
        oldest_backup_at=NOW,
        newest_backup_at=NOW,
        size_gigabytes=2.0,
        size_not_fresh_gigabytes=0.0,
        size_before_gigabytes=1.0,
        size_before_not_fresh_gigabytes=0.0,
        size_unknown_before_gigabytes=0.0,
        sizes=[1.0, 2.0],
        past_since=NOW - timedelta(days=365),
        disappeared_since=NOW - timedelta(days=365),
        size_by_day=[SizeOnDay(NOW.date() - timedelta(days=1), 1.0), SizeOnDay(NOW.date(), 2.0)],
        disappeared=[Disappeared(NOW.date(), name, 1, name, "unexplained", 1, 2.0)],
        cost_usd=1.0,
        without_rate=0,
        lately=MappingProxyType({}),
        incomplete_before=None,
        largest=[Large(SizeGrowth(**growth), DropletRetention(**retention), [1.0, 2.0])],
    )


@pytest.mark.parametrize(
    ("disabled", "never", "note"),
    [(0, 0, ""), (54, 0, "54 with backups off"), (1, 2, "1 with backups off, 2 without any yet")],
)
def test_the_summary_says_how_to_list_what_has_no_backups(disabled: int, never: int, note: str) -> None:
    counted = replace(summary("web"), disabled=disabled, never_protected=never)
    assert next(summary_text.figures(counted)).note == note
    told = plain(summary_text.next_steps(counted, verdict("web")))
    assert ("inventory report unprotected " in told) is bool(note)


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
def test_the_past_fits_a_screen(columns: int) -> None:
    name = "a-name-of-thirty-eight-characters.test"
    since = NOW.date() - timedelta(days=99)
    many = replace(
        summary(name),
        size_by_day=[SizeOnDay(since + timedelta(days=number), 1000.5 * number) for number in range(100)],
        disappeared=[Disappeared(NOW.date(), name, 1, name, "droplet_destroyed", number, 2.0) for number in range(12)],
    )
    *_, chart, heading, ends, remark = past(many)
    drawn = plain(chart, columns=columns)
    assert max(map(len, drawn.splitlines())) <= min(columns, 80)
    assert f"{since.day} {since:%b}" in drawn
    assert heading == "\nWhat disappeared without having expired, over 100 days\n"
    assert plain(ends, columns=columns).count(name) == 10
    assert max(map(len, plain(ends, columns=columns).splitlines())) <= columns
    assert remark == "Earlier ones, 2 more: inventory report backup_lifetimes"


def verdict(name: str) -> Verdict:
    finding = Finding("missed-backup", "warning", name, 1, name, NOW, name, name)
    exemption = Exemption(droplet=name, finding="missed-backup", reason=name, until=NOW.date())
    return Verdict(NOW, (finding,), (), ((finding, exemption),), (exemption,), 1, NOW)


def shape(page: Element) -> list[tuple[str, dict[str, str]]]:
    return [
        (each.tag, {name: value for name, value in each.attrib.items() if name != "content"}) for each in page.iter()
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_shown_as_it_is(name: str) -> None:
    page = of_rows(name)
    assert pages.table(page, "rows")[1] == [[shown(name), "1", shown(name), shown(name)]]
    assert pages.facts(page)["Database"] == pages.facts(page)["Only"] == shown(name)
    assert pages.remarks(page) == [shown(name)]
    page = of_summary(name)
    assert shown(f'Backups of account "{name}", 1 Droplet') in pages.words(page)
    assert pages.table(page, "findings")[1] == [
        ["WARNING", shown(name), "missed-backup", shown(name)],
        ["exempt", shown(name), "missed-backup", shown(f'until 2026-11-25, "{name}"')],
        ["expired", shown(name), "missed-backup", shown(f'was exempt until 2026-11-25, "{name}"')],
    ]
    ((droplet, plan, *_),) = pages.table(page, "largest")[1]
    assert (droplet, plan) == (shown(name), shown(name))


@given(st.text(st.characters(), min_size=1))
def test_no_name_changes_what_a_page_is_made_of(name: str) -> None:
    assert shape(of_rows(name)) == shape(of_rows("web-01"))
    assert shape(of_summary(name)) == shape(of_summary("web-01"))
