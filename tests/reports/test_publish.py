"""`inventory db publish`: a copy that others read, replaced in one step, without what is private."""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.store.schema import metadata
from inventory.views.catalog import views
from tests.reports.conftest import NOW, Run


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def rows(run: Run, name: str) -> object:
    return json.loads(run("report", name, "--as-of", NOW, "--json").out)["rows"]


def test_the_copy_answers_what_the_database_answers_and_needs_no_right_but_reading(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ended = run("db", "publish", "readers.db")
    assert (ended.code, ended.err) == (0, "")
    assert "published as readers.db," in " ".join(ended.out.split())
    file = tmp_path / "readers.db"
    assert file.stat().st_mode & 0o777 == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["readers.db"]
    expected = [rows(run, name) for name in ("live_backups", "droplet_retention")]
    monkeypatch.setenv("INVENTORY_DATABASE_URL", "readers.db")
    assert [rows(run, name) for name in ("live_backups", "droplet_retention")] == expected
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() != ("wal",)
        for name in views():
            raw.execute(f"SELECT * FROM {name}").fetchone()  # noqa: S608 - ours


def test_who_reads_the_copy_before_goes_on_and_the_next_reads_the_new_one(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "readers.db"
    assert run("db", "publish", str(file)).code == 0
    with closing(sqlite3.connect(file)) as reader:
        reader.execute("BEGIN")
        before = reader.execute("SELECT count(*) FROM backups").fetchone()
        inode = file.stat().st_ino
        assert run("db", "publish", str(file)).code == 0
        assert file.stat().st_ino != inode
        assert reader.execute("SELECT count(*) FROM backups").fetchone() == before


@pytest.mark.parametrize("lived_url", ["sqlite"], indirect=True)
def test_what_people_were_told_leaves_no_trace_in_the_copy(
    run: Run, lived_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = tmp_path / "own.db"
    shutil.copy(sa.make_url(lived_url).database or "", source)
    with closing(sqlite3.connect(source)) as raw:
        columns = [each for each in metadata.tables["notice_channels"].columns if not each.nullable]
        values = ", ".join("'a-private-word'" if isinstance(each.type, sa.Text) else "1" for each in columns)
        raw.execute(f"INSERT INTO notice_channels ({', '.join(each.name for each in columns)}) VALUES ({values})")  # noqa: S608
        raw.commit()
    monkeypatch.setenv("INVENTORY_DATABASE_URL", str(source))
    assert run("db", "publish", "readers.db").code == 0
    assert b"a-private-word" not in (tmp_path / "readers.db").read_bytes()
    with closing(sqlite3.connect("readers.db")) as raw:
        assert raw.execute("SELECT count(*) FROM notice_channels").fetchone() == (0,)


@pytest.mark.parametrize("lived_url", ["sqlite"], indirect=True)
def test_only_what_was_published_is_replaced(run: Run, lived_url: str, tmp_path: Path) -> None:
    live = sa.make_url(lived_url).database or ""
    before = Path(live).read_bytes()
    ended = run("db", "publish", live)
    assert (ended.code, ended.out) == (2, "")
    assert "is the database itself: name another file for its readers. Nothing was done." in ended.err
    another = Path(shutil.copy(live, tmp_path / "another.db"))
    text = tmp_path / "letter.txt"
    text.write_text("Dear all")
    for path in (another, text):
        ended = run("db", "publish", str(path))
        assert (ended.code, ended.out) == (78, "")
        assert f"{path} was not published" in ended.err
    assert (Path(live).read_bytes(), another.read_bytes(), text.read_text()) == (before, before, "Dear all")
    ended = run("db", "publish", str(tmp_path / "no" / "where.db"))
    assert (ended.code, ended.out) == (78, "")
    assert "cannot create database" in ended.err
