"""For any sequence of verdicts, deliveries and crashes, what was told in the end is what is true, by docs/notify.md."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.judging.rules import Exemption, Severity
from inventory.judging.verdict import Finding, Judged, Verdict
from inventory.notifying.telling import Change, Key, Known, Message, due, key_of, settle, tell, urgent
from inventory.notifying.trying import Attempts, Ending, after, open_to
from tests.examples import examples

pytestmark = pytest.mark.costly

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
OF_DROPLETS = ("missed-backup", "unexplained-loss", "size-anomaly", "too-few-backups")
OF_ACCOUNTS = ("token-rejected", "sync-held", "sync-overdue")
HOME = {1: "acme", 2: "acme", 3: "other"}
KEYS = [
    *(Key(account, None, name) for account in ("acme", "other") for name in OF_ACCOUNTS),
    *(Key(account, droplet_id, name) for droplet_id, account in HOME.items() for name in OF_DROPLETS),
]


class Seen(NamedTuple):
    """What one round shows: the verdict, which Droplets it looked at, and what becomes of the messages."""

    verdict: Verdict
    is_quiet: bool
    ending: Ending
    is_noted: bool


def finding(key: Key, severity: Severity, since: datetime) -> Finding:
    name = None if key.droplet_id is None else f"web-{key.droplet_id}"
    return Finding(key.finding, severity, key.account, key.droplet_id, name, since, "why", name or key.account)


@st.composite
def rounds(draw: Any) -> list[Seen]:  # noqa: ANN401 - hypothesis's own type is private
    now, looked_at, seen = START, dict.fromkeys(HOME, START), []
    for _ in range(draw(st.integers(2, 8))):
        now += timedelta(hours=draw(st.sampled_from((1, 30, 100))))
        looked_at |= dict.fromkeys(draw(st.sets(st.sampled_from([*HOME]))), now)
        accounts = draw(st.sampled_from(({"acme", "other"}, {"acme"})))
        judged = {each for each in draw(st.sets(st.sampled_from([*HOME]), min_size=2)) if HOME[each] in accounts}
        places: dict[str, list[Finding]] = {"findings": [], "counted": [], "exempted": []}
        lost: dict[int, frozenset[int]] = {}
        for key in KEYS:
            where = draw(st.sampled_from(("absent", "absent", "findings", "findings", "counted", "exempted")))
            if where == "absent" or key.account not in accounts or key.droplet_id not in {None, *judged}:
                continue
            since = now - timedelta(hours=draw(st.sampled_from((1, 100))))
            places[where].append(finding(key, draw(st.sampled_from(("critical", "unknown", "warning"))), since))
            if key.finding == "unexplained-loss" and key.droplet_id:
                lost[key.droplet_id] = frozenset(draw(st.sets(st.integers(1, 3), min_size=1)))
        exemption = Exemption("missed-backup", date(2027, 1, 1), "known", tag="any")
        verdict = Verdict(
            now, tuple(places["findings"]), tuple(places["counted"]),
            tuple((each, exemption) for each in places["exempted"]), (), len(judged), now, frozenset(accounts),
            {each: Judged(HOME[each], looked_at[each]) for each in judged}, lost,
        )  # fmt: skip
        seen.append(Seen(verdict, draw(st.booleans()), draw(st.sampled_from(Ending)), draw(st.booleans())))
    return [*seen[:-1], seen[-1]._replace(is_quiet=False, ending=Ending.TAKEN, is_noted=True)]


@settings(max_examples=examples(0.3), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rounds())
def test_what_was_told_in_the_end_is_what_is_true(history: list[Seen]) -> None:
    known: Known = {}
    tried: Attempts = {}
    received: list[Message] = []
    for verdict, is_quiet, ending, is_noted in history:
        settled = settle(known, verdict)
        messages = due(settled, verdict)
        for message in messages:
            was_new = any(key_of(each.finding) == key_of(message.finding) for each in received)
            assert message.change is Change.NEW or was_new
        check_by_the_table(known, verdict, messages, tell(settled, messages, verdict.now))
        sent = to_send(messages, tried, verdict, is_quiet=is_quiet)
        received += sent if ending is Ending.TAKEN else []
        known = tell(settled, sent, verdict.now) if ending is Ending.TAKEN and is_noted else settled
        if is_noted:
            tried = after(tried, messages, sent, ending, verdict.now)
            assert tried.keys() <= {key_of(each.finding) for each in messages}
    last = history[-1].verdict
    # The channel takes messages again, or somebody has mended it: what was given up comes too.
    known = tell(known, due(known, last), last.now)
    assert due(settle(known, last), last) == []


def to_send(messages: list[Message], tried: Attempts, verdict: Verdict, *, is_quiet: bool) -> list[Message]:
    held = [each for each in messages if each.change is Change.SOLVED or each.finding.severity == "warning"]
    allowed = urgent(messages) if is_quiet else messages
    assert allowed == [each for each in messages if not (is_quiet and each in held)]
    sent = open_to(allowed, tried, verdict.now)
    for message in allowed:
        before = tried.get(key_of(message.finding))
        is_over = before and (verdict.now - before.first_tried_at >= WEEK or before.unanswered == 3)
        assert (message in sent) or is_over
        assert before is None or before.unanswered <= 3
    return sent


def check_by_the_table(before: Known, verdict: Verdict, messages: list[Message], told: Known) -> None:
    said = {key_of(each.finding): each.change for each in messages}
    assert len(said) == len(messages)
    found = {key_of(each): each for each in verdict.findings}
    hidden = {key_of(each) for each in (*verdict.counted, *(each for each, _ in verdict.exempted))}
    for key in KEYS:
        if key in found:
            causes = {Key(key.account, None, name) for name in ("token-rejected", "sync-held")}
            if key not in before and key.finding == "sync-overdue" and causes & found.keys():
                assert key not in said
                assert key not in told
            else:
                assert told[key].finding.severity == found[key].severity
                lost = verdict.lost.get(key.droplet_id or 0, frozenset())
                assert told[key].lost == (lost if key.finding == "unexplained-loss" else frozenset())
                assert said.get(key) == expected(before, verdict, found[key])
        elif key not in before or is_silent(before, verdict, key, hidden):
            assert key not in said
            assert key not in told
        else:
            overdue = Key(key.account, None, "sync-overdue")
            looked_at = verdict.judged[key.droplet_id].last_observed_at if key.droplet_id else verdict.now
            found_at = before[key].found_at
            waits = overdue in found or overdue in hidden
            waits |= key.droplet_id is not None and (looked_at is None or looked_at <= found_at)
            waits |= key.finding == "too-few-backups" and verdict.now - found_at < timedelta(days=1)
            assert (key in told) == waits
            assert said.get(key) == (None if waits else Change.SOLVED)


def expected(before: Known, verdict: Verdict, now: Finding) -> Change | None:
    told = before.get(key_of(now))
    if told is None:
        return Change.NEW
    order = ("critical", "unknown", "warning")
    lost = verdict.lost.get(now.droplet_id or 0, frozenset()) if now.name == "unexplained-loss" else frozenset()
    is_worse = order.index(now.severity) < order.index(told.finding.severity) or not lost <= told.lost
    return Change.WORSE if is_worse else None


def is_silent(before: Known, verdict: Verdict, key: Key, hidden: set[Key]) -> bool:
    if key in hidden or key.account not in verdict.accounts or key.droplet_id not in {None, *verdict.judged}:
        return True
    since = before[key].finding.since or verdict.now
    return key.finding in ("unexplained-loss", "size-anomaly") and since + WEEK <= verdict.now
