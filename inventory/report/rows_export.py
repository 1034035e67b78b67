"""The rows of a view for other programs, with every column: CSV and JSON. Pure."""

import csv
import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple, TextIO

from inventory.terminal.document import iso

# What spreadsheets take for the beginning of a formula, in full-width letters and after blanks too.
_FORMULA = re.compile(r"\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")


def write_csv(stream: TextIO, columns: Sequence[str], rows: Iterable[NamedTuple]) -> None:
    """Write CSV (RFC 4180): a header, then a record for each row; NULL is empty, times are ISO 8601 in UTC.

    A text that a spreadsheet would run as a formula begins with an apostrophe; numbers stay as they are.
    Source: https://owasp.org/www-community/attacks/CSV_Injection.
    """
    writer = csv.writer(stream)
    writer.writerow(columns)
    writer.writerows([_harmless(value) for value in row] for row in rows)


def _harmless(value: Any) -> Any:  # noqa: ANN401 - whatever a view has
    if isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    if isinstance(value, date):
        return iso(value)
    return str(value).lower() if isinstance(value, bool) else value


def as_documents(rows: Iterable[NamedTuple]) -> list[dict[str, Any]]:
    """Give each row as an object with the view's columns as its keys."""
    return [row._asdict() for row in rows]
