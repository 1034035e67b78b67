"""The settings in force, with the place where each was set: a table, or one document. Secrets are masked. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from sqlalchemy.engine import make_url

from inventory.settings.accounts import AccountSettings
from inventory.settings.declared import DEFAULT_ACCOUNT, Behaviour
from inventory.settings.formats import write_selection
from inventory.settings.judging import write_findings
from inventory.settings.load import Settings
from inventory.terminal.display import shown
from inventory.terminal.table import Column, table

_MASKED = "**********"
_NAME_COLUMNS = 30
_MOST_ACCOUNTS = 20


def screen(settings: Settings) -> Iterator[str | Table]:
    """Give the file that was read, then a line for each setting."""
    yield f"Configuration file: {shown(str(settings.config_file or 'none'))}"
    columns = (
        Column("setting", may_fold=True, most_columns=_NAME_COLUMNS),
        Column("value", may_fold=True),
        Column("where it came from", may_fold=True),
    )
    rows = [*_accounts_rows(settings), *_other_rows(settings)]
    yield table(columns, ((name, _text(value), _place(settings, source)) for name, value, source in rows))


def document(settings: Settings, warnings: Sequence[str]) -> dict[str, Any]:
    """Give the document; its keys are stable."""
    return {
        "config_file": str(settings.config_file) if settings.config_file else None,
        "settings": {name: {"value": value, "source": source} for name, value, source in _rows(settings)},
        "warnings": warnings,
    }


def _rows(settings: Settings) -> Iterator[tuple[str, object, str]]:
    """Give name, value as it may be shown, and source of each setting, in the order of the sample."""
    for account in settings.accounts:
        yield from _account_rows(account)
    yield from _other_rows(settings)


def _account_rows(account: AccountSettings) -> Iterator[tuple[str, object, str]]:
    prefix = "" if account.name == DEFAULT_ACCOUNT else f"accounts.{account.name}."
    yield f"{prefix}token", None if account.problem else _MASKED, account.token_source
    yield f"{prefix}droplets", write_selection(account.droplets), account.droplets_source
    if account.group:
        yield f"{prefix}group", account.group, account.group_source


def _accounts_rows(settings: Settings) -> Iterator[tuple[str, object, str]]:
    """Give the rows of each account; of many, how many there are, and how many each group has."""
    if len(settings.accounts) <= _MOST_ACCOUNTS:
        for account in settings.accounts:
            yield from _account_rows(account)
        return
    place = settings.accounts_directory or f"{settings.config_file}: accounts"
    yield "accounts", f"{len(settings.accounts):,} (--json lists them)", place
    groups = Counter(account.group for account in settings.accounts if account.group)
    for group, number in sorted(groups.items()):
        yield f"accounts of group {group}", f"{number:,}", place


def _other_rows(settings: Settings) -> Iterator[tuple[str, object, str]]:
    url = make_url(settings.database_url.get_secret_value())
    url = url.set(drivername=url.get_backend_name())
    yield "database_url", url.render_as_string(hide_password=True), settings.database_source
    yield "ping_url", _MASKED if settings.ping_url else None, settings.sources["ping_url"]
    yield "accounts_directory", settings.accounts_directory, settings.sources["accounts_directory"]
    for name in Behaviour.model_fields:
        yield name, _plain(getattr(settings, name)), settings.sources[name]
    for keys, severity in write_findings(settings.rules):
        name = ".".join(("findings", *keys))
        yield name, severity, f"{settings.config_file}: {name}"
    for number, exemption in enumerate(settings.exemptions, 1):
        what = f'{exemption.finding} of {exemption.subject}, until {exemption.until}, "{exemption.reason}"'
        yield f"exemptions.{number}", what, f"{settings.config_file}: exemptions"
    for number, channel in enumerate(settings.notify, 1):
        where = channel.url_file or _MASKED
        yield f"notify.{number}", f"{channel.name}: {where}", f"{settings.config_file}: notify"


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return ", ".join(value) or None
    return str(value) if isinstance(value, Path) else value


def _text(value: object) -> str:
    """Write a value as the configuration file would, without quotes."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else shown(str(value))


def _place(settings: Settings, source: str) -> str:
    """Name the place where a setting was set; "the file" is the one that is named above the table."""
    return "the file" if source.startswith(f"{settings.config_file}: ") else shown(source)
