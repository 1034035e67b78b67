"""Golden data from what commands print: prose and places are left out, long lists are summed up. Pure."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

MOST_ENTRIES = 16

# What stands there is for people to read, and may be said in other words.
PROSE = {"error", "found", "last_error", "last_run_error", "notes", "to_do", "warnings", "what"}

# What stands there depends on where the test runs.
PLACES = {"database", "config_file"}

# Which answer comes last depends on which thread is faster.
VARYING = {"rate_limit_remaining"}


def normal(value: Any, *, places: Sequence[str] = ()) -> Any:  # noqa: ANN401 - JSON
    """Give a document with the same keys and types, without prose, and without the `places` that texts name.

    A long list of rows becomes its length, its first and last row, and a line on each column: the types, how many
    values differ, the least and the greatest, and a checksum of all. Fractions are rounded to 6 places, as databases
    add them up in different orders.
    """
    if isinstance(value, dict):
        return {key: _placed(key, each, places) for key, each in value.items()}
    if isinstance(value, list):
        return _listed([normal(each, places=places) for each in value])
    if isinstance(value, float):
        return round(value, 6) + 0.0  # a negative zero is none
    if isinstance(value, str):
        for place in places:
            value = value.replace(place, "<place>")
    return value


def _placed(key: str, value: Any, places: Sequence[str]) -> Any:  # noqa: ANN401 - JSON
    if key in PROSE:
        return _emptied(value, "<prose>")
    if key in PLACES:
        return _emptied(value, "<place>")
    if key in VARYING:
        return value if value is None else f"<{type(value).__name__}>"
    return normal(value, places=places)


def _emptied(value: Any, mark: str) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, list):
        return [_emptied(each, mark) for each in value]
    return mark if isinstance(value, str) else value


def _listed(values: list[Any]) -> Any:  # noqa: ANN401 - JSON
    are_rows = bool(values) and all(isinstance(each, dict) for each in values)
    if len(values) <= MOST_ENTRIES:
        return values
    if not are_rows:
        return f"{len(values)} values: {_column(values)}"
    names = dict.fromkeys(name for row in values for name in row)
    columns = {name: _column([row[name] for row in values if name in row]) for name in names}
    return {"length": len(values), "first": values[0], "last": values[-1], "columns": columns}


def _column(values: list[Any]) -> str:
    written = [json.dumps(each) for each in values]
    types = " ".join(sorted({type(each).__name__ for each in values}))
    known = sorted({each for each in values if isinstance(each, str | int | float)})
    span = f", {known[0]} to {known[-1]}" if known else ""
    checksum = hashlib.sha256("\n".join(written).encode()).hexdigest()[:12]
    return f"{types}, {len(set(written))} different{span}, checksum {checksum}"
