"""Join environment, file and defaults into the settings that the commands see.

The environment wins over the file, the file over the defaults; an empty variable counts as not set. A secret and the
file it may stand in are one setting in this: whichever is set in the environment, both of the file's are passed over.

The environment and the top level of the file speak of the account `default`; each table `[accounts.NAME]` adds another.
DigitalOcean's own variables are only looked at where nothing of ours names a token.
"""

import os
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from inventory.errors import ConfigurationError
from inventory.judging.overdue import overdue_after
from inventory.judging.rules import Exemption, Rules
from inventory.model import Selection
from inventory.settings import files, formats
from inventory.settings.declared import VARIABLES, AccountTable, Behaviour, WrittenSettings
from inventory.settings.files import ConfigurationFile
from inventory.settings.problems import reason, unknown_variables
from inventory.settings.schedule import Schedule
from inventory.terminal.display import redactor, shown

DEFAULT_ACCOUNT = "default"
THE_DEFAULT = "the default"

_FOREIGN_TOKEN_VARIABLES = ("DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_TOKEN")
_PAIRS = (("token", "token_file"), ("database_url", "database_url_file"), ("ping_url", "ping_url_file"))
_ACCOUNT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """One account to sync.

    Attributes:
        token: Empty where `load` was told that tokens are not needed.
        token_source: The variable, the file, or the file's key that gives the token.
        token_file: The file that holds it, if it has one of its own, else None.
    """

    name: str
    token: SecretStr
    token_source: str
    droplets: Selection
    token_file: str | None = None

    def reread(self) -> "AccountSettings":
        """Return the account with the token its file holds now; as it is, where that cannot be read or used."""
        if self.token_file is None:
            return self
        try:
            return replace(self, token=SecretStr(formats.read_token(files.read_secret(self.token_file).text)))
        except ValueError:
            return self


class Settings(Behaviour):
    """What is in force.

    Attributes:
        accounts: `default` first, the others as the file has them.
        database_url: `sqlite:////absolute/path` or `postgresql+psycopg://...`.
        rules: How badly each finding counts.
        exemptions: As the file has them.
        ping_url: None where nobody is to be told.
        config_file: The file that was read, or None.
        sources: Where each setting comes from, by its name.
        warnings: Sentences on what works but should be mended.
    """

    accounts: tuple[AccountSettings, ...]
    database_url: SecretStr
    rules: Rules = Rules()
    exemptions: tuple[Exemption, ...] = ()
    ping_url: SecretStr | None = None
    config_file: Path | None = None
    sources: Mapping[str, str] = {}
    warnings: tuple[str, ...] = ()

    @property
    def database_source(self) -> str:
        """Where the database URL comes from."""
        return self.sources.get("database_url", THE_DEFAULT)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be logged or shown."""
        hidden = [account.token for account in self.accounts] + ([self.ping_url] if self.ping_url else [])
        return tuple(secret.get_secret_value() for secret in hidden if secret.get_secret_value())


def load(
    config_file: Path | None = None, environ: Mapping[str, str] = os.environ, *, needs_token: bool = True
) -> Settings:
    """Read all settings.

    Args:
        config_file: None means the first that `find` finds, or none.
        environ: The environment; a value, so that a test can bring its own.
        needs_token: Whether a token must be there. If not, tokens are not read: who only asks the database may not be
            allowed to.

    Raises:
        ConfigurationError: With every problem there is, one a line.
    """
    problems = unknown_variables(environ)
    file = _read_file(files.find(config_file, environ), problems)
    given = _Given.join(file, environ)
    written, details = _validated(given.values)
    problems += [f"{given.place(_keys(detail))}: {reason(detail)}" for detail in details]
    loading = _Loading(given, written, problems, needs_token=needs_token)
    accounts, database_url, ping_url = loading.accounts(), loading.database_url(), loading.ping_url()
    if problems:
        redacted = redactor()
        raise ConfigurationError("\n".join(shown(redacted(problem)) for problem in problems))
    sources = loading.sources()
    return Settings(
        **written.model_dump(include=set(Behaviour.model_fields)),
        accounts=accounts,
        database_url=database_url,
        rules=_rules(written, sources),
        exemptions=tuple(table.exemption() for table in written.exemptions),
        ping_url=ping_url,
        config_file=Path(file.path) if file.path else None,
        sources=sources,
        warnings=loading.warnings(),
    )


def _rules(written: WrittenSettings, sources: Mapping[str, str]) -> Rules:
    """Judge by the schedule where somebody wrote one; the default is the daemon's alone, and cron may have another."""
    if sources["schedule"] == THE_DEFAULT:
        return written.findings
    return replace(written.findings, sync_overdue_after=overdue_after(Schedule(written.schedule).longest_gap))


def _read_file(path: str | None, problems: list[str]) -> ConfigurationFile:
    try:
        return files.read_configuration(path) if path else ConfigurationFile()
    except ValueError as error:
        problems.append(str(error))
        return ConfigurationFile(path)


@dataclass(frozen=True, slots=True)
class _Given:
    """What file and environment say, joined but not read.

    Attributes:
        variables: The environment variable of each key that the environment gives.
        values: As TOML would hold them.
    """

    file: ConfigurationFile
    variables: Mapping[str, str]
    values: Mapping[str, Any] = field(repr=False)

    @classmethod
    def join(cls, file: ConfigurationFile, environ: Mapping[str, str]) -> "_Given":
        variables = {key: variable for key, variable in VARIABLES.items() if environ.get(variable)}
        values = dict(file.values)
        for pair in _PAIRS:
            if not variables.keys().isdisjoint(pair):
                values = {key: value for key, value in values.items() if key not in pair}
        if {"token", "token_file", "accounts"}.isdisjoint({*variables, *values}):
            foreign = next((variable for variable in _FOREIGN_TOKEN_VARIABLES if environ.get(variable)), None)
            variables |= {"token": foreign} if foreign else {}
        return cls(file, variables, values | {key: environ[variable] for key, variable in variables.items()})

    def place(self, keys: tuple[str, ...]) -> str:
        """Return where to mend it."""
        if keys[0] in self.variables:
            return self.variables[keys[0]]
        return f"{self.file.place(keys)}: {'.'.join(keys)}"

    def source(self, keys: tuple[str, ...]) -> str:
        """Return where it comes from."""
        if keys[0] in self.variables:
            return self.variables[keys[0]]
        table = self.values
        for key in keys:
            if key not in table:
                return THE_DEFAULT
            table = table[key]
        return f"{self.file.path}: {'.'.join(keys)}"


def _validated(values: Mapping[str, Any]) -> tuple[WrittenSettings, list[ErrorDetails]]:
    """Read what can be read; what cannot is left out, so that the rest can still be looked at."""
    try:
        return WrittenSettings.model_validate(values), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    readable = deepcopy(dict(values))
    for detail in details:
        _leave_out(readable, _keys(detail))
    return WrittenSettings.model_validate(readable), details


def _leave_out(table: dict[str, Any], keys: tuple[str, ...]) -> None:
    """Leave out what the keys lead to; where they lead into a list, all of it."""
    key, *below = keys
    if below and isinstance(table.get(key), dict):
        _leave_out(table[key], tuple(below))
    else:
        table.pop(key, None)


def _keys(detail: ErrorDetails) -> tuple[str, ...]:
    return tuple(map(str, detail["loc"]))


class _Loading:
    """Reads the secrets; adds each problem it meets to `problems`."""

    def __init__(self, given: _Given, written: WrittenSettings, problems: list[str], *, needs_token: bool) -> None:
        self._given = given
        self._written = written
        self._problems = problems
        self._needs_token = needs_token
        self._sources: dict[str, str] = {}
        self._exposures: list[str] = []

    def accounts(self) -> tuple[AccountSettings, ...]:
        has_default = bool(self._written.token or self._written.token_file)
        accounts = [self._account(DEFAULT_ACCOUNT, self._written, ())] if has_default else []
        for name, table in self._written.accounts.items():
            accounts.append(self._account(name, table, ("accounts", name)))
            self._judge_name(name, has_default=has_default)
        found = tuple(account for account in accounts if account is not None)
        self._judge_tokens(found)
        # What is missing may follow from what is wrong, and is then no problem of its own.
        if not self._problems:
            self._judge_missing(found)
        return found

    def _account(self, name: str, table: AccountTable, keys: tuple[str, ...]) -> AccountSettings | None:
        droplets_keys = (*keys, "droplets")
        self._sources[".".join(droplets_keys)] = self._given.source(droplets_keys)
        if table.token_file is not None:
            path = table.token_file
            token = self._read_secret(path, formats.read_token) if self._needs_token else SecretStr("")
            return AccountSettings(name, token, path, table.droplets, path) if token is not None else None
        if table.token is not None:
            token = table.token if self._needs_token else SecretStr("")
            return AccountSettings(name, token, self._given.source((*keys, "token")), table.droplets)
        if not self._problems:
            self._problems.append(f"{self._given.place(keys)}: has neither token_file nor token")
        return None

    def _read_secret(self, path: str, read: Callable[[str], str]) -> SecretStr | None:
        try:
            secret = files.read_secret(path)
        except ValueError as error:
            self._problems.append(str(error))
            return None
        if secret.exposure:
            self._exposures.append(secret.exposure)
        try:
            return SecretStr(read(secret.text))
        except ValueError as error:
            self._problems.append(f"{path}: {error}")
            return None

    def _judge_name(self, name: str, *, has_default: bool) -> None:
        place = self._given.place(("accounts", name))
        if not _ACCOUNT_NAME.fullmatch(name):
            self._problems.append(f"{place}: a name has 1 to 64 letters, digits, dots, dashes and underscores")
        if name == DEFAULT_ACCOUNT and has_default:
            key = "token_file" if self._written.token_file else "token"
            self._problems.append(f"{place}: {self._given.source((key,))} already speaks of the account default")

    def _judge_tokens(self, accounts: tuple[AccountSettings, ...]) -> None:
        first: dict[str, AccountSettings] = {}
        for account in accounts if self._needs_token else ():
            other = first.setdefault(account.token.get_secret_value(), account)
            if other is not account:
                self._problems.append(
                    f"accounts {other.name} and {account.name} have the same token "
                    f"({other.token_source} and {account.token_source})"
                )

    def _judge_missing(self, accounts: tuple[AccountSettings, ...]) -> None:
        if not accounts and self._needs_token:
            self._problems.append(
                "no API token: set INVENTORY_TOKEN_FILE or INVENTORY_TOKEN, or write token_file in inventory.toml"
            )
        if accounts and accounts[0].name != DEFAULT_ACCOUNT and "droplets" in self._given.values:
            self._problems.append(
                f"{self._given.place(('droplets',))}: speaks of the account default, which has no token; "
                "write droplets in [accounts.NAME]"
            )

    def database_url(self) -> SecretStr:
        path = self._written.database_url_file
        if path is None:
            self._sources["database_url"] = self._given.source(("database_url",))
            return self._written.database_url
        self._sources["database_url"] = path
        return self._read_secret(path, formats.read_database_url) or SecretStr("")

    def ping_url(self) -> SecretStr | None:
        path = self._written.ping_url_file
        if path is None or not self._needs_token:
            self._sources["ping_url"] = path or self._given.source(("ping_url",))
            return self._written.ping_url if path is None else None
        self._sources["ping_url"] = path
        return self._read_secret(path, formats.read_ping_url)

    def sources(self) -> dict[str, str]:
        return {name: self._given.source((name,)) for name in Behaviour.model_fields} | self._sources

    def warnings(self) -> tuple[str, ...]:
        exposure = self._given.file.exposure
        if exposure and self._file_holds_secret():
            self._exposures.append(exposure)
        return tuple(dict.fromkeys(self._exposures))

    def _file_holds_secret(self) -> bool:
        written = {key: value for key, value in self._given.values.items() if key not in self._given.variables}
        tables = (written, *written.get("accounts", {}).values())
        has_other = "ping_url" in written or "@" in written.get("database_url", "")
        return has_other or any("token" in table for table in tables)
