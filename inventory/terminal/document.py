"""Answers for other programs: JSON documents, with times in ISO 8601."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from inventory.terminal.display import redactor


def as_json(document: Mapping[str, Any]) -> str:
    """Write a document, which may contain times and days, and a newline; tokens in it become `[token]`."""
    return redactor()(json.dumps(document, indent=2, default=_plain)) + "\n"


def _plain(value: Any) -> str:  # noqa: ANN401 - whatever json cannot write itself
    if isinstance(value, date):
        return iso(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def iso(at: date) -> str:
    """Write a UTC time, or a day, in ISO 8601."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if isinstance(at, datetime) else at.isoformat()
