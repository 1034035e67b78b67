"""Read what the views show of a moment, and have it judged."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa

from inventory.findings import STAYS_FOR, Evidence, Verdict, current_misses, judge, newest_backups
from inventory.rules import Exemption, Rules
from inventory.views.queries import Question, ask
from inventory.views.rows import (
    BackupLifetime,
    DropletRetention,
    DropletTag,
    KnownDroplet,
    MissedBackup,
    SizeAnomaly,
    SyncHealth,
    UnprotectedDroplet,
)

# Of the plans that DigitalOcean documents; a policy may say more.
_LONGEST_RETENTION_DAYS = 28


def inspect(
    connection: sa.Connection,
    now: datetime,
    rules: Rules,
    exemptions: Sequence[Exemption],
    *,
    accounts: Collection[str] | None = None,
    droplet_ids: Collection[int] | None = None,
) -> Verdict:
    """Judge what was known at `now`, as far as it concerns the named accounts and Droplets; None means all.

    An account that is named and was never synced is a finding; of Droplets, only those that exist and are selected are
    judged, and their accounts with them.
    """
    return judge(read(connection, now, accounts, droplet_ids), rules, exemptions, now)


def read(
    connection: sa.Connection, now: datetime, accounts: Collection[str] | None, droplet_ids: Collection[int] | None
) -> Evidence:
    """Read the rows to judge."""
    current = [each for each in ask(connection, KnownDroplet, Question(now)) if each.is_current]
    judged = [
        each
        for each in current
        if (accounts is None or each.account in accounts) and (droplet_ids is None or each.droplet_id in droplet_ids)
    ]
    if droplet_ids is not None:
        accounts = {each.account for each in judged}
    about = partial(Question, now, accounts=accounts, droplet_ids=droplet_ids)
    retention = ask(connection, DropletRetention, about())
    missed = ask(connection, MissedBackup, about())
    recent = ask(connection, BackupLifetime, about(since=_earliest_loss(now, retention)))
    return Evidence(
        accounts=accounts,
        droplet_ids=frozenset(each.droplet_id for each in judged),
        droplets=current,
        tags=ask(connection, DropletTag, about()),
        health=ask(connection, SyncHealth, about()),
        retention=retention,
        missed=missed,
        backups=[*recent, *_made_since(connection, now, missed, newest_backups(retention, recent, now))],
        unprotected=ask(connection, UnprotectedDroplet, about()),
        anomalies=ask(connection, SizeAnomaly, about(since=now - STAYS_FOR)),
    )


def _earliest_loss(now: datetime, retention: Sequence[DropletRetention]) -> datetime:
    """Say when a backup can have been made at the earliest whose early loss is still a finding."""
    longest = max([_LONGEST_RETENTION_DAYS, *(each.retention_days or 0 for each in retention)])
    return now - STAYS_FOR - timedelta(days=longest)


def _made_since(
    connection: sa.Connection, now: datetime, missed: Sequence[MissedBackup], newest_at: Mapping[int, datetime]
) -> list[BackupLifetime]:
    """Read what was made after windows that were missed longer ago, and is gone since."""
    in_doubt = current_misses(missed, newest_at)
    if not in_doubt:
        return []
    earliest = min(windows[0].window_starts_at for windows in in_doubt.values())
    return ask(connection, BackupLifetime, Question(now, since=earliest, droplet_ids=in_doubt))
