"""How hours by a clock on the wall somewhere are read, such as `22:00-07:00 Europe/Berlin`."""

import re
from datetime import time
from zoneinfo import ZoneInfo, available_timezones

from inventory.notifying.hours import DigestTime, Quiet
from inventory.terminal.spelling import nearest

_QUIET = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d) (\S+)")
_DIGEST = re.compile(r"(\S+) (\d\d:\d\d) (\S+)")
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

# Files beside the zones: what this machine is set to, and the zones by other rules.
_NO_ZONES = re.compile(r"(localtime|posixrules|Factory)|(posix|right)/.*")


def read_quiet(written: object) -> Quiet:
    """Read hours of each day, with the zone whose clock they are by."""
    match = _QUIET.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise ValueError('write hours and a zone, such as "22:00-07:00 Europe/Berlin"')
    begins, ends = _time(match[1]), _time(match[2])
    if begins == ends:
        raise ValueError("begins when it ends")
    return Quiet(begins, ends, _zone(match[3]))


def read_digest(written: object) -> DigestTime:
    """Read a time of a day of each week, with the zone whose clock it is by."""
    match = _DIGEST.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise ValueError('write a day, a time and a zone, such as "Mon 07:00 Europe/Berlin"')
    if match[1] not in _WEEKDAYS:
        raise ValueError(f'"{match[1]}" is none of {", ".join(_WEEKDAYS)}')
    return DigestTime(_WEEKDAYS.index(match[1]), _time(match[2]), _zone(match[3]))


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise ValueError(f'"{text}" is no time of a day') from None


def _zone(name: str) -> ZoneInfo:
    try:
        if not _NO_ZONES.fullmatch(name):
            return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        pass
    if not (known := available_timezones()):
        raise ValueError("this machine has no zones: install tzdata")
    raise ValueError(f'"{name}" is no zone of the IANA, such as Europe/Berlin{nearest(name, known)}')
