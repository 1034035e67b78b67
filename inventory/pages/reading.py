"""What every page is made from: one transaction, the question of its address, and what the settings say of judging."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from inventory.errors import UsageError
from inventory.pages.asked import Asked
from inventory.report.overview import Judging
from inventory.store import droplet_records
from inventory.store.schema import accounts
from inventory.terminal.spelling import nearest
from inventory.views.queries import Question, ask, count_by
from inventory.views.rows import DropletTag, KnownDroplet


class Page(NamedTuple):
    """One page before it is written: the template, its title, and what the template shows."""

    template: str
    title: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """One transaction, and what is asked of it.

    Attributes:
        now: The moment that the page speaks of.
        today: The moment at which it is made; later than `now` where the page speaks of the past.
        database: Its name as it may be shown.
    """

    connection: sa.Connection
    asked: Asked
    now: datetime
    today: datetime
    database: str
    judging: Judging

    @property
    def accounts(self) -> Collection[str] | None:
        """The accounts that are asked for; else those that are configured."""
        named = [self.asked.account] if self.asked.account else self.judging.accounts
        if not self.asked.group:
            return named
        its = {name for name, group in self.groups().items() if group == self.asked.group}
        return sorted(its if named is None else its.intersection(named))

    def groups(self) -> Mapping[str, str | None]:
        """Read whose each account is, as the settings say, or as they last said; None where nobody does."""
        stored = self.connection.execute(sa.select(accounts.c.name, accounts.c.account_group))
        return {**{row.name: row.account_group for row in stored}, **self.judging.groups}

    def known(self) -> list[KnownDroplet]:
        """Read the Droplets ever seen that are asked for, those that exist first.

        Raises:
            UsageError: The account or group is not known, or the tag or plan was not known at `now`.
        """
        self._check_accounts()
        wanted = self.accounts
        every = ask(self.connection, KnownDroplet, Question(self.now))
        text = self.asked.text.casefold()
        ids = self._ids_of_tag_and_plan()
        found = [
            each
            for each in every
            if (wanted is None or each.account in wanted)
            and (ids is None or each.droplet_id in ids)
            and (not text or text in each.droplet.casefold() or text == str(each.droplet_id))
        ]
        return sorted(found, key=lambda each: not each.is_current)

    def _check_accounts(self) -> None:
        """Refuse an account that was never synced, and a group of none; an account without Droplets is known."""
        if self.asked.account:
            _check("account", self.asked.account, set(self.connection.scalars(sa.select(accounts.c.name))))
        if self.asked.group:
            _check("group", self.asked.group, {group for group in self.groups().values() if group})

    def _ids_of_tag_and_plan(self) -> Collection[int] | None:
        asked = self.asked
        tagged, planned = None, None
        if asked.tag:
            tags = ask(self.connection, DropletTag, Question(self.now))
            _check("tag", asked.tag, {row.tag for row in tags})
            tagged = {row.droplet_id for row in tags if row.tag == asked.tag}
        if asked.plan:
            plans = droplet_records.plans(self.connection, self.now)
            _check("plan", asked.plan, set(plans.values()))
            planned = {droplet_id for droplet_id, plan in plans.items() if plan == asked.plan}
        return (
            tagged & planned if tagged is not None and planned is not None else tagged if planned is None else planned
        )

    def tags_in_use(self) -> list[str]:
        """Name every tag that a Droplet has."""
        return sorted(tag for (tag,) in count_by(self.connection, DropletTag, Question(self.now), ("tag",)))

    def plans_in_use(self) -> list[str]:
        """Name every plan by which backups are made."""
        return sorted(set(droplet_records.plans(self.connection, self.now).values()))

    def question(self) -> Question:
        """Say what is asked of a view, its Droplets included; those that are gone too.

        Raises:
            UsageError: As `known`.
        """
        self._check_accounts()
        if not (self.asked.tag or self.asked.plan or self.asked.text):
            return Question(self.now, accounts=self.accounts)
        return Question(self.now, droplet_ids=frozenset(each.droplet_id for each in self.known()))


def _check(what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise UsageError(f'no {what} "{name}" is known{nearest(name, known) or "."}')
