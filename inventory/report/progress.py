"""The progress of syncs: bars on stderr if that is a terminal, otherwise nothing."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import Lock

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from inventory.report import sync_text
from inventory.sync.result import DropletReport
from inventory.terminal.console import is_terminal, progress_console

_BAR_COLUMNS = 24


class Silence:
    """A listener that shows no progress."""

    def started(self, droplets: int) -> None:
        """Show nothing."""

    def progressed(self, droplets: int, requests: int, waiting_until: datetime | None) -> None:
        """Show nothing."""

    def accepting(self, droplets: Sequence[DropletReport]) -> None:
        """Print what is about to be recorded as gone."""
        sys.stderr.write("".join(f"{line}\n" for line in sync_text.accepted(droplets)))


class Bar(Silence):
    """A bar with the Droplets done, the time left, the requests sent, and until when the rate limit is used up."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def started(self, droplets: int) -> None:
        """Set the length of the bar."""
        self._progress.update(self._task, total=droplets)

    def progressed(self, droplets: int, requests: int, waiting_until: datetime | None) -> None:
        """Move the bar."""
        wait = f", rate limit used up until {waiting_until:%H:%M:%SZ}" if waiting_until else ""
        self._progress.update(self._task, completed=droplets, note=f"{requests} requests{wait}")

    def accepting(self, droplets: Sequence[DropletReport]) -> None:
        """Print what is about to be recorded as gone, above the bar."""
        for line in sync_text.accepted(droplets):
            self._progress.console.print(line)


class Display:
    """The progress of a round, on stderr if that is a terminal: a bar for each account that is being synced.

    Where there are several accounts, a bar above them counts those that are done.
    """

    def __init__(self, *, accounts: int, is_quiet: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """Show nothing yet; `accounts` is their number, `is_quiet` shows nothing at all, `clock` counts seconds."""
        self._is_shown = not is_quiet and is_terminal(sys.stderr)
        self._has_several = accounts > 1
        # Rich would take what is printed to stdout for the terminal's too, and send it to stderr.
        self._progress = Progress(
            *_columns(), console=progress_console(), redirect_stdout=is_terminal(sys.stdout), get_time=clock
        )
        self._done = self._add("accounts", total=accounts) if self._has_several else None
        self._at_work = 0
        self._lock = Lock()

    @contextmanager
    def follow(self, account: str) -> Iterator[Silence]:
        """Give the listener for the sync of the account of this name; several threads may ask."""
        if not self._is_shown:
            yield Silence()
            return
        task = self._add(f"Droplets of {account}" if self._has_several else "Droplets", note="finding Droplets")
        self._count(1)
        try:
            yield Bar(self._progress, task)
        finally:
            if self._done is not None:
                self._progress.remove_task(task)
                self._progress.advance(self._done)
            self._count(-1)

    def _add(self, what: str, *, total: float | None = None, note: str = "") -> TaskID:
        return self._progress.add_task(what, total=total, note=note)

    def _count(self, change: int) -> None:
        """Show the display while any account is at work."""
        with self._lock:
            self._at_work += change
            if self._at_work == 0:
                self._progress.stop()
            elif self._at_work == change:
                self._progress.start()


def _columns() -> tuple[ProgressColumn, ...]:
    return (
        MofNCompleteColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(_BAR_COLUMNS),
        TimeRemainingColumn(),
        TextColumn("left,"),
        TextColumn("{task.fields[note]}", markup=False),
    )
