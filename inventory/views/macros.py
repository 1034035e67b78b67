"""What SQLite and PostgreSQL spell differently, and what several views must say alike.

Each stands under one name that a view's file calls like a function.

Neither database has these functions. `catalog` replaces each call by the database's own SQL, so that the views in a
database are native SQL and any client can read them. Arguments are SQL. They may call macros, but contain no comment,
and no text with a comma or a parenthesis in it.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

_WEEKDAYS = "'SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'"
_NUMBERED = " ".join(f"WHEN {name} THEN {number}" for number, name in enumerate(_WEEKDAYS.split(", ")))
_EVERY = " ".join(f"WHEN 'intra_daily_{hours}h' THEN {hours}" for hours in (1, 2, 3, 4, 6, 8, 12, 24))

# The stamps of a day's looks stand in its row, but those of the last day in the Droplet's; days of which only the first
# look is stored have none.
_STAMPS = """
        SELECT {extreme}(time_of(day.day, CAST(look.value AS integer)))
        FROM each_of(coalesce(day.looks, droplet.looks)) AS look
        WHERE time_of(day.day, CAST(look.value AS integer)) {condition} {{time}}
"""
_DAYS = """
    FROM droplet_days AS day
    LEFT JOIN droplets AS droplet ON droplet.id = day.droplet_id AND day_of(droplet.last_observed_at) = day.day
    WHERE day.droplet_id = {droplet_id}
"""

# The stamp of a Droplet's last look before a time; NULL if there was none.
_LAST_LOOK_BEFORE = f"""(
    SELECT coalesce(({_STAMPS.format(extreme="max", condition="<")}), day.first_look_at)
    {_DAYS}
    AND day.day <= day_of({{time}})
    AND day.first_look_at < {{time}}
    ORDER BY day.day DESC
    LIMIT 1
)"""

# The stamp of a Droplet's first look at a time or later; NULL if there was none.
_FIRST_LOOK_FROM = f"""coalesce(
    (
        SELECT ({_STAMPS.format(extreme="min", condition=">=")})
        {_DAYS}
        AND day.day = day_of({{time}})
    ),
    (
        SELECT day.first_look_at
        FROM droplet_days AS day
        WHERE day.droplet_id = {{droplet_id}} AND day.day >= day_of({{time}}) AND day.first_look_at >= {{time}}
        ORDER BY day.day
        LIMIT 1
    )
)"""  # noqa: S608 - our own text

# When a backup for a window of due_windows was made that was known at a time; NULL if none was. It is compared with
# NULL: with EXISTS, PostgreSQL would join all windows and all backups of a Droplet.
_BACKUP_FOR = """(
    SELECT backup.created_at
    FROM backups AS backup
    WHERE
        backup.droplet_id = {window}.droplet_id
        AND backup.created_at >= {window}.window_starts_at
        AND backup.created_at < {window}.awaited_until_at
        AND (backup.first_seen_at <= {time}) IS TRUE
    LIMIT 1
)"""

# What a backup's size was known to be at a time, in gigabytes: few sizes ever change.
_SIZE_AT = """CASE
    WHEN {backup}.changed_at > {time} THEN (
        SELECT version.size_gigabytes
        FROM backup_versions AS version
        WHERE version.backup_id = {backup}.id AND version.valid_from <= {time}
        ORDER BY version.valid_from DESC
        LIMIT 1
    )
    ELSE {backup}.size_gigabytes
END"""

ASKED_FROM = "CAST(NULL AS date)"
"""The first day that is asked for, in a view: nothing is asked; `back` says what a question puts there."""

MACROS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        # The UTC day of a time.
        "day_of(time)": {
            "sqlite": "date({time})",
            "postgresql": "CAST(({time}) AT TIME ZONE 'UTC' AS date)",
        },
        # The first day of the UTC month of a time.
        "month_of(time)": {
            "sqlite": "date({time}, 'start of month')",
            "postgresql": "CAST(date_trunc('month', ({time}) AT TIME ZONE 'UTC') AS date)",
        },
        # The first day whose windows or months are asked for; where nothing is, another day.
        "asked_from(day)": dict.fromkeys(("sqlite", "postgresql"), f"coalesce({ASKED_FROM}, {{day}})"),
        # It takes a day, not a time, so that the planner of PostgreSQL can compute it and estimate the rows before it.
        "days_before(day, days)": {
            "sqlite": "date({day}, -({days}) || ' days')",
            "postgresql": "(({day}) - ({days}))",
        },
        # A whole number.
        "days_between(begin, end)": {
            "sqlite": "CAST(julianday({end}) - julianday({begin}) AS integer)",
            "postgresql": "(({end}) - ({begin}))",
        },
        # A time. In seconds, because a day is one of the session's zone on PostgreSQL, and may have 23 or 25 hours.
        "seconds_before(time, seconds)": {
            "sqlite": "datetime({time}, -({seconds}) || ' seconds')",
            "postgresql": "(({time}) - ({seconds}) * interval '1 second')",
        },
        # A double, also of whole seconds: divided by a whole number it keeps its fraction on both.
        "seconds_between(begin, end)": {
            "sqlite": "round((julianday({end}) - julianday({begin})) * 86400)",
            "postgresql": "CAST(extract(EPOCH FROM ({end}) - ({begin})) AS double precision)",
        },
        # A whole number: since Sunday, 00:00 UTC. The first second of 1970 was a Thursday's.
        "seconds_of_week(time)": {
            "sqlite": "((CAST(strftime('%s', {time}) AS integer) + 345600) % 604800)",
            "postgresql": "((CAST(extract(EPOCH FROM ({time})) AS bigint) + 345600) % 604800)",
        },
        # The larger or later of two, neither NULL: SQLite would answer NULL, PostgreSQL the other one.
        "greatest_of(one, other)": {
            "sqlite": "max({one}, {other})",
            "postgresql": "greatest({one}, {other})",
        },
        # The smaller or earlier of two, neither NULL.
        "least_of(one, other)": {
            "sqlite": "min({one}, {other})",
            "postgresql": "least({one}, {other})",
        },
        # A time as text, UTC: 2026-03-02 12:00:00.
        "time_text(time)": {
            "sqlite": "({time})",
            "postgresql": "to_char(({time}) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')",
        },
        # A figure that was computed, to the fourth decimal. Sums differ in their last bits by the order of the rows, so
        # a half is seldom exact: what is a billionth below a half goes up too, and both databases decide alike.
        "rounded(number)": {
            "sqlite": "(round(({number}) + 1e-9, 4) + 0.0)",  # + 0.0: a negative zero becomes zero
            "postgresql": "CAST(round(CAST(({number}) + 1e-9 AS numeric), 4) AS double precision)",
        },
        # A text to sort by, in the order of its characters' codes, whatever the collation of the database. The plus
        # keeps SQLite from reading a whole table in the order of an index, to sort a few rows of it.
        "by_code(text)": {
            "sqlite": "+{text}",
            "postgresql": '{text} COLLATE "C"',
        },
        # A time: so many seconds after the begin of a UTC day.
        "time_of(day, seconds)": {
            "sqlite": "datetime({day}, ({seconds}) || ' seconds')",
            "postgresql": "((({day}) + ({seconds}) * interval '1 second') AT TIME ZONE 'UTC')",
        },
        # Of numbers separated by commas, the rows of a table with a column `value`, which is text on PostgreSQL.
        "each_of(numbers)": {
            "sqlite": "json_each('[' || {numbers} || ']')",
            "postgresql": "jsonb_array_elements_text(CAST('[' || {numbers} || ']' AS jsonb))",
        },
        # An aggregate: the texts of all rows, in the order in which a subquery gives them, joined by ", ".
        "list_of(text)": {
            "sqlite": "group_concat({text}, ', ')",
            "postgresql": "string_agg({text}, ', ')",
        },
        # 0 for Sunday, as both databases number days; NULL for a word that is no weekday.
        "number_of_weekday(word)": dict.fromkeys(("sqlite", "postgresql"), f"CASE {{word}} {_NUMBERED} END"),
        # How far apart the windows of a policy open, given the alias of its row: one of them opens at its hour,
        # a weekly one on its weekday. NULL where neither the documentation nor the plan's name says when.
        "hours_between_windows(policy)": dict.fromkeys(
            ("sqlite", "postgresql"),
            "CASE WHEN {policy}.hour IS NULL THEN NULL"
            f" WHEN {{policy}}.plan = 'weekly' AND {{policy}}.weekday IN ({_WEEKDAYS}) THEN 168"
            f" ELSE CASE {{policy}}.plan WHEN 'daily' THEN 24 {_EVERY} END END",
        ),
        "backup_for(window, time)": dict.fromkeys(("sqlite", "postgresql"), _BACKUP_FOR),
        "size_at(backup, time)": dict.fromkeys(("sqlite", "postgresql"), _SIZE_AT),
        "last_look_before(droplet_id, time)": dict.fromkeys(("sqlite", "postgresql"), _LAST_LOOK_BEFORE),
        "first_look_from(droplet_id, time)": dict.fromkeys(("sqlite", "postgresql"), _FIRST_LOOK_FROM),
    }
)
"""Call -> dialect -> the SQL that replaces it, with the names of the arguments where their SQL goes."""

_CALLS = {call.partition("(")[0]: call for call in MACROS}
_BEGIN = re.compile(rf"\b({'|'.join(_CALLS)})\(")
_MARK = re.compile(r"[(),]")


def expand(query: str, dialect: str) -> str:
    """Replace every call of a macro by the SQL of one database.

    Raises:
        ValueError: A call has too many or too few arguments, or no end.
    """
    while begin := _BEGIN.search(query):
        call = _CALLS[begin[1]]
        arguments, end = _arguments(query, begin.end())
        names = call.partition("(")[2].removesuffix(")").split(", ")
        text = MACROS[call][dialect].format(**dict(zip(names, arguments, strict=True)))
        query = query[: begin.start()] + text + query[end:]
    return query


def _arguments(query: str, begin: int) -> tuple[list[str], int]:
    """Split a call's arguments, which begin at `begin`, at its commas; also return where the call ends."""
    arguments, depth = [], 0
    for mark in _MARK.finditer(query, begin):
        if depth == 0 and mark[0] != "(":
            arguments.append(query[begin : mark.start()].strip())
            begin = mark.end()
            if mark[0] == ")":
                return arguments, begin
        depth += {"(": 1, ",": 0, ")": -1}[mark[0]]
    raise ValueError(f"a macro's call has no end: {query[begin:]}")
