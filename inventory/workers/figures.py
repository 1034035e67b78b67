"""The figures of the whole fleet, read from the database when somebody asks: the same whichever worker is asked.

What is wrong with Droplets is the verdict that was kept after the last sync of their account, by whichever process made
it; what is wrong with the account itself, such as that its sync is overdue, is judged now.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

import structlog

from inventory.errors import InventoryError
from inventory.judging.findings import judge_accounts
from inventory.judging.rules import Exemption
from inventory.judging.verdict import Verdict, worst_first
from inventory.process.clock import utc_now
from inventory.report import metrics
from inventory.settings.load import Settings
from inventory.store import verdicts
from inventory.store.engine import Database
from inventory.store.snapshot import Snapshot, read_snapshot
from inventory.views.queries import Question, ask
from inventory.views.rows import SyncHealth

# Several who ask at once, or often, cost one reading.
_KEPT_SECONDS = 10.0

# Which exemption covers a finding is not kept.
_KEPT = Exemption("", date.max, "as it was judged")

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.figures")


class Figures:
    """What was last read; the figures before stay while the database is away."""

    def __init__(self, database: Database, settings: Callable[[], Settings]) -> None:
        self._database = database
        self._settings = settings
        self._lock = threading.Lock()
        self._read_at: float | None = None
        self._snapshot = Snapshot(utc_now())
        self._verdict: Verdict | None = None

    def render(self, *, is_database_up: bool) -> bytes:
        """Write the metrics."""
        settings = self._settings()
        with self._lock:
            if is_database_up and (self._read_at is None or time.monotonic() - self._read_at > _KEPT_SECONDS):
                self._read(settings)
            snapshot, verdict = self._snapshot, self._verdict
        most = metrics.Most(settings.account_metrics, settings.droplet_metrics)
        return metrics.render(snapshot, verdict, most, is_database_up=is_database_up)

    def _read(self, settings: Settings) -> None:
        names = settings.judged_accounts or ()
        try:
            with self._database.reading() as connection:
                now = utc_now()
                snapshot = read_snapshot(connection, now, most_droplets=settings.droplet_metrics, names=names)
                health = ask(connection, SyncHealth, Question(now, accounts=names))
                kept = verdicts.read(connection)
        except InventoryError as error:
            _log.warning("figures.kept", error=str(error))
            return
        self._snapshot = snapshot
        whole = judge_accounts(health, names, settings.rules, settings.exemptions, now)
        self._verdict = with_droplets(whole, [its for name, its in kept.items() if name in names])
        self._read_at = time.monotonic()


def with_droplets(whole: Verdict, kept: Sequence[verdicts.Kept]) -> Verdict:
    """Add what was kept on Droplets to a verdict on whole accounts."""
    found = sorted((each for its in kept for each in its.findings if each.droplet_id is not None), key=worst_first)
    exempt = [(each, _KEPT) for its in kept for each in its.exempted if each.droplet_id is not None]
    findings = (*whole.findings, *(each for each in found if each.severity != "counted"))
    return replace(
        whole,
        findings=tuple(sorted(findings, key=worst_first)),
        counted=(*whole.counted, *(each for each in found if each.severity == "counted")),
        exempted=(*whole.exempted, *exempt),
    )
