"""How much visitors of the daemon's address slow a sync in the daemon's process.

    python -m benchmarks.visitors elsewhere /livez / /calendar '/calendar?text=NUMBER'

A sync by listing of 300 Droplets runs alone and while a process of its own asks 200 times a second for an address, each
time by a new connection, in turn; NUMBER is another one each time, so that no page is there already. A line has the
address, how many times as long the sync took (its wall time, and the processor time of its process), and how many were
answered a second and with what. `elsewhere` is no address, but visitors of another program, who only take a share of
the machine: what a line has more than that one is the price of the pages.
"""

import argparse
import asyncio
import multiprocessing
import os
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from multiprocessing.connection import Connection
from statistics import median
from urllib.parse import urlsplit, urlunsplit

from benchmarks.account import served
from benchmarks.databases import migrated, sqlite
from benchmarks.sync import synced
from inventory.serving.handing import PagesProcess
from inventory.serving.listening import names
from inventory.serving.web import Health, application, serve
from inventory.store.engine import Database

_DROPLETS = 300
_A_SECOND = 200
_ADDRESS = "127.0.0.1:0"
_SPAWNING = multiprocessing.get_context("spawn")


def main() -> None:
    """Print a line for each address."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("places", nargs="+")
    parser.add_argument("--times", type=int, default=7)
    given = parser.parse_args()
    with served(_DROPLETS) as account, sqlite() as new, closing(migrated(new())) as database:
        synced(database, account, is_full=True)
        with _answering(database) as url, _elsewhere() as other:
            for place in given.places:
                where = other if place == "elsewhere" else f"{url}{place}"
                _compare(database, account, place, where, given.times)


@contextmanager
def _answering(database: Database) -> Iterator[str]:
    os.environ["INVENTORY_DATABASE_URL"] = database.url.render_as_string(hide_password=False)
    pages = PagesProcess(("pages", "--http", _ADDRESS, "--connections"))
    answers = application(lambda: Health(is_live=True, problems=()), bytes, hosts=names(_ADDRESS))
    with serve(_ADDRESS, answers, pages) as serving:
        yield serving.url or ""


@contextmanager
def _elsewhere() -> Iterator[str]:
    """Answer every connection with a few bytes, in a process of its own."""
    ours, theirs = _SPAWNING.Pipe()
    process = _SPAWNING.Process(target=_answer_little, args=(theirs,), daemon=True)
    process.start()
    yield f"http://127.0.0.1:{ours.recv()}/"
    ours.send("stop")
    process.join()


def _answer_little(connection: Connection) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        connection.send(listener.getsockname()[1])
        while not connection.poll():
            with suppress(TimeoutError):
                visitor, _ = listener.accept()
                visitor.recv(65_536)
                visitor.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                visitor.close()


def _compare(database: Database, account: str, place: str, url: str, times: int) -> None:
    walls, works, counts, seconds = [], [], Counter[bytes](), 0.0
    for _ in range(times):
        alone, with_visitors = _measured(database, account), None
        with _visited(url) as found:
            time.sleep(0.5)
            with_visitors = _measured(database, account)
        answers, lasted = found.recv()
        counts.update(answers)
        seconds += lasted
        walls.append(with_visitors[0] / alone[0])
        works.append(with_visitors[1] / alone[1])
    said = ", ".join(f"{status.decode()} {number / seconds:.0f}" for status, number in sorted(counts.items()))
    print(
        f"{place:18} load {os.getloadavg()[0]:4.1f}  sync {median(walls):.2f} (processor {median(works):.2f})  "
        f"a second: {said}",
        flush=True,
    )


def _measured(database: Database, account: str) -> tuple[float, float]:
    wall, work = time.perf_counter(), time.process_time()
    synced(database, account, is_full=True)
    return time.perf_counter() - wall, time.process_time() - work


@contextmanager
def _visited(url: str) -> Iterator[Connection]:
    ours, theirs = _SPAWNING.Pipe()
    process = _SPAWNING.Process(target=_visit, args=(url, theirs), daemon=True)
    process.start()
    ours.recv()
    yield ours
    ours.send("stop")
    ours.poll(30)
    process.join()


def _visit(url: str, connection: Connection) -> None:
    # Visitors come from elsewhere: what asking costs is not to be what answering costs.
    os.nice(19)
    connection.send("ready")
    connection.send(asyncio.run(_ask_until_told(url, connection)))


async def _ask_until_told(url: str, connection: Connection) -> tuple[Counter[bytes], float]:
    parts = urlsplit(url)
    path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
    counts: Counter[bytes] = Counter()
    under_way: set[asyncio.Task[None]] = set()

    async def ask() -> None:
        try:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(head.replace("NUMBER", str(number)).encode())
            answer = await reader.read()
            writer.close()
            counts[answer[9:12] or b"nothing"] += 1
        except OSError:
            counts[b"refused"] += 1

    began, number = time.perf_counter(), 0
    while not connection.poll():
        task = asyncio.create_task(ask())
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        number += 1
        await asyncio.sleep(max(began + number / _A_SECOND - time.perf_counter(), 0))
    return counts, time.perf_counter() - began


if __name__ == "__main__":
    main()
