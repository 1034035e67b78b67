"""Commands as a user runs them, while the clock stands still, so that what they answer is the same on every day.

python -m tests.golden.running 2026-11-25T06:00:00Z check --json
"""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from inventory.__main__ import main
from tests.golden.normal import normal

Json: TypeAlias = Any

ROOT = Path(__file__).parents[2]

ENDS_AT = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
"""When the demonstration ends, and what the clock shows unless another moment is given."""

DAYS = 62
LOSS_SEEN_AT = ENDS_AT - timedelta(days=DAYS - 24)
"""The demonstration's script lets a backup disappear on the day before."""

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command came to."""

    code: int
    out: str
    error: str

    def golden(self, *places: str) -> Json:
        """Give exit code and document."""
        assert self.out, self.error
        return {"exit_code": self.code, "document": normal(json.loads(self.out), places=places)}


@contextmanager
def environment(directory: Path, variables: Mapping[str, str] | None = None) -> Iterator[None]:
    """Leave nothing of the surroundings to the commands of the block but these variables and this directory."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    wanted = {**kept, "HOME": str(directory), "COLUMNS": "80", "PYTHONPATH": str(ROOT), **(variables or {})}
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - wanted.keys():
            patch.delenv(name)
        for name, value in wanted.items():
            patch.setenv(name, value)
        patch.chdir(directory)
        yield


def run(*arguments: str, at: datetime = ENDS_AT) -> Ended:
    """Run a command in this process while the clock shows `at`."""
    with _captured() as out, _captured() as error:
        with redirect_stdout(out), redirect_stderr(error), stopped(at):
            code = main(arguments)
        out.seek(0)
        error.seek(0)
        return Ended(code, out.read(), error.read())


def _captured() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


@contextmanager
def started(*arguments: str, at: datetime = ENDS_AT) -> Iterator["subprocess.Popen[str]"]:
    """Run a command that goes on until it is stopped, in a process of its own whose clock shows `at`."""
    command = [sys.executable, "-m", "tests.golden.running", at.isoformat(), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


@contextmanager
def stopped(at: datetime) -> Iterator[None]:
    """Let the one function that asks the true time answer `at` for the length of the block, wherever its module is."""
    import_module("inventory.commands.report")  # it asks the time, so the function is loaded now
    modules = [module for name, module in sys.modules.items() if name.startswith("inventory.")]
    (utc_now,) = {module.utc_now for module in modules if hasattr(module, "utc_now")}

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # not of the subclass
            return at.astimezone(tz)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(utc_now.__globals__, "datetime", Stopped)
        yield


if __name__ == "__main__":
    with stopped(datetime.fromisoformat(sys.argv[1])):
        raise SystemExit(main(sys.argv[2:]))
