"""`inventory notify` with real receivers: a web server that answers in many ways, and a mail server with TLS."""

import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import trustme

from inventory.network.delivery import Outcome, Parcel, Receipt, send
from inventory.store.engine import Database
from inventory.store.schema import notice_attempts
from tests.end_to_end.conftest import Run, Served, on_sqlite
from tests.end_to_end.daemon_process import eventually, running
from tests.end_to_end.mail_receiver import ignores_warnings, parts, receiving_mail
from tests.end_to_end.receiver import SECRET, Receiver, receiving

pytestmark = pytest.mark.slow  # each message is a process that loads Apprise


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def untaken(database: Database) -> int:
    lasting = sa.select(notice_attempts).where(notice_attempts.c.ended_at.is_(None))
    with database.reading() as connection:
        return len(connection.execute(lasting).all())


@on_sqlite
def test_a_receiver_that_was_away_is_told_what_is_true_when_it_is_back(
    account: Served,
    environment: Callable[[Served], None],
    run: Run,
    receiver: Receiver,
    database: Database,
) -> None:
    environment(account)
    Path("url").write_text(receiver.url)
    table = '[[notify]]\nname = "ops"\nurl_file = "url"\nallow_private = true\n'
    Path("inventory.toml").write_text(table)
    run("sync")
    (first, second, *_) = account.fleet.droplets
    receiver.way = 500
    for droplet_id in (first, second):
        account.fleet.disable_backups(droplet_id)
        time.sleep(2)  # looks of one second are stamped one after the other
        for words, code in ((["sync"], 0), (["notify"], 1)):
            failed = run(*words)
            assert failed.code == code
            assert "channel ops did not take the message (HTTP 500)" in failed.err
            assert SECRET not in failed.out + failed.err
    receiver.way = 200
    assert "NEW critical backups-disabled: web-0 (default): since" in run("notify", "--dry-run").out
    assert untaken(database) == 2
    assert run("notify", "--test", "ops").code == 0
    assert receiver.got[-1]["title"] == "inventory: this is a test"
    assert untaken(database) == 0, "it takes messages again"
    time.sleep(1)
    for words in (["sync", "--dry-run"], ["sync"], ["sync"], ["notify"]):
        assert run(*words).code == 0
    told = receiver.got[5:]
    assert len(told) == 1
    assert told[0]["title"].startswith("NEW critical backups-disabled: web-0 (default): since")
    assert told[0]["title"].endswith("; none is left, and 1 more")
    assert "inventory show web-1" in told[0]["message"]


@on_sqlite
def test_the_daemon_tells_after_a_round_and_goes_on_where_a_receiver_is_away(
    account: Served,
    environment: Callable[[Served], None],
    run: Run,
    receiver: Receiver,
    tmp_path: Path,
) -> None:
    environment(account)
    run("sync")
    table = f'schedule = {2 / 60}\n[[notify]]\nname = "ops"\nurl = "{receiver.url}"\nallow_private = true\n'
    (tmp_path / "inventory.toml").write_text(table)
    receiver.way = 500
    account.fleet.disable_backups(min(account.fleet.droplets))
    with running() as daemon:
        assert "(HTTP 500)" in daemon.wait_for("channel.failed")["error"]
        receiver.way = 200
        refused = len(receiver.got)
        eventually(lambda: len(receiver.got) > refused)
        daemon.wait_for("sync.finished", times=len(daemon.all("sync.finished")) + 2)
        assert daemon.stop() == 0
    assert SECRET not in str(daemon.records)
    assert receiver.got[-1]["title"].startswith("EXISTS critical backups-disabled: web-0")
    assert len(receiver.got) == refused + 1


@pytest.mark.parametrize(
    ("way", "receipt"),
    [
        (200, Receipt(Outcome.DELIVERED, 200)),
        (500, Receipt(Outcome.REFUSED, 500)),
        (302, Receipt(Outcome.REFUSED, 302)),
        ("drip", Receipt(Outcome.UNANSWERED)),
        ("hang", Receipt(Outcome.UNANSWERED)),
    ],
)
def test_what_comes_of_a_message(receiver: Receiver, way: int | str, receipt: Receipt) -> None:
    receiver.way = way
    assert send(Parcel(receiver.url, "title", "text", True)) == receipt  # noqa: FBT003
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("url", "is_private_allowed", "outcome"),
    [
        ("json://{}/", False, Outcome.INSECURE),
        ("jsons://{}/", False, Outcome.PRIVATE),
        ("jsons://169.254.169.254/", False, Outcome.PRIVATE),
        ("json://10.0.0.1/", True, Outcome.PRIVATE),
        ("mailto://a:b@example.com", True, Outcome.INSECURE),
        ("nonsense://{}/", True, Outcome.UNREADABLE),
    ],
)
def test_where_no_message_goes(receiver: Receiver, url: str, outcome: Outcome, *, is_private_allowed: bool) -> None:
    host = f"127.0.0.1:{receiver.server_port}"
    assert send(Parcel(url.format(host), "title", "text", is_private_allowed)).outcome is outcome
    assert receiver.got == []


@ignores_warnings
def test_mail_goes_over_tls_to_who_it_is_for(tmp_path: Path) -> None:
    authority, ca_file = trustme.CA(), tmp_path / "ca.pem"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(ca_file))
    with receiving_mail(context) as mailbox:
        to = "from=inventory@example.com&to=ops@example.com&mode=ssl"
        url = f"mailtos://ops:{SECRET}@127.0.0.1:{mailbox.port}?{to}"
        hostile = Parcel(url, "web-1 <b>", "<script>\n@channel", False)  # noqa: FBT003
        assert send(hostile, ca_file=ca_file) == Receipt(Outcome.DELIVERED)
        assert send(Parcel(url, "title", "text", False)).outcome is Outcome.REFUSED  # noqa: FBT003
        digest = Parcel(url, "digest", "all is\nwell", False, "<p>all is <b>well</b></p>")  # noqa: FBT003
        assert send(digest, ca_file=ca_file) == Receipt(Outcome.DELIVERED)
        first, second = mailbox.mails
        assert [first["Subject"], second["Subject"]] == ["web-1 <b>", "digest"]
        assert parts(first) == {"text/plain": "<script>\r\n@channel"}
        assert parts(second) == {"text/plain": "all is\r\nwell", "text/html": "<p>all is <b>well</b></p>"}
        assert mailbox.got[0].rcpt_tos == ["ops@example.com"]


def test_a_medium_that_takes_less_gets_the_beginning_in_one_message(receiver: Receiver) -> None:
    text = "the worst first\n" + 50_000 * "and more\n"
    assert send(Parcel(receiver.url, "title", text, True)) == Receipt(Outcome.DELIVERED, 200)  # noqa: FBT003
    (got,) = receiver.got
    assert got["message"].startswith("the worst first")
    assert len(got["message"]) < 40_000
