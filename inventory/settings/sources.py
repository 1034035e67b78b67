"""Where settings are written, and what is written there. No source raises; what it cannot read is a problem to report.

A secret and the file that may hold it are one setting: the nearest source that names either of them wins; within one
source, the file wins.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, InitSettingsSource, TomlConfigSettingsSource

from inventory.settings import files
from inventory.settings.declared import SECRETS, VARIABLES, WrittenSettings
from inventory.settings.formats import read_secret_path
from inventory.settings.lines import Keys, lines_of

THE_DEFAULT = "the default"

_FOREIGN_TOKEN_VARIABLES = ("DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_TOKEN")


class Environment(EnvSettingsSource):
    """Our variables. An empty one counts as not set; tables have no variable."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(WrittenSettings, case_sensitive=False)
        self.env_vars = {name.lower(): environ[name] for name in VARIABLES.values() if environ.get(name)}


class ConfigurationFile(TomlConfigSettingsSource):
    """One TOML file, or none if `path` is None."""

    def __init__(self, path: str | None) -> None:
        self.path = path
        self.text, self.problem, self._values = "", "", dict[str, Any]()
        try:
            if path is not None:
                self.text, self._values = files.read_configuration(path)
        except ValueError as error:
            self.problem = str(error)
        super().__init__(WrittenSettings, toml_file=None if self.problem else path)

    def _read_file(self, path: object) -> dict[str, Any]:  # noqa: ARG002 - it was read, within bounds
        return self._values


class SecretFiles(InitSettingsSource):
    """The contents of the files that the environment and the configuration file name; nearer than both.

    If a file cannot be read, the value is the error; the type of every secret refuses it.
    """

    def __init__(self, environment: Environment, file: ConfigurationFile, *, needs_token: bool) -> None:
        self.paths: dict[Keys, str] = {}
        self._needs_token = needs_token
        values: dict[str, Any] = {}
        in_environment, in_file = environment(), file()
        for name in SECRETS:
            named = (table for table in (in_environment, in_file) if name in table or f"{name}_file" in table)
            values |= {f"{name}_file": None} | self._read(next(named, {}), (name,))
        for name, table in account_tables(in_file):
            if found := self._read(table, ("accounts", name, "token")):
                values.setdefault("accounts", {})[name] = found
        super().__init__(WrittenSettings, values)

    def _read(self, table: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
        """Return the path and the content of the file that a table names for a secret; nothing if it names none."""
        name = keys[-1]
        written = table.get(f"{name}_file")
        try:
            self.paths[keys] = read_secret_path(written)
        except ValueError:
            # If it is not the path of a file, its own type says so.
            return {} if written is None else {f"{name}_file": written}
        is_needed = self._needs_token or name == "database_url"
        try:
            content: object = files.read_secret(self.paths[keys]) if is_needed else None
        except ValueError as error:
            content = error
        return {f"{name}_file": written, name: content}


class OtherTools(InitSettingsSource):
    """DigitalOcean's own variables, used only if nothing of ours names a token; the farthest source."""

    def __init__(self, environ: Mapping[str, str], environment: Environment, file: ConfigurationFile) -> None:
        is_named = not {"token", "token_file", "accounts", "accounts_directory"}.isdisjoint((*environment(), *file()))
        self.variable = next((name for name in _FOREIGN_TOKEN_VARIABLES if environ.get(name) and not is_named), "")
        super().__init__(WrittenSettings, {"token": environ[self.variable]} if self.variable else {})


@dataclass(frozen=True, slots=True)
class Reading:
    """What all sources together say.

    Attributes:
        written: The settings, or what is wrong with them.
        values: What is written; what a nearer source hides is left out.
        file: The configuration file.
        variables: Name of a setting -> the variable that gives it.
        paths: Keys of a secret -> the file that gives it.
    """

    written: WrittenSettings | ValidationError
    values: Mapping[str, Any] = field(repr=False)
    file: ConfigurationFile
    variables: Mapping[str, str]
    paths: Mapping[Keys, str]

    def source(self, keys: Keys) -> str:
        """Return where the value comes from that the keys lead to."""
        is_in_file = value_of(self.file(), keys) is not None
        return self._elsewhere(keys) or (f"{self.file.path}: {'.'.join(keys)}" if is_in_file else THE_DEFAULT)

    def place(self, keys: Keys) -> str:
        """Return where to change what the keys lead to, with the line in the file: `inventory.toml:12: key`."""
        written, lines, found = ".".join(keys), lines_of(self.file.text), keys
        while found and found not in lines:
            found = found[:-1]
        return self._elsewhere(keys) or (f"{self.file.path}:{lines[found]}: {written}" if found else written)

    def _elsewhere(self, keys: Keys) -> str | None:
        return self.paths.get(keys) or self.variables.get(keys[0])


def read(path: str | None, environ: Mapping[str, str], *, needs_token: bool) -> Reading:
    """Ask all sources.

    Args:
        path: The configuration file, or None.
        environ: The environment.
        needs_token: Whether files that hold a token or the ping URL are read.
    """
    environment, file = Environment(environ), ConfigurationFile(path)
    secret_files = SecretFiles(environment, file, needs_token=needs_token)
    other_tools = OtherTools(environ, environment, file)
    written: WrittenSettings | ValidationError
    try:
        written = WrittenSettings.model_validate({"sources": (secret_files, environment, file, other_tools)})
    except ValidationError as error:
        written = error
    said = other_tools.settings_sources_data
    variables = {name: VARIABLES[name] for name in said[Environment.__name__]}
    foreign = dict.fromkeys(said[OtherTools.__name__], other_tools.variable)
    return Reading(written, other_tools.current_state | other_tools(), file, variables | foreign, secret_files.paths)


def account_tables(values: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give the tables [accounts.NAME] with their names, as far as they are tables."""
    accounts = values.get("accounts")
    for name, table in accounts.items() if isinstance(accounts, dict) else ():
        if isinstance(table, dict):
            yield name, table


def value_of(table: object, keys: Keys) -> object:
    """Return what the keys lead to; None where that is nothing."""
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table
