"""The progress of a sync: a bar on stderr if that is a terminal, otherwise nothing."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

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
        for line in sync_text.accepted(droplets):
            sys.stderr.write(f"{line}\n")


class Bar(Silence):
    """A bar with the Droplets done, the requests sent, and the end of the wait if the rate limit is used up."""

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


@contextmanager
def following(*, is_quiet: bool) -> Iterator[Silence]:
    """Give a listener for one sync: a bar if stderr is a terminal, unless `is_quiet`."""
    if is_quiet or not is_terminal(sys.stderr):
        yield Silence()
        return
    columns = (
        MofNCompleteColumn(),
        TextColumn("Droplets"),
        BarColumn(_BAR_COLUMNS),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=progress_console()) as progress:
        yield Bar(progress, progress.add_task("", total=None, note="finding Droplets"))
