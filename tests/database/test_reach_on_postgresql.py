"""What PostgreSQL reads for one of many accounts grows with its Droplets, not with their square or all there is."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from inventory.store.engine import Database
from inventory.store.schema import account_days
from inventory.views.queries import Question, ask
from inventory.views.rows import ROWS
from tests.database.test_reach import add_others
from tests.simulated import Account

DROPLETS = 40
# Of 8 kB, found in memory or not. The overview, which asks of several views, reads 118; with a plan that goes through
# all Droplets for each of them, views of sizes and costs read 300 to 900.
MOST_BLOCKS_A_DROPLET = 200


@pytest.fixture
def account(migrated_postgres_url: str) -> Iterator[Account]:
    """Give an account beside 200 others, of which PostgreSQL has statistics."""
    with closing(Database(migrated_postgres_url)) as database:
        account = Account(database)
        for number in range(DROPLETS):
            account.fleet.add_droplet(name=f"web-{number}", plan="daily", backups=5)
        account.sync()
        add_days(account)
        add_others(account)
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
        yield account


def add_days(account: Account) -> None:
    """Store days that were added up, as if the account had been looked at for a month."""
    sizes = {"backups": 1, "size_gigabytes": 1.0, "droplets_observed": 1, "droplets_known": 1}
    with account.database.writing() as connection:
        for number in range(30):
            day = account.clock() - timedelta(days=number + 1)
            its = {"account_id": 1, "day": day.date(), "added_up_at": account.clock(), **sizes}
            connection.execute(sa.insert(account_days).values(its))


def test_no_view_reads_much_more_than_the_account_has(account: Account) -> None:
    read = {name: blocks(account, name) for name, row in ROWS.items() if "account" in row._fields}
    assert {name: many for name, many in read.items() if many > MOST_BLOCKS_A_DROPLET * DROPLETS} == {}
    assert read["live_backups"] > DROPLETS, "a count of nothing finds nothing"
    assert read["fleet_size_by_day"] < 1.3 * read["droplet_size_by_day"], "whose days are kept is asked of no other"


def blocks(account: Account, name: str) -> int:
    asked: list[tuple[str, Any]] = []

    def remember(_connection: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        asked.append((statement, values))

    with account.database.reading() as connection:
        sa.event.listen(account.database.engine, "before_cursor_execute", remember)
        ask(connection, ROWS[name], Question(account.clock(), accounts=[account.name]))
        sa.event.remove(account.database.engine, "before_cursor_execute", remember)
        statement, values = asked[-1]
        explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", values).scalar()
    plan = (json.loads(explained) if isinstance(explained, str) else explained)[0]["Plan"]  # type: ignore[index]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
