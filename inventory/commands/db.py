"""`inventory db`: the database itself."""

from contextlib import closing
from pathlib import Path

from inventory.errors import EXIT_COMPLETE
from inventory.report.console import print_line
from inventory.settings.load import load
from inventory.store.engine import Database
from inventory.store.upgrade import revision
from inventory.store.upgrade import upgrade as upgrade_database


def upgrade(config_file: Path | None) -> int:
    """Create the database or bring its tables to this program's version, and say which of both it was.

    Raises:
        DatabaseError: It is damaged, not ours, newer than this program, or out of reach; nothing was changed.
    """
    settings = load(config_file, needs_token=False)
    with closing(Database(settings.database_url.get_secret_value())) as database:
        before = upgrade_database(database)
        with database.reading() as connection:
            now = revision(connection)
        print_line(f"database {database.shown} {_told(before, now)}")
    return EXIT_COMPLETE


def _told(before: str | None, now: str | None) -> str:
    if before is None:
        return f"was created, at revision {now}"
    return f"is at revision {now}; nothing was to be done" if before == now else f"went from {before} to {now}"
