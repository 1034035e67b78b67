"""How much room a disk has left, and which errors say that it has none."""

import errno
import os
import resource
import sqlite3
from pathlib import Path

_UNITS = ("B", "kB", "MB", "GB")
_STEP = 1000


def is_full(error: OSError | sqlite3.Error) -> bool:
    """Tell whether an error says that the disk, or what this user may have of it, is used up."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def is_failing(error: OSError | sqlite3.Error) -> bool:
    """Tell whether an error says that the disk did not do what it was asked."""
    if isinstance(error, OSError):
        return error.errno == errno.EIO
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR


def has_room(path: Path, least_bytes: int) -> bool:
    """Tell whether one more file of so many bytes has room beside `path`; yes, where that cannot be known."""
    try:
        found = _measured(path)
    except OSError:
        return True
    return _free_bytes(found) >= least_bytes and _has_names(found)


def has_room_for_temporary_files(least_bytes: int) -> bool:
    """Tell whether SQLite's temporary files of so many bytes have room where it makes them.

    Source: https://www.sqlite.org/tempfiles.html#temporary_file_storage_locations.
    """
    named = (os.environ.get("SQLITE_TMPDIR"), os.environ.get("TMPDIR"), "/var/tmp", "/usr/tmp", "/tmp")  # noqa: S108
    places = (Path(name) for name in named if name)
    place = next((each for each in places if each.is_dir() and os.access(each, os.W_OK | os.X_OK)), None)
    return place is not None and has_room(place / "any", least_bytes)


def free(path: Path) -> str:
    """Say how much room is left beside `path`, as in "0 B free" or "75 GB free", and what else keeps files small."""
    try:
        found = _measured(path)
    except OSError:
        return "room unknown"
    most_bytes = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return (
        f"{_amount(_free_bytes(found))} free"
        + ("" if _has_names(found) else ", but not one more file can be made")
        + ("" if most_bytes == resource.RLIM_INFINITY else f", but no file may exceed {_amount(most_bytes)}: ulimit -f")
    )


def _amount(number: float) -> str:
    unit, *larger = _UNITS
    while number >= _STEP and larger:
        number, unit = number / _STEP, larger.pop(0)
    return f"{number:,.0f} {unit}"


def _measured(path: Path) -> os.statvfs_result:
    return os.statvfs(os.path.dirname(os.path.realpath(path)))  # noqa: PTH120 - Path.resolve fails on a loop of links


def _free_bytes(found: os.statvfs_result) -> int:
    return found.f_bavail * found.f_frsize


def _has_names(found: os.statvfs_result) -> bool:
    # A file system that counts no files gives 0 of 0.
    return bool(found.f_favail or not found.f_files)
