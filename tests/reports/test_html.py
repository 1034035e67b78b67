"""`inventory report --html`: every view, and the summary, as one page that needs nothing else."""

import json
from datetime import date, datetime
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

from inventory.report import rows_table
from inventory.report.choosing import reports
from inventory.store.engine import Database
from inventory.views.catalog import views
from inventory.views.queries import Question, ask
from inventory.views.rows import ROWS
from tests.reports import pages
from tests.reports.conftest import NOW, Run, read

REPORTS = sorted(rows_table.SHOWN)


def page_of(run: Run, directory: Path, *arguments: str, as_of: str = NOW) -> Element:
    file = directory / "page.html"
    ended = run("report", *arguments, "--as-of", as_of, "--html", str(file))
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    return pages.parse(file.read_text("utf-8"))


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_a_page_of_all_its_columns_and_rows(
    run: Run, tmp_path: Path, lived: Database, ends_at: datetime, name: str
) -> None:
    page = page_of(run, tmp_path, name)
    heading = page.find(".//h1")
    assert heading is not None
    assert heading.text == views()[name].question
    told = pages.facts(page)
    assert (told["Database"], told["As of"], told["Report"]) == (lived.shown, "Sat 2026-04-11 12:05 UTC", name)
    assert told.get("Period", "") == ("since 2026-01-11 12:05Z" if views()[name].is_recent else "")
    assert "Only" not in told
    with lived.reading() as connection:
        rows = read(connection, name, Question(now=ends_at))
    if not rows:
        (remark,) = pages.remarks(page)
        assert remark.startswith("None: ")
        return
    headers, written = pages.table(page, "rows")
    columns = list(reports()[name].columns)
    assert len(set(headers)) == len(columns), "no two are headed alike"
    assert written == [
        [rows_table.cell(column, value, ends_at) for column, value in zip(columns, row, strict=True)] for row in rows
    ]
    assert pages.remarks(page) == []


def test_figures_are_to_the_right_and_times_can_be_read_by_machines(
    run: Run, tmp_path: Path, lived: Database, ends_at: datetime
) -> None:
    page = page_of(run, tmp_path, "live_backups")
    headers, _ = pages.table(page, "rows")
    figures = {
        header
        for header, cell in zip(headers, page.iterfind(".//thead/tr/th"), strict=True)
        if "figure" in cell.get("class", "")
    }
    assert figures == {"age", "size", "min disk size gigabytes"}
    with lived.reading() as connection:
        newest = next(iter(ask(connection, ROWS["live_backups"], Question(now=ends_at))))
    times = [each.get("datetime") for each in page.iterfind(".//tbody/tr[1]//time")]
    assert times == [
        f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in (newest.created_at, newest.first_seen_at, newest.last_seen_at)
    ]


def test_a_page_says_what_it_was_narrowed_to(run: Run, tmp_path: Path) -> None:
    narrowed = ("--droplet", "db-01", "--droplet", "db-02", "--tag", "env:prod", "--account", "default")
    page = page_of(run, tmp_path, "droplet_size_by_day", *narrowed, "--since", "2026-03-10", "--until", "2026-03-12")
    told = pages.facts(page)
    assert told["Only"] == "account default; Droplet db-01 or db-02; tag env:prod"
    assert told["Period"] == "since 2026-03-10 00:00Z and until 2026-03-13 00:00Z"
    assert pages.facts(page_of(run, tmp_path, "--tag", "db"))["Only"] == "tag db"


def test_a_page_that_is_cut_says_so_above_its_rows(run: Run, tmp_path: Path) -> None:
    page = page_of(run, tmp_path, "live_backups", "--limit", "2")
    _, rows = pages.table(page, "rows")
    assert len(rows) == 2
    assert pages.remarks(page) == ["These are the first 2; a larger --limit shows more, --csv and --json all."]
    body = page.find("./body/main")
    assert body is not None
    assert [each.tag for each in body][:4] == ["h1", "dl", "p", "p"]


def test_an_empty_page_says_why(run: Run, tmp_path: Path) -> None:
    for name, remark in (
        ("size_anomalies", "None: no backup stands out in size."),
        ("unprotected_droplets", "None of the Droplets asked for: every active Droplet has backups, and has them on."),
    ):
        narrowed = ("--droplet", "db-01") if "asked for" in remark else ()
        page = page_of(run, tmp_path, name, *narrowed)
        assert pages.remarks(page) == [remark]
        assert list(page.iter("table")) == []
    for arguments in (("live_backups",), ()):
        page = page_of(run, tmp_path, *arguments, as_of="2025-01-01")
        (remark,) = pages.remarks(page)
        assert "no sync had looked yet" in remark
        assert list(page.iter("table")) == []


def test_the_summary_as_a_page_says_what_the_screen_says(run: Run, tmp_path: Path) -> None:
    page = page_of(run, tmp_path, as_of="2026-03-30T12:05Z")
    screen = run("report", "--as-of", "2026-03-30T12:05Z").out
    heading = page.find(".//h1")
    assert heading is not None
    assert heading.text == screen.splitlines()[0]
    on_screen = " ".join(screen.split())
    assert pages.facts(page)["As of"] in on_screen
    written = [
        *(
            cell
            for name in ("figures", "findings", "lately", "largest")
            for row in pages.table(page, name)[1]
            for cell in row
        ),
        *(pages.words(each) for each in page.iterfind(".//h2")),
        *(pages.words(each) for each in page.iterfind(".//main/p")),
    ]
    headings = {"What there is", "Largest", "Last 7 days"}
    assert [text for text in written if " ".join(text.split()) not in on_screen and text not in headings] == []
    assert [row[:3] for row in pages.table(page, "findings")[1]] == [["CRITICAL", "db-01", "unexplained-loss"]]
    assert len(pages.table(page, "largest")[1]) == 5
    later = page_of(run, tmp_path, "--limit", "1")
    assert len(pages.table(later, "largest")[1]) == 1
    assert "Needs attention: nothing" in [pages.words(each) for each in later.iterfind(".//h2")]


def test_the_summary_as_a_page_draws_what_the_document_counts(run: Run, tmp_path: Path) -> None:
    page = page_of(run, tmp_path)
    known = json.loads(run("report", "--as-of", NOW, "--json").out)["size_by_day"]
    assert known
    drawn = [f"{date.fromisoformat(each['day']):%-d %b}: {each['size_gigabytes']:,.1f} GB" for each in known]
    (chart,) = page.iter("svg")
    assert [pages.words(each) for each in chart.iter("title")][-len(drawn) :] == drawn
    figures = [pages.words(row) for row in page.iterfind(".//details//tbody/tr")]
    assert figures == [each.replace(": ", "") for each in drawn[::-1]]
    assert not list(page_of(run, tmp_path, as_of="2025-01-01").iter("svg")), "nothing was known"


def test_a_page_replaces_the_one_before(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text("old")
    page_of(run, tmp_path, "live_backups")
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".html"] == ["page.html"]


@pytest.mark.parametrize("arguments", [(), ("live_backups",)])
def test_a_page_that_cannot_be_written_is_told_in_one_sentence(
    run: Run, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    for place, why in (("nowhere/page.html", "no such file or directory"), (".", "it is not a file")):
        ended = run("report", *arguments, "--as-of", NOW, "--html", place)
        assert (ended.code, ended.out) == (78, "")
        assert ended.err == f"inventory: cannot write {place} ({why}). Nothing was changed.\n"
    assert list(tmp_path.glob("**/*page*")) == []


@pytest.mark.parametrize("other", ["--csv", "--json"])
def test_a_page_and_another_form_exclude_each_other(run: Run, tmp_path: Path, other: str) -> None:
    ended = run("report", "live_backups", other, "--html", str(tmp_path / "page.html"))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"inventory: {other} and --html exclude each other.\n"
    assert not (tmp_path / "page.html").exists()


def test_a_page_does_not_go_to_stdout(run: Run, tmp_path: Path) -> None:
    ended = run("report", "--html", "-")
    assert (ended.code, ended.out) == (2, "")
    assert "the name of a file" in ended.err
    assert not (tmp_path / "-").exists()
