"""How a setting's text is read; a ValueError's text is the sentence for the operator, and never holds a secret."""

import os
import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from inventory.model import LARGEST_ID, Selection
from inventory.network.access import ip_address, web_url
from inventory.settings.schedule import Schedule

_LEAST_RATE = 0.001
_MOST_MINUTES = 60 * 24 * 31
_NUMBER = re.compile(r"[0-9]{1,19}")
_OF_A_TAG = "tag:"
_TAG = re.compile(r"[A-Za-z0-9_:-]{1,255}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_CRON_FIELD = re.compile(r"[A-Za-z0-9*/,-]+")
_CRON_FIELDS = 5
_LIKE_A_SECRET = re.compile(r"[A-Za-z0-9_=+~-]{24,}")
_APPRISE_URL = re.compile(r"[A-Za-z][A-Za-z0-9]*://[!-~]+")
_WEB_ADDRESS = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~%/-]*)?")
_REFUSED_PARAMETERS = {"redirect", "verify", "retry", "wait", "rto", "cto"}
_HIGHEST_PORT = 65_535
_LONGEST_PATH, _LONGEST_NAME = 4_095, 255  # bytes, https://man7.org/linux/man-pages/man0/limits.h.0p.html
_POSTGRESQL_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")


def check_rate(per_second: float) -> float:
    """Refuse a rate at which one request would take more than a quarter of an hour; 0 is no limit."""
    if 0 < per_second < _LEAST_RATE:
        raise ValueError(f"must be 0, or at least {_LEAST_RATE}")
    return per_second


def read_selection(written: object) -> Selection:
    """Read `all`, or ids and `tag:NAME`: a text separated by commas, a list, or a single id."""
    parts = _parts(written)
    if not parts:
        raise ValueError("names no Droplet; write all, ids or tag:NAME")
    if parts == ["all"]:
        return Selection(everything=True)
    if "all" in parts:
        raise ValueError('"all" already means every Droplet; write nothing beside it')
    if wrong := [*filter(None, map(_mistake, parts))]:
        raise ValueError("; ".join(wrong))
    named = Counter(f"Droplet {int(part)}" if is_id(part) else part for part in parts)
    if twice := [name for name, times in named.items() if times > 1]:
        raise ValueError(f"{', '.join(sorted(twice))} named more than once")
    ids, tags = filter(is_id, parts), (part.removeprefix(_OF_A_TAG) for part in parts if not is_id(part))
    return Selection(everything=False, droplet_ids=frozenset(map(int, ids)), tags=frozenset(tags))


def _mistake(part: str) -> str | None:
    if part.startswith(_OF_A_TAG):
        return None if is_tag(part.removeprefix(_OF_A_TAG)) else f'"{part}" is not a tag'
    return None if is_id(part) else f'"{part}" is neither an id nor tag:NAME'


def _parts(written: object) -> list[str]:
    separated = separate(written)
    entries = separated if isinstance(separated, list) else [separated]
    if any(type(entry) not in (int, str) for entry in entries):
        raise ValueError("write all, or ids and tag:NAME in a list or separated by commas")
    return [str(entry).strip() for entry in entries]


def separate(written: object) -> object:
    """Return the parts of a text that are separated by commas; anything else as it is."""
    if not isinstance(written, str):
        return written
    return [part for part in map(str.strip, written.split(",")) if part]


def is_id(part: str) -> bool:
    """Tell whether it can be the id of a Droplet."""
    return _NUMBER.fullmatch(part) is not None and 0 < int(part) <= LARGEST_ID


def is_tag(text: str) -> bool:
    """Tell whether it can be a tag."""
    return _TAG.fullmatch(text) is not None


def write_selection(selection: Selection) -> str:
    """Write a selection so that `read_selection` reads the same."""
    if selection.everything:
        return "all"
    return ", ".join([*map(str, sorted(selection.droplet_ids)), *(f"tag:{tag}" for tag in sorted(selection.tags))])


def read_path(text: object) -> str:
    """Return the path of a file, `~` being the home of the user."""
    if not isinstance(text, str) or not text or not text.isprintable() or "://" in text or _is_too_long(text):
        raise ValueError("is not the path of a file")
    # Path.expanduser() raises for a user without a home, as many containers have.
    return os.path.expanduser(text)  # noqa: PTH111 - as above


def _is_too_long(path: str) -> bool:
    return len(os.fsencode(path)) > _LONGEST_PATH or any(
        len(os.fsencode(part)) > _LONGEST_NAME for part in path.split("/")
    )


def read_secret_path(text: object) -> str:
    """Return the path of a file that holds a secret; refuse, without a word of it, what may be the secret itself."""
    path = read_path(text)
    if _LIKE_A_SECRET.fullmatch(path):
        raise ValueError(
            "looks like the secret itself; name the file that holds it, as ./NAME if it is in this directory"
        )
    return path


def read_database_url(text: str) -> str:
    """Return `sqlite:////absolute/path` or `postgresql+psycopg://...`, of a URL of either or a path.

    A relative path starts at the working directory.
    """
    written = text.rstrip("\r\n")
    if not written:
        raise ValueError("the database URL is empty")
    if not written.isprintable():
        raise ValueError("the database URL contains control characters")
    scheme = _SCHEME.match(written)
    if scheme is None:
        return _sqlite_url(written)
    name = scheme[1].lower()
    if name == "sqlite":
        return _sqlite_url(_sqlite_path(written))
    if name in _POSTGRESQL_SCHEMES:
        return _postgresql_url(written)
    raise ValueError(f"{name} is not supported; write a path, sqlite:PATH or postgresql://USER@HOST/NAME")


def _sqlite_path(written: str) -> str:
    rest = written[len("sqlite:") :]
    if not rest.startswith("//"):
        return rest
    url = _parsed(f"sqlite:{rest}")
    if url.host or url.query:
        raise ValueError(
            "write sqlite:///PATH with three slashes before a relative path, four in all for an absolute one, "
            "and nothing after it"
        )
    return url.database or ""


def _sqlite_url(path: str) -> str:
    if path in ("", ":memory:"):
        raise ValueError("a database in memory keeps no history; name a file")
    try:
        absolute = Path(read_path(path)).absolute()
    except FileNotFoundError:
        raise ValueError("the working directory is no longer there; name the file by its whole path") from None
    return URL.create("sqlite", database=str(absolute)).render_as_string(hide_password=False)


def _postgresql_url(written: str) -> str:
    url = _parsed(written)
    if written.count("@") > 1:
        # What follows the first would be shown as the host.
        raise ValueError("the database URL holds more than one @; write %40 for each in the password or elsewhere")
    if not url.database:
        raise ValueError("the database URL names no database; write postgresql://USER@HOST/NAME")
    if any("password" in key for key in url.query):
        raise ValueError("the password belongs before the @ of the database URL; after the ? it would be shown")
    return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def _parsed(written: str) -> URL:
    try:
        return make_url(written)
    except (ArgumentError, ValueError):
        # Their own words may quote the password.
        raise ValueError("the database URL cannot be read; write postgresql://USER@HOST:PORT/NAME") from None


def read_schedule(written: object) -> float | str:
    """Return a number of minutes, or a cron expression of five fields.

    Weekdays are names, and either days of the month or weekdays are narrowed: what 0 is, and whether both must hold,
    differs from one cron to the next.
    """
    if isinstance(written, str):
        fields = written.split()
        if len(fields) == _CRON_FIELDS and all(map(_CRON_FIELD.fullmatch, fields)):
            return Schedule(_checked_cron(fields)).written
        try:
            written = float(written)
        except ValueError:
            raise ValueError('is neither a number of minutes nor a cron expression such as "17 * * * *"') from None
    if isinstance(written, bool) or not isinstance(written, (int, float)) or not 0 < written <= _MOST_MINUTES:
        raise ValueError(f"write minutes, more than 0 and at most {_MOST_MINUTES}, or a cron expression")
    return float(written)


def _checked_cron(fields: list[str]) -> str:
    day_of_month, weekday = fields[2], fields[4]
    if any(part.isdecimal() for part in re.split("[,-]", weekday.partition("/")[0])):
        raise ValueError("write weekdays as names, such as mon-fri: crons differ in what 0 and 7 are")
    if "*" not in (day_of_month[0], weekday[0]):
        raise ValueError("narrow the days of the month or the weekdays, not both: crons differ in what that means")
    return " ".join(fields)


def read_listen_address(text: str) -> str:
    """Return `ADDRESS:PORT`, the address being of this machine, or `off`."""
    if text == "off":
        return text
    host, _, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    is_written_right = host == (f"[{bare}]" if ":" in bare else bare)
    if not (is_written_right and (bare == "localhost" or ip_address(bare))):
        raise ValueError('write ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080, or "off"')
    if not port.isdecimal() or int(port) > _HIGHEST_PORT:
        raise ValueError(f"the port is a number up to {_HIGHEST_PORT}")
    return f"{host}:{int(port)}"


def read_notify_url(text: str) -> str:
    """Return one URL as Apprise has them, without parameters that would weaken how it is used."""
    written = text.rstrip("\r\n")
    if not _APPRISE_URL.fullmatch(written):
        raise ValueError("is not one URL as Apprise has them, such as slack://... or mailtos://...")
    keys = {unquote(pair.partition("=")[0]).strip().lower() for pair in written.partition("?")[2].split("&")}
    if refused := sorted(keys & _REFUSED_PARAMETERS):
        raise ValueError(f"the URL must not set {', '.join(refused)}")
    return written


def read_public_url(text: str) -> str:
    """Return where people reach the pages, without a slash at its end."""
    if not _WEB_ADDRESS.fullmatch(text):
        raise ValueError("write https://HOST, with a path if the pages are below one, and nothing after it")
    return text.rstrip("/")


def read_ping_url(text: str) -> str:
    """Return the URL that is told of each run: https, or http on this machine alone."""
    written = text.rstrip("\r\n")
    url = web_url(written, "the ping URL")
    if "?" in written or "#" in written:
        raise ValueError("the ping URL must end after its path; /start and /fail are added to it")
    return str(url).rstrip("/")
