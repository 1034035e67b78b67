"""What the doctor makes of what it found."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.digitalocean.scopes import Reading
from inventory.doctor import diagnosis, text
from inventory.doctor.diagnosis import Answers, Check
from inventory.errors import ApiError, AuthenticationError, StoppedError, TransientError
from inventory.store.examination import LastRun, StoredState
from inventory.terminal.console import plain

NOW = datetime(2026, 11, 27, 6, 0, tzinfo=UTC)


def answers(
    problem: ApiError | None = None,
    *,
    skew: timedelta | None = timedelta(0),
    left: int | None = 4000,
    waiting_until: datetime | None = None,
) -> Answers:
    return Answers("default", "INVENTORY_TOKEN", Reading(frozenset(), None, problem), skew, left, waiting_until, 30.0)


def last_run(status: str, hours_ago: float, complete_hours_ago: float | None, *, requests: int = 12) -> LastRun:
    at = NOW - timedelta(hours=hours_ago)
    complete = None if complete_hours_ago is None else NOW - timedelta(hours=complete_hours_ago)
    ended_at = None if status == "running" else at
    return LastRun(status, at, ended_at, requests, None, complete, overdue_after=timedelta(hours=26))


@pytest.mark.parametrize(
    ("seconds", "verdict", "words"),
    [
        (0, "OK", "within 60 s"),
        (-60, "OK", "within 60 s"),
        (61, "WARN", "61 s ahead of"),
        (-3600, "WARN", "3,600 s behind"),
        (3601, "FAIL", "3,601 s ahead of"),
    ],
)
def test_the_clock(seconds: int, verdict: str, words: str) -> None:
    check = diagnosis.clock(answers(skew=timedelta(seconds=seconds)))
    assert (check.verdict, words in check.found) == (verdict, True), check


def test_a_clock_that_nobody_dated_an_answer_by_is_not_checked() -> None:
    assert diagnosis.clock(answers(skew=None)).found.startswith("not checked: ")


@pytest.mark.parametrize(
    ("problem", "verdict", "to_do"),
    [
        (None, "OK", None),
        (AuthenticationError("rejected", status=401), "OK", None),
        (TransientError("DigitalOcean answered 503", status=503), "FAIL", "later"),
        (TransientError("cannot resolve api.digitalocean.com"), "FAIL", "route"),
        (StoppedError("given up"), "FAIL", "route"),
    ],
)
def test_the_api(problem: ApiError | None, verdict: str, to_do: str | None) -> None:
    check = diagnosis.api("https://api.digitalocean.com", answers(problem))
    assert check.verdict == verdict
    assert (check.to_do is None) if to_do is None else (to_do in str(check.to_do))


def test_a_wait_that_was_given_up_is_told_by_its_length() -> None:
    assert "no answer within 30 s" in diagnosis.api("https://x", answers(StoppedError("given up"))).found


@pytest.mark.parametrize(
    ("left", "requests", "verdict"), [(12, 12, "OK"), (11, 12, "WARN"), (0, 12, "WARN"), (None, 12, "WARN")]
)
def test_the_rate_budget_should_do_for_a_run_like_the_last(left: int | None, requests: int, verdict: str) -> None:
    run = last_run("complete", 1, 1, requests=requests)
    assert diagnosis.rate_budget(answers(left=left), run, NOW).verdict == verdict


def test_a_rate_budget_that_is_used_up_is_told_with_its_end() -> None:
    check = diagnosis.rate_budget(answers(left=0, waiting_until=NOW + timedelta(minutes=5)), None, NOW)
    assert (check.verdict, check.found) == ("FAIL", "used up until 06:05Z")


@pytest.mark.parametrize(
    ("free", "size", "verdict"), [(100.0, 1.0, "OK"), (1.05, 1.0, "WARN"), (0.09, 0.0, "FAIL"), (0.11, 0.0, "OK")]
)
def test_the_disk_should_hold_the_copy_before_an_upgrade(free: float, size: float, verdict: str) -> None:
    assert diagnosis.disk_space(free, size).verdict == verdict


@pytest.mark.parametrize(
    ("run", "verdict", "words"),
    [
        (last_run("complete", 1, 1), "OK", "complete, 60 min ago"),
        (last_run("complete", 27, 27), "FAIL", "27 h ago"),
        (last_run("running", 0.1, 1), "OK", "running"),
        (last_run("running", 0.1, None), "WARN", "none was complete yet"),
        (last_run("running", 50, 51), "FAIL", "running, 2 d ago"),
        (last_run("partial", 1, 2), "WARN", "partial"),
        (last_run("partial", 1, 100), "WARN", "the last complete one 4 d ago"),
        (last_run("failed", 1, 2), "WARN", "failed"),
        (last_run("failed", 1, 27), "FAIL", "the last complete one 27 h ago"),
        (last_run("failed", 1, None), "FAIL", "none was complete yet"),
        (last_run("held", 1, 2), "WARN", "held"),
        (last_run("interrupted", 1, 27), "FAIL", "interrupted"),
    ],
)
def test_the_last_run(run: LastRun, verdict: str, words: str) -> None:
    check = diagnosis.last_run("default", StoredState(None, run), None, NOW)
    assert (check.verdict, words in check.found) == (verdict, True), check
    assert (check.to_do is None) == (verdict == "OK")


@pytest.mark.parametrize(("named_hours", "verdict"), [(None, "FAIL"), (26, "FAIL"), (28, "OK"), (170, "OK")])
def test_a_schedule_that_the_settings_name_goes_before_that_of_the_last_run(
    named_hours: float | None, verdict: str
) -> None:
    named = None if named_hours is None else timedelta(hours=named_hours)
    run = last_run("complete", 27, 27)
    assert diagnosis.last_run("default", StoredState(None, run), named, NOW).verdict == verdict


def test_a_first_run_that_is_yet_to_come_is_asked_for() -> None:
    check = diagnosis.last_run("default", StoredState(), None, NOW)
    assert (check.verdict, check.to_do) == ("WARN", "Run: inventory sync")


def test_nothing_shown_can_steer_a_terminal() -> None:
    check = Check("token", "FAIL", "the account is \x1b[31mred", "Wait.")
    assert plain(text.table([check])) == "FAIL  token  the account is \\x1b[31mred. Wait.\n"


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (["OK", "OK"], "All is well."),
        (["OK", "WARN"], "0 failures, 1 warning."),
        (["FAIL", "FAIL", "WARN"], "2 failures, 1 warning."),
    ],
)
def test_the_ending_counts(verdicts: list[diagnosis.Verdict], words: str) -> None:
    checks = [Check("api", verdict, "x") for verdict in verdicts]
    told = text.ending(checks, database="inventory.db", now=NOW)
    assert told == f"{words} Checked 2026-11-27 06:00 UTC, database inventory.db."
