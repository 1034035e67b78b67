"""What is said of a disk's room."""

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from inventory.process import disk


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Be a disk with so many blocks of 1,000 bytes free, so many files it can hold, and so many of them left."""
    figures = [0, 10, 10]

    def measure(_place: str) -> os.statvfs_result:
        blocks, files, files_free = figures
        return os.statvfs_result((1000, 1000, 99, blocks + 7, blocks, files, files_free + 7, files_free, 0, 255))

    monkeypatch.setattr("os.statvfs", measure)
    return figures


@pytest.mark.parametrize(
    ("blocks", "files", "left", "expected"),
    [
        (0, 10, 10, "0 B free"),
        (16, 10, 10, "16 kB free"),
        (1_500, 10, 10, "2 MB free"),
        (75_000_000, 10, 10, "75 GB free"),
        (2_000_000_000, 0, 0, "2,000 GB free"),
        (75_000_000, 10, 0, "75 GB free, but not one more file can be made"),
    ],
)
def test_what_is_free_is_what_this_user_may_have(
    measured: list[int], blocks: int, files: int, left: int, expected: str
) -> None:
    measured[:] = blocks, files, left
    assert disk.free(Path("/somewhere/file")) == expected


def test_room_is_bytes_and_a_name(measured: list[int]) -> None:
    path = Path("/somewhere/file")
    measured[:] = 32, 10, 1
    assert disk.has_room(path, 32_000)
    assert not disk.has_room(path, 32_001)
    measured[2] = 0
    assert not disk.has_room(path, 1)


def test_a_place_that_cannot_be_measured_says_so(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "file"
    assert disk.free(path) == "room unknown"
    assert disk.has_room(path, 1)


def test_the_disk_is_that_of_the_file_which_a_link_names(tmp_path: Path) -> None:
    (tmp_path / "file").symlink_to("/proc/version")
    assert disk.free(tmp_path / "file") == "0 B free"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_is_full_and_so_is_a_quota(number: int) -> None:
    assert disk.is_full(OSError(number, ""))
    assert not disk.is_failing(OSError(number, ""))


def test_other_errors_are_not_of_a_full_disk() -> None:
    assert not disk.is_full(OSError(errno.EIO, ""))
    assert not disk.is_full(sqlite3.OperationalError("no such table"))
    assert disk.is_failing(OSError(errno.EIO, ""))
