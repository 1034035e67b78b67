"""A process that is killed between its claim, the message and the mark loses nothing, and holds nobody up for long."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.store.engine import Database
from inventory.store.schema import notice_channels, notices
from tests.end_to_end.conftest import Run, Served, on_sqlite
from tests.end_to_end.daemon_process import eventually
from tests.end_to_end.receiver import Receiver, receiving
from tests.simulated import MONDAY

pytestmark = pytest.mark.slow  # real processes, killed


@dataclass
class Scene:
    """A finding that is due, who receives it, and `inventory notify` as cron starts it."""

    database: Database
    receiver: Receiver

    def start(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", "inventory", "notify"], stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        os.kill(self._process.pid, signal.SIGKILL)

    def end(self) -> int:
        return self._process.wait(60)

    def has_claimed(self) -> bool:
        with self.database.reading() as connection:
            return connection.scalar(sa.select(notice_channels.c.claimed_by)) is not None

    def told(self) -> int:
        with self.database.reading() as connection:
            return len(connection.execute(sa.select(notices)).all())

    def pass_a_minute(self) -> None:
        with self.database.writing() as connection:
            connection.execute(sa.update(notice_channels).values(claim_ends_at=MONDAY))


@pytest.fixture
def scene(
    account: Served, environment: Callable[[Served], None], run: Run, database: Database, tmp_path: Path
) -> Iterator[Scene]:
    environment(account)
    run("sync")
    account.fleet.disable_backups(min(account.fleet.droplets))
    run("sync")
    time.sleep(2)  # looks of one second are stamped one after the other
    with receiving() as receiver:
        path = tmp_path / "inventory.toml"
        path.write_text(f'[[notify]]\nname = "ops"\nurl = "{receiver.url}"\nallow_private = true\n')
        path.chmod(0o600)
        yield Scene(database, receiver)


@on_sqlite
@pytest.mark.parametrize("moment", ["claimed", "sent", "answered"])
def test_what_was_due_is_told_by_the_next(scene: Scene, moment: str, run: Run) -> None:
    if moment == "answered":
        scene.receiver.before_answering = scene.kill
        scene.start()
    else:
        scene.receiver.way = "hang"
        scene.start()
        eventually(scene.has_claimed if moment == "claimed" else lambda: bool(scene.receiver.got))
        scene.kill()
    assert scene.end() == -signal.SIGKILL
    scene.receiver.before_answering, scene.receiver.way = lambda: None, 200

    assert run("notify").code == 0
    assert scene.told() == 0, "it is claimed for a minute"
    scene.pass_a_minute()
    assert run("notify").code == 0
    assert scene.told() == 1
    for message in scene.receiver.got:
        assert message["title"].startswith("EXISTS critical backups-disabled: web-0")
    assert run("notify", "--dry-run").out == "ops: nothing to tell\n"


@on_sqlite
def test_of_two_at_once_only_one_tells(scene: Scene, run: Run) -> None:
    both = Scene(scene.database, scene.receiver), scene
    scene.receiver.before_answering = lambda: time.sleep(2)
    for each in both:
        each.start()
    assert [each.end() for each in both] == [0, 0]
    assert run("notify").code == 0
    assert len(scene.receiver.got) == 1
