"""A small fleet, its API, and a way to ask it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from inventory.simulator.api import SimulatedApi
from inventory.simulator.fleet import Fleet
from inventory.simulator.messages import Request
from inventory.simulator.story import seeded_fleet

MONDAY = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
HOST = "127.0.0.1:8099"


@dataclass(frozen=True)
class Told:
    """An answer as a client sees it."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.body)


def ask(
    api: SimulatedApi, path: str, *, token: str | None = None, method: str = "GET", authorization: str | None = None
) -> Told:
    """Ask with a path as it stands in a URL, query included; with the API's own token unless told otherwise."""
    url = urlsplit(path)
    headers = {
        "host": HOST,
        "authorization": f"Bearer {token or api.token}" if authorization is None else authorization,
    }
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    answer = api.answer(Request(method, url.path, query, headers))
    return Told(answer.status, answer.headers, answer.body)


@pytest.fixture
def fleet() -> Fleet:
    """Three Droplets: daily and weekly backups, and none."""
    fleet = Fleet(MONDAY)
    fleet.add_droplet(name="web-01", plan="daily", backups=6, tags=["web", "env:prod"])
    fleet.add_droplet(name="db-01", plan="weekly", backups=3, tags=["db", "env:prod"], size_gigabytes=3)
    fleet.add_droplet(name="cache-01", plan=None, tags=["cache"])
    return fleet


@pytest.fixture
def api(fleet: Fleet) -> SimulatedApi:
    return SimulatedApi(fleet)


@pytest.fixture
def lively() -> SimulatedApi:
    """The account of a seeded fleet after its first hundred days."""
    return SimulatedApi(seeded_fleet(droplets=24, starts_at=MONDAY, days=100))
