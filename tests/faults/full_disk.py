"""Commands on a disk that is really full, mounted for this process alone; prints a line of JSON for each.

unshare --mount python -m tests.faults.full_disk DIRECTORY STEP_KILOBYTES
"""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from inventory.simulator.fleet import Fleet
from tests.faults import disk_cases
from tests.faults.disk_cases import account
from tests.faults.forking import Ended, Forking
from tests.mounts import enlarge, small_disk

# The tables and a small fleet take 300 kB, and a log as much again.
_LARGEST_KILOBYTES = 760
_SYNC, _UPGRADE, _COPY = ("sync", "--quiet"), ("db", "upgrade"), ("db", "copy", "--to", "copy.db")

READERS = (
    *(("check",), ("report",), ("report", "live_backups", "--csv"), ("show", "web-0"), ("metrics",)),
    *(("sync", "--dry-run"), ("db", "upgrade"), ("prune", "--keep-days", "90", "--dry-run")),
)
_PUBLISH = ("db", "publish", "published.db")
WRITERS = (("sync", "--full"), _COPY, _PUBLISH, ("demo", "--days", "2", "--droplets", "2"), ("doctor",))
OUTPUTS = (("report", "--html", "page.html"), ("metrics", "--output", "inventory.prom"))
_OUTPUT_BYTES = 4_096  # each of them takes more


@dataclass(frozen=True, slots=True)
class Result:
    """What a command on a full disk came to.

    Attributes:
        kind: What is tried.
        disk: How large it is, or what is free on it.
        problem: What is wrong with it; empty if nothing is.
    """

    kind: str
    arguments: Sequence[str]
    disk: str
    code: int
    problem: str


class Machine:
    """A small disk, and what is run on it."""

    def __init__(self, directory: Path, forking: Forking, variables: Mapping[str, str]) -> None:
        self.place = directory / "place"
        self.place.mkdir(parents=True)
        self._forking = forking
        self._variables = {**variables, "TMPDIR": str(self.place)}

    def run(self, *arguments: str) -> Ended:
        self._forking.start(arguments, self.place, self._variables, None)
        return self._forking.end()

    def names(self) -> list[str]:
        return sorted(path.name for path in self.place.iterdir())

    def state(self, name: str) -> str:
        """Tell whether a database is there and whole, without needing room for it."""
        if not (self.place / name).exists():
            return "missing"
        for path in self.place.glob(f"{name}*"):
            shutil.copy(path, self.place.parent)
        try:
            disk_cases.whole(self.place.parent / name)
        except (AssertionError, sqlite3.Error) as error:
            return f"damaged: {error}"
        finally:
            for path in self.place.parent.glob(f"{name}*"):
                path.unlink()
        return "whole"

    def fill(self, *, but_bytes: int = 0) -> None:
        """Leave so many bytes free."""
        found = os.statvfs(self.place)
        (self.place / "filling").write_bytes(bytes(found.f_bavail * found.f_frsize - but_bytes))

    def use_up_names(self) -> None:
        """Make files until there can be no more."""
        for number in range(os.statvfs(self.place).f_favail):
            (self.place / f"empty-{number}").touch()


def new_files(machine: Machine, source: Path, step: int) -> Iterator[Result]:
    """Make new databases on disks of every size, and once more with room enough."""
    for size in range(4, _LARGEST_KILOBYTES, step):
        for arguments, name in ((_UPGRADE, "inventory.db"), (_SYNC, "inventory.db"), (_COPY, "copy.db")):
            is_copy = arguments == _COPY
            # A copy needs its source beside it, which is opened too.
            beside = source.stat().st_size // 1024 + 68 if is_copy else 0
            with small_disk(machine.place, size_kilobytes=size + beside):
                if is_copy:
                    shutil.copy(source, machine.place / "inventory.db")
                ended, state, left = machine.run(*arguments), machine.state(name), machine.names()
                enlarge(machine.place)
                again = machine.run(*arguments).code
                problem = _of_new(ended, state, again, machine.state(name), is_done=is_copy and state == "whole")
                # Where the file fits and its log's index of 32 kB does not, the last connection leaves both beside it.
                logs = {f"{name}-wal", f"{name}-shm"} if state == "whole" else set()
                strange = sorted(set(left) - {"inventory.db", name, *logs})
                yield Result("new file", arguments, f"{size} KiB", ended.code, problem or ", ".join(strange))


def _of_new(ended: Ended, state: str, again: int, state_again: str, *, is_done: bool) -> str:
    """Say what is wrong with a new database; nothing, where nothing is."""
    if ended.code not in (0, 1) or (ended.code == 1 and "disk full while" not in ended.err):
        return f"exit code {ended.code}: {ended.err}"
    if state not in ("whole", "missing") or (ended.code == 0 and state == "missing"):
        return f"the file is {state} after exit code {ended.code}"
    if again != (78 if is_done else 0) or state_again != "whole":
        return f"the next run ends with {again}, and the file is {state_again}"
    return ""


def without_room(machine: Machine, source: Path) -> Iterator[Result]:
    """Read and write where there is hardly any room, or where no file can be made."""
    for but_bytes in (None, 0, 4_096, 16_384, 28_672):
        # What they write fits into less than SQLite needs to write at all.
        outputs = OUTPUTS if not but_bytes or but_bytes <= _OUTPUT_BYTES else ()
        for arguments in (*READERS, *WRITERS, *outputs):
            with small_disk(machine.place, size_kilobytes=4_000, files=20):
                shutil.copy(source, machine.place / "inventory.db")
                if but_bytes is None:
                    machine.use_up_names()
                else:
                    machine.fill(but_bytes=but_bytes)
                before = machine.names()
                ended = machine.run(*arguments)
                logs = () if arguments in READERS else ("inventory.db-shm", "inventory.db-wal")
                strange = set(machine.names()) - {*before, *logs}
                problem = _without_room(ended, arguments, has_names=but_bytes is not None)
                if (state := machine.state("inventory.db")) != "whole":
                    problem = f"the database is {state}"
                where = "no names left" if but_bytes is None else f"{but_bytes} B free"
                yield Result(where, arguments, where, ended.code, problem or ", ".join(sorted(strange)))


def _without_room(ended: Ended, arguments: tuple[str, ...], *, has_names: bool) -> str:
    """Say what is wrong with a command's answer; nothing, where nothing is."""
    if arguments in READERS and has_names:
        return "" if ended.code == 0 else f"exit code {ended.code}: {ended.err or ended.out}"
    said = " ".join((ended.out + ended.err).split())
    expected = 3 if arguments == ("check",) else 1
    free = r"\(\d+ \w?B free\)" if has_names else r"\(\d+ \w?B free, but not one more file can be made\)"
    if ended.code != expected or not re.search(rf"disk full while (writing|making) \S+ {free}", said):
        return f"exit code {ended.code}: {said}"
    return ""


def results(directory: Path, step: int) -> Iterator[Result]:
    """Try everything, on disks that differ by so many kilobytes."""
    fleet = Fleet(datetime.now(UTC).replace(microsecond=0))
    disk_cases.begin(fleet)
    with account(fleet) as variables, Forking() as forking:
        outside = Machine(directory / "outside", forking, variables)
        assert outside.run(*_SYNC).code == 0
        source = outside.place / "inventory.db"
        machine = Machine(directory / "inside", forking, variables)
        yield from new_files(machine, source, step)
        yield from without_room(machine, source)


def tried(words: list[str], directory: Path, step: int) -> list[Result]:
    """Try everything in a process with mounts of its own, which `words` make."""
    words = [*words, sys.executable, "-m", "tests.faults.full_disk", str(directory), str(step)]
    lines = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    return [Result(**json.loads(line)) for line in lines]


if __name__ == "__main__":
    for each in results(Path(sys.argv[1]), int(sys.argv[2])):
        sys.stdout.write(json.dumps(asdict(each)) + "\n")
