"""What `inventory doctor` prints: a line for each check, or one document. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from inventory.doctor.diagnosis import Check
from inventory.terminal import table as layout
from inventory.terminal.display import shown
from inventory.terminal.table import TEXT, WORD
from inventory.terminal.words import count

_STYLES = {"OK": "green", "WARN": "yellow", "FAIL": "bold red"}


def table(checks: Sequence[Check]) -> Table:
    """Lay out verdict, check, what was found, and what to do; accounts are named if there are several."""
    is_named = len({check.account for check in checks if check.account}) > 1
    return layout.table(
        (WORD, WORD, TEXT),
        (
            (Text(check.verdict, style=_STYLES[check.verdict]), check.name, shown(_sentence(check, is_named=is_named)))
            for check in checks
        ),
    )


def _sentence(check: Check, *, is_named: bool) -> str:
    whose = f'account "{check.account}": ' if is_named and check.account else ""
    stop = "" if check.found.endswith("?") else "."
    return f"{whose}{check.found}" + (f"{stop} {check.to_do}" if check.to_do else "")


def ending(checks: Sequence[Check], *, database: str | None, now: datetime) -> str:
    """Count failures and warnings, and name the moment and the database."""
    failed, warned = (sum(check.verdict == verdict for check in checks) for verdict in ("FAIL", "WARN"))
    verdict = "All is well" if not failed + warned else f"{count(failed, 'failure')}, {count(warned, 'warning')}"
    return f"{verdict}. Checked {now:%Y-%m-%d %H:%M} UTC, database {shown(database or 'unknown')}."


def document(checks: Sequence[Check], *, database: str | None, now: datetime, exit_code: int) -> dict[str, Any]:
    """Give the same as a document with stable keys."""
    return {
        "exit_code": exit_code,
        "checked_at": now,
        "database": database,
        "checks": [asdict(check) for check in checks],
    }
