"""A place where workers work: a PostgreSQL server, an API that counts what it is asked, and the worker processes."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import sqlalchemy as sa

from benchmarks.accounts import Accounts, token
from benchmarks.apart import served_apart
from inventory.simulator.messages import Answer, Request
from inventory.store.engine import Database
from inventory.store.queue import ensure
from inventory.store.upgrade import upgrade
from tests.postgres import Cluster, cluster

INVENTORY = str(Path(sys.executable).with_name("inventory"))
ELSEWHERE = """
import socket, sys
from inventory.__main__ import main
socket.gethostname = lambda: "elsewhere"
sys.exit(main(sys.argv[1:]))
"""
Asked: TypeAlias = dict[str, list[float]]
Process: TypeAlias = subprocess.Popen[bytes]


class Counted:
    """The API of any number of accounts, which notes when it was asked with each token."""

    def __init__(self, droplets: int) -> None:
        self._accounts = Accounts(droplets)
        self._asked: Asked = defaultdict(list)

    def answer(self, request: Request) -> Answer:
        """Answer as the account whose token it is; at `/asked`, when each was asked."""
        if request.path == "/asked":
            return Answer(200, {"content-type": "application/json"}, json.dumps(self._asked).encode())
        self._asked[request.headers["authorization"].removeprefix("Bearer ")].append(time.time())
        return self._accounts.answer(request)


@dataclass
class Workplace:
    """What workers need, and the workers.

    Attributes:
        url: Of the API.
        configuration: The file that every worker reads.
        elsewhere: Those of the processes that take themselves for another machine's.
    """

    server: Cluster
    database: Database
    url: str
    configuration: Path
    accounts: int
    workers: list[Process] = field(default_factory=list)
    elsewhere: set[int] = field(default_factory=set)

    def start(self, *, is_elsewhere: bool = False) -> None:
        """Start one more worker, perhaps as if on another machine."""
        program = [sys.executable, "-c", ELSEWHERE] if is_elsewhere else [INVENTORY]
        number = len(list(self.configuration.parent.glob("worker-*.log")))
        with (self.configuration.parent / f"worker-{number}.log").open("wb") as log:
            words = [*program, "worker", "--http", "off", "--config", str(self.configuration)]
            worker = subprocess.Popen(words, stderr=log)  # noqa: S603 - our own program
        self.workers.append(worker)
        if is_elsewhere:
            self.elsewhere.add(worker.pid)

    def kill_and_replace(self, worker: Process) -> None:
        """Kill a worker, and start another on its machine."""
        self.workers.remove(worker)
        worker.kill()
        worker.wait()
        self.start(is_elsewhere=worker.pid in self.elsewhere)

    def stop(self) -> list[int]:
        """End every worker as a supervisor does; return the exit codes."""
        for worker in self.workers:
            worker.send_signal(signal.SIGCONT)
            worker.terminate()
        return [worker.wait(60) for worker in self.workers]

    def crash_database(self, seconds: float) -> None:
        """Stop the server at once, and start it again after so many seconds."""
        assert self.server.process is not None
        self.server.process.send_signal(signal.SIGQUIT)
        self.server.process.wait(60)
        time.sleep(seconds)
        self.server.start()
        self.database.close()

    def let_all_be_due(self, in_seconds: float) -> None:
        """Let every account be due for the first time at the same moment."""
        due = sa.text(
            "INSERT INTO accounts (name, next_due_at) SELECT 'customer-' || number, "
            "date_trunc('second', now() + make_interval(secs => :seconds)) FROM generate_series(0, :last) AS number"
        )
        with self.database.writing() as connection:
            connection.execute(due, {"seconds": in_seconds, "last": self.accounts - 1})

    def ask(self, query: str) -> list[Any]:
        """Ask the database."""
        with self.database.reading() as connection:
            return list(connection.execute(sa.text(query)).all())

    def complete(self) -> int:
        """Count the accounts that had a complete run."""
        return len(self.ask("SELECT DISTINCT account_id FROM sync_runs WHERE status = 'complete'"))

    def asked(self) -> Asked:
        """Read when the API was asked with each token."""
        with urllib.request.urlopen(f"{self.url}/asked") as answer:  # noqa: S310 - our own server
            found: Asked = json.load(answer)
        return found


@contextmanager
def workplace(accounts: int, droplets: int, lanes: int, *, minutes: float) -> Iterator[Workplace]:
    """Make a place for so many accounts, which are due every so many minutes."""
    with (
        cluster(is_durable=True, settings={"max_connections": "200"}) as server,
        served_apart(partial(Counted, droplets)) as url,
        TemporaryDirectory() as place,
        closing(Database(server.url())) as database,
    ):
        upgrade(database)
        ensure(database)
        files = Path(place, "accounts")
        files.mkdir()
        for number in range(accounts):
            _write(files / f"customer-{number}.token", token(number))
        configuration = Path(place, "inventory.toml")
        shown = server.url().set(drivername="postgresql").render_as_string(hide_password=False)
        _write(configuration, _settings(url, shown, files, lanes, minutes))
        found = Workplace(server, database, url, configuration, accounts)
        try:
            yield found
        finally:
            for worker in found.workers:
                worker.kill()
                worker.wait()


@contextmanager
def synced_alone(place: Workplace) -> Iterator[Database]:
    """Give a database that one process has synced from the same API."""
    with TemporaryDirectory() as other:
        file = Path(other, "alone.db")
        configuration = Path(other, "inventory.toml")
        _write(configuration, _settings(place.url, str(file), place.configuration.parent / "accounts", 32, 60))
        words = [INVENTORY, "sync", "--quiet", "--config", str(configuration)]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own program
        with closing(Database(f"sqlite:///{file}")) as database:
            yield database


def _settings(url: str, database: str, files: Path, lanes: int, minutes: float) -> str:
    return (
        f"api_url = '{url}'\ndatabase_url = '{database}'\naccounts_directory = '{files}'\n"
        f"accounts_at_once = {lanes}\nschedule = {minutes}\n"
    )


def _write(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o600)
