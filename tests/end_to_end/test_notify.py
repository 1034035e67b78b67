"""`inventory notify --print` tells each finding once, as cron would mail it."""

from collections.abc import Callable

from tests.end_to_end.conftest import Run, Served


def test_a_finding_is_printed_once_and_its_end_once(
    account: Served, environment: Callable[[Served], None], run: Run
) -> None:
    environment(account)
    run("sync")
    assert run("notify", "--print").out == ""
    (droplet_id, *_) = account.fleet.droplets
    account.fleet.disable_backups(droplet_id)
    run("sync")
    first = run("notify", "--print")
    assert first.code == 0
    assert first.out.startswith("NEW  critical  web-0  backups-disabled  since ")
    assert run("notify", "--print").out == ""
    account.fleet.enable_backups(droplet_id, plan="daily")
    account.fleet.add_backup(droplet_id)
    run("sync")
    assert run("notify", "--print").out.startswith("SOLVED    web-0  backups-disabled  was: since ")
    assert run("notify", "--print").out == ""
