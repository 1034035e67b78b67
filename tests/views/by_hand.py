"""A history so small that one can see it all: a few rows, each entered by hand; what is not said is as is usual."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from inventory.store.engine import Database
from inventory.store.schema import metadata
from inventory.views.queries import Question, ask

Row = TypeVar("Row", bound=tuple[Any, ...])

WEB = 1
OPEN = None


def at(text: str) -> datetime:
    """Read an instant of 2026, such as `03-02 12:00`."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


class ByHand:
    """One account, and its Droplet WEB, known since 1 March at 12:00; times are as `at` reads them."""

    def __init__(self, database: Database, *, price: float | None = 6.0, status: str = "active") -> None:
        self.database = database
        self._waiting: list[sa.Executable] = []
        self._first_look_at: datetime | None = None
        self.insert("accounts", id=1, name="default")
        then = {"name": "web", "region": "nyc3", "size_slug": "s", "price_monthly_usd": price, "status": status}
        self._version = {"droplet_id": WEB, "account_id": 1, **then}
        self.insert(
            "droplets",
            id=WEB,
            account_id=1,
            created_at=at("01-01 00:00"),
            first_seen_at=at("03-01 12:00"),
            last_attempt_at=at("03-01 12:00"),
            last_outcome="complete",
            **then,
        )
        self.insert("droplet_versions", valid_from=at("03-01 12:00"), **self._version)

    def looks(self, *moments: str, size_gigabytes: float = 0.0) -> None:
        """Enter looks, each on a day of its own; the last of all calls is the Droplet's last."""
        for moment in map(at, moments):
            self.insert(
                "droplet_days",
                droplet_id=WEB,
                day=moment.date(),
                backups=int(size_gigabytes > 0),
                size_gigabytes=size_gigabytes,
                first_look_at=moment,
            )
            self._first_look_at = min(moment, self._first_look_at or moment)
            times = {"last_observed_at": moment, "last_attempt_at": moment}
            self.change("droplets", first_look_at=self._first_look_at, **times)

    def unselect(self, since: str) -> None:
        """Let the configuration select the Droplet no longer."""
        self.change("droplets", unselected_since=at(since))
        self.change("droplet_versions", valid_to=at(since))
        self.insert("droplet_versions", valid_from=at(since), unselected_since=at(since), **self._version)

    def policy(self, since: str, until: str | None = OPEN, plan: str | None = "daily", **attributes: object) -> None:
        """Enter a policy: daily at 04:00 unless said otherwise; None: backups are off."""
        usual: dict[str, object] = {"is_enabled": plan is not None, "plan": plan}
        if plan is not None:
            weekly = plan == "weekly"
            usual |= {"hour": 4, "window_length_hours": 4, "retention_days": 28 if weekly else 7}
            usual |= {"weekday": "SUN"} if weekly else {}
        interval = {"valid_from": at(since), "valid_to": at(until) if until else None}
        self.insert("backup_policies", droplet_id=WEB, **interval, **(usual | attributes))

    def backup(
        self,
        number: int,
        created: str,
        *,
        seen: str,
        size_gigabytes: float = 1.0,
        gone: str | None = None,
        after: str | None = None,
        reason: str = "expired",
        **others: object,
    ) -> None:
        """Enter a backup first `seen` by a look, and `gone` at one that came `after` the last which showed it."""
        attributes = {"name": "web", "type": "backup", "size_gigabytes": size_gigabytes, "min_disk_size": 25}
        end = {"gone_at": at(gone), "gone_after_at": at(after or seen), "gone_reason": reason} if gone else {}
        stamps = {"created_at": at(created), "first_seen_at": at(seen)}
        self.insert("backups", id=number, droplet_id=WEB, **stamps, **attributes, **end, **others)
        interval = {"valid_from": at(seen), "valid_to": at(gone) if gone else None}
        closed = {"closed_by": reason} if gone else {}
        self.insert("backup_versions", backup_id=number, **interval, **closed, **attributes)

    def backups(self, sizes: Iterable[float], *, seen: str = "03-31 12:00") -> None:
        """Enter backups made at 05:00 from 1 March on, a day apart."""
        for number, size in enumerate(sizes, start=1):
            self.backup(number, f"03-{number:02} 05:00", seen=seen, size_gigabytes=size)

    def insert(self, table: str, **values: object) -> None:
        """Enter a row of any table."""
        self._waiting.append(sa.insert(metadata.tables[table]).values(values))

    def change(self, table: str, **values: object) -> None:
        """Change all rows of a table."""
        self._waiting.append(sa.update(metadata.tables[table]).values(values))

    def execute(self, statement: str) -> None:
        """Do what is rarely needed."""
        self._waiting.append(sa.text(statement))

    def ask(self, row: type[Row], now: str, since: str | None = None) -> list[Row]:
        """Ask a view as of an instant; what is waiting to be entered is entered first, all at once."""
        if self._waiting:
            with self.database.writing() as connection:
                for statement in self._waiting:
                    connection.execute(statement)
            self._waiting.clear()
        with self.database.reading() as connection:
            return ask(connection, row, Question(at(now), since=at(since) if since else None))
