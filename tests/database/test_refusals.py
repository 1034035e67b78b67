"""What a person must mend is said in one sentence, with exit code 78, and nothing is changed."""

import os
import pwd
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.errors import DatabaseError, DatabaseUnavailableError, DatabaseUnusableError
from inventory.store import opening, sqlite_file
from inventory.store.engine import Database, memory
from inventory.store.schema import accounts, metadata
from inventory.store.sqlite_file import network_file_system
from inventory.store.upgrade import VERSION_TABLE, require_current, require_readable, upgrade
from tests.end_to_end.daemon_process import eventually

PASSWORD = "correct-horse-" + "0" * 8
SOURCE = "INVENTORY_DATABASE_URL"


def refused(use: Callable[[], object], kind: type[DatabaseError] = DatabaseUnusableError) -> str:
    """Assert that `use` is refused in one short line; return it."""
    with pytest.raises(DatabaseError) as caught:
        use()
    assert type(caught.value) is kind
    assert caught.value.exit_code == (78 if kind is DatabaseUnusableError else 1)
    said = str(caught.value)
    assert "\n" not in said
    assert PASSWORD not in said
    return said


def contents(directory: Path) -> dict[str, bytes | None]:
    return {file.name: file.read_bytes() if file.is_file() else None for file in directory.iterdir()}


def make(path: Path) -> None:
    """Make a database at `path` with enough rows to fill a few hundred pages."""
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    with database.writing() as connection:
        connection.execute(sa.insert(accounts), [{"name": f"{number:03}" * 500} for number in range(200)])
    database.close()


def newer(path: Path) -> None:
    make(path)
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608 - our own constant


def damaged(path: Path) -> None:
    make(path)
    with closing(sqlite3.connect(path)) as raw:
        ((page,),) = raw.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'accounts'").fetchall()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)


def beheaded(path: Path) -> None:
    make(path)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3996)


def truncated(path: Path) -> None:
    make(path)
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    path.touch()


def letter(path: Path) -> None:
    path.write_text("Dear database,\n", encoding="utf-8")


def directory(path: Path) -> None:
    path.mkdir()


def dangling_link(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere.db"))


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE recipes (name)")


BAD_FILES = {
    newer: "newer version",
    damaged: "damaged",
    beheaded: "damaged",
    truncated: "damaged",
    empty: "empty file",
    letter: "not a SQLite database",
    directory: "not a file",
    dangling_link: "not a file",
    foreign: r"other tables \(recipes\) and is not ours",
}


@pytest.mark.parametrize(("spoil", "words"), BAD_FILES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_bad_file_is_refused_and_left_alone(tmp_path: Path, spoil: Callable[[Path], None], words: str) -> None:
    path = tmp_path / "inventory.db"
    spoil(path)
    before = contents(tmp_path)
    database = Database(f"sqlite:///{path}")
    for use in (lambda: upgrade(database), lambda: require_current(database, SOURCE)):
        said = refused(use)
        assert str(path) in said
        assert re.search(words, said)
    database.close()
    assert contents(tmp_path) == before


@pytest.mark.parametrize(("spoil", "words"), BAD_FILES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_bad_file_answers_no_question(tmp_path: Path, spoil: Callable[[Path], None], words: str) -> None:
    """Readers do not examine the whole file first; what is damaged is refused where it is read."""
    path = tmp_path / "inventory.db"
    spoil(path)
    database = Database(f"sqlite:///{path}")

    def ask_everything() -> None:
        require_readable(database, SOURCE)
        with database.reading() as connection:
            for table in metadata.sorted_tables:
                connection.execute(sa.select(table).order_by(*table.primary_key)).all()

    assert re.search(words, refused(ask_everything))
    database.close()


def test_a_missing_database_is_named_and_not_created(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/inventory.db")
    said = refused(lambda: require_current(database, SOURCE))
    assert f"{tmp_path}/inventory.db" in said
    assert SOURCE in said
    with pytest.raises(DatabaseUnusableError), database.reading():
        pass
    with pytest.raises(DatabaseUnusableError), database.writing():
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_missing_directory_is_not_created(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/nowhere/inventory.db")
    assert "No such file or directory" in refused(lambda: upgrade(database))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """Give a directory of an ordinary user, as whom the test then goes on if it began as root."""
    place = Path(tempfile.mkdtemp(prefix="inventory-"))
    is_root = os.geteuid() == 0
    with closing(memory()) as database:
        upgrade(database)  # loads what an upgrade needs: that user may not read the files of root's Python
    if is_root:
        nobody = pwd.getpwnam("nobody").pw_uid
        os.chown(place, nobody, -1)
        os.seteuid(nobody)
    try:
        yield place
    finally:
        if is_root:
            os.seteuid(0)
        place.chmod(0o700)
        shutil.rmtree(place)


@pytest.mark.parametrize("mode", [0o555, 0o000], ids=["read-only", "closed"])
@pytest.mark.parametrize("part", ["file", "directory"])
def test_what_this_user_may_not_write_is_refused(unprivileged: Path, part: str, mode: int) -> None:
    path = unprivileged / "inventory.db"
    make(path)
    before = path.read_bytes()
    place = path if part == "file" else unprivileged
    place.chmod(mode)
    database = Database(f"sqlite:///{path}")
    for use in (lambda: upgrade(database), lambda: require_current(database, SOURCE)):
        said = refused(use)
        assert str(path) in said
        assert f"uid {os.geteuid()}" in said
    # Should a mode change between that check and the first write, SQLite says so itself.
    with pytest.raises(DatabaseUnusableError), database.writing() as connection:
        connection.execute(sa.delete(accounts))
    database.close()
    place.chmod(0o700)
    assert path.read_bytes() == before


def test_a_read_only_directory_gets_no_new_database(unprivileged: Path) -> None:
    unprivileged.chmod(0o555)
    said = refused(lambda: upgrade(Database(f"sqlite:///{unprivileged}/inventory.db")))
    assert f"cannot create database {unprivileged}/inventory.db: Permission denied" in said
    assert list(unprivileged.iterdir()) == []


MOUNTS = """\
/dev/sda1 / ext4 rw,relatime 0 0
nas:/export /srv/shared nfs4 rw,vers=4.2 0 0
/dev/sdb1 /srv/shared/local ext4 rw 0 0
//nas/My\\040Files /mnt/My\\040Files cifs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/inventory.db", None),
        ("/srv/shared/inventory.db", "nfs4"),
        ("/srv/shared2/inventory.db", None),
        ("/srv/shared/local/inventory.db", None),
        ("/mnt/My Files/inventory.db", "cifs"),
    ],
)
def test_a_network_file_system_is_known_by_its_mount(path: str, kind: str | None) -> None:
    assert network_file_system(Path(path), MOUNTS) == kind


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted = {line.split()[2] for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()}
    monkeypatch.setattr(sqlite_file, "_NETWORK_FILE_SYSTEMS", mounted)
    database = Database(f"sqlite:///{tmp_path}/inventory.db")
    for use in (lambda: upgrade(database), lambda: require_current(database, SOURCE)):
        assert "network file system" in refused(use)
    assert list(tmp_path.iterdir()) == []


def test_tables_of_another_version_are_refused_by_commands_that_only_read(database_url: str) -> None:
    database = Database(database_url)
    upgrade(database)
    require_current(database, SOURCE)
    with database.writing() as connection:
        connection.exec_driver_sql(f"DELETE FROM {VERSION_TABLE}")  # noqa: S608 - our own constant
    assert "not ours" in refused(lambda: require_current(database, SOURCE))
    database.close()


@pytest.fixture
def superuser(postgres_url: str) -> Iterator[sa.Connection]:
    """Give a connection that commits each statement, to prepare a PostgreSQL database with."""
    prepared = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with prepared.connect() as connection:
        yield connection
    prepared.dispose()


def test_an_empty_postgresql_database_is_not_read(postgres_url: str) -> None:
    database = Database(postgres_url)
    said = refused(lambda: require_current(database, SOURCE))
    assert "is empty" in said
    assert SOURCE in said
    database.close()


def test_a_newer_postgresql_database_is_refused(postgres_url: str, superuser: sa.Connection) -> None:
    database = Database(postgres_url)
    upgrade(database)
    superuser.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608 - our own constant
    for use in (lambda: upgrade(database), lambda: require_current(database, SOURCE)):
        assert "newer version" in refused(use)
    database.close()


def test_a_postgresql_database_may_be_shared_unless_names_collide(postgres_url: str, superuser: sa.Connection) -> None:
    database = Database(postgres_url)
    superuser.exec_driver_sql("CREATE TABLE backups (name text)")
    assert "other tables (backups)" in refused(lambda: upgrade(database))
    superuser.exec_driver_sql("ALTER TABLE backups RENAME TO recipes")
    upgrade(database)
    require_current(database, SOURCE)
    database.close()


@pytest.mark.parametrize("part", ["database", "username"])
def test_a_postgresql_database_or_role_that_does_not_exist(postgres_url: str, part: str) -> None:
    url = sa.make_url(postgres_url).set(password=PASSWORD)
    missing = "nobody_made_this"
    database = Database(url.set(database=missing) if part == "database" else url.set(username=missing))
    for use in (lambda: upgrade(database), lambda: require_current(database, SOURCE)):
        said = refused(use)
        assert "does not exist" in said
        assert missing in said
    database.close()


@contextmanager
def asked_for_password(superuser: sa.Connection, role: str) -> Iterator[None]:
    """For a while, have the server ask this role for its password."""
    file = Path(superuser.exec_driver_sql("SHOW hba_file").scalar_one())
    rules = file.read_text(encoding="utf-8")
    file.write_text(f"local all {role} scram-sha-256\nhost all {role} 127.0.0.1/32 scram-sha-256\n{rules}", "utf-8")
    superuser.exec_driver_sql("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        file.write_text(rules, encoding="utf-8")
        superuser.exec_driver_sql("SELECT pg_reload_conf()")


@pytest.mark.parametrize(("password", "words"), [(PASSWORD, "rejected the password"), (None, "asks for a password")])
def test_a_wrong_password(postgres_url: str, superuser: sa.Connection, password: str | None, words: str) -> None:
    superuser.exec_driver_sql("DROP ROLE IF EXISTS guarded")
    superuser.exec_driver_sql("CREATE ROLE guarded LOGIN PASSWORD 'right'")
    database = Database(sa.make_url(postgres_url).set(username="guarded", password=password))
    with asked_for_password(superuser, "guarded"):
        eventually(lambda: not can_connect(database))  # the server reads its rules again when it gets to it
        assert words in refused(lambda: upgrade(database))
    database.close()


def can_connect(database: Database) -> bool:
    try:
        with database.engine.connect():
            return True
    except sa.exc.OperationalError:
        return False
    finally:
        database.close()


@pytest.mark.parametrize("secret", ["me:{}@127.0.0.1:1/inventory", "me@127.0.0.1:1/inventory?password={}"])
def test_a_password_is_never_shown(secret: str) -> None:
    database = Database(f"postgresql+psycopg://{secret.format(PASSWORD)}")
    assert PASSWORD not in database.shown
    said = refused(lambda: upgrade(database), DatabaseUnavailableError)
    assert "127.0.0.1:1/inventory" in said
    assert "Connection refused" in said
    database.close()


def test_a_read_only_postgresql(postgres_url: str, superuser: sa.Connection) -> None:
    database = Database(postgres_url)
    superuser.exec_driver_sql(f"ALTER DATABASE {database.url.database} SET default_transaction_read_only = on")
    assert "read-only mode" in refused(lambda: upgrade(database))
    superuser.exec_driver_sql(f"ALTER DATABASE {database.url.database} RESET default_transaction_read_only")
    database.close()
    upgrade(database)
    database.close()
    superuser.exec_driver_sql(f"ALTER DATABASE {database.url.database} SET default_transaction_read_only = on")
    require_current(database, SOURCE)
    with pytest.raises(DatabaseUnusableError, match="read-only mode"), database.writing() as connection:
        connection.execute(sa.delete(accounts))
    database.close()


def test_a_role_without_privileges(postgres_url: str, superuser: sa.Connection) -> None:
    superuser.exec_driver_sql("DROP ROLE IF EXISTS guest")
    superuser.exec_driver_sql("CREATE ROLE guest LOGIN")
    guest = Database(sa.make_url(postgres_url).set(username="guest"))
    assert "lacks a privilege" in refused(lambda: upgrade(guest)), "it may not create tables"
    owner = Database(postgres_url)
    upgrade(owner)
    owner.close()
    for use in (lambda: upgrade(guest), lambda: require_current(guest, SOURCE)):
        assert "lacks a privilege" in refused(use), "it may not read them"
    superuser.exec_driver_sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest")
    require_current(guest, SOURCE)
    with pytest.raises(DatabaseUnusableError, match="lacks a privilege"), guest.writing() as connection:
        connection.execute(sa.delete(accounts))
    guest.close()
    superuser.exec_driver_sql("DROP OWNED BY guest")
    superuser.exec_driver_sql("DROP ROLE guest")


def test_a_copy_is_read_by_a_user_who_may_not_write_it_and_a_live_file_is_not(unprivileged: Path) -> None:
    live, copy = unprivileged / "inventory.db", unprivileged / "copy.db"
    make(live)
    with closing(sqlite3.connect(live, isolation_level=None)) as raw:
        raw.execute("VACUUM INTO ?", (str(copy),))
    for place in (live, copy):
        place.chmod(0o444)
    unprivileged.chmod(0o555)
    with opening.to_read(f"sqlite:///{copy}", SOURCE) as database, database.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(accounts)) is not None

    def read_live() -> None:
        with opening.to_read(f"sqlite:///{live}", SOURCE):
            pass

    said = refused(read_live)
    assert said.startswith(f"database {live} has a log (WAL), which its readers write to, and uid {os.geteuid()} may")
    assert "inventory db publish FILE" in said
    copy.chmod(0o000)
    with pytest.raises(DatabaseUnusableError, match="cannot read"), opening.to_read(f"sqlite:///{copy}", SOURCE):
        pass
