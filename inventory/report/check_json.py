"""What `inventory check` found, for machines: one document whose keys stay. Pure."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from inventory.judging.findings import Finding, Verdict
from inventory.judging.rules import Exemption

Document = dict[str, Any]


def document(verdict: Verdict, *, database: str, exit_code: int) -> Document:
    """Give the document of one check: all findings, worst first, with what is counted, exempt or no longer so."""
    return {
        "status": verdict.status,
        "exit_code": exit_code,
        "database": database,
        "now": _time(verdict.now),
        "looked_at": _time(verdict.looked_at),
        "droplets": verdict.droplets,
        "counts": dict(verdict.counts),
        "findings": [finding_document(each) for each in verdict.findings],
        "counted": [finding_document(each) for each in verdict.counted],
        "exempted": [
            {**finding_document(each), "exemption": _exemption(exemption)} for each, exemption in verdict.exempted
        ],
        "expired": [_exemption(each) for each in verdict.expired],
    }


def finding_document(finding: Finding) -> Document:
    """Give one finding."""
    return {**asdict(finding), "since": _time(finding.since)}


def _exemption(exemption: Exemption) -> Document:
    return {**asdict(exemption), "until": exemption.until.isoformat()}


def _time(at: datetime | None) -> str | None:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else None
