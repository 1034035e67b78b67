"""The result of syncs for other programs: one document with stable keys. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from inventory.sync.result import DropletReport, SyncReport

Document = dict[str, Any]


def document(reports: Sequence[SyncReport], *, database: str, exit_code: int) -> Document:
    """Give the document of one command, with an entry for each account, in the order of their syncs."""
    return {"exit_code": exit_code, "database": database, "accounts": [_account(report) for report in reports]}


def _account(report: SyncReport) -> Document:
    return {
        "account": report.account,
        "status": report.status,
        "exit_code": report.exit_code,
        "error": report.error,
        "failure": report.failure,
        "run_id": report.run_id,
        "mode": report.mode,
        "is_dry_run": report.is_dry_run,
        "started_at": report.started_at,
        "finished_at": report.finished_at,
        "last_complete_at": report.last_complete_at,
        "droplets_selected": report.droplets_selected,
        **report.counts,
        "requests": report.requests,
        "rate_limit_remaining": report.rate_limit_remaining,
        "notes": list(report.notes),
        "droplets": [_droplet(each) for each in report.droplets],
    }


def _droplet(report: DropletReport) -> Document:
    return {
        "droplet_id": report.droplet_id,
        "droplet": report.name,
        "outcome": report.outcome,
        "error": report.error,
        "http_status": report.http_status,
        "kept_as_of": report.kept_as_of,
        "is_new": report.is_new,
        "is_gone": report.is_gone,
        "events": [asdict(event) for event in report.events],
    }
