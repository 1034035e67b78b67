"""The accounts to sync: those of the configuration file and the environment, and those with files of their own.

A mistake in the configuration file stops everything. One in an account's own file keeps only that account out.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from inventory.errors import ConfigurationError
from inventory.model import Selection
from inventory.network.access import Token
from inventory.settings import files
from inventory.settings.declared import ACCOUNT_NAME, DEFAULT_ACCOUNT, NAME_RULE, AccountTable, WrittenSettings
from inventory.settings.formats import read_secret_path
from inventory.settings.lines import lines_of
from inventory.settings.problems import mistakes_in
from inventory.settings.sources import THE_DEFAULT, Reading
from inventory.terminal.display import redactor, shown

_TABLE, _TOKEN = ".toml", ".token"


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """One account to sync.

    Attributes:
        token: None if it is in a file that was not read, because the caller of `load` needs no token.
        token_source: The variable, the file, or the file's key that gives the token.
        token_file: The file that holds it, if it has one of its own, else None.
        droplets_source: As `token_source`, of `droplets`.
        group: Whose it is; None where nobody said.
        group_source: As `token_source`, of `group`.
        problem: Why it cannot be synced, in a sentence that names its file. It is configured all the same: its Droplets
            stay its own (R6), and it is judged. None where nothing is wrong.
    """

    name: str
    token: Token | None
    token_source: str
    droplets: Selection
    token_file: str | None = None
    droplets_source: str = THE_DEFAULT
    group: str | None = None
    group_source: str = THE_DEFAULT
    problem: str | None = None

    def reread(self) -> "AccountSettings":
        """Return the account with the token its file holds now.

        Raises:
            ValueError: The file cannot be read, or holds no token.
        """
        if self.token_file is None:
            return self
        return replace(self, token=Token(files.read_secret(self.token_file)))


def accounts_in_file(written: WrittenSettings, reading: Reading) -> Iterator[AccountSettings]:
    """Give the account of the environment and the file's top level, then those of its tables."""
    tables: dict[tuple[str, ...], AccountTable] = {
        ("accounts", name): table for name, table in written.accounts.items()
    }
    if written.token or written.token_file:
        tables = {(): written, **tables}
    for keys, table in tables.items():
        yield AccountSettings(
            name=keys[-1] if keys else DEFAULT_ACCOUNT,
            token=table.token,
            token_source=reading.source((*keys, "token")),
            token_file=table.token_file,
            droplets=table.droplets,
            droplets_source=reading.source((*keys, "droplets")),
            group=table.group,
            group_source=reading.source((*keys, "group")),
        )


class Directory(NamedTuple):
    """What a directory of accounts holds.

    Attributes:
        accounts: By name.
        warnings: Sentences on files that are no account's, or that others can read.
    """

    accounts: list[AccountSettings]
    warnings: list[str]


def read_directory(directory: str, others: Collection[AccountSettings], *, needs_token: bool) -> Directory:
    """Read the accounts whose files are in a directory; one that has the token of another is out.

    Args:
        directory: Its path. Files whose names begin with a dot are passed over, and directories, unless they have the
            name of an account's file: Docker makes one in place of a file that is to be mounted and is not there.
        others: The accounts of the configuration file; one of these names is left to it.
        needs_token: Whether files that hold a token are read.

    Raises:
        ConfigurationError: The directory cannot be read.
    """
    found = Directory([], [])
    names = {each.name for each in others}
    holders = {each.token.get_secret_value(): each.name for each in others if each.token}
    for name, paths in sorted(_files(directory).items()):
        place = shown(next(iter(paths.values())))
        if not {_TABLE, _TOKEN} & paths.keys():
            found.warnings.append(f"{place}: is no account's file: its name ends in neither .toml nor .token")
        elif not _is_name(name):
            found.warnings.append(f"{place}: {NAME_RULE}")
        elif name in names:
            found.warnings.append(f"{place}: is not read, because the configuration file has an account {name} too")
        else:
            account = _account(name, paths, needs_token=needs_token)
            if account.token and (holder := holders.setdefault(account.token.get_secret_value(), name)) != name:
                account = _without(account, paths, f"has the token of the account {holder}")
            found.accounts.append(account)
            found.warnings.extend(filter(None, map(files.exposure, _secrets(account, paths))))
    return found


def _files(directory: str) -> dict[str, dict[str, str]]:
    """Give the paths of each account's files, by how they end."""
    found: dict[str, dict[str, str]] = {}
    try:
        entries = [each for each in Path(directory).iterdir() if not each.name.startswith(".") and _is_meant(each)]
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ConfigurationError(f"accounts_directory: {shown(directory)}: {why}") from None
    for entry in sorted(entries):
        end = entry.suffix if entry.suffix in (_TABLE, _TOKEN) else ""
        found.setdefault(entry.name.removesuffix(end), {})[end] = str(entry)
    return found


def _is_meant(entry: Path) -> bool:
    return entry.suffix in (_TABLE, _TOKEN) or not entry.is_dir()


def _is_name(name: str) -> bool:
    try:
        ACCOUNT_NAME.validate_python(name)
    except ValidationError:
        return False
    return True


def _secrets(account: AccountSettings, paths: Mapping[str, str]) -> set[str]:
    """Name the files that hold the account's token."""
    if account.token_file:
        return {account.token_file}
    return {paths[_TABLE]} if account.token and _TABLE in paths else set()


def _account(name: str, paths: Mapping[str, str], *, needs_token: bool) -> AccountSettings:
    """Read the files of one account; what is wrong is its problem."""
    account = AccountSettings(name, None, paths.get(_TOKEN, paths.get(_TABLE, "")), Selection(everything=True))
    try:
        return _read(account, paths, needs_token=needs_token)
    except ValueError as error:
        return _without(account, paths, str(error))


def _read(account: AccountSettings, paths: Mapping[str, str], *, needs_token: bool) -> AccountSettings:
    """Read the account.

    Raises:
        ValueError: One of its files is wrong.
    """
    path = paths.get(_TABLE)
    text, values = files.read_configuration(path) if path else ("", {})
    if _TOKEN in paths:
        values = _with_token_file(values, paths[_TOKEN])
    token_file = read_secret_path(values["token_file"]) if "token_file" in values else None
    if token_file and needs_token:
        values["token"] = _secret(token_file)
    try:
        table = AccountTable.model_validate(values)
    except ValidationError as error:
        raise ValueError("; ".join(mistakes_in(error, account.name, lines_of(text)))) from None
    if table.token is None and table.token_file is None:
        raise ValueError("has neither token_file nor token")
    return replace(
        account,
        token=table.token,
        token_source=token_file or f"{path}: token",
        token_file=token_file,
        droplets=table.droplets,
        droplets_source=f"{path}: droplets" if "droplets" in values else THE_DEFAULT,
        group=table.group,
        group_source=f"{path}: group" if table.group else THE_DEFAULT,
    )


def _with_token_file(values: Mapping[str, Any], token_file: str) -> dict[str, Any]:
    if not {"token", "token_file"}.isdisjoint(values):
        raise ValueError(f"has a token, and so has {token_file}")
    return {**values, "token_file": token_file}


def _secret(path: str) -> str:
    try:
        return files.read_secret(path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _without(account: AccountSettings, paths: Mapping[str, str], why: str) -> AccountSettings:
    """Keep an account out, and say why."""
    place = paths.get(_TABLE) or next(iter(paths.values()))
    is_placed = why.startswith(tuple(paths.values()))
    problem = shown(redactor()(why if is_placed else f"{place}: {why}"))
    return replace(account, token=None, token_file=None, problem=problem)
