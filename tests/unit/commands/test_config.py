import json
import sys
from pathlib import Path

import pytest

from inventory.commands import config
from inventory.errors import ConfigurationError
from inventory.settings.declared import VARIABLES

SECRET = "sentinel-secret"


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in (*VARIABLES.values(), "INVENTORY_CONFIG", "DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_every_setting_is_shown_with_value_and_source_but_no_secret(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(
        directory / "x.toml",
        f'token = "{SECRET}"\ndatabase_url = "postgres://me:{SECRET}@db.example/inventory"\nauto_migrate = false\n'
        f'[accounts.web]\ntoken = "{SECRET}2"\ndroplets = [7, "tag:prod"]\n',
    )
    assert config.run(config_file=path, sample=False, as_json=True) == 0
    output = capsys.readouterr()
    document = json.loads(output.out)
    assert SECRET not in output.out + output.err
    assert document["config_file"] == str(path)
    assert document["warnings"] == []
    assert document["settings"] == {
        "token": {"value": "**********", "source": f"{path}: token"},
        "droplets": {"value": "all", "source": "the default"},
        "accounts.web.token": {"value": "**********", "source": f"{path}: accounts.web.token"},
        "accounts.web.droplets": {"value": "7, tag:prod", "source": f"{path}: accounts.web.droplets"},
        "database_url": {
            "value": "postgresql://me:***@db.example/inventory",
            "source": f"{path}: database_url",
        },
        "ping_url": {"value": None, "source": "the default"},
        "accounts_directory": {"value": None, "source": "the default"},
        "api_url": {"value": "https://api.digitalocean.com", "source": "the default"},
        "ca_file": {"value": None, "source": "the default"},
        "requests_per_second": {"value": 4.0, "source": "the default"},
        "accounts_at_once": {"value": 8, "source": "the default"},
        "auto_migrate": {"value": False, "source": f"{path}: auto_migrate"},
        "run_deadline_minutes": {"value": 55.0, "source": "the default"},
        "schedule": {"value": 60.0, "source": "the default"},
        "http": {"value": "127.0.0.1:8080", "source": "the default"},
        "http_hosts": {"value": None, "source": "the default"},
        "pages": {"value": "loopback", "source": "the default"},
        "droplet_metrics": {"value": 200, "source": "the default"},
        "account_metrics": {"value": 500, "source": "the default"},
        "public_url": {"value": None, "source": "the default"},
    }


def test_the_default_account_may_have_a_table_too(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _write(directory / "x.toml", f'[accounts.default]\ntoken = "{SECRET}"\ndroplets = 7\n')
    assert config.run(config_file=path, sample=False, as_json=True) == 0
    settings = json.loads(capsys.readouterr().out)["settings"]
    assert settings["token"] == {"value": "**********", "source": f"{path}: accounts.default.token"}
    assert settings["droplets"] == {"value": "7", "source": f"{path}: accounts.default.droplets"}


def test_severities_and_exemptions_are_shown_one_a_row(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _write(
        directory / "x.toml",
        'findings.unprotected = "warning"\nfindings."tag:prod".missed-backup = "critical"\n'
        'findings.7.size-anomaly = "counted"\n[[exemptions]]\nfinding = "missed-backup"\ndroplet = "old-01"\n'
        'until = 2027-01-31\nreason = "moves with the old shop"\n',
    )
    assert config.run(config_file=path, sample=False, as_json=True) == 0
    settings = json.loads(capsys.readouterr().out)["settings"]
    assert {name: row for name, row in settings.items() if name.startswith(("findings", "exemptions"))} == {
        "findings.unprotected": {"value": "warning", "source": f"{path}: findings.unprotected"},
        "findings.tag:prod.missed-backup": {"value": "critical", "source": f"{path}: findings.tag:prod.missed-backup"},
        "findings.7.size-anomaly": {"value": "counted", "source": f"{path}: findings.7.size-anomaly"},
        "exemptions.1": {
            "value": 'missed-backup of old-01, until 2027-01-31, "moves with the old shop"',
            "source": f"{path}: exemptions",
        },
    }


@pytest.mark.parametrize("is_terminal", [True, False])
def test_the_table_names_each_setting_and_fits_80_columns(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, is_terminal: bool
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    monkeypatch.setenv("TERM", "dumb")
    file = f'auto_migrate = true\n[accounts.{"a" * 64}]\ntoken = "{SECRET}"\n'
    path = _write(directory / ("long" * 20 + "[red].toml"), file)
    assert config.run(config_file=path, sample=False, as_json=False) == 0
    output = capsys.readouterr().out
    assert SECRET not in output
    assert not is_terminal or all(len(line) <= 80 for line in output.splitlines()[1:])
    # Elsewhere a line is not broken: it may be a path that a program looks for.
    assert "[red]" in (output.replace("\n", "") if is_terminal else output)
    table = [line.split(maxsplit=2) for line in output.splitlines()]
    assert ["api_url", "https://api.digitalocean.com", "the default"] in [[c.strip() for c in row] for row in table]
    assert ["auto_migrate", "true", "the file"] in [[c.strip() for c in row] for row in table]
    assert ["run_deadline_minutes", "55", "the default"] in [[c.strip() for c in row] for row in table]


def test_what_stops_only_sync_is_told_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert config.run(config_file=None, sample=False, as_json=False) == 0
    output = capsys.readouterr()
    assert "Configuration file: none" in output.out
    assert output.err.startswith("inventory: sync would stop: no API token")


def test_a_token_file_that_cannot_be_read_is_told_and_the_rest_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INVENTORY_TOKEN_FILE", "/nowhere/token")
    assert config.run(config_file=None, sample=False, as_json=False) == 0
    output = capsys.readouterr()
    assert "/nowhere/token" in output.out
    assert "sync would stop: /nowhere/token: no such file" in output.err


def test_an_exposed_token_file_is_warned_of(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(directory / "token", SECRET)
    path.chmod(0o644)
    monkeypatch.setenv("INVENTORY_TOKEN_FILE", str(path))
    assert config.run(config_file=None, sample=False, as_json=True) == 0
    output = capsys.readouterr()
    assert "mode 0644" in output.err
    assert "mode 0644" in json.loads(output.out)["warnings"][0]


def test_wrong_settings_are_all_told_those_of_the_token_included(directory: Path) -> None:
    path = _write(directory / "x.toml", 'requests_per_second = -1\ntoken_file = "/nowhere/token"\n')
    with pytest.raises(ConfigurationError) as caught:
        config.run(config_file=path, sample=False, as_json=False)
    assert len(str(caught.value).splitlines()) == 2


def test_the_sample_needs_no_valid_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INVENTORY_CONFIG", "/nowhere.toml")
    assert config.run(config_file=None, sample=True, as_json=False) == 0
    assert "#requests_per_second = 4\n" in capsys.readouterr().out


def test_thousands_of_accounts_are_counted_and_broken_ones_named(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accounts = directory / "accounts"
    accounts.mkdir()
    for number in range(40):
        _write(accounts / f"c-{number}.toml", f'token = "{SECRET}{number}"\ngroup = "acme-{number % 2}"\n')
    _write(accounts / "broken.toml", "droplets = 7\n")
    path = _write(directory / "x.toml", f"accounts_directory = '{accounts}'\n")
    assert config.run(config_file=path, sample=False, as_json=False) == 0
    output = capsys.readouterr()
    shown = [" ".join(line.split()) for line in output.out.splitlines()]
    assert f"accounts 41 (--json lists them) {accounts}" in shown
    assert f"accounts of group acme-1 20 {accounts}" in shown
    assert "c-7" not in output.out
    assert output.err.splitlines() == [
        f"inventory: account broken is not synced: {accounts}/broken.toml: has neither token_file nor token"
    ]
    assert config.run(config_file=path, sample=False, as_json=True) == 0
    settings = json.loads(capsys.readouterr().out)["settings"]
    assert settings["accounts.c-7.group"] == {"value": "acme-1", "source": f"{accounts}/c-7.toml: group"}
    assert settings["accounts.broken.token"] == {"value": None, "source": f"{accounts}/broken.toml"}
