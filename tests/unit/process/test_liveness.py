"""Whether anything moves, and who is told."""

import socket
import threading
from pathlib import Path

from inventory.process.liveness import Liveness, stacks, tell_systemd


def test_the_same_again_is_no_movement() -> None:
    now = 0.0
    liveness = Liveness(lambda: now)
    silences = []
    with liveness.lane() as lane:
        for what in ((1, 7), (1, 7), (1, 8), (1, 8), None, None):
            now += 10
            lane.moved(what)
            silences.append(liveness.silent_seconds)
    assert silences == [0, 10, 0, 10, 0, 0]


def test_one_lane_that_hangs_is_not_hidden_by_those_that_move() -> None:
    now = 0.0
    liveness = Liveness(lambda: now)
    with liveness.lane() as hung, liveness.lane() as alive:
        hung.moved((1, 7))
        for number in range(3):
            now += 10
            hung.moved((1, 7))
            alive.moved((1, number))
            liveness.moved()
        assert liveness.silent_seconds == 30
    assert liveness.silent_seconds == 0
    now += 10
    assert liveness.silent_seconds == 10


def test_systemd_is_told_where_it_listens(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        tell_systemd("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert manager.recv(100) == b"READY=1"
        manager.settimeout(0)


def test_systemd_is_told_over_an_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("")  # the kernel chooses an abstract name
        name = manager.getsockname().decode()
        tell_systemd("WATCHDOG=1", {"NOTIFY_SOCKET": "@" + name[1:]})
        assert manager.recv(100) == b"WATCHDOG=1"


def test_a_manager_that_is_not_there_is_no_problem(tmp_path: Path) -> None:
    tell_systemd("READY=1", {})
    tell_systemd("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "nobody")})


def test_the_stacks_say_where_each_thread_is_by_name() -> None:
    begun, end = threading.Event(), threading.Event()

    def hang_in_here() -> None:
        begun.set()
        end.wait(60)

    thread = threading.Thread(target=hang_in_here, name="fetch_7")
    thread.start()
    assert begun.wait(60)
    text = stacks()
    end.set()
    thread.join()
    assert 'Thread "fetch_7"' in text
    assert "in hang_in_here" in text
    assert "MainThread" in text
