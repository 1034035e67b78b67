"""The whole command as cron starts it: wall time, peak memory, how both grow with the fleet, and what imports cost."""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple

import sqlalchemy as sa

from benchmarks.account import TOKEN, served
from benchmarks.databases import DATABASES, New

_ROUNDS = 5
_SIZES = (100, 1_000)
_LARGE = 10_000

# In between, because a process starts with the peak memory of the one that started it.
MEASURE = """
import resource, subprocess, sys, time
began = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
seconds, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
print(seconds, used.ru_maxrss / 1024, used.ru_utime + used.ru_stime)
"""


def main() -> None:
    """Print a line for each size of fleet, then the imports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help=f"measure {_LARGE:,} Droplets too")
    sizes = (*_SIZES, _LARGE) if parser.parse_args().large else _SIZES
    for name, databases in DATABASES.items():
        with databases() as new:
            _measure(name, new, sizes)
    print(f"imports of `inventory sync`: {median(_import_seconds() for _ in range(_ROUNDS)):.2f} s")


class _Figures(NamedTuple):
    """Seconds and megabytes by kind of run."""

    droplets: int
    seconds: dict[str, float]
    megabytes: dict[str, float]


def _growth(before: _Figures, now: _Figures) -> str:
    """Tell what each further Droplet takes, and how many megabytes all of them together."""
    more = now.droplets - before.droplets
    return "; ".join(
        f"{kind} {1000 * (now.seconds[kind] - before.seconds[kind]) / more:.2f} ms a further Droplet, "
        f"{now.megabytes[kind] - before.megabytes[kind]:+.0f} MB"
        for kind in now.seconds
    )


def _measure(name: str, new: New, sizes: Iterable[int]) -> None:
    for before, now in pairwise(_measure_fleet(name, new(), droplets) for droplets in sizes):
        # Where time is linear, a further Droplet takes as long from 100 to 1,000 as from 1,000 to 10,000.
        print(f"  from {before.droplets:,} to {now.droplets:,} Droplets: {_growth(before, now)}")


def _measure_fleet(name: str, database: sa.URL, droplets: int) -> _Figures:
    with served(droplets) as url:
        first = _run(url, database)
        rests = [_run(url, database) for _ in range(_ROUNDS)]
        full = _run(url, database, "--full")
    seconds, megabytes = (median(figures) for figures in zip(*rests, strict=True))
    measured = {"first": first, "listed again": full, "at rest": (seconds, megabytes)}
    told = "; ".join(f"{kind} {seconds:.2f} s, {megabytes:.0f} MB" for kind, (seconds, megabytes) in measured.items())
    print(f"process, {name}, {droplets:,} Droplets: {told}")
    return _Figures(
        droplets,
        {kind: seconds for kind, (seconds, _) in measured.items()},
        {kind: megabytes for kind, (_, megabytes) in measured.items()},
    )


class Measured(NamedTuple):
    """Wall time, peak memory (MB of 2**20 bytes) and processor time of one command."""

    seconds: float
    megabytes: float
    processor_seconds: float


def measured(command: Sequence[str | Path], database: sa.URL, api: str) -> Measured:
    """Run a command with the settings that a sync of the simulated account needs."""
    environment = {
        "PATH": os.environ["PATH"],
        "INVENTORY_API_URL": api,
        "INVENTORY_TOKEN": TOKEN,
        "INVENTORY_DATABASE_URL": database.set(drivername=database.get_backend_name()).render_as_string(
            hide_password=False
        ),
        "INVENTORY_REQUESTS_PER_SECOND": "0",
    }
    words = [sys.executable, "-S", "-c", MEASURE, *command]
    result = subprocess.run(words, check=True, capture_output=True, text=True, env=environment, cwd="/")  # noqa: S603 - our own program
    return Measured(*map(float, result.stdout.split()))


def _run(url: str, database: sa.URL, *options: str) -> tuple[float, float]:
    """Return the wall time in seconds and the peak memory in MB (2**20 bytes) of one sync."""
    inventory = Path(sys.executable).with_name("inventory")
    seconds, megabytes, _ = measured([inventory, "sync", "--quiet", *options], database, url)
    return seconds, megabytes


def _import_seconds() -> float:
    """Add up the time each module that a sync loads takes by itself."""
    words = [sys.executable, "-X", "importtime", "-c", "import inventory.cli, inventory.commands.sync"]
    result = subprocess.run(words, check=True, capture_output=True, text=True)  # noqa: S603 - our own program
    return sum(int(each) for each in re.findall(r"^import time: +(\d+) \|", result.stderr, re.MULTILINE)) / 1e6


if __name__ == "__main__":
    main()
