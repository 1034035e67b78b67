"""How far a question about some accounts reaches: to the rows of their own Droplets, if those are few beside others.

Views begin with what all accounts have in common, such as all that changed lately. For one of two thousand accounts
each table is therefore replaced, in the question's own text, by the rows of that account's Droplets. The same is done
for a handful of Droplets where a view begins with what happened to any of them.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from inventory.views.catalog import View
from inventory.views.times import UtcDateTime

# So many Droplets are no longer few: SQLite, which has no statistics, joins those of a list one by one with all that
# was computed before, which takes 0.2 s for so many, and 18 s for ten times as many.
_FEW = 2_000

A_HANDFUL = 20
"""So many Droplets' rows are found sooner one by one than among what happened to a thousand."""

_OF_DROPLET = frozenset(
    {"droplet_versions", "droplet_windows", "droplet_tags", "droplet_days", "backup_policies", "backups"}
)
_RUNS = "account_id IN (SELECT a.id FROM accounts AS a WHERE a.name IN :account)"

_IS_WANTED = {
    "sqlite": "{column} IN (SELECT CAST(value AS bigint) FROM json_each(:wanted))",
    "postgresql": "{column} = ANY(:wanted)",
}
# PostgreSQL would go through a longer list for each row that it looks up; what IS TRUE keeps apart, it hashes once.
LONG_LIST = 300
_IS_IN_LONG_LIST = "({column} IN (SELECT unnest(:wanted))) IS TRUE"

# What ended before can have no version that was in force since, whatever it was.
_LIVE = " AND (b.gone_at IS NULL OR b.gone_at >= :live_since)"
_VERSIONS = "backup_versions"
_OF_THIS_DAY = frozenset(
    {"droplet_size_at_last_look", "droplet_size_now", "live_backups", "size_growth", "size_anomalies"}
)

_LISTED = {
    "sqlite": "SELECT value FROM json_each(:{name})",
    "postgresql": "SELECT jsonb_array_elements_text(CAST(:{name} AS jsonb)) AS value",
}

# SQLite takes a name within its own definition for itself.
_SCHEMA = {"sqlite": "main.", "postgresql": ""}

_IDS = """
SELECT DISTINCT v.droplet_id
FROM accounts AS a
INNER JOIN droplet_versions AS v ON v.account_id = a.id
WHERE a.name IN :account AND EXISTS (SELECT 1 FROM accounts AS o WHERE o.name NOT IN :account)
LIMIT :most"""

_NUMBERS = """
SELECT a.name, count(DISTINCT v.droplet_id) AS droplets
FROM accounts AS a
INNER JOIN droplet_versions AS v ON v.account_id = a.id
WHERE a.name IN :account
GROUP BY a.name"""

_SHARED = """
SELECT n.value
FROM ({listed}) AS n
WHERE (
    SELECT count(*)
    FROM (
        SELECT 1 AS found
        FROM droplet_versions AS v
        WHERE
            v.name = n.value
            AND v.unselected_since IS NULL
            AND v.valid_from <= :now
            AND (v.valid_to IS NULL OR v.valid_to > :now)
        LIMIT 2
    ) AS two
) = 2"""


def few_droplets(connection: sa.Connection, accounts: Collection[str]) -> list[int] | None:
    """Return the ids of all Droplets that ever were of these accounts; None if they are many, or there is no other."""
    names = sa.bindparam("account", list(accounts), sa.Text(), expanding=True)
    ids = connection.scalars(sa.text(_IDS).bindparams(names, most=_FEW + 1)).all()
    return list(ids) if 0 < len(ids) <= _FEW else None


def droplets_of(connection: sa.Connection, accounts: Collection[str]) -> dict[str, int]:
    """Return how many Droplets each of these accounts ever had; an account that had none is left out."""
    names = sa.bindparam("account", list(accounts), sa.Text(), expanding=True)
    found = connection.execute(sa.text(_NUMBERS).bindparams(names))
    return {row.name: row.droplets for row in found}


def wanted(droplet_ids: Collection[int], dialect: str) -> sa.BindParameter[Any]:
    """Give the parameter `:wanted` of `narrowed` and `is_wanted`."""
    if dialect == "postgresql":
        return sa.bindparam("wanted", list(droplet_ids), ARRAY(sa.BigInteger()))
    return sa.bindparam("wanted", json.dumps(list(droplet_ids)))


def is_wanted(column: str, dialect: str) -> str:
    """Give the condition that a column is one of the Droplets `:wanted`."""
    return _IS_WANTED[dialect].format(column=column)


def live_since(read: Iterable[View], now: datetime, begin: datetime) -> datetime | None:
    """Tell since when a backup must have been live for views that reach back to `begin` to need its versions.

    None means that they need those of every backup: what a Droplet has now must not cost what it ever had.
    """
    readers = {view.name for view in read if _VERSIONS in view.reads}
    if readers and readers <= _OF_THIS_DAY:
        return now.replace(hour=0, minute=0, second=0, microsecond=0)
    return begin if readers == {"changes"} else None


def narrowed(tables: Collection[str], dialect: str, *, is_long: bool, is_live: bool) -> Iterator[str]:
    """Give common table expressions that leave of each table the rows of the Droplets `:wanted`, perhaps a long list.

    Where `is_live`, only backups that were live after `:live_since` have versions.
    """
    schema = _SCHEMA[dialect]
    is_hashed = is_long and dialect == "postgresql"
    condition = _IS_IN_LONG_LIST if is_hashed else _IS_WANTED[dialect]
    which = dict.fromkeys(sorted(_OF_DROPLET), condition.format(column="droplet_id"))
    of_backup = condition.format(column="b.droplet_id") + (_LIVE if is_live else "")
    versions = f"(backup_id IN (SELECT b.id FROM {schema}backups AS b WHERE {of_backup}))"
    which[_VERSIONS] = f"{versions} IS TRUE" if is_hashed else versions
    which["droplets"] = condition.format(column="id")
    which["sync_runs"] = _RUNS
    for table, condition in which.items():
        if table in tables:
            yield f", {table} AS NOT MATERIALIZED (SELECT * FROM {schema}{table} WHERE {condition})"


def shared_names(connection: sa.Connection, now: datetime, names: Iterable[str]) -> frozenset[str]:
    """Return which of these names two or more current Droplets have at `now`, of whichever account."""
    listed = _LISTED[connection.dialect.name].format(name="names")
    values: Mapping[str, sa.BindParameter[object]] = {
        "names": sa.bindparam("names", json.dumps(sorted(set(names)))),
        "now": sa.bindparam("now", now, UtcDateTime()),
    }
    return frozenset(connection.scalars(sa.text(_SHARED.format(listed=listed)).bindparams(*values.values())))
