"""The file or directory that a report goes into: a file is replaced in one step, or left as it was."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from inventory.errors import ConfigurationError, Kept, OutputError
from inventory.process import disk, left_behind

# The directory takes no new file, or what is there is mounted by itself or another user's.
_CANNOT_BE_REPLACED = (errno.EACCES, errno.EBUSY, errno.EPERM, errno.EROFS)
_STREAMS = (1, 2)

_PREFIX, _BYTES = ".inventory-", 8
_DRAFTS = _PREFIX + 2 * _BYTES * "[0-9a-f]"


@contextmanager
def replacing(path: Path, *, mode: int | None = None) -> Iterator[TextIO]:
    """Give a file to write, and move it to `path` at the end of the block: a reader sees the old file or the new one.

    Its mode is that of any new file where `mode` is None. What killed processes left on its way there is removed. What
    cannot be replaced is written in place: a device, a pipe, an open stream under a name such as /dev/stdout, a file
    that is mounted there by itself.

    Raises:
        OutputError: The disk is full or failing.
        ConfigurationError: It cannot be written.
    """
    with _explaining(path, Kept.NOTHING_CHANGED):
        draft = _draft(path)
        file = draft or _in_place(path)
    if draft is None:
        with _explaining(path, Kept.CUT_SHORT), file:
            yield file
        return
    made = Path(draft.name)
    try:
        # Open, and so locked, until it has its name.
        with _explaining(path, Kept.NOTHING_CHANGED), draft:
            yield draft
            draft.flush()
            os.fsync(draft.fileno())
            if mode is not None:
                made.chmod(mode)
            if _is_moved(made, path):
                return
            file = _in_place(path)
            with _explaining(path, Kept.CUT_SHORT), file, made.open(encoding="utf-8") as whole:
                shutil.copyfileobj(whole, file)
    finally:
        with suppress(OSError):
            made.unlink()


def directory(path: Path) -> None:
    """Make a directory if it is not there; the one that it lies in must be.

    Raises:
        OutputError: The disk is full or failing.
        ConfigurationError: It cannot be made.
    """
    with _explaining(path, Kept.NOTHING_CHANGED):
        try:
            path.mkdir(exist_ok=True)
        except FileExistsError as error:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from error


@contextmanager
def _explaining(path: Path, kept: Kept) -> Iterator[None]:
    """Say why `path` cannot be written, and what was `kept`; a reader that has gone is left to the caller."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        if disk.is_full(error):
            raise OutputError(f"disk full while writing {path} ({disk.free(path)})", kept=kept) from error
        if disk.is_failing(error):
            raise OutputError(f"disk error while writing {path} ({why})", kept=kept) from error
        raise ConfigurationError(f"cannot write {path} ({why})", kept=kept) from error


def _draft(path: Path) -> TextIO | None:
    """Open a new file beside `path`, under a name that nobody can foresee; None where `path` is written in place."""
    if path.is_dir():
        raise OSError("it is not a file")
    if _is_stream(path):
        return None
    left_behind.remove(path.parent.glob(_DRAFTS), Path.unlink)
    try:
        return _new(path.parent)
    except OSError as error:
        if error.errno in _CANNOT_BE_REPLACED and path.is_file():
            return None
        raise


def _new(place: Path) -> TextIO:
    while True:
        draft = (place / f"{_PREFIX}{secrets.token_hex(_BYTES)}").open("x", encoding="utf-8")
        try:
            if left_behind.lock(draft.fileno(), Path(draft.name)):
                return draft
        except OSError:  # a file system without locks, on which nothing is taken for left behind
            return draft
        draft.close()


def _is_stream(path: Path) -> bool:
    """Tell whether `path` is a device, a pipe, or the system's name of an open stream; a link elsewhere is not."""
    if path.is_symlink():
        place = path.parent.resolve()
        return place == Path("/dev") or place.is_relative_to("/proc")
    return path.exists() and not path.is_file()


def _is_moved(draft: Path, path: Path) -> bool:
    try:
        draft.replace(path)
    except OSError as error:
        if error.errno in _CANNOT_BE_REPLACED and path.is_file():
            return False
        raise
    return True


def _in_place(path: Path) -> TextIO:
    """Open what is there, following no link but the system's own; a pipe that nobody reads is refused."""
    for number in _STREAMS:
        with suppress(OSError):
            if os.path.samestat(path.stat(), os.fstat(number)):
                return os.fdopen(os.dup(number), "w", encoding="utf-8")
    flags = os.O_WRONLY | os.O_TRUNC | os.O_NONBLOCK | os.O_NOCTTY
    try:
        descriptor = os.open(path, flags if _is_stream(path) else flags | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError("nobody reads from it") from error
        raise
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "w", encoding="utf-8")
