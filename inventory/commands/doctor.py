"""`inventory doctor`: whether everything is there that a sync needs, a line a check, and what to do where it is not.

    settings | variables and files | the database | DigitalOcean, with each token

Nothing that it does stays, and each check is made even where an earlier one failed, as far as that can be.
"""

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from threading import Timer

from pydantic import SecretStr

from inventory.clock import utc_now
from inventory.digitalocean.client import Client
from inventory.digitalocean.scopes import Reading, read_each
from inventory.display import redactor
from inventory.errors import (
    EXIT_COMPLETE,
    EXIT_FAILED,
    ApiError,
    ConfigurationError,
    DatabaseError,
    DatabaseLockedError,
)
from inventory.model import Selection
from inventory.report import diagnosis, doctor_text
from inventory.report.console import print_line, print_table
from inventory.report.diagnosis import Answers, Check, not_made
from inventory.settings.load import DEFAULT_ACCOUNT, AccountSettings, Settings, load
from inventory.store.engine import Database, network_file_system, sqlite_file_exists
from inventory.store.examination import StoredState, has_write_ahead_log, reach, stored_state, try_writing
from inventory.store.upgrade import check_usable, require_current

_PATIENCE_SECONDS = 30.0
_BYTES_PER_GIGABYTE = 1e9

# Sent where no token could be read: a refusal, too, shows that DigitalOcean is in reach, and what time it is there.
_NO_TOKEN = "none"  # noqa: S105 - it is none
_NO_ACCOUNT = AccountSettings(DEFAULT_ACCOUNT, SecretStr(""), "", Selection(everything=True))

# Looked for where the configuration names no tag; all that matters is whether one may ask.
_ANY_TAG = "inventory"


def run(
    *,
    config_file: Path | None,
    as_json: bool,
    environ: Mapping[str, str] = os.environ,
    clock: Callable[[], datetime] = utc_now,
    patience_seconds: float = _PATIENCE_SECONDS,
    mounts: Path = Path("/proc/self/mounts"),
) -> int:
    """Make every check, print what it came to, and return 1 if one failed.

    Args:
        config_file: None means the first that is found.
        as_json: Print one document in place of lines.
        environ: The environment.
        clock: This machine's.
        patience_seconds: How long to wait for all that is asked with one token.
        mounts: What is mounted where, as Linux tells it; may be missing elsewhere.
    """
    now = clock()
    settings, configuration = _settings(config_file, environ)
    checks = [configuration]
    database = None
    if settings is None:
        checks += [not_made(name, "the settings cannot be read") for name in diagnosis.CHECKS if name not in _ALWAYS]
        checks.append(diagnosis.proxies(environ, has_ca_file=False))
    else:
        database, found, stored = _examine_database(settings, mounts, now)
        checks += [*found, diagnosis.proxies(environ, has_ca_file=settings.ca_file is not None)]
        checks += _examine_api(settings, stored, clock, patience_seconds)
    checks.sort(key=lambda check: diagnosis.CHECKS.index(check.name))
    exit_code = EXIT_FAILED if any(check.verdict == "FAIL" for check in checks) else EXIT_COMPLETE
    if as_json:
        document = doctor_text.document(checks, database=database, now=now, exit_code=exit_code)
        sys.stdout.write(redactor()(json.dumps(document, indent=2)) + "\n")
    else:
        print_table(doctor_text.table(checks))
        print_line(doctor_text.ending(checks, database=database, now=now))
    return exit_code


_ALWAYS = ("configuration", "proxies")


def _settings(config_file: Path | None, environ: Mapping[str, str]) -> tuple[Settings | None, Check]:
    """Read the settings; without tokens where those alone are wrong, None where all of it is."""
    try:
        settings = load(config_file, environ)
    except ConfigurationError as error:
        to_do = "inventory config shows what is in force, inventory config --sample every setting."
        judged = Check("configuration", "FAIL", "; ".join(str(error).splitlines()), to_do)
        try:
            return load(config_file, environ, needs_token=False), judged
        except ConfigurationError:
            return None, judged
    names = ", ".join(account.name for account in settings.accounts)
    return settings, Check("configuration", "OK", f"{settings.config_file or 'no file'}; accounts: {names}")


def _accounts(settings: Settings) -> Sequence[AccountSettings]:
    return settings.accounts or (_NO_ACCOUNT,)


def _examine_database(
    settings: Settings, mounts: Path, now: datetime
) -> tuple[str | None, list[Check], Mapping[str, StoredState]]:
    """Give the database's name as it may be shown, the checks, and what is stored of each account."""
    try:
        database = Database(settings.database_url.get_secret_value())
    except ConfigurationError as error:
        unmade = ("permissions", "file-system", "disk-space", "schema", "writing", "last-run")
        return None, [Check("database", "FAIL", str(error)), *(not_made(name, _SEE["database"]) for name in unmade)], {}
    with closing(database):
        checks = _file_checks(database, settings, mounts)
        checks += (reached := _reached(database, settings), schema := _schema(database, settings, reached))
        is_usable = schema.verdict == "OK"
        checks.append(_writing(database) if is_usable else not_made("writing", _SEE["schema"]))
        stored = {each.name: stored_state(database, each.name) for each in _accounts(settings)} if is_usable else {}
    checks += [diagnosis.last_run(name, state, now) for name, state in stored.items()]
    checks += [] if stored else [not_made("last-run", _SEE["schema"])]
    return database.shown, checks, stored


_SEE = {name: f"see {name}" for name in ("database", "schema")}


def _file_checks(database: Database, settings: Settings, mounts: Path) -> list[Check]:
    """Check the files; a SQLite file is never opened here, which would drop SQLite's own locks on it."""
    path = database.path
    if path is None:
        return [
            diagnosis.permissions(settings.warnings, database.shown, None),
            Check("file-system", "OK", _ON_THE_SERVER),
            Check("disk-space", "OK", _ON_THE_SERVER),
        ]
    try:
        kind = network_file_system(path, mounts.read_text("utf-8", "replace")) if mounts.exists() else None
        disk = os.statvfs(path.parent)
        size_bytes, mode = (path.stat().st_size, path.stat().st_mode) if path.exists() else (0, None)
    except OSError as error:
        why = f"{path}: {(error.strerror or str(error)).lower()}"
        return [not_made(name, why) for name in ("permissions", "file-system", "disk-space")]
    free_bytes = disk.f_bavail * disk.f_frsize
    return [
        diagnosis.permissions(settings.warnings, database.shown, mode),
        diagnosis.file_system(kind),
        diagnosis.disk_space(free_bytes / _BYTES_PER_GIGABYTE, size_bytes / _BYTES_PER_GIGABYTE),
    ]


_ON_THE_SERVER = "PostgreSQL's own, on its server; not seen from here"


def _reached(database: Database, settings: Settings) -> Check:
    try:
        if database.path and not sqlite_file_exists(database.path):
            return _missing(database.path, settings)
        reach(database)
    except DatabaseError as error:
        return Check("database", "FAIL", _clause(error), f"Its URL comes from {settings.database_source}.")
    return Check("database", "OK", f"{database.shown} answers")


def _missing(path: Path, settings: Settings) -> Check:
    """Judge a SQLite file that is not there yet: it can be made where its directory can be written."""
    if not os.access(path.parent, os.W_OK, effective_ids=True):
        found = f"there is no {path}, and uid {os.geteuid()} cannot write to its directory"
        return Check("database", "FAIL", found, f"Its place comes from {settings.database_source}.")
    maker = "inventory sync" if settings.auto_migrate else "inventory db upgrade"
    return Check("database", "WARN", f"there is no {path} yet", f"This makes it: {maker}")


def _schema(database: Database, settings: Settings, reached: Check) -> Check:
    if reached.verdict != "OK":
        return not_made("schema", _SEE["database"])
    try:
        check_usable(database)
    except DatabaseError as error:
        return Check("schema", "FAIL", _clause(error))
    try:
        require_current(database, settings.database_source)
    except DatabaseError as error:
        if settings.auto_migrate:
            return Check("schema", "WARN", _clause(error), "The next sync does so by itself.")
        return Check("schema", "FAIL", _clause(error))
    return Check("schema", "OK", "the tables are those of this version")


def _writing(database: Database) -> Check:
    try:
        try_writing(database)
        is_logging_ahead = has_write_ahead_log(database)
    except DatabaseLockedError as error:
        return Check("writing", "WARN", _clause(error), "Try again; if it stays so, find who holds it.")
    except DatabaseError as error:
        return Check("writing", "FAIL", _clause(error))
    if not is_logging_ahead:
        found = "a row could be written, but whoever reads keeps a sync waiting, as in copies that SQLite makes"
        to_do = f'Run: sqlite3 {shlex.quote(database.shown)} "PRAGMA journal_mode = WAL"'
        return Check("writing", "WARN", found, to_do)
    return Check("writing", "OK", "a row could be written, and was taken back")


def _clause(error: DatabaseError) -> str:
    return str(error).rstrip(".")


def _examine_api(
    settings: Settings, stored: Mapping[str, StoredState], clock: Callable[[], datetime], patience_seconds: float
) -> Iterator[Check]:
    """Ask with each token; what is no matter of an account is judged by the first."""
    for number, account in enumerate(_accounts(settings)):
        answers = _ask(account, settings, clock, patience_seconds)
        state = stored.get(account.name, StoredState())
        if number == 0:
            yield diagnosis.api(settings.api_url, answers)
            yield diagnosis.clock(answers)
        yield diagnosis.token(answers, state.uuid, needs_tags=bool(account.droplets.tags))
        yield diagnosis.rate_budget(answers, state.last_run, clock())


def _ask(
    account: AccountSettings, settings: Settings, clock: Callable[[], datetime], patience_seconds: float
) -> Answers:
    token = account.token.get_secret_value()
    tag = min(account.droplets.tags, default=_ANY_TAG)
    try:
        client = Client(
            token or _NO_TOKEN,
            base_url=settings.api_url,
            requests_per_second=settings.requests_per_second,
            ca_file=settings.ca_file,
            clock=clock,
        )
    except ConfigurationError as error:
        unasked = Reading(frozenset(), problem=ApiError(str(error)))
        return Answers(account.name, account.token_source, unasked, None, None, None, patience_seconds)
    with client, _patience(client, patience_seconds):
        reading = read_each(client, tag=tag)
        return Answers(
            account=account.name,
            source=account.token_source if token else None,
            reading=reading,
            clock_skew=client.clock_skew,
            requests_left=client.rate_limit_remaining,
            waiting_until=client.waiting_until,
            patience_seconds=patience_seconds,
        )


@contextmanager
def _patience(client: Client, seconds: float) -> Iterator[None]:
    """Give up every wait after so long, that for the rate limit too, which may else take an hour."""
    timer = Timer(seconds, client.stop)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
