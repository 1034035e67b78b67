"""The files that settings are read from, with bounded reads that never block. A ValueError is one sentence."""

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SEARCHED = ("inventory.toml", "~/.config/inventory/inventory.toml", "/etc/inventory/inventory.toml")
"""Where a configuration file is looked for, in this order, if none is named."""

_LARGEST_CONFIGURATION_BYTES = 1_048_576
_LARGEST_SECRET_BYTES = 4096
_FOR_OTHERS = stat.S_IROTH | stat.S_IWOTH


def find(named: Path | None, environ: Mapping[str, str]) -> str | None:
    """Return the configuration file to read; one that is named need not exist, None means that there is none."""
    if named is not None or environ.get("INVENTORY_CONFIG"):
        return str(named or environ["INVENTORY_CONFIG"])
    candidates = map(os.path.expanduser, SEARCHED)
    return next((path for path in candidates if os.access(path, os.F_OK)), None)


def read_configuration(path: str) -> tuple[str, dict[str, Any]]:
    """Read a TOML file; return its text, and what this says.

    Raises:
        ValueError: It cannot be read, or is not TOML. The sentence begins with the path, and the line if there is one.
    """
    try:
        text = _read(path, _LARGEST_CONFIGURATION_BYTES)
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, _, place = str(error).partition(" (at ")
        line = re.search(r"line (\d+)", place)
        number = line[1] if line else len(text.splitlines())
        raise ValueError(f"{path}:{number}: is not TOML: {what[:1].lower()}{what[1:]}") from None
    except RecursionError:
        raise ValueError(f"{path}: is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_secret(path: str) -> str:
    """Read a file that holds one secret on one line.

    Raises:
        ValueError: It cannot be read, or holds something else.
    """
    lines = _read(path, _LARGEST_SECRET_BYTES).rstrip("\r\n").splitlines()
    if not lines:
        raise ValueError("is empty")
    if len(lines) > 1:
        raise ValueError(f"holds {len(lines)} lines; a secret is one line")
    return lines[0]


def exposure(path: str) -> str | None:
    """Return a warning if every user of this machine may read or write a file with a secret, else None.

    The group may read it; services are often set up like this.
    """
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116 - a Path would be made for each of many
    except OSError:
        return None
    if not mode & _FOR_OTHERS:
        return None
    return f"{path}: every user of this machine can read or write it (mode {mode:04o}); chmod 640 it"


def _read(path: str, limit_bytes: int) -> str:
    try:
        # A pipe without a writer must not be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise ValueError(f"is {_kind(mode)}, not a file")
            content = os.read(descriptor, limit_bytes + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ValueError(f"{(error.strerror or str(error)).lower()} (running as uid {os.getuid()})") from None
    if len(content) > limit_bytes:
        raise ValueError(f"is larger than {limit_bytes // 1024} kB, so that it cannot be the right file")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("is not text in UTF-8") from None


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a directory"
    return "a pipe" if stat.S_ISFIFO(mode) else "a device"
