"""Of two processes one tells; a claim that ran out is taken over; what is over is kept for 90 days."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from inventory.judging.verdict import Finding, Verdict
from inventory.notifying.hours import Due
from inventory.notifying.telling import Change, Known, due, tell
from inventory.notifying.trying import Ending, after
from inventory.store import digests, notices, prune
from inventory.store.engine import Database
from inventory.store.notices import State
from inventory.store.schema import notice_attempts, notice_digests
from inventory.store.schema import notices as table
from tests.simulated import MONDAY

MINUTE = timedelta(minutes=1)
MISS = Finding("token-rejected", "unknown", "default", None, None, MONDAY, "since Monday", "default")


def verdict(minutes: int, *findings: Finding) -> Verdict:
    now = MONDAY + minutes * MINUTE
    return Verdict(now, findings, (), (), (), 0, now, frozenset({"default"}))


def begin(database: Database, now: Verdict) -> State | None:
    return notices.begin(database, "print", now, now.now)


def told_all(database: Database, now: Verdict) -> list[Change]:
    state = begin(database, now)
    assert state is not None
    messages = due(state.known, now)
    known = tell(state.known, messages, now.now)
    assert notices.finish(database, "print", replace(state, known=known), now.now)
    return [each.change for each in messages]


def known(database: Database) -> Known:
    with database.reading() as connection:
        return notices.read(connection, "print").known


def test_each_finding_is_told_once_and_its_end_once(database: Database) -> None:
    changes = [told_all(database, verdict(minutes, *found)) for minutes, found in enumerate([(MISS,), (MISS,), (), ()])]
    assert changes == [[Change.NEW], [], [Change.SOLVED], []]
    with database.reading() as connection:
        rows = connection.execute(sa.select(table.c.finding, table.c.told_at, table.c.ended_at)).all()
    assert rows == [("token-rejected", MONDAY, MONDAY + 2 * MINUTE)]


def test_what_was_told_is_read_as_it_was_written(database: Database) -> None:
    loss = Finding("unexplained-loss", "critical", "default", 2**40, "@channel\n", None, "3 gone", str(2**40))
    now = Verdict(MONDAY, (loss,), (), (), (), 1, MONDAY, frozenset({"default"}), {}, {2**40: frozenset({10, 9})})
    told_all(database, now)
    (told,) = known(database).values()
    assert (told.finding, told.lost, told.told_at) == (loss, frozenset({9, 10}), MONDAY)


def test_while_one_tells_no_other_does_and_a_claim_that_ran_out_is_taken_over(database: Database) -> None:
    first = begin(database, verdict(0, MISS))
    assert first == State({}, {})
    assert begin(database, verdict(0, MISS)) is None
    later = verdict(2, MISS)
    assert told_all(database, later) == [Change.NEW]
    assert not notices.finish(database, "print", first, MONDAY)
    assert len(known(database)) == 1


def test_a_verdict_older_than_the_last_one_changes_nothing(database: Database) -> None:
    told_all(database, verdict(5, MISS))
    assert begin(database, verdict(4)) is None
    assert len(known(database)) == 1


@pytest.mark.parametrize(("days", "left"), [(89, 1), (92, 0)])
def test_what_is_over_is_pruned_after_90_days(database: Database, days: int, left: int) -> None:
    state = begin(database, verdict(0, MISS))
    assert state is not None
    messages = due(state.known, verdict(0, MISS))
    told = State(tell({}, messages, MONDAY), after({}, messages, messages, Ending.REFUSED, MONDAY))
    assert notices.finish(database, "print", told, MONDAY)
    notices.mend(database, "print", MONDAY)
    told_all(database, verdict(1))
    for at in (MONDAY - MINUTE, MONDAY):
        digests.begin(database, "print", Due("2026-03-02 07:00", MONDAY), at)
    found = prune.find(database, keep_days=90, today=(MONDAY + timedelta(days=days)).date())
    tables = (notice_attempts, notice_digests, table)
    assert [found.rows[each.name] for each in tables] == [1 - left] * 3
    assert sum(prune.delete(database, found)) == 0
    with database.reading() as connection:
        assert [len(connection.execute(sa.select(each)).all()) for each in tables] == [left] * 3
