"""What is written is read back as equal values, in a number of statements that does not grow with the fleet."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.history.changes import Changeset, Closed, Opened
from inventory.model import (
    BackupPolicy,
    BackupState,
    DropletDay,
    DropletState,
    StoredBackup,
    StoredDroplet,
    StoredPolicy,
)
from inventory.store import bulk
from inventory.store.apply import apply
from inventory.store.engine import Database
from inventory.store.load import load, owners
from inventory.store.schema import accounts, backup_regions, backup_versions, backups, droplet_tags
from inventory.vocabulary import Outcome
from tests.examples import examples
from tests.unit.attempts import seen

MONDAY = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
TUESDAY = datetime(2026, 3, 3, 12, 0, 0, tzinfo=UTC)
DAILY = BackupPolicy(is_enabled=True, plan="daily", hour=4, window_length_hours=4, retention_days=7)


def droplet(number: int = 101) -> DropletState:
    return DropletState(
        id=number,
        account_id=1,
        name=f"web-{number}",
        region="fra1",
        size_slug="s-1vcpu-1gb",
        price_monthly_usd=6.0,
        status="active",
        created_at=MONDAY - timedelta(days=30),
        next_window_starts_at=TUESDAY,
        next_window_ends_at=None,
        unselected_since=None,
        first_seen_at=MONDAY,
        last_observed_at=MONDAY,
        first_look_at=MONDAY,
        last_listed_at=MONDAY,
        gone_at=None,
        last_attempt_at=MONDAY,
        last_outcome="complete",
        last_error=None,
    )


def backup(number: int = 1001, droplet_id: int = 101) -> BackupState:
    return BackupState(
        id=number,
        droplet_id=droplet_id,
        type="backup",
        created_at=MONDAY - timedelta(hours=3),
        name="web-01 2026-03-02",
        min_disk_size=25,
        size_gigabytes=2.34,
        first_seen_at=MONDAY,
    )


def gone(number: int, *, at: datetime, reason: str = "expired") -> BackupState:
    return replace(backup(number), gone_after_at=at - timedelta(hours=1), gone_at=at, gone_reason=reason)


def changeset(state: DropletState, stamp: datetime = MONDAY, **written: Any) -> Changeset:  # noqa: ANN401 - as Changeset says
    attempt = replace(seen(at=stamp), droplet_id=state.id)
    return Changeset(attempt, stamp, Outcome.COMPLETE, None, droplet=state, **written)


def version(state: BackupState) -> dict[str, object]:
    return {
        "backup_id": state.id,
        "name": state.name,
        "type": state.type,
        "size_gigabytes": state.size_gigabytes,
        "min_disk_size": state.min_disk_size,
    }


def first_look(number: int = 101) -> Changeset:
    """A look that finds a Droplet with a policy, two tags and two backups, one of them in two regions."""
    one, two = backup(number * 10, number), replace(backup(number * 10 + 1, number), size_gigabytes=0.0)
    regions = [(one.id, "fra1"), (two.id, "fra1"), (two.id, "ams3")]
    return changeset(
        droplet(number),
        backups=(one, two),
        opened=(
            *(Opened("backup_versions", version(state)) for state in (one, two)),
            *(Opened("backup_regions", {"backup_id": key, "region": region}) for key, region in regions),
            *(Opened("droplet_tags", {"droplet_id": number, "tag": tag}) for tag in ("prod", "db")),
            Opened("backup_policies", {"droplet_id": number, **asdict(DAILY)}),
        ),
        day=DropletDay(MONDAY.date(), 2, 2.34, one.created_at, two.created_at, MONDAY),
    )


@pytest.fixture
def account(database: Database) -> Database:
    """Give a database with one account, to which the Droplets of these tests belong."""
    with database.writing() as connection:
        connection.execute(sa.insert(accounts).values(id=1, name="default"))
    return database


def write(database: Database, *changesets: Changeset) -> None:
    with database.writing() as connection:
        apply(
            connection,
            changesets,
            load(connection, {each.attempt.droplet_id for each in changesets}, [], MONDAY),
        )


def read(
    database: Database, ids: Sequence[int] = (101,), listed: Sequence[int] = (), now: datetime = MONDAY
) -> dict[int, StoredDroplet]:
    with database.reading() as connection:
        return load(connection, ids, listed, now)


def rows(database: Database, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_what_is_written_is_read_back(account: Database) -> None:
    write(account, first_look())
    one, two = backup(1010), replace(backup(1011), size_gigabytes=0.0)
    assert read(account) == {
        101: StoredDroplet(
            state=droplet(),
            tags=frozenset({"prod", "db"}),
            policies=(StoredPolicy(DAILY, MONDAY, None),),
            backups={
                1010: StoredBackup(one, ("fra1",), MONDAY, one.created_at),
                1011: StoredBackup(two, ("ams3", "fra1"), MONDAY, two.created_at),
            },
            last_day=DropletDay(MONDAY.date(), 2, 2.34, one.created_at, two.created_at, MONDAY),
        )
    }


def test_only_the_droplets_asked_for_are_read(account: Database) -> None:
    write(account, first_look(101), first_look(102))
    assert read(account, [102, 999, 102]).keys() == {102}
    assert read(account, []) == {}


def test_a_change_closes_one_interval_and_opens_the_next(account: Database) -> None:
    write(account, first_look())
    larger = replace(backup(1010), size_gigabytes=2.5)
    write(
        account,
        changeset(
            replace(droplet(), last_observed_at=TUESDAY),
            TUESDAY,
            backups=(larger,),
            closed=(
                Closed("backup_versions", {"backup_id": 1010}, closed_by="change"),
                Closed("backup_regions", {"backup_id": 1011, "region": "ams3"}),
                Closed("droplet_tags", {"droplet_id": 101, "tag": "db"}),
            ),
            opened=(
                Opened("backup_versions", version(larger)),
                Opened("backup_regions", {"backup_id": 1010, "region": "ams3"}),
            ),
        ),
    )
    found = read(account)[101]
    assert found.state.last_observed_at == TUESDAY
    assert found.tags == {"prod"}
    assert found.backups[1010] == StoredBackup(larger, ("ams3", "fra1"), TUESDAY, larger.created_at)
    assert found.backups[1011].regions == ("fra1",)
    versions = sa.select(
        backup_versions.c.valid_from,
        backup_versions.c.valid_to,
        backup_versions.c.closed_by,
        backup_versions.c.size_gigabytes,
    )
    assert rows(account, versions.where(backup_versions.c.backup_id == 1010).order_by("valid_from")) == [
        (MONDAY, TUESDAY, "change", 2.34),
        (TUESDAY, None, None, 2.5),
    ]
    closed = sa.select(backup_regions.c.backup_id, backup_regions.c.region, backup_regions.c.valid_from).where(
        backup_regions.c.valid_to == TUESDAY
    )
    assert rows(account, closed) == [(1011, "ams3", MONDAY)]
    assert rows(account, sa.select(droplet_tags.c.tag).where(droplet_tags.c.valid_to == TUESDAY)) == [("db",)]


def test_a_closed_interval_is_never_closed_again(account: Database) -> None:
    write(account, first_look())
    closing = Closed("droplet_tags", {"droplet_id": 101, "tag": "db"})
    opening = Opened("droplet_tags", {"droplet_id": 101, "tag": "db"})
    for days in (1, 2, 3):
        stamp = MONDAY + timedelta(days=days)
        write(account, changeset(droplet(), stamp, closed=(closing,), opened=(opening,)))
    intervals = sa.select(droplet_tags.c.valid_from, droplet_tags.c.valid_to).where(droplet_tags.c.tag == "db")
    stamps = [MONDAY + timedelta(days=days) for days in range(4)]
    assert rows(account, intervals.order_by("valid_from")) == list(zip(stamps, [*stamps[1:], None], strict=True))


@pytest.mark.parametrize(
    ("ended", "listed", "is_read"),
    [
        pytest.param(gone(1001, at=TUESDAY, reason="expired"), [], False, id="explained"),
        pytest.param(gone(1001, at=TUESDAY, reason="expired"), [1001], True, id="listed again"),
        pytest.param(gone(1001, at=TUESDAY, reason="unexplained"), [], True, id="may still be explained"),
        pytest.param(gone(1001, at=TUESDAY, reason="unknown"), [], True, id="reason not known yet"),
        pytest.param(gone(1001, at=MONDAY, reason="unexplained"), [], False, id="too old to be explained"),
        pytest.param(gone(1001, at=MONDAY, reason="unexplained"), [1001], True, id="too old, but listed again"),
    ],
)
def test_ended_backups_are_read_where_a_look_may_concern_them(
    account: Database, ended: BackupState, listed: list[int], *, is_read: bool
) -> None:
    write(account, changeset(droplet(), backups=(ended, backup(1002))))
    found = read(account, listed=listed, now=TUESDAY + timedelta(hours=47))[101].backups
    assert found == {1002: StoredBackup(backup(1002), (), None, backup(1002).created_at)} | (
        {1001: StoredBackup(ended, (), None, ended.created_at)} if is_read else {}
    )


def test_policies_are_read_oldest_first(account: Database) -> None:
    off = BackupPolicy(is_enabled=False)
    write(account, first_look())
    key = {"droplet_id": 101}
    turned_off = (Opened("backup_policies", {**key, **asdict(off)}),)
    write(account, changeset(droplet(), TUESDAY, closed=(Closed("backup_policies", key),), opened=turned_off))
    assert read(account)[101].policies == (StoredPolicy(DAILY, MONDAY, TUESDAY), StoredPolicy(off, TUESDAY, None))


def test_the_latest_day_is_read_whatever_day_it_is_now(account: Database) -> None:
    for days in (1, 0):
        looked_at = MONDAY + timedelta(days=days)
        write(account, changeset(droplet(), day=DropletDay(looked_at.date(), days, 0.0, None, None, looked_at)))
    latest = DropletDay(TUESDAY.date(), 1, 0.0, None, None, TUESDAY)
    for days in (-9, 0, 1, 900):
        assert read(account, now=TUESDAY + timedelta(days=days))[101].last_day == latest


def test_live_backups_of_droplets_proven_unchanged_are_not_read(account: Database) -> None:
    ended = gone(1003, at=MONDAY, reason="unknown")
    write(account, first_look(101), changeset(droplet(102), backups=(backup(1021, 102),)), changeset(droplet(103)))
    write(account, changeset(droplet(101), backups=(ended,)))
    with account.reading() as connection:
        found = load(connection, [101, 102], [], MONDAY, proven={101})
    assert found[101] == replace(read(account)[101], backups={1003: StoredBackup(ended, (), None, ended.created_at)})
    assert found[102].backups.keys() == {1021}
    with account.reading() as connection, statements(account) as sent:
        load(connection, [101, 102], [], MONDAY, proven={101, 102})
    assert not [text for text, _ in sent if "backup_versions" in text or "backup_regions" in text]


def test_a_backups_owner_is_known(account: Database) -> None:
    write(account, first_look(101), first_look(102))
    with account.reading() as connection:
        assert owners(connection, [1021, 1010, 1010, 7]) == {1010: 101, 1021: 102}
        assert owners(connection, []) == {}


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """Collect the statements sent and their parameters."""
    sent: list[tuple[str, Any]] = []

    def collect(_connection: object, _cursor: object, text: str, parameters: object, *_: object) -> None:
        sent.append((text, parameters))

    sa.event.listen(database.engine, "before_cursor_execute", collect)
    try:
        yield sent
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", collect)


def counted(database: Database, use: Callable[[], object]) -> int:
    with statements(database) as sent:
        use()
    return len(sent)


def test_the_number_of_statements_does_not_grow_with_the_fleet(account: Database) -> None:
    one = counted(account, lambda: write(account, first_look(100)))
    many = counted(account, lambda: write(account, *(first_look(number) for number in range(200, 260))))
    assert many == one <= 16
    reading_one = counted(account, lambda: read(account, [100], [7]))
    reading_many = counted(account, lambda: read(account, range(200, 260), range(20_000)))
    assert reading_many == reading_one <= 10
    assert len(read(account, range(200, 260))) == 60


def seen_again(state: DropletState, **changes: Any) -> Changeset:  # noqa: ANN401 - as DropletState says
    return changeset(replace(state, last_attempt_at=TUESDAY, last_observed_at=TUESDAY, **changes), TUESDAY)


def test_sqlite_reads_backups_without_passing_all_that_ever_ended(account: Database) -> None:
    if not account.is_sqlite:
        pytest.skip("PostgreSQL goes by its statistics")
    write(account, *(first_look(number) for number in range(200, 400)))
    with statements(account) as sent:
        read(account, range(200, 400), [1])
    asked = [(text, values) for text, values in sent if "FROM backups" in text]
    with account.reading() as connection:
        plans = [str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all()) for text, values in asked]
    for index, plan_text in zip(["ix_backups_live", "ix_backups_gone_at", "PRIMARY KEY"], plans, strict=True):
        assert index in plan_text
        assert "ix_backups_by_droplet" not in plan_text


def test_droplets_of_which_only_times_move_are_written_together(account: Database) -> None:
    states = [droplet(number) for number in range(101, 161)]
    write(account, *map(changeset, states))
    again = [seen_again(state) for state in states[1:-1]]
    renamed = seen_again(states[0], name="new")
    with account.writing() as connection:
        stored = load(connection, range(101, 161), [], MONDAY)
        with statements(account) as sent:
            apply(connection, [renamed, *again, changeset(states[-1])], stored)
    assert [text.split(" SET ")[0].split(" (")[0] for text, _ in sent] == ["INSERT INTO droplets", "UPDATE droplets"]
    assert "name" not in sent[1][0]
    assert {number: each.state for number, each in read(account, range(101, 161)).items()} == {
        each.attempt.droplet_id: each.droplet for each in (renamed, *again, changeset(states[-1]))
    }


def test_more_ids_than_a_statement_may_have_parameters_are_looked_up(account: Database) -> None:
    """PostgreSQL takes 65,535."""
    write(account, first_look())
    with account.reading() as connection:
        assert owners(connection, range(1, 70_001)) == {1010: 101, 1011: 101}
        assert load(connection, range(1, 70_001), range(1, 70_001), MONDAY).keys() == {101}


def test_what_is_there_already_cannot_be_inserted(account: Database) -> None:
    write(account, first_look())
    with pytest.raises(sa.exc.IntegrityError), account.writing() as connection:
        bulk.insert(connection, backups, [asdict(backup(1012)), asdict(backup(1010))])
    assert read(account)[101].backups.keys() == {1010, 1011}


def test_upserts_are_sorted_and_have_each_key_once(account: Database) -> None:
    write(account, changeset(droplet(102)), changeset(droplet(101)))
    found = [backup(1003), backup(1001), backup(1002), replace(backup(1001), name="the last counts")]
    with statements(account) as sent, account.writing() as connection:
        bulk.upsert(connection, backups, [asdict(state) for state in found])
        bulk.upsert(connection, backups, [])
    (parameters,) = (parameters for text, parameters in sent if text.startswith("INSERT INTO backups"))
    ids = [row["id"] if isinstance(row, dict) else row[0] for row in parameters]
    assert ids == [1001, 1002, 1003]
    names = sa.select(backups.c.id, backups.c.name).order_by("id")
    assert rows(account, names)[0] == (1001, "the last counts")


whole_seconds = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001 - Hypothesis adds the zone
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
).map(lambda time: time.replace(microsecond=0))
# What a listing may hold after decoding: any text PostgreSQL takes, which is all but NUL and half characters.
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=300)


@st.composite
def backup_states(draw: st.DrawFn) -> BackupState:
    ended = None
    if draw(st.booleans()):
        ended = draw(whole_seconds)
    return BackupState(
        id=draw(st.integers(1, 2**63 - 1)),
        droplet_id=101,
        type=draw(texts),
        created_at=draw(whole_seconds),
        name=draw(
            texts | st.sampled_from(["🐙 Ünïcode 👩\u200d🚒", "'; DROP TABLE backups; --", "%s %(name)s :name", ""])
        ),
        min_disk_size=draw(st.integers(0, 2**31 - 1)),
        size_gigabytes=draw(st.floats(0, 1e12, exclude_max=True)),
        first_seen_at=draw(whole_seconds),
        gone_after_at=ended,
        gone_at=ended + timedelta(seconds=1) if ended else None,
        gone_reason=draw(texts) if ended else None,
        gone_reason_replaced_at=draw(st.none() | whole_seconds),
        missing_since=None if ended else draw(st.none() | whole_seconds),
    )


@settings(max_examples=examples(0.6), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(states=st.lists(backup_states(), min_size=1, max_size=5, unique_by=lambda state: state.id))
def test_any_backup_is_read_back_equal(account: Database, states: list[BackupState]) -> None:
    write(account, changeset(droplet()))
    for put in (bulk.insert, bulk.upsert):
        with account.writing() as connection:
            connection.execute(sa.delete(backups))
            put(connection, backups, [asdict(state) for state in states])
        found = read(account, listed=[state.id for state in states])[101].backups
        assert {key: stored.state for key, stored in found.items()} == {state.id: state for state in states}
