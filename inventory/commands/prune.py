"""`inventory prune`: delete what ended long ago, after listing it."""

from pathlib import Path

from rich.progress import track

from inventory.commands.deleting import is_wanted, require_answer, say_deleted
from inventory.errors import EXIT_COMPLETE, SIGNAL_BASE, DatabaseError, Kept, UsageError
from inventory.process.clock import utc_now
from inventory.process.interruption import interruptible
from inventory.settings.load import load
from inventory.store import opening
from inventory.store.engine import Database
from inventory.store.prune import LEAST_DAYS, Prunable, delete, find
from inventory.terminal.console import complain, print_prose, print_table, progress_console
from inventory.terminal.table import row_counts


def run(config_file: Path | None, *, keep_days: int, is_dry_run: bool, is_confirmed: bool, is_quiet: bool) -> int:
    """Delete what ended more than so many days ago, after a question at a terminal, and return the exit code.

    Raises:
        UsageError: Too few days; or there is no terminal to ask at, and neither option says what to do.
        DatabaseError: The database cannot be used; what was deleted before stays deleted.
    """
    if keep_days < LEAST_DAYS:
        raise UsageError(
            f"--keep-days {keep_days} is too few: reports look back {LEAST_DAYS} days by default, and would then be "
            "wrong",
            kept=Kept.NOTHING_DELETED,
        )
    require_answer(is_dry_run=is_dry_run, is_confirmed=is_confirmed)
    settings = load(config_file, needs_token=False)
    with opening.to_write(settings.database_url.get_secret_value(), settings.database_source) as database:
        prunable = find(database, keep_days=keep_days, today=utc_now().date())
        if not is_quiet:
            _announce(prunable, database)
        if is_dry_run or not any(prunable.rows.values()):
            return EXIT_COMPLETE
        if not (is_confirmed or is_wanted()):
            return EXIT_COMPLETE
        return _delete(database, prunable, is_quiet=is_quiet)


def _announce(prunable: Prunable, database: Database) -> None:
    until = f"{prunable.ended_before:%a %Y-%m-%d}"
    if not any(prunable.rows.values()):
        print_prose(f"{database.shown}: there is nothing to delete that ended before {until}.")
        return
    print_prose(f"{database.shown}: this ended before {until} and can be deleted:\n")
    print_table(row_counts(prunable.rows))
    print_prose(
        f"\nThe sizes of every day stay; so do backups that exist, those made since {prunable.made_before:%Y-%m-%d}, "
        "and the last ones of each Droplet before that, with which later ones are compared."
    )


def _delete(database: Database, prunable: Prunable, *, is_quiet: bool) -> int:
    total = len(prunable.backup_ids) + len(prunable.run_ids)
    done = 0
    with interruptible(lambda _: complain("stopping after the current deletion")) as signal_number:
        steps = delete(database, prunable)
        so_far = "{} after {:,} of {:,} backups and runs; the next prune continues there".format
        try:
            for step in track(steps, "Deleting", total=total, console=progress_console(), transient=True):
                done += step
                if number := signal_number():
                    complain(so_far("interrupted", done, total))
                    return SIGNAL_BASE + number
        except DatabaseError as error:
            complain(so_far("stopped", done, total))
            if done:
                error.comes_after_writes()
            raise
    if not is_quiet:
        say_deleted(database)
    return EXIT_COMPLETE
