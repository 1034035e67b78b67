"""Each rule: just before, at and after its threshold; then severities, exemptions, and the order."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from inventory.judging.findings import LONGEST_SUBJECT, STAYS_FOR, Evidence, Undelivered, judge, judge_accounts
from inventory.judging.rules import KINDS, SEVERITIES, Exemption, Rules, Severity
from inventory.judging.verdict import Finding, Judged, Left, Verdict
from inventory.views.rows import (
    BackupLifetime,
    DropletRetention,
    DropletTag,
    KnownDroplet,
    MissedBackup,
    SizeAnomaly,
    SyncHealth,
    UnprotectedDroplet,
)

NOW = datetime(2026, 11, 23, 6, 4, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WHO = ("default", 1, "web-04")


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


def droplet(number: int = 1, name: str = "web-04", account: str = "default") -> KnownDroplet:
    return KnownDroplet(
        account, number, name, "fra1", "s-1vcpu-1gb", 6.0, "active", ago(days=90), ago(days=80), ago(days=80),
        ago(minutes=4), None, None, None, is_current=True,
    )  # fmt: skip


def health(**changes: Any) -> SyncHealth:  # noqa: ANN401 - as SyncHealth says
    usual = SyncHealth(
        account="default",
        account_status="active",
        last_run_at=ago(minutes=5),
        last_run_status="complete",
        last_run_error=None,
        last_complete_at=ago(minutes=4),
        consecutive_failures=0,
        droplets=1,
        droplets_overdue=0,
        oldest_observed_at=ago(minutes=4),
        held_since=None,
        token_rejected_since=None,
        overdue_after_hours=26.0,
    )
    return usual._replace(**changes)


def kept(
    backups: int | None = 7,
    expected: int | None = 7,
    verdict: str = "enough",
    newest_at: datetime | None = NOW - timedelta(hours=2),
    plan: str | None = "daily",
) -> DropletRetention:
    return DropletRetention(*WHO, plan, 7, backups, expected, ago(days=6), newest_at, 144.0, verdict)


def window(starts_at: datetime, verdict: str = "missed") -> MissedBackup:
    return MissedBackup(*WHO, "daily", starts_at, starts_at + timedelta(hours=4), verdict, is_before_first_look=False)


def ended(
    gone_at: datetime | None, reason: str | None, backup_id: int = 9, created_at: datetime = NOW - timedelta(days=14)
) -> BackupLifetime:
    return BackupLifetime(*WHO, backup_id, created_at, 2.0, created_at, created_at, gone_at, reason, 0.1, None)


def lost(gone_at: datetime, backup_id: int = 9) -> BackupLifetime:
    return ended(gone_at, "unexplained", backup_id)


def anomaly(created_at: datetime, *, is_newest: bool = True) -> SizeAnomaly:
    return SizeAnomaly(*WHO, 9, created_at, 3.1, 4, 9.8, "shrunk", is_newest)


def unprotected(reason: str, *, had_some: bool) -> UnprotectedDroplet:
    return UnprotectedDroplet(*WHO, reason, ago(days=3), had_some, ago(days=4) if had_some else None)


WELL = Evidence(
    accounts=None,
    droplet_ids=frozenset({1}),
    droplets=[droplet()],
    tags=[],
    health=[health()],
    retention=[kept()],
    missed=[],
    unprotected=[],
    backups=[],
    anomalies=[],
)


def judged(rules: Rules | None = None, exemptions: Sequence[Exemption] = (), **changes: Any) -> Verdict:  # noqa: ANN401
    return judge(replace(WELL, **changes), rules or Rules(), exemptions, NOW)


def found(**changes: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - as Evidence says
    return [(each.name, each.severity) for each in judged(**changes).findings]


def whats(**changes: Any) -> list[str]:  # noqa: ANN401 - as above
    return [each.what for each in judged(**changes).findings]


def test_all_is_well() -> None:
    verdict = judged()
    assert (verdict.status, verdict.findings, verdict.counted) == ("ok", (), ())
    assert (verdict.droplets, verdict.looked_at) == (1, ago(minutes=4))


# Missed backups

YESTERDAY, TODAY = NOW.replace(hour=0, minute=0) - timedelta(days=1), NOW.replace(hour=0, minute=0)


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ([], []),
        ([window(YESTERDAY)], [("missed-backup", "warning")]),
        ([window(TODAY), window(YESTERDAY)], [("missed-backup", "critical")]),
        ([window(YESTERDAY, "not looked")], []),
        ([window(TODAY, "not looked"), window(YESTERDAY)], [("missed-backup", "warning")]),
        ([window(TODAY), window(YESTERDAY, "not looked")], [("missed-backup", "warning")]),
    ],
)
def test_one_miss_warns_two_in_a_row_are_critical_and_what_nobody_looked_at_is_neither(
    windows: list[MissedBackup], expected: list[tuple[str, str]]
) -> None:
    assert found(missed=windows, retention=[kept(newest_at=ago(days=3))]) == expected


@pytest.mark.parametrize(
    ("newest_at", "is_over"),
    [
        (YESTERDAY - SECOND, False),
        (YESTERDAY, True),
        (YESTERDAY + timedelta(hours=20), True),
        (NOW, True),
        (NOW + SECOND, False),
        (None, False),
    ],
)
def test_a_later_backup_ends_a_miss(newest_at: datetime | None, *, is_over: bool) -> None:
    assert (found(missed=[window(YESTERDAY)], retention=[kept(newest_at=newest_at)]) == []) == is_over


def test_a_later_backup_ends_a_miss_also_if_it_is_gone_by_now() -> None:
    retention = [kept(newest_at=ago(days=3))]
    assert (
        found(
            missed=[window(YESTERDAY)], retention=retention, backups=[ended(NOW, "converted", created_at=ago(hours=3))]
        )
        == []
    )


def test_only_the_misses_since_the_newest_backup_count() -> None:
    windows = [window(YESTERDAY - timedelta(days=day)) for day in (0, 5, 6)]
    verdict = judged(missed=windows, retention=[kept(newest_at=ago(days=3))])
    assert [(each.severity, each.since) for each in verdict.findings] == [("warning", YESTERDAY + timedelta(hours=4))]


def test_misses_are_told_in_the_order_of_their_windows_whatever_their_plans() -> None:
    """The plan was changed from weekly to daily between them."""
    windows = [window(TODAY), window(YESTERDAY)._replace(plan="weekly")]
    (what,) = whats(missed=windows, retention=[kept(newest_at=ago(days=3))])
    assert what == "2 windows to Mon 23 Nov 00:00-04:00Z; newest of 20 Nov"


def test_the_year_is_named_where_it_may_not_be_clear() -> None:
    def newest(newest_at: datetime) -> str:
        (what,) = whats(missed=[window(YESTERDAY)], retention=[kept(newest_at=newest_at)])
        return what.partition("newest of ")[2]

    assert newest(ago(days=300)) == "27 Jan"
    assert newest(ago(days=300) - SECOND) == "27 Jan 2026"


def test_a_miss_names_its_window_and_the_newest_backup() -> None:
    windows = [window(YESTERDAY), window(TODAY)]
    (one,) = whats(missed=windows[:1], retention=[kept(newest_at=ago(days=8))])
    (two,) = whats(missed=windows, retention=[kept(newest_at=ago(days=400))])
    (none,) = whats(missed=windows[:1], retention=[kept(newest_at=None)])
    assert one == "Sun 22 Nov 00:00-04:00Z; newest of 15 Nov"
    assert two == "2 windows to Mon 23 Nov 00:00-04:00Z; newest of 19 Oct 2025"
    assert none == "Sun 22 Nov 00:00-04:00Z; none exists"


# Too few backups


@pytest.mark.parametrize(
    ("retention", "changes", "is_found"),
    [
        (kept(7, 7), {}, False),
        (kept(6, 7, "too few"), {}, True),
        (kept(None, None, "unknown"), {}, False),
        (kept(0, 0, "off"), {}, False),
        (kept(6, 7, "too few", ago(days=3)), {"missed": [window(YESTERDAY)]}, False),
        (kept(6, 7, "too few"), {"backups": [lost(ago(days=1))]}, False),
        (kept(6, 7, "too few"), {"backups": [lost(ago(days=8))]}, True),
        (kept(6, 7, "too few"), {"missed": [window(ago(days=4))]}, True),
    ],
)
def test_too_few_are_told_where_no_other_finding_says_why(
    retention: DropletRetention, changes: dict[str, Any], *, is_found: bool
) -> None:
    assert (("too-few-backups", "warning") in found(retention=[retention], **changes)) == is_found


@pytest.mark.parametrize(
    ("expected", "changes", "what"),
    [
        (7, {}, "none is left of the 7 that should exist"),
        (None, {}, "none is left"),
        (0, {}, "none is left"),
        (7, {"missed": [window(ago(days=4))]}, "none is left of the 7 that should exist"),
        (7, {"backups": [lost(ago(days=1))]}, "none is left of the 7 that should exist"),
    ],
)
def test_none_left_is_critical_whatever_else_is_found(expected: int | None, changes: dict[str, Any], what: str) -> None:
    verdict = judged(retention=[kept(0, expected, "too few", None)], **changes)
    (finding,) = [each for each in verdict.findings if each.name == "too-few-backups"]
    assert (finding.severity, finding.what) == ("critical", what)


def test_a_droplet_that_never_had_a_backup_is_told_that_it_missed_one_and_no_more() -> None:
    changes = {"missed": [window(YESTERDAY)], "unprotected": [unprotected("no backup yet", had_some=False)]}
    assert found(retention=[kept(0, 1, "too few", None)], **changes) == [("missed-backup", "warning")]


# Protection


@pytest.mark.parametrize(
    ("row", "plan", "finding", "counted"),
    [
        (unprotected("backups off", had_some=True), None, ["backups-disabled"], []),
        (unprotected("backups off", had_some=False), None, [], ["unprotected"]),
        (unprotected("no backup yet", had_some=False), None, [], ["unprotected"]),
        (unprotected("no backup yet", had_some=False), "weekly", [], []),
    ],
)
def test_disabled_is_critical_never_protected_is_counted_and_before_the_first_window_all_is_well(
    row: UnprotectedDroplet, plan: str | None, finding: list[str], counted: list[str]
) -> None:
    verdict = judged(unprotected=[row], retention=[kept(0, 0, "off", None, plan)])
    assert [each.name for each in verdict.findings] == finding
    assert [each.name for each in verdict.counted] == counted
    assert verdict.status == ("critical" if finding else "ok")


@pytest.mark.parametrize(("left", "what"), [(0, "none is left"), (7, "7 still exist")])
def test_disabled_says_since_when_and_what_is_left(left: int, what: str) -> None:
    row = unprotected("backups off", had_some=True)
    assert whats(unprotected=[row], retention=[kept(left, 0, "off")]) == [f"since Fri 20 Nov 06:04Z; {what}"]
    assert whats(unprotected=[row], retention=[]) == ["since Fri 20 Nov 06:04Z; none is left"]


# Losses and sizes


@pytest.mark.parametrize(("at", "is_found"), [(ago(days=7) + SECOND, True), (ago(days=7), False), (NOW, True)])
def test_a_loss_is_critical_for_seven_days(at: datetime, *, is_found: bool) -> None:
    assert found(backups=[lost(at)]) == ([("unexplained-loss", "critical")] if is_found else [])


def test_a_loss_that_returned_or_is_explained_is_none() -> None:
    assert found(backups=[ended(None, None)]) == []
    assert found(backups=[ended(ago(days=1), reason) for reason in ("expired", "converted", "unknown")]) == []


def test_losses_of_a_droplet_are_one_finding() -> None:
    (finding,) = judged(backups=[lost(ago(days=1), 8), lost(ago(days=2), 9)]).findings
    assert finding.what == "2 backups gone early, found Sat 21 Nov 06:04Z"
    assert finding.since == ago(days=2)


@pytest.mark.parametrize(("at", "is_found"), [(ago(days=7) + SECOND, True), (ago(days=7), False), (NOW, True)])
def test_an_odd_size_warns_for_seven_days(at: datetime, *, is_found: bool) -> None:
    assert found(anomalies=[anomaly(at)]) == ([("size-anomaly", "warning")] if is_found else [])


def test_only_the_newest_backup_is_of_odd_size() -> None:
    assert found(anomalies=[anomaly(ago(days=1), is_newest=False)]) == []
    assert whats(anomalies=[anomaly(ago(days=1))]) == ["3.10 GB; median of the 4 before 9.80 GB"]


# Accounts


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (health(last_complete_at=ago(hours=26)), []),
        (health(last_complete_at=ago(hours=26) - SECOND), [("sync-overdue", "unknown")]),
        (health(last_complete_at=None), [("sync-overdue", "unknown")]),
        (health(held_since=ago(hours=1)), [("sync-held", "unknown")]),
        (health(token_rejected_since=ago(hours=1)), [("token-rejected", "unknown")]),
        (health(account_status="locked"), [("account-not-active", "critical")]),
        (health(account_status="warning"), [("account-not-active", "critical")]),
        (health(account_status=None), []),
        (health(last_run_status="running", last_complete_at=ago(hours=1)), []),
    ],
)
def test_accounts_are_judged_by_their_syncs(row: SyncHealth, expected: list[tuple[str, str]]) -> None:
    assert found(health=[row]) == expected


@pytest.mark.parametrize(
    ("named", "stored_hours", "hours"),
    [(None, 2.0, 2), (None, 1 / 3, 1 / 3), (timedelta(hours=50), 2.0, 50), (timedelta(hours=2), 50.0, 2)],
)
def test_a_schedule_that_the_settings_name_goes_before_that_of_the_last_run(
    named: timedelta | None, stored_hours: float, hours: float
) -> None:
    def names(last_complete_at: datetime) -> list[str]:
        row = health(last_complete_at=last_complete_at, overdue_after_hours=stored_hours)
        return [each.name for each in judged(Rules(sync_overdue_after=named), health=[row]).findings]

    assert names(ago(hours=hours)) == []
    assert names(ago(hours=hours) - SECOND) == ["sync-overdue"]


def test_overdue_says_since_when_and_why() -> None:
    row = health(
        last_complete_at=ago(days=3),
        last_run_status="partial",
        last_run_error="2 of 12 Droplets were not looked at",
        droplets=12,
        droplets_overdue=2,
    )
    (finding,) = judged(health=[row]).findings
    assert finding.since == ago(days=3)
    assert finding.what == (
        "no complete sync since Fri 20 Nov 06:04Z; 2 of 12 Droplets not looked at; "
        "the last run: partial: 2 of 12 Droplets were not looked at"
    )
    assert whats(health=[health(last_complete_at=None)]) == ["no complete sync yet"]
    (what,) = whats(health=[health(last_complete_at=None, last_run_status="failed")])
    assert what == "no complete sync yet; the last run: failed"


def test_nothing_synced_is_unknown() -> None:
    for accounts, subject, what in (
        (None, "default", "nothing was ever synced"),
        (["web"], "web", "it was never synced"),
    ):
        verdict = judged(accounts=accounts, health=[], droplet_ids=frozenset(), droplets=[], retention=[])
        (finding,) = verdict.findings
        assert (finding.name, finding.subject, finding.what) == ("sync-overdue", subject, what)
        assert (verdict.status, verdict.looked_at) == ("unknown", None)


def test_an_account_that_is_configured_and_was_never_synced_is_unknown_among_others() -> None:
    (finding,) = judged(accounts=["default", "web"]).findings
    assert (finding.name, finding.account, finding.what) == ("sync-overdue", "web", "it was never synced")


def test_an_account_whose_syncs_were_pruned_is_not_said_to_have_had_none() -> None:
    (finding,) = judged(accounts=["default"], health=[]).findings
    assert (finding.name, finding.account) == ("sync-overdue", "default")
    assert finding.what == "its syncs until then are no longer known"


def test_the_earliest_complete_sync_of_several_accounts_counts() -> None:
    rows = [health(), health(account="web", last_complete_at=ago(hours=5))]
    assert judged(health=rows).looked_at == ago(hours=5)
    assert judged(health=[*rows, health(account="db", last_complete_at=None)]).looked_at is None


def test_other_droplets_are_not_judged() -> None:
    everything: dict[str, Any] = {
        "missed": [window(YESTERDAY)],
        "backups": [lost(ago(days=1))],
        "anomalies": [anomaly(ago(days=1))],
        "unprotected": [unprotected("backups off", had_some=True)],
        "retention": [kept(2, 7, "too few", ago(days=3))],
    }
    assert len(found(**everything)) == 4
    assert found(**everything, droplet_ids=frozenset()) == []


# Every finding, by its name

OF_EACH: dict[str, dict[str, Any]] = {
    "account-not-active": {"health": [health(account_status="locked")]},
    "backups-disabled": {"unprotected": [unprotected("backups off", had_some=True)]},
    "unexplained-loss": {"backups": [lost(ago(days=1))]},
    "token-rejected": {"health": [health(token_rejected_since=ago(hours=1))]},
    "sync-held": {"health": [health(held_since=ago(hours=1))]},
    "sync-overdue": {"health": [health(last_complete_at=None)]},
    "missed-backup": {"missed": [window(YESTERDAY)], "retention": [kept(newest_at=None)]},
    "too-few-backups": {"retention": [kept(6, 7, "too few")]},
    "size-anomaly": {"anomalies": [anomaly(ago(days=1))]},
    "notice-undelivered": {"channels": {"default": Undelivered(3, ago(days=8)), "another": None}},
    "unprotected": {"unprotected": [unprotected("backups off", had_some=False)]},
}


def test_a_verdict_says_what_it_judged_and_what_is_left_of_what_is_wrong() -> None:
    other = KnownDroplet(**{**droplet()._asdict(), "droplet_id": 2, "droplet": "db-02", "last_observed_at": None})
    verdict = judged(
        accounts=["default", "web"],
        droplet_ids=frozenset({1, 2}),
        droplets=[droplet(), other, droplet(3, "elsewhere")],
        health=[health(), health(account="web")],
        retention=[kept(5, 7, "too few"), kept()._replace(droplet_id=2)],
        tags=[DropletTag(*WHO, "prod"), DropletTag(*WHO, "web")],
        channels={"ops": None},
    )
    assert verdict.droplets == 2
    assert (sorted(verdict.accounts), sorted(verdict.channels)) == (["default", "web"], ["ops"])
    assert verdict.judged == {1: Judged("default", ago(minutes=4)), 2: Judged("default", None)}
    assert verdict.left == {1: Left(5, ago(hours=2))}
    assert {number: set(tags) for number, tags in verdict.tags.items()} == {1: {"prod", "web"}}
    assert judged(health=[health(), health(account="web")]).accounts == {"default", "web"}


def test_a_verdict_says_which_backups_were_lost_in_the_last_week() -> None:
    found = [lost(ago(days=1), 9), lost(ago(days=2), 10), lost(ago(days=8), 11)]
    assert judged(backups=found).lost == {1: frozenset({9, 10})}


def test_a_droplet_that_has_enough_keeps_no_other_from_being_found() -> None:
    few = kept(5, 7, "too few")._replace(droplet_id=2, droplet="db-02")
    droplets = [droplet(), droplet(2, "db-02")]
    verdict = judged(droplet_ids=frozenset({1, 2}), droplets=droplets, retention=[kept(), few])
    assert [each.droplet for each in verdict.findings] == ["db-02"]


def test_accounts_are_judged_without_their_droplets() -> None:
    rows = [health(held_since=ago(hours=1)), health(account="web")]
    verdict = judge_accounts(rows, ["default", "web", "new"], Rules(), (), NOW)
    assert [(each.account, each.name) for each in verdict.findings] == [
        ("default", "sync-held"),
        ("new", "sync-overdue"),
    ]
    assert (verdict.droplets, len(verdict.judged), sorted(verdict.accounts)) == (0, 0, ["default", "new", "web"])
    of_all = judge_accounts(rows, None, Rules({"sync-held": "critical"}), (), NOW)
    assert [each.severity for each in of_all.findings] == ["critical"]
    known = Exemption("sync-held", date(2027, 1, 1), "known", account="default")
    assert judge_accounts(rows, None, Rules(), [known], NOW).findings == ()


def test_one_message_is_one_message() -> None:
    (what,) = whats(channels={"ops": Undelivered(1, ago(days=8))})
    assert what == "1 message since Sun 15 Nov 06:04Z; mend it, then: inventory notify --test ops"


def test_every_name_is_found_in_the_order_worst_first() -> None:
    assert list(OF_EACH) == list(KINDS)
    names = [each.name for case in OF_EACH.values() for each in (*judged(**case).findings, *judged(**case).counted)]
    assert names == list(KINDS)
    severities = [SEVERITIES.index(kind.severity) for kind in KINDS.values()]
    assert severities == sorted(severities)


@pytest.mark.parametrize(
    ("name", "severity", "since", "what"),
    [
        ("account-not-active", "critical", None, 'DigitalOcean says that it is "locked"'),
        ("backups-disabled", "critical", ago(days=3), "since Fri 20 Nov 06:04Z; 7 still exist"),
        ("unexplained-loss", "critical", ago(days=1), "1 backup gone early, found Sun 22 Nov 06:04Z"),
        ("token-rejected", "unknown", ago(hours=1), "since Mon 23 Nov 05:04Z; replace the token, then: inventory sync"),
        ("sync-held", "unknown", ago(hours=1), "since Mon 23 Nov 05:04Z; another sync, or --accept-gone, confirms it"),
        ("sync-overdue", "unknown", None, "no complete sync yet"),
        ("missed-backup", "warning", ago(hours=26, minutes=4), "Sun 22 Nov 00:00-04:00Z; none exists"),
        ("too-few-backups", "warning", None, "6 of the 7 that should exist"),
        ("size-anomaly", "warning", ago(days=1), "3.10 GB; median of the 4 before 9.80 GB"),
        (
            "notice-undelivered",
            "warning",
            ago(days=8),
            "3 messages since Sun 15 Nov 06:04Z; mend it, then: inventory notify --test default",
        ),
        ("unprotected", "counted", ago(days=3), "never had a backup; known since Fri 20 Nov 06:04Z"),
    ],
)
def test_every_finding_says_whose_it_is_since_when_and_what(
    name: str, severity: Severity, since: datetime | None, what: str
) -> None:
    is_of_account = KINDS[name].is_of_account
    verdict = judged(**OF_EACH[name])
    assert verdict.now == NOW
    assert (*verdict.findings, *verdict.counted) == (
        Finding(
            name,
            severity,
            account="default",
            droplet_id=None if is_of_account else 1,
            droplet=None if is_of_account else "web-04",
            since=since,
            what=what,
            subject="default" if is_of_account else "web-04",
        ),
    )


def test_constants_are_those_that_the_documents_name() -> None:
    assert timedelta(days=7) == STAYS_FOR
    assert LONGEST_SUBJECT == 28
    assert SEVERITIES == ("critical", "unknown", "warning", "counted")


@pytest.mark.parametrize("name", KINDS)
def test_every_finding_can_be_judged_otherwise_and_be_exempted(name: str) -> None:
    for severity in SEVERITIES:
        verdict = judged(Rules({name: severity}), **OF_EACH[name])
        assert [each.severity for each in (*verdict.findings, *verdict.counted)] == [severity]
        assert verdict.status == ("ok" if severity == "counted" else severity)
    subject: dict[str, str] = {"account": "default"} if KINDS[name].is_of_account else {"droplet": "web-04"}
    exemption = Exemption(name, NOW.date(), "known", **subject)
    verdict = judged(Rules({name: "critical"}), [exemption], **OF_EACH[name])
    assert verdict.status == "ok"
    assert [(finding.name, by) for finding, by in verdict.exempted] == [(name, exemption)]


def test_a_droplet_wins_over_its_tags_and_the_worst_tag_over_what_counts_everywhere() -> None:
    tags = [DropletTag(*WHO, "prod"), DropletTag(*WHO, "web")]
    everywhere: dict[str, Severity] = {"too-few-backups": "unknown"}
    by_tag: dict[str, dict[str, Severity]] = {
        "web": {"too-few-backups": "counted"},
        "prod": {"too-few-backups": "critical"},
        "db": {"too-few-backups": "unknown"},
    }
    by_droplet: dict[int, dict[str, Severity]] = {1: {"too-few-backups": "warning"}, 2: {"too-few-backups": "unknown"}}

    def severity(rules: Rules, tags: list[DropletTag]) -> str:
        verdict = judged(rules, tags=tags, **OF_EACH["too-few-backups"])
        (finding,) = (*verdict.findings, *verdict.counted)
        return finding.severity

    assert severity(Rules(everywhere), tags) == "unknown"
    assert severity(Rules(everywhere, by_tag), []) == "unknown"
    assert severity(Rules(everywhere, by_tag), tags) == "critical"
    assert severity(Rules(everywhere, {"web": by_tag["web"]}), tags) == "counted"
    assert severity(Rules(everywhere, by_tag, by_droplet), tags) == "warning"


def test_what_is_said_of_a_droplet_or_a_tag_does_not_concern_the_account() -> None:
    held: dict[str, Severity] = {"sync-held": "counted"}
    rules = Rules(by_tag={"prod": held}, by_droplet={1: held})
    (finding,) = judged(rules, tags=[DropletTag(*WHO, "prod")], **OF_EACH["sync-held"]).findings
    assert finding.severity == "unknown"


# Exemptions


@pytest.mark.parametrize(
    ("exemption", "is_covered"),
    [
        (Exemption("too-few-backups", NOW.date(), "", droplet="web-04"), True),
        (Exemption("too-few-backups", NOW.date(), "", droplet="1"), True),
        (Exemption("too-few-backups", NOW.date(), "", tag="prod"), True),
        (Exemption("too-few-backups", NOW.date() - timedelta(days=1), "", droplet="web-04"), False),
        (Exemption("missed-backup", NOW.date(), "", droplet="web-04"), False),
        (Exemption("too-few-backups", NOW.date(), "", droplet="web-05"), False),
        (Exemption("too-few-backups", NOW.date(), "", tag="web"), False),
    ],
)
def test_an_exemption_covers_its_finding_of_its_droplets_until_the_end_of_its_day(
    exemption: Exemption, *, is_covered: bool
) -> None:
    verdict = judged(exemptions=[exemption], tags=[DropletTag(*WHO, "prod")], **OF_EACH["too-few-backups"])
    assert (verdict.findings == ()) == is_covered
    assert bool(verdict.exempted) == is_covered


def test_an_exemption_of_a_tag_does_not_cover_a_droplet_without_tags() -> None:
    exemption = Exemption("too-few-backups", NOW.date(), "", tag="prod")
    assert judged(exemptions=[exemption], tags=[], **OF_EACH["too-few-backups"]).exempted == ()


def test_the_first_exemption_that_covers_a_finding_is_named() -> None:
    exemptions = [
        Exemption("too-few-backups", NOW.date(), "first", droplet="web-04"),
        Exemption("too-few-backups", NOW.date(), "second", droplet="1"),
    ]
    ((_, exemption),) = judged(exemptions=exemptions, **OF_EACH["too-few-backups"]).exempted
    assert exemption.reason == "first"


def test_an_exemption_that_is_over_is_said_whether_or_not_there_is_a_finding() -> None:
    over = Exemption("missed-backup", date(2026, 11, 22), "", droplet="web-09")
    assert judged(exemptions=[over]).expired == (over,)
    assert judged(exemptions=[replace(over, until=date(2026, 11, 23))]).expired == ()


# Order and subjects


def test_findings_come_worst_first_then_by_name_of_finding_and_droplet() -> None:
    names = {3: "b", 2: "a", 1: "c"}
    rows = [kept(6, 7, "too few")._replace(droplet_id=number, droplet=name) for number, name in names.items()]
    verdict = judged(
        droplets=[droplet(number, name) for number, name in names.items()],
        droplet_ids=frozenset(names),
        retention=rows,
        health=[health(account_status="locked", last_complete_at=None)],
        anomalies=[anomaly(ago(days=1))._replace(droplet="c")],
    )
    assert [(each.name, each.subject) for each in verdict.findings] == [
        ("account-not-active", "default"),
        ("sync-overdue", "default"),
        ("too-few-backups", "a"),
        ("too-few-backups", "b"),
        ("too-few-backups", "c"),
        ("size-anomaly", "c"),
    ]
    assert verdict.status == "critical"
    assert verdict.counts == {"critical": 1, "unknown": 1, "warning": 4, "counted": 0}


def test_findings_of_droplets_with_one_name_come_by_id() -> None:
    rows = [kept(6, 7, "too few")._replace(droplet_id=number, droplet="twin") for number in (2, 1)]
    verdict = judged(
        droplets=[droplet(number, "twin") for number in (1, 2)], droplet_ids=frozenset({1, 2}), retention=rows
    )
    assert [each.droplet_id for each in verdict.findings] == [1, 2]


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("web-04", "web-04"),
        ("w" * LONGEST_SUBJECT, "w" * LONGEST_SUBJECT),
        ("w" * (LONGEST_SUBJECT + 1), "1"),
        ("4web", "4web"),
        ("web 04", "1"),
        ("web-04|critical=0", "1"),
        ("\x1b[31mred", "1"),
        ("2", "1"),
        ("", "1"),
        ("twin", "1"),
    ],
)
def test_a_line_names_the_droplet_so_that_an_exemption_means_no_other(name: str, subject: str) -> None:
    row = kept(6, 7, "too few")._replace(droplet=name)
    (finding,) = judged(
        droplets=[droplet(1, name), droplet(2, "twin", "other")],
        health=[health(), health(account="other")],
        retention=[row],
    ).findings
    assert (finding.subject, finding.droplet) == (subject, name)
