"""`inventory check` as monitoring and cron run it: an answer, or 3 and one line that says why there is none."""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from inventory import cli
from inventory.commands import check as command
from inventory.judging.rules import KINDS
from inventory.process.exhaustion import NO_MEMORY
from inventory.simulator.fleet import Fleet
from inventory.store.engine import Database
from inventory.store.upgrade import VERSION_TABLE
from inventory.terminal.display import shown_to_monitoring
from tests.end_to_end.conftest import Ended, Run, now
from tests.end_to_end.conftest import start as started
from tests.end_to_end.daemon_process import eventually
from tests.simulated import Account

pytestmark = pytest.mark.slow  # every failure, and every line pasted back, on both databases

TOKEN = "dop_v1_" + "0123456789abcdef" * 4
HOSTILE = ("web 04", "it's", "x|critical=0", "\x1b[31mred\nBACKUPS OK", "7", "twin", "twin", "w" * 60, "<b>&")


@pytest.fixture
def account(migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account of one Droplet, first synced three hours ago; no token is set, and the API is out of reach."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("INVENTORY_DATABASE_URL", migrated_url)
    monkeypatch.setenv("INVENTORY_API_URL", "http://127.0.0.1:1")
    with closing(Database(migrated_url)) as database:
        account = Account(database, Fleet(now() - timedelta(hours=3)))
        add(account, "db-01")
        account.sync()
        yield account


def add(account: Account, *names: str) -> list[int]:
    """Add Droplets of a plan whose windows nobody knows: the hour of the test is then no matter."""
    return [account.fleet.add_droplet(name=name, plan="hourly", backups=6, tags=[f"t{len(name)}"]) for name in names]


def lose_one_of_each(account: Account) -> None:
    """Let each Droplet lose a backup, too few for the brake, and look before and after."""
    account.sync()
    for number in account.droplets:
        account.fleet.lose(account.fleet.backups_of(number)[-1].id)
    account.advance(minutes=30)
    account.sync()


# Answers


def test_all_is_well(account: Account, run: Run) -> None:
    ended = run("check")
    assert (ended.code, ended.out, ended.err) == (0, "BACKUPS OK - 1 Droplet; looked at 3 h ago\n", "")
    assert run("check", "--quiet") == Ended(0, "", "")


def test_the_worst_comes_first_with_counts_and_a_line_a_finding(account: Account, run: Run) -> None:
    add(account, "web-04", "cache-01")
    account.fleet.add_droplet(name="never-01", plan=None)
    account.sync()
    account.fleet.disable_backups(account.droplets[1])
    account.fleet.lose(account.fleet.backups_of(account.droplets[0])[-1].id)
    account.advance(minutes=30)
    account.sync()
    ended = run("check")
    assert ended.code == 2
    first, *lines = ended.out.splitlines()
    assert first == "BACKUPS CRITICAL - web-04 backups-disabled; and 1 critical; looked at 2 h ago"
    assert [line.split()[:3] for line in lines] == [
        ["CRITICAL", "web-04", "backups-disabled"],
        ["CRITICAL", "db-01", "unexplained-loss"],
    ]
    assert re.search(r"since \w{3} \d+ \w{3} \d\d:\d\dZ; none is left$", lines[0])
    assert all(len(line) <= 80 for line in ended.out.splitlines())
    assert run("check", "--quiet").out == ended.out


@pytest.mark.parametrize(
    ("severity", "code", "word"), [("warning", 1, "WARNING"), ("critical", 2, "CRITICAL"), ("unknown", 3, "UNKNOWN")]
)
def test_the_code_tells_the_worst(severity: str, code: int, word: str, account: Account, run: Run) -> None:
    Path("inventory.toml").write_text(f'findings.unexplained-loss = "{severity}"', encoding="utf-8")
    lose_one_of_each(account)
    ended = run("check")
    assert (ended.code, ended.out.split(" - ")[0]) == (code, f"BACKUPS {word}")
    assert ended.out.splitlines()[1].split()[0] == word


def test_one_droplet_tag_or_account_is_judged_alone(account: Account, run: Run) -> None:
    add(account, "web-04", "cache-01")
    account.sync()
    account.fleet.lose(account.fleet.backups_of(account.droplets[1])[-1].id)
    account.advance(minutes=30)
    account.sync()
    codes = {
        words: run("check", *words.split()).code
        for words in (
            "--droplet web-04",
            f"--droplet {account.droplets[1]}",
            "--tag t6",
            "--account default",
            "--droplet db-01",
            "--droplet cache-01 --tag t8",
            "--droplet db-01 --droplet web-04",
            "--droplet cache-01 --tag t6",
            "--droplet web-04 --account other",
            "--account other",
        )
    }
    assert list(codes.values()) == [2, 2, 2, 2, 0, 0, 2, 3, 3, 3]
    assert run("check", "--account", "other").out.startswith("BACKUPS UNKNOWN - other sync-overdue; ")


def test_accounts_that_are_no_longer_configured_are_not_waited_for(
    account: Account, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = "[accounts.new]\ntoken = 'a'\n[accounts.default]\ntoken_file = '/nowhere'\n"
    Path("inventory.toml").write_text(file, encoding="utf-8")
    assert run("check").out.splitlines()[1].split(maxsplit=3) == [
        "UNKNOWN", "new", "sync-overdue", "it was never synced",
    ]  # fmt: skip
    Path("inventory.toml").write_text("[accounts.default]\ntoken = 'a'", encoding="utf-8")
    assert run("check").code == 0


def test_totals_go_to_monitoring_with_nagios_alone(account: Account, run: Run) -> None:
    add(account, *HOSTILE)
    lose_one_of_each(account)
    assert "|" not in run("check").out
    ended = run("check", "--nagios")
    first, *lines = ended.out.splitlines()
    text, data = first.split(" | ")
    assert text.startswith("BACKUPS CRITICAL - ")
    found = {name: value for name, _, value in (each.partition("=") for each in data.split())}
    age = found.pop("age")
    assert re.fullmatch(r"\d+s;;;0", age)
    assert found == {
        "critical": "10;;;0",
        "unknown": "0;;;0",
        "warning": "0;;;0",
        "counted": "0;;;0",
        "exempt": "0;;;0",
        "droplets": "10;;;0",
    }
    assert "|" not in "".join(lines)


def test_names_cannot_steer_a_terminal_or_make_lines(account: Account, run: Run) -> None:
    add(account, *HOSTILE)
    lose_one_of_each(account)
    out = run("check").out
    assert len(out.splitlines()) == 11
    assert "\x1b" not in out
    assert r"\x1b[31mred\nBACKUPS OK: 1 backup gone" in out


def test_at_most_twenty_lines_are_followed_by_a_count(account: Account, run: Run) -> None:
    add(account, *(f"web-{number:02}" for number in range(24)))
    lose_one_of_each(account)
    first, *lines = run("check").out.splitlines()
    assert first.startswith("BACKUPS CRITICAL - db-01 unexplained-loss; and 24 critical; ")
    assert len(lines) == 21
    assert lines[-1].split() == ["and", "5", "more", "inventory", "check", "--json", "lists", "them", "all"]


def test_machines_get_everything_under_keys_that_stay(account: Account, run: Run) -> None:
    lose_one_of_each(account)
    file = "[[exemptions]]\nfinding = 'unexplained-loss'\ndroplet = 'old'\nuntil = 2020-01-31\nreason = 'x'\n"
    Path("inventory.toml").write_text(file, encoding="utf-8")
    ended = run("check", "--json")
    document = ended.document
    assert ended.code == document["exit_code"] == 2
    assert document.keys() == {
        "status", "exit_code", "database", "now", "looked_at", "droplets", "counts", "findings", "counted",
        "exempted", "expired",
    }  # fmt: skip
    (finding,) = document["findings"]
    assert finding.keys() == {
        "name", "severity", "account", "droplet_id", "droplet", "since", "what", "subject",
    }  # fmt: skip
    assert (finding["name"], finding["droplet"]) == ("unexplained-loss", "db-01")
    assert document["expired"] == [
        {
            "finding": "unexplained-loss",
            "until": "2020-01-31",
            "reason": "x",
            "droplet": "old",
            "tag": None,
            "account": None,
        }
    ]


# Exemptions


def test_every_line_can_be_pasted_as_an_exemption_and_means_nothing_else(account: Account, run: Run) -> None:
    add(account, *HOSTILE)
    account.api.status = "locked"
    lose_one_of_each(account)
    before = run("check", "--json").document["findings"]
    lines = run("check").out.splitlines()[1:]
    assert len(lines) == len(before) == 2 + len(HOSTILE)
    for finding, line in zip(before, lines, strict=True):
        file = f"[[exemptions]]\nfinding = '{line}'\nuntil = 2099-12-31\nreason = 'known'\n"
        Path("inventory.toml").write_text(file, encoding="utf-8")
        document = run("check", "--json").document
        (exempted,) = document["exempted"]
        assert {key: exempted[key] for key in finding} == finding
        assert document["findings"] == [each for each in before if each != finding]
    said = run("check").out.splitlines()[-1]
    assert said.startswith("exempt ")
    Path("inventory.toml").write_text(file.replace(line, said), encoding="utf-8")
    pasted = run("check", "--json").document
    assert (pasted["findings"], pasted["exempted"]) == (document["findings"], document["exempted"])


def test_what_is_exempt_or_no_longer_so_is_said_with_its_reason(account: Account, run: Run) -> None:
    lose_one_of_each(account)
    exemption = "[[exemptions]]\nfinding = 'unexplained-loss'\ndroplet = 'db-01'\nreason = 'moves with the old shop'\n"
    Path("inventory.toml").write_text(f"{exemption}until = 2099-01-31", encoding="utf-8")
    ended = run("check")
    assert ended.code == 0
    assert ended.out.splitlines()[1].split(maxsplit=3) == [
        "exempt", "db-01", "unexplained-loss", 'until 2099-01-31, "moves with the old shop"',
    ]  # fmt: skip
    assert run("check", "--quiet").out == ""
    Path("inventory.toml").write_text(f"{exemption}until = 2020-01-31", encoding="utf-8")
    ended = run("check")
    assert ended.code == 2
    assert ended.out.splitlines()[-1].split(maxsplit=3) == [
        "expired", "db-01", "unexplained-loss", 'was exempt until 2020-01-31, "moves with the old shop"',
    ]  # fmt: skip


# No answer


def unanswered(ended: Ended) -> str:
    """Assert that monitoring is told in one line that there is no answer; return it."""
    assert ended.code == 3, ended
    assert ended.out.startswith("BACKUPS UNKNOWN - ")
    assert ended.out.endswith("\n")
    assert len(ended.out.splitlines()) == 1
    return ended.out.removeprefix("BACKUPS UNKNOWN - ").rstrip("\n")


@pytest.fixture
def path(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A SQLite file of the newest tables, without rows, in a directory with nothing else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "inventory.db"
    shutil.copy(sqlite_template, path)
    return path


def execute(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def never_released(path: Path) -> None:
    execute(path, f"UPDATE {VERSION_TABLE} SET version_num = '0001'")  # noqa: S608 - our own constant


def newer(path: Path) -> None:
    execute(path, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608 - as above


def damaged(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 40_000)


def foreign(path: Path) -> None:
    path.unlink()
    execute(path, "CREATE TABLE theirs (id INTEGER)")


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def table_is_lost(path: Path) -> None:
    execute(path, "DROP TABLE droplet_tags")


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, "there is no database"),
    "empty": (lambda path: path.write_bytes(b""), "is an empty file"),
    "a directory": (a_directory, "is not a file"),
    "no database": (lambda path: path.write_bytes(b"no database" * 1000), "it is not a SQLite database"),
    "never released": (never_released, "a version of this program that was never released (revision 0001)"),
    "newer": (newer, "was made by a newer version"),
    "damaged": (damaged, "damaged"),
    "not ours": (foreign, "database"),
    "without a table": (table_is_lost, "a bug, please report it: OperationalError: "),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_database_that_cannot_answer_is_unknown_and_stays_as_it_is(name: str, path: Path, run: Run) -> None:
    break_it, why = BROKEN[name]
    break_it(path)
    before = {each: each.read_bytes() for each in path.parent.iterdir() if each.is_file()}
    assert why in unanswered(run("check"))
    assert {each: each.read_bytes() for each in path.parent.iterdir() if each.is_file()} == before


def test_a_database_that_was_never_synced_is_unknown(path: Path, run: Run) -> None:
    ended = run("check")
    assert ended.code == 3
    assert ended.out == (
        "BACKUPS UNKNOWN - default sync-overdue; never looked at completely\n"
        "UNKNOWN  default  sync-overdue  nothing was ever synced\n"
    )
    assert run("check", "--quiet").out == ended.out


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        yield


def checked_in_a_process(*arguments: str) -> tuple[int, str]:
    with started("check", "--timeout", "2", *arguments) as process:
        out, err = process.communicate()
    assert err == ""
    return process.returncode, out


# On a busy machine the program itself may take longer to load.
LATE = re.compile(r"BACKUPS UNKNOWN - no answer within 2 s; it waited for (the database \(from |the program)[^\n]+\n")


def test_a_lock_is_waited_for_no_longer_than_the_timeout(path: Path) -> None:
    with locked(path):
        code, out = checked_in_a_process()
    assert (code, bool(LATE.fullmatch(out))) == (3, True), out


def test_silence_is_waited_for_no_longer_than_the_timeout(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setenv("INVENTORY_DATABASE_URL", f"postgresql://me@127.0.0.1:{port}/x")
        code, out = checked_in_a_process()
    assert (code, bool(LATE.fullmatch(out))) == (3, True), out


def test_a_table_that_is_locked_is_waited_for_no_longer_than_the_timeout(
    migrated_postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("INVENTORY_DATABASE_URL", migrated_postgres_url)
    with closing(Database(migrated_postgres_url)) as other, other.writing() as connection:
        connection.exec_driver_sql("LOCK TABLE accounts")
        code, out = checked_in_a_process()
    assert (code, out.startswith("BACKUPS UNKNOWN - ")) == (3, True), out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_other_code(path: Path, number: signal.Signals) -> None:
    with locked(path), started("check", "--timeout", "60") as process:
        eventually(lambda: any(has_open(pid, path) for pid in children(process)))
        process.send_signal(number)
        out, err = process.communicate()
    assert (process.returncode, err) == (3, "")
    assert re.fullmatch(rf"BACKUPS UNKNOWN - interrupted by {number.name}(; it waited for the database [^\n]+)?\n", out)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV])
def test_what_the_kernel_or_a_library_ends_is_unknown(path: Path, number: signal.Signals) -> None:
    with locked(path), started("check", "--timeout", "60") as process:
        eventually(lambda: any(has_open(pid, path) for pid in children(process)))
        for pid in children(process):
            os.kill(pid, number)
        out, err = process.communicate()
    assert (process.returncode, err) == (3, "")
    how = f"the process that looked was ended by a signal ({signal.strsignal(number)})"
    assert out == f"BACKUPS UNKNOWN - {how}. Perhaps {shown_to_monitoring(NO_MEMORY)}\n"


HUNG = """
import ctypes
from inventory.report.check_unanswered import answered
raise SystemExit(answered(lambda: ctypes.PyDLL(None).sleep(60)))
"""


def test_what_hangs_before_the_command_line_is_read_is_unknown() -> None:
    ended = subprocess.run([sys.executable, "-c", HUNG], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (3, "")
    assert ended.stdout.startswith("BACKUPS UNKNOWN - the process that looked had no answer in time. Perhaps")


WORKING = """
import os, resource, sys
from inventory.report.check_unanswered import answered

def lacking():
    print("Exception ignored in: <object>", file=sys.stderr)
    raise MemoryError

def aborting():
    os.write(2, b"allocation of 16 bytes failed\\nstack backtrace:\\n")
    os.abort()

def broken():
    raise ValueError("oops")

{before}
raise SystemExit(answered({work}))
"""


@pytest.mark.parametrize(
    ("before", "work", "said", "complaint"),
    [
        ("", "aborting", '(Aborted), and said "allocation of 16 bytes failed". Perhaps there is not enough', ""),
        ("", "lacking", "UNKNOWN - there is not enough memory", ""),
        ("", "broken", "UNKNOWN - a bug, please report it: ValueError: oops", "ValueError: oops"),
        ("", "lambda: 70", "the process that looked ended with exit code 70. Perhaps", ""),
        ("resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))", "broken", "UNKNOWN - too many files", ""),
        ("os.fork = lambda: os.open('/', os.O_WRONLY)", "broken", "UNKNOWN - no process can be started: ", ""),
    ],
)
def test_whatever_ends_the_process_that_looks_monitoring_has_one_line(
    before: str, work: str, said: str, complaint: str
) -> None:
    script = WORKING.format(before=before, work=work)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, said in ended.stdout, ended.stdout.count("\n")) == (3, True, 1), ended.stdout
    assert ended.stderr.strip().rpartition("\n")[2] == complaint


def children(process: subprocess.Popen[str]) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def has_open(pid: int, path: Path) -> bool:
    descriptors = Path(f"/proc/{pid}/fd")
    with suppress(OSError):
        return str(path.resolve()) in {str(each.readlink()) for each in descriptors.iterdir()}
    return False


def test_a_database_out_of_reach_is_unknown(path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("INVENTORY_DATABASE_URL", f"postgresql://me:sentinel@127.0.0.1:{port}/x")
    said = unanswered(run("check"))
    assert "127.0.0.1" in said
    assert "sentinel" not in said


def test_all_that_is_wrong_with_the_settings_is_one_line(path: Path, run: Run) -> None:
    file = Path("inventory.toml")
    file.write_text('findings.missed-bakup = "x"\n[[exemptions]]\nfinding = 3\n', encoding="utf-8")
    said = unanswered(run("check"))
    for word in ("missed-backup?", "exemptions.0.finding", "exemptions.0.until: is missing", "inventory.toml:1"):
        assert word in said
    file.write_text("x", encoding="utf-8")
    assert "is not TOML" in unanswered(run("check"))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("--nonsense", "--nonsense"),
        ("--droplet", "--droplet"),
        ("extra words", "extra"),
        ("--config nowhere.toml", "nowhere.toml: no such file"),
        ("--droplet nobody", 'no Droplet "nobody"'),
        ("--tag nothing", "no Droplet has the tag"),
        ("--json --nonsense", "--nonsense"),
        ("--quiet --nonsense", "--nonsense"),
        ("--timeout 0", "--timeout"),
    ],
)
def test_wrong_usage_is_unknown_too(words: str, why: str, path: Path, run: Run) -> None:
    assert why in unanswered(run("check", *words.split()))


@pytest.mark.parametrize("error", [RuntimeError(f"oops {TOKEN}\nand more"), KeyboardInterrupt()])
def test_a_bug_is_unknown_with_its_traceback_on_stderr(
    error: BaseException, path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise error

    monkeypatch.setattr(command, "run", broken)
    ended = run("check")
    said = unanswered(ended)
    assert said.startswith(f"a bug, please report it: {type(error).__name__}")
    assert "Traceback" in ended.err
    assert TOKEN not in ended.out + ended.err


def test_too_little_memory_is_unknown_and_no_bug(path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise MemoryError

    monkeypatch.setattr(command, "run", broken)
    ended = run("check")
    assert unanswered(ended).startswith("there is not enough memory")
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("command_name", "code", "said"),
    [("check", 3, "BACKUPS UNKNOWN - there is not enough memory"), ("sync", 1, "there is not enough memory")],
)
def test_too_little_memory_to_read_the_command_line_is_no_bug(
    command_name: str, code: int, said: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> int:
        raise MemoryError

    monkeypatch.setattr(cli, "app", broken)
    ended = run(command_name)
    assert (ended.code, said in ended.out + ended.err, "Traceback" in ended.err) == (code, True, False)


def test_a_reader_that_has_seen_enough_leaves_no_other_code(path: Path) -> None:
    line = f"{sys.executable} -m inventory check"
    done = subprocess.run(
        ["/bin/sh", "-c", f"({line}; echo $? >&2) | true"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == "3\n"


def test_help_is_help(run: Run) -> None:
    ended = run("check", "--help")
    assert ended.code == 0
    assert "--nagios" in ended.out


def test_the_real_command_answers_cron(account: Account) -> None:
    def ended(*words: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "inventory", "check", *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=os.environ.copy(),
        )
        return done.returncode, done.stdout, done.stderr

    assert ended("--quiet") == (0, "", "")
    lose_one_of_each(account)
    code, out, err = ended("--quiet")
    assert (code, err) == (2, "")
    assert out.startswith("BACKUPS CRITICAL - db-01 unexplained-loss; looked at ")
    assert json.loads(ended("--json")[1])["exit_code"] == 2
    assert set(KINDS) > {line.split()[2] for line in out.splitlines()[1:]}
