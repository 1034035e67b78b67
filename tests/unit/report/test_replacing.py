"""A file that a command writes is there whole, or as it was."""

import errno
import fcntl
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from inventory.errors import ConfigurationError, InventoryError, OutputError
from inventory.process import left_behind
from inventory.report.replacing import replacing


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with replacing(path) as file:
        file.write("n\u00e9w\n")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_bytes() == "n\u00e9w\n".encode()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyboardInterrupt()])
def test_what_ends_half_way_leaves_nothing_behind(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write_half() -> None:
        with replacing(path) as file:
            file.write("half")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed_and_what_others_are_writing_is_not(tmp_path: Path) -> None:
    path, note = tmp_path / "file", tmp_path / ".inventory-note"
    note.write_text("of a user")
    words = "import os, pathlib, sys; from inventory.report.replacing import replacing\n"
    words += (
        "with replacing(pathlib.Path(sys.argv[1])) as file: file.write('half'); file.flush(); os.kill(os.getpid(), 9)"
    )
    with replacing(path) as other:
        subprocess.run([sys.executable, "-c", words, str(path)], check=False)
        assert len(list(tmp_path.iterdir())) == 3
        with replacing(path) as file:
            file.write("new")
        assert sorted(tmp_path.iterdir()) == sorted([path, note, Path(other.name)])
        other.write("newer")
    assert path.read_text() == "newer"
    assert sorted(tmp_path.iterdir()) == [note, path]


def test_a_draft_that_was_taken_for_left_behind_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    lock, taken = left_behind.lock, list[Path]()

    def lock_late(descriptor: int, draft: Path) -> bool:
        if not taken:
            taken.append(draft)
            left_behind.remove([draft], Path.unlink)
        return lock(descriptor, draft)

    monkeypatch.setattr(left_behind, "lock", lock_late)
    with replacing(path) as file:
        file.write("new")
    assert (len(taken), path.read_text(), list(tmp_path.iterdir())) == (1, "new", [path])


def test_a_file_system_without_locks_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    path, left = tmp_path / "file", tmp_path / ".inventory-0123456789abcdef"
    left.write_text("perhaps of another process")
    monkeypatch.setattr(fcntl, "flock", refuse)
    with replacing(path) as file:
        file.write("new")
    assert path.read_text() == "new"
    assert left.exists(), "nobody knows whose it is"


def test_a_full_disk_is_reported_as_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    expected = r"^disk full while writing .*/file \([\d,]+ \w?B free\)\. Nothing was changed\.$"
    with pytest.raises(OutputError, match=expected) as caught, replacing(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.exit_code == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "code", "expected"),
    [
        (errno.EDQUOT, 1, "disk full while writing"),
        (errno.EIO, 1, r"disk error while writing .* \(input/output error\)\. Nothing was changed\."),
        (errno.EROFS, 78, r"cannot write .* \(read-only file system\)\. Nothing was changed\."),
    ],
)
def test_other_errors_of_a_disk_say_whether_a_person_must_mend_something(
    tmp_path: Path, number: int, code: int, expected: str
) -> None:
    with pytest.raises(InventoryError, match=expected) as caught, replacing(tmp_path / "file"):
        raise OSError(number, os.strerror(number))
    assert caught.value.exit_code == code


def test_what_cannot_be_written_is_refused_before_anything_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("")
    for place, why in (
        (tmp_path, "it is not a file"),
        (tmp_path / "pipe", "nobody reads from it"),
        (Path(), "it is not a file"),
        (Path("/"), "it is not a file"),
        (tmp_path / "file" / "below", "not a directory"),
        (tmp_path / "nowhere" / "below", "no such file"),
        (tmp_path / ("x" * 300), "file name too long"),
    ):
        expected = rf"{why}[\w ]*\)\. Nothing was changed\.$"
        with pytest.raises(ConfigurationError, match=expected), replacing(place):
            pytest.fail("nothing can be written")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "pipe"]


def test_no_link_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one under the name of the draft, were it known, nor one under the name of the file itself."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    monkeypatch.setattr("secrets.token_hex", lambda _bytes: "foreseen")
    link, path = tmp_path / ".inventory-foreseen", tmp_path / "file"
    link.symlink_to(victim)
    with pytest.raises(ConfigurationError, match="file exists"), replacing(path):
        pytest.fail("the name is taken")
    assert link.is_symlink()
    monkeypatch.undo()
    path.symlink_to(victim)
    with replacing(path) as file:
        file.write("new")
    assert (path.read_text(), path.is_symlink(), victim.read_text()) == ("new", False, "precious")


def test_the_name_of_a_draft_is_another_each_time(tmp_path: Path) -> None:
    names = set()
    for _ in range(2):
        with replacing(tmp_path / "file"):
            names |= {path.name for path in tmp_path.iterdir() if path.name != "file"}
    assert len(names) == 2


def test_what_is_written_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    synced = []
    monkeypatch.setattr("os.fsync", lambda descriptor: synced.append((os.fstat(descriptor).st_size, path.exists())))
    with replacing(path) as file:
        file.write("new")
    assert synced == [(3, False)]


def test_a_pipe_is_written_in_place(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with replacing(pipe) as file:
        file.write("all of it")
    assert os.read(reader, 100) == b"all of it"
    os.close(reader)
    assert stat.S_ISFIFO(pipe.lstat().st_mode)


def test_a_device_is_written_in_place() -> None:
    expected = r"disk full while writing /dev/full .* It may be incomplete now"
    with pytest.raises(OutputError, match=expected), replacing(Path("/dev/full")) as file:
        file.write("anything")
    assert stat.S_ISCHR(Path("/dev/full").lstat().st_mode)


WRITE_TO_STDOUT = """
from pathlib import Path
from inventory.report.replacing import replacing
with replacing(Path("/dev/stdout")) as file:
    file.write("second\\n")
print("third")
"""


def test_stdout_by_its_name_is_written_in_place(tmp_path: Path) -> None:
    """Be it a file, whose earlier and later lines stay, or a pipe."""
    before = os.lstat("/dev/stdout")
    words = [sys.executable, "-c", WRITE_TO_STDOUT]
    with (tmp_path / "out").open("w+") as out:
        out.write("first\n")
        out.flush()
        subprocess.run(words, stdout=out, check=True)
        assert (tmp_path / "out").read_text() == "first\nsecond\nthird\n"
    assert subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout == b"second\nthird\n"
    assert os.path.samestat(os.lstat("/dev/stdout"), before)


WRITE_OVER = """
import subprocess
import sys
from pathlib import Path
from inventory.report.replacing import replacing
outside, place, is_read_only = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "read-only"
if is_read_only:
    subprocess.run(["mount", "--bind", place, place], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", place], check=True)
subprocess.run(["mount", "--bind", outside, place / "inside"], check=True)
with replacing(place / "inside", mode=0o644) as file:
    file.write("new")
assert [path.name for path in place.iterdir()] == ["inside"], "no draft is left"
"""


@pytest.mark.parametrize("directory", ["read-only", "writable"])
def test_a_file_that_is_mounted_by_itself_is_written_in_place(
    tmp_path: Path, private_mounts: list[str], directory: str
) -> None:
    outside, place = tmp_path / "outside", tmp_path / "place"
    place.mkdir()
    for path in (outside, place / "inside"):
        path.write_text("as it was, and longer")
    subprocess.run([*private_mounts, sys.executable, "-c", WRITE_OVER, outside, place, directory], check=True)
    assert outside.read_text() == "new"
    assert (place / "inside").read_text() == "as it was, and longer"


def test_the_mode_is_that_of_any_new_file_or_as_wished(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "any"):
            pass
        with replacing(tmp_path / "wished", mode=0o644):
            pass
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"any": 0o640, "wished": 0o644}
