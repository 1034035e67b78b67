"""The door: the table of commands. Each loads its own modules when it is called, so that cron starts quickly."""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer
from typer.core import TyperCommand

from inventory import __version__
from inventory.display import redactor
from inventory.errors import EXIT_BUG, InventoryError
from inventory.report.console import complain

_EXIT_PIPE_CLOSED = 141  # as the shell has it for a program that SIGPIPE ended
_EXIT_UNANSWERED = 3  # "unknown", as monitoring plug-ins have it

app = typer.Typer(
    help="Looks at the backups of your DigitalOcean Droplets regularly, and keeps their history in SQLite or "
    "PostgreSQL. It only ever reads from DigitalOcean.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
database_commands = typer.Typer(
    help="Create the database, bring it up to date, copy it, or let others read it.", no_args_is_help=True
)
app.add_typer(database_commands, name="db", rich_help_panel="Set up")


def _read_address(written: str | None) -> str | None:
    from inventory.settings.formats import read_listen_address

    try:
        return read_listen_address(written) if written else None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The TOML file to read, in place of the first that is found."),
]
HttpAddress = Annotated[
    str | None,
    typer.Option(
        "--http",
        metavar="ADDRESS:PORT",
        callback=_read_address,
        help='Where the daemon answers, or "off"; in place of the setting.',
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
AskedDroplets = Annotated[
    list[str] | None, typer.Option("--droplet", metavar="NAME-or-ID", help="Only this Droplet; may be repeated.")
]
AskedAccounts = Annotated[
    list[str] | None, typer.Option("--account", metavar="NAME", help="Only this account; may be repeated.")
]
AskedTags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="Only Droplets with this tag; may be repeated.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only what a person must mend.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print routine changes too, and log to stderr.")]


def _print_version(is_wanted: bool) -> None:  # noqa: FBT001 - Typer's callback for a flag
    if is_wanted:
        sys.stdout.write(f"inventory {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before a command; the help text is the program's own."""


@app.command(rich_help_panel="Look")
def sync(
    *,
    account: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this one of several configured accounts.")
    ] = None,
    droplet: Annotated[
        list[str] | None, typer.Option(metavar="NAME-or-ID", help="Only this Droplet; may be repeated.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="List every Droplet's backups, also where nothing can have changed.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be written, and write nothing.")] = False,
    accept_gone: Annotated[
        bool,
        typer.Option("--accept-gone", help="Record at once as gone what would else wait for a second sync."),
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Look at the Droplets' backups once, and keep what was seen."""

    def run() -> int:
        from inventory.commands import sync as command

        options = command.Options(
            account=account,
            droplets=frozenset(droplet or ()),
            is_full=full,
            is_dry_run=dry_run,
            accept_gone=accept_gone,
            as_json=as_json,
            is_quiet=quiet,
            is_verbose=verbose,
        )
        return command.run(config, options)

    _finish(run)


@app.command(rich_help_panel="Look")
def daemon(*, http: HttpAddress = None, config: ConfigFile = None, verbose: Verbose = False) -> None:
    """Look at the Droplets' backups on schedule, until told to stop; answer health and metrics over HTTP."""

    def run() -> int:
        from inventory.commands import daemon as command

        return command.run(config, listen=http, is_verbose=verbose)

    _finish(run)


@app.command(rich_help_panel="Ask")
def report(
    *,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which report; the beginning of its name will do.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the reports, each with the question it answers.")] = False,
    as_of: Annotated[
        str | None, typer.Option(metavar="MOMENT", help="Answer by what was known then: a date, a time, or 7d ago.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="MOMENT", help="For restorable_backups: by all that is known today.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="MOMENT", help="Only what is of then or later.")] = None,
    until: Annotated[str | None, typer.Option(metavar="MOMENT", help="Only what is of before then.")] = None,
    droplet: AskedDroplets = None,
    account: AskedAccounts = None,
    tag: AskedTags = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many rows.")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print every column of every row as CSV.")] = False,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Replace this file by one HTML page that needs nothing else."),
    ] = None,
) -> None:
    """Answer a question; without a name, sum up what there is and what needs attention."""

    def run() -> int:
        from inventory.commands import report as command

        if list_:
            return command.list_reports()
        options = command.Options(
            as_of=as_of,
            at=at,
            since=since,
            until=until,
            droplets=tuple(droplet or ()),
            accounts=tuple(account or ()),
            tags=tuple(tag or ()),
            limit=limit,
            as_json=as_json,
            as_csv=as_csv,
            html=html,
        )
        return command.run(config, name, options)

    _finish(run)


@app.command(rich_help_panel="Ask")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME-or-ID", help="Of a Droplet; or the id of a backup.")],
    *,
    config: ConfigFile = None,
    as_json: AsJson = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show all of each list, not the newest alone.")] = (
        False
    ),
) -> None:
    """Show everything about one Droplet or backup."""

    def run() -> int:
        from inventory.commands import show as command

        return command.run(config, name, as_json=as_json, is_verbose=verbose)

    _finish(run)


@app.command(rich_help_panel="Ask")
def health(*, http: HttpAddress = None, config: ConfigFile = None) -> None:
    """Ask the daemon of this machine whether it is well; exit with 0 or 1."""

    def run() -> int:
        from inventory.commands import health as command

        return command.run(config, listen=http)

    _finish(run)


class _Plugin(TyperCommand):
    """A command whose codes monitoring reads: whatever keeps it from an answer is 3 and one line on stdout."""

    def make_context(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - Typer's own types are private
        """Read the command line."""
        return self._answered(super().make_context, *arguments, **named)

    def invoke(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as above
        """Run the command."""
        return self._answered(super().invoke, *arguments, **named)

    def _answered(self, step: Callable[..., Any], *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as above
        try:
            return step(*arguments, **named)
        except typer.Exit:
            raise
        except BrokenPipeError:
            _leave_the_pipe()
            raise typer.Exit(_EXIT_UNANSWERED) from None
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - a monitor is owed an answer about a bug too
            _say_unanswered(error)
            raise typer.Exit(_EXIT_UNANSWERED) from None


@app.command(rich_help_panel="Ask", cls=_Plugin)
def check(
    *,
    account: AskedAccounts = None,
    droplet: AskedDroplets = None,
    tag: AskedTags = None,
    nagios: Annotated[bool, typer.Option("--nagios", help="Add performance data to the first line.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing if all is well.")] = False,
) -> None:
    """Say whether all backups are as they should be: 0 ok, 1 warning, 2 critical, 3 unknown."""
    from inventory.commands import check as command

    options = command.Options(
        accounts=tuple(account or ()),
        droplets=tuple(droplet or ()),
        tags=tuple(tag or ()),
        is_nagios=nagios,
        is_quiet=quiet,
        as_json=as_json,
    )
    code = command.run(config, options)
    sys.stdout.flush()
    raise typer.Exit(code)


@app.command(rich_help_panel="Set up")
def doctor(*, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check all that a sync needs, a line each, and say what to do; nothing that it does stays."""

    def run() -> int:
        from inventory.commands import doctor as command

        return command.run(config_file=config, as_json=as_json)

    _finish(run)


@app.command(rich_help_panel="Ask")
def metrics(
    *,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Replace this file at once, in place of printing.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Print the metrics of the daemon from the database, for node_exporter's textfile collector."""

    def run() -> int:
        from inventory.commands import metrics as command

        return command.run(config, output=output)

    _finish(run)


@app.command(rich_help_panel="Set up")
def config(
    *,
    sample: Annotated[bool, typer.Option("--sample", help="Print a commented configuration file to begin with.")] = (
        False
    ),
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the settings in force and where each comes from, secrets masked."""

    def run() -> int:
        from inventory.commands import config as command

        return command.run(config_file=config, sample=sample, as_json=as_json)

    _finish(run)


@database_commands.command()
def upgrade(*, config: ConfigFile = None) -> None:
    """Create the database, or bring its tables to this program's version."""

    def run() -> int:
        from inventory.commands import db as command

        return command.upgrade(config)

    _finish(run)


@database_commands.command()
def grant_reader(
    role: Annotated[str, typer.Argument(metavar="NAME", help="The role: made where there is none of this name.")],
    *,
    config: ConfigFile = None,
) -> None:
    """Let a PostgreSQL role read what is stored, and nothing else."""

    def run() -> int:
        from inventory.commands import db as command

        return command.grant_reader(config, role)

    _finish(run)


@database_commands.command()
def copy(
    *,
    to: Annotated[str, typer.Option(metavar="URL", help="An empty or new database, written as the setting is.")],
    config: ConfigFile = None,
) -> None:
    """Copy the whole history to another database: from SQLite to PostgreSQL, or back."""

    def run() -> int:
        from inventory.commands import db as command

        return command.copy(config, to)

    _finish(run)


@app.command(rich_help_panel="Tidy")
def prune(
    *,
    keep_days: Annotated[
        int, typer.Option(metavar="N", max=36_500, help="Keep what ended in so many days; 90 or more.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be deleted, and delete nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking, as from cron.")] = False,
    config: ConfigFile = None,
    quiet: Quiet = False,
) -> None:
    """Delete what ended long ago: backups that are gone, and records of syncs."""

    def run() -> int:
        from inventory.commands import prune as command

        return command.run(config, keep_days=keep_days, is_dry_run=dry_run, is_confirmed=yes, is_quiet=quiet)

    _finish(run)


@app.command(rich_help_panel="Try")
def demo(
    *,
    days: Annotated[int, typer.Option(min=1, max=700, help="Simulated days, one sync each.")] = 120,
    droplets: Annotated[int, typer.Option(min=1, max=200, help="Droplets of the simulated account.")] = 12,
    seed: Annotated[int, typer.Option(help="What chance is derived from.")] = 1,
    directory: Annotated[Path, typer.Option(help="Where the new SQLite file goes.")] = Path(),
) -> None:
    """Sync a simulated account, day after simulated day, into a new SQLite file, and show its history."""

    def run() -> int:
        from inventory.commands import demo as command

        return command.run(days=days, droplets=droplets, seed=seed, directory=directory)

    _finish(run)


@app.command(rich_help_panel="Try")
def simulator(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="On 127.0.0.1; 0 takes a free one.")] = 8099,
    droplets: Annotated[int, typer.Option(min=0, max=20_000, help="How many there are.")] = 12,
    days: Annotated[int, typer.Option(min=0, max=700, help="How many days they have lived.")] = 90,
    token: Annotated[
        str | None, typer.Option(metavar="TOKEN", help="The token to ask for; it gives access to nothing real.")
    ] = None,
    seed: Annotated[int, typer.Option(help="What chance is derived from.")] = 1,
    oldest_goes: Annotated[
        Literal["by_age", "by_count"],
        typer.Option(help="When the oldest backup goes: at its age, or when the next one is made."),
    ] = "by_age",
) -> None:
    """Serve a simulated DigitalOcean account on this machine, to try everything without a real one."""

    def run() -> int:
        from inventory.commands import simulator as command

        return command.run(port=port, droplets=droplets, days=days, token=token, seed=seed, oldest_goes=oldest_goes)

    _finish(run)


def _finish(run: Callable[[], int]) -> NoReturn:
    """Run a command and exit with its code: a sentence for what was foreseen, a traceback for a bug alone."""
    try:
        code = run()
        sys.stdout.flush()
    except InventoryError as error:
        complain(str(error))
        code = error.exit_code
    except BrokenPipeError:
        _leave_the_pipe()
        code = _EXIT_PIPE_CLOSED
    except Exception:  # noqa: BLE001 - the one place where a bug becomes an exit code
        sys.stderr.write(redactor()(traceback.format_exc()))
        complain("this is a bug; please report it with the lines above. What was written before stays.")
        code = EXIT_BUG
    raise typer.Exit(code)


def _say_unanswered(error: BaseException) -> None:
    """Tell monitoring in one line that there is no answer, and why; the traceback of a bug goes to stderr."""
    from inventory.report.check_text import unanswered

    why = str(error)
    # Typer gives the base of its usage errors no public name.
    if not isinstance(error, (InventoryError, *typer.BadParameter.__bases__)):
        sys.stderr.write(redactor()(traceback.format_exc()))
        why = f"a bug, please report it: {type(error).__name__}: {error}"
    sys.stdout.write(unanswered(why) + "\n")


def _leave_the_pipe() -> None:
    """Whoever read has seen enough: Python would complain once more when it closes the stream."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
