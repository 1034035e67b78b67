"""`inventory report --html-dir`: the pages as files that lead to each other, and nowhere else."""

import json
import re
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest

from inventory.errors import Kept, OutputError
from inventory.pages import droplets, files
from inventory.pages.reading import Page
from tests.reports.conftest import NOW, Run

pytestmark = pytest.mark.parametrize("lived_url", ["sqlite"], indirect=True)  # pages are the same of both


def written(run: Run, directory: Path, *arguments: str) -> dict[str, str]:
    """Write the pages, and give them by their path."""
    ended = run("report", "--html-dir", str(directory), "--as-of", NOW, *arguments)
    assert (ended.code, ended.err) == (0, "")
    assert str(directory / "index.html") in ended.out
    return {str(each.relative_to(directory)): each.read_text("utf-8") for each in directory.rglob("*.*")}


def links(directory: Path, name: str, page: str) -> set[Path]:
    targets = {unescape(each).partition("#")[0] for each in re.findall(r'href="([^"]*)"', page)}
    return {((directory / name).parent / unquote(each)).resolve() for each in targets}


def test_every_link_leads_to_a_file_and_every_file_is_reached(run: Run, tmp_path: Path) -> None:
    site = tmp_path / "site"
    found = written(run, site)
    reached = {site / "index.html"}
    for name, page in found.items():
        if name.endswith(".html"):
            leads_to = links(site, name, page)
            assert all(each.is_file() for each in leads_to), name
            reached |= leads_to
            assert "<form" not in page
            assert "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-" in page
            assert "<script" not in page
    assert reached == {site / name for name in found}
    assert len([name for name in found if name.startswith("droplets/")]) == 12
    assert {"index.html", "calendar.html", "cost.html", "cost-by-tag.html", "reports/changes.csv"} <= found.keys()
    assert "at most 10,000" in found["reports/changes.html"]
    rows = json.loads(run("report", "live_backups", "--as-of", NOW, "--json").out)["rows"]
    assert json.loads(found["reports/live_backups.json"])["rows"] == rows


def test_what_was_written_before_is_replaced_and_other_files_stay(run: Run, tmp_path: Path) -> None:
    whole = written(run, tmp_path)
    own = tmp_path / "droplets" / "own.html"
    own.write_text("mine")
    of_databases = written(run, tmp_path, "--tag", "db")
    droplets = {name for name in of_databases if name.startswith("droplets/")} - {"droplets/own.html"}
    assert own.read_text() == "mine"
    assert 0 < len(droplets) < len([name for name in whole if name.startswith("droplets/")])
    assert "only tag db." in of_databases["index.html"]
    assert not list(tmp_path.rglob(".inventory-*"))


def test_a_first_writing_that_ends_early_says_so_and_a_later_one_leaves_the_entrance(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(_reading: object) -> Page:
        raise OutputError("no room")

    site, index = tmp_path / "site", tmp_path / "site" / "index.html"
    with monkeypatch.context() as patched:
        patched.setattr(droplets, "calendar_page", ends)
        assert run("report", "--html-dir", str(site), "--as-of", NOW).code == 1
        assert "These pages are being written" in index.read_text("utf-8")
    whole = written(run, site)["index.html"]
    assert "These pages are being written" not in whole
    monkeypatch.setattr(droplets, "calendar_page", ends)
    assert run("report", "--html-dir", str(site), "--as-of", NOW).code == 1
    assert index.read_text("utf-8") == whole


def test_a_writing_that_ends_early_says_that_the_pages_before_stay(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(_reading: object) -> Page:
        raise OutputError("disk full", kept=Kept.NOTHING_CHANGED)

    monkeypatch.setattr(droplets, "calendar_page", ends)
    ended = run("report", "--html-dir", str(tmp_path / "site"), "--as-of", NOW)
    assert "disk full. Nothing more was changed." in ended.err
    monkeypatch.setattr(droplets, "droplet_pages", lambda reading, _: ends(reading))
    ended = run("report", "--html-dir", str(tmp_path / "site"), "--as-of", NOW)
    assert "disk full. Nothing was changed." in ended.err


def test_many_droplets_have_no_more_pages_than_are_bearable(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_DROPLETS", 3)
    ended = run("report", "--html-dir", str(tmp_path), "--as-of", NOW)
    assert "3 of 12 Droplets have a page" in ended.out
    assert len(list((tmp_path / "droplets").iterdir())) == 3
    for path in tmp_path.rglob("*.html"):
        page = path.read_text("utf-8")
        assert all(each.is_file() for each in links(tmp_path, str(path.relative_to(tmp_path)), page)), path
    assert "files-01" in (tmp_path / "calendar.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("live_backups",), "it takes no NAME"),
        (("--json",), "exclude each other"),
        (("--since", "7d"), "--as-of, --account and --tag choose of what"),
        (("--tag", "db", "--tag", "web"), "takes one tag: db or web"),
        (("--tag", "nothing"), 'no tag "nothing" is known'),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    ended = run("report", *arguments, "--html-dir", str(tmp_path / "site"))
    assert (ended.code, ended.out) == (2, "")
    assert sentence in ended.err
    assert not (tmp_path / "site").exists()


def test_a_directory_that_cannot_be_made_is_told_in_one_sentence(run: Run, tmp_path: Path) -> None:
    ended = run("report", "--html-dir", str(tmp_path / "no" / "where"))
    assert (ended.code, ended.out) == (78, "")
    assert f"cannot write {tmp_path / 'no' / 'where'} (no such file or directory)" in ended.err
    file = tmp_path / "file"
    file.touch()
    ended = run("report", "--html-dir", str(file))
    assert (ended.code, ended.out) == (78, "")
    assert f"cannot write {file} (not a directory). Nothing was changed." in ended.err
