"""`inventory db publish`: a copy of the database that others can read."""

from pathlib import Path

from rich.progress import Progress

from inventory.errors import EXIT_COMPLETE
from inventory.settings.load import load
from inventory.store import opening
from inventory.store.published import publish
from inventory.terminal.console import print_prose, progress_console


def run(config_file: Path | None, file: Path) -> int:
    """Write the copy in place of the one before.

    Raises:
        UsageError: The file is the database itself.
        DatabaseError: The database cannot be read, or the file not written; what was there is as it was.
    """
    settings = load(config_file, needs_token=False)
    with (
        opening.to_read(settings.database_url.get_secret_value(), settings.database_source) as source,
        Progress(console=progress_console(), transient=True) as progress,
    ):
        task = progress.add_task("copying")
        publish(source, file, lambda done, total: progress.update(task, completed=done, total=total))
    print_prose(f"database {source.shown} was published as {file}, for whoever may read that file")
    return EXIT_COMPLETE
