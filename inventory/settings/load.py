"""The settings that are in force.

The environment and the top level of the file speak of the account `default`; each table `[accounts.NAME]` adds another,
and so does each account that has files of its own.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import Secret, ValidationError

from inventory.errors import ConfigurationError
from inventory.judging.overdue import overdue_after
from inventory.judging.rules import Exemption, Rules
from inventory.settings import files
from inventory.settings.accounts import AccountSettings, accounts_in_file, read_directory
from inventory.settings.declared import Behaviour, NotifyTable, WrittenSettings
from inventory.settings.problems import find_problems
from inventory.settings.schedule import Schedule
from inventory.settings.sources import THE_DEFAULT, Reading, account_tables, read
from inventory.terminal.display import hide, redactor, shown


class Settings(Behaviour):
    """What is in force.

    Attributes:
        accounts: `default` first, then as the file has them, then those of the directory by name.
        database_url: `sqlite:////absolute/path` or `postgresql+psycopg://...`.
        rules: How badly each finding counts.
        exemptions: As the file has them.
        accounts_directory: None where no account has a file of its own.
        notify: Channels, as the file has them.
        ping_url: None where nobody is to be told.
        config_file: The file that was read, or None.
        sources: Name of a setting -> where its value comes from; an account knows that of its own.
        warnings: Sentences on what works but should be changed.
    """

    accounts: tuple[AccountSettings, ...]
    database_url: Secret[str]
    rules: Rules = Rules()
    exemptions: tuple[Exemption, ...] = ()
    notify: tuple[NotifyTable, ...] = ()
    ping_url: Secret[str] | None = None
    accounts_directory: str | None = None
    config_file: Path | None = None
    sources: Mapping[str, str] = {}

    @property
    def judged_accounts(self) -> Sequence[str] | None:
        """The names of the configured accounts; None where none is, and all that were ever synced are judged."""
        return [account.name for account in self.accounts] or None

    @property
    def groups(self) -> Mapping[str, str | None]:
        """The group of each configured account, by its name; None where nobody said."""
        return {account.name: account.group for account in self.accounts}

    @property
    def channels(self) -> Sequence[str]:
        """The names of the channels."""
        return [channel.name for channel in self.notify]

    warnings: tuple[str, ...] = ()

    @property
    def database_source(self) -> str:
        """Where the database URL comes from."""
        return self.sources["database_url"]

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be logged or shown."""
        urls = (channel.url for channel in self.notify)
        hidden = (*(account.token for account in self.accounts), *urls, self.ping_url)
        return tuple(secret.get_secret_value() for secret in hidden if secret is not None)


_OTHERS = ("database_url", "ping_url", "accounts_directory")


def load(
    config_file: Path | None = None, environ: Mapping[str, str] = os.environ, *, needs_token: bool = True
) -> Settings:
    """Read all settings.

    Args:
        config_file: None means the first that `find` finds, or none.
        environ: The environment; a value, so that a test can bring its own.
        needs_token: Whether a token must be there. If not, files with tokens are not read: a user who only asks the
            database may not be allowed to.

    Raises:
        ConfigurationError: With every problem there is, one a line.
    """
    reading = read(files.find(config_file, environ), environ, needs_token=needs_token)
    problems = find_problems(reading, environ, needs_token=needs_token)
    if problems or isinstance(reading.written, ValidationError):
        redacted = redactor()
        raise ConfigurationError("\n".join(shown(redacted(problem)) for problem in problems))
    settings = _in_force(reading.written, reading, needs_token=needs_token)
    hide(settings.secrets)
    return settings


def _in_force(written: WrittenSettings, reading: Reading, *, needs_token: bool) -> Settings:
    sources = {name: reading.source((name,)) for name in (*Behaviour.model_fields, *_OTHERS)}
    accounts = [*accounts_in_file(written, reading)]
    warnings = _warnings(reading)
    if written.accounts_directory:
        found = read_directory(written.accounts_directory, accounts, needs_token=needs_token)
        accounts += found.accounts
        warnings += tuple(found.warnings)
        if not accounts:
            raise ConfigurationError(
                f"accounts_directory: {shown(written.accounts_directory)} has no NAME.toml and no NAME.token"
            )
    # WrittenSettings has validated every value.
    return Settings.model_construct(
        **{name: getattr(written, name) for name in Behaviour.model_fields},
        accounts=tuple(accounts),
        database_url=written.database_url,
        rules=_rules(written, sources),
        exemptions=tuple(table.exemption() for table in written.exemptions),
        notify=written.notify,
        ping_url=written.ping_url,
        accounts_directory=written.accounts_directory,
        config_file=Path(reading.file.path) if reading.file.path else None,
        sources=sources,
        warnings=warnings,
    )


def _rules(written: WrittenSettings, sources: Mapping[str, str]) -> Rules:
    """Judge by the schedule where somebody wrote one; the default is the daemon's alone, and cron may have another."""
    if sources["schedule"] == THE_DEFAULT:
        return written.findings
    return replace(written.findings, sync_overdue_after=overdue_after(Schedule(written.schedule).longest_gap))


def _warnings(reading: Reading) -> tuple[str, ...]:
    in_file = reading.file()
    tables = (in_file, *(table for _, table in account_tables(in_file)))
    holds_secret = any("token" in table or "ping_url" in table for table in tables)
    is_secret = (
        holds_secret
        or "@" in str(in_file.get("database_url"))
        or any("url" in each for each in in_file.get("notify", ()))
    )
    paths = [*reading.paths.values(), *([reading.file.path] if reading.file.path and is_secret else [])]
    return tuple(filter(None, map(files.exposure, dict.fromkeys(paths))))
