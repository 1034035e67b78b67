"""Ends and returns, who is unprotected, and how the syncs go: the corner cases."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from inventory.store.engine import Database
from inventory.views.rows import (
    BackupLifetime,
    CostNow,
    DropletTag,
    Event,
    KnownDroplet,
    LiveBackup,
    RestorableBackup,
    SizeGrowth,
    SyncHealth,
    UnprotectedDroplet,
)
from tests.views.by_hand import WEB, ByHand, at

VERSION = {"name": "web", "type": "backup", "size_gigabytes": 1.0, "min_disk_size": 25}


@pytest.fixture
def web(migrated_url: str) -> Iterator[ByHand]:
    database = Database(migrated_url)
    yield ByHand(database)
    database.close()


def lifetime(web: ByHand, now: str) -> BackupLifetime:
    (row,) = web.ask(BackupLifetime, now)
    return row


def test_an_explanation_is_known_from_the_look_that_found_it(web: ByHand) -> None:
    web.policy("03-01 12:00")
    web.backup(1, "03-02 05:00", seen="03-02 12:00", gone="03-04 12:00", after="03-03 12:00", reason="unexplained")
    web.change("backups", gone_reason="backups_disabled", gone_reason_replaced_at=at("03-05 12:00"))
    web.change("backup_versions", replaced_by="backups_disabled", replaced_at=at("03-05 12:00"))
    web.looks("03-02 12:00", "03-03 12:00", "03-04 12:00", "03-05 12:00")
    before, after = lifetime(web, "03-05 11:59"), lifetime(web, "03-05 12:00")
    assert (before.gone_reason, after.gone_reason) == ("unexplained", "backups_disabled")
    assert after.early_by_days is None
    assert before.early_by_days == round(7 - 55 / 24, 4)  # from 2 March 05:00 to 4 March 12:00
    ended = [
        [row.gone_reason for row in web.ask(Event, now) if row.event == "backup_ended"]
        for now in ("03-05 11:59", "03-05 12:00")
    ]
    assert ended == [["unexplained"], ["backups_disabled"]]


def test_early_is_early_for_the_smaller_retention_of_when_it_was_made_and_last_seen(web: ByHand) -> None:
    web.policy("03-01 12:00", "03-03 12:00", retention_days=28)
    web.policy("03-03 12:00", "03-05 12:00", retention_days=7)
    web.policy("03-05 12:00", retention_days=28)
    web.backup(1, "03-02 12:00", seen="03-02 12:00", gone="03-05 12:00", after="03-04 12:00", reason="unexplained")
    web.looks("03-02 12:00", "03-03 12:00", "03-04 12:00", "03-05 12:00")
    assert lifetime(web, "03-05 12:00").early_by_days == 4.0
    web.change("backups", gone_after_at=at("03-03 11:59:59"))
    assert lifetime(web, "03-05 12:00").early_by_days == 25.0


@pytest.mark.parametrize(("read", "retention_days", "early"), [("03-05 12:00", 7, 4.0), ("03-05 12:01", 7, 25.0)])
def test_early_is_early_for_the_retention_that_the_look_without_it_read_too(
    web: ByHand, read: str, retention_days: int, early: float
) -> None:
    web.policy("03-01 12:00", read, retention_days=28)
    web.policy(read, retention_days=retention_days)
    web.backup(1, "03-02 12:00", seen="03-02 12:00", gone="03-05 12:00", after="03-04 12:00", reason="unexplained")
    web.looks("03-02 12:00", "03-04 12:00", "03-05 12:00")
    assert lifetime(web, "03-06 12:00").early_by_days == early


def test_an_end_without_any_policy_is_not_said_to_be_early(web: ByHand) -> None:
    web.backup(1, "03-02 12:00", seen="03-02 12:00", gone="03-05 12:00", after="03-04 12:00", reason="unexplained")
    web.looks("03-02 12:00", "03-05 12:00")
    assert lifetime(web, "03-05 12:00").early_by_days is None


def test_a_backup_that_came_back_was_away_in_between(web: ByHand) -> None:
    """Seen on 2 and 3 March, missed on 4, back on 6, missed for good on 9."""
    back = at("03-06 12:00")
    web.backup(1, "03-02 05:00", seen="03-02 12:00", gone="03-09 12:00", after="03-08 12:00", changed_at=back)
    web.execute("DELETE FROM backup_versions")
    for begin, end, reason in (("03-02", "03-04", "unexplained"), ("03-06", "03-09", "expired")):
        interval = {"valid_from": at(f"{begin} 12:00"), "valid_to": at(f"{end} 12:00"), "closed_by": reason}
        web.insert("backup_versions", backup_id=1, **interval, **VERSION)
    web.looks(*(f"03-0{day} 12:00" for day in range(2, 10)))

    def known(now: str) -> tuple[object, ...]:
        row = lifetime(web, now)
        return row.gone_reason, row.gone_at and row.gone_at.day, row.last_seen_at.day, len(web.ask(LiveBackup, now))

    assert known("03-04 11:59:59") == (None, None, 3, 1)
    assert known("03-04 12:00") == known("03-06 11:59:59") == ("unexplained", 4, 3, 0)
    assert known("03-06 12:00") == (None, None, 6, 1)
    assert known("03-09 11:59:59") == (None, None, 8, 1)
    assert known("03-09 12:00") == ("expired", 9, 8, 0)

    def restorable(now: str) -> list[str]:
        return [row.certainty for row in web.ask(RestorableBackup, now)]

    assert restorable("03-02 04:59") == []
    assert restorable("03-02 05:00") == ["certain"]
    assert restorable("03-04 11:59") == ["certain"]  # looks of 6 to 8 March saw it
    assert restorable("03-04 12:00") == restorable("03-06 11:59") == []
    assert restorable("03-06 12:00") == restorable("03-08 12:00") == ["certain"]
    assert restorable("03-08 12:01") == ["possible"]
    assert restorable("03-09 12:00") == []
    assert [(row.event, row.learned_at.day) for row in web.ask(Event, "03-09 18:00") if row.backup_id] == [
        ("backup_ended", 9),
        ("backup_returned", 6),
        ("backup_ended", 4),
        ("backup_appeared", 2),
    ]


def test_events_are_those_from_the_first_moment_asked_about_to_the_last(web: ByHand) -> None:
    web.backup(1, "03-02 05:00", seen="03-02 12:00", gone="03-04 12:00")

    def events(now: str, since: str) -> list[str]:
        return [row.event for row in web.ask(Event, now, since)]

    assert events("03-04 12:00", "03-02 12:00") == ["backup_ended", "backup_appeared"]
    assert events("03-04 11:59:59", "03-02 12:00") == ["backup_appeared"]
    assert events("03-04 12:00", "03-02 12:00:01") == ["backup_ended"]
    assert events("03-04 12:00:01", "03-04 12:00") == ["backup_ended"]
    assert events("03-02 12:00", "03-02 12:00") == ["backup_appeared"]
    assert events("03-02 11:59:59", "03-01 12:00:01") == []


def test_a_droplet_that_is_not_selected_is_not_among_those_that_exist(web: ByHand) -> None:
    web.backup(1, "03-02 05:00", seen="03-02 12:00")
    web.policy("03-02 12:00", plan=None)
    web.insert("droplet_tags", droplet_id=WEB, tag="web", valid_from=at("03-02 12:00"))
    web.looks("03-02 12:00")
    web.unselect("03-03 12:00")
    for row in (LiveBackup, DropletTag, UnprotectedDroplet, SizeGrowth, CostNow):
        assert len(web.ask(row, "03-03 11:59:59")) == 1, row
        assert web.ask(row, "03-03 12:00") == [], row
    assert len(web.ask(BackupLifetime, "03-03 12:00")) == 1


def test_what_exists_may_have_been_restorable_before_it_was_seen_and_after(web: ByHand) -> None:
    web.backup(1, "03-02 05:00", seen="03-03 12:00")
    web.looks("03-03 12:00")
    assert [row.certainty for row in web.ask(RestorableBackup, "03-02 05:00")] == ["certain"]
    assert [row.certainty for row in web.ask(RestorableBackup, "03-03 12:00:01")] == ["possible"]


def test_regions_are_shown_in_order_as_they_were(web: ByHand) -> None:
    web.backup(1, "03-02 05:00", seen="03-02 12:00", changed_at=at("03-05 12:00"))
    web.looks("03-02 12:00")
    for region, until in (("sfo3", None), ("ams3", None), ("nyc3", "03-05 12:00")):
        interval = {"valid_from": at("03-02 12:00"), "valid_to": at(until) if until else None}
        web.insert("backup_regions", backup_id=1, region=region, **interval)
    assert [row.regions for row in web.ask(LiveBackup, "03-05 11:59")] == ["ams3, nyc3, sfo3"]
    assert [row.regions for row in web.ask(LiveBackup, "03-05 12:00")] == ["ams3, sfo3"]
    (left,) = [row for row in web.ask(Event, "03-05 12:00") if row.attribute == "regions"]
    assert (left.event, left.old_value, left.new_value) == ("backup_changed", "nyc3", None)


def test_a_backup_from_the_future_has_a_negative_age(web: ByHand) -> None:
    web.backup(1, "03-02 13:30", seen="03-02 12:00")
    web.looks("03-02 12:00")
    assert [row.age_hours for row in web.ask(LiveBackup, "03-02 12:00")] == [-1.5]


def test_tags_and_attributes_are_those_of_the_moment(web: ByHand) -> None:
    web.insert("droplet_tags", droplet_id=WEB, tag="old", valid_from=at("03-01 12:00"), valid_to=at("03-05 12:00"))
    web.insert("droplet_tags", droplet_id=WEB, tag="new", valid_from=at("03-05 12:00"))
    assert [row.tag for row in web.ask(DropletTag, "03-05 11:59")] == ["old"]
    assert [row.tag for row in web.ask(DropletTag, "03-05 12:00")] == ["new"]
    assert web.ask(KnownDroplet, "03-01 11:59") == []


def test_a_droplet_is_what_was_known_of_it_at_the_moment(web: ByHand) -> None:
    web.looks("03-02 12:00", "03-03 12:00", "03-05 12:00")
    web.change("droplet_versions", valid_to=at("03-03 12:00"))
    then = {"name": "shop", "region": "nyc3", "size_slug": "l", "price_monthly_usd": 12.0, "status": "off"}
    interval = {"valid_from": at("03-03 12:00"), "valid_to": at("03-05 12:00")}
    web.insert("droplet_versions", droplet_id=WEB, account_id=1, **interval, **then)

    def known(now: str) -> tuple[object, ...]:
        (row,) = web.ask(KnownDroplet, now)
        looks = [look and look.day for look in (row.first_look_at, row.last_observed_at)]
        return row.droplet, row.status, *looks, row.gone_at and row.gone_at.day, row.is_current

    assert known("03-01 12:00") == known("03-02 11:59:59") == ("web", "active", None, None, None, True)
    assert known("03-02 12:00") == known("03-03 11:59:59") == ("web", "active", 2, 2, None, True)
    assert known("03-03 12:00") == known("03-05 11:59:59") == ("shop", "off", 2, 3, None, True)
    assert known("03-05 12:00") == ("shop", "off", 2, 5, 5, False)


def test_a_droplet_with_backups_on_and_none_yet_is_unprotected_too(web: ByHand) -> None:
    web.policy("03-01 12:00")
    web.looks("03-01 12:00")
    (row,) = web.ask(UnprotectedDroplet, "03-02 12:00")
    assert (row.reason, row.unprotected_since) == ("no backup yet", at("03-01 12:00"))
    assert (row.is_formerly_protected, row.last_backup_at) == (False, None)
    web.backup(1, "03-03 05:00", seen="03-03 12:00")
    assert web.ask(UnprotectedDroplet, "03-03 12:00") == []
    assert len(web.ask(UnprotectedDroplet, "03-03 11:59")) == 1


def test_a_droplet_that_is_switched_off_is_not_called_unprotected(migrated_url: str) -> None:
    database = Database(migrated_url)
    web = ByHand(database, status="off")
    web.policy("03-01 12:00", plan=None)
    assert web.ask(UnprotectedDroplet, "03-02 12:00") == []
    database.close()


def test_it_is_protected_again_from_the_moment_its_backups_are_on(web: ByHand) -> None:
    web.policy("03-01 12:00", "03-05 12:00", plan=None)
    web.policy("03-05 12:00")
    web.backup(1, "02-28 05:00", seen="03-01 12:00")
    assert [row.reason for row in web.ask(UnprotectedDroplet, "03-05 11:59:59")] == ["backups off"]
    assert web.ask(UnprotectedDroplet, "03-05 12:00") == []


def test_it_is_current_until_the_moment_it_is_unselected(web: ByHand) -> None:
    web.unselect("03-05 12:00")
    current = [[row.is_current for row in web.ask(KnownDroplet, now)] for now in ("03-05 11:59:59", "03-05 12:00")]
    assert current == [[True], [False]]


def test_what_an_incomplete_look_showed_later_could_certainly_be_restored(web: ByHand) -> None:
    web.looks("03-01 12:00")  # the last that was complete
    web.backup(1, "03-02 05:00", seen="03-03 12:00")
    assert [row.certainty for row in web.ask(RestorableBackup, "03-03 12:00")] == ["certain"]
    assert [row.certainty for row in web.ask(RestorableBackup, "03-03 12:00:01")] == ["possible"]


def enter_run(web: ByHand, number: int, day: str, status: str, *, mode: str = "listing", **others: object) -> None:
    """Enter a run from 12:00 to 12:05."""
    is_over = status != "running"
    web.insert(
        "sync_runs",
        id=number,
        account_id=1,
        started_at=at(f"{day} 12:00"),
        finished_at=at(f"{day} 12:05") if is_over else None,
        heartbeat_at=at(f"{day} 12:05"),
        host="web-admin",
        pid=1,
        trigger="command",
        mode=mode,
        overdue_after_seconds=26 * 3600,
        status=status,
        error="stopped" if is_over and status != "complete" else None,
        **others,
    )


def test_a_brake_holds_since_the_first_run_it_held_until_one_it_did_not(web: ByHand) -> None:
    for number, status in enumerate(("held", "complete", "held", "held", "failed", "partial"), start=1):
        enter_run(web, number, f"03-0{number}", status)

    def held_since(now: str) -> object:
        (row,) = web.ask(SyncHealth, now)
        return row.held_since

    assert held_since("03-01 12:04:59") is None
    assert held_since("03-01 12:05") == at("03-01 12:05")
    assert held_since("03-02 12:05") is None
    assert held_since("03-04 12:05") == held_since("03-05 12:05") == at("03-03 12:05")
    assert held_since("03-06 12:05") is None


def test_a_token_is_rejected_since_the_first_run_that_said_so_until_one_was_let_in(web: ByHand) -> None:
    for number, status in enumerate(("failed", "partial", "failed", "failed", "held"), start=1):
        enter_run(web, number, f"03-0{number}", status, failure="unauthorized" if status == "failed" else None)
    enter_run(web, 6, "03-06", "failed", failure="server_error")

    def rejected_since(now: str) -> object:
        (row,) = web.ask(SyncHealth, now)
        return row.token_rejected_since

    assert rejected_since("03-01 12:05") == at("03-01 12:00")
    assert rejected_since("03-02 12:05") is None
    assert rejected_since("03-03 12:05") == rejected_since("03-05 12:04:59") == at("03-03 12:00")
    assert rejected_since("03-05 12:05") is None
    assert rejected_since("03-06 12:05") is None


def test_health_speaks_of_selected_droplets_that_exist(web: ByHand) -> None:
    enter_run(web, 1, "03-02", "complete")
    web.looks("03-02 12:00")
    web.unselect("03-03 12:00")

    def droplets(now: str) -> tuple[object, ...]:
        (row,) = web.ask(SyncHealth, now)
        return row.droplets, row.droplets_overdue, row.oldest_observed_at

    assert droplets("03-03 11:59:59") == (1, 0, at("03-02 12:00"))
    assert droplets("03-09 12:00") == (0, 0, None)


def test_health_counts_what_failed_since_the_last_complete_run_of_everything(web: ByHand) -> None:
    web.looks("03-02 12:00")
    runs = (
        ("03-01", "listing", "complete"),
        ("03-02", "detection", "complete"),
        ("03-03", "listing", "partial"),
        ("03-04", "subset", "complete"),
        ("03-05", "detection", "held"),
        ("03-06", "subset", "failed"),
        ("03-07", "listing", "running"),
    )
    for number, (day, mode, status) in enumerate(runs, start=1):
        enter_run(web, number, day, status, mode=mode)

    def health(now: str) -> tuple[object, ...]:
        (row,) = web.ask(SyncHealth, now)
        complete = row.last_complete_at and row.last_complete_at.day
        return row.last_run_at.day, row.last_run_status, row.last_run_error, complete, row.consecutive_failures

    assert web.ask(SyncHealth, "03-01 11:59") == []
    assert health("03-01 12:04") == (1, "running", None, None, 0)
    assert health("03-02 12:05") == (2, "complete", None, 2, 0)
    assert health("03-03 12:05") == (3, "partial", "stopped", 2, 1)
    assert health("03-04 12:05") == (4, "complete", None, 2, 1)
    assert health("03-05 12:05") == (5, "held", "stopped", 2, 2)
    assert health("03-07 12:30") == (7, "running", None, 2, 2)


def run_ended(web: ByHand, moment: str, *, overdue_after_seconds: int, mode: str = "detection") -> None:
    when = dict.fromkeys(("started_at", "finished_at", "heartbeat_at"), at(moment))
    where = {"account_id": 1, "host": "web-admin", "pid": 1, "trigger": "command"}
    web.insert("sync_runs", **when, **where, mode=mode, status="complete", overdue_after_seconds=overdue_after_seconds)


@pytest.mark.parametrize("minutes", [20, 100, 26 * 60, 170 * 60])
def test_a_droplet_is_overdue_by_the_schedule_of_the_last_run(web: ByHand, minutes: int) -> None:
    web.looks("03-02 12:00")
    run_ended(web, "03-02 12:00", overdue_after_seconds=60 * minutes)
    due = at("03-02 12:00") + timedelta(minutes=minutes)
    for now, overdue in ((due, 0), (due + timedelta(seconds=1), 1)):
        (row,) = web.ask(SyncHealth, f"{now:%m-%d %H:%M:%S}")
        assert row.overdue_after == timedelta(minutes=minutes)
        assert (row.droplets, row.droplets_overdue, row.oldest_observed_at) == (1, overdue, at("03-02 12:00"))


def test_each_moment_goes_by_the_schedule_that_was_known_then(web: ByHand) -> None:
    web.looks("03-01 12:00")
    for moment, hours, mode in (
        ("03-01 12:00", 26, "subset"),
        ("03-02 12:00", 2, "detection"),
        ("03-03 12:00", 26, "subset"),
        ("03-04 12:00", 170, "listing"),
    ):
        run_ended(web, moment, overdue_after_seconds=3600 * hours, mode=mode)
    days = ("03-01 13:00", "03-02 13:00", "03-03 13:00", "03-04 13:00", "03-02 13:00")
    told = [row.overdue_after_hours for day in days for row in web.ask(SyncHealth, day)]
    assert told == [26, 2, 2, 170, 2], "a run of a part says nothing of the schedule, unless there is no other"
