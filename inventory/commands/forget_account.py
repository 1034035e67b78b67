"""`inventory db forget-account`: delete all that is stored of an account that is no longer configured."""

from pathlib import Path

from inventory.commands.deleting import is_wanted, require_answer, say_deleted
from inventory.errors import EXIT_COMPLETE, Kept, UsageError
from inventory.process.clock import utc_now
from inventory.settings.load import load
from inventory.store import opening
from inventory.store.engine import Database
from inventory.store.forget import Forgettable, find, forget, stored_accounts
from inventory.terminal.console import print_prose, print_table
from inventory.terminal.display import shown
from inventory.terminal.spelling import nearest
from inventory.terminal.table import row_counts


def run(config_file: Path | None, name: str, *, is_dry_run: bool, is_confirmed: bool) -> int:
    """Delete the history of the account of this name, after a question at a terminal, and return the exit code.

    Raises:
        UsageError: It is still configured, or not stored; or nobody can be asked.
        SyncRunningError: It is being synced.
        DatabaseError: The database cannot be used.
    """
    require_answer(is_dry_run=is_dry_run, is_confirmed=is_confirmed)
    settings = load(config_file, needs_token=False)
    if name in (settings.judged_accounts or ()):
        raise UsageError(
            f'account "{name}" is configured, and the next sync would begin it again',
            kept=Kept.NOTHING_DELETED,
            to_do="take it out of the configuration first.",
        )
    with opening.to_write(settings.database_url.get_secret_value(), settings.database_source) as database:
        found = _found(database, name)
        print_prose(f'{database.shown}: of account "{shown(name)}" this is stored and can be deleted:\n')
        print_table(row_counts(found.rows))
        if is_dry_run or not (is_confirmed or is_wanted()):
            return EXIT_COMPLETE
        forget(database, found.account, utc_now())
        say_deleted(database)
    return EXIT_COMPLETE


def _found(database: Database, name: str) -> Forgettable:
    found = find(database, name)
    if found is None:
        known = stored_accounts(database)
        raise UsageError(f'no account "{name}" is stored{nearest(name, known) or "."}')
    return found
