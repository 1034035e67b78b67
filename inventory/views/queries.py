"""Ask a view about any moment.

The view and all it reads are written as common table expressions of the same names, behind a `report_clock` of our own.
This only reads, needs no views in the database, and is the same on both databases.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType, NoneType
from typing import Any, TypeVar, get_args, get_type_hints

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from inventory.views import back, reach
from inventory.views.catalog import View, views, with_dependencies
from inventory.views.macros import ASKED_FROM, expand
from inventory.views.rows import ROWS, VIEWS, KnownDroplet
from inventory.views.times import UtcDateTime

RECENT = timedelta(days=90)
"""How far back the views over recent events reach by default."""

_ROWS_AT_ONCE = 1000
_DROPLETS_AT_FIRST = 20
_DROPLET_BY_DROPLET = "account, droplet, droplet_id"
_LATELY = (timedelta(days=1), timedelta(days=8), timedelta(days=40), timedelta(days=400))

KNOWN_DROPLETS = "known_droplets"
"""The view that every other view of Droplets reads, directly or through others."""

CHANGES = "changes"
"""The view that begins with what happened lately, whosever it was; all others begin with the Droplets."""

Row = TypeVar("Row", bound=tuple[Any, ...])

_TYPES: dict[type, TypeEngine[Any]] = {
    bool: sa.Boolean(),
    int: sa.BigInteger(),
    float: sa.Double(),
    str: sa.Text(),
    date: sa.Date(),
    datetime: UtcDateTime(),
}
_CLOCK = {
    "sqlite": "SELECT :now AS now, :begin AS since",
    "postgresql": "SELECT CAST(:now AS timestamptz) AS now, CAST(:begin AS timestamptz) AS since",
}


@dataclass(frozen=True, slots=True)
class Question:
    """Which moment a view is asked about, and which of its rows are wanted.

    Attributes:
        now: The moment; what was learned later counts as not known.
        since: Only rows of this time or later; None: any time, in views over recent events the last 90 days.
        until: Only rows before this time, a month or a day that began before it included; None: up to `now`.
        accounts: Only these, by name; None: all.
        droplet_ids: Only these; None: all.
        gone_reason: Only what ended for this reason; None: all.
        limit: At most this many rows; None: all.
    """

    now: datetime
    since: datetime | None = None
    until: datetime | None = None
    accounts: Collection[str] | None = None
    droplet_ids: Collection[int] | None = None
    gone_reason: str | None = None
    limit: int | None = None


def ask(connection: sa.Connection, row: type[Row], question: Question) -> list[Row]:
    """Read the rows of the view whose rows have this type, in the order that the view's header names.

    Filters on columns that the view lacks are ignored; callers must tell the user.
    """
    view = views()[VIEWS[row]]
    if question.limit is not None and _goes_by_droplet(view):
        return _of_first_droplets(connection, row, question, question.limit)
    if question.limit is not None and view.name == CHANGES:
        return _newest(connection, row, question, question.limit)
    if question.limit is not None and view.name == back.MONTHLY_COST:
        return _of_first_accounts(connection, row, question, question.limit)
    return _all(connection, row, question)


def _all(connection: sa.Connection, row: type[Row], question: Question) -> list[Row]:
    return [row(*each) for each in _answers(connection, row, question).all()]


def _goes_by_droplet(view: View) -> bool:
    return view.order.startswith(_DROPLET_BY_DROPLET) and _reads_droplets(view) and view.name != KNOWN_DROPLETS


def _reads_droplets(view: View) -> bool:
    return KNOWN_DROPLETS in {each.name for each in with_dependencies(view.name)}


def _of_first_droplets(connection: sa.Connection, row: type[Row], question: Question, rows: int) -> list[Row]:
    """Ask about a few Droplets, then about as many more as seem to have the other rows: the rest cost nothing."""
    droplets = ask(connection, KnownDroplet, replace(question, limit=None))
    found: list[Row] = []
    begin, some = 0, _DROPLETS_AT_FIRST
    while begin < len(droplets) and len(found) < rows:
        ids = [each.droplet_id for each in droplets[begin : begin + some]]
        found += _all(connection, row, replace(question, droplet_ids=ids, limit=rows - len(found)))
        begin += some
        some = begin * (rows - len(found)) // len(found) + _DROPLETS_AT_FIRST if found else 8 * some
    return found


def _of_first_accounts(connection: sa.Connection, row: type[Row], question: Question, rows: int) -> list[Row]:
    """Ask about one account after the other, whose newest rows come first."""
    droplets = ask(connection, KnownDroplet, replace(question, limit=None))
    found: list[Row] = []
    for account in sorted({each.account for each in droplets}):
        if len(found) < rows:
            left = rows - len(found)
            found += _newest(connection, row, replace(question, accounts=[account], limit=left), left)
    return found


def _newest(connection: sa.Connection, row: type[Row], question: Question, rows: int) -> list[Row]:
    """Ask about a short time, then about longer ones until there are enough rows: what is older costs nothing."""
    end = min(question.until or question.now, question.now)
    for span in _LATELY:
        if question.since is not None and question.since >= end - span:
            break
        found = _all(connection, row, replace(question, since=end - span))
        if len(found) >= rows:
            return found
    return _all(connection, row, question)


def stream(connection: sa.Connection, row: type[Row], question: Question) -> Iterator[Row]:
    """Read the rows as `ask` does, but a thousand at a time, so that a million rows need little memory."""
    return (row(*each) for each in _answers(connection, row, question, yield_per=_ROWS_AT_ONCE))


def count_by(
    connection: sa.Connection, row: type[tuple[Any, ...]], question: Question, columns: Sequence[str]
) -> dict[tuple[Any, ...], int]:
    """Count the rows that `ask` would give, by their values in these columns, in the database."""
    counted = _answers(connection, row, question, by=columns)
    return {tuple(each[:-1]): each[-1] for each in counted}


def _answers(
    connection: sa.Connection,
    row: type[tuple[Any, ...]],
    question: Question,
    *,
    by: Sequence[str] = (),
    **options: int,
) -> sa.CursorResult[Any]:
    """Give the rows, or how many there are by the values of some columns."""
    view = views()[VIEWS[row]]
    types = column_types(row)
    dialect = connection.dialect.name
    few = _few(connection, view, question) if "account" in view.columns and _reads_droplets(view) else None
    whose = dict(_whose(view, question, types, dialect, is_narrowed=few is not None))
    when = dict(_when(view, question, types))
    what = _counted(view, by) if by else _ordered(view, question.limit, dialect)
    narrowed, values = _narrowed(connection, view, question, few)
    text = _text(view, [*whose], [*when], what, narrowed, dialect=dialect)
    clock = {"now": question.now, "begin": question.since or question.now - RECENT}
    values += [sa.bindparam(name, value, UtcDateTime()) for name, value in clock.items()]
    since = question.since or (question.now - RECENT if view.is_recent else None)
    if begin := back.first_day(connection, view.name, question.now, since, few):
        text = text.replace(ASKED_FROM, ":asked_from")
        values.append(sa.bindparam("asked_from", begin, sa.Date()))
    values += [*whose.values(), *when.values()]
    read = {name: types[name] for name in by} | {"rows": sa.BigInteger()} if by else types
    return connection.execute(sa.text(text).bindparams(*values).columns(**read), execution_options=options)


def _narrowed(
    connection: sa.Connection, view: View, question: Question, few: Sequence[int] | None
) -> tuple[Sequence[str], list[sa.BindParameter[Any]]]:
    """Give what leaves of each table the rows that the question needs, if those are few, with its parameters."""
    if few is None:
        return (), []
    dialect, read = connection.dialect.name, with_dependencies(view.name)
    live_since = reach.live_since(read, question.now, question.since or question.now - RECENT)
    tables = {name for each in read for name in each.reads}
    values = [reach.wanted(few, dialect)]
    is_long = len(few) > reach.LONG_LIST
    lines = [*reach.narrowed(tables, dialect, is_long=is_long, is_live=live_since is not None)]
    if live_since is not None:
        values.append(sa.bindparam("live_since", live_since, UtcDateTime()))
    return lines, values


def _few(connection: sa.Connection, view: View, question: Question) -> Sequence[int] | None:
    """Return the Droplets whose rows alone the tables need to have; None where they need all, or it gains nothing."""
    ids = question.droplet_ids
    if "droplet_id" in view.columns and ids is not None and 0 < len(ids) <= reach.A_HANDFUL:
        return sorted(ids)
    return reach.few_droplets(connection, question.accounts) if question.accounts is not None else None


def _ordered(view: View, limit: int | None, dialect: str) -> tuple[str, list[str]]:
    """Say what is selected of a view, and what follows the conditions."""
    most = [f"LIMIT {limit:d}"] if limit is not None else []
    return ", ".join(view.columns), [f"ORDER BY {_order(view, dialect)}", *most]


def _counted(view: View, columns: Sequence[str]) -> tuple[str, list[str]]:
    names = ", ".join(each for each in view.columns if each in columns)
    return f"{names}, count(*) AS rows", [f"GROUP BY {names}"]


def _text(
    view: View,
    whose: Sequence[str],
    when: Sequence[str],
    what: tuple[str, Sequence[str]],
    narrowed: Sequence[str],
    *,
    dialect: str,
) -> str:
    selected, follows = what
    lines = [
        f"WITH report_clock AS NOT MATERIALIZED ({_CLOCK[dialect]})",
        *narrowed,
        *(_common(each, dialect, whose) for each in with_dependencies(view.name) if each.reads),
        f"SELECT {selected} FROM {view.name}",
        *_where([*whose, *when]),
        *follows,
    ]
    return "\n".join(lines)


def _order(view: View, dialect: str) -> str:
    """Spell the view's order so that both databases give one: texts by the codes of their characters."""
    types = column_types(ROWS[view.name])
    parts = [part.partition(" ") for part in view.order.split(", ")]
    names = [expand(f"by_code({name})", dialect) if isinstance(types[name], sa.Text) else name for name, *_ in parts]
    return ", ".join(f"{name} {how}".rstrip() for name, (_, _, how) in zip(names, parts, strict=True))


def column_types(row: type[tuple[Any, ...]]) -> Mapping[str, TypeEngine[Any]]:
    """Return each column's type in the database, in order."""
    return MappingProxyType({name: _TYPES[_without_none(hint)] for name, hint in get_type_hints(row).items()})


def _without_none(hint: Any) -> type:  # noqa: ANN401 - what get_type_hints gives
    (kind,) = [each for each in get_args(hint) or (hint,) if each is not NoneType]
    found: type = kind
    return found


def _common(view: View, dialect: str, whose: Sequence[str]) -> str:
    # Not materialised, so that a condition on the last view reaches the tables. No condition passes a part that a view
    # materialises, so those on Droplets are put here too: every view of Droplets begins with the known ones.
    query = _escaped(view.queries[dialect])
    if view.name == KNOWN_DROPLETS and whose:
        query = f"SELECT * FROM (\n{query}\n) AS every {' '.join(_where(whose))}"
    return f", {view.name} AS NOT MATERIALIZED (\n{query}\n)"


def _where(conditions: Sequence[str]) -> list[str]:
    return ["WHERE " + " AND ".join(conditions)] if conditions else []


def _escaped(query: str) -> str:
    # SQLAlchemy would read a colon as the start of a parameter; in our queries it is part of a text.
    return query.replace(":", "\\:")


def _whose(
    view: View, question: Question, types: Mapping[str, TypeEngine[Any]], dialect: str, *, is_narrowed: bool
) -> Iterator[tuple[str, sa.BindParameter[Any]]]:
    """Yield the conditions on accounts and Droplets for which the view has columns, each with its value."""
    for column, wanted in (("account", question.accounts), ("droplet_id", question.droplet_ids)):
        if wanted is not None and column in view.columns:
            # Of an empty list the type could not be guessed.
            value = sa.bindparam(column, sorted(wanted), types[column], expanding=True)
            yield _is_among(column, dialect, is_narrowed=is_narrowed), value


def _is_among(column: str, dialect: str, *, is_narrowed: bool) -> str:
    """Write the condition that a column has one of the values asked for.

    SQLite has no statistics: it takes an account for a few Droplets, and reads all there is once for each of them.
    PostgreSQL does so where the Droplets are already those of one of many accounts, and takes them for a single one.
    About an expression neither makes a guess.
    """
    if column == "account" and dialect == "sqlite":
        return f"+{column} IN :{column}"
    if column == "account" and is_narrowed:
        return f"CASE WHEN {column} IN :{column} THEN TRUE ELSE FALSE END"
    return f"{column} IN :{column}"


def _when(
    view: View, question: Question, types: Mapping[str, TypeEngine[Any]]
) -> Iterator[tuple[str, sa.BindParameter[Any]]]:
    """Yield the conditions on the column with a row's time, and on why a backup ended, each with its value."""
    if question.gone_reason is not None and "gone_reason" in view.columns:
        yield "gone_reason = :gone_reason", sa.bindparam("gone_reason", question.gone_reason)
    # Times are of whole seconds: the last instant before.
    last = question.until and question.until - timedelta(seconds=1)
    for name, operator, moment in (("since", ">=", question.since), ("until", "<=", last)):
        if moment is not None and view.time:
            value = _as_column(view.time, moment, types)
            yield f"{view.time} {operator} :{name}", sa.bindparam(name, value, types[view.time])


def _as_column(column: str, moment: datetime, types: Mapping[str, TypeEngine[Any]]) -> date:
    """Convert the moment to what the column holds; a month is its first day."""
    if not isinstance(types[column], sa.Date):
        return moment
    return moment.date().replace(day=1) if column == "month" else moment.date()
