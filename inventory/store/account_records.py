"""The record of an account: what it was found to be, and which configured account may have it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from inventory.history.looks import STAMP_STEP
from inventory.model import Account
from inventory.store.bulk import insert_or_leave
from inventory.store.schema import account_versions, accounts, droplets


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """A row of `accounts`; the schema says what each column means."""

    id: int
    name: str
    uuid: str | None = None
    team_uuid: str | None = None
    status: str | None = None
    claimed_uuid: str | None = None

    def is_account(self, found: Account) -> bool:
        """Tell whether `found` may be this account: nothing that both name contradicts it.

        Members of a team have uuids of their own, so the teams decide where both sides name one. A uuid that was stored
        without a team may be the team's: before revision 0010 there was one column for both.
        """
        if self.uuid is None:
            return True
        if self.team_uuid is None:
            return self.uuid in (found.uuid, found.team_uuid)
        return self.team_uuid == found.team_uuid if found.team_uuid else self.uuid == found.uuid

    def claims(self, found: Account) -> str:
        """Return the uuid that no other configured account may have: the team's where one was ever named."""
        return found.team_uuid or self.team_uuid or found.uuid


def ensure_account(connection: sa.Connection, name: str) -> StoredAccount:
    """Read the account of this name, or insert it; two processes may do so at once."""
    found = read_account(connection, name)
    if found is None:
        insert_or_leave(connection, accounts, {"name": name})
        found = read_account(connection, name)
    assert found is not None
    return found


def read_account(connection: sa.Connection, name: str) -> StoredAccount | None:
    """Read the account of this name; None if it was never synced."""
    columns = (accounts.c[name] for name in StoredAccount.__slots__)
    row = connection.execute(sa.select(*columns).where(accounts.c.name == name)).one_or_none()
    return StoredAccount(*row) if row else None


def first_look(connection: sa.Connection, account_id: int) -> datetime | None:
    """Return the stamp of the first look at a Droplet that is the account's now; None if there was none."""
    first = sa.select(sa.func.min(droplets.c.first_look_at)).where(droplets.c.account_id == account_id)
    found: datetime | None = connection.scalar(first)
    return found


def holds(connection: sa.Connection, account_id: int) -> bool:
    """Tell whether the account is there, and keep everybody from deleting it until the transaction ends."""
    its = sa.select(accounts.c.id).where(accounts.c.id == account_id)
    return connection.scalar(its.with_for_update(read=True, key_share=True)) is not None


def namesakes(connection: sa.Connection, found: Account, name: str) -> list[str]:
    """List the names of the other accounts that are surely this one: of the same team, or without one and of its uuid.

    A user has an account of their own and may belong to several teams, so that the uuid alone does not show it.
    """
    of_no_team = sa.and_(accounts.c.team_uuid.is_(None), accounts.c.uuid == found.uuid)
    is_same = accounts.c.team_uuid == found.team_uuid if found.team_uuid else of_no_team
    query = sa.select(accounts.c.name).where(is_same, accounts.c.name != name)
    return sorted(connection.scalars(query))


def record_account(connection: sa.Connection, account_id: int, found: Account, now: datetime) -> None:
    """Store what `/v2/account` says at `now`; where it names no team, the one that it named before stays (R2)."""
    named = {"team_uuid": found.team_uuid} if found.team_uuid else {}
    values = {"uuid": found.uuid, "status": found.status, **named}
    connection.execute(sa.update(accounts).where(accounts.c.id == account_id).values(values))
    of_account = account_versions.c.account_id == account_id
    is_open = sa.and_(of_account, account_versions.c.valid_to.is_(None))
    if connection.scalar(sa.select(account_versions.c.status).where(is_open)) == found.status:
        return
    last: datetime | None = connection.scalar(sa.select(sa.func.max(account_versions.c.valid_from)).where(of_account))
    since = max(now.replace(microsecond=0), last + STAMP_STEP) if last else now
    connection.execute(sa.update(account_versions).where(is_open).values(valid_to=since))
    version = {"account_id": account_id, "valid_from": since, "status": found.status}
    connection.execute(sa.insert(account_versions).values(version))


def claim(connection: sa.Connection, account: StoredAccount, found: Account, configured: Collection[str]) -> str | None:
    """Claim what `/v2/account` names for this account; return the other configured one that holds it, or None.

    One that is no longer configured gives it up. Two transactions may claim at once on PostgreSQL: the second waits for
    the first, and its database error is an IntegrityError.
    """
    uuid = account.claims(found)
    is_holder = sa.and_(accounts.c.claimed_uuid == uuid, accounts.c.id != account.id)
    holder: str | None = connection.scalar(sa.select(accounts.c.name).where(is_holder))
    if holder in configured:
        return holder
    connection.execute(sa.update(accounts).where(is_holder).values(claimed_uuid=None))
    connection.execute(sa.update(accounts).where(accounts.c.id == account.id).values(claimed_uuid=uuid))
    return None


def next_due(connection: sa.Connection, name: str) -> datetime | None:
    """Return when the account of this name is due, as the last run left it; None if there was none."""
    due: datetime | None = connection.scalar(sa.select(accounts.c.next_due_at).where(accounts.c.name == name))
    return due
