"""A file that a command writes is there whole, or as it was."""

import os
import stat
from pathlib import Path

import pytest

from inventory.errors import ConfigurationError
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


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(ConfigurationError, match=r"file \(no space left on device\)"), replacing(path):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_file_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("")
    for place, why in (
        (tmp_path, "it is not a file"),
        (tmp_path / "pipe", "it is not a file"),
        (Path(), "it is not a file"),
        (Path("/"), "it is not a file"),
        (tmp_path / "file" / "below", "not a directory"),
        (tmp_path / "nowhere" / "below", "no such file"),
        (tmp_path / ("x" * 300), "file name too long"),
    ):
        with pytest.raises(ConfigurationError, match=why), replacing(place):
            pytest.fail("nothing can be written")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "pipe"]


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
