"""Every check of what a sync needs.

    settings | database: files, tables, writing, the last run | api: DigitalOcean, with each token

The checks leave nothing behind, and each one is made even if an earlier one failed, as far as possible.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from inventory.doctor import diagnosis
from inventory.doctor.address import examine_address
from inventory.doctor.api import examine_api
from inventory.doctor.database import examine_database
from inventory.doctor.diagnosis import Check, not_made
from inventory.doctor.ping import examine_ping
from inventory.errors import ConfigurationError
from inventory.model import Selection
from inventory.settings.accounts import AccountSettings
from inventory.settings.declared import DEFAULT_ACCOUNT
from inventory.settings.load import Settings, load
from inventory.settings.sources import THE_DEFAULT
from inventory.terminal import words

# Checked instead of an account if the settings name none.
_NO_ACCOUNT = AccountSettings(DEFAULT_ACCOUNT, None, "", Selection(everything=True))

_NEED_NO_SETTINGS = ("configuration", "proxies")


@dataclass(frozen=True, slots=True)
class Examination:
    """The results of all checks.

    Attributes:
        checks: In the order of `diagnosis.CHECKS`.
        database: Its name as it may be shown; None if the settings cannot be read.
    """

    checks: Sequence[Check]
    database: str | None

    @property
    def has_failed(self) -> bool:
        """Whether something must be fixed before a sync can work."""
        return any(check.verdict == "FAIL" for check in self.checks)


def examine(
    config_file: Path | None,
    *,
    environ: Mapping[str, str],
    clock: Callable[[], datetime],
    patience_seconds: float,
    mounts: Path,
    says: Callable[[str], object],
) -> Examination:
    """Make every check.

    Args:
        config_file: None means the first file that is found.
        environ: The environment.
        clock: This machine's.
        patience_seconds: How long to wait for all answers to one token.
        mounts: The list of mounts of Linux; it may be missing on other systems.
        says: Called with what is waited for next.
    """
    settings, configuration = _settings(config_file, environ)
    if settings is None:
        unmade = [name for name in diagnosis.CHECKS if name not in _NEED_NO_SETTINGS]
        checks = [configuration, *(not_made(name, "the settings cannot be read") for name in unmade)]
        return _examination([*checks, diagnosis.proxies(environ, has_ca_file=False)], None)
    accounts = settings.accounts or (_NO_ACCOUNT,)
    names = [account.name for account in accounts]
    database, found, stored = examine_database(settings, names, mounts, clock(), says)
    checks = [configuration, *found, diagnosis.proxies(environ, has_ca_file=settings.ca_file is not None)]
    is_written = settings.sources["http"] != THE_DEFAULT
    says("asking the receiver of pings")
    checks += [examine_address(settings.http, is_written=is_written), examine_ping(settings)]
    checks += examine_api(settings, accounts, stored, clock, patience_seconds, says=says)
    return _examination(checks, database)


def _examination(checks: Sequence[Check], database: str | None) -> Examination:
    return Examination(sorted(checks, key=lambda check: diagnosis.CHECKS.index(check.name)), database)


def _settings(config_file: Path | None, environ: Mapping[str, str]) -> tuple[Settings | None, Check]:
    """Read the settings: without tokens if only those are wrong, None if the rest is wrong too."""
    try:
        settings = load(config_file, environ)
    except ConfigurationError as error:
        to_do = "inventory config shows the settings in force, inventory config --sample every setting."
        judged = Check("configuration", "FAIL", "; ".join(str(error).splitlines()), to_do)
        try:
            return load(config_file, environ, needs_token=False), judged
        except ConfigurationError:
            return None, judged
    names = words.some([account.name for account in settings.accounts])
    return settings, Check("configuration", "OK", f"{settings.config_file or 'no file'}; accounts: {names}")
