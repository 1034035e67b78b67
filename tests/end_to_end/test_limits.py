"""Commands that may open few files, or start no thread: all is done, or one sentence says what to raise."""

from collections.abc import Callable

import pytest

from tests.end_to_end.conftest import Served, on_sqlite
from tests.end_to_end.test_streams import typed

pytestmark = [pytest.mark.slow, on_sqlite]  # a process for each

TOO_MANY_FILES = "too many"
# Also for root, who may have as many processes as there can be: each thread wants a stack larger than all its memory.
NO_THREADS = "ulimit -Ss 8000000; ulimit -Sv 4000000"


@pytest.fixture(autouse=True)
def _configured(environment: Callable[[Served], None], account: Served) -> None:
    environment(account)


def test_sixty_four_files_are_enough() -> None:
    for arguments in (("sync",), ("sync", "--full"), ("check",), ("report", "live_backups")):
        ended = typed(*arguments, streams="ulimit -n 64")
        assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("files", [8, 6])
def test_too_few_files_are_said_and_the_next_sync_makes_up_for_it(account: Served, files: int) -> None:
    ended = typed("sync", streams=f"ulimit -n {files}")
    assert ended.returncode in (1, 3)
    assert TOO_MANY_FILES in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    assert typed("sync", "--quiet").returncode == 0
    assert len(typed("report", "live_backups", "--csv").stdout.splitlines()) == 1 + 4 * 6
    checked = typed("check", streams=f"ulimit -n {files}")
    assert (checked.returncode, "BACKUPS" in checked.stdout, checked.stderr) in ((0, True, ""), (3, True, ""))


@pytest.mark.parametrize("arguments", [("sync",), ("report",), ("doctor",), ("daemon", "--http", "127.0.0.1:0")])
def test_a_limit_of_threads_is_said(arguments: tuple[str, ...]) -> None:
    ended = typed(*arguments, streams=NO_THREADS)
    assert (ended.returncode, "Traceback" in ended.stderr) == (1, False), ended.stderr
    assert "no more threads can be started (see ulimit -u" in ended.stderr


def test_under_a_limit_of_threads_monitoring_has_its_answer() -> None:
    typed("sync", "--quiet")
    ended = typed("check", streams=NO_THREADS)
    assert (ended.returncode, ended.stdout.startswith("BACKUPS "), ended.stderr) in ((0, True, ""), (3, True, ""))


@pytest.mark.parametrize("kibibytes", [*range(20_000, 80_000, 6_000), *range(80_000, 320_000, 16_000)])
def test_with_little_memory_monitoring_has_its_answer(kibibytes: int) -> None:
    """Where the memory ends is chance: Python says so in several words, libraries abort, and Python itself may hang."""
    ended = typed("check", streams=f"ulimit -Sv {kibibytes}")
    assert (ended.returncode, ended.stdout.startswith("BACKUPS "), ended.stderr) in ((0, True, ""), (3, True, ""))
    assert "bug" not in ended.stdout
