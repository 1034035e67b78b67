"""On which line of a TOML file each key stands; parsers of TOML do not say."""

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

Keys = tuple[str, ...]

# A value of several lines ends on a line with one of these.
_ENDS = ("]", '"""', "'''")


@lru_cache(maxsize=1)
def lines_of(text: str) -> dict[Keys, int]:
    """Return the line on which each key is first named, of a text that is TOML.

    The items of a list have the keys "0", "1" and so on. Everything inside a value of several lines has the first line.
    """
    lines: dict[Keys, int] = {}
    lengths = Counter[Keys]()
    table: Keys = ()
    for number, written, statement in _statements(text):
        is_header = written.lstrip().startswith("[")
        for keys in _paths(statement, () if is_header else table, lengths):
            lines.setdefault(keys, number)
            table = keys if is_header else table
    return lines


def _statements(text: str) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    """Give each statement, as it is written and as it is read, after the number of its first line."""
    first, written = 1, ""
    for number, line in enumerate(text.split("\n"), 1):
        may_end = not written or any(end in line for end in _ENDS)
        written += f"{line}\n"
        if may_end and (statement := _parsed(written)) is not None:
            yield first, written, statement
            first, written = number + 1, ""


def _parsed(written: str) -> Mapping[str, Any] | None:
    try:
        return tomllib.loads(written)
    except tomllib.TOMLDecodeError:
        return None


def _paths(value: object, above: Keys, lengths: Counter[Keys]) -> Iterator[Keys]:
    """Give the keys of all that a statement holds, the keys of a table before those in it."""
    inside: Iterable[tuple[str, object]] = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        # Each [[header]] is a list of one item; it continues the list of the headers before it.
        inside = [(str(number), each) for number, each in enumerate(value, lengths[above])]
        lengths[above] += len(value)
    for key, below in inside:
        yield (*above, key)
        yield from _paths(below, (*above, key), lengths)
