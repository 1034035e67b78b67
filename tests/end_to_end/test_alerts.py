"""The shipped alert rules, from the daemon by Prometheus and Alertmanager to a web server and a mailbox."""

import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end.conftest import Run, Served, on_sqlite
from tests.end_to_end.daemon_process import eventually, running
from tests.end_to_end.mail_receiver import Mailbox, ignores_warnings, parts, receiving_mail
from tests.end_to_end.receiver import Receiver, receiving
from tests.prometheus import alertmanager, needs_alertmanager, needs_prometheus, prometheus

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "inventory.yml"
PAGE = ROOT / "docs" / "monitoring.md"


def documented(receiver: Receiver, mailbox: Mailbox) -> dict[str, Any]:
    """Read the configuration in docs/monitoring.md, with addresses and pauses that suit a test."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (configuration,) = (yaml.safe_load(block) for block in blocks if "receivers:" in block)
    (people,) = configuration["receivers"]
    people["webhook_configs"][0]["url"] = f"http://127.0.0.1:{receiver.server_port}/"
    people["email_configs"][0] |= {"smarthost": f"127.0.0.1:{mailbox.port}", "require_tls": False}
    configuration["route"] |= {"group_wait": "1s", "group_interval": "1s"}
    return dict(configuration)


@pytest.mark.slow
@needs_prometheus
@needs_alertmanager
@ignores_warnings
@on_sqlite
def test_people_are_told_of_a_finding_on_a_droplet_and_when_it_is_over(
    account: Served,
    environment: Callable[[Served], None],
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment(account)
    monkeypatch.setenv("INVENTORY_SCHEDULE", str(1 / 60))
    run("sync")
    droplet_id = min(account.fleet.droplets)
    account.fleet.disable_backups(droplet_id)
    with receiving() as receiver, receiving_mail() as mailbox, ExitStack() as stack:
        alerts = stack.enter_context(alertmanager(tmp_path, documented(receiver, mailbox)))
        daemon = stack.enter_context(running())
        sending = {"alertmanagers": [{"static_configs": [{"targets": [alerts]}]}]}
        more = {"rule_files": [str(RULES)], "alerting": sending}
        stack.enter_context(prometheus(tmp_path, daemon.url.removeprefix("http://"), more))
        eventually(lambda: bool(receiver.got and mailbox.got))
        account.fleet.enable_backups(droplet_id)
        eventually(lambda: len(receiver.got) > 1 and len(mailbox.got) > 1)
        # The first page takes a moment: their process begins with it.
        eventually(lambda: daemon.get(f"/droplets/{droplet_id}").is_success)
    alerted = [(alert["status"], alert["labels"]) for told in receiver.got for alert in told["alerts"]]
    labels = {
        "alertname": "InventoryFindingCritical",
        "severity": "critical",
        "account": "default",
        "droplet": "web-0",
        "droplet_id": str(droplet_id),
        "finding": "backups-disabled",
    }
    assert alerted == [("firing", labels), ("resolved", labels)]
    assert [str(mail["Subject"]).split()[0] for mail in mailbox.mails] == ["[FIRING:1]", "[RESOLVED]"]
    text = f"web-0 (account default): backups-disabled\r\nhttps://inventory.example.com/droplets/{droplet_id}"
    mailed = [parts(mail) for mail in mailbox.mails]
    assert mailed == [{"text/plain": f"firing: {text}"}, {"text/plain": f"resolved: {text}"}]
