"""PgBouncer before a server: every transaction may be another connection's."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from tests.postgres import Cluster

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

_PORT = 6432  # names its socket; nothing listens on a network
_START_SECONDS = 20
_CONFIGURATION = """\
[databases]
* = host={sockets}

[pgbouncer]
unix_socket_dir = {sockets}
listen_addr =
listen_port = {port}
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = {most}
server_round_robin = 1
"""


@contextmanager
def pgbouncer(server: Cluster, *, most: int = 3) -> Iterator[Callable[[str], str]]:
    """Run it in transaction mode as long as the block; give what turns a URL of the server into one by way of it.

    It has at most so many connections to each database.
    """
    assert PROGRAM is not None
    sockets = server.socket.parent
    configuration, users = server.place / "pgbouncer.ini", server.place / "users.txt"
    users.write_text('"postgres" ""\n')
    configuration.write_text(_CONFIGURATION.format(most=most, sockets=sockets, port=_PORT, users=users))
    with (server.place / "pgbouncer.log").open("ab") as log:
        process = subprocess.Popen([PROGRAM, configuration], stdout=log, stderr=log, cwd="/", **server.as_user)
    try:
        until = time.monotonic() + _START_SECONDS
        while not (sockets / f".s.PGSQL.{_PORT}").exists():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PgBouncer did not start:\n{(server.place / 'pgbouncer.log').read_text()}")
            time.sleep(0.02)
        yield lambda url: sa.make_url(url).set(port=_PORT).render_as_string(hide_password=False)
    finally:
        process.terminate()
        process.wait(20)
