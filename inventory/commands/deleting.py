"""What `prune` and `db forget-account` share: asking before rows are deleted, and saying that they were."""

import shlex
import sys

from inventory.errors import Kept, UsageError
from inventory.store.engine import Database
from inventory.terminal.console import print_prose


def require_answer(*, is_dry_run: bool, is_confirmed: bool) -> None:
    """Refuse where nobody can be asked, and no option answers.

    Raises:
        UsageError: There is no terminal, and neither option was given.
    """
    if not (is_dry_run or is_confirmed or sys.stdin.isatty()):
        raise UsageError(
            "there is no terminal to confirm at: use --yes to delete, --dry-run to only list",
            kept=Kept.NOTHING_DELETED,
        )


def is_wanted() -> bool:
    """Ask at the terminal; if the answer is not yes, say that nothing was deleted."""
    sys.stdout.write("Delete these rows for good? [y/N] ")
    sys.stdout.flush()
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    print_prose(f"{Kept.NOTHING_DELETED}.")
    return False


def say_deleted(database: Database) -> None:
    """Say that it is done, and how a SQLite file becomes smaller."""
    print_prose("Deleted.")
    if database.path:
        print_prose("New rows use the freed space. To shrink the file:")
        # Not print_prose: a folded command cannot be copied.
        sys.stdout.write(f'  sqlite3 {shlex.quote(database.shown)} "VACUUM"\n')
