"""What `/readyz` says of syncs that are overdue."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.daemon.readiness import overdue
from inventory.store.snapshot import AccountFigures, Snapshot

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
LONG_AGO = NOW - 1000 * HOUR


def told(
    last: datetime | None, *, started_at: datetime = LONG_AGO, accounts: tuple[str, ...] = ("default",)
) -> list[str]:
    others = AccountFigures("other", last_attempt_at=NOW, last_success_at=LONG_AGO)
    snapshot = Snapshot(NOW, (AccountFigures("default", last_attempt_at=NOW, last_success_at=last), others))
    return overdue(accounts, snapshot, 2 * HOUR, started_at=started_at, now=NOW)


def test_a_complete_sync_counts_not_an_attempt() -> None:
    assert told(NOW - 2 * HOUR) == []
    assert told(NOW - 2 * HOUR - SECOND) == [
        "overdue: account default has had no complete sync since 2026-11-23 03:59Z"
    ]
    assert told(None) == ["overdue: account default has had no complete sync"]


@pytest.mark.parametrize("last", [None, LONG_AGO])
def test_a_process_that_just_started_does_at_once_what_is_overdue(last: datetime | None) -> None:
    assert told(last, started_at=NOW - 2 * HOUR) == []
    assert len(told(last, started_at=NOW - 2 * HOUR - SECOND)) == 1


def test_only_configured_accounts_are_waited_for_and_each_is_named() -> None:
    sentences = told(None, accounts=("default", "new"))
    assert [sentence.split()[2] for sentence in sentences] == ["default", "new"]


def test_half_of_the_accounts_may_be_overdue() -> None:
    assert told(NOW, accounts=("default", "new")) == []
    assert [sentence.split()[2] for sentence in told(NOW, accounts=("default", "new", "other"))] == ["new", "other"]


def test_of_many_accounts_some_are_named() -> None:
    sentences = told(None, accounts=tuple(f"account-{number}" for number in range(2_000)))
    assert [sentence.split()[2] for sentence in sentences[:-1]] == [f"account-{number}" for number in range(10)]
    assert sentences[-1] == "overdue: 1,990 more accounts"
