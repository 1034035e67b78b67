"""`inventory doctor`: each check good, each made to fail, and nothing that stays."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from inventory.commands import doctor
from inventory.doctor.diagnosis import CERTIFICATE_VARIABLES, CHECKS, PROXY_VARIABLES
from inventory.doctor.examine import examine
from inventory.simulator.faults import Fault
from inventory.store.engine import Database
from inventory.store.schema import metadata, sync_runs
from tests.end_to_end.conftest import Run, Serve, Served, now, on_sqlite, small_fleet
from tests.simulated import rows

pytestmark = pytest.mark.slow  # every check on both databases, each made to fail

SECRET = "sentinel-secret"
ANYTHING = "/v2/*"


@dataclass
class Scene:
    """What the doctor is shown; a test changes it first."""

    served: Served
    database: Database
    environ: dict[str, str]
    directory: Path
    ahead: timedelta = timedelta(0)
    patience_seconds: float = 20.0
    mounts: str = "/dev/sda1 / ext4 rw 0 0\n"

    def examine(self, *, as_json: bool = True) -> int:
        mounts = self.directory / "mounts"
        mounts.write_text(self.mounts)
        return doctor.run(
            config_file=None,
            as_json=as_json,
            environ=self.environ,
            clock=lambda: now() + self.ahead,
            patience_seconds=self.patience_seconds,
            mounts=mounts,
        )

    def change(self, statement: str) -> None:
        """Change the database, or what holds it, outside a transaction of ours."""
        with self.database.engine.connect() as connection, connection.begin():
            connection.exec_driver_sql(statement)


Told = Callable[[Scene], tuple[int, dict[str, Any]]]


@pytest.fixture
def scene(environment: Callable[[Served], None], account: Served, database: Database, run: Run) -> Scene:
    """Give an account that was synced once, and its settings."""
    environment(account)
    assert run("sync").code == 0
    environ = {name: value for name, value in os.environ.items() if name.startswith("INVENTORY_")}
    environ["INVENTORY_HTTP"] = "off"
    return Scene(account, database, environ, Path.cwd())


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """Examine, and give the exit code and the checks by name."""

    def examine(scene: Scene) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = scene.examine()
        output = capsys.readouterr()
        assert (output.err, SECRET in output.out, scene.served.api.token in output.out) == ("", False, False)
        document = json.loads(output.out)
        assert document["exit_code"] == code
        assert [check["name"] for check in document["checks"]] == list(CHECKS)
        return code, {check["name"]: check for check in document["checks"]}

    return examine


def test_where_all_is_well_every_check_says_so(scene: Scene, told: Told) -> None:
    code, checks = told(scene)
    assert {check["verdict"] for check in checks.values()} == {"OK"}, checks
    assert {check["to_do"] for check in checks.values()} == {None}
    assert code == 0


def test_nothing_stays_and_little_is_asked(scene: Scene, told: Told) -> None:
    asked = scene.served.api.faults[ANYTHING] = Fault()
    before = _everything(scene.database)
    told(scene)
    assert _everything(scene.database) == before
    assert 0 < asked.requests <= 5


def _everything(database: Database) -> dict[str, Any]:
    """Read every row, and the numbers that the next rows will get."""
    sequences = "SELECT name, seq FROM sqlite_sequence" if database.is_sqlite else "SELECT * FROM accounts_id_seq"
    with database.reading() as connection:
        found: dict[str, Any] = {name: rows(connection, name) for name in metadata.tables}
        return found | {"sequences": [tuple(row) for row in connection.exec_driver_sql(sequences)]}


def _break_permissions(scene: Scene) -> None:
    file = scene.directory / "token"
    file.write_text(scene.served.api.token)
    file.chmod(0o644)
    del scene.environ["INVENTORY_TOKEN"]
    scene.environ["INVENTORY_TOKEN_FILE"] = str(file)


def _break_api(scene: Scene) -> None:
    scene.environ["INVENTORY_API_URL"] = "http://127.0.0.1:1"
    scene.patience_seconds = 0.5


def _break_rate_budget(scene: Scene) -> None:
    scene.served.api.faults[ANYTHING] = Fault(status=429, headers={"retry-after": "3600"})
    scene.patience_seconds = 0.5


def _break_database(scene: Scene) -> None:
    if scene.database.is_sqlite:
        scene.environ["INVENTORY_DATABASE_URL"] = str(scene.directory)
    else:
        scene.environ["INVENTORY_DATABASE_URL"] += "_that_is_not_there"


def _break_writing(scene: Scene) -> None:
    if scene.database.is_sqlite:
        pytest.skip("where SQLite may not write, it cannot read either, and schema says so; its lock is a test below")
    name = scene.database.url.database
    scene.change(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')


def _break_file_system(scene: Scene) -> None:
    _needs_file(scene)
    scene.mounts += f"server:/export {scene.directory} nfs4 rw 0 0\n"


def _break_disk_space(scene: Scene) -> None:
    _needs_file(scene)
    scene.environ["INVENTORY_DATABASE_URL"] = "/proc/self/inventory.db"


def _needs_file(scene: Scene) -> None:
    if not scene.database.is_sqlite:
        pytest.skip("PostgreSQL keeps its files elsewhere")


def _set_ahead(scene: Scene) -> None:
    scene.ahead = timedelta(hours=2)


def _break_channel(scene: Scene) -> None:
    (scene.directory / "url").write_text("jsons://example.com/")
    (scene.directory / "url").chmod(0o600)
    (scene.directory / "inventory.toml").write_text('[[notify]]\nname = "ops"\nurl_file = "url"\n')
    scene.change("INSERT INTO notice_channels (name) VALUES ('ops')")
    scene.change(
        "INSERT INTO notice_attempts (channel, account, droplet_id, finding, change, severity, lost_backup_ids, "
        "first_tried_at, unanswered) "
        "VALUES ('ops', 'default', 0, 'sync-held', 'new', 'unknown', '', '2026-01-01 00:00:00', 0)"
    )


BREAKS: dict[str, tuple[Callable[[Scene], object], str, str]] = {
    "configuration": (
        lambda scene: scene.environ.update(INVENTORY_REQUESTS_PER_SECOND="-1"),
        "FAIL",
        "INVENTORY_REQUESTS_PER_SECOND",
    ),
    "permissions": (_break_permissions, "WARN", "mode 0644"),
    "proxies": (
        lambda scene: scene.environ.update(HTTPS_PROXY=f"http://me:{SECRET}@proxy:3128", SSL_CERT_FILE="/x"),
        "WARN",
        "HTTPS_PROXY, SSL_CERT_FILE",
    ),
    "api": (_break_api, "FAIL", "no answer within 0.5 s"),
    "clock": (_set_ahead, "FAIL", "ahead of"),
    "token": (
        lambda scene: scene.served.api.tokens.update({scene.served.api.token: {"account:read", "tag:read"}}),
        "FAIL",
        "lacks droplet:read and image:read",
    ),
    "rate-budget": (_break_rate_budget, "FAIL", "used up until"),
    "file-system": (_break_file_system, "FAIL", "nfs4"),
    "disk-space": (_break_disk_space, "FAIL", "0.0 GB free"),
    "database": (_break_database, "FAIL", "database"),
    "schema": (
        lambda scene: scene.change("UPDATE inventory_schema_version SET version_num = '9999'"),
        "FAIL",
        "newer version",
    ),
    "writing": (_break_writing, "FAIL", "read-only"),
    "http": (
        lambda scene: scene.environ.update(INVENTORY_HTTP="192.0.2.1:8080"),
        "FAIL",
        "cannot listen at 192.0.2.1:8080: cannot assign requested address",
    ),
    "ping": (
        lambda scene: scene.environ.update(INVENTORY_PING_URL="http://127.0.0.1:1/5f6e5d4c-ping"),
        "WARN",
        "the ping could not be sent",
    ),
    "channels": (_break_channel, "WARN", "channel ops: 1 message not delivered since 1 Jan"),
    "last-run": (
        lambda scene: scene.change(
            "UPDATE sync_runs SET started_at = '2026-01-01 00:00:00', finished_at = '2026-01-01 00:00:00'"
        ),
        "FAIL",
        "d ago",
    ),
}


@on_sqlite
def test_an_address_that_is_in_use_is_said(scene: Scene, told: Told) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        scene.environ["INVENTORY_HTTP"] = address
        code, checks = told(scene)
    assert (code, checks["http"]["verdict"]) == (1, "FAIL")
    assert checks["http"]["found"] == f"cannot listen at {address}: address already in use"
    code, checks = told(scene)
    assert (code, checks["http"]["verdict"]) == (0, "OK")


@pytest.mark.parametrize("name", CHECKS)
def test_each_check_tells_when_something_is_wrong(name: str, scene: Scene, told: Told) -> None:
    break_it, verdict, words = BREAKS[name]
    break_it(scene)
    code, checks = told(scene)
    assert checks[name]["verdict"] == verdict, checks
    assert words in checks[name]["found"]
    assert code == (verdict == "FAIL")


@pytest.mark.parametrize(
    ("break_it", "affected"),
    [
        (_break_api, {"api", "clock", "token", "rate-budget"}),
        (_break_database, {"database", "schema", "writing", "last-run"}),
    ],
    ids=["api", "database"],
)
def test_one_failure_keeps_no_other_check_from_being_made(
    break_it: Callable[[Scene], object], affected: set[str], scene: Scene, told: Told
) -> None:
    break_it(scene)
    _, checks = told(scene)
    assert {name for name, check in checks.items() if check["verdict"] != "OK"} == affected, checks


@on_sqlite
def test_without_a_token_all_else_is_checked(scene: Scene, told: Told) -> None:
    del scene.environ["INVENTORY_TOKEN"]
    code, checks = told(scene)
    assert code == 1
    assert "no API token" in checks["configuration"]["found"]
    unmade = {"token", "rate-budget"}
    assert {name for name, check in checks.items() if check["verdict"] == "WARN"} == unmade
    assert all(checks[name]["found"].startswith("not checked: ") for name in unmade)
    assert {checks[name]["verdict"] for name in set(CHECKS) - unmade - {"configuration"}} == {"OK"}


@on_sqlite
def test_a_rejected_token_is_named_by_its_source(scene: Scene, told: Told) -> None:
    scene.served.api.tokens.clear()
    _, checks = told(scene)
    assert "rejected (401)" in checks["token"]["found"]
    assert "INVENTORY_TOKEN" in checks["token"]["to_do"]
    assert checks["api"]["verdict"] == checks["clock"]["verdict"] == "OK"


@on_sqlite
@pytest.mark.parametrize(("scopes", "droplets", "verdict"), [
    ({"droplet:read", "image:read"}, "all", "OK"),
    ({"droplet:read", "image:read"}, "tag:web", "FAIL"),
    ({"droplet:read", "image:read", "tag:read"}, "tag:web", "OK"),
    ({"droplet:read", "account:read", "tag:read"}, "all", "FAIL"),
])  # fmt: skip
def test_the_scopes_that_are_needed_depend_on_the_choice_of_droplets(
    scopes: set[str], droplets: str, verdict: str, scene: Scene, told: Told
) -> None:
    scene.served.api.tokens[scene.served.api.token] = scopes
    scene.environ["INVENTORY_DROPLETS"] = droplets
    _, checks = told(scene)
    assert checks["token"]["verdict"] == verdict
    missing = {"droplet:read", "image:read", "account:read", "tag:read"} - scopes
    assert missing if verdict == "FAIL" else all(scope in checks["token"]["found"] for scope in missing)


@on_sqlite
def test_a_token_of_another_account_is_noticed(scene: Scene, told: Told) -> None:
    scene.served.api.uuid = "another"
    _, checks = told(scene)
    assert checks["token"]["verdict"] == "FAIL"
    assert "another account" in checks["token"]["found"]


@on_sqlite
def test_a_locked_account_is_told(scene: Scene, told: Told) -> None:
    scene.served.api.status = "locked"
    assert told(scene)[1]["token"]["verdict"] == "WARN"


@on_sqlite
def test_what_sync_would_make_by_itself_is_no_failure(scene: Scene, told: Told, tmp_path: Path) -> None:
    scene.environ["INVENTORY_DATABASE_URL"] = str(tmp_path / "new.db")
    code, checks = told(scene)
    assert (code, checks["database"]["verdict"]) == (0, "WARN")
    assert "inventory db upgrade" in checks["database"]["to_do"]
    assert not (tmp_path / "new.db").exists()
    scene.environ["INVENTORY_DATABASE_URL"] = str(tmp_path / "nowhere" / "new.db")
    assert told(scene)[1]["database"]["verdict"] == "FAIL"


def test_tables_that_are_missing_are_a_failure_only_where_sync_may_not_make_them(
    scene: Scene, told: Told, tmp_path: Path
) -> None:
    if scene.database.is_sqlite:
        with closing(sqlite3.connect(tmp_path / "empty.db")) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        scene.environ["INVENTORY_DATABASE_URL"] = str(tmp_path / "empty.db")
    else:
        scene.change("DROP SCHEMA public CASCADE")
        scene.change("CREATE SCHEMA public")
    code, checks = told(scene)
    assert (code, checks["schema"]["verdict"], checks["writing"]["verdict"]) == (0, "WARN", "WARN")
    scene.environ["INVENTORY_AUTO_MIGRATE"] = "false"
    code, checks = told(scene)
    assert (code, checks["schema"]["verdict"]) == (1, "FAIL")
    assert "inventory db upgrade" in checks["schema"]["to_do"]


@on_sqlite
def test_a_database_file_that_everyone_can_read_is_told(scene: Scene, told: Told) -> None:
    assert scene.database.path is not None
    scene.database.path.chmod(0o644)
    assert "chmod 600" in told(scene)[1]["permissions"]["found"]


@on_sqlite
def test_a_copy_that_sqlite_made_is_told_to_need_its_log(scene: Scene, told: Told, tmp_path: Path) -> None:
    assert scene.database.path is not None
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(scene.database.path)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    scene.environ["INVENTORY_DATABASE_URL"] = str(copy)
    assert told(scene)[1]["writing"]["verdict"] == "WARN"
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert told(scene)[1]["writing"]["verdict"] == "OK"


@on_sqlite
def test_the_sqlite_file_is_opened_by_sqlite_alone(scene: Scene) -> None:
    """To close it beside SQLite would drop the locks that SQLite holds in this process."""
    program = (
        "import sys; from inventory.__main__ import main\n"
        f"tell = lambda event, what: print(event) if {str(scene.database.path)!r} in map(str, what) else None\n"
        f"sys.addaudithook(tell); sys.audit('audited', {str(scene.database.path)!r}); main(['doctor'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert "open" not in done.stdout.splitlines()
    assert "audited" in done.stdout, "the hook would have seen it"
    assert "OK    writing" in done.stdout


@on_sqlite
@pytest.mark.usefixtures("impatient")
def test_a_locked_sqlite_file_is_told(scene: Scene, told: Told) -> None:
    with scene.database.writing() as connection:
        connection.execute(sa.update(sync_runs).values(status="complete"))
        code, checks = told(scene)
    assert (code, checks["writing"]["verdict"]) == (0, "WARN")
    assert "locked" in checks["writing"]["found"]


@on_sqlite
def test_several_accounts_are_told_apart(scene: Scene, serve_fleet: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    other = serve_fleet(small_fleet(1))
    scene.served.api.tokens["second"] = frozenset()
    file = scene.directory / "inventory.toml"
    file.write_text('[accounts.shop]\ntoken = "second"\n[accounts.default]\ntoken = "' + other.api.token + '"\n')
    file.chmod(0o600)
    del scene.environ["INVENTORY_TOKEN"]
    capsys.readouterr()
    assert scene.examine(as_json=False) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if " token " in line] == ["FAIL", "OK"]
    assert any('account "shop": there was no run yet' in line for line in lines)
    assert " ".join(lines).endswith(f"database {scene.database.shown}.")


@on_sqlite
def test_without_usable_settings_only_what_needs_none_is_checked(scene: Scene, told: Told) -> None:
    scene.environ |= {"INVENTORY_NONSENSE": "1", "HTTP_PROXY": "http://proxy"}
    code, checks = told(scene)
    assert (code, checks["configuration"]["verdict"]) == (1, "FAIL")
    assert "set but not used" in checks["proxies"]["found"]
    assert {check["verdict"] for check in checks.values()} == {"FAIL", "WARN"}


def test_a_person_reads_a_line_a_check(run: Run, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CERTIFICATE_VARIABLES + PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    ended = run("doctor")
    lines, ending = ended.out.splitlines()[: len(CHECKS)], " ".join(ended.out.splitlines()[len(CHECKS) :])
    assert (ended.code, ended.err) == (0, "")
    assert [line.split()[:2] for line in lines] == [["OK", name] for name in CHECKS]
    assert ending.strip().startswith("All is well. Checked ")
    assert scene.database.shown in ending


def test_it_says_what_it_waits_for(scene: Scene) -> None:
    said: list[str] = []
    examine(None, environ=scene.environ, clock=now, patience_seconds=20, mounts=scene.directory, says=said.append)
    shown = scene.database.shown
    assert said == [
        f"waiting for database {shown}",
        f"examining the tables of database {shown}",
        f"writing a row to database {shown}",
        "asking the receiver of pings",
        f'asking {scene.served.url} with the token of account "default"',
    ]
