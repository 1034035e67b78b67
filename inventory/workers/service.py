"""A worker: takes accounts that are due from the queue, and syncs several of them at once, until a signal stops it.

main thread      signals, the watchdog
thread `queue`   procrastinate's event loop: takes jobs and plans them
threads `lane`   each the sync of one account, and no more of them than are synced at once
thread `teller`  judges each account after its sync, and tells channels
thread `probe`   checks whether the database answers
thread `http`    answers
"""

import asyncio
import socket
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

import psycopg
import structlog
from procrastinate.exceptions import ConnectorException

from inventory.errors import EXIT_BUSY, EXIT_COMPLETE, ConfigurationError, InventoryError
from inventory.judging.overdue import overdue_after
from inventory.process.clock import utc_now
from inventory.process.cycles import collecting_seldom
from inventory.process.liveness import Lane, Liveness, tell_systemd
from inventory.process.stopping import StopSignal
from inventory.rounds.round import Round
from inventory.rounds.service import Following, give_up, hanging, patience_seconds, reloaded, wait_for_database
from inventory.rounds.tokens import Tokens
from inventory.serving import web
from inventory.serving.listening import names
from inventory.serving.probe import Probe
from inventory.settings.load import Settings
from inventory.settings.schedule import Schedule
from inventory.store import queue as tables
from inventory.store.engine import Database
from inventory.store.turns import Turn, read_turns
from inventory.sync.order import Order
from inventory.sync.watch import Listener
from inventory.vocabulary import Trigger
from inventory.workers import planner
from inventory.workers.figures import Figures
from inventory.workers.queue import PLAN_SECONDS, Queue
from inventory.workers.teller import Teller

_LOOK_SECONDS = 1.0
_AGAIN_SECONDS = 5.0

# So long an account waits whose sync could not begin at all, so that no run says when it is due again.
_NOT_BEGUN_SECONDS = 60.0

# A queue that was not planned for so long is no longer reached.
_PLANNED_SECONDS = 60.0

_ORDER = Order(trigger=Trigger.WORKER)

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.worker")


class Worker:
    """The state of the process: its settings, its lanes, and when it last reached the queue."""

    def __init__(
        self,
        config_file: Path | None,
        settings: Settings,
        *,
        is_verbose: bool,
        interrupted_by: Callable[[], int | None],
    ) -> None:
        """Prepare.

        Raises:
            ConfigurationError: The extra is not installed, or the database is a SQLite file.
        """
        tables.require_installed()
        self._config_file = config_file
        self._is_verbose = is_verbose
        self._interrupted_by = interrupted_by
        self._database = Database(settings.database_url.get_secret_value())
        if self._database.is_sqlite:
            raise ConfigurationError(
                f"database {self._database.shown} is a SQLite file, which workers cannot share: they need PostgreSQL, "
                "for one process there is inventory daemon"
            )
        self._lanes = settings.accounts_at_once
        self._tokens = Tokens()
        self._liveness = Liveness()
        self._probe = Probe()
        self._teller = Teller(self._database, lambda: self._settings)
        self._figures = Figures(self._database, lambda: self._settings)
        self._stop = StopSignal()
        self._queue: Queue | None = None
        self._planned_at: float | None = None
        self._queue_problem = "the queue was not reached yet"
        self._not_before: dict[str, float] = {}
        self._under_way: set[str] = set()
        self._go_by(settings)

    def application(self, address: str) -> web.Application:
        """Give the HTTP application that answers at this address."""
        hosts = (*names(address), socket.gethostname().lower(), *self._settings.http_hosts)
        return web.application(self._health, self._metrics, hosts=hosts)

    def run(self, events: "SimpleQueue[str]") -> int:
        """Work until a signal stops it, and return the exit code.

        Raises:
            DatabaseError: It did not answer in time, or cannot be used.
        """
        if not self._wait_for_database(events):
            _log.info("worker.stopped")
            return EXIT_COMPLETE
        queue = Thread(target=self._take_on, name="queue", daemon=True)
        with closing(self._database), self._probe.running(self._database_url), collecting_seldom():
            self._teller.start()
            queue.start()
            _log.info("worker.started", lanes=self._lanes, accounts=len(self._settings.accounts))
            tell_systemd("READY=1\nSTATUS=")
            self._supervise(events)
            tell_systemd("STOPPING=1")
            _log.info("worker.stopping", accounts=sorted(self._under_way))
            self._stop.set()
            while queue.is_alive():  # it may have begun to connect only now
                if self._queue:
                    self._queue.stop()
                queue.join(_LOOK_SECONDS / 10)
            self._teller.stop()
        _log.info("worker.stopped")
        return EXIT_COMPLETE

    def stopped_late(self, _signal_number: int) -> int:
        """Say that not all ended in time, and return the exit code: other workers take the accounts back."""
        _log.warning("worker.stopped", accounts=sorted(self._under_way))
        return EXIT_COMPLETE

    def _database_url(self) -> str:
        return self._settings.database_url.get_secret_value()

    def _go_by(self, settings: Settings) -> None:
        """Take these settings; their schedule is the workers', so it is judged by it even where it is the default."""
        self._longest_gap = Schedule(settings.schedule).longest_gap
        rules = replace(settings.rules, sync_overdue_after=overdue_after(self._longest_gap))
        self._settings = settings.model_copy(update={"rules": rules})
        self._patience_seconds = patience_seconds(self._longest_gap)
        self._accounts = {account.name: account for account in settings.accounts}
        self._round = Round(
            self._settings,
            self._database,
            _ORDER,
            self._tokens,
            follow=self._following,
            interrupted_by=self._interrupted_by,
        )
        self._kept_out = {account.name for account in settings.accounts if account.problem}
        for name in self._kept_out:
            self._round.turn(self._accounts[name], is_first=False)  # which says why, once

    @contextmanager
    def _following(self, _account: str) -> Iterator[Listener]:
        with self._liveness.lane() as lane:
            yield Following(lane)

    # The main thread

    def _wait_for_database(self, events: "SimpleQueue[str]") -> bool:
        return wait_for_database(
            self._settings,
            tables.ensure if self._settings.auto_migrate else tables.require_current,
            interrupted_by=self._interrupted_by,
            pause=lambda seconds: self._wait(events, seconds),
        )

    def _supervise(self, events: "SimpleQueue[str]") -> None:
        while not self._interrupted_by():
            self._wait(events, _LOOK_SECONDS)
            if self._liveness.silent_seconds > self._patience_seconds:
                _log.critical("worker.hung", **hanging(self._liveness))
                give_up()
            if self._liveness.silent_seconds < 2 * (PLAN_SECONDS + _LOOK_SECONDS):
                tell_systemd("WATCHDOG=1")

    def _wait(self, events: "SimpleQueue[str]", seconds: float) -> None:
        """Wait at most so many seconds for a signal, and take new settings on SIGHUP."""
        with suppress(Empty):
            if events.get(timeout=seconds) == "reload":
                settings = reloaded(self._config_file, self._settings, is_verbose=self._is_verbose)
                if settings is not None:
                    self._go_by(settings)
                    _log.info("settings.reloaded", accounts=len(settings.accounts))

    # The thread of the queue

    def _take_on(self) -> None:
        """Take jobs until the process stops; where the database is away, try again every few seconds."""
        with self._liveness.lane() as lane, ThreadPoolExecutor(self._lanes, thread_name_prefix="lane") as lanes:
            while not self._stop.is_set():
                lane.moved()
                try:
                    self._take(lane, lanes)
                except (ConnectorException, psycopg.Error, InventoryError, TimeoutError) as error:
                    self._queue_problem = f"the queue is not reached: {_reason(error)}"
                    _log.warning("queue.failed", error=_reason(error))
                except Exception:  # noqa: BLE001 - it is tried again
                    self._queue_problem = "the queue failed by a bug, which the log shows"
                    _log.exception("queue.crashed")
                self._planned_at = None
                self._stop.wait(_AGAIN_SECONDS)

    def _take(self, lane: Lane, lanes: ThreadPoolExecutor) -> None:
        tables.require_current(self._database)

        def planned() -> None:
            self._planned_at = time.monotonic()
            lane.moved()

        self._queue = Queue(
            self._database.url,
            lanes=lanes,
            number=self._lanes,
            sync=self._sync,
            turns=lambda: read_turns(self._database, list(self._accounts)),
            choose=self._choose,
            planned=planned,
        )
        asyncio.run(self._queue.run())

    def _choose(self, turns: Mapping[str, Turn], queued: Collection[str]) -> Collection[str]:
        """Give the accounts to queue; none while the database is not what this process expects."""
        if self._probe.problem:
            return ()
        now = time.monotonic()
        waiting = {name for name, until in self._not_before.items() if until > now}
        aside = {*queued, *waiting, *self._kept_out}
        return planner.wanted(turns.values(), aside, utc_now(), self._longest_gap)

    # The lanes

    def _sync(self, name: str) -> None:
        """Sync an account if it is still due; raises nothing."""
        self._under_way.add(name)
        try:
            self._sync_if_due(name)
        except InventoryError as error:
            _log.warning("account.skipped", account=name, error=str(error))
        except Exception:  # noqa: BLE001 - the other accounts survive a bug
            _log.exception("account.crashed", account=name)
        finally:
            self._under_way.discard(name)

    def _sync_if_due(self, name: str) -> None:
        account = self._accounts.get(name)
        if account is None or self._interrupted_by() or self._probe.problem:
            return
        before = read_turns(self._database, [name])[name]
        if before.is_held or not planner.is_due(before, utc_now(), self._longest_gap):
            return
        report = self._round.turn(account, is_first=False)
        if report is None or report.exit_code == EXIT_BUSY:
            return
        if report.run_id is None:
            self._not_before[name] = time.monotonic() + _NOT_BEGUN_SECONDS
        self._teller.add(name)

    # Answers over HTTP

    def _health(self) -> web.Health:
        problems = [self._probe.problem] if self._probe.problem else []
        if self._planned_at is None:
            problems.append(self._queue_problem)
        elif time.monotonic() - self._planned_at > _PLANNED_SECONDS + PLAN_SECONDS:
            problems.append(f"the queue was not reached for {time.monotonic() - self._planned_at:.0f} s")
        is_live = self._liveness.silent_seconds < self._patience_seconds
        return web.Health(is_live=is_live, problems=tuple(problems))

    def _metrics(self) -> bytes:
        return self._figures.render(is_database_up=self._probe.is_up)


def _reason(error: BaseException) -> str:
    """Say why the queue failed; procrastinate tells only what lies behind it."""
    cause = error.__cause__ or error
    return (str(cause) or type(cause).__name__).strip().partition("\n")[0]
