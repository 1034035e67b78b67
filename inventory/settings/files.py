"""The files that settings are read from, with bounded reads that never block. A ValueError is one sentence."""

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inventory.settings.lines import lines_of

SEARCHED = ("inventory.toml", "~/.config/inventory/inventory.toml", "/etc/inventory/inventory.toml")
"""Where a configuration file is looked for, in this order, if none is named."""

_LARGEST_CONFIGURATION_BYTES = 1_048_576
_LARGEST_SECRET_BYTES = 4096
_FOR_OTHERS = stat.S_IROTH | stat.S_IWOTH


@dataclass(frozen=True)
class ConfigurationFile:
    """One TOML file as it was read.

    Attributes:
        path: As it was named or found; None where there is none.
        exposure: As of `Secret`.
    """

    path: str | None = None
    text: str = field(default="", repr=False)
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    exposure: str | None = None

    def place(self, keys: tuple[str, ...]) -> str:
        """Return `inventory.toml:12`, where the keys lead to line 12."""
        lines = lines_of(self.text)
        while keys and keys not in lines:
            keys = keys[:-1]
        return f"{self.path}:{lines[keys]}" if keys else str(self.path)


@dataclass(frozen=True, slots=True)
class Secret:
    """What a secret file holds.

    Attributes:
        exposure: A sentence, if every user of this machine may read or write the file, else None.
    """

    text: str = field(repr=False)
    exposure: str | None


def find(named: Path | None, environ: Mapping[str, str]) -> str | None:
    """Return the configuration file to read; one that is named need not exist, None means that there is none."""
    if named is not None or environ.get("INVENTORY_CONFIG"):
        return str(named or environ["INVENTORY_CONFIG"])
    candidates = map(os.path.expanduser, SEARCHED)
    return next((path for path in candidates if os.access(path, os.F_OK)), None)


def read_configuration(path: str) -> ConfigurationFile:
    """Read a TOML file.

    Raises:
        ValueError: It cannot be read, or is not TOML.
    """
    text, exposure = _read(path, _LARGEST_CONFIGURATION_BYTES)
    try:
        return ConfigurationFile(path, text, tomllib.loads(text), exposure)
    except tomllib.TOMLDecodeError as error:
        what, _, place = str(error).partition(" (at ")
        line = re.search(r"line (\d+)", place)
        number = line[1] if line else len(text.splitlines())
        raise ValueError(f"{path}:{number}: is not TOML: {what[:1].lower()}{what[1:]}") from None
    except RecursionError:
        raise ValueError(f"{path}: is nested too deeply") from None


def read_secret(path: str) -> Secret:
    """Read a file that holds one secret on one line.

    Raises:
        ValueError: It cannot be read, or holds something else.
    """
    text, exposure = _read(path, _LARGEST_SECRET_BYTES)
    lines = text.rstrip("\r\n").splitlines()
    if not lines:
        raise ValueError(f"{path}: is empty")
    if len(lines) > 1:
        raise ValueError(f"{path}: holds {len(lines)} lines; a secret is one line")
    return Secret(lines[0], exposure)


def _read(path: str, limit_bytes: int) -> tuple[str, str | None]:
    try:
        # A pipe without a writer must not be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise ValueError(f"{path}: is {_kind(mode)}, not a file")
            content = os.read(descriptor, limit_bytes + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ValueError(f"{path}: {reason} (running as uid {os.getuid()})") from None
    if len(content) > limit_bytes:
        raise ValueError(f"{path}: is larger than {limit_bytes // 1024} kB; is it the right file?")
    return _decoded(path, content), _exposure(path, mode)


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a directory"
    return "a pipe" if stat.S_ISFIFO(mode) else "a device"


def _decoded(path: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: is not text in UTF-8") from None


def _exposure(path: str, mode: int) -> str | None:
    """Judge a file that holds a secret; its group may read it, as services are often set up so."""
    if not mode & _FOR_OTHERS:
        return None
    return f"{path}: every user of this machine can read or write it (mode {stat.S_IMODE(mode):04o}); chmod 640 it"
