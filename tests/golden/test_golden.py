"""Nothing changes for users: what they build on is what the files beside this say.

Views and their columns, the names, types and values of every `--json`, metrics, settings, commands with their options,
exit codes. Prose may change. A change on purpose: python -m tests.golden.write

No value depends on when a sync counts as overdue: everything is asked at the moment of a sync, or of a look.
"""

from pathlib import Path

import pytest

from tests.golden import databases, golden


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return databases.demonstrate(tmp_path_factory.mktemp("demonstration"))


@pytest.mark.parametrize("name", golden.OF_THE_DEMONSTRATION)
def test_what_the_demonstration_answers_is_the_same(name: str, demonstration: Path, tmp_path: Path) -> None:
    difference = golden.differences(name, golden.OF_THE_DEMONSTRATION[name](demonstration, tmp_path))
    assert not difference, difference


@pytest.mark.parametrize("name", golden.OF_ITSELF)
def test_what_else_users_build_on_is_the_same(name: str, tmp_path: Path) -> None:
    difference = golden.differences(name, golden.OF_ITSELF[name](tmp_path))
    assert not difference, difference


def test_views_are_the_same_on_postgresql(migrated_postgres_url: str) -> None:
    difference = golden.differences("views_on_postgresql", databases.views_on_postgresql(migrated_postgres_url))
    assert not difference, difference


@pytest.mark.slow
def test_reports_are_the_same_on_postgresql(postgres_url: str, demonstration: Path, tmp_path: Path) -> None:
    databases.copy_to(demonstration, postgres_url)
    difference = golden.differences("reports", databases.reports(postgres_url, tmp_path))
    assert not difference, difference
