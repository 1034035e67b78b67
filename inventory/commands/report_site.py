"""`inventory report --html-dir`: every page as a file, for a web server that needs nothing but files."""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from rich.progress import Progress

from inventory.errors import EXIT_COMPLETE, UsageError
from inventory.pages import files
from inventory.pages.asked import Asked as AskedOfPages
from inventory.pages.reading import Reading
from inventory.process.clock import utc_now
from inventory.report import selecting
from inventory.report.asking import Asked
from inventory.report.overview import Judging
from inventory.settings.load import load
from inventory.store import opening
from inventory.terminal.console import print_line, progress_console
from inventory.terminal.words import count


def run(config_file: Path | None, asked: Asked, directory: Path, now: datetime | None = None) -> int:
    """Write the pages of one moment into a directory, as of `now`, or the true time if None.

    Raises:
        UsageError: More is asked than pages can be asked.
        InventoryError: The database is not usable, or a file cannot be written.
    """
    if asked.at or asked.since or asked.until or asked.droplets or asked.limit:
        raise UsageError("--html-dir writes every page: beside it, --as-of, --account and --tag choose of what.")
    today = (now or utc_now()).replace(microsecond=0)
    settings = load(config_file, needs_token=False)
    judging = Judging(settings.rules, settings.exemptions, settings.judged_accounts, settings.groups)
    with (
        opening.to_read(settings.database_url.get_secret_value(), settings.database_source) as database,
        database.reading() as connection,
    ):
        account = _only("account", selecting.accounts_asked(connection, asked.accounts, asked.groups, settings.groups))
        wanted = AskedOfPages(as_of=asked.as_of or "", account=account, tag=_only("tag", asked.tags))
        reading = Reading(connection, wanted, wanted.moment(today), today, database.shown, judging)
        with Progress(console=progress_console(), transient=True) as progress:
            task = progress.add_task("writing pages")
            made = files.write(
                reading, directory, lambda done, total: progress.update(task, completed=done, total=total)
            )
    print_line(f"{count(made.files, 'file')} were written; they begin at {directory / 'index.html'}")
    if made.droplets < made.of_droplets:
        print_line(f"{made.droplets:,} of {made.of_droplets:,} Droplets have a page: --account or --tag chooses others")
    return EXIT_COMPLETE


def _only(what: str, names: Collection[str]) -> str:
    if len(names) > 1:
        raise UsageError(f"--html-dir takes one {what}: {' or '.join(sorted(names))}.")
    return next(iter(names), "")
