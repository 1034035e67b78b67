"""Every number and moment that the command line and the settings take, at both ends and beyond."""

import inspect
from collections.abc import Callable, Iterator

import pytest

from inventory import cli
from inventory.settings.declared import VARIABLES
from tests.end_to_end.conftest import Run, Served, on_sqlite

pytestmark = pytest.mark.slow  # some hundred commands

NUMBERS = ["0", "-1", "1", "0.5", "-0", "1e-300", "1e308", "1e309", "nan", "inf", "1_000", "\u0663", "", "9" * 400]
NUMBERS += [str(2**31), str(2**63 - 1), str(2**63), str(2**64)]
MOMENTS = ["0001-01-01", "9999-12-31", "9999-12-31T23:59:59Z", "0000-00-00", "10000-01-01", "2026-02-30", "99999w"]
MOMENTS += ["999999999d", "0d", "-1d", "1e9d", "now", "0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-12:00", ""]
MOMENTS += ["1969-12-31", "1970-01-01", "2026-11-28T00:00:00+24:00", "\u0662\u0660\u0662\u0666-01-01"]

# What takes a number, and what a moment; "..." is the value.
NUMBERED = [
    ("report", "live_backups", "--limit", "..."),
    ("report", "changes", "--json", "--limit", "..."),
    ("report", "live_backups", "--droplet", "..."),
    ("show", "..."),
    ("sync", "--droplet", "..."),
    ("check", "--droplet", "..."),
    ("check", "--config", "nowhere.toml", "--timeout", "..."),
    ("prune", "--dry-run", "--keep-days", "..."),
    ("demo", "--droplets", "0", "--days", "..."),
    ("demo", "--days", "0", "--droplets", "..."),
    ("demo", "--days", "0", "--seed", "..."),
    ("simulator", "--droplets", "-1", "--port", "..."),
    ("simulator", "--port", "-1", "--droplets", "..."),
    ("simulator", "--port", "-1", "--days", "..."),
    ("simulator", "--port", "-1", "--seed", "..."),
    ("health", "--http", "127.0.0.1:..."),
    ("pages", "--connections", "..."),
]
DATED = [
    *((option, "...") for option in ("--as-of", "--since", "--until")),
    *(("changes", option, "...") for option in ("--as-of", "--since", "--until")),
    *(("fleet_size_by_day", option, "...") for option in ("--as-of", "--since", "--until")),
    *((name, "--as-of", "...") for name in ("live_backups", "sync_health", "due_windows", "monthly_cost")),
    ("restorable_backups", "--at", "..."),
]
# The tests themselves go by the first; a path is no number; a daemon would listen at the address.
NO_NUMBERS = {"database_url", "api_url", "token"}


@pytest.fixture(autouse=True)
def _configured(environment: Callable[[Served], None], account: Served, run: Run) -> None:
    environment(account)
    assert run("sync", "--quiet").code == 0


def answered(run: Run, words: tuple[str, ...], values: list[str]) -> Iterator[str]:
    """Give the commands that end as nothing a user types may end."""
    for value in values:
        arguments = [word.replace("...", value) for word in words]
        ended = run(*arguments)
        # A health check says 1 where nothing answers, a check 3.
        allowed = {0, 2, 78} | {{"health": 1, "check": 3}.get(words[0], 0)}
        if ended.code not in allowed or "Traceback" in ended.err:
            yield f"{arguments}: {ended.code} {ended.err}"


@pytest.mark.parametrize("words", NUMBERED, ids=" ".join)
def test_a_number_out_of_range_is_wrong_usage(run: Run, words: tuple[str, ...]) -> None:
    assert list(answered(run, words, NUMBERS)) == []


@pytest.mark.parametrize("words", DATED, ids=" ".join)
def test_a_moment_out_of_range_is_wrong_usage(run: Run, words: tuple[str, ...]) -> None:
    assert list(answered(run, ("report", *words), MOMENTS)) == []


@on_sqlite
@pytest.mark.parametrize("name", sorted(VARIABLES.keys() - NO_NUMBERS))
def test_a_setting_out_of_range_is_said(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    wrong = []
    for value in [*NUMBERS, "1h", "0s", "99999999999h"]:
        monkeypatch.setenv(VARIABLES[name], value)
        for command in ("config", "sync"):
            ended = run(command, *(["--quiet"] if command == "sync" else []))
            # A Droplet that does not exist fails, and a run that has no time ends before it begins.
            allowed = {0, 2, 78} | ({1} if name in ("droplets", "run_deadline_minutes") else set())
            if ended.code not in allowed or "Traceback" in ended.err:
                wrong.append(f"{command} with {VARIABLES[name]}={value}: {ended.code} {ended.err}")
    assert wrong == []


def test_every_option_that_takes_a_number_is_tried() -> None:
    tried = {word for words in NUMBERED for word in words}
    commands = [each.callback for each in [*cli.app.registered_commands, *cli.database_commands.registered_commands]]
    numbered = {
        f"--{name.replace('_', '-')}"
        for callback in commands
        for name, parameter in inspect.signature(callback).parameters.items()  # type: ignore[arg-type]
        if "int" in str(parameter.annotation) or "float" in str(parameter.annotation)
    }
    assert numbered - {"--oldest-goes"} <= tried
