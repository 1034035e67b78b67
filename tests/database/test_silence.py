"""A database behind something that accepts every word and passes none on."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest
import sqlalchemy as sa

from inventory.errors import DatabaseUnavailableError
from inventory.store import deadline
from inventory.store.engine import Database
from inventory.store.upgrade import upgrading
from tests.faults.byte_server import Listener
from tests.postgres import Cluster


class BlackHole(Listener):
    """Passes bytes on between clients and a server's socket, until it is `silent`; nobody is hung up on."""

    def __init__(self, upstream: str) -> None:
        super().__init__()
        self._upstream = upstream
        self.silent = threading.Event()

    def serve(self, connection: socket.socket) -> None:
        with socket.socket(socket.AF_UNIX) as upstream:
            upstream.connect(self._upstream)
            forward = threading.Thread(target=self._pass_on, args=(connection, upstream))
            forward.start()
            self._pass_on(upstream, connection)
            forward.join()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while self.readable(source) and (data := source.recv(65536)):
                if not self.silent.is_set():
                    target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def hole(postgres: Cluster) -> Iterator[BlackHole]:
    with BlackHole(str(postgres.place / "socket" / ".s.PGSQL.5432")) as hole:
        yield hole


@pytest.fixture
def database(hole: BlackHole, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(deadline.Connection, "answer_seconds", 2.0)
    name = sa.make_url(postgres_url).database
    url = sa.URL.create("postgresql+psycopg", username="postgres", host="127.0.0.1", port=hole.port, database=name)
    with closing(Database(url)) as database:
        yield database


def test_silence_in_a_transaction_is_an_error_that_later_may_mend(database: Database, hole: BlackHole) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE x (y integer)")
    with pytest.raises(DatabaseUnavailableError, match=r"it did not answer within 2 s\. Nothing was changed"):
        write_into(database, hole)
    hole.silent.clear()
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM x").scalar_one() == 0


def test_silence_instead_of_the_answer_to_commit_leaves_open_what_was_kept(database: Database, hole: BlackHole) -> None:
    with pytest.raises(DatabaseUnavailableError) as caught:
        commit_into(database, hole)
    expected = "it did not answer within 2 s. Whether the last write was kept is not known; the next sync finds out."
    assert str(caught.value).endswith(expected)


def commit_into(database: Database, hole: BlackHole) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("SELECT 1")
        hole.silent.set()


def write_into(database: Database, hole: BlackHole) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO x VALUES (1)")
        hole.silent.set()
        connection.exec_driver_sql("INSERT INTO x VALUES (2)")


def test_silence_on_an_idle_connection_costs_a_wait_and_no_failure(database: Database, hole: BlackHole) -> None:
    with database.reading() as connection:
        connection.exec_driver_sql("SELECT 1")
    hole.silent.set()
    threading.Timer(0.2, hole.silent.clear).start()
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1


@pytest.mark.slow
def test_an_upgrade_takes_as_long_as_it_takes(database: Database) -> None:
    with upgrading(database) as connection:
        connection.exec_driver_sql("SELECT pg_sleep(3)")
    with pytest.raises(DatabaseUnavailableError), database.reading() as connection:
        connection.exec_driver_sql("SELECT pg_sleep(30)")
