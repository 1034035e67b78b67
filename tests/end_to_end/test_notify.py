"""`inventory notify --print` tells each finding once, as cron would mail it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.commands import notify_print
from inventory.store.engine import Database
from inventory.store.schema import notice_attempts, notice_channels
from tests.end_to_end.conftest import Run, Served, now

UNTAKEN = {
    "channel": "ops",
    "account": "default",
    "droplet_id": 0,
    "finding": "sync-held",
    "change": "new",
    "severity": "unknown",
    "lost_backup_ids": "",
    "unanswered": 0,
}


def test_a_finding_is_printed_once_and_its_end_once(
    account: Served, environment: Callable[[Served], None], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    environment(account)
    began_at = now()

    def printed(minutes: int) -> str:
        capsys.readouterr()
        # Looks of one second are stamped one after the other, the last ones later than now.
        assert notify_print.run(None, now=began_at + timedelta(minutes=minutes)) == 0
        return capsys.readouterr().out

    run("sync")
    assert printed(1) == ""
    (droplet_id, *_) = account.fleet.droplets
    account.fleet.disable_backups(droplet_id)
    run("sync")
    assert printed(2).startswith("NEW  critical  web-0  backups-disabled  since ")
    assert printed(3) == ""
    account.fleet.enable_backups(droplet_id, plan="daily")
    account.fleet.add_backup(droplet_id)
    run("sync")
    assert printed(4) == "", "no look since it was told"


def test_it_runs_as_a_command(account: Served, environment: Callable[[Served], None], run: Run) -> None:
    environment(account)
    run("sync")
    assert (run("notify", "--print").code, run("notify", "--print", "--dry-run").code) == (0, 2)
    assert "no channel is configured" in run("notify").err


def test_check_and_metrics_name_a_channel_that_takes_nothing(
    account: Served, environment: Callable[[Served], None], run: Run, database: Database
) -> None:
    environment(account)
    run("sync")
    Path("inventory.toml").write_text('[[notify]]\nname = "ops"\nurl_file = "url"\n')
    with database.writing() as connection:
        connection.execute(sa.insert(notice_channels).values(name="ops"))
        connection.execute(sa.insert(notice_attempts).values(UNTAKEN | {"first_tried_at": now() - timedelta(days=8)}))
    checked = run("check")
    assert checked.code == 1
    assert "WARNING  ops  notice-undelivered  1 message since " in checked.out
    assert run("check", "--account", "default").code == 0, "a channel is of no account"
    metric = 'inventory_findings{account="ops",finding="notice-undelivered",severity="warning"} 1.0'
    assert metric in run("metrics").out
