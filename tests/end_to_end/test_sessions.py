"""What a PostgreSQL database, a role or the environment brings along to a session changes nothing, or is said."""

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from inventory.simulator.faults import Fault
from tests.conftest import temporary_database
from tests.end_to_end.conftest import Run, Served
from tests.postgres import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)]

SETTINGS = [
    "DateStyle = 'German, DMY'",
    "DateStyle = 'SQL, MDY'",
    "TimeZone = 'America/New_York'",
    "IntervalStyle = 'sql_standard'",
    "client_encoding = 'SQL_ASCII'",
    "client_encoding = 'LATIN1'",
    "extra_float_digits = -15",
    "standard_conforming_strings = off",
    "array_nulls = off",
    "transform_null_equals = on",
    "default_transaction_isolation = 'serializable'",
    "default_transaction_deferrable = on",
    "quote_all_identifiers = on",
    "client_min_messages = debug5",
    "statement_timeout = '30ms'",
    "idle_in_transaction_session_timeout = '30ms'",
    "transaction_timeout = '100ms'",
]
QUESTIONS = [("check",), ("report", "--json"), ("report", "live_backups", "--json"), ("report", "due_windows", "--csv")]


@pytest.fixture(autouse=True)
def _configured(environment: Callable[[Served], None], account: Served) -> None:
    environment(account)


def answers(run: Run) -> list[tuple[int, str]]:
    """Give the answers without what differs from second to second."""
    ended = [run(*question) for question in QUESTIONS]
    return [(each.code, re.sub(r"\d+\.\d+|\d+:\d+:\d+", "...", each.out)) for each in ended]


def let_sessions_begin_with(postgres: Cluster, database_url: str, setting: str) -> None:
    postgres.execute(f"ALTER DATABASE {sa.make_url(database_url).database} SET {setting}")


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_of_the_database_changes_nothing(
    run: Run, postgres: Cluster, database_url: str, setting: str
) -> None:
    assert run("sync", "--full").code == 0
    before = answers(run)
    let_sessions_begin_with(postgres, database_url, setting)
    ended = run("sync", "--full")
    assert (ended.code, ended.err) == (0, "")
    assert answers(run) == before
    assert "FAIL" not in run("doctor").out


def test_sessions_that_the_server_ends_while_an_account_is_slow_change_nothing(
    run: Run, account: Served, postgres: Cluster, database_url: str
) -> None:
    assert run("sync", "--full").code == 0
    before = answers(run)
    let_sessions_begin_with(postgres, database_url, "idle_session_timeout = '500ms'")
    account.api.faults["/v2/droplets/*"] = slow = Fault(delay_seconds=1)
    ended = run("sync", "--full")
    assert (ended.code, ended.err, slow.struck > 0) == (0, "", True)
    assert answers(run) == before
    assert "FAIL" not in run("doctor").out


@pytest.mark.parametrize(("name", "value"), [("PGOPTIONS", "-c DateStyle=German"), ("PGCLIENTENCODING", "LATIN1")])
def test_a_variable_of_the_environment_changes_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    assert run("sync").code == 0
    before = answers(run)
    monkeypatch.setenv(name, value)
    assert run("sync", "--full").code == 0
    assert answers(run) == before


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PGOPTIONS", "-c nonsense=1", 'unrecognized configuration parameter "nonsense"'),
        ("PGOPTIONS", "-c work_mem=much", 'invalid value for parameter "work_mem"'),
        ("PGSERVICE", "none", 'definition of service "none" not found. Nothing was changed.'),
        ("PGLOADBALANCEHOSTS", "maybe", 'invalid load_balance_hosts value: "maybe". Nothing was changed.'),
        ("PGREQUIREAUTH", "gss", "authentication method requirement"),
    ],
)
def test_a_variable_that_no_server_can_follow_is_said(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    assert run("sync").code == 0
    monkeypatch.setenv(name, value)
    refused(run, sentence)


def refused(run: Run, sentence: str) -> None:
    for arguments in (("sync",), ("report",), ("metrics",), ("db", "upgrade")):
        ended = run(*arguments)
        assert (ended.code, sentence in ended.err, "Traceback" in ended.err) == (78, True, False)
    assert (run("check").code, sentence in run("check").out) == (3, True)
    assert any(line.startswith("FAIL") and sentence[:30] in line for line in run("doctor").out.splitlines())


@pytest.mark.parametrize("path", ["''", "nowhere", '"$user"'])
def test_a_search_path_that_finds_no_schema_is_said(run: Run, postgres: Cluster, database_url: str, path: str) -> None:
    assert run("sync").code == 0
    let_sessions_begin_with(postgres, database_url, f"search_path = {path}")
    refused(run, "its search_path names no schema that exists and that this role may use. Nothing was changed.")


def test_an_encoding_that_lacks_letters_is_said(run: Run, postgres: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    with temporary_database(postgres, how="ENCODING 'LATIN1' LOCALE 'C'") as url:
        monkeypatch.setenv("INVENTORY_DATABASE_URL", url)
        refused(run, "stores text as LATIN1, which lacks letters that names may have. Nothing was changed;")
