"""The door: help, errors as sentences with their exit codes, and what is never shown."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.main

from inventory import __version__
from inventory.cli import app
from inventory.commands import sync as command
from inventory.store.engine import Database
from tests.end_to_end.conftest import Run, Served

SECRET = "dop_v1_" + "c" * 64


def command_lines() -> list[list[str]]:
    """Every command there is, in words."""
    group = typer.main.get_command(app)
    found: list[list[str]] = []
    for name, each in sorted(group.commands.items()):  # type: ignore[attr-defined]  # a group has commands
        below = getattr(each, "commands", None)
        found += [[name, word] for word in sorted(below)] if below else [[name]]
    return found


@pytest.mark.parametrize("words", command_lines(), ids=" ".join)
def test_every_command_and_option_explains_itself(words: list[str], run: Run) -> None:
    group = typer.main.get_command(app)
    for word in words:
        group = group.commands[word]  # type: ignore[attr-defined]  # as above
    assert group.help
    assert all(getattr(option, "help", None) for option in group.params), words
    ended = run(*words, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert max(map(len, ended.out.splitlines())) <= 80
    assert "<bool>" not in ended.out, "a flag takes no value"


@pytest.mark.parametrize("words", [[], ["db"]], ids=["inventory", "db"])
def test_without_a_command_the_commands_are_shown(words: list[str], run: Run) -> None:
    ended = run(*words)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == run(*words, "--help").out
    assert "<bool>" not in ended.out


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version").out == f"inventory {__version__}\n"


@pytest.mark.parametrize("words", [["nonsense"], ["sync", "--nonsense"], ["simulator", "--port", "x"]])
def test_wrong_usage_is_exit_code_2(words: list[str], run: Run) -> None:
    ended = run(*words)
    assert (ended.code, ended.out) == (2, "")
    assert "Traceback" not in ended.err


def test_settings_that_are_wrong_are_all_told_at_once(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "x.toml"
    file.write_text(f'token = "{SECRET}"\nintervall = 3\nrequests_per_second = -1\n', encoding="utf-8")
    monkeypatch.setenv("INVENTORY_DATABASE_URL", "mysql://root@db/x")
    ended = run("sync", "--config", str(file))
    assert (ended.code, ended.out) == (78, "")
    assert len(ended.err.splitlines()) == 3
    assert all(word in ended.err for word in ("x.toml:2", "x.toml:3", "INVENTORY_DATABASE_URL"))
    assert SECRET not in ended.err


def test_a_bug_keeps_its_traceback_and_no_token(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise RuntimeError(f"oops {SECRET}")

    monkeypatch.setattr(command, "run", broken)
    ended = run("sync")
    assert ended.code == 70
    assert "Traceback" in ended.err
    assert "RuntimeError: oops [token]" in ended.err


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    line = f"{sys.executable} -m inventory config --sample"
    done = subprocess.run(
        ["/bin/sh", "-c", f"({line}; echo $? >&2) | true"], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stderr in ("141\n", "0\n"), "0 where all of it fitted into the pipe"


@pytest.mark.new_database
def test_the_database_is_made_once(
    run: Run, environment: Callable[[Served], None], account: Served, database: Database
) -> None:
    environment(account)
    first, second = run("db", "upgrade"), run("db", "upgrade")
    assert (first.code, second.code) == (0, 0)
    assert "was created, at revision" in " ".join(first.out.split())
    assert "is already at revision" in " ".join(second.out.split())
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM backups").scalar_one() == 0


@pytest.mark.new_database
def test_without_leave_to_migrate_sync_says_what_to_do(
    run: Run,
    environment: Callable[[Served], None],
    account: Served,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment(account)
    monkeypatch.setenv("INVENTORY_AUTO_MIGRATE", "false")
    refused = run("sync")
    assert refused.code == 78
    assert "inventory db upgrade" in refused.err
    assert database.path is None or not database.path.exists()
    assert run("db", "upgrade").code == 0
    assert run("sync").code == 0
