"""What can be said of a SQLite file, and must be, before SQLite opens it.

The file itself is never opened here: to close it would drop the locks that SQLite holds on it in this process, and
another process could then damage it. Source: https://www.sqlite.org/howtocorrupt.html, section 2.2.
"""

import os
import pwd
from contextlib import suppress
from pathlib import Path

from inventory.errors import DatabaseUnusableError, Kept

# So much SQLite takes beside a file to begin with, for the index of its log; without that much, its errors are those
# of a failing disk. https://www.sqlite.org/walformat.html#the_wal_index_file_format
INDEX_BYTES = 32_768

_NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "fuse.glusterfs"}


def network_file_system(path: Path, mounts: str) -> str | None:
    """Name the network file system that `path` lies on, or None; the locks of such a file system cannot be trusted.

    Given `mounts`, the text of /proc/self/mounts. Source: https://www.sqlite.org/faq.html#q5.
    """
    place = path.resolve()
    kinds: dict[Path, str] = {}
    for line in mounts.splitlines():
        _device, mounted_at, kind, *_ = line.split(" ")
        kinds[Path(mounted_at.replace("\\040", " "))] = kind
    nearest = max(
        (mount for mount in kinds if place.is_relative_to(mount)), key=lambda mount: len(mount.parts), default=None
    )
    kind = kinds[nearest] if nearest else ""
    return kind if kind in _NETWORK_FILE_SYSTEMS else None


def sqlite_file_exists(path: Path) -> bool:
    """Tell whether there is anything at `path`, even a link that leads nowhere.

    Raises:
        DatabaseUnusableError: This user may not see it, or SQLite must not use this file system.
    """
    mounts = Path("/proc/self/mounts")
    if mounts.exists() and (kind := network_file_system(path, mounts.read_text("utf-8", "replace"))):
        raise DatabaseUnusableError(
            f"database {path} lies on a network file system ({kind}), which SQLite must not use."
        )
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _out_of_reach(path, error) from error
    return True


def has_index(path: Path) -> bool:
    """Tell whether a connection has made the index of the log, which is beside the file itself, not beside a link."""
    try:
        return Path(f"{os.path.realpath(path)}-shm").stat().st_size >= INDEX_BYTES
    except OSError:
        return False


def check_sqlite_file(path: Path, *, to_write: bool) -> None:
    """Refuse a file that SQLite cannot use.

    Raises:
        DatabaseUnusableError: The file is a directory, empty, not readable, or, to write, not writable.
    """
    try:
        if not path.is_file():
            raise DatabaseUnusableError(f"database {path} is not a file", kept=Kept.NOTHING_CHANGED)
        size_bytes = path.stat().st_size
    except OSError as error:
        raise _out_of_reach(path, error) from error
    if not size_bytes:
        raise DatabaseUnusableError(
            f"database {path} is an empty file. Restore a copy, or remove the file to begin a new database."
        )
    places = (path, path.resolve().parent) if to_write else (path,)
    for place in places:
        if not os.access(place, os.W_OK if to_write else os.R_OK, effective_ids=True):
            doing = "write to" if to_write else "read"
            raise DatabaseUnusableError(
                f"cannot {doing} {place} for database {path} (running as uid {os.geteuid()})",
                kept=Kept.NOTHING_CHANGED,
            )


def may_write(path: Path) -> bool:
    """Tell whether this user may write the file, and the log that SQLite keeps beside it."""
    return all(os.access(place, os.W_OK, effective_ids=True) for place in (path, path.resolve().parent))


def out_of_rights(path: Path) -> DatabaseUnusableError:
    """Say why a file that this user may read cannot be read all the same, and what to do."""
    owner: str | int = path.stat().st_uid
    with suppress(KeyError):
        owner = pwd.getpwuid(path.stat().st_uid).pw_name
    return DatabaseUnusableError(
        f"database {path} has a log (WAL), which its readers write to, and uid {os.geteuid()} may not. Run this as "
        f"user {owner}, who owns it, or let it read a copy: inventory db publish FILE",
        kept=Kept.NOTHING_CHANGED,
    )


def _out_of_reach(path: Path, error: OSError) -> DatabaseUnusableError:
    return DatabaseUnusableError(
        f"cannot read database {path}: {error.strerror} (running as uid {os.geteuid()})", kept=Kept.NOTHING_CHANGED
    )
