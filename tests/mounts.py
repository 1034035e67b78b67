"""Mounts of a process's own: disks as small as a test needs, without touching the machine's."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_UNSHARE, _MOUNT, _UMOUNT = (shutil.which(name) or name for name in ("unshare", "mount", "umount"))
_WAYS = ([_UNSHARE, "--mount"], [_UNSHARE, "--map-root-user", "--mount"])


def private_mounts() -> list[str] | None:
    """Give the words that run a command with mounts of its own, which end with it; None where that is not allowed."""
    trial = [_MOUNT, "-t", "tmpfs", "none", "/mnt"]
    for way in _WAYS:
        with suppress(FileNotFoundError):
            if subprocess.run([*way, *trial], capture_output=True, check=False).returncode == 0:
                return way
    return None


@contextmanager
def small_disk(place: Path, *, size_kilobytes: int, files: int = 100) -> Iterator[None]:
    """Mount a disk of so many binary kilobytes, that holds so many files; only where mounts are this process's own."""
    options = f"size={size_kilobytes}k,nr_inodes={files}"
    subprocess.run([_MOUNT, "-t", "tmpfs", "-o", options, "none", place], check=True)
    try:
        yield
    finally:
        subprocess.run([_UMOUNT, "--lazy", place], check=True)


def enlarge(place: Path) -> None:
    """Make room on a small disk."""
    subprocess.run([_MOUNT, "-o", "remount,size=20m,nr_inodes=1000", place], check=True)
