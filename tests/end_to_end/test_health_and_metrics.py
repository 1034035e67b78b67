"""`inventory health` and `inventory metrics`, and pings of `inventory sync`."""

import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from inventory.serving.web import Health, application, serve
from tests.end_to_end.conftest import Run, Served, on_sqlite
from tests.ping_receiver import SECRET_PATH, Receiver, hang, receiving, refuse

pytestmark = pytest.mark.slow  # a served account on both databases

Environment = Callable[[Served], None]


@pytest.fixture(autouse=True)
def _configured(environment: Environment, account: Served) -> None:
    environment(account)


# Health


@on_sqlite
@pytest.mark.parametrize(
    ("problems", "expected"),
    [
        ((), (0, "the daemon is healthy\n", "")),
        (("away", "over\x1bdue"), (1, "", "inventory: away\ninventory: over\\x1bdue\n")),
    ],
)
def test_health_tells_what_the_daemon_of_this_machine_says(
    run: Run, problems: tuple[str, ...], expected: tuple[int, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    health = Health(is_live=True, problems=problems)
    with serve("127.0.0.1:0", application(lambda: health, lambda: b"", hosts=["127.0.0.1"])) as serving:
        monkeypatch.setenv("INVENTORY_HTTP", str(serving.url).replace("http://127.0.0.1", "0.0.0.0"))  # noqa: S104 - asked, not bound
        ended = run("health")
    assert (ended.code, ended.out, ended.err) == expected


@on_sqlite
def test_health_without_a_daemon_fails_in_a_sentence(run: Run) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as closed:
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    ended = run("health", "--http", address)
    assert ended.code == 1
    assert ended.err == f"inventory: no answer from http://{address}/readyz (ConnectError): is the daemon running?\n"


@on_sqlite
def test_health_of_a_daemon_that_answers_nobody_is_wrong_usage(run: Run) -> None:
    assert run("health", "--http", "off").code == 2


# Metrics


def test_the_metrics_are_printed_from_the_database(run: Run) -> None:
    assert run("sync", "--quiet").code == 0
    ended = run("metrics")
    assert (ended.code, ended.err) == (0, "")
    assert 'inventory_backups{account="default"} 24.0\n' in ended.out
    assert "inventory_database_up 1.0\n" in ended.out


@on_sqlite
def test_a_file_of_metrics_is_replaced_at_once_and_readable_for_others(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "textfile" / "inventory.prom"
    file.parent.mkdir()
    file.write_text("old\n")
    inode = file.stat().st_ino
    assert run("sync", "--quiet").code == 0
    ended = run("metrics", "--output", str(file))
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert "inventory_backups" in file.read_text()
    assert file.stat().st_ino != inode, "who reads the old one goes on reading it"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert list(file.parent.iterdir()) == [file]


@on_sqlite
def test_a_file_of_metrics_that_cannot_be_written_is_told(run: Run, tmp_path: Path) -> None:
    assert run("sync", "--quiet").code == 0
    ended = run("metrics", "--output", str(tmp_path / "nowhere" / "inventory.prom"))
    assert ended.code == 78
    assert "cannot write" in ended.err
    assert "no such file" in ended.err


@pytest.mark.new_database
def test_metrics_without_a_database_leave_the_file_as_it_was(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "inventory.prom"
    file.write_text("old\n")
    assert run("metrics", "--output", str(file)).code == 78
    assert file.read_text() == "old\n"


# Pings


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as receiver:
        monkeypatch.setenv("INVENTORY_PING_URL", receiver.url)
        yield receiver


@on_sqlite
def test_a_sync_tells_of_its_beginning_and_its_end(run: Run, receiver: Receiver) -> None:
    assert run("sync", "--quiet").code == 0
    start, end = receiver.pings
    assert start.path == "/start"
    assert end.path == ""
    assert 'account "default"' in end.text
    assert "COMPLETE: 4 of 4 Droplets. 24 appeared." in end.text


@on_sqlite
def test_a_sync_that_fails_tells_its_exit_code_and_why_and_no_secret(
    run: Run, account: Served, receiver: Receiver
) -> None:
    token = account.api.token
    account.api.tokens = {}
    assert run("sync").code == 78
    assert [ping.path for ping in receiver.pings] == ["/start", "/78"]
    assert "the token was rejected (401)" in receiver.pings[1].text
    assert token not in receiver.pings[1].text


@pytest.mark.new_database
def test_a_database_that_cannot_be_used_is_told_too(
    run: Run, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INVENTORY_AUTO_MIGRATE", "false")
    assert run("sync").code == 78
    assert [ping.path for ping in receiver.pings] == ["/start", "/78"]
    assert "inventory db upgrade" in receiver.pings[1].text


@on_sqlite
@pytest.mark.parametrize("narrowed", [["--droplet", "web-1"], ["--account", "default"], ["--dry-run"]], ids=str)
def test_a_sync_of_a_part_is_no_sign_of_life(run: Run, receiver: Receiver, narrowed: list[str]) -> None:
    assert run("sync", "--quiet").code == 0
    receiver.pings.clear()
    assert run("sync", "--quiet", *narrowed).code == 0
    assert receiver.pings == []


@on_sqlite
@pytest.mark.parametrize("behaviour", [refuse, hang])
def test_a_receiver_that_is_ill_fails_no_sync_and_is_complained_of(
    run: Run, receiver: Receiver, behaviour: Callable[..., object]
) -> None:
    receiver.behave = behaviour
    ended = run("sync")
    assert ended.code == 0
    assert "the ping could not be sent" in ended.err
    assert SECRET_PATH not in ended.err + ended.out
    if behaviour is refuse:
        assert run("sync", "--quiet").err == "", "its receiver raises the alarm by itself"
