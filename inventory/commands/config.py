"""`inventory config`: the settings in force and where each came from, or a sample file."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.table import Table
from sqlalchemy.engine import make_url

from inventory.errors import EXIT_COMPLETE, ConfigurationError
from inventory.settings.declared import Behaviour
from inventory.settings.formats import write_selection
from inventory.settings.judging import write_findings
from inventory.settings.load import DEFAULT_ACCOUNT, Settings, load
from inventory.settings.sample import sample as sample_file
from inventory.terminal.console import print_line, print_table
from inventory.terminal.display import shown


def run(*, config_file: Path | None, sample: bool, as_json: bool) -> int:
    """Print the settings in force, secrets masked; or, with `sample`, a configuration file to begin with.

    What only keeps `sync` from working, such as a missing token, is told on stderr and is no failure here.

    Raises:
        ConfigurationError: The settings themselves are wrong.
    """
    if sample:
        sys.stdout.write(sample_file())
        return EXIT_COMPLETE
    settings, warnings = _load(config_file)
    if as_json:
        sys.stdout.write(json.dumps(_document(settings, warnings), indent=2) + "\n")
    else:
        _print_table(settings)
    for warning in warnings:
        sys.stderr.write(f"inventory: {warning}\n")
    return EXIT_COMPLETE


def _load(config_file: Path | None) -> tuple[Settings, tuple[str, ...]]:
    try:
        settings = load(config_file)
    except ConfigurationError as with_token:
        try:
            settings = load(config_file, needs_token=False)
        except ConfigurationError:
            # The first error holds the problems of the second, and those of the tokens.
            raise with_token from None
        return settings, tuple(f"sync would stop: {problem}" for problem in str(with_token).splitlines())
    return settings, settings.warnings


def _rows(settings: Settings) -> Iterator[tuple[str, object, str]]:
    """Give name, value as it may be shown, and source of each setting, in the order of the sample."""
    for account in settings.accounts:
        prefix = "" if account.name == DEFAULT_ACCOUNT else f"accounts.{account.name}."
        yield f"{prefix}token", "**********", account.token_source
        yield f"{prefix}droplets", write_selection(account.droplets), settings.sources[f"{prefix}droplets"]
    url = make_url(settings.database_url.get_secret_value())
    url = url.set(drivername=url.get_backend_name())
    yield "database_url", url.render_as_string(hide_password=True), settings.database_source
    yield "ping_url", "**********" if settings.ping_url else None, settings.sources["ping_url"]
    for name in Behaviour.model_fields:
        yield name, _written(getattr(settings, name)), settings.sources[name]
    for keys, severity in write_findings(settings.rules):
        name = ".".join(("findings", *keys))
        yield name, severity, f"{settings.config_file}: {name}"
    for number, exemption in enumerate(settings.exemptions, 1):
        what = f'{exemption.finding} of {exemption.subject}, until {exemption.until}, "{exemption.reason}"'
        yield f"exemptions.{number}", what, f"{settings.config_file}: exemptions"


def _written(value: object) -> object:
    if isinstance(value, tuple):
        return ", ".join(value) or None
    return str(value) if isinstance(value, Path) else value


def _document(settings: Settings, warnings: tuple[str, ...]) -> dict[str, object]:
    return {
        "config_file": str(settings.config_file) if settings.config_file else None,
        "settings": {name: {"value": value, "source": source} for name, value, source in _rows(settings)},
        "warnings": warnings,
    }


def _print_table(settings: Settings) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("setting", overflow="fold", max_width=30)
    for header in ("value", "where it came from"):
        table.add_column(header, overflow="fold")
    for name, value, source in _rows(settings):
        is_from_file = source.startswith(f"{settings.config_file}: ")
        table.add_row(name, _text(value), "the file" if is_from_file else shown(source))
    print_line(f"Configuration file: {shown(str(settings.config_file or 'none'))}")
    print_table(table)


def _text(value: object) -> str:
    """Write a value as the configuration file would, without quotes."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else shown(str(value))
