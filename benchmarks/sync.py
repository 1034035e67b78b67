"""A sync of 1,000 Droplets in this process, against a bare loop over the same pages and against itself at rest."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from statistics import median

import httpx

from benchmarks.account import TOKEN, served
from benchmarks.databases import DATABASES, New, migrated
from inventory.digitalocean.client import Client
from inventory.model import Selection
from inventory.network.access import Origin, Token
from inventory.process.clock import utc_now
from inventory.report.progress import Silence
from inventory.store.engine import Database
from inventory.sync.order import Job, Order
from inventory.sync.run import sync

_DROPLETS = 1_000
_ROUNDS = 5
_RUNS_AT_REST = 5
_THREADS = 4
_PER_PAGE = 200


def main() -> None:
    """Print a line for each database, alternating floor and sync so that both feel the same load."""
    with served(_DROPLETS) as url:
        for name, databases in DATABASES.items():
            with databases() as new:
                _compare(name, url, new)


def _compare(name: str, url: str, new: New) -> None:
    floors, firsts, unchanged, rests = [], [], [], []
    for _ in range(_ROUNDS):
        with closing(migrated(new())) as database:
            floors.append(_seconds(lambda: _bare_loop(url)))
            firsts.append(_seconds(lambda: synced(database, url, is_full=True)))
            unchanged.append(_seconds(lambda: synced(database, url, is_full=True)))
            # A tenth of the others: one alone would be at the mercy of whatever else runs.
            rests.append(median(_seconds(lambda: synced(database, url, is_full=False)) for _ in range(_RUNS_AT_REST)))
    for label, seconds in (("first", firsts), ("unchanged", unchanged)):
        ratio = median(one / floor for one, floor in zip(seconds, floors, strict=True))
        print(f"{name}, {label}, by listing: {median(seconds):.2f} s; bare loop {median(floors):.2f} s: {ratio:.2f}")
    faster = median(one / other for one, other in zip(unchanged, rests, strict=True))
    print(f"{name}, at rest: listing {median(unchanged):.2f} s, detection {median(rests):.2f} s: {faster:.1f} times")


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def synced(database: Database, url: str, *, is_full: bool) -> None:
    """Sync everything once, without a limit of requests."""
    job = Job(
        account="default",
        selection=Selection(everything=True),
        configured_accounts=frozenset({"default"}),
        deadline=timedelta(minutes=10),
        order=Order(is_full=is_full),
    )
    with Client(Token(TOKEN), origin=Origin(url), requests_per_second=0) as client:
        report = sync(database, client, job, clock=utc_now, listener=Silence(), threads=_THREADS)
    if report.status != "complete":
        raise SystemExit(f"the sync is {report.status}: {report.error}")


def _bare_loop(url: str) -> None:
    """Read every page that a sync by listing reads, and throw it away."""
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {TOKEN}"}, trust_env=False) as client:

        def read(path: str, page: int = 1, **chosen: str) -> dict[str, list[dict[str, int]]]:
            answer = client.get(path, params={**chosen, "page": page, "per_page": _PER_PAGE})
            document: dict[str, list[dict[str, int]]] = answer.raise_for_status().json()
            return document

        read("/v2/account")
        read("/v2/droplets", type="gpus")
        pages = range(1, _DROPLETS // _PER_PAGE + 1)
        droplets = [droplet["id"] for page in pages for droplet in read("/v2/droplets", page)["droplets"]]
        for page in pages:
            read("/v2/droplets/backups/policies", page)
        with ThreadPoolExecutor(_THREADS) as pool:
            for _ in pool.map(lambda number: read(f"/v2/droplets/{number}/backups"), droplets):
                pass


if __name__ == "__main__":
    main()
