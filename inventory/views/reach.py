"""How far a question about some accounts reaches: to the rows of their own Droplets, if those are few beside others.

Views begin with what all accounts have in common, such as all that changed lately. For one of two thousand accounts
each table is therefore replaced, in the question's own text, by the rows of that account's Droplets. The same is done
for a handful of Droplets where a view begins with what happened to any of them.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

import sqlalchemy as sa

from inventory.views.times import UtcDateTime

# So many Droplets are no longer few: SQLite, which has no statistics, joins those of a list one by one with all that
# was computed before, which takes 0.2 s for so many, and 18 s for ten times as many.
_FEW = 2_000

A_HANDFUL = 20
"""So many Droplets' rows are found sooner one by one than among what happened to a thousand."""

_OF_DROPLET = "droplet_id IN (SELECT droplet_id FROM wanted)"
_NARROWED = {
    "droplets": "id IN (SELECT droplet_id FROM wanted)",
    "droplet_versions": _OF_DROPLET,
    "droplet_windows": _OF_DROPLET,
    "droplet_tags": _OF_DROPLET,
    "droplet_days": _OF_DROPLET,
    "backup_policies": _OF_DROPLET,
    "backups": _OF_DROPLET,
    "backup_versions": "backup_id IN (SELECT b.id FROM {schema}backups AS b WHERE b.droplet_id IN "
    "(SELECT droplet_id FROM wanted))",
    "sync_runs": "account_id IN (SELECT a.id FROM accounts AS a WHERE a.name IN :account)",
}

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


def narrowed(tables: Collection[str], dialect: str) -> Iterator[str]:
    """Give common table expressions that leave of each table the rows of the Droplets `:wanted`, a list in JSON."""
    listed = _LISTED[dialect].format(name="wanted")
    yield f", wanted AS (SELECT CAST(value AS bigint) AS droplet_id FROM ({listed}) AS listed)"
    for table, condition in _NARROWED.items():
        if table in tables:
            schema = _SCHEMA[dialect]
            rows = f"SELECT * FROM {schema}{table} WHERE {condition.format(schema=schema)}"
            yield f", {table} AS NOT MATERIALIZED ({rows})"


def shared_names(connection: sa.Connection, now: datetime, names: Iterable[str]) -> frozenset[str]:
    """Return which of these names two or more current Droplets have at `now`, of whichever account."""
    listed = _LISTED[connection.dialect.name].format(name="names")
    values: Mapping[str, sa.BindParameter[object]] = {
        "names": sa.bindparam("names", json.dumps(sorted(set(names)))),
        "now": sa.bindparam("now", now, UtcDateTime()),
    }
    return frozenset(connection.scalars(sa.text(_SHARED.format(listed=listed)).bindparams(*values.values())))
