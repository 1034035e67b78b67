"""Of several accounts the exit code tells what a person must know first."""

from dataclasses import replace
from datetime import timedelta

import pytest

from inventory.errors import DatabaseLockedError, InterruptedSyncError, InventoryError, SyncRunningError
from inventory.model import Selection
from inventory.sync.order import Job, Order
from inventory.sync.result import exit_code_of, not_started
from inventory.vocabulary import RunStatus
from tests.unit.report.test_sync_text import REPORT

JOB = Job(
    account="default",
    selection=Selection(everything=True),
    configured_accounts=frozenset({"default"}),
    deadline=timedelta(minutes=1),
    order=Order(),
)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([0], 0),
        ([0, 0], 0),
        ([1], 1),
        ([75, 75], 75),
        ([0, 1], 3),
        ([0, 75], 3),
        ([3, 1], 3),
        ([1, 75], 75),
        ([0, 78], 78),
        ([4, 78], 78),
        ([4, 0, 3], 4),
        ([0, 130], 130),
        ([78, 143], 143),
        ([70], 70),
        ([70, 0], 70),
        ([70, 143, 78], 70),
    ],
)
def test_the_worst_code_wins(codes: list[int], expected: int) -> None:
    assert exit_code_of([replace(REPORT, exit_code=code) for code in codes]) == expected
    assert exit_code_of([replace(REPORT, exit_code=code) for code in reversed(codes)]) == expected


@pytest.mark.parametrize(
    ("codes", "busy", "expected"), [([0], 1, 0), ([], 2, 75), ([0, 1], 1, 3), ([1], 1, 75), ([3], 1, 3), ([78], 1, 78)]
)
def test_what_another_process_syncs_is_no_failure(codes: list[int], busy: int, expected: int) -> None:
    others = [replace(REPORT, exit_code=75, status=RunStatus.BUSY)] * busy
    assert exit_code_of([*(replace(REPORT, exit_code=code) for code in codes), *others]) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SyncRunningError("running"), ("busy", 75)),
        (DatabaseLockedError("locked"), ("failed", 75)),
        (InterruptedSyncError("interrupted", signal_number=15), ("interrupted", 143)),
        (InterruptedSyncError("interrupted", signal_number=2), ("interrupted", 130)),
    ],
)
def test_a_sync_that_did_not_start_says_why(error: InventoryError, expected: tuple[str, int]) -> None:
    """A signal that comes before the first answer is no failure either."""
    report = not_started(JOB, "inventory.db", error, REPORT.started_at)
    assert (report.status, report.exit_code) == expected
    assert (report.run_id, report.error) == (None, str(error))
