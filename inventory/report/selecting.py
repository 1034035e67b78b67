"""Find the Droplets that a question names."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from inventory.errors import UsageError
from inventory.report import rows_text
from inventory.terminal.spelling import expanded, nearest
from inventory.views.queries import Question, ask
from inventory.views.rows import DropletTag, KnownDroplet, SyncHealth

_WITH_DROPLETS = "SELECT a.name FROM accounts AS a WHERE EXISTS (SELECT 1 FROM droplets AS d WHERE d.account_id = a.id)"


def find(
    connection: sa.Connection, question: Question, names: Collection[str], tags: Collection[str], now: datetime
) -> frozenset[int] | None:
    """Give the ids of the Droplets that have one of the names or ids, and one of the tags; None if both are empty.

    Raises:
        UsageError: One of them, or an account of the question's, was not known at its moment; `now` is today's.
    """
    if not (names or tags or question.accounts):
        return None
    known = ask(connection, KnownDroplet, Question(now=question.now))
    try:
        _check_accounts(question.accounts or (), known)
        if not (names or tags):
            return None
        return _chosen(known, _tags(connection, [question.now], tags), names, tags)
    except UsageError as error:
        if question.now < now:
            raise UsageError(f"as of {rows_text.moment(question.now)}, {error}") from error
        raise


def find_then_or_now(
    connection: sa.Connection, question: Question, names: Collection[str], tags: Collection[str], now: datetime
) -> frozenset[int] | None:
    """Give the ids of the Droplets that have, or had at the question's moment, what is asked for; None if nothing is.

    Asked for are one of the question's accounts, one of the names or ids, and one of the tags.

    Raises:
        UsageError: One of them is not known, and was not known then.
    """
    if not (names or tags or question.accounts):
        return None
    moments = (question.now, now)
    known = [each for moment in moments for each in ask(connection, KnownDroplet, Question(now=moment))]
    _check_accounts(question.accounts or (), known)
    theirs = {each.droplet_id for each in known if question.accounts is None or each.account in question.accounts}
    return _chosen(known, _tags(connection, moments, tags), names, tags) & theirs


def _tags(connection: sa.Connection, moments: Iterable[datetime], wanted: Collection[str]) -> list[DropletTag]:
    return [row for moment in moments for row in ask(connection, DropletTag, Question(now=moment))] if wanted else []


def _chosen(
    known: Sequence[KnownDroplet], tagged: Sequence[DropletTag], names: Collection[str], tags: Collection[str]
) -> frozenset[int]:
    ids = _named(names, known) if names else frozenset(each.droplet_id for each in known)
    return ids & _tagged(tagged, tags) if tags else ids


def accounts_named(
    connection: sa.Connection, patterns: Collection[str], configured: Collection[str] | None = None
) -> Collection[str]:
    """Return the accounts that the user named: of a pattern, all that have Droplets or are configured."""
    if not patterns:
        return ()
    known = {*connection.scalars(sa.text(_WITH_DROPLETS)), *(configured or ())}
    return expanded(patterns, sorted(known))


def accounts_to_judge(
    accounts: Collection[str], droplets: Collection[str], configured: Collection[str] | None
) -> Collection[str] | None:
    """Return the accounts to judge where the user named these accounts and Droplets; None means all.

    What was taken out of the configuration is looked at no more, and judged only where somebody asks for it.
    """
    return accounts or (None if droplets else configured)


def not_judged(connection: sa.Connection, question: Question, configured: Collection[str] | None) -> Sequence[str]:
    """Name the accounts that were synced, but are no longer configured; none where the question names others."""
    if question.accounts is None or question.accounts != configured:
        return ()
    synced = {each.account for each in ask(connection, SyncHealth, Question(now=question.now))}
    return sorted(synced - set(configured))


def _check_accounts(accounts: Iterable[str], known: Sequence[KnownDroplet]) -> None:
    with_droplets = {each.account for each in known}
    for account in accounts:
        if account not in with_droplets:
            raise UsageError(f'no account "{account}" has Droplets{nearest(account, with_droplets) or "."}')


def _named(names: Iterable[str], known: Sequence[KnownDroplet]) -> frozenset[int]:
    ids: set[int] = set()
    for name in names:
        found = {each.droplet_id for each in known if name in (each.droplet, str(each.droplet_id))}
        if not found:
            raise UsageError(f'no Droplet "{name}" is known{nearest(name, {each.droplet for each in known}) or "."}')
        ids |= found
    return frozenset(ids)


def _tagged(rows: Sequence[DropletTag], tags: Collection[str]) -> frozenset[int]:
    in_use = {row.tag for row in rows}
    for tag in tags:
        if tag not in in_use:
            raise UsageError(f'no Droplet has the tag "{tag}"{nearest(tag, in_use) or "."}')
    return frozenset(row.droplet_id for row in rows if row.tag in tags)
