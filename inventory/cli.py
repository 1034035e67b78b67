"""The table of commands. Each command loads its own modules when it is called, so that cron starts quickly."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from inventory import __version__
from inventory.ending import Plugin, exits
from inventory.terminal.helping import Commands

app = typer.Typer(
    cls=Commands,
    help="Lists the backups of your DigitalOcean Droplets regularly, and keeps their history in SQLite or "
    "PostgreSQL. It only ever reads from DigitalOcean.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
database_commands = typer.Typer(
    cls=Commands,
    help="Create the database, bring it up to date, copy it, let others read it, or delete an account from it.",
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
    typer.Option("--config", metavar="FILE", help="The TOML file to read, instead of the first that is found."),
]
HttpAddress = Annotated[
    str | None,
    typer.Option(
        "--http",
        metavar="ADDRESS:PORT",
        callback=_read_address,
        help='Where it answers, or "off"; overrides the setting.',
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
AskedDroplets = Annotated[
    list[str] | None, typer.Option("--droplet", metavar="NAME-or-ID", help="Only this Droplet; may be repeated.")
]
AskedAccounts = Annotated[
    list[str] | None,
    typer.Option(
        "--account", metavar="NAME", help="Only this account, or those of a pattern such as acme-*; may be repeated."
    ),
]
AskedGroups = Annotated[
    list[str] | None,
    typer.Option(
        "--group",
        metavar="NAME",
        help="Only accounts whose setting group is this, or fits a pattern such as acme*; may be repeated.",
    ),
]
ReportName = Annotated[
    str | None, typer.Argument(metavar="NAME", help="Which report; the beginning of its name is enough.")
]
RestorableAt = Annotated[
    str | None,
    typer.Option(
        metavar="MOMENT", help="For restorable_backups: what could be restored then, by all that is known today."
    ),
]
HtmlDirectory = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Write the pages of `inventory pages` as files into this directory."),
]
AskedTags = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="Only Droplets with this tag; may be repeated.")
]
HtmlFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write one self-contained HTML page to this file, replacing it.")
]
Limit = Annotated[int | None, typer.Option(metavar="N", min=1, max=1_000_000_000, help="At most this many rows.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only what a person must fix.")]
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
    """Take the options that come before a command; the help text is the program's own."""


@app.command(rich_help_panel="Look")
@exits
def sync(
    *,
    account: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only this configured account, or those of a pattern such as acme-*."),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only accounts whose setting group is this, or fits a pattern."),
    ] = None,
    droplet: Annotated[
        list[str] | None, typer.Option(metavar="NAME-or-ID", help="Only this Droplet; may be repeated.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="List the backups of every Droplet, even if nothing can have changed.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be written, and write nothing.")] = False,
    accept_gone: Annotated[
        bool,
        typer.Option("--accept-gone", help="Record missing backups as gone now, instead of waiting for a second sync."),
    ] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Look at the backups of the selected Droplets once, and store what was seen."""
    from inventory.commands import sync as command
    from inventory.sync.order import Order

    order = Order(
        account=account,
        group=group,
        droplets=frozenset(droplet or ()),
        is_full=full,
        is_dry_run=dry_run,
        accept_gone=accept_gone,
        is_verbose=verbose,
    )
    return command.run(config, command.Options(order=order, as_json=as_json, is_quiet=quiet))


@app.command(rich_help_panel="Look")
@exits
def daemon(*, http: HttpAddress = None, config: ConfigFile = None, verbose: Verbose = False) -> int:
    """Sync on a schedule until stopped, and answer health and metrics over HTTP."""
    from inventory.commands import daemon as command

    return command.run(config, listen=http, is_verbose=verbose)


@app.command(rich_help_panel="Look")
@exits
def worker(*, http: HttpAddress = None, config: ConfigFile = None, verbose: Verbose = False) -> int:
    """Share the syncs with other workers on the same PostgreSQL database, until stopped."""
    from inventory.commands import worker as command

    return command.run(config, listen=http, is_verbose=verbose)


@app.command(rich_help_panel="Ask")
@exits
def report(
    *,
    name: ReportName = None,
    list_: Annotated[bool, typer.Option("--list", help="List the reports, each with the question it answers.")] = False,
    as_of: Annotated[str | None, typer.Option(metavar="MOMENT", help="Answer by what was known then.")] = None,
    at: RestorableAt = None,
    since: Annotated[str | None, typer.Option(metavar="MOMENT", help="Only rows of that moment or later.")] = None,
    until: Annotated[str | None, typer.Option(metavar="MOMENT", help="Only rows of before that moment.")] = None,
    droplet: AskedDroplets = None,
    account: AskedAccounts = None,
    group: AskedGroups = None,
    tag: AskedTags = None,
    limit: Limit = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print every row and column as CSV.")] = False,
    html: HtmlFile = None,
    html_dir: HtmlDirectory = None,
) -> int:
    """Answer a question; without a name, show the summary and what needs attention.

    A MOMENT is a month (2026-03), a day (2026-03-03, yesterday), a time
    (2026-03-03T12:00Z), or how long ago (36h, 7d, 4w), in UTC.
    A month or a day means its beginning; after --until, its end.
    """
    from inventory.commands import report as command
    from inventory.report.asking import Asked
    from inventory.report.forms import Form

    if list_:
        return command.list_reports()
    asked = Asked(
        as_of=as_of,
        at=at,
        since=since,
        until=until,
        droplets=tuple(droplet or ()),
        accounts=tuple(account or ()),
        groups=tuple(group or ()),
        tags=tuple(tag or ()),
        limit=limit,
    )
    form = Form(as_json, as_csv, html, html_dir)
    if html_dir is None:
        return command.run(config, name, asked, form)
    from inventory.commands import report_site

    form.check(name)
    return report_site.run(config, asked, html_dir)


@app.command(rich_help_panel="Ask")
@exits
def pages(
    *,
    http: Annotated[
        str | None,
        typer.Option(
            "--http",
            metavar="ADDRESS:PORT",
            callback=_read_address,
            help="Where to answer; 127.0.0.1:8081 if this is not given.",
        ),
    ] = None,
    connections: Annotated[
        int | None,
        typer.Option(
            "--connections",
            hidden=True,
            min=0,
            max=2**31 - 1,
            help="Descriptor of the socket on which the daemon hands connections over.",
        ),
    ] = None,
    config: ConfigFile = None,
) -> int:
    """Serve pages to look at in a browser: overview, calendar, Droplets, reports, and the past."""
    from inventory.commands import pages as command

    return command.run(config, listen=http, connections=connections)


@app.command(rich_help_panel="Ask")
@exits
def show(
    name: Annotated[str, typer.Argument(metavar="NAME-or-ID", help="A Droplet, or a backup by its id.")],
    *,
    config: ConfigFile = None,
    as_json: AsJson = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show all rows of each list, not only the newest.")
    ] = (False),
) -> int:
    """Show everything about one Droplet or backup."""
    from inventory.commands import show as command

    return command.run(config, name, as_json=as_json, is_verbose=verbose)


@app.command(rich_help_panel="Ask")
@exits
def health(*, http: HttpAddress = None, config: ConfigFile = None) -> int:
    """Ask the daemon on this machine whether it is healthy; exit with 0 or 1."""
    from inventory.commands import health as command

    return command.run(config, listen=http)


@app.command(rich_help_panel="Ask", cls=Plugin)
def check(
    *,
    account: AskedAccounts = None,
    group: AskedGroups = None,
    droplet: AskedDroplets = None,
    tag: AskedTags = None,
    nagios: Annotated[bool, typer.Option("--nagios", help="Add performance data to the first line.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing if nothing is wrong.")] = False,
    timeout: Annotated[
        int, typer.Option(metavar="SECONDS", min=1, max=3600, help="Exit with 3 if there is no answer by then.")
    ] = 10,
) -> int:
    """Check whether all backups are as they should be: exit with 0 ok, 1 warning, 2 critical, 3 unknown."""
    from inventory.report.check_unanswered import answering_within

    with answering_within(timeout) as wait:
        from inventory.commands import check as command

        options = command.Options(
            accounts=tuple(account or ()),
            groups=tuple(group or ()),
            droplets=tuple(droplet or ()),
            tags=tuple(tag or ()),
            is_nagios=nagios,
            is_quiet=quiet,
            as_json=as_json,
        )
        return command.run(config, options, wait)


@app.command(rich_help_panel="Ask")
@exits
def notify(
    *,
    is_printing: Annotated[
        bool, typer.Option("--print", help="Print what changed since the last print instead, for cron's mail.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be sent to whom.")] = False,
    test: Annotated[str | None, typer.Option(metavar="NAME", help="Send this channel a message to try it.")] = None,
    config: ConfigFile = None,
) -> int:
    """Tell the channels of the settings what is new, worse or solved since they were told: each finding once."""
    from inventory.errors import UsageError

    if is_printing + dry_run + (test is not None) > 1:
        raise UsageError("--print, --dry-run and --test exclude each other")
    if is_printing:
        from inventory.commands import notify_print

        return notify_print.run(config)
    from inventory.commands import notify as command

    return command.run(config, is_dry_run=dry_run) if test is None else command.test(config, test)


@app.command(rich_help_panel="Set up")
@exits
def doctor(*, config: ConfigFile = None, as_json: AsJson = False) -> int:
    """Check everything that a sync needs, one line each, and say what to do; leave nothing behind."""
    from inventory.commands import doctor as command

    return command.run(config_file=config, as_json=as_json)


@app.command(rich_help_panel="Ask")
@exits
def metrics(
    *,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Replace this file in one step, instead of printing.")
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(metavar="NAME", help='Add database="NAME" to every metric, where several databases meet.'),
    ] = None,
    config: ConfigFile = None,
) -> int:
    """Print the daemon's metrics from the database, for node_exporter's textfile collector."""
    from inventory.commands import metrics as command

    return command.run(config, output=output, label=label)


@app.command(rich_help_panel="Set up")
@exits
def config(
    *,
    sample: Annotated[bool, typer.Option("--sample", help="Print a commented configuration file to start from.")] = (
        False
    ),
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> int:
    """Show the settings in force and where each one comes from, secrets masked."""
    from inventory.commands import config as command

    return command.run(config_file=config, sample=sample, as_json=as_json)


@database_commands.command()
@exits
def upgrade(*, config: ConfigFile = None) -> int:
    """Create the database, or upgrade its tables to this program's version."""
    from inventory.commands import db as command

    return command.upgrade(config)


@database_commands.command()
@exits
def grant_reader(
    role: Annotated[str, typer.Argument(metavar="NAME", help="The role; it is created if it does not exist.")],
    *,
    config: ConfigFile = None,
) -> int:
    """Let a PostgreSQL role read what is stored, and nothing else."""
    from inventory.commands import db as command

    return command.grant_reader(config, role)


@database_commands.command()
@exits
def copy(
    *,
    to: Annotated[
        str, typer.Option(metavar="URL", help="An empty or new database, written like the setting database_url.")
    ],
    config: ConfigFile = None,
) -> int:
    """Copy the whole history to another database: from SQLite to PostgreSQL, or back."""
    from inventory.commands import db as command

    return command.copy(config, to)


@database_commands.command()
@exits
def publish(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The SQLite file for readers; it is replaced.")],
    *,
    config: ConfigFile = None,
) -> int:
    """Copy the history into a SQLite file that others can read, without what people were told."""
    from inventory.commands import publish as command

    return command.run(config, file)


@database_commands.command()
@exits
def forget_account(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The account, which is no longer configured.")],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be deleted, and delete nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    config: ConfigFile = None,
) -> int:
    """Delete the whole history of an account that is no longer configured."""
    from inventory.commands import forget_account as command

    return command.run(config, name, is_dry_run=dry_run, is_confirmed=yes)


@app.command(rich_help_panel="Tidy")
@exits
def prune(
    *,
    keep_days: Annotated[
        int, typer.Option(metavar="N", max=36_500, help="Keep what ended within this many days; 90 or more.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be deleted, and delete nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking, for cron.")] = False,
    config: ConfigFile = None,
    quiet: Quiet = False,
) -> int:
    """Delete what ended long ago: backups that are gone, and records of syncs."""
    from inventory.commands import prune as command

    return command.run(config, keep_days=keep_days, is_dry_run=dry_run, is_confirmed=yes, is_quiet=quiet)


@app.command(rich_help_panel="Try")
@exits
def demo(
    *,
    days: Annotated[int, typer.Option(metavar="N", min=1, max=700, help="Simulated days, one sync each.")] = 120,
    droplets: Annotated[int, typer.Option(metavar="N", min=1, max=200, help="Droplets of the simulated account.")] = 12,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the random numbers.")] = 1,
    directory: Annotated[Path, typer.Option(metavar="DIRECTORY", help="Where to create the new SQLite file.")] = Path(),
) -> int:
    """Sync a simulated account once per simulated day into a new SQLite file, and show its history."""
    from inventory.commands import demo as command

    return command.run(days=days, droplets=droplets, seed=seed, directory=directory)


@app.command(rich_help_panel="Try")
@exits
def simulator(
    *,
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="On 127.0.0.1; 0 takes a free port.")] = 8099,
    droplets: Annotated[int, typer.Option(metavar="N", min=0, max=20_000, help="How many Droplets there are.")] = 12,
    days: Annotated[int, typer.Option(metavar="N", min=0, max=700, help="How many days of history they have.")] = 90,
    token: Annotated[
        str | None, typer.Option(metavar="TOKEN", help="The token to accept; it gives access to nothing real.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the random numbers.")] = 1,
    oldest_goes: Annotated[
        Literal["by_age", "by_count"],
        typer.Option(help="When the oldest backup is deleted: at its age, or when the next one is made."),
    ] = "by_age",
) -> int:
    """Serve a simulated DigitalOcean account on this machine, to try everything without a real one."""
    from inventory.commands import simulator as command

    return command.run(port=port, droplets=droplets, days=days, token=token, seed=seed, oldest_goes=oldest_goes)
