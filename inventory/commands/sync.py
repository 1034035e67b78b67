"""`inventory sync`: one look at every configured Droplet's backups."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from inventory import log
from inventory.digitalocean.client import Client, utc_now
from inventory.errors import EXIT_BUSY, EXIT_COMPLETE, EXIT_PARTIAL, InventoryError, UsageError
from inventory.interruption import interruptible
from inventory.report import sync_json, sync_text
from inventory.report.console import complain, print_line, print_table
from inventory.report.progress import following
from inventory.settings.load import AccountSettings, Settings, load
from inventory.store.engine import Database, memory, sqlite_file_exists
from inventory.store.upgrade import require_current, upgrade
from inventory.sync import Order, sync
from inventory.sync_report import SyncReport, exit_code_of, not_started

# The next run mends these by itself: nobody needs a mail from cron about them.
_SILENT_IF_QUIET = (EXIT_COMPLETE, EXIT_PARTIAL, EXIT_BUSY)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for, beside the settings.

    Attributes:
        account: The only account to sync; None means all.
        droplets: Names or ids that narrow the configuration; empty means all it names.
    """

    account: str | None = None
    droplets: frozenset[str] = frozenset()
    is_full: bool = False
    is_dry_run: bool = False
    accept_gone: bool = False
    as_json: bool = False
    is_quiet: bool = False
    is_verbose: bool = False


def run(config_file: Path | None, options: Options) -> int:
    """Sync the configured accounts one after the other, print what that came to, and return the exit code.

    A failure of one account does not stop the others; the exit code tells the worst.

    Raises:
        InventoryError: Nothing could be begun: the settings or the database are not usable.
    """
    settings = load(config_file)
    accounts = _chosen(settings, options)
    log.configure(verbose=options.is_verbose, secrets=[each.token.get_secret_value() for each in settings.accounts])
    if not options.is_quiet:
        complain("\n".join(settings.warnings))
    reports: list[SyncReport] = []
    with (
        _database(settings, is_dry_run=options.is_dry_run) as database,
        interruptible(lambda: complain("stopping: finishing the write in hand")) as signal_number,
    ):
        for account in accounts:
            report = _sync(account, settings, database, options, signal_number)
            reports.append(report)
            if not options.as_json:
                _print(report, account, options)
            if signal_number():
                break
    exit_code = exit_code_of(reports)
    if options.as_json:
        document = sync_json.document(reports, database=database.shown, exit_code=exit_code)
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    return exit_code


def _chosen(settings: Settings, options: Options) -> Sequence[AccountSettings]:
    chosen = [account for account in settings.accounts if options.account in (None, account.name)]
    names = ", ".join(account.name for account in settings.accounts)
    if not chosen:
        raise UsageError(f'no account "{options.account}" is configured; there is {names}. Nothing was done.')
    if options.droplets and len(chosen) > 1:
        raise UsageError(f"--droplet needs --account NAME too, where there are several ({names}). Nothing was done.")
    return chosen


@contextmanager
def _database(settings: Settings, *, is_dry_run: bool) -> Iterator[Database]:
    """Open the database, created or upgraded where this run may do so; a dry run changes nothing."""
    with closing(Database(settings.database_url.get_secret_value())) as database:
        if is_dry_run and database.path and not sqlite_file_exists(database.path):
            with closing(memory()) as nothing:
                upgrade(nothing)
                yield nothing
            return
        if is_dry_run or not settings.auto_migrate:
            require_current(database, settings.database_source)
        else:
            upgrade(database)
        yield database


def _sync(
    account: AccountSettings,
    settings: Settings,
    database: Database,
    options: Options,
    signal_number: Callable[[], int | None],
) -> SyncReport:
    """Sync one account; what keeps it from starting is a report too, so that the others get their turn."""
    order = Order(
        account=account.name,
        selection=account.droplets,
        configured_accounts=frozenset(each.name for each in settings.accounts),
        deadline=timedelta(minutes=settings.run_deadline_minutes),
        droplets=options.droplets,
        is_full=options.is_full,
        accept_gone=options.accept_gone,
        is_dry_run=options.is_dry_run,
        is_verbose=options.is_verbose,
    )
    try:
        with (
            Client(
                account.token.get_secret_value(),
                base_url=settings.api_url,
                requests_per_second=settings.requests_per_second,
                ca_file=settings.ca_file,
            ) as client,
            following(is_quiet=options.is_quiet) as listener,
        ):
            return sync(database, client, order, clock=utc_now, listener=listener, interrupted_by=signal_number)
    except InventoryError as error:
        return not_started(
            order.account, database.shown, error, utc_now(), mode=order.mode, is_dry_run=order.is_dry_run
        )


def _print(report: SyncReport, account: AccountSettings, options: Options) -> None:
    """Print what a person wants to know of one account; with --quiet, only what a person must mend."""
    if options.is_quiet and report.exit_code in _SILENT_IF_QUIET:
        return
    if report.status == "failed":
        complain(sync_text.failure(report, token_source=account.token_source))
    else:
        print_line(f'account "{report.account}" -> {report.database}')
    print_table(sync_text.facts(report, is_verbose=options.is_verbose))
    for note in report.notes:
        complain(f'account "{report.account}": {note}')
    if report.status != "failed":
        for line in sync_text.ending(report):
            print_line(line)
