"""What `inventory check` found, for other programs: one document with stable keys. Pure."""

from dataclasses import asdict
from typing import Any

from inventory.judging.verdict import Verdict


def document(verdict: Verdict, *, database: str, exit_code: int) -> dict[str, Any]:
    """Give the document of one check: all findings, worst first, then what is counted, exempt or no longer exempt."""
    return {
        "status": verdict.status,
        "exit_code": exit_code,
        "database": database,
        "now": verdict.now,
        "looked_at": verdict.looked_at,
        "droplets": verdict.droplets,
        "counts": dict(verdict.counts),
        "findings": [asdict(each) for each in verdict.findings],
        "counted": [asdict(each) for each in verdict.counted],
        "exempted": [{**asdict(each), "exemption": asdict(exemption)} for each, exemption in verdict.exempted],
        "expired": [asdict(each) for each in verdict.expired],
    }
