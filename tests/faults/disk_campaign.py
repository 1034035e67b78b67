"""Every fault of a disk at every call of every command that writes: what is stored is as before, or as it should be.

    a command, watched once | its calls | each with each fault | exit code, database, history | the next run

python -m tests.faults.disk_campaign           (`make faults`; an hour or more)
python -m tests.faults.disk_campaign "prune"   (this command alone; several may be named, and "full disks")
"""

import os
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from inventory.simulator.fleet import Fleet
from tests.faults import disk_cases, full_disk
from tests.faults.disk_cases import Case, Parts, account
from tests.faults.forking import Ended, Forking
from tests.faults.injection import FAULTS, Fault, Point, Strace
from tests.migration.later import later_version
from tests.mounts import private_mounts

_KILLED = -9
_FAILED = 1
# The n-th call of each thread meets the fault: that of another thread may be the one that prints the answer.
_SIGNS = ("disk full", "disk error", "cannot write the answer to stdout")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a fault at one call came to.

    Attributes:
        injected: How many calls failed; 0 if the command came to none.
        problem: What is wrong with it; None if nothing is.
    """

    injected: int
    code: int
    problem: str | None


@dataclass(slots=True)
class Cell:
    """What a fault came to at all calls of a command."""

    fault: str
    outcomes: list[tuple[Point, Outcome]]

    @property
    def injected(self) -> int:
        """At how many points it came to the fault."""
        return sum(outcome.injected > 0 for _, outcome in self.outcomes)

    @property
    def problems(self) -> list[str]:
        """Say what went wrong, and where; that nothing was injected, too."""
        found = [
            f"{self.fault}, {point.call} {point.number}: {outcome.problem}"
            for point, outcome in self.outcomes
            if outcome.problem
        ]
        return found if self.injected or not self.outcomes else [*found, f"{self.fault}: nothing was injected"]

    @property
    def codes(self) -> Mapping[int, int]:
        """Count the exit codes of the commands that met the fault."""
        return Counter(outcome.code for _, outcome in self.outcomes if outcome.injected)


class Bench:
    """One place to try a command in, and a process that starts it there."""

    def __init__(self, directory: Path, forking: Forking, variables: Mapping[str, str]) -> None:
        self._forking = forking
        self._variables = dict(variables)
        self._place = directory / "place"
        self._strace = Strace(directory / "log", self._place)

    def watch(self, case: Case) -> tuple[Parts, Parts, list[Point]]:
        """Run a command undisturbed; return what was stored before and after, and its calls."""
        self._lay_out(case)
        before = self._parts(case)
        ended, points = self._strace.watch(self._start(case), self._forking.end)
        assert ended.code == 0, ended.err
        after = self._parts(case)
        assert before != after, "the command changes nothing"
        return before, after, points

    def try_out(self, case: Case, before: Parts, after: Parts, fault: Fault, point: Point) -> Outcome:
        """Run a command with a fault, and see what is left, and whether the next run does all."""
        self._lay_out(case)
        ended, injected = self._strace.inject(fault, point, self._start(case), self._forking.end)
        try:
            is_done = self._check(case, before, after, ended)
            self._check_next(case, after, is_done=is_done)
        except (AssertionError, sqlite3.Error) as error:
            return Outcome(injected, ended.code, str(error).partition("\n")[0])
        return Outcome(injected, ended.code, None)

    def _lay_out(self, case: Case) -> None:
        shutil.rmtree(self._place, ignore_errors=True)
        shutil.copytree(case.template, self._place)

    def _start(self, case: Case) -> int:
        return self._forking.start(case.arguments, self._place, self._variables, case.migrations)

    def _parts(self, case: Case) -> Parts:
        path = self._place / case.subject
        return case.parts(path) if path.exists() else {}

    def _check(self, case: Case, before: Parts, after: Parts, ended: Ended) -> bool:
        """Hold the exit code and what is stored against each other; tell whether all is done."""
        found = self._parts(case)
        for part in before.keys() | after.keys() | found.keys():
            allowed = (before.get(part), after.get(part))
            assert found.get(part) in allowed, f"{part} is neither as before nor as it should be: {found.get(part)}"
        for copy in self._place.glob("*.before-*"):
            assert disk_cases.whole(copy) == before, f"{copy.name} is not what was there before"
        assert "Traceback" not in ended.err, ended.err
        assert ended.code in (0, _FAILED, _KILLED), f"exit code {ended.code}: {ended.err}"
        if ended.code == 0:
            assert found == after, "exit code 0, and not all is done"
        if ended.code == _FAILED:
            assert any(sign in ended.err for sign in _SIGNS), f"nothing of the disk is said: {ended.err}"
        return found == after

    def _check_next(self, case: Case, after: Parts, *, is_done: bool) -> None:
        process = self._start(case)
        ended = self._forking.end()
        expected = case.again if is_done else 0
        assert process > 0
        assert ended.code == expected, f"the next run ends with {ended.code}: {ended.err}"
        assert self._parts(case) == after, "the next run does not do all"
        left = [path.name for path in self._place.iterdir() if ".draft-" in path.name or path.name.endswith("-journal")]
        assert left == [], f"left behind: {left}"


@dataclass(frozen=True, slots=True)
class Trial:
    """What can be tried, and the benches to try it on."""

    cases: Mapping[str, Case]
    free: "SimpleQueue[Bench]"
    workers: int

    def cells(self, command: str, *, chosen: Callable[[Sequence[Point]], Iterable[Point]]) -> Iterator[Cell]:
        """Give what each fault came to, at the calls that are chosen among those that it can befall."""
        case = self.cases[command]
        with self._bench() as bench:
            before, after, points = bench.watch(case)

        def outcome(fault: Fault, point: Point) -> Outcome:
            with self._bench() as bench:
                return bench.try_out(case, before, after, fault, point)

        with ThreadPoolExecutor(self.workers) as threads:
            for fault in FAULTS:
                befallen = list(chosen([point for point in points if point.call in fault.calls]))
                outcomes = threads.map(partial(outcome, fault), befallen)
                yield Cell(fault.name, list(zip(befallen, outcomes, strict=True)))

    @contextmanager
    def _bench(self) -> Iterator[Bench]:
        bench = self.free.get()
        try:
            yield bench
        finally:
            self.free.put(bench)


@contextmanager
def trying(directory: Path, *, workers: int) -> Iterator[Trial]:
    """Give what can be tried."""
    fleet = Fleet(datetime.now(UTC).replace(microsecond=0))
    free: SimpleQueue[Bench] = SimpleQueue()
    with account(fleet) as variables, ExitStack() as stack:
        for number in range(workers):
            (place := directory / f"bench-{number}").mkdir()
            free.put(Bench(place, stack.enter_context(Forking()), variables))
        yield Trial(cases(directory, fleet, variables), free, workers)


COMMANDS = (
    *("a sync that changes", "a first sync", "db upgrade", "prune"),
    *("db copy, new file", "db copy, empty file", "report --html"),
)

_FULL_DISKS = "full disks"


def cases(directory: Path, fleet: Fleet, variables: Mapping[str, str]) -> dict[str, Case]:
    """Make every command's directory, by its name; the fleet has changed afterwards."""

    def template(name: str) -> Path:
        (path := directory / "templates" / name).mkdir(parents=True)
        return path

    disk_cases.begin(fleet)
    synced, aged, copied, paged = (template(name) for name in ("synced", "aged", "copied", "paged"))
    with Forking() as forking:
        forking.start(("sync", "--quiet"), synced, dict(variables), None)
        assert forking.end().code == 0
    disk_cases.change(fleet)
    for place in (aged, copied, paged):
        shutil.copytree(synced, place, dirs_exist_ok=True)
    disk_cases.age(aged / "inventory.db")
    disk_cases.made(copied / "copy.db")
    (paged / "page.html").write_text("the page before")
    migrations = directory / "migrations"
    later_version(migrations)
    sync, copy = ("sync", "--quiet"), ("db", "copy", "--to", "copy.db")
    made = (
        Case(sync, synced, "inventory.db", disk_cases.by_droplet),
        Case(sync, template("empty"), "inventory.db", disk_cases.by_droplet),
        Case(("db", "upgrade"), synced, "inventory.db", disk_cases.whole, migrations=migrations),
        Case(("prune", "--keep-days", "90", "--yes"), aged, "inventory.db", disk_cases.by_history),
        Case(copy, synced, "copy.db", disk_cases.whole, again=78),
        Case(copy, copied, "copy.db", disk_cases.whole, again=78),
        Case(("report", "--html", "page.html"), paged, "page.html", disk_cases.page),
    )
    return dict(zip(COMMANDS, made, strict=True))


def main(named: Sequence[str]) -> int:
    """Try what is named, or everything, and write the tables for docs/reliability.md; 1 where anything was lost."""
    every = (*COMMANDS, _FULL_DISKS)
    if unknown := [name for name in named if name not in every]:
        sys.stderr.write(f'there is no command "{unknown[0]}" to try; there are {", ".join(every)}\n')
        return 2
    chosen = named or every
    problems: list[str] = []
    _row("command", "fault", "points", "injected", "exit codes", "losses")
    _row(*6 * ["---"])
    for command in (each for each in COMMANDS if each in chosen):
        with tempfile.TemporaryDirectory() as name, trying(Path(name), workers=os.cpu_count() or 1) as trial:
            for cell in trial.cells(command, chosen=lambda points: points):
                figures = (len(cell.outcomes), cell.injected, _counted(cell.codes), len(cell.problems))
                _row(command, cell.fault, *figures)
                problems += [f"{command}, {problem}" for problem in cell.problems]
    if _FULL_DISKS in chosen:
        problems += _full_disks()
    sys.stderr.write("".join(f"{problem}\n" for problem in problems))
    return 1 if problems else 0


def _full_disks() -> list[str]:
    """Try disks that are really full, and write their table; return what went wrong."""
    words = private_mounts()
    if not words:
        return ["small disks: this user may not mount anything here"]
    with tempfile.TemporaryDirectory() as name:
        found = full_disk.tried(words, Path(name), step=4)
    _row("disk", "commands", "exit codes", "losses")
    _row(*4 * ["---"])
    for kind in dict.fromkeys(each.kind for each in found):
        of_kind = [each for each in found if each.kind == kind]
        codes = Counter(each.code for each in of_kind)
        _row(kind, len(of_kind), _counted(codes), sum(bool(each.problem) for each in of_kind))
    return [f"{each.kind}, {each.disk}, {' '.join(each.arguments)}: {each.problem}" for each in found if each.problem]


def _counted(codes: Mapping[int, int]) -> str:
    return ", ".join(f"{code}: {count:,}" for code, count in sorted(codes.items()))


def _row(*cells: object) -> None:
    sys.stdout.write("| " + " | ".join(map(str, cells)) + " |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
