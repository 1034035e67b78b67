"""The PostgreSQL server of the tests themselves."""

import os
import signal
from threading import Timer

import psycopg
import pytest

from tests.postgres import cluster


@pytest.mark.slow
def test_a_killed_server_starts_again_when_the_last_of_its_processes_is_gone() -> None:
    with cluster(is_durable=True) as server:
        url = server.url().set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as connection:
            backend = connection.info.backend_pid
            os.kill(backend, signal.SIGSTOP)
            server.kill()
            Timer(1, os.kill, (backend, signal.SIGCONT)).start()
            server.start()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
