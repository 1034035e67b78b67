"""`inventory report`: every view as a table, CSV and JSON, as of any moment."""

import csv
import io
import json
import re
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inventory.__main__ import main
from inventory.report import rows_table
from inventory.report.choosing import reports
from inventory.store.engine import Database
from inventory.terminal.console import plain
from inventory.views.catalog import views
from inventory.views.queries import Question, ask
from inventory.views.rows import ROWS
from tests.reports.conftest import NOW, Run, read
from tests.simulated import MONDAY

REPORTS = sorted(rows_table.SHOWN)


def rows_of(run: Run, name: str, *options: str) -> list[dict[str, Any]]:
    ended = run("report", name, "--json", "--as-of", NOW, *options)
    assert (ended.code, ended.err) == (0, "")
    found: list[dict[str, Any]] = json.loads(ended.out)["rows"]
    return found


def test_every_view_is_a_report_but_those_that_only_others_read() -> None:
    assert {*REPORTS, "report_clock", "droplet_size_at_last_look"} == views().keys()
    for name in REPORTS:
        assert set(rows_table.SHOWN[name]) <= {*reports()[name].columns, "details"}, name


@pytest.mark.costly
@pytest.mark.parametrize("name", REPORTS)
def test_every_report_says_what_it_is(run: Run, name: str) -> None:
    ended = run("report", name, "--as-of", NOW)
    assert (ended.code, ended.err) == (0, "")
    heading, _, rows = ended.out.partition("\n\n")
    assert rows
    assert [line for line in heading.splitlines() if len(line) > 80 and " " in line] == [], "only a path may be longer"
    question, where = " ".join(heading.split()).split("? ")
    assert f"{question}?" == views()[name].question
    assert "as of Sat 2026-04-11 12:05 UTC" in where


@pytest.mark.parametrize("lived_url", ["sqlite"], indirect=True)  # the rows are the same on both
@pytest.mark.parametrize("name", REPORTS)
def test_every_report_fits_a_screen(lived: Database, ends_at: datetime, name: str) -> None:
    with lived.reading() as connection:
        rows = read(connection, name, Question(now=ends_at, limit=50))
    for columns in (40, 60, 80, 120, 200):
        text = plain(rows_table.table(name, rows, ends_at), columns=columns)
        assert len(text.splitlines()) > len(rows)
        assert max(map(len, text.splitlines())) <= columns
        assert "…" not in text, "nothing is cut off"
        for row in rows:
            assert getattr(row, "droplet", "") in text


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_is_whole_as_csv_and_as_json(run: Run, lived: Database, ends_at: datetime, name: str) -> None:
    documents = rows_of(run, name)
    figures = [each for document in documents for each in document.values() if isinstance(each, float)]
    assert [each for each in figures if round(each, 4) != each] == [], "a figure has at most four decimals"
    with lived.reading() as connection:
        assert len(documents) == len(read(connection, name, Question(now=ends_at)))
    ended = run("report", name, "--csv", "--as-of", NOW)
    assert "\r\n" in ended.out or not documents
    records = list(csv.DictReader(io.StringIO(ended.out)))
    assert len(records) == len(documents)
    for document, record in zip(documents, records, strict=True):
        assert list(document) == list(record) == list(reports()[name].columns)
        for column, value in document.items():
            assert record[column].removeprefix("'") == as_text(value).removeprefix("'"), column


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def test_the_list_names_every_report_with_its_question(run: Run) -> None:
    ended = run("report", "--list")
    assert ended.code == 0
    for name in REPORTS:
        assert re.search(rf"^{name} +{re.escape(views()[name].question)}$", ended.out, re.MULTILINE)


def test_the_beginning_of_a_name_will_do(run: Run) -> None:
    assert run("report", "restor", "--as-of", NOW).out.startswith(views()["restorable_backups"].question)
    ended = run("report", "droplet_size")
    assert (ended.code, ended.out) == (2, "")
    assert "may be droplet_size_now or droplet_size_by_day" in ended.err
    ended = run("report", "live_bakups")
    assert (ended.code, ended.out) == (2, "")
    assert "did you mean live_backups?" in ended.err


@pytest.mark.costly
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["live", "--as-of", "soon"], '--as-of "soon" is no moment'),
        (["live", "--as-of", "2126-01-01"], "lies in the future"),
        (["live", "--at", "2026-04-01"], "--at belongs to restorable_backups"),
        (["restorable", "--at", "2026-04-01", "--as-of", "2026-04-01"], "give one of them"),
        (["droplet_retention", "--since", "7d"], "is of one moment"),
        (["--since", "7d"], "the summary is of one moment"),
        (["changes", "--since", "1d", "--until", "2d"], "--until must be later"),
        (["changes", "--csv", "--json"], "exclude each other"),
        (["--csv"], "no rows for --csv"),
        (["live", "--droplet", "web-99"], 'no Droplet "web-99" is known; did you mean web-'),
        (["live", "--tag", "env:prd"], 'no Droplet has the tag "env:prd"; did you mean env:prod?'),
        (["live", "--account", "defalt"], 'no account "defalt" has Droplets; did you mean default?'),
        (["live", "--limit", "0"], "limit"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(run: Run, arguments: list[str], complaint: str) -> None:
    ended = run("report", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert complaint in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.costly
def test_a_report_is_narrowed_to_droplets_tags_and_a_period(run: Run) -> None:
    of_one = rows_of(run, "live_backups", "--droplet", "db-01")
    assert {row["droplet"] for row in of_one} == {"db-01"}
    by_id = rows_of(run, "live_backups", "--droplet", str(of_one[0]["droplet_id"]))
    assert by_id == of_one
    tagged = rows_of(run, "live_backups", "--tag", "db")
    assert {row["droplet"] for row in tagged} == {"db-01", "db-02"}
    assert rows_of(run, "live_backups", "--tag", "db", "--droplet", "db-01") == of_one
    days = rows_of(run, "droplet_size_by_day", "--since", "2026-03-10", "--until", "2026-03-12", "--droplet", "db-01")
    assert [row["day"] for row in days] == ["2026-03-10", "2026-03-11", "2026-03-12"]
    months = rows_of(run, "monthly_cost", "--since", "2026-04-05", "--droplet", "db-01")
    assert [row["month"] for row in months] == ["2026-04-01"]
    newest = rows_of(run, "live_backups", "--droplet", "db-01", "--limit", "1")
    assert newest == of_one[:1]


@pytest.mark.costly
@pytest.mark.parametrize(
    ("name", "until", "last"),
    [
        ("monthly_cost", "2026-04-05", "2026-04-01"),
        ("monthly_cost", "2026-04-01T00:00:01Z", "2026-04-01"),
        ("monthly_cost", "2026-04-01T00:00Z", "2026-03-01"),
        ("monthly_cost", "2026-03", "2026-03-01"),
        ("coverage_by_month", "2026-04-05", "2026-04-01"),
        ("droplet_size_by_day", "2026-03-12T09:00Z", "2026-03-12"),
        ("droplet_size_by_day", "2026-03-12T00:00Z", "2026-03-11"),
        ("droplet_size_by_day", "2026-03", "2026-03-31"),
        ("fleet_size_by_day", "2026-03-12T09:00Z", "2026-03-12"),
        ("changes", "2026-03-12", "2026-03-12T23:59:59Z"),
        ("changes", "2026-03-12T00:00Z", "2026-03-11T23:59:59Z"),
    ],
)
def test_a_period_ends_with_the_month_or_the_day_of_its_last_instant(
    run: Run, name: str, until: str, last: str
) -> None:
    column = str(views()[name].time)
    ever, some = (rows_of(run, name, "--since", "2026-01", *more) for more in ((), ("--until", until)))
    assert some == [row for row in ever if row[column] <= last]
    assert len(some) < len(ever) or last >= "2026-04-01", "the period ends before the rows do"


@pytest.mark.costly
@pytest.mark.parametrize("name", REPORTS)
def test_of_no_account_and_no_droplet_there_is_nothing_to_say(lived: Database, ends_at: datetime, name: str) -> None:
    with lived.reading() as connection:
        assert ask(connection, ROWS[name], Question(now=ends_at, accounts=())) == []
        if "droplet_id" in views()[name].columns:
            assert ask(connection, ROWS[name], Question(now=ends_at, droplet_ids=())) == []


def test_as_of_repeats_what_was_known_then(run: Run, lived: Database) -> None:
    """The day before db-01 lost a backup nothing was known of that; what could be restored is told by all of today."""
    lost = next(row for row in rows_of(run, "backup_lifetimes") if row["gone_reason"] == "unexplained")
    before = {row["backup_id"] for row in rows_of(run, "live_backups", "--as-of", lost["last_seen_at"])}
    after = {row["backup_id"] for row in rows_of(run, "live_backups", "--as-of", lost["gone_at"])}
    assert lost["backup_id"] in before - after
    ended = run("report", "restorable", "--json", "--at", lost["last_seen_at"])
    certain = {row["backup_id"]: row["certainty"] for row in json.loads(ended.out)["rows"]}
    assert certain[lost["backup_id"]] == "certain"


def test_an_empty_answer_says_why(run: Run) -> None:
    assert "None: no backup stands out in size." in run("report", "size_anomalies", "--as-of", NOW).out
    assert "no sync had looked yet" in run("report", "live_backups", "--as-of", "2025-01-01").out
    assert "no sync had looked yet" in run("report", "--as-of", "2025-01-01").out
    assert "no sync had looked yet" in run("report", "live_backups", "--as-of", "2025-01-01", "--csv").err
    for view in ("missed_backups", "changes", "monthly_cost", "droplet_size_by_day"):
        assert "no sync had looked before" in run("report", view, "--as-of", NOW, "--until", "2025-01-01").out, view
    ended = run("report", "unprotected_droplets", "--as-of", NOW, "--droplet", "db-01")
    assert "None of the Droplets asked for" in ended.out


def test_no_zero_stands_for_what_was_not_known_yet(run: Run) -> None:
    summary = json.loads(run("report", "--as-of", "2025-01-01", "--json").out)
    for figure in ("backups", "size_gigabytes", "size_before_gigabytes", "cost_usd"):
        assert summary[figure] is None, figure
    ended = run("report", "live", "--as-of", "2025-01-01", "--droplet", "db-01")
    assert ended.code == 2
    assert 'as of Wed 2025-01-01 00:00 UTC, no Droplet "db-01" is known' in ended.err


@pytest.mark.costly
def test_a_long_table_says_that_it_is_cut(run: Run) -> None:
    ended = run("report", "live_backups", "--as-of", NOW, "--limit", "2")
    assert ended.out.splitlines()[-1] == "These are the first 2; a larger --limit shows more, --csv and --json all."
    assert len(ended.out.partition("\n\n")[2].splitlines()) == 4


@pytest.mark.costly
@pytest.mark.parametrize("words", [["live_backups"], ["live_backups", "--json"], []], ids=str)
def test_at_a_terminal_the_answer_does_not_begin_behind_what_shows_the_wait(
    run: Run, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    terminal = Terminal(io.BytesIO(), encoding="utf-8")
    with monkeypatch.context() as patched:
        patched.setenv("TERM", "xterm")
        patched.setattr(sys, "stdout", terminal)
        patched.setattr(sys, "stderr", terminal)
        assert main(["report", *words, "--as-of", NOW]) == 0
    terminal.seek(0)
    text = terminal.read()
    assert "reading the database" in text
    lines = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line.rpartition("\x1b[2K")[2]) for line in text.splitlines()]
    assert not [line for line in lines if line.partition("reading the database")[2].strip()]


def test_the_summary_sums_up(run: Run) -> None:
    ended = run("report", "--as-of", NOW)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith('Backups of account "default", 12 Droplets\n')
    for word in (
        "Protected",
        "Live backups",
        "Stored",
        "Cost",
        "Needs attention: ",
        "Last 7 days",
        "Largest",
        "files-01",
    ):
        assert word in ended.out
    assert "as of Sat 2026-04-11 12:05 UTC" in " ".join(ended.out.split())
    assert [line for line in ended.out.splitlines() if len(line) > 80 and " " in line.strip()] == []
    document = json.loads(run("report", "--json", "--as-of", NOW).out)
    assert f"Needs attention: {len(document['findings']) or 'nothing'}" in ended.out
    live = rows_of(run, "live_backups")
    assert document["backups"] == len(live)
    assert document["size_gigabytes"] == pytest.approx(sum(row["size_gigabytes"] for row in live))
    assert [row["droplet"] for row in document["largest"]][:2] == ["files-01", "gpu-01"]
    narrowed = json.loads(run("report", "--json", "--as-of", NOW, "--tag", "db", "--limit", "1").out)
    assert (narrowed["droplets"], len(narrowed["largest"])) == (2, 1)
    assert narrowed["sizes"][-1] == pytest.approx(narrowed["size_gigabytes"])


def test_nothing_is_made_where_there_is_no_database(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INVENTORY_DATABASE_URL", str(tmp_path / "none.db"))
    ended = run("report", "live_backups")
    assert ended.code == 78
    assert "there is no database" in ended.err
    assert not (tmp_path / "none.db").exists()


def test_a_backup_that_nobody_can_have_seen_is_not_expected(run: Run) -> None:
    """Within the day after the last look windows pass; what was made in them nobody knows."""
    of_look = {row["droplet"]: row["verdict"] for row in rows_of(run, "droplet_retention")}
    for hours in (8, 16, 24):
        later = f"{MONDAY + timedelta(days=40, hours=hours):%Y-%m-%dT%H:%MZ}"
        assert {
            row["droplet"]: row["verdict"] for row in rows_of(run, "droplet_retention", "--as-of", later)
        } == of_look
