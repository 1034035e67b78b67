"""A new SQLite file has its name when it is whole, and nothing of it stays behind where it does not come to that."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from inventory.errors import DatabaseUnavailableError, DatabaseUnusableError
from inventory.store.draft import directory, drafted, publish, remove_left_behind
from inventory.store.engine import Database
from inventory.store.upgrade import upgrade


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inventory.db"


def fill(database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE things (name text)")
        connection.exec_driver_sql("INSERT INTO things VALUES ('one')")


def things(path: Path) -> list[str]:
    """Read the file alone, without any log beside it."""
    with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as raw:
        return [name for (name,) in raw.execute("SELECT name FROM things")]


def names(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


def test_a_draft_gets_its_name_when_all_is_in_the_file(path: Path) -> None:
    with drafted(path) as draft:
        fill(draft)
        assert draft.shown == str(path)
        assert not path.exists()
    assert names(path) == ["inventory.db"]
    assert things(path) == ["one"]
    assert path.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyboardInterrupt()])
def test_what_ends_half_way_leaves_nothing_behind(path: Path, error: BaseException) -> None:
    def fill_half() -> None:
        with drafted(path) as draft:
            fill(draft)
            raise error

    with pytest.raises(type(error)):
        fill_half()
    assert names(path) == []


def test_a_file_that_another_process_made_meanwhile_stays(path: Path) -> None:
    def be_late() -> None:
        with drafted(path) as draft:
            fill(draft)
            path.write_text("theirs")

    with pytest.raises(FileExistsError):
        be_late()
    assert path.read_text() == "theirs"
    assert names(path) == ["inventory.db"]


def test_what_cannot_be_read_back_gets_no_name(path: Path) -> None:
    with drafted(path.with_name("whole.db")) as draft:
        fill(draft)
    half = path.with_name("half.db")
    half.write_bytes(path.with_name("whole.db").read_bytes()[:6000])
    with pytest.raises(OSError, match="what was written is damaged"):
        publish(half, path)
    assert not path.exists()


def test_a_place_that_takes_no_file_is_named(path: Path) -> None:
    nowhere = path.parent / "nowhere" / "inventory.db"
    expected = r"cannot create database .*/nowhere/inventory\.db: No such file or directory"
    with pytest.raises(DatabaseUnusableError, match=expected), drafted(nowhere):
        pytest.fail("nothing can be written")


BE_KILLED = """
import os, signal, sys
from pathlib import Path
from inventory.store.draft import drafted
with drafted(Path(sys.argv[1])) as draft:
    with draft.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE things (name text)")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("is_there", [False, True], ids=["a new file", "a file that is there"])
def test_what_a_killed_process_left_is_removed_by_the_next_start(path: Path, *, is_there: bool) -> None:
    if is_there:
        with closing(Database(f"sqlite:///{path}")) as database:
            upgrade(database)
    killed = subprocess.run([sys.executable, "-c", BE_KILLED, path], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [name.startswith(".inventory.db.") for name in names(path)].count(True) == 1
    with closing(Database(f"sqlite:///{path}")) as database:
        upgrade(database)
    assert names(path) == ["inventory.db"]


def test_what_is_in_use_or_no_draft_of_this_file_is_left_alone(path: Path) -> None:
    for name in (".inventory.db.previous", ".another.db.draft-1"):
        (path.parent / name).mkdir()
        (path.parent / name / "inventory.db").write_text("precious")
    (path.parent / ".inventory.db.draft-2").symlink_to(path.parent / ".inventory.db.previous")
    before = names(path)
    with directory(path) as mine, directory(path) as other:
        remove_left_behind(path)
        assert mine.is_dir()
        assert other.is_dir()
    assert names(path) == before
    assert (path.parent / ".inventory.db.previous" / "inventory.db").read_text() == "precious"


def test_a_draft_that_is_taken_for_left_behind_begins_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be another process, that finds the directory before it is locked."""
    made: list[Path] = []

    def make(prefix: str, dir: Path) -> str:  # noqa: A002 - as tempfile has it
        made.append(Path(tempfile.mkdtemp(prefix=prefix, dir=dir)))
        if len(made) == 1:
            shutil.rmtree(made[0])
        return str(made[-1])

    monkeypatch.setattr("inventory.store.draft.mkdtemp", make)
    with drafted(path) as draft:
        fill(draft)
    assert len(made) == 2
    assert things(path) == ["one"]
    assert names(path) == ["inventory.db"]


@pytest.mark.parametrize(
    ("call", "number", "expected"),
    [
        ("os.link", 28, r"^disk full while making .*/inventory\.db \(.* free\)\. Nothing was left there\.$"),
        ("os.fsync", 5, r"^disk error while making .*/inventory\.db \(.* free\): Input/output error\.$"),
    ],
)
def test_a_disk_that_fails_at_the_end_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, expected: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    def make() -> None:
        with drafted(path) as draft:
            fill(draft)

    monkeypatch.setattr(call, fail)
    with pytest.raises(DatabaseUnavailableError, match=expected) as caught:
        make()
    assert caught.value.exit_code == 1
    assert names(path) == []
