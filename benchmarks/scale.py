"""Workers that share accounts: how much faster more of them are, and what is left of it while they are killed.

Real processes on one machine, one PostgreSQL server, and an API that gives each account its own token, its own limits
and 100 ms latency. Nobody is bound by the processor: each account waits for its own rate limit.
"""

import argparse
import random
import signal
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from benchmarks.accounts import token
from benchmarks.workplace import Asked, Process, Workplace, synced_alone, workplace
from inventory.process.clock import utc_now
from inventory.store.engine import Database
from tests.end_to_end.stored import state

_STARTING_SECONDS = 15.0
_KILL_EVERY = 20
_STOP_EVERY, _STOP_AT, _STOPPED = 300, 60, 150
_MINUTE = 60.0
_MOST_A_MINUTE = 250
_FRESH_WITHIN = timedelta(seconds=150)


def main() -> None:
    """Print a line for each number of workers, then what came of the chaos."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=48)
    parser.add_argument("--droplets", type=int, default=100, help="of each account")
    parser.add_argument("--lanes", type=int, default=4, help="of each worker")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4], help="each number is measured")
    parser.add_argument("--chaos-minutes", type=float, default=20, help="0 leaves the chaos out")
    parser.add_argument("--interval-minutes", type=float, default=5, help="how often accounts are due in the chaos")
    asked = parser.parse_args()
    one: float | None = None
    for number in asked.workers:
        seconds = _first_load(asked.accounts, asked.droplets, asked.lanes, number)
        one = one or seconds
        print(
            f"{number} workers of {asked.lanes} lanes, {asked.accounts} accounts of {asked.droplets} Droplets: "
            f"{seconds:.0f} s, {one / seconds:.2f} times as fast",
            flush=True,
        )
    if asked.chaos_minutes:
        with workplace(asked.accounts, asked.droplets, asked.lanes, minutes=asked.interval_minutes) as place:
            length, interval = (timedelta(minutes=each) for each in (asked.chaos_minutes, asked.interval_minutes))
            _live_through_chaos(place, length, interval)


def _first_load(accounts: int, droplets: int, lanes: int, workers: int) -> float:
    """Return the seconds from the first job's start to the last one's end."""
    with workplace(accounts, droplets, lanes, minutes=60) as place:
        place.let_all_be_due(_STARTING_SECONDS + 2 * workers)
        for _ in range(workers):
            place.start()
        while place.complete() < accounts:
            time.sleep(1)
        ((first, last, runs),) = place.ask("SELECT min(started_at), max(finished_at), count(*) FROM sync_runs")
        if runs != accounts or set(place.stop()) != {0}:
            raise SystemExit(f"{runs} runs for {accounts} accounts")
        seconds: float = (last - first).total_seconds()
        return seconds


# Chaos


def _live_through_chaos(place: Workplace, length: timedelta, interval: timedelta) -> None:
    chance = random.Random(1)  # noqa: S311 - the same chaos each time
    place.let_all_be_due(_STARTING_SECONDS)
    for number in range(4):
        place.start(is_elsewhere=number == 0)
    time.sleep(_STARTING_SECONDS)
    began = utc_now()
    kills = _disturb(place, chance, began + length)
    while place.complete() < place.accounts and utc_now() < began + length + interval:
        time.sleep(1)
    codes = place.stop()
    print(f"chaos of {length}, {place.accounts} accounts every {interval}, {kills} workers killed; exit codes {codes}")
    print(f"  accounts with a complete run: {place.complete()} of {place.accounts}")
    _report_requests(place)
    _report_leases(place)
    _report_freshness(place, utc_now(), interval)
    with synced_alone(place) as alone:
        print(f"  rows unlike those of one process: {_differences(place.database, alone)}")


def _disturb(place: Workplace, chance: random.Random, until: datetime) -> int:
    """Kill, stop and cut off until then; return how many workers were killed."""
    stopped: Process | None = None
    kills, second, is_crashed = 0, 0, False
    length = (until - utc_now()).total_seconds()
    while utc_now() < until:
        time.sleep(1)
        second += 1
        if second % _STOP_EVERY == _STOP_AT:
            stopped = chance.choice(place.workers)
            stopped.send_signal(signal.SIGSTOP)
        if stopped and second % _STOP_EVERY == _STOP_AT + _STOPPED:
            stopped.send_signal(signal.SIGCONT)
            stopped = None
        if not is_crashed and second > length / 2:
            is_crashed = True
            place.crash_database(seconds=3)
        if second % _KILL_EVERY == 0:
            place.kill_and_replace(chance.choice([each for each in place.workers if each is not stopped]))
            kills += 1
    if stopped:
        stopped.send_signal(signal.SIGCONT)
    return kills


def _report_requests(place: Workplace) -> None:
    """Compare what was asked with what complete runs needed, and what others had asked when they were ended."""
    asked = place.asked()
    total = sum(map(len, asked.values()))
    ((needed, runs),) = place.ask("SELECT sum(requests), count(*) FROM sync_runs WHERE status = 'complete'")
    ended = sum(_during(asked, each) for each in place.ask(_ENDED))
    ends = place.ask("SELECT status, count(*) FROM sync_runs GROUP BY status ORDER BY status")
    print(f"  runs: {', '.join(f'{number} {status}' for status, number in ends)}")
    print(
        f"  requests: {total:,}, of them {needed:,} of {runs} complete runs, {ended:,} of runs that were ended, ",
        end="",
    )
    print(f"{total - needed - ended:,} others; without those of ended runs {(total - ended) / needed:.3f} times")
    worst = max(_most_in_a_minute(each) for each in asked.values())
    print(f"  most requests a minute with one token: {worst} (DigitalOcean's limit is {_MOST_A_MINUTE})")


_ENDED = """
SELECT name, started_at, coalesce(finished_at, now()) FROM sync_runs JOIN accounts ON accounts.id = account_id
 WHERE sync_runs.status <> 'complete'
"""


def _during(asked: Asked, run: Sequence[object]) -> int:
    """Count the requests with an account's token while one of its runs was under way."""
    name, began, ended = run
    assert isinstance(began, datetime)
    assert isinstance(ended, datetime)
    times = asked.get(token(int(str(name).rpartition("-")[2])), [])
    return sum(began.timestamp() - 1 <= each < ended.timestamp() for each in times)


def _most_in_a_minute(times: Sequence[float]) -> int:
    first, most = 0, 0
    for last, each in enumerate(times):
        while each - times[first] >= _MINUTE:
            first += 1
        most = max(most, last - first + 1)
    return most


def _report_leases(place: Workplace) -> None:
    runs = place.ask("SELECT account_id, started_at, finished_at FROM sync_runs ORDER BY account_id, id")
    twice = sum(
        before.account_id == after.account_id and (before.finished_at is None or before.finished_at > after.started_at)
        for before, after in pairwise(runs)
    )
    print(f"  runs of one account at the same time: {twice}")


def _report_freshness(place: Workplace, ended: datetime, interval: timedelta) -> None:
    """Look at the age of each account's last complete run, second by second, from its first one on."""
    runs = place.ask("SELECT account_id, finished_at FROM sync_runs WHERE status = 'complete' ORDER BY 1, 2")
    ages: list[float] = []
    for account in {each.account_id for each in runs}:
        ends = [each.finished_at for each in runs if each.account_id == account]
        ages.extend(_ages([*ends, ended]))
    ages.sort()
    middle, p99 = ages[len(ages) // 2], ages[int(len(ages) * 0.99)]
    print(f"  age of the last complete run: median {middle:.0f} s, p99 {p99:.0f} s, worst {ages[-1]:.0f} s ", end="")
    print(f"(aim: p99 within {(interval + _FRESH_WITHIN).total_seconds():.0f} s)")


def _ages(moments: Iterable[datetime]) -> Iterable[float]:
    for before, after in pairwise(moments):
        yield from range(int((after - before).total_seconds()))


def _differences(database: Database, alone: Database) -> int:
    one, other = (
        {table: sorted(map(repr, found)) for table, found in state(each).items()} for each in (database, alone)
    )
    return sum(len(set(one[table]) ^ set(other[table])) for table in one)


if __name__ == "__main__":
    main()
