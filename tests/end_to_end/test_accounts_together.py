"""Three accounts of two clients in one configuration: what is told of them together, and of each."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from inventory.judging.verdict import Finding, Verdict
from inventory.simulator.fleet import Fleet
from inventory.simulator.server import serve
from inventory.store import account_records, runs, verdicts
from inventory.store.engine import Database
from inventory.store.schema import account_figures, accounts, sync_runs
from inventory.sync.order import Order
from inventory.views.queries import Question, ask
from inventory.views.rows import AccountOverview
from inventory.vocabulary import RunMode, Trigger
from tests.end_to_end.conftest import Run, now, on_sqlite
from tests.simulated import Account, Accounts, token_of

GROUPS = {"acme-db": "acme", "acme-web": "acme", "beta": "b"}


@pytest.fixture
def fleets() -> dict[str, Fleet]:
    """Give each account a Droplet of the same name, with three backups; two hours ago, and half a day from the next."""
    found = {}
    hour = (now().hour + 12) % 24
    for number, name in enumerate(GROUPS):
        fleet = Fleet(
            now() - timedelta(hours=2),
            seed=number,
            first_droplet_id=(number + 1) * 1_000_000,
            first_image_id=number * 2 * 10**9,
        )
        fleet.add_droplet(name="gpu-01", plan="daily", hour=hour, backups=3)
        found[name] = fleet
    return found


@pytest.fixture
def served(fleets: dict[str, Fleet]) -> Accounts:
    return Accounts(fleets)


@pytest.fixture
def configure(
    served: Accounts, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """Serve the accounts, and write their configuration, with more text where it is given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    tables = "".join(
        f"[accounts.{name}]\ntoken = '{token_of(name)}'\ngroup = '{group}'\n" for name, group in GROUPS.items()
    )
    with serve(served) as url:
        head = f"api_url = '{url}'\nrequests_per_second = 0\ndatabase_url = '{database_url}'\n"

        def write(more: str = "") -> None:
            file = Path("inventory.toml")
            file.write_text(head + more + tables, encoding="utf-8")
            file.chmod(0o600)

        write()
        yield write


@pytest.fixture
def synced(
    run: Run, configure: Callable[[str], None], served: Accounts, fleets: dict[str, Fleet], database: Database
) -> Callable[[str], None]:
    """Sync all twice; in between, somebody switches the backups of `acme-db` off."""
    for name, fleet in fleets.items():
        account = Account(database, fleet, name=name)
        account.api.uuid = served.apis[token_of(name)].uuid
        account.configured = frozenset(GROUPS)
        account.sync()
    (droplet_id,) = fleets["acme-db"].droplets
    fleets["acme-db"].disable_backups(droplet_id)
    for fleet in fleets.values():
        fleet.advance(to=now())
    assert run("sync", "--quiet").code == 0
    return configure


@pytest.mark.usefixtures("synced")
def test_a_sync_of_several_accounts_keeps_the_verdict_on_those_it_synced(run: Run, database: Database) -> None:
    def kept() -> dict[str, verdicts.Kept]:
        with database.reading() as connection:
            return verdicts.read(connection)

    found = kept()
    assert {name: [each.name for each in its.findings] for name, its in found.items()} == {
        "acme-db": ["backups-disabled"],
        "acme-web": [],
        "beta": [],
    }
    assert run("sync", "--quiet", "--dry-run").code == 0
    assert kept() == found
    assert run("sync", "--quiet", "--account", "beta").code == 0
    assert kept()["acme-db"] == found["acme-db"]
    assert kept()["beta"].judged_at >= found["beta"].judged_at


@pytest.mark.usefixtures("synced")
def test_who_synced_nothing_because_another_does_leaves_judging_to_it(run: Run, database: Database) -> None:
    def judged_at() -> list[datetime]:
        with database.reading() as connection:
            return [its.judged_at for _, its in sorted(verdicts.read(connection).items())]

    with database.writing() as connection:
        for name in GROUPS:
            runs.start(
                connection,
                account_records.ensure_account(connection, name),
                trigger=Trigger.DAEMON,
                mode=RunMode.LISTING,
                overdue_after=timedelta(hours=2),
                now=now() + timedelta(seconds=2),
            )
        connection.execute(sa.update(accounts).values(judged_at=now() - timedelta(hours=1)))
    before = judged_at()
    assert run("sync").code == 75
    assert judged_at() == before


# A group


@on_sqlite
@pytest.mark.usefixtures("synced")
def test_a_group_is_asked_for_as_its_accounts_are(run: Run) -> None:
    def accounts(*question: str) -> list[str]:
        return [row["account"] for row in run("report", "droplet_size_now", "--json", *question).document["rows"]]

    assert accounts("--group", "acme") == ["acme-db", "acme-web"]
    assert accounts("--group", "b", "--group", "a*") == ["acme-db", "acme-web", "beta"]
    assert accounts("--group", "acme", "--account", "*-web") == ["acme-web"]
    assert [run("check", "--group", group).code for group in ("acme", "b")] == [2, 0]
    summary = run("report", "--json", "--group", "b").document
    assert [row["account"] for row in summary["health"]] == ["beta"]


@on_sqlite
def test_an_account_of_the_group_that_was_never_synced_is_judged_with_it(
    run: Run, synced: Callable[[str], None]
) -> None:
    synced("[accounts.new]\ntoken = 'new'\ngroup = 'b'\n")
    assert "new" in run("check", "--group", "b").out
    assert [each["account"] for each in run("report", "--json", "--group", "b").document["findings"]] == ["new"]
    assert len(run("report", "live_backups", "--json", "--group", "b").document["rows"]) == 3


@on_sqlite
def test_a_sync_of_a_group_is_a_part_of_the_configuration(run: Run, configure: Callable[[str], None]) -> None:
    del configure
    assert [each["account"] for each in run("sync", "--json", "--group", "ac*").document["accounts"]] == [
        "acme-db",
        "acme-web",
    ]
    assert not Order(group="ac*").is_whole, "no ping, and no sign of life"
    wrong = run("sync", "--group", "other", "--account", "beta")
    assert (wrong.code, 'no account "beta" of the group "other" is configured' in wrong.err) == (2, True)


@on_sqlite
@pytest.mark.usefixtures("synced")
def test_what_does_not_exist_is_said(run: Run) -> None:
    for question, said in {
        ("--group", "acm"): 'no account is of the group "acm"; did you mean acme?',
        ("--group", "b", "--account", "acme-*"): "none of these accounts is of the group b: acme-db, acme-web",
        ("--account", "betta"): 'no account "betta" has Droplets; did you mean beta?',
        ("--account", "beta", "--droplet", "web"): 'no Droplet "web" is known',
    }.items():
        ended = run("report", "live_backups", *question)
        assert (ended.code, said in " ".join(ended.err.split())) == (2, True), ended.err


# The overview


def lines(run: Run, *question: str) -> dict[str, tuple[object, ...]]:
    """Give the severity, the worst finding and the group of each account, in the order of the report."""
    rows = run("report", "account_overview", "--json", *question).document["rows"]
    return {row["account"]: (row["severity"], row["worst_finding"], row["account_group"]) for row in rows}


def test_each_account_has_a_line_and_what_needs_attention_comes_first(run: Run, synced: Callable[[str], None]) -> None:
    synced("[accounts.new]\ntoken = 'new'\ngroup = 'b'\n")
    found = lines(run)
    assert [*found.items()] == [
        ("acme-db", ("critical", "backups-disabled", "acme")),
        ("new", ("unknown", "sync-overdue", "b")),
        ("acme-web", ("ok", None, "acme")),
        ("beta", ("ok", None, "b")),
    ]
    assert [*lines(run, "--group", "b")] == ["new", "beta"]
    assert [*lines(run, "--limit", "1")] == ["acme-db"]
    assert lines(run, "--as-of", "1h")["acme-db"] == ("ok", None, "acme"), "as of a past moment it judges again"
    rows = [row.split()[:3] for row in run("report", "account_overview").out.splitlines()]
    assert [row for row in rows if row[:1] in (["acme-db"], ["new"])] == [
        ["acme-db", "critical", "backups-disabled"],
        ["new", "unknown", "sync-overdue"],
    ]
    assert run("report", "account_overview", "--csv").out.splitlines()[1].startswith("acme-db,acme,1,0,0,")


@on_sqlite
@pytest.mark.usefixtures("synced")
def test_what_was_kept_is_told_until_it_is_old(run: Run, database: Database) -> None:
    def keep(hours_ago: int) -> None:
        its = Finding("missed-backup", "warning", "beta", 7, "gpu-01", None, "kept", "gpu-01")
        at = now() - timedelta(hours=hours_ago)
        with database.writing() as connection:
            connection.execute(sa.update(accounts).values(judged_at=None))
        verdicts.keep(database, Verdict(at, (its,), (), (), (), 1, None, frozenset({"beta"})), {})

    keep(1)
    assert lines(run)["beta"] == ("warning", "missed-backup", "b")
    keep(30)
    assert lines(run)["beta"] == ("ok", None, "b")


def figures(run: Run, *question: str) -> dict[str, tuple[object, ...]]:
    """Give what the report says of each account that may be kept, and the moment that it is of."""
    rows = run("report", "account_overview", "--json", *question).document["rows"]
    return {row["account"]: (*(row[name] for name in verdicts.Figures._fields), row["figures_at"]) for row in rows}


@pytest.mark.usefixtures("synced")
def test_figures_that_are_kept_are_those_of_the_view(run: Run, database: Database) -> None:
    with database.reading() as connection:
        kept = verdicts.read(connection)
        moments = {its.judged_at for its in kept.values()}
        seen = [row for moment in moments for row in ask(connection, AccountOverview, Question(moment))]
    assert {row.account: row[2:11] for row in seen} == {name: its.figures for name, its in kept.items()}
    (moment,) = moments
    told = {name: (*(its.figures or ()), f"{moment:%Y-%m-%dT%H:%M:%SZ}") for name, its in kept.items()}
    assert figures(run) == told
    assert figures(run, "--as-of", f"{moment:%Y-%m-%dT%H:%M:%SZ}") == told, "of a past moment they are added up"


@pytest.mark.usefixtures("synced")
def test_the_report_adds_up_only_what_was_not_kept(run: Run, database: Database) -> None:
    """As after an upgrade, after a restore, and where whoever judged was killed."""
    with database.writing() as connection:
        connection.execute(sa.update(account_figures).values(backups=99))
        name = sa.select(accounts.c.id).where(accounts.c.name == "beta").scalar_subquery()
        connection.execute(sa.delete(account_figures).where(account_figures.c.account_id == name))
    assert {name: its[2] for name, its in figures(run).items()} == {"acme-db": 99, "acme-web": 99, "beta": 3}
    assert {name: its[2] for name, its in figures(run, "--as-of", "1h").items()}["acme-web"] == 3
    with database.writing() as connection:
        connection.execute(sa.update(accounts).values(judged_at=now() - timedelta(hours=30)))
    assert {name: its[2] for name, its in figures(run).items()} == {"acme-db": 0, "acme-web": 3, "beta": 3}
    assert run("sync", "--quiet").code == 0
    assert [*figures(run)["acme-web"]][2] == 3


@on_sqlite
@pytest.mark.usefixtures("synced")
def test_an_account_that_nobody_looks_at_any_more_is_not_ok_whatever_was_kept(run: Run, database: Database) -> None:
    then = now() - timedelta(days=3)
    with database.writing() as connection:
        connection.execute(sa.update(account_figures).values(backups=99))
        connection.execute(sa.update(accounts).values(judged_at=then))
        connection.execute(sa.update(sync_runs).values(started_at=then, finished_at=then, heartbeat_at=then))
    assert lines(run)["beta"][:2] == ("unknown", "sync-overdue")
    assert (figures(run)["beta"][2], figures(run)["beta"][-1]) == (99, f"{then:%Y-%m-%dT%H:%M:%SZ}")


# Whose it is


@on_sqlite
@pytest.mark.usefixtures("synced")
def test_the_account_stands_beside_the_droplet(run: Run) -> None:
    first, line = run("check").out.splitlines()
    assert first.startswith("BACKUPS CRITICAL - 1000000 (acme-db) backups-disabled; ")
    assert line.split(maxsplit=3)[3].startswith("acme-db: gpu-01: since ")
    assert run("check", "--account", "acme-db").out.splitlines()[1].split(maxsplit=3)[3].startswith("gpu-01: since ")
    summary = run("report").out.splitlines()
    assert [line.split()[:2] for line in summary if "gpu-01" in line and "daily" in line] == [
        ["gpu-01", "acme-web"],
        ["gpu-01", "beta"],
    ]
    heads = [line for line in run("report", "live_backups", "--limit", "1").out.splitlines() if line.startswith("acc")]
    assert heads[0].split()[:2] == ["account", "droplet"]
    assert any("inventory report account_overview" in line for line in summary[-6:])
