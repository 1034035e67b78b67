"""Whole commands as a user types them: wall time of `inventory check` and `inventory report`, on both databases.

Without `--days`, a new database that two syncs filled, as after a first day; with it, years of history by bulk load,
followed by a sync's statistics.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import sqlalchemy as sa

from benchmarks import history
from benchmarks.account import served
from benchmarks.databases import DATABASES, New, migrated
from benchmarks.process import Measured, measured

_COMMANDS = ("check", "report")
_ROUNDS = 5


def main() -> None:
    """Print a line for each command and database: the median and the longest of five rounds, and the peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--droplets", type=int, default=1_000)
    parser.add_argument("--days", type=int, default=0, help="of history, by bulk load; by default two syncs")
    parser.add_argument("--address-megabytes", type=int, help="what `ulimit -v` allows each command")
    asked = parser.parse_args()
    for name, databases in DATABASES.items():
        with databases() as new, _filled(new, asked.droplets, asked.days) as url:
            for command in _COMMANDS:
                told = _told([_run(command, url, asked.address_megabytes) for _ in range(_ROUNDS)])
                print(f"{name}, {asked.droplets:,} Droplets: inventory {command} {told}", flush=True)


def _told(rounds: list[Measured]) -> str:
    seconds = [each.seconds for each in rounds]
    processor = median(each.processor_seconds for each in rounds)
    most = max(each.megabytes for each in rounds)
    return (
        f"{median(seconds):.2f} s, at most {max(seconds):.2f} s, {processor:.2f} s of its processor time, {most:.0f} MB"
    )


@contextmanager
def _filled(new: New, droplets: int, days: int) -> Iterator[sa.URL]:
    """Give a database of so many Droplets."""
    url = new()
    if days:
        with closing(migrated(url)) as database:
            history.make(database, ends_at=datetime.now(UTC), droplets=droplets, days=days)
    else:
        with served(droplets) as api:
            for _ in range(2):
                _run("sync", url, None, api)
    yield url


def _run(command: str, url: sa.URL, megabytes: int | None, api: str = "http://localhost:9") -> Measured:
    inventory = Path(sys.executable).with_name("inventory")
    limit = f"ulimit -v {megabytes * 1024}; " if megabytes else ""
    # `check` exits with what it found.
    rest = " --timeout 600; test $? -le 3" if command == "check" else ""
    return measured(["bash", "-c", f"{limit}'{inventory}' {command}{rest}"], url, api)


if __name__ == "__main__":
    main()
