"""Accounts with files of their own: each is read alone, and a broken one keeps only itself out."""

import os
from pathlib import Path

import pytest

from inventory.errors import ConfigurationError
from inventory.model import Selection
from inventory.network.access import Token
from inventory.settings.load import Settings, load

MANY = 2_000


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = tmp_path / "accounts"
    directory.mkdir()
    return directory


def write(directory: Path, **files: str) -> None:
    """Write files; `__` in a name is a dot."""
    for name, text in files.items():
        path = directory / name.replace("__", ".")
        path.write_text(text)
        path.chmod(0o600)


def read(directory: Path, more: str = "", *, needs_token: bool = True) -> Settings:
    file = directory.parent / "inventory.toml"
    file.write_text(f"accounts_directory = '{directory}'\n{more}")
    file.chmod(0o600)
    return load(file, {}, needs_token=needs_token)


def test_a_file_is_a_table_a_token_or_both(directory: Path) -> None:
    write(
        directory,
        alone__token="t1\n",
        table__toml="token = 't2'\ndroplets = 'tag:prod'\ngroup = 'acme'\n",
        both__toml="droplets = [7]\n",
        both__token="t3",
        __hidden="passed over",
    )
    (directory / "nested").mkdir()
    settings = read(directory, "[accounts.web]\ntoken = 't0'\n")
    assert [(each.name, each.token, each.group) for each in settings.accounts] == [
        ("web", Token("t0"), None),
        ("alone", Token("t1"), None),
        ("both", Token("t3"), None),
        ("table", Token("t2"), "acme"),
    ]
    _web, alone, both, table = settings.accounts
    assert (alone.droplets, both.droplets) == (
        Selection(everything=True),
        Selection(everything=False, droplet_ids=frozenset({7})),
    )
    assert (alone.token_file, table.token_source) == (f"{directory}/alone.token", f"{directory}/table.toml: token")
    assert settings.warnings == ()
    write(directory, alone__token="t4\n")
    assert alone.reread().token == Token("t4")


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"one__toml": "token = 'x'\ndroplts = 7\n"}, "one.toml: line 2: droplts: unknown key; did you mean droplets?"),
        ({"one__toml": "token = \n"}, "one.toml:1: is not TOML: invalid value"),
        ({"one__toml": "droplets = 7\n"}, "one.toml: has neither token_file nor token"),
        ({"one__token": ""}, "one.token: is empty"),
        ({"one__token": "t1", "one__toml": "token = 'x'\n"}, "one.toml: has a token, and so has {0}/one.token"),
        ({"one__toml": "token_file = '/nowhere/t'\n"}, "one.toml: /nowhere/t: no such file or directory"),
        ({"one__token": "good\n"}, "one.token: has the token of the account good"),
    ],
)
def test_a_broken_file_keeps_only_its_own_account_out(directory: Path, files: dict[str, str], problem: str) -> None:
    write(directory, good__token="good\n", **files)
    settings = read(directory)
    good, one = settings.accounts
    assert (good.name, good.token, good.problem) == ("good", Token("good"), None)
    assert (one.name, one.token) == ("one", None)
    assert (one.problem or "").startswith(f"{directory}/{problem.format(directory)}")
    assert settings.judged_accounts == ["good", "one"], "it is configured all the same"


@pytest.mark.parametrize("name", ["one.token", "one.toml"])
def test_a_directory_in_place_of_a_file_is_a_broken_account(directory: Path, name: str) -> None:
    write(directory, good__token="good\n")
    (directory / name).mkdir()
    good, one = read(directory).accounts
    assert (good.problem, one.problem) == (None, f"{directory}/{name}: is a directory, not a file")


def test_what_is_no_accounts_file_is_named(directory: Path) -> None:
    write(directory, web__token="t1", README="", x__token="t2")
    (directory / "x.token").rename(directory / "my client.token")
    settings = read(directory, "[accounts.web]\ntoken = 't0'\n")
    assert [(each.name, each.token) for each in settings.accounts] == [("web", Token("t0"))]
    assert [warning.removeprefix(f"{directory}/").split(":")[0] for warning in settings.warnings] == [
        "README",
        "my client.token",
        "web.token",
    ]


def test_tokens_are_only_read_where_they_are_needed(directory: Path) -> None:
    write(directory, one__token="t1")
    (directory / "one.token").unlink()
    os.mkfifo(directory / "one.token")
    (one,) = read(directory, needs_token=False).accounts
    assert (one.name, one.problem) == ("one", None)
    (one,) = read(directory).accounts
    assert one.problem == f"{directory}/one.token: is a pipe, not a file"


def test_a_directory_without_accounts_stops_everything(directory: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"/accounts has no NAME\.toml and no NAME\.token$"):
        read(directory)
    directory.rmdir()
    with pytest.raises(ConfigurationError, match=r"^accounts_directory: .*/accounts: no such file or directory$"):
        read(directory)


def test_thousands_of_files_are_read(directory: Path) -> None:
    """By so many, what grows with their square takes longer than a test may."""
    for number in range(MANY):
        write(directory, **{f"c-{number}__token": f"t{number}"})
    assert len(read(directory).accounts) == MANY
