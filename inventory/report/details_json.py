"""Everything that is known of one Droplet or backup, for other programs: one document with stable keys. Pure."""

from dataclasses import asdict, fields, is_dataclass
from typing import Any

from inventory.judging.verdict import Verdict
from inventory.report.details import BackupDetails, DropletDetails


def document(found: DropletDetails | BackupDetails, verdict: Verdict, *, database: str) -> dict[str, Any]:
    """Give the document: each part of the details under its name, rows as objects, then the findings."""
    return {
        "database": database,
        "as_of": verdict.now,
        **{field.name: _plain(getattr(found, field.name)) for field in fields(found)},
        "findings": [asdict(finding) for finding in verdict.findings],
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 - rows, records, lists of them, and texts
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if hasattr(value, "_asdict"):
        return value._asdict()
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
