"""What answers about a time that was pruned say, and what they do not."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copy as copy_file

import pytest

from inventory.__main__ import main
from inventory.report.disappeared import read_disappeared
from inventory.simulator.story import seeded_fleet
from inventory.store import prune
from inventory.store.copy import copy
from inventory.store.engine import Database
from inventory.views.queries import RECENT, Question, ask
from inventory.views.rows import DropletSize, DropletSizeOnDay, KnownDroplet, SizeGrowth, UnprotectedDroplet
from tests.conftest import temporary_database
from tests.reports import pages
from tests.simulated import MONDAY, Account

pytestmark = pytest.mark.costly

DAYS = 260
PRUNED = "pruned: not everything is known before "


@dataclass(frozen=True)
class Pruned:
    """A database before and after it was pruned to 90 days; `as_of` is the moment since which all is known."""

    url: str
    whole: str
    now: datetime
    as_of: datetime

    def written(self, moment: datetime) -> str:
        return f"{moment:%Y-%m-%dT%H:%MZ}"


@pytest.fixture(scope="module")
def _pruned(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> tuple[str, str, datetime, datetime]:
    place = tmp_path_factory.mktemp("pruned")
    whole, url = (f"sqlite:///{copy_file(sqlite_template, place / name)}" for name in ("whole.db", "pruned.db"))
    with closing(Database(whole)) as database:
        account = Account(database, seeded_fleet(seed=1, droplets=4, starts_at=MONDAY))
        for _ in range(0, DAYS, 2):
            account.advance(days=2)
            account.sync(is_full=False)
        now = account.clock()
    copy_file(whole.removeprefix("sqlite:///"), url.removeprefix("sqlite:///"))
    with closing(Database(url)) as database:
        prunable = prune.find(database, keep_days=90, today=now.date())
        assert all(number for table, number in prunable.rows.items() if not table.startswith("notice"))
        for _ in prune.delete(database, prunable):
            pass
    return url, whole, now, prunable.ended_before


@pytest.fixture(params=["sqlite", "postgresql"])
def pruned(
    request: pytest.FixtureRequest, _pruned: tuple[str, str, datetime, datetime], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pruned]:
    url, whole, now, kept_since = _pruned
    if request.param == "sqlite":
        monkeypatch.setenv("INVENTORY_DATABASE_URL", url)
        yield Pruned(url, whole, now, kept_since)
        return
    with temporary_database(request.getfixturevalue("postgres")) as there:
        with closing(Database(url)) as source, closing(Database(there)) as target:
            copy(source, target, lambda _done, _total: None)
        monkeypatch.setenv("INVENTORY_DATABASE_URL", there)
        yield Pruned(there, whole, now, kept_since)


def answer(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, str]:
    capsys.readouterr()
    assert main(["report", *words]) == 0
    output = capsys.readouterr()
    return output.out, output.err


def test_every_form_says_that_rows_may_be_missing(
    pruned: Pruned, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    then = pruned.written(pruned.as_of - RECENT - timedelta(days=40))
    for words in (["live", "--as-of", then], ["restorable", "--at", then], ["changes", "--as-of", then]):
        text, _ = answer(capsys, *words)
        assert PRUNED in text
        assert "no sync had looked yet" not in text
        document = json.loads(answer(capsys, *words, "--json")[0])
        assert document["incomplete_before"] > then
        rows, warning = answer(capsys, *words, "--csv")
        assert PRUNED not in rows
        assert PRUNED in warning
        page = tmp_path / "page.html"
        answer(capsys, *words, "--html", str(page))
        assert any(PRUNED in each for each in pages.remarks(pages.parse(page.read_text("utf-8"))))


def test_the_summary_says_so_and_shows_no_zero_for_what_is_not_known(
    pruned: Pruned, capsys: pytest.CaptureFixture[str]
) -> None:
    then = pruned.as_of - RECENT - timedelta(days=40)
    text, _ = answer(capsys, "--as-of", pruned.written(then))
    assert PRUNED in text
    assert "expired unknown" in text
    assert "never synced" not in text
    assert "its syncs until then are no longer known" in text
    document = json.loads(answer(capsys, "--as-of", pruned.written(then), "--json")[0])
    assert document["incomplete_before"] > pruned.written(then)
    with closing(Database(pruned.whole)) as database, database.reading() as connection:
        whole = ask(connection, SizeGrowth, Question(then))
    assert document["size_gigabytes"] == pytest.approx(sum(row.size_gigabytes for row in whole)) != 0
    assert document["backups"] == sum(row.backups for row in whole)
    assert {each["name"] for each in document["findings"]} <= {"sync-overdue"}


def test_sizes_of_then_are_those_of_the_day(pruned: Pruned) -> None:
    for days in (20, 45, 80):
        then = pruned.as_of - RECENT - timedelta(days=days)
        with closing(Database(pruned.whole)) as database, database.reading() as connection:
            whole = {row.droplet_id: row[3:] for row in ask(connection, DropletSize, Question(then))}
            unprotected = ask(connection, UnprotectedDroplet, Question(then))
        with closing(Database(pruned.url)) as database, database.reading() as connection:
            assert {row.droplet_id: row[3:] for row in ask(connection, DropletSize, Question(then))} == whole
            by_day = ask(connection, DropletSizeOnDay, Question(then))
            left = ask(connection, UnprotectedDroplet, Question(then))
        last = {row.droplet_id: row[4:] for row in by_day}
        assert last == whole
        assert [row[:6] for row in left] == [row[:6] for row in unprotected]


def test_answers_about_the_days_kept_say_nothing_of_it(pruned: Pruned, capsys: pytest.CaptureFixture[str]) -> None:
    for moment in (pruned.as_of, pruned.now):
        for words in (["live"], ["restorable"], ["droplet_retention"], ["sync_health"], ["fleet_size_by_day"]):
            out, _ = answer(capsys, *words, "--as-of", pruned.written(moment), "--json")
            assert json.loads(out)["incomplete_before"] is None, words
    for words in ([], ["changes"], ["missed_backups"], ["monthly_cost", "--since", pruned.written(pruned.as_of)]):
        out, _ = answer(capsys, *words, "--as-of", pruned.written(pruned.now), "--json")
        assert json.loads(out)["incomplete_before"] is None, words


def test_what_disappeared_is_told_of_the_days_kept(pruned: Pruned, capsys: pytest.CaptureFixture[str]) -> None:
    then = pruned.written(pruned.now)
    summary = json.loads(answer(capsys, "--as-of", then, "--json")[0])
    assert summary["past_since"] < summary["disappeared_since"] == f"{pruned.as_of:%Y-%m-%dT%H:%M:%SZ}"
    with closing(Database(pruned.whole)) as database, database.reading() as connection:
        known = ask(connection, KnownDroplet, Question(pruned.now))
        whole = read_disappeared(connection, Question(pruned.now), known, pruned.now - timedelta(days=365))
    kept = [f"{each.day}" for each in whole if each.day >= pruned.as_of.date()]
    assert 0 < len(kept) < len(whole)
    assert [each["day"] for each in summary["disappeared"]] == kept
    days = (pruned.now.date() - pruned.as_of.date()).days + 1
    assert f"What disappeared without having expired, over {days} days" in answer(capsys, "--as-of", then)[0]


def test_the_edge_is_where_the_days_kept_begin(pruned: Pruned, capsys: pytest.CaptureFixture[str]) -> None:
    """A backup may have lived for longer than any retention: it is gone, and was there a minute before."""
    asked = ["live", "--json", "--as-of", pruned.written(pruned.as_of - timedelta(minutes=1))]
    assert json.loads(answer(capsys, *asked)[0])["incomplete_before"] == f"{pruned.as_of:%Y-%m-%dT%H:%M:%SZ}"


def test_a_period_that_begins_before_says_so(pruned: Pruned, capsys: pytest.CaptureFixture[str]) -> None:
    now = ["--as-of", pruned.written(pruned.now), "--json"]
    before = pruned.written(pruned.as_of - timedelta(days=40))
    assert json.loads(answer(capsys, "changes", "--since", before, *now)[0])["incomplete_before"] > before
    for name in ("backup_lifetimes", "monthly_cost", "coverage_by_month"):
        assert json.loads(answer(capsys, name, *now)[0])["incomplete_before"], name
