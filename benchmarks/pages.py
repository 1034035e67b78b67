"""How soon pages of a large fleet are answered.

    python -m benchmarks.pages sqlite:////tmp/history.db

The database is one that `benchmarks.history` has filled. Each page is asked for a number of times over a socket of this
machine; a line has its size as it is sent, the median, the 99th percentile, and the processor time of one.
"""

import argparse
import os
import time
from contextlib import closing, nullcontext
from statistics import median, quantiles

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


def main() -> None:
    """Print a line for each page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="as SQLAlchemy writes it")
    parser.add_argument("--times", type=int, default=20)
    given = parser.parse_args()
    with closing(Database(given.url)) as database:
        with database.reading() as connection:
            droplet = ask(connection, KnownDroplet, Question(utc_now(), limit=20))[-1].droplet_id
        site = Site(lambda: nullcontext(database), lambda: Judging(Rules(), (), None))
        with serve(_ADDRESS, guarded(routes(site), names(_ADDRESS))) as serving:
            print(f"load {os.getloadavg()[0]:.1f}")
            with httpx.Client(base_url=serving.url or "", trust_env=False, timeout=60) as client:
                for place in ("/", "/?as_of=7d", "/calendar", "/cost", f"/droplets/{droplet}", "/reports"):
                    _measure(client, place, given.times)
                for name in ("live_backups", "droplet_retention", "known_droplets", "changes", "monthly_cost"):
                    _measure(client, f"/reports/{name}", given.times)


def _measure(client: httpx.Client, place: str, times: int) -> None:
    seconds, sizes = [], []
    used = time.process_time()
    for _ in range(times):
        began = time.perf_counter()
        answer = client.get(place)
        seconds.append(time.perf_counter() - began)
        sizes.append(int(answer.headers["content-length"]))
    used = (time.process_time() - used) / times
    first, others = seconds[0], seconds[1:]
    print(
        f"{place:28} {answer.status_code} {max(sizes) / 1000:6.1f} kB  first {first:6.3f} s  "
        f"median {median(others):6.3f} s  p99 {quantiles(others, n=100, method='inclusive')[98]:6.3f} s  "
        f"processor {used:6.3f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
