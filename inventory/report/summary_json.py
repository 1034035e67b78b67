"""The summary for other programs: one document with stable keys. Pure."""

from dataclasses import asdict, fields
from typing import Any

from inventory.judging.verdict import Verdict
from inventory.report.rows_export import as_documents
from inventory.report.summary import Summary


def document(summary: Summary, verdict: Verdict, database: str) -> dict[str, Any]:
    """Give the document: the figures of the summary by name, rows of views as objects."""
    figures = {field.name: getattr(summary, field.name) for field in fields(summary)}
    return {
        "report": "summary",
        "database": database,
        "as_of": figures.pop("now"),
        **figures,
        "findings": [asdict(each) for each in verdict.findings],
        "health": as_documents(summary.health),
        "lately": dict(summary.lately),
        "sizes": list(summary.sizes),
        "size_by_day": [asdict(each) for each in summary.size_by_day],
        "disappeared": [asdict(each) for each in summary.disappeared],
        "largest": [
            {**as_documents([each.growth])[0], **as_documents([each.retention])[0], "sizes": list(each.sizes)}
            for each in summary.largest
        ],
    }
