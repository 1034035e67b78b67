"""The verdict of each check of `inventory doctor`, and a sentence on what to do. Pure."""

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from inventory.digitalocean.scopes import Reading
from inventory.errors import AuthenticationError, StoppedError
from inventory.judging.overdue import is_overdue
from inventory.process.clock import CLOCK_TOLERANCE
from inventory.store.account_records import StoredAccount
from inventory.store.examination import LastRun, StoredState
from inventory.terminal.words import age, count, instant, size
from inventory.vocabulary import RunStatus

Verdict = Literal["OK", "WARN", "FAIL"]

CHECKS = (
    "configuration",
    "permissions",
    "proxies",
    "api",
    "clock",
    "token",
    "rate-budget",
    "file-system",
    "disk-space",
    "database",
    "schema",
    "writing",
    "last-run",
    "http",
    "ping",
    "channels",
)
"""The name of each check, in the order in which they are printed."""

PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy")
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")

_NOTABLE_SKEW = timedelta(minutes=1)

# With less than this a sync may already fill the disk; an upgrade needs room for a copy of the SQLite file too.
_LEAST_FREE_GIGABYTES = 0.1

_FOR_OTHERS = stat.S_IROTH | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check.

    Attributes:
        name: One of `CHECKS`.
        found: What was found, without a full stop.
        to_do: A sentence; None if there is nothing to do.
        account: None if the check does not concern a single account.
    """

    name: str
    verdict: Verdict
    found: str
    to_do: str | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to the requests with one token.

    Attributes:
        source: Where the token comes from; None if there was none, so that the requests had none.
        clock_skew: By how much this machine's clock is ahead; None if no answer had a date.
        requests_left: This hour, by the last answer that said so; None if none did.
        waiting_until: The end of the wait that DigitalOcean asked for; None if it asked for none.
        patience_seconds: The greatest wait for all answers together.
    """

    account: str
    source: str | None
    reading: Reading
    clock_skew: timedelta | None
    requests_left: int | None
    waiting_until: datetime | None
    patience_seconds: float

    @property
    def why_not(self) -> str | None:
        """Why some request had no answer; None if all had one. A refusal for a missing scope is an answer."""
        if self.waiting_until is not None:
            return "DigitalOcean's rate limit is used up"
        if isinstance(self.reading.problem, StoppedError):
            return f"no answer within {self.patience_seconds:g} s"
        return str(self.reading.problem) if self.reading.problem else None


def not_made(name: str, why: str, account: str | None = None) -> Check:
    """Give the result of a check that cannot be made."""
    return Check(name, "WARN", f"not checked: {why}", account=account)


def permissions(exposures: Sequence[str], database: str, mode: int | None) -> Check:
    """Judge who may read the secrets, and a SQLite file of this mode; None if there is no file."""
    found = list(exposures)
    if mode is not None and mode & _FOR_OTHERS:
        found.append(
            f"{database}: every user of this machine can read or write it (mode {stat.S_IMODE(mode):04o}); chmod 600 it"
        )
    if found:
        return Check("permissions", "WARN", "; ".join(found))
    return Check("permissions", "OK", "neither secrets nor database are open to every user of this machine")


def proxies(environ: Mapping[str, str], *, has_ca_file: bool) -> Check:
    """Judge variables that other programs use and this one ignores (R9); their values may contain passwords."""
    proxy = [name for name in PROXY_VARIABLES if environ.get(name)]
    certificates = [name for name in CERTIFICATE_VARIABLES if environ.get(name) and not has_ca_file]
    to_do = []
    if proxy:
        to_do.append("Requests go to DigitalOcean directly: let this machine reach it.")
    if certificates:
        to_do.append("To trust other certificates than the public ones, set ca_file.")
    if to_do:
        names = ", ".join(proxy + certificates)
        return Check("proxies", "WARN", f"set but not used: {names}", " ".join(to_do))
    return Check("proxies", "OK", "no variable is set that this program ignores")


def api(origin: str, answers: Answers) -> Check:
    """Judge whether DigitalOcean answered; a refusal is an answer too."""
    problem = answers.reading.problem
    if problem is None or isinstance(problem, AuthenticationError) or answers.waiting_until:
        return Check("api", "OK", f"{origin} answered")
    to_do = "Try again later." if problem.status else "Let this machine reach it: name server, route, firewall."
    return Check("api", "FAIL", f"{origin}: {answers.why_not}", to_do)


def clock(answers: Answers) -> Check:
    """Judge this machine's clock by the dates of the answers, which have whole seconds."""
    if answers.clock_skew is None:
        return not_made("clock", "no answer had a date")
    skew = abs(answers.clock_skew)
    way = "ahead of" if answers.clock_skew > timedelta(0) else "behind"
    found = f"{_seconds(skew)} {way} DigitalOcean's"
    if skew > CLOCK_TOLERANCE:
        return Check("clock", "FAIL", found, "Set the clock: with more than an hour a sync writes nothing.")
    if skew > _NOTABLE_SKEW:
        return Check("clock", "WARN", found, "Set the clock, preferably with NTP: history records its times.")
    return Check("clock", "OK", f"within {_NOTABLE_SKEW.total_seconds():g} s of DigitalOcean's")


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():,.0f} s"


def token(answers: Answers, stored: StoredAccount | None, *, needs_tags: bool) -> Check:
    """Judge what a token may read, and to which account it belongs."""
    account = answers.account
    if answers.source is None:
        return not_made("token", "no token could be read", account)
    reading = answers.reading
    if isinstance(reading.problem, AuthenticationError):
        return Check("token", "FAIL", str(reading.problem), f"Replace it; it comes from {answers.source}.", account)
    needed = {"droplet:read", "image:read"} | ({"tag:read"} if needs_tags else set())
    if lacking := sorted(needed & reading.missing):
        to_do = "Create one with droplet:read, which adds image:read" + (", and tag:read." if needs_tags else ".")
        return Check("token", "FAIL", f"lacks {' and '.join(lacking)}", to_do, account)
    if answers.why_not:
        return not_made("token", answers.why_not, account)
    return _identity(answers, stored)


def _identity(answers: Answers, stored: StoredAccount | None) -> Check:
    account, shown = answers.account, answers.reading.account
    if shown and stored and not stored.is_account(shown):
        to_do = "Use a token of the account whose history is stored, or use another database."
        return Check("token", "FAIL", "belongs to another account than the stored one", to_do, account)
    if shown and shown.status != "active":
        to_do = "Look at the account in DigitalOcean's control panel."
        return Check("token", "WARN", f'accepted, but the account is "{shown.status}"', to_do, account)
    return Check("token", "OK", _may_read(answers.reading.missing), account=account)


def _may_read(missing: frozenset[str]) -> str:
    optional = sorted(missing)
    return "accepted" + (f"; lacks {' and '.join(optional)}, which is optional" if optional else "")


def rate_budget(answers: Answers, last_run: LastRun | None, now: datetime) -> Check:
    """Judge whether the requests left this hour are enough for a run like the last one."""
    account = answers.account
    to_do = "Wait, or give this program a token that nothing else uses."
    if answers.waiting_until:
        found = f"used up until {instant(answers.waiting_until, now)}"
        return Check("rate-budget", "FAIL", found, to_do, account)
    is_rejected = isinstance(answers.reading.problem, AuthenticationError)
    if answers.requests_left is None or answers.source is None or is_rejected:
        return not_made("rate-budget", "no answer said how many requests are left", account)
    found = f"{count(answers.requests_left, 'request')} left this hour"
    if last_run and last_run.finished_at:
        found += f"; the last run took {last_run.requests:,}"
        if last_run.requests > answers.requests_left:
            return Check("rate-budget", "WARN", found, to_do, account)
    return Check("rate-budget", "OK", found, account=account)


def file_system(kind: str | None) -> Check:
    """Judge where a SQLite file is; None means on a local disk."""
    if kind is None:
        return Check("file-system", "OK", "the SQLite file is not on a network file system")
    to_do = "Move it to a local disk, or use PostgreSQL."
    return Check("file-system", "FAIL", f"the SQLite file is on a network file system ({kind})", to_do)


def disk_space(free_gigabytes: float, database_gigabytes: float) -> Check:
    """Judge whether the disk of a SQLite file has room for syncs, and for the copy before an upgrade."""
    found = f"{size(free_gigabytes)} free on the disk; the database takes {size(database_gigabytes)}"
    if free_gigabytes < _LEAST_FREE_GIGABYTES:
        return Check("disk-space", "FAIL", found, "Free some space: a full disk stops every sync.")
    if free_gigabytes < database_gigabytes + _LEAST_FREE_GIGABYTES:
        return Check("disk-space", "WARN", found, "Free some space: an upgrade makes a copy of the database beside it.")
    return Check("disk-space", "OK", found)


def last_run(account: str, stored: StoredState, overdue_after: timedelta | None, now: datetime) -> Check:
    """Judge the newest run of the whole configuration.

    `overdue_after` is None if the settings name no schedule; then the limit that the run stored applies.
    """
    run = stored.last_run
    if run is None:
        return Check("last-run", "WARN", "there was no run yet", "Run: inventory sync", account)
    overdue_after = overdue_after or run.overdue_after
    is_late = is_overdue(run.last_complete_at, overdue_after, now)
    if run.status in (RunStatus.COMPLETE, RunStatus.RUNNING) and not is_late:
        return Check("last-run", "OK", _described(run, now), account=account)
    is_going_on = run.status in (RunStatus.RUNNING, RunStatus.PARTIAL) and now - run.started_at < overdue_after
    verdict: Verdict = "FAIL" if is_late and not is_going_on else "WARN"
    to_do = _TO_DO_ABOUT[run.status] if is_going_on or run.finished_at else _IS_IT_RUN
    return Check("last-run", verdict, _described(run, now), to_do, account)


def _described(run: LastRun, now: datetime) -> str:
    described = f"{run.status}, {_ago(run.finished_at or run.started_at, now)}"
    if run.status == RunStatus.COMPLETE:
        return described
    why = f" ({run.error})" if run.error else ""
    before = (
        f"the last complete one {_ago(run.last_complete_at, now)}" if run.last_complete_at else "none was complete yet"
    )
    return f"{described}{why}; {before}"


_IS_IT_RUN = "Make sure that cron, a timer or the daemon runs it."
_TO_DO_ABOUT: Mapping[str, str] = {
    RunStatus.COMPLETE: _IS_IT_RUN,
    RunStatus.RUNNING: "Wait for its end.",
    RunStatus.FAILED: "Fix what it names; the next run catches up.",
    RunStatus.HELD: "Check what it names. The next run decides; inventory sync --accept-gone decides now.",
    RunStatus.PARTIAL: "The next run looks first at what this one missed.",
    RunStatus.INTERRUPTED: "The next run continues where it stopped.",
}


def _ago(at: datetime, now: datetime) -> str:
    return f"{age(now - at)} ago"
