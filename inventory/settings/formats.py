"""How a setting's text is read; a ValueError's text is the sentence for the operator, and never holds a secret."""

import ipaddress
import os
import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from inventory.model import Selection
from inventory.settings.schedule import Schedule

_LARGEST_ID = 2**63 - 1
_MOST_MINUTES = 60 * 24 * 31
_NUMBER = re.compile(r"[0-9]{1,19}")
_TAG = re.compile(r"[A-Za-z0-9_:-]{1,255}")
# RFC 6750, "b64token".
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_CRON_FIELD = re.compile(r"[A-Za-z0-9*/,-]+")
_CRON_FIELDS = 5
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_HIGHEST_PORT = 65_535
_POSTGRESQL_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")


def read_token(text: str) -> str:
    """Return an API token without the newline that files and shells leave behind it."""
    token = text.rstrip("\r\n")
    if not token:
        raise ValueError("the token is empty")
    if not _TOKEN.fullmatch(token):
        raise ValueError(
            "the API token contains characters that cannot be part of a token; check where it is read from"
        )
    return token


def read_selection(written: object) -> Selection:
    """Read `all`, or ids and `tag:NAME`: a text separated by commas, a list, or a single id."""
    parts = _parts(written, "write all, or ids and tag:NAME in a list or separated by commas")
    if not parts:
        raise ValueError("names no Droplet; write all, ids or tag:NAME")
    if parts == ["all"]:
        return Selection(everything=True)
    if "all" in parts:
        raise ValueError('"all" already means every Droplet; write nothing beside it')
    tags = [part.removeprefix("tag:") for part in parts if part.startswith("tag:")]
    ids = [part for part in parts if not part.startswith("tag:")]
    wrong = [f'"{part}" is neither an id nor tag:NAME' for part in ids if not is_id(part)]
    wrong += [f'"tag:{tag}" is not a tag' for tag in tags if not is_tag(tag)]
    if wrong:
        raise ValueError("; ".join(wrong))
    numbers = [str(int(part)) for part in ids]
    twice = {f"Droplet {number}" for number in numbers if numbers.count(number) > 1}
    twice |= {f"tag:{tag}" for tag in tags if tags.count(tag) > 1}
    if twice:
        raise ValueError(f"{', '.join(sorted(twice))} named more than once")
    return Selection(everything=False, droplet_ids=frozenset(map(int, ids)), tags=frozenset(tags))


def _parts(written: object, what_to_write: str) -> list[str]:
    if isinstance(written, str):
        return [part for part in map(str.strip, written.split(",")) if part]
    entries = written if isinstance(written, list) else [written]
    if any(type(entry) not in (int, str) for entry in entries):
        raise ValueError(what_to_write)
    return [str(entry).strip() for entry in entries]


def is_id(part: str) -> bool:
    """Tell whether it can be the id of a Droplet."""
    return _NUMBER.fullmatch(part) is not None and 0 < int(part) <= _LARGEST_ID


def is_tag(text: str) -> bool:
    """Tell whether it can be a tag."""
    return _TAG.fullmatch(text) is not None


def nearest(name: str, known: Iterable[str]) -> str:
    """Ask whether the most similar known name was meant; say nothing where none is similar."""
    return "".join(f"; did you mean {match}?" for match in get_close_matches(name, known, n=1))


def write_selection(selection: Selection) -> str:
    """Write a selection so that `read_selection` reads the same."""
    if selection.everything:
        return "all"
    return ", ".join([*map(str, sorted(selection.droplet_ids)), *(f"tag:{tag}" for tag in sorted(selection.tags))])


def read_path(text: object) -> str:
    """Return the path of a file, `~` being the home of the user; one that was read before stays as it is."""
    if isinstance(text, Path):
        return str(text)
    if not isinstance(text, str) or not text or not text.isprintable() or "://" in text:
        raise ValueError("is not the path of a file")
    # Path.expanduser() raises for a user without a home, as many containers have.
    return os.path.expanduser(text)  # noqa: PTH111 - as above


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


def read_api_url(text: str) -> str:
    """Return the origin that gets the token: https, or http on this machine alone."""
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("the API base URL contains characters that do not belong there")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
        address = _address(host or "")
    except ValueError:
        raise ValueError("the API base URL cannot be read; write https://HOST") from None
    is_loopback = host == "localhost" or (address is not None and address.is_loopback)
    if parts.username is not None or parts.password is not None:
        raise ValueError("the API base URL must not contain a user name or password")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback):
        raise ValueError("the API base URL must be https (http for this machine's own addresses only)")
    if not host or (address is not None and (address.is_link_local or address.is_unspecified)):
        raise ValueError("the API base URL names no host that could be an API")
    if parts.path not in ("", "/") or "?" in text or "#" in text:
        raise ValueError("the API base URL must end after the host; paths are added to it")
    shown_host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown_host}" + (f":{port}" if port is not None else "")


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
    address = _address(bare)
    is_written_right = host == (f"[{bare}]" if ":" in bare else bare)
    if not (bare == "localhost" or address) or not is_written_right:
        raise ValueError('write ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080, or "off"')
    if not port.isdecimal() or int(port) > _HIGHEST_PORT:
        raise ValueError(f"the port is a number up to {_HIGHEST_PORT}")
    return f"{host}:{int(port)}"


def read_host_names(written: object) -> tuple[str, ...]:
    """Read names of hosts, without ports: a text separated by commas, or a list."""
    # What was read once can be read again.
    again = list(written) if isinstance(written, tuple) else written
    names = _parts(again, "write names of hosts in a list or separated by commas")
    wrong = [name for name in names if not _HOST_NAME.fullmatch(name)]
    if wrong:
        raise ValueError(f"not the name of a host: {', '.join(wrong)}")
    return tuple(name.lower() for name in names)


def read_ping_url(text: str) -> str:
    """Return the URL that is told of each run: https, or http on this machine alone."""
    url = text.rstrip("\r\n")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        address = _address(host)
    except ValueError:
        raise ValueError("the ping URL cannot be read; write https://HOST/PATH") from None
    is_loopback = host == "localhost" or (address is not None and address.is_loopback)
    if not (url.isascii() and url.isprintable()) or " " in url or not host:
        raise ValueError("the ping URL cannot be read; write https://HOST/PATH")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback):
        raise ValueError("the ping URL must be https (http for this machine's own addresses only)")
    if parts.username is not None or "?" in url or "#" in url:
        raise ValueError("the ping URL must end after its path; /start and /fail are added to it")
    if address is not None and (address.is_link_local or address.is_unspecified):
        raise ValueError("the ping URL names no host that could be meant")
    return url.rstrip("/")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
