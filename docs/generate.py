"""Write into docs/sql.md what the program itself knows, and what the demonstration's database answers.

    python -m docs.generate

The diagram, the tables and the views stand between markers. After each question's SQL stands its answer. All of it is
written anew; the rest of the page, the SQL included, is written by hand. The same questions and descriptions are
written for Datasette.
"""

import contextlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import sqlalchemy as sa

from inventory.commands import demo
from inventory.store.engine import Database
from inventory.store.schema import metadata
from inventory.views.catalog import views
from inventory.views.queries import column_types
from inventory.views.rows import ROWS
from inventory.views.times import UtcDateTime

PAGE = Path(__file__).with_name("sql.md")
DATASETTE = PAGE.parents[1] / "deploy" / "datasette" / "metadata.json"
DEMO_ENDS_AT = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)

# Neither title nor prose may reach beyond their lines or into a block: what could, would be tried from every heading.
_QUESTION = re.compile(
    r"^### (?P<title>.+)\n(?P<prose>(?:(?!```).*\n)*)```sql\n(?P<sql>[^`]*)```\n+```text\n(?:(?!```).*\n)*```\n",
    re.MULTILINE,
)
# What only the demonstration knows, and a reader of Datasette fills in.
_FILLED_IN = re.compile(r"(?P<before>(?P<column>\w+)\)? [<>=]+ )'(?P<value>demo|20\d\d-[^']*)'")
_STABLE = ("backups", "backup_regions")
_CLOCK = "-- {database}: on a copy, never where syncs go on\n"
_TYPES = {"BIGINT": "bigint", "INTEGER": "integer", "TEXT": "text", "BOOLEAN": "boolean", "DATE": "date"}


class Canned(NamedTuple):
    """A question as Datasette asks it, and the values that the page has where a reader fills in his own."""

    title: str
    sql: str
    values: Mapping[str, str]


class Question(NamedTuple):
    """A question of the page and the SQL that answers it."""

    title: str
    sql: str


def questions(page: str) -> list[Question]:
    """Find the questions that have an answer printed."""
    return [Question(found["title"], found["sql"]) for found in _QUESTION.finditer(page)]


def answers(page: str) -> list[str]:
    """Find the printed answers, one a question."""
    return re.findall(r"^```text\n(.*?)```\n", page, re.MULTILINE | re.DOTALL)


def written(page: str, answer: Callable[[str], str]) -> str:
    """Give the page with all that is generated written anew; `answer` takes SQL."""
    for name, text in (("diagram", diagram()), ("tables", tables()), ("views", all_views())):
        marks = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
        before, _, rest = page.partition(marks[0])
        page = before + marks[0] + text + marks[1] + rest.partition(marks[1])[2]

    def answered(found: re.Match[str]) -> str:
        head = f"### {found['title']}\n{found['prose']}```sql\n{found['sql']}```\n"
        return f"{head}\n```text\n{answer(found['sql'])}```\n"

    return _QUESTION.sub(answered, page)


def diagram() -> str:
    """Draw the tables, their keys and what refers to what, as Mermaid has it."""
    lines = ["```mermaid", "erDiagram"]
    for table in metadata.sorted_tables:
        keys = [key for column in table.columns for key in column.foreign_keys]
        lines += [f"    {key.column.table.name} ||--o{{ {table.name} : {key.parent.name}" for key in keys]
    for table in metadata.sorted_tables:
        lines.append(f"    {table.name} {{")
        lines += [f"        {_type(column)} {column.name}{_keys(column)}" for column in table.columns]
        lines.append("    }")
    return "\n".join([*lines, "```", ""])


def _type(column: sa.Column[Any]) -> str:
    return _type_name(column.type)


def _type_name(kind: sa.types.TypeEngine[Any]) -> str:
    if isinstance(kind, UtcDateTime):
        return "time"
    return "double" if isinstance(kind, sa.Double) else _TYPES[str(kind)]


def _keys(column: sa.Column[Any]) -> str:
    marks = [mark for mark, has in (("PK", column.primary_key), ("FK", column.foreign_keys)) if has]
    return f" {', '.join(marks)}" if marks else ""


def tables() -> str:
    """Describe every table and column as their comments do."""
    return "".join(
        f"### `{table.name}`\n\n{table.comment}.\n\n"
        + _markdown_table(
            ("column", "type", "meaning"),
            ((f"`{column.name}`", _type(column), str(column.comment)) for column in table.columns),
        )
        for table in metadata.sorted_tables
    )


def all_views() -> str:
    """Describe every view and column as the views' headers do."""
    return "".join(
        f"### `{name}`\n\n{view.answers}\n\nGrain: {view.grain}. Units: {view.units}.\n\n"
        + _markdown_table(
            ("column", "type", "meaning"),
            (
                (f"`{column}`", _type_name(column_types(ROWS[name])[column]), meaning)
                for column, meaning in view.columns.items()
            ),
        )
        for name, view in views().items()
    )


def _markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines) + "\n"


def freeze(connection: sa.Connection, page: str) -> None:
    """Let the views speak of the demonstration's end, by the statements that the page gives for it."""
    name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[connection.dialect.name]
    statements = page.partition(_CLOCK.format(database=name))[2].partition("```")[0]
    for statement in statements.split(";"):
        if statement.strip():
            connection.exec_driver_sql(statement)


def ask(connection: sa.Connection, sql: str, values: Mapping[str, str] | None = None) -> str:
    """Ask, and write the answer as text: the same for the same rows of either database."""
    result = connection.exec_driver_sql(sql, dict(values) if values else None)
    header, rows = list(result.keys()), [list(map(_cell, row)) for row in result]
    is_number = [all(isinstance(row[at], int | float | None) for row in rows) for at in range(len(header))]
    lines = [header, *([_text(cell) for cell in row] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(header))]
    lines.insert(1, ["-" * width for width in widths])
    shown = (
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, is_number, strict=True)
        )
        for line in lines
    )
    return "".join(f"{line.rstrip()}\n" for line in shown) + ("" if rows else "(no rows)\n")


def _cell(value: Any) -> Any:  # noqa: ANN401 - what a driver gives
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, Decimal):
        # A sum of whole numbers is one without decimal places.
        return float(value) if value.as_tuple().exponent else int(value)
    return value


def _text(value: Any) -> str:  # noqa: ANN401 - as above
    return "" if value is None else str(value)


def canned(question: Question) -> Canned:
    """Let a reader fill in the account, month and moment of a question; an empty moment asks of all times."""
    values: dict[str, str] = {}

    def parameter(found: re.Match[str]) -> str:
        name = found["column"] if found["column"] in ("account", "month") else "moment"
        values[name] = found["value"]
        return f"{found['before']}:{name}"

    sql = _FILLED_IN.sub(parameter, question.sql)
    return Canned(question.title.replace("noon on 3 September", "a moment"), sql, values)


def datasette(page: str) -> str:
    """Describe the published database for Datasette: titles, units, columns, and the questions to ask."""
    described: dict[str, object] = {
        name: {
            "title": f"{name}: {view.question}",
            "description": f"{view.answers} Grain: {view.grain}. Units: {view.units}.",
            "columns": dict(view.columns),
        }
        for name, view in views().items()
    }
    for table in metadata.sorted_tables:
        columns = {column.name: str(column.comment) for column in table.columns}
        hidden = {} if table.name in _STABLE else {"hidden": True}
        described[table.name] = {"description": f"{table.comment}.", "columns": columns, **hidden}
    asked = [canned(each) for each in questions(page)]
    document = {
        "title": "Backups of Droplets",
        "description": "Made by inventory db publish. Times are UTC, sizes gigabytes as DigitalOcean bills them, costs "
        "estimates, not invoices.",
        "databases": {
            "inventory": {
                "tables": described,
                "queries": {_slug(each.title): {"title": each.title, "sql": each.sql} for each in asked},
            }
        },
    }
    return json.dumps(document, indent=1) + "\n"


def _slug(title: str) -> str:
    return "_".join(re.findall(r"[a-z0-9]+", title.lower()))


@contextlib.contextmanager
def demonstration() -> Iterator[Path]:
    """Give the demonstration's database, a SQLite file, as long as the block."""
    with TemporaryDirectory() as directory, contextlib.redirect_stdout(io.StringIO()):
        demo.run(days=120, droplets=12, seed=1, directory=Path(directory), now=DEMO_ENDS_AT)
        yield Path(directory, "inventory-demo.db")


def main() -> None:
    """Write the page anew."""
    page = PAGE.read_text("utf-8")
    with demonstration() as path, contextlib.closing(Database(f"sqlite:///{path}")) as database:
        with database.writing() as connection:
            freeze(connection, page)
        with database.reading() as connection:
            page = written(page, lambda sql: ask(connection, sql))
    PAGE.write_text(page, "utf-8")
    DATASETTE.write_text(datasette(page), "utf-8")


if __name__ == "__main__":
    main()
