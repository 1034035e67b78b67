"""The views: found among the files beside this one, in the order in which they read each other.

A view is a file `NN_name.sql`: a header in comments, then its query, in which `macros` are replaced. Where SQLite and
PostgreSQL need different queries, these are in `NN_name.sqlite.sql` and `NN_name.postgresql.sql`, and the header is
alone in its file and says why. A view reads only views of lower numbers.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from inventory.views.macros import expand

DIALECTS = ("sqlite", "postgresql")

_FILE = re.compile(r"(?P<number>\d\d)_(?P<name>\w+?)\.(?:(?P<dialect>sqlite|postgresql)\.)?sql")
_KEY = re.compile(r"(Grain|Units|Reads|Order|Time|Columns):\s*(.*)")
_COLUMN = re.compile(r"  (\w+): (.+)")


@dataclass(frozen=True, slots=True)
class View:
    """One view and what its header says of it.

    Attributes:
        answers: The question it answers, and its definitions, in prose.
        grain: What one row is.
        reads: Names of the tables and views it reads.
        order: The order in which its rows are read, as after ORDER BY.
        time: The column with a row's time, by which a period selects rows; None if all rows are of now.
        is_recent: Whether the view leaves out rows before report_clock.since.
        columns: Column -> its meaning, above all that of NULL; in the view's order.
        header: The comment lines as they are in the file.
        queries: Dialect -> the query in the dialect's own SQL, without the header.
    """

    name: str
    answers: str
    grain: str
    units: str
    reads: tuple[str, ...]
    order: str
    time: str | None
    is_recent: bool
    columns: Mapping[str, str]
    header: str
    queries: Mapping[str, str]

    @property
    def question(self) -> str:
        """The question alone."""
        return self.answers[: self.answers.index("?") + 1]


@cache
def views() -> Mapping[str, View]:
    """Return all views by name, each after those it reads."""
    texts: dict[str, dict[str | None, str]] = {}
    found = [(entry, match) for entry in files("inventory.views").iterdir() if (match := _FILE.fullmatch(entry.name))]
    for entry, match in sorted(found, key=lambda each: each[0].name):
        texts.setdefault(match["name"], {})[match["dialect"]] = entry.read_text("utf-8")
    return MappingProxyType({name: _view(name, by_dialect) for name, by_dialect in texts.items()})


def with_dependencies(name: str) -> list[View]:
    """List a view and all views it reads, directly or through others, each after those it reads."""
    wanted = {name}
    for view in reversed(list(views().values())):
        if view.name in wanted:
            wanted.update(view.reads)
    return [view for view in views().values() if view.name in wanted]


def _view(name: str, texts: Mapping[str | None, str]) -> View:
    lines = texts[None].splitlines()
    height = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    header, query = lines[:height], "\n".join(lines[height:])
    said = [line.removeprefix("--").removeprefix(" ") for line in header]
    keys = _named(_KEY, said)
    time, _, begin = keys.get("Time", "").partition(", ")
    prose = said[: next(number for number, line in enumerate(said) if _KEY.fullmatch(line))]
    return View(
        name=name,
        answers=" ".join(prose),
        grain=keys["Grain"],
        units=keys["Units"],
        reads=tuple(keys["Reads"].split(", ")) if keys["Reads"] else (),
        order=keys["Order"],
        time=time or None,
        is_recent=bool(begin),
        columns=_named(_COLUMN, said),
        header="\n".join(header),
        queries={dialect: expand(texts.get(dialect, query).strip(), dialect) for dialect in DIALECTS},
    )


def _named(pattern: re.Pattern[str], lines: Iterable[str]) -> dict[str, str]:
    """Give what lines of this pattern say, by its first group."""
    return {match[1]: match[2] for line in lines if (match := pattern.fullmatch(line))}
