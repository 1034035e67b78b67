"""What a run reads and writes: each transaction under its lease, each attempt whole or not at all.

A transaction that PostgreSQL gives up because another stood in its way is made again, up to three times: all of it,
from the lease and what it reads on.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Any, Self, TypeAlias

import sqlalchemy as sa

from inventory.errors import ConfigurationError, Kept, WrongAccountError
from inventory.history import reconcile
from inventory.history.changes import Changeset
from inventory.history.detection import Remembered
from inventory.model import Account, Attempt, Failed, Listed, Proven, StoredDroplet
from inventory.store import account_records, remembered, runs
from inventory.store.apply import apply
from inventory.store.conflicts import made_again
from inventory.store.engine import Database
from inventory.store.load import load, owners
from inventory.store.refusal import is_refusal, why_refused
from inventory.store.selection import unselect
from inventory.sync.lease import Lease
from inventory.sync.order import Job
from inventory.sync.result import SyncReport, recorded
from inventory.terminal.display import redactor
from inventory.vocabulary import Outcome

_Enter: TypeAlias = Callable[[sa.Connection, Sequence[Attempt]], list[Changeset]]


@dataclass(frozen=True, slots=True)
class Ledger:
    """What one run on one account reads and writes.

    Attributes:
        name: Of the account, in the configuration.
        account: As stored; None in a dry run of one that was never synced.
        accepts_gone: Whether the user takes all that is missing for gone, whatever speaks against it.
        lease: None in a dry run, which reads and decides the same, and writes nothing.
        next_due_at: When the account is due again; None where this run does not decide that.
        last_complete_at: When the last complete run before this one ended; None where none did.
        refusals: Why the database refused what was read of a Droplet, by the Droplet's id.
    """

    database: Database
    name: str
    account: account_records.StoredAccount | None
    accepts_gone: bool
    lease: Lease | None
    next_due_at: datetime | None
    last_complete_at: datetime | None
    clock: Callable[[], datetime]
    refusals: dict[int, sa.exc.DBAPIError] = field(default_factory=dict)

    @classmethod
    @made_again
    def begin(
        cls,
        database: Database,
        job: Job,
        *,
        clock: Callable[[], datetime],
        seconds: Callable[[], float],
    ) -> Self:
        """Take the lease, except for a dry run; `seconds` is a monotonic clock.

        Raises:
            SyncRunningError: Another run holds it.
        """
        if job.order.is_dry_run:
            with database.reading() as connection:
                stored = account_records.read_account(connection, job.account)
                last_complete_at = runs.last_complete(connection, stored.id if stored else None)
                return cls(database, job.account, stored, job.order.accept_gone, None, None, last_complete_at, clock)
        with database.writing() as connection:
            account = account_records.ensure_account(connection, job.account)
            run_id = runs.start(
                connection,
                account,
                trigger=job.order.trigger,
                mode=job.order.mode,
                overdue_after=job.overdue_after,
                now=clock(),
            )
            last_complete_at = runs.last_complete(connection, account.id)
        lease = Lease(database, run_id, seconds)
        due = job.next_due_at
        return cls(database, job.account, account, job.order.accept_gone, lease, due, last_complete_at, clock)

    @property
    def account_id(self) -> int | None:
        """The id of the account's row in `accounts`; None in a dry run of one that was never synced."""
        return self.account.id if self.account else None

    @property
    def run_id(self) -> int | None:
        """The id of the run's row in `sync_runs`; None in a dry run."""
        return self.lease.run_id if self.lease else None

    @property
    def has_written(self) -> bool:
        """Whether the run has changed what is stored, beside its own record."""
        return self.lease is not None and self.lease.has_written

    def check_account(self, found: Account, configured: frozenset[str]) -> None:
        """Hold the token to its account (R2), by what `/v2/account` says.

        Raises:
            WrongAccountError: The token is another account's.
            ConfigurationError: Two configured accounts are one.
        """
        stored = self.account
        if stored and not stored.is_account(found):
            raise WrongAccountError(
                f'the token of account "{self.name}" belongs to another account '
                f"({_owner(found)}, stored is {_owner(stored)})",
                kept=Kept.NOTHING_CHANGED,
                to_do="configure the right token, or give the account another name.",
            )
        with self.database.reading() as connection:
            same = [name for name in account_records.namesakes(connection, found, self.name) if name in configured]
        if same:
            raise self._one_account(same[0], found)

    def _one_account(self, other: str, found: Account) -> ConfigurationError:
        return ConfigurationError(
            f'accounts "{other}" and "{self.name}" are one account of DigitalOcean ({_owner(found)})',
            kept=Kept.NOTHING_CHANGED,
            to_do="remove one from the configuration.",
        )

    @made_again
    def keep_account(self, found: Account, configured: frozenset[str]) -> None:
        """Store what `/v2/account` says; only after the token is known to see the account's Droplets.

        Raises:
            ConfigurationError: Another configured account has claimed it since it was checked (R6).
        """
        stored = self.account
        if not (stored and self.lease):
            return
        known = (stored.uuid, stored.status, stored.claimed_uuid)
        if known == (found.uuid, found.status, stored.claims(found)) and found.team_uuid in (None, stored.team_uuid):
            return
        try:
            self._keep_account(self.lease, stored, found, configured)
        except sa.exc.IntegrityError:
            # Claimed by another at the same moment: now it is there, and is read.
            self._keep_account(self.lease, stored, found, configured)

    def _keep_account(
        self, lease: Lease, stored: account_records.StoredAccount, found: Account, configured: frozenset[str]
    ) -> None:
        with lease.writing() as connection:
            if other := account_records.claim(connection, stored, found, configured):
                raise self._one_account(other, found)
            account_records.record_account(connection, stored.id, found, self.clock())

    def known(self) -> dict[int, remembered.KnownDroplet]:
        """Read every Droplet stored for the account."""
        with self.database.reading() as connection:
            return remembered.known_droplets(connection, self.account_id)

    def remembered(self) -> tuple[dict[int, Remembered], datetime | None]:
        """Read what may prove Droplets unchanged, and when the last run before this one began."""
        with self.database.reading() as connection:
            return (
                remembered.remembered_droplets(connection, self.account_id),
                runs.last_started(connection, self.account_id, before_run_id=self.run_id),
            )

    def owned_elsewhere(self, configured: frozenset[str], droplet_ids: list[int]) -> dict[int, str]:
        """Name for each of these Droplets the other configured account it belongs to (R6)."""
        with self.database.reading() as connection:
            return remembered.owned_elsewhere(connection, self.account_id, configured, droplet_ids)

    @made_again
    def unselect(self, droplet_ids: Sequence[int]) -> None:
        """Record that the configuration no longer means these Droplets."""
        if droplet_ids and self.lease:
            with self.lease.writing() as connection:
                unselect(connection, droplet_ids, self.clock())

    @made_again
    def enter(self, attempts: Sequence[Attempt], *, is_final: bool, held_because: str | None = None) -> list[Changeset]:
        """Decide what these attempts mean and write it, in one transaction; return all changesets.

        Attempts with ends that must wait are not written until `is_final`: the brake decides on them at the end of the
        run. `held_because` then says why their ends are held back; None where they are not. What the database refuses
        costs its own Droplet alone (R15): its changeset says so, and `refusals` why.
        """
        enter = partial(self._enter, held_because=held_because, is_final=is_final)
        try:
            with self._transaction() as connection:
                return enter(connection, attempts)
        except sa.exc.DBAPIError as error:
            if not is_refusal(error):
                raise
        # Not always for its values: on PostgreSQL two runs may write at once, and that of another account may have
        # entered the same Droplet between our reading and our writing. Now it is there, and is read with the rest.
        with self._transaction() as connection:
            return self._halved(connection, sorted(attempts, key=attrgetter("droplet_id")), enter)

    def _transaction(self) -> AbstractContextManager[sa.Connection]:
        return self.lease.writing() if self.lease else self.database.reading()

    def _enter(
        self, connection: sa.Connection, attempts: Sequence[Attempt], *, held_because: str | None, is_final: bool
    ) -> list[Changeset]:
        stored = self._stored(connection, attempts)
        owners = _owners(connection, attempts, stored)
        changesets = self._changesets(attempts, stored, owners, held_because)
        ready = [changeset for changeset in changesets if is_final or not changeset.waiting]
        if self.lease:
            apply(connection, ready, stored)
            self._record(connection, ready)
        return changesets

    def _halved(self, connection: sa.Connection, attempts: Sequence[Attempt], enter: _Enter) -> list[Changeset]:
        """Enter these attempts; where the database refuses them, each half, until those are found that it refuses."""
        try:
            with connection.begin_nested():
                return enter(connection, attempts)
        except sa.exc.DBAPIError as error:
            if not is_refusal(error):
                raise
            refusal = error
        if len(attempts) == 1:
            self.refusals[attempts[0].droplet_id] = refusal
            return [self._entered_without(connection, _refused(attempts[0], refusal))]
        middle = len(attempts) // 2
        first, rest = attempts[:middle], attempts[middle:]
        return [*self._halved(connection, first, enter), *self._halved(connection, rest, enter)]

    def _entered_without(self, connection: sa.Connection, refused: Failed) -> Changeset:
        """Record that the database refused an attempt, on the Droplet's row too where that is accepted."""
        stored = self._stored(connection, [refused])
        [changeset] = self._changesets([refused], stored, {}, None)
        try:
            with connection.begin_nested():
                apply(connection, [changeset], stored)
        except sa.exc.DBAPIError as error:
            if not is_refusal(error):
                raise
        self._record(connection, [changeset])
        return changeset

    def _record(self, connection: sa.Connection, changesets: Iterable[Changeset]) -> None:
        assert self.lease is not None
        rows = [_attempt(changeset) for changeset in changesets if changeset.is_telling]
        runs.record_attempts(connection, self.lease.run_id, rows)

    @made_again
    def keep_lease(self) -> None:
        """Renew the lease where that is due.

        Raises:
            LeaseLostError: Another run took over.
        """
        if self.lease:
            self.lease.keep()

    @made_again
    def finish(self, report: SyncReport) -> None:
        """Close the run's record with what the report says, and free the account.

        Raises:
            LeaseLostError: Another run took over.
        """
        if self.lease:
            self.lease.finish(report.status, report.finished_at, recorded(report), self.next_due_at)

    def _changesets(
        self,
        attempts: Iterable[Attempt],
        stored: Mapping[int, StoredDroplet],
        owners: Mapping[int, int],
        held_because: str | None,
    ) -> list[Changeset]:
        changesets = []
        owned = dict(owners)
        for attempt in attempts:
            before = stored.get(attempt.droplet_id)
            changeset = reconcile.reconcile(
                before, attempt, owned, held_because=held_because, accepts_gone=self.accepts_gone
            )
            # A backup belongs to the Droplet that showed it first, also within one batch.
            owned.update(dict.fromkeys((backup.id for backup in changeset.appeared), attempt.droplet_id))
            changesets.append(changeset)
        return changesets

    def _stored(self, connection: sa.Connection, attempts: Sequence[Attempt]) -> dict[int, StoredDroplet]:
        proven = {attempt.droplet_id for attempt in attempts if isinstance(attempt, Proven)}
        ids = [attempt.droplet_id for attempt in attempts]
        return load(connection, ids, _listed(attempts), self.clock(), proven=proven)


def _refused(attempt: Attempt, refusal: sa.exc.DBAPIError) -> Failed:
    """Give what is left of an attempt where the database refuses what it read."""
    return Failed(
        droplet_id=attempt.droplet_id,
        account_id=attempt.account_id,
        droplet=None,
        policy=None,
        outcome=Outcome.REFUSED,
        error=redactor()(
            f"the database refuses what was read of this Droplet ({why_refused(refusal)}); "
            "what was stored of it before stays"
        ),
        is_token_alive=False,
        http_status=attempt.http_status,
        attempted_at=attempt.attempted_at,
        duration_seconds=attempt.duration_seconds,
    )


def _owner(account: Account | account_records.StoredAccount) -> str:
    """Name who owns the Droplets: the team, where one is known."""
    return f"team {account.team_uuid}" if account.team_uuid else str(account.uuid)


def _listed(attempts: Iterable[Attempt]) -> set[int]:
    return {backup.id for attempt in attempts if isinstance(attempt, Listed) for backup in attempt.listing.backups}


def _owners(
    connection: sa.Connection, attempts: Iterable[Attempt], stored: Mapping[int, StoredDroplet]
) -> dict[int, int]:
    """Return the Droplet of each listed backup that is stored; most were read with their Droplet."""
    known = {backup: number for number, droplet in stored.items() for backup in droplet.backups}
    return known | owners(connection, _listed(attempts) - known.keys())


def _attempt(changeset: Changeset) -> dict[str, Any]:
    """Return the row of `sync_listings` for an attempt."""
    attempt = changeset.attempt
    listing = attempt.listing if isinstance(attempt, Listed) else None
    return {
        "droplet_id": attempt.droplet_id,
        "attempted_at": changeset.stamp,
        "outcome": changeset.outcome,
        "http_status": attempt.http_status,
        "pages": listing.pages if listing else None,
        "rows": listing.rows if listing else None,
        "announced_total": listing.announced_total if listing else None,
        "duration_seconds": attempt.duration_seconds,
        "error": changeset.error,
    }
