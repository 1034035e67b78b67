"""The service: a round at each due time, until a signal stops it.

main thread     signals, the clock, the watchdog
thread `round`  one round after the other, as scheduled
threads `lane`  each the sync of one account
thread `probe`  checks whether the database answers
thread `http`   answers from memory
thread `ping`   reports each round to a receiver elsewhere
"""

import gc
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

import structlog

from inventory.daemon.readiness import overdue
from inventory.daemon.schedule import Clocks, Clockwork, spread
from inventory.errors import (
    EXIT_COMPLETE,
    EXIT_FAILED,
    InventoryError,
)
from inventory.judging.evidence import inspect
from inventory.judging.overdue import overdue_after
from inventory.judging.verdict import Verdict
from inventory.process.clock import utc_now
from inventory.process.exhaustion import exhausted
from inventory.process.liveness import Liveness, tell_systemd
from inventory.report import metrics, sync_text
from inventory.rounds.due import Ticks, exit_code_with_others
from inventory.rounds.notifying import tell_after_a_round
from inventory.rounds.ping import pinging
from inventory.rounds.round import Round, opened
from inventory.rounds.service import Following, give_up, hanging, patience_seconds, reloaded, wait_for_database
from inventory.rounds.tokens import Tokens
from inventory.rounds.verdict import is_news, keep
from inventory.serving import web
from inventory.serving.handing import PagesProcess
from inventory.serving.listening import is_loopback, names
from inventory.serving.probe import Probe
from inventory.settings.load import Settings
from inventory.settings.schedule import Schedule
from inventory.store.account_records import next_due
from inventory.store.engine import Database
from inventory.store.notices import undelivered
from inventory.store.snapshot import Snapshot, read_snapshot
from inventory.sync.order import Order
from inventory.sync.result import SyncReport
from inventory.sync.watch import Listener
from inventory.vocabulary import Trigger

_LOOK_SECONDS = 1.0
_STOP_LOOK_SECONDS = 0.05

_ORDER = Order(trigger=Trigger.DAEMON)

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.daemon")


@dataclass(frozen=True, slots=True)
class _Figures:
    """What was known after the last round; the verdict is None until something was read."""

    snapshot: Snapshot
    verdict: Verdict | None = None


class Daemon:
    """The state of the process: its settings, what it last read, and when it last made progress."""

    def __init__(
        self,
        config_file: Path | None,
        settings: Settings,
        *,
        is_verbose: bool,
        interrupted_by: Callable[[], int | None],
    ) -> None:
        self._config_file = config_file
        self._is_verbose = is_verbose
        self._interrupted_by = interrupted_by
        self._go_by(settings)
        self._clockwork = Clockwork(self._round, self._schedule, clock=utc_now)
        self._liveness = Liveness()
        self._probe = Probe()
        self._figures = _Figures(Snapshot(utc_now()))
        # The databases that were opened before, by URL.
        self._known: dict[str, Database] = {}
        self._tokens = Tokens()
        self._ticks = Ticks()
        self._started_at = utc_now()
        self._pages: PagesProcess | None = None

    def serving(self, address: str) -> AbstractContextManager[web.Serving]:
        """Answer at this address for the length of the block; pages too, where the settings want it."""
        hosts = (*names(address), socket.gethostname().lower(), *self._settings.http_hosts)
        answers = web.application(self._health, self._metrics, hosts=hosts)
        if self.has_pages(address):
            config = ("--config", str(self._config_file)) if self._config_file else ()
            self._pages = PagesProcess(("pages", *config, "--http", address, "--connections"))
        return web.serve(address, answers, self._pages)

    def has_pages(self, address: str) -> bool:
        """Tell whether the settings want pages at this address."""
        return self._settings.pages == "on" or (self._settings.pages == "loopback" and is_loopback(address))

    def run(self, events: "SimpleQueue[str]") -> int:
        """Work until a signal stops it, and return the exit code.

        Raises:
            DatabaseError: It did not answer in time, or cannot be used.
        """
        if not self._wait_for_database(events):
            _log.info("daemon.stopped")
            return EXIT_COMPLETE
        now = utc_now()
        due = self._schedule.first_due(self._figures.snapshot.last_attempt_at(self._configured), now)
        first = due + spread(self._schedule) if due == now else due
        with self._probe.running(self._database_url):
            self._clockwork.start(first)
            _log.info("daemon.started", schedule=self._schedule.written, first_due_at=first.isoformat())
            tell_systemd("READY=1\nSTATUS=")
            self._supervise(events)
            tell_systemd("STOPPING=1")
            self._stop()
        _log.info("daemon.stopped")
        return EXIT_COMPLETE

    @property
    def _configured(self) -> list[str]:
        return [account.name for account in self._settings.accounts]

    def _database_url(self) -> str:
        return self._settings.database_url.get_secret_value()

    def _go_by(self, settings: Settings) -> None:
        """Take these settings; their schedule is this process's, so it is judged by it even where it is the default."""
        self._schedule = Schedule(settings.schedule)
        gap = self._schedule.longest_gap
        self._overdue_after = overdue_after(gap)
        rules = replace(settings.rules, sync_overdue_after=self._overdue_after)
        self._settings = settings.model_copy(update={"rules": rules})
        self._patience_seconds = patience_seconds(gap)

    # One round

    def _round(self) -> None:
        """Sync every account once; no error keeps the next round from coming."""
        settings = self._settings
        try:
            with pinging(settings, _ORDER) as pings:
                reports, exit_code = self._synced(settings)
                pings.ended(exit_code, sync_text.brief(reports) or "nothing was due: others have looked")
        except InventoryError as error:
            _log.warning("round.failed", exit_code=error.exit_code, error=str(error))
        except Exception as error:  # noqa: BLE001 - the schedule survives a bug
            if lack := exhausted(error):
                _log.error("round.failed", exit_code=EXIT_FAILED, error=lack)
            else:
                _log.exception("round.crashed")
        # Migrations and engines contain reference cycles, which would otherwise stay in memory for hundreds of rounds.
        gc.collect()

    def _synced(self, settings: Settings) -> tuple[list[SyncReport], int]:
        """Sync what is due; return the reports, and the exit code that stands for all accounts."""
        url = settings.database_url.get_secret_value()
        with opened(settings, known=self._known.get(url)) as database:
            self._known[url] = database
            self._liveness.moved()
            self._ticks.begin(self._next_look(), self._schedule.longest_gap)
            one_round = Round(
                settings,
                database,
                _ORDER,
                self._tokens,
                follow=self._following,
                interrupted_by=self._interrupted_by,
                next_due=self._next_look,
                is_due=partial(self._is_due, database),
            )
            reports = [*one_round.sync(settings.accounts)]
            verdict = self._read_figures(database, settings)
            if is_news(reports) and not self._interrupted_by():
                keep(database, settings, verdict)
                self._tell(database, settings, verdict)
            return reports, exit_code_with_others(database, settings, reports, self._configured)

    def _next_look(self) -> datetime:
        """Say when this process looks next, whatever it syncs until then."""
        now, due = utc_now(), self._clockwork.next_due_at
        return due if due and due > now else self._schedule.after(now)

    def _is_due(self, database: Database, account: str) -> bool:
        """Tell whether no other process has just looked at an account; in doubt, the sync finds out."""
        with suppress(InventoryError), database.reading() as connection:
            return self._ticks.is_due(next_due(connection, account), utc_now())
        return True

    def _tell(self, database: Database, settings: Settings, verdict: Verdict) -> None:
        for problem in tell_after_a_round(database, settings, verdict):
            _log.warning("channel.failed", error=problem)
            self._liveness.moved()

    @contextmanager
    def _following(self, _account: str) -> Iterator[Listener]:
        with self._liveness.lane() as lane:
            yield Following(lane)

    def _read_figures(self, database: Database, settings: Settings) -> Verdict:
        with database.reading_twice() as readers:
            judged = settings.judged_accounts
            now = utc_now()
            snapshot = read_snapshot(readers.connection, now, most_droplets=settings.droplet_metrics, names=judged)
            verdict = inspect(
                readers.connection,
                now,
                settings.rules,
                settings.exemptions,
                accounts=judged,
                channels=undelivered(readers.connection, settings.channels, now),
                second=readers.second,
            )
        self._figures = _Figures(snapshot, verdict)
        return verdict

    # The main thread

    def _wait_for_database(self, events: "SimpleQueue[str]") -> bool:
        """Open the database and read it. Return False if a signal came first.

        Raises:
            DatabaseError: It did not answer in time, or cannot be used.
        """

        def use(database: Database) -> None:
            self._known[self._database_url()] = database
            self._read_figures(database, self._settings)

        def pause(seconds: float) -> None:
            self._liveness.moved()
            self._wait(events, seconds)

        return wait_for_database(self._settings, use, interrupted_by=self._interrupted_by, pause=pause)

    def _supervise(self, events: "SimpleQueue[str]") -> None:
        """Check the clock and the progress once a second, until a signal comes."""
        clocks = Clocks(utc_now)
        while not self._interrupted_by():
            self._wait(events, _LOOK_SECONDS)
            if step := clocks.step():
                self._clockwork.clock_stepped(step)
                _log.warning("clock.stepped", seconds=round(step.total_seconds()), next_due_at=self._next_due())
            if self._clockwork.is_waiting:
                self._liveness.moved()
            if self._liveness.silent_seconds < 2 * _LOOK_SECONDS:
                tell_systemd("WATCHDOG=1")
            if self._liveness.silent_seconds > self._patience_seconds:
                _log.critical("daemon.hung", **hanging(self._liveness))
                give_up()

    def _wait(self, events: "SimpleQueue[str]", seconds: float) -> None:
        """Wait at most so many seconds for a signal, and reload the settings on SIGHUP."""
        with suppress(Empty):
            if events.get(timeout=seconds) == "reload":
                self._reload()

    def _next_due(self) -> str | None:
        due = self._clockwork.next_due_at
        return due.isoformat(timespec="seconds") if due else None

    def _reload(self) -> None:
        """Read the settings again; if they are wrong, keep the previous ones."""
        settings = reloaded(self._config_file, self._settings, is_verbose=self._is_verbose)
        if settings is None:
            return
        if self._pages:
            self._pages.renew()
        before, schedule = self._settings, self._schedule
        self._go_by(settings)
        if self._schedule != schedule:
            self._clockwork.change(self._schedule)
        late = [name for name in ("http", "http_hosts", "pages") if getattr(before, name) != getattr(settings, name)]
        _log.info("settings.reloaded", next_due_at=self._next_due(), need_a_restart=late)

    def _stop(self) -> None:
        """Let the current write finish."""
        _log.info("daemon.stopping", is_run_under_way=self._clockwork.is_busy)
        self._clockwork.stop()
        while self._clockwork.is_busy:
            time.sleep(_STOP_LOOK_SECONDS)

    def stopped_late(self, _signal_number: int) -> int:
        """Say that the current write did not end in time, and return the exit code: the database takes it back."""
        _log.warning("daemon.stopped", is_run_under_way=self._clockwork.is_busy)
        return EXIT_COMPLETE

    # Answers over HTTP, from memory

    def _health(self) -> web.Health:
        problems = [self._probe.problem] if self._probe.problem else []
        problems += overdue(
            self._configured,
            self._figures.snapshot,
            self._overdue_after,
            started_at=self._started_at,
            now=utc_now(),
        )
        is_live = self._liveness.silent_seconds < self._patience_seconds
        return web.Health(is_live=is_live, problems=tuple(problems))

    def _metrics(self) -> bytes:
        figures = self._figures
        return metrics.render(
            figures.snapshot,
            figures.verdict,
            metrics.Most(self._settings.account_metrics, self._settings.droplet_metrics),
            is_database_up=self._probe.is_up,
        )
