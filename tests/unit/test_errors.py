"""What an error says, in sentences."""

import pytest

from inventory.errors import DatabaseError, InterruptedSyncError, Kept
from inventory.sync.result import ending_after


@pytest.mark.parametrize(
    ("kept", "to_do", "said"),
    [
        (None, None, "it is full"),
        (Kept.NOTHING_CHANGED, None, "it is full. Nothing was changed."),
        (None, "make room.", "it is full. Make room."),
        (Kept.NOTHING_CHANGED, "make room.", "it is full. Nothing was changed; make room."),
        (Kept.NOTHING_CHANGED, "run: inventory sync", "it is full. Nothing was changed; run: inventory sync"),
    ],
)
def test_what_was_kept_and_what_to_do_follow_what_happened(kept: Kept | None, to_do: str | None, said: str) -> None:
    assert str(DatabaseError("it is full", kept=kept, to_do=to_do)) == said


@pytest.mark.parametrize(
    ("kept", "after_writes"),
    [
        (Kept.NOTHING_CHANGED, Kept.NOTHING_MORE),
        (Kept.NOTHING_MORE, Kept.NOTHING_MORE),
        (Kept.UNKNOWN, Kept.UNKNOWN),
        (None, None),
    ],
)
def test_nothing_was_changed_is_not_said_after_something_was(kept: Kept | None, after_writes: Kept | None) -> None:
    for has_written, expected in ((False, kept), (True, after_writes)):
        ending = ending_after(DatabaseError("it is away", kept=kept), has_written=has_written)
        assert ending.kept == expected
        assert (expected or "it is away") in (ending.error or "")


@pytest.mark.parametrize(
    ("has_written", "said"),
    [(True, "interrupted. What was written stays."), (False, "interrupted. Nothing was changed.")],
)
def test_an_interruption_says_what_was_kept(has_written: bool, said: str) -> None:  # noqa: FBT001 - a table
    """A dry run, too, that wrote nothing."""
    error = InterruptedSyncError("interrupted", signal_number=2)
    assert ending_after(error, has_written=has_written).error == said
