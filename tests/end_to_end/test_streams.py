"""Commands whose stdout or stderr is closed or full, and variables by which libraries take a pipe for a terminal."""

import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.end_to_end.conftest import Served, on_sqlite

pytestmark = [pytest.mark.slow, on_sqlite]  # a process for each

# "$@" is the command.
CLOSED = ["exec >&-", "exec 2>&-", "exec <&- >&- 2>&-"]
FULL = ["exec >/dev/full", "exec >/dev/full 2>&1"]
ANSWERS = [("report",), ("report", "live_backups", "--json"), ("metrics",)]
VARIABLES = [
    {"FORCE_COLOR": "1"},
    {"TTY_COMPATIBLE": "1", "TTY_INTERACTIVE": "1", "COLUMNS": "0"},
    {"NO_COLOR": "1", "TERM": "dumb"},
    {"COLUMNS": "9" * 12, "LINES": "-1"},
]


@pytest.fixture(autouse=True)
def _configured(environment: Callable[[Served], None], account: Served) -> None:
    environment(account)


def typed(*arguments: str, streams: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    script = f'{streams}\nexec "$@"'
    words = ["sh", "-c", script, "sh", sys.executable, "-m", "inventory", *arguments]
    return subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, **variables})


def said(ended: subprocess.CompletedProcess[str]) -> str:
    """Give the answer without what differs from moment to moment: ages, and the moment it is of."""
    return re.sub(r"\d+\.\d+|\d+:\d+(:\d+)?| *\d+ (min|h|d)\b", "...", ended.stdout)


@pytest.mark.parametrize("streams", [*CLOSED, *FULL])
def test_a_sync_is_done_whatever_its_streams_are(streams: str) -> None:
    assert typed("sync", streams=streams).returncode == (1 if streams in FULL else 0)
    found = typed("report", "live_backups", "--csv").stdout.splitlines()
    assert len(found) == 1 + 4 * 6


@pytest.mark.parametrize("streams", [*CLOSED, *FULL])
def test_check_always_answers_monitoring(streams: str) -> None:
    typed("sync", "--quiet")
    assert typed("check", streams=streams).returncode == (3 if streams in FULL else 0)


@pytest.mark.parametrize("arguments", ANSWERS)
def test_an_answer_that_is_lost_is_no_bug(arguments: tuple[str, ...]) -> None:
    typed("sync", "--quiet")
    for streams in CLOSED:
        assert typed(*arguments, streams=streams).returncode == 0
    lost = typed(*arguments, streams=FULL[0])
    assert lost.returncode == 1
    assert "cannot write the answer to stdout: No space left on device. Nothing else went wrong." in lost.stderr
    assert "Traceback" not in lost.stderr
    assert typed(*arguments, streams=FULL[1]).returncode == 1


def test_a_locale_that_knows_no_such_letters_is_no_bug(account: Served) -> None:
    """Python writes UTF-8 under the locale C, unless it is told not to."""
    account.fleet.rename(min(account.fleet.droplets), "Müllers 🐙")
    typed("sync", "--quiet", LC_ALL="C")
    ended = typed("report", "live_backups", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert r"M\xfcllers \U0001f419" in ended.stdout


@pytest.mark.parametrize("arguments", ANSWERS)
def test_variables_change_no_answer(arguments: tuple[str, ...]) -> None:
    typed("sync", "--quiet")
    for _ in range(3):
        plain, *others, again = (said(typed(*arguments, **variables)) for variables in ({}, *VARIABLES, {}))
        if plain == again:  # else an age has got one digit more meanwhile, and its column another width
            break
    assert plain
    assert [plain, *others, again] == [plain] * (len(VARIABLES) + 2)
