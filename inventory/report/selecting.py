"""Find the Droplets that a question names."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches

import sqlalchemy as sa

from inventory.errors import UsageError
from inventory.views.queries import Question, ask
from inventory.views.rows import DropletTag, KnownDroplet


def find(
    connection: sa.Connection, question: Question, names: Collection[str], tags: Collection[str]
) -> frozenset[int] | None:
    """Give the ids of the Droplets that have one of the names or ids, and one of the tags; None where none is named.

    Raises:
        UsageError: Nothing was known of one of them, or of an account of the question's, at its `now`.
    """
    if not names and not tags and not question.accounts:
        return None
    known = ask(connection, KnownDroplet, Question(now=question.now))
    accounts = {each.account for each in known}
    for account in question.accounts or ():
        if account not in accounts:
            raise UsageError(f'no account "{account}" has Droplets{_nearest(account, accounts)}')
    if not names and not tags:
        return None
    ids = frozenset(each.droplet_id for each in known)
    if names:
        ids = frozenset[int]().union(*(_named(name, known) for name in names))
    return ids & _tagged(connection, question, tags) if tags else ids


def _named(name: str, known: Sequence[KnownDroplet]) -> frozenset[int]:
    found = frozenset(each.droplet_id for each in known if name in (each.droplet, str(each.droplet_id)))
    if not found:
        raise UsageError(f'no Droplet "{name}" is known{_nearest(name, [each.droplet for each in known])}')
    return found


def _tagged(connection: sa.Connection, question: Question, tags: Collection[str]) -> frozenset[int]:
    rows = ask(connection, DropletTag, Question(now=question.now))
    for tag in tags:
        if tag not in {row.tag for row in rows}:
            raise UsageError(f'no Droplet has the tag "{tag}"{_nearest(tag, [row.tag for row in rows])}')
    return frozenset(row.droplet_id for row in rows if row.tag in tags)


def _nearest(name: str, names: Collection[str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]}?" if near else "."
