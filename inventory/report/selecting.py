"""Find the Droplets that a question names."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa

from inventory.errors import UsageError
from inventory.report import rows_text
from inventory.store.runs import accounts_synced
from inventory.terminal import words
from inventory.terminal.spelling import expanded, matching, nearest
from inventory.views.queries import Question, ask
from inventory.views.rows import DropletTag, KnownDroplet

_WITH_DROPLETS = """
SELECT a.name, a.account_group
FROM accounts AS a
WHERE EXISTS (SELECT 1 FROM droplets AS d WHERE d.account_id = a.id)
"""


def find(
    connection: sa.Connection,
    question: Question,
    names: Collection[str],
    tags: Collection[str],
    now: datetime,
    *,
    accounts: Collection[str] = (),
) -> frozenset[int] | None:
    """Give the ids of the question's Droplets that have one of the names or ids, and one of the tags; None: all.

    Only what is stored of the question's accounts is read.

    Raises:
        UsageError: One of them was not known at the question's moment, or one of `accounts` had no Droplets; `now` is
            today's.
    """
    if not (names or tags or accounts):
        return None
    known = ask(connection, KnownDroplet, Question(now=question.now, accounts=question.accounts))
    try:
        _check_accounts(connection, accounts, known)
        if not (names or tags):
            return None
        return _chosen(known, _tags(connection, [question.now], question.accounts, tags), names, tags)
    except UsageError as error:
        if question.now < now:
            raise UsageError(f"as of {rows_text.moment(question.now)}, {error}") from error
        raise


def find_then_or_now(
    connection: sa.Connection,
    question: Question,
    names: Collection[str],
    tags: Collection[str],
    now: datetime,
    *,
    accounts: Collection[str] = (),
) -> frozenset[int] | None:
    """Give the ids of the Droplets that have, or had at the question's moment, what is asked for; None if nothing is.

    Asked for are one of the question's accounts, one of the names or ids, and one of the tags.

    Raises:
        UsageError: One of them is not known, and was not known then; or one of `accounts` has and had no Droplets.
    """
    if not (names or tags or question.accounts):
        return None
    moments = (question.now, now)
    known = [
        each
        for moment in moments
        for each in ask(connection, KnownDroplet, Question(now=moment, accounts=question.accounts))
    ]
    _check_accounts(connection, accounts, known)
    return _chosen(known, _tags(connection, moments, question.accounts, tags), names, tags)


def _tags(
    connection: sa.Connection, moments: Iterable[datetime], accounts: Collection[str] | None, wanted: Collection[str]
) -> list[DropletTag]:
    asked = [Question(now=moment, accounts=accounts) for moment in moments] if wanted else []
    return [row for each in asked for row in ask(connection, DropletTag, each)]


def _chosen(
    known: Sequence[KnownDroplet], tagged: Sequence[DropletTag], names: Collection[str], tags: Collection[str]
) -> frozenset[int]:
    ids = _named(names, known) if names else frozenset(each.droplet_id for each in known)
    return ids & _tagged(tagged, tags) if tags else ids


def accounts_asked(
    connection: sa.Connection,
    names: Collection[str],
    groups: Collection[str],
    configured: Mapping[str, str | None],
) -> Collection[str]:
    """Return the accounts that the user asked for by names and groups, or their patterns; empty where by neither.

    Known are those that have Droplets and those that are `configured`, each with its group there, or its last.

    Raises:
        UsageError: No account is of one of the groups, or none of those named is.
    """
    if not (names or groups):
        return ()
    stored = connection.execute(sa.text(_WITH_DROPLETS))
    known = {**{row.name: row.account_group for row in stored}, **configured}
    named = expanded(names, sorted(known)) if names else sorted(known)
    if not groups:
        return named
    members = _of_groups(groups, known)
    found = [name for name in named if name in members]
    if not found:
        raise UsageError(f"none of these accounts is of the group {' or '.join(groups)}: {words.some(named)}")
    return found


def _of_groups(groups: Collection[str], known: Mapping[str, str | None]) -> Collection[str]:
    in_use = sorted({group for group in known.values() if group})
    for group in groups:
        if not matching([group], in_use):
            raise UsageError(f'no account is of the group "{group}"{nearest(group, in_use) or "."}')
    wanted = set(matching(groups, in_use))
    return {name for name, group in known.items() if group in wanted}


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
    return sorted(accounts_synced(connection, question.now) - set(configured))


def _check_accounts(connection: sa.Connection, accounts: Iterable[str], known: Sequence[KnownDroplet]) -> None:
    with_droplets = {each.account for each in known}
    for account in accounts:
        if account not in with_droplets:
            others = connection.scalars(sa.text(_WITH_DROPLETS)).all()
            raise UsageError(f'no account "{account}" has Droplets{nearest(account, others) or "."}')


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
