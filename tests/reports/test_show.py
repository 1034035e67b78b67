"""`inventory show`: everything about one Droplet or backup."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from inventory.commands import show
from inventory.errors import UsageError
from inventory.report import details, details_text
from inventory.store.engine import Database
from inventory.terminal import words
from inventory.views.queries import Question, ask
from inventory.views.rows import BackupLifetime, KnownDroplet
from tests.reports.conftest import Run


def shown(capsys: pytest.CaptureFixture[str], name: str, now: datetime, *, is_verbose: bool = False) -> str:
    capsys.readouterr()
    assert show.run(None, name, as_json=False, is_verbose=is_verbose, now=now) == 0
    return capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str], name: str, now: datetime) -> Any:  # noqa: ANN401 - JSON
    capsys.readouterr()
    assert show.run(None, name, as_json=True, is_verbose=False, now=now) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("run")
def test_a_droplet_is_shown_whole(capsys: pytest.CaptureFixture[str], ends_at: datetime) -> None:
    text = shown(capsys, "db-01", ends_at)
    assert max(len(line) for line in text.splitlines()[1:]) <= 80
    for part in (
        'db-01 (Droplet 500000003, account "default")',
        "168.00 USD a month; tags db, env:prod",
        "daily, window from 08:00Z for 4 h, kept 7 days",
        "7, at least 6 due, ",
        "a day,",
        "USD a month, estimated",
        "Live backups: 7",
        "UNEXPLAINED",
        "Past backups: ",
    ):
        assert part in text
    everything = shown(capsys, "db-01", ends_at, is_verbose=True)
    assert len(everything.splitlines()) > len(text.splitlines())


@pytest.mark.usefixtures("run")
def test_a_droplet_is_found_by_name_and_by_id(capsys: pytest.CaptureFixture[str], ends_at: datetime) -> None:
    assert shown(capsys, "db-01", ends_at) == shown(capsys, "500000003", ends_at)


def test_a_backup_is_shown_with_its_end(
    run: Run, capsys: pytest.CaptureFixture[str], lived: Database, ends_at: datetime
) -> None:
    with lived.reading() as connection:
        backups = ask(connection, BackupLifetime, Question(now=ends_at))
    (lost,) = (row for row in backups if row.gone_reason == "unexplained")
    text = shown(capsys, str(lost.backup_id), ends_at)
    assert f"{lost.backup_id} of db-01" in text
    assert "GONE, between" in text
    assert "UNEXPLAINED" in text
    assert " early" in text
    there = next(row for row in backups if row.gone_at is None)
    text = shown(capsys, str(there.backup_id), ends_at)
    assert "exists" in text
    assert "Kept in" in text
    assert run("show", str(there.backup_id)).code == 0


@pytest.mark.usefixtures("run")
def test_every_droplet_and_its_parts_are_shown_as_json(
    capsys: pytest.CaptureFixture[str], lived: Database, ends_at: datetime
) -> None:
    with lived.reading() as connection:
        droplets = ask(connection, KnownDroplet, Question(now=ends_at))
    for droplet in droplets:
        found = document(capsys, str(droplet.droplet_id), ends_at)
        assert found["droplet"]["droplet"] == droplet.droplet
        assert found["policies"]
        assert len(found["live"]) == (found["retention"] or {"backups": 0})["backups"]


def test_what_is_shown_of_a_droplet_at_a_moment_was_known_then(lived: Database, ends_at: datetime) -> None:
    then = ends_at - timedelta(days=30)
    later = 0
    with lived.reading() as connection:
        for droplet in ask(connection, KnownDroplet, Question(now=then)):
            of_one = frozenset({droplet.droplet_id})
            found = details.of_droplet(connection, Question(now=then, droplet_ids=of_one))
            today = details.of_droplet(connection, Question(now=ends_at, droplet_ids=of_one))
            assert all(each.valid_from <= then for each in found.policies)
            assert all(each.attempted_at <= then for each in found.attempts)
            later += len(today.policies) - len(found.policies) + len(today.attempts) - len(found.attempts)
            looked = next(each.words for each in details_text.droplet_facts(found, then) if each.what == "Looked at")
            assert found.droplet.last_observed_at
            assert looked.startswith(f"{words.age(then - found.droplet.last_observed_at)} ago")
            assert "last attempt" not in looked
    assert later, "something was learned later"


@pytest.mark.usefixtures("run")
def test_of_two_droplets_of_one_name_the_one_that_exists_is_meant(
    capsys: pytest.CaptureFixture[str], lived: Database, ends_at: datetime
) -> None:
    with lived.reading() as connection:
        question = Question(now=ends_at)
        by_name = {row.droplet: row for row in ask(connection, KnownDroplet, question)}
    assert f"Droplet {by_name['shop-01'].droplet_id}," in shown(capsys, "shop-01", ends_at)
    with pytest.raises(UsageError, match='no Droplet "web-03" is known'):
        shown(capsys, "web-03", ends_at)  # its name before it was renamed


def test_an_unknown_name_is_refused_in_one_sentence(run: Run) -> None:
    ended = run("show", "db-1")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == 'inventory: no Droplet "db-1" is known; did you mean db-01?\n'
