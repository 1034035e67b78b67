"""Answers of the API, with what matters to a test in place of the usual."""

from collections.abc import Sequence


def backup(number: int = 1, **changes: object) -> dict[str, object]:
    return {
        "id": number,
        "name": f"web-01 {number}",
        "type": "backup",
        "created_at": "2026-03-01T05:11:00Z",
        "size_gigabytes": 2.5,
        "min_disk_size": 25,
        "regions": ["nyc3"],
        "distribution": "Ubuntu",
        "slug": None,
        "public": False,
        **changes,
    }


def listing(backups: Sequence[object], *, total: object = None, next_page: object = None) -> dict[str, object]:
    """Write a page; the total is that of its backups unless told, and left out if told to be `...`."""
    links = {"pages": {"next": next_page}} if next_page else {}
    meta = {} if total is ... else {"meta": {"total": len(backups) if total is None else total}}
    return {"backups": list(backups), "links": links, **meta}


def droplet(number: int = 1, **changes: object) -> dict[str, object]:
    return {
        "id": number,
        "name": f"web-{number}",
        "region": {"slug": "nyc3", "name": "New York 3"},
        "size_slug": "s-1vcpu-1gb",
        "size": {"slug": "s-1vcpu-1gb", "price_monthly": 6, "price_hourly": 0.00893},
        "status": "active",
        "created_at": "2025-01-02T03:04:05Z",
        "next_backup_window": {"start": "2026-03-02T04:00:00Z", "end": "2026-03-02T08:00:00Z"},
        "features": ["backups"],
        "backup_ids": [1, 2],
        "snapshot_ids": [],
        "tags": ["web"],
        **changes,
    }


def policy(number: int = 1, **changes: object) -> dict[str, object]:
    plan = {"plan": "daily", "hour": 4, "window_length_hours": 4, "retention_period_days": 7}
    return {"droplet_id": number, "backup_enabled": True, "backup_policy": plan, "next_backup_window": None, **changes}
