"""How soon pages of a large fleet are answered.

    python -m benchmarks.pages sqlite:////tmp/history.db

The database is one that `benchmarks.history` has filled. Each page is asked for over a socket of this machine, a number
of times from a program that has made none yet. A line has its size as it is sent; when the first answer came, at the
latest; when the page was there, the median and at the latest; the processor time of making one; and when it came from
memory, at the latest.
"""

import argparse
import os
import time
from contextlib import closing, nullcontext
from statistics import median

import httpx

from inventory.judging.rules import Rules
from inventory.pages.routes import routes
from inventory.pages.site import Site
from inventory.process.clock import utc_now
from inventory.report.overview import Judging
from inventory.serving.listening import names
from inventory.serving.web import guarded, serve
from inventory.store.engine import Database
from inventory.views.queries import Question, ask
from inventory.views.rows import KnownDroplet

_ADDRESS = "127.0.0.1:0"
_FROM_MEMORY = 5


def main() -> None:
    """Print a line for each page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="as SQLAlchemy writes it")
    parser.add_argument("--times", type=int, default=20)
    given = parser.parse_args()
    with closing(Database(given.url)) as database:
        with database.reading() as connection:
            droplet = ask(connection, KnownDroplet, Question(utc_now(), limit=20))[-1].droplet_id
        places = [
            "/",
            "/?as_of=7d",
            "/calendar",
            "/cost",
            "/cost?by=tag",
            "/compare",
            f"/droplets/{droplet}",
            "/reports",
        ]
        reports = ("live_backups", "droplet_retention", "known_droplets", "changes", "monthly_cost")
        print(f"load {os.getloadavg()[0]:.1f}")
        for place in (*places, *(f"/reports/{name}" for name in reports)):
            _measure(database, place, given.times)


def _measure(database: Database, place: str, times: int) -> None:
    firsts, made, work, warm, sizes = [], [], [], [], []
    for _ in range(times):
        site = Site(lambda: nullcontext(database), lambda: Judging(Rules(), (), None))
        with (
            serve(_ADDRESS, guarded(routes(site), names(_ADDRESS))) as serving,
            httpx.Client(base_url=serving.url or "", trust_env=False, timeout=60) as client,
        ):
            used, began = time.process_time(), time.perf_counter()
            answer = client.get(place)
            firsts.append(time.perf_counter() - began)
            while "refresh" in answer.headers:
                time.sleep(0.02)
                answer = client.get(place)
            made.append(time.perf_counter() - began)
            work.append(time.process_time() - used)
            for _ in range(_FROM_MEMORY):
                began = time.perf_counter()
                client.get(place)
                warm.append(time.perf_counter() - began)
            sizes.append(int(answer.headers["content-length"]))
    print(
        f"{place:26} {answer.status_code} {max(sizes) / 1000:5.1f} kB  first answer {max(firsts):.3f} s  "
        f"made {median(made):.3f}, {max(made):.3f} s  processor {median(work):.3f} s  from memory {max(warm):.3f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
