"""Commands in processes of their own that begin at once: one process imports the program, and forks for each.

python -m tests.faults.forking
"""

import ctypes
import importlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from inventory.__main__ import main as inventory_main
from inventory.store import upgrade

# What is imported before a command is forked is not imported again by each: the commands, and what they import late.
_IMPORTED = (
    *("inventory.commands.db", "inventory.commands.prune", "inventory.commands.report", "inventory.commands.sync"),
    *("alembic.command", "inventory.report.charts", "inventory.report.page", "jinja2", "mako.template", "rich.status"),
)
_ROOT = Path(__file__).parents[2]
_PR_SET_PTRACER = 0x59616D61  # "Yama": where a process may only be traced by its parents, ours may be by others too
_ANYBODY = ctypes.c_ulong(-1)


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command came to.

    Attributes:
        code: Its exit code, or a signal's number below zero.
    """

    code: int
    out: str
    err: str


class Forking:
    """Starts commands, each held back until it is told to go on."""

    def __init__(self) -> None:
        surroundings = {name: value for name, value in os.environ.items() if not name.startswith("INVENTORY_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.forking"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            cwd=_ROOT,
            env=surroundings,
        )
        self._place = Path()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate("", timeout=20)

    def start(self, arguments: tuple[str, ...], place: Path, variables: dict[str, str], migrations: Path | None) -> int:
        """Fork for a command that will run in the directory `place`; return the number of its process."""
        self._place = place
        migrated_by = str(migrations) if migrations else None
        order = {"arguments": arguments, "place": str(place), "variables": variables, "migrations": migrated_by}
        return int(self._say(json.dumps(order)))

    def end(self) -> Ended:
        """Let the command that was started run, and wait for its end."""
        code = int(self._say("go"))
        out, err = (self._place.parent / name for name in ("out", "err"))
        return Ended(code, out.read_text("utf-8"), err.read_text("utf-8"))

    def _say(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        return self._process.stdout.readline()


def main() -> None:
    """Read an order a line from stdin, and write to stdout which process was started for it and how it ended."""
    for name in _IMPORTED:
        importlib.import_module(name)
    for line in sys.stdin:
        held, go = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(go)
            ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANYBODY, 0, 0, 0)
            os.read(held, 1)
            _run(json.loads(line))
        os.close(held)
        _answer(child)
        sys.stdin.readline()
        os.close(go)
        _, status = os.waitpid(child, 0)
        _answer(os.waitstatus_to_exitcode(status))


def _answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _run(order: dict[str, Any]) -> None:
    """Be the command."""
    os.environ.update(order["variables"])
    os.chdir(order["place"])
    for number, name in ((1, "../out"), (2, "../err")):
        os.dup2(os.open(name, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), number)
    if order["migrations"]:
        upgrade.migrations_directory = lambda: Path(order["migrations"])
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    code = inventory_main(order["arguments"])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
