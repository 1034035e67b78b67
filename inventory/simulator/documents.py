"""The JSON documents of the API, as DigitalOcean's OpenAPI document and its examples have them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from inventory.simulator.catalog import (
    BASE_IMAGE_CREATED_AT,
    BASE_IMAGE_ID,
    BASE_IMAGE_SLUG,
    DISTRIBUTION,
    REGIONS,
    SIZES,
    Size,
)
from inventory.simulator.values import (
    PLANS,
    WEEKDAYS,
    WINDOW_HOURS,
    WINDOW_LENGTH,
    SimulatedBackup,
    SimulatedDroplet,
)

Document = dict[str, Any]

_WINDOW_HOURS_LONG = WINDOW_LENGTH.seconds // 3600
# A newer datacenter's listings show keys that no example of the API has.
_REGION_WITH_EXTRA_KEYS = "atl1"


def stamp(instant: datetime) -> str:
    """Return an instant as the API writes it."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def backup_document(backup: SimulatedBackup) -> Document:
    """Return an item of a Droplet's backups or snapshots; nothing in it names the Droplet."""
    document = {
        "id": backup.id,
        "name": backup.name,
        "distribution": DISTRIBUTION,
        "slug": None,
        "public": False,
        "regions": list(backup.regions),
        "created_at": stamp(backup.created_at),
        "min_disk_size": backup.min_disk_size,
        "size_gigabytes": _number(backup.size_gigabytes),
        "type": backup.type,
    }
    if _REGION_WITH_EXTRA_KEYS in backup.regions:
        document |= {"description": "", "tags": [], "status": "available", "error_message": ""}
    return document


def image_document(backup: SimulatedBackup) -> Document:
    """Return a backup or snapshot as `/v2/images` shows it."""
    extra = {"description": "", "tags": [], "status": "available", "error_message": ""}
    return backup_document(backup) | extra


def base_image_document() -> Document:
    """Return the public image that every Droplet was made from."""
    return {
        "id": BASE_IMAGE_ID,
        "name": "20.04 (LTS) x64",
        "distribution": DISTRIBUTION,
        "slug": BASE_IMAGE_SLUG,
        "public": True,
        "regions": list(REGIONS),
        "created_at": stamp(BASE_IMAGE_CREATED_AT),
        "type": "base",
        "min_disk_size": 20,
        "size_gigabytes": 2.36,
        "description": "",
        "tags": [],
        "status": "available",
        "error_message": "",
    }


def snapshot_document(snapshot: SimulatedBackup) -> Document:
    """Return a snapshot as `/v2/snapshots` shows it, where ids are strings."""
    return {
        "id": str(snapshot.id),
        "name": snapshot.name,
        "created_at": stamp(snapshot.created_at),
        "regions": list(snapshot.regions),
        "min_disk_size": snapshot.min_disk_size,
        "size_gigabytes": _number(snapshot.size_gigabytes),
        "resource_id": str(snapshot.droplet_id),
        "resource_type": "droplet",
        "tags": [],
    }


def droplet_document(droplet: SimulatedDroplet, *, backup_ids: Sequence[int], snapshot_ids: Sequence[int]) -> Document:
    """Return a Droplet, with the same keys in a list and alone."""
    size = droplet.size
    document = {
        "id": droplet.id,
        "name": droplet.name,
        "memory": size.memory,
        "vcpus": size.vcpus,
        "disk": size.disk,
        "disk_info": [{"type": "local", "size": {"amount": size.disk, "unit": "gib"}}],
        "locked": False,
        "status": "active",
        "kernel": None,
        "created_at": stamp(droplet.created_at),
        "features": [*(["backups"] if _has_feature(droplet) else []), "private_networking", "droplet_agent"],
        "backup_ids": list(backup_ids),
        "next_backup_window": _window_document(droplet),
        "snapshot_ids": list(snapshot_ids),
        "image": base_image_document(),
        "volume_ids": [],
        "size": _size_document(size),
        "size_slug": size.slug,
        "networks": _networks_document(droplet.id),
        "region": _region_document(droplet.region),
        "tags": list(droplet.tags),
        "vpc_uuid": str(UUID(int=0x760E09EFDC8411E8981E3CFDFEAAE000)),
    }
    return document | _gpu_document(size)


def policy_document(droplet: SimulatedDroplet) -> Document:
    """Return a Droplet's backup policy; with backups off it says nothing but that."""
    if droplet.policy is None:
        return {"droplet_id": droplet.id, "backup_enabled": False}
    policy = droplet.policy
    return {
        "droplet_id": droplet.id,
        "backup_enabled": True,
        "backup_policy": {
            "plan": policy.plan,
            **({"weekday": policy.weekday} if policy.weekday else {}),
            "hour": policy.hour,
            "window_length_hours": _WINDOW_HOURS_LONG,
            "retention_period_days": policy.retention_days,
        },
        "next_backup_window": _window_document(droplet),
    }


def supported_policy_documents() -> list[Document]:
    """Return the two documented plans."""
    return [
        {
            "name": plan,
            "possible_window_starts": list(WINDOW_HOURS),
            "window_length_hours": _WINDOW_HOURS_LONG,
            "retention_period_days": PLANS[plan][1],
            "possible_days": list(WEEKDAYS) if plan == "weekly" else [],
        }
        for plan in ("weekly", "daily")
    ]


def account_document(uuid: str, *, status: str) -> Document:
    """Return the account."""
    return {
        "droplet_limit": 2000,
        "floating_ip_limit": 5,
        "email": "sammy@example.com",
        "name": "Sammy the Shark",
        "uuid": uuid,
        "email_verified": True,
        "status": status,
        "status_message": "",
        "team": {"uuid": uuid, "name": "My Team"},
    }


def _number(value: float) -> float:
    """Return a whole number without a fraction, as the API writes it."""
    return int(value) if value == int(value) else value


def _has_feature(droplet: SimulatedDroplet) -> bool:
    return droplet.policy is not None and not droplet.policy.is_usage_based


def _window_document(droplet: SimulatedDroplet) -> Document | None:
    start = droplet.next_window_starts_at
    return {"start": stamp(start), "end": stamp(start + WINDOW_LENGTH)} if start else None


def _size_document(size: Size) -> Document:
    document = {
        "slug": size.slug,
        "memory": size.memory,
        "vcpus": size.vcpus,
        "disk": size.disk,
        "transfer": size.transfer,
        "price_monthly": _number(size.price_monthly_usd),
        "price_hourly": size.price_hourly_usd,
        "regions": list(REGIONS),
        "available": True,
        "description": size.description,
    }
    return document | _gpu_document(size)


def _gpu_document(size: Size) -> Document:
    if size.gpu_model is None:
        return {}
    return {"gpu_info": {"count": 1, "vram": {"amount": 80, "unit": "gib"}, "model": size.gpu_model}}


def _region_document(slug: str) -> Document:
    return {
        "name": REGIONS.get(slug, slug),
        "slug": slug,
        "features": ["backups", "ipv6", "metadata", "install_agent", "storage", "image_transfer"],
        "available": True,
        "sizes": list(SIZES),
    }


def _networks_document(droplet_id: int) -> Document:
    third, fourth = divmod(droplet_id % 65_000, 254)
    return {
        "v4": [
            {
                "ip_address": f"10.128.{third}.{fourth + 1}",
                "netmask": "255.255.0.0",
                "gateway": "nil",
                "type": "private",
            },
            {
                "ip_address": f"203.0.113.{fourth + 1}",
                "netmask": "255.255.255.0",
                "gateway": "203.0.113.1",
                "type": "public",
            },
        ],
        "v6": [],
    }
