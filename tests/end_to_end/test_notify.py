"""`inventory notify --print` tells each finding once, as cron would mail it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from inventory.commands import notify
from tests.end_to_end.conftest import Run, Served, now


def test_a_finding_is_printed_once_and_its_end_once(
    account: Served, environment: Callable[[Served], None], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    environment(account)
    began_at = now()

    def printed(minutes: int) -> str:
        capsys.readouterr()
        # Looks of one second are stamped one after the other, the last ones later than now.
        assert notify.print_news(None, now=began_at + timedelta(minutes=minutes)) == 0
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
