"""What a person reads of a sync: who, what, since when, why, and what comes next."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from inventory.errors import Kept
from inventory.report import sync_json, sync_text
from inventory.sync.result import COUNTS, BackupEvent, DropletReport, SyncReport
from inventory.terminal.console import plain
from inventory.terminal.document import as_json
from inventory.vocabulary import BackupChange, GoneReason, Outcome, RunMode, RunStatus

NOW = datetime(2026, 11, 25, 6, 4, tzinfo=UTC)
AN_HOUR_AGO = NOW - timedelta(hours=1)

WEB = DropletReport(
    droplet_id=101,
    name="web-01",
    outcome=Outcome.COMPLETE,
    error=None,
    http_status=200,
    kept_as_of=None,
    is_new=False,
    is_gone=False,
    plan_before="daily",
    events=(),
)
REPORT = SyncReport(
    account="default",
    database="inventory.db",
    run_id=7,
    status=RunStatus.COMPLETE,
    exit_code=0,
    mode=RunMode.DETECTION,
    is_dry_run=False,
    started_at=NOW,
    finished_at=NOW,
    droplets_selected=12,
    counts={**dict.fromkeys(COUNTS, 0), "droplets_complete": 12},
    requests=17,
    rate_limit_remaining=4795,
    droplets=(),
    notes=(),
    error=None,
    failure=None,
    last_complete_at=AN_HOUR_AGO,
)


def event(what: str, *, reason: GoneReason | None = None, before: float | None = None) -> BackupEvent:
    return BackupEvent(BackupChange(what), 1, AN_HOUR_AGO, 3.0, size_gigabytes_before=before, reason=reason)


def facts(*droplets: DropletReport, is_verbose: bool = False) -> list[list[str]]:
    table = plain(sync_text.facts(replace(REPORT, droplets=droplets), is_verbose=is_verbose))
    return [[cell for cell in re.split(" {2,}", line) if cell.strip()] for line in table.splitlines()]


def cells(*droplets: DropletReport, is_verbose: bool = False) -> list[list[str]]:
    return [[cell.strip() for cell in row] for row in facts(*droplets, is_verbose=is_verbose)]


def ending(report: SyncReport) -> str:
    return "\n".join(line.plain for line in sync_text.ending(report))


def test_ends_of_one_kind_are_one_fact_with_its_reason() -> None:
    disabled = replace(WEB, events=(event("ended", reason=GoneReason.BACKUPS_DISABLED),) * 7)
    assert cells(disabled) == [["web-01", "ended", "7 backups, 21.0 GB", "backups disabled (plan was daily)"]]


def test_a_change_of_size_says_from_what_to_what() -> None:
    changed = replace(WEB, events=(event("changed", before=2.9), event("changed")))
    assert cells(changed) == [
        ["web-01", "changed", "05:04Z", "2.90 GB -> 3.00 GB"],
        ["web-01", "changed", "05:04Z", "name, regions or another attribute"],
    ]


def test_a_failure_says_what_is_kept_and_why() -> None:
    failed = replace(
        WEB, outcome=Outcome.UNAVAILABLE, error="DigitalOcean answered 503, 5 tries", kept_as_of=AN_HOUR_AGO
    )
    never = replace(failed, kept_as_of=None)
    assert cells(failed, never) == [
        ["web-01", "FAILED", "kept as of 05:04Z", "DigitalOcean answered 503, 5 tries"],
        ["web-01", "FAILED", "never looked at yet", "DigitalOcean answered 503, 5 tries"],
    ]


def test_routine_is_told_only_if_asked_for() -> None:
    routine = replace(WEB, events=(event("appeared"), event("ended", reason=GoneReason.EXPIRED)))
    assert cells(routine) == []
    assert [row[:2] for row in cells(routine, is_verbose=True)] == [["web-01", "appeared"], ["web-01", "ended"]]


def test_of_many_facts_twenty_are_told() -> None:
    many = [replace(WEB, outcome=Outcome.TIMED_OUT, error="no answer")] * 30
    told = cells(*many)
    assert len(told) == 21
    assert told[-1][0] == "and 10 more"
    assert len(cells(*many, is_verbose=True)) == 30


def test_names_cannot_steer_the_terminal() -> None:
    hostile = replace(WEB, name="web\x1b[2J\n\u202e", outcome=Outcome.TIMED_OUT, error="\x1b]0;owned\x07")
    text = plain(sync_text.facts(replace(REPORT, droplets=(hostile,)), is_verbose=False))
    assert len(text.splitlines()) == 1
    assert not {"\x1b", "\x07", "\u202e"} & set(text)


def test_the_ending_counts_the_routine_and_what_is_left() -> None:
    counts = {**REPORT.counts, "backups_appeared": 5, "backups_expired": 5, "backups_ended": 5, "droplets_proven": 9}
    assert ending(replace(REPORT, counts=counts)) == (
        "COMPLETE: 12 of 12 Droplets. 5 appeared, 5 expired.\n"
        "17 requests (9 Droplets proven unchanged without one), 4,795 left this hour."
    )
    assert "Nothing changed." in ending(REPORT)
    assert ending(replace(REPORT, is_dry_run=True)).startswith("DRY RUN, nothing written. ")


def test_the_ending_says_who_comes_first_next_time() -> None:
    failed = replace(WEB, outcome=Outcome.UNAVAILABLE, error="x")
    counts = {**REPORT.counts, "droplets_complete": 11}
    partial = replace(REPORT, status=RunStatus.PARTIAL, droplets=(failed,), counts=counts, error="1 of 12 ...")
    assert "web-01 comes first next time." in ending(partial)
    assert "Why:" not in ending(partial), "the Droplet's own fact says it"
    cut_short = replace(partial, counts={**counts, "droplets_complete": 5}, error="stopped after 55 min")
    assert "Why: stopped after 55 min" in ending(cut_short)


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (Outcome.UNAUTHORIZED, "read from /etc/inventory/token. Replace it, then run: inventory sync"),
        (None, "stays as it was"),
    ],
)
def test_a_failed_sync_says_what_was_kept_and_what_to_do(failure: Outcome | None, words: str) -> None:
    report = replace(
        REPORT, status=RunStatus.FAILED, exit_code=78, error="the token was rejected (401)", failure=failure
    )
    said = sync_text.failure(report, token_source="/etc/inventory/token")
    assert words in said
    assert "Last complete sync 05:04Z" in said
    assert "\n" not in said


def test_where_nothing_could_be_read_nothing_is_said_of_earlier_syncs() -> None:
    report = replace(REPORT, status=RunStatus.FAILED, error="disk full", last_complete_at=None)
    assert "No sync was complete yet" in sync_text.failure(report, token_source="")
    kept = replace(report, kept=Kept.NOTHING_CHANGED)
    assert sync_text.failure(kept, token_source="").endswith("disk full. No sync was complete yet.")
    assert sync_text.failure(replace(kept, run_id=None), token_source="").endswith("disk full.")
    written = replace(report, counts={**REPORT.counts, "backups_appeared": 6}, run_id=None)
    assert sync_text.failure(written, token_source="").endswith("disk full. What was written stays.")
    said = sync_text.failure(replace(report, run_id=None), token_source="")
    assert said == 'account "default": disk full. What is stored stays as it was.'


def test_the_document_of_machines_keeps_its_keys() -> None:
    droplet = replace(WEB, events=(event("appeared"),))
    found = sync_json.document([replace(REPORT, droplets=(droplet,))], database="inventory.db", exit_code=0)
    document = json.loads(as_json(found))
    assert list(document) == ["exit_code", "database", "accounts"]
    (account,) = document["accounts"]
    assert list(account) == [
        *("account", "status", "exit_code", "error", "failure", "run_id", "mode", "is_dry_run"),
        *("started_at", "finished_at", "last_complete_at", "droplets_selected"),
        *COUNTS,
        *("requests", "rate_limit_remaining", "notes", "droplets"),
    ]
    assert account["finished_at"] == "2026-11-25T06:04:00Z"
    assert list(account["droplets"][0]) == [
        *("droplet_id", "droplet", "outcome", "error", "http_status", "kept_as_of", "is_new", "is_gone", "events"),
    ]
    assert account["droplets"][0]["events"] == [
        {
            "event": "appeared",
            "backup_id": 1,
            "created_at": "2026-11-25T05:04:00Z",
            "size_gigabytes": 3.0,
            "size_gigabytes_before": None,
            "reason": None,
        }
    ]
