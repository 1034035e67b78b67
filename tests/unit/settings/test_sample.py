import re
import tomllib
from datetime import date
from pathlib import Path

from inventory.judging.rules import Exemption
from inventory.settings.declared import VARIABLES, WrittenSettings
from inventory.settings.load import load
from inventory.settings.sample import sample


def test_the_sample_shows_every_setting_with_description_and_variable() -> None:
    text = sample()
    flat = " ".join(line.removeprefix("# ") for line in text.splitlines())
    for name, field in WrittenSettings.model_fields.items():
        assert field.description is not None
        assert field.description in flat
        assert re.search(rf"^#\[*{name}\b", text, re.MULTILINE)
    for variable in VARIABLES.values():
        assert f"({variable})" in flat
    assert max(map(len, text.splitlines())) <= 80


def test_the_sample_as_it_is_sets_nothing() -> None:
    assert tomllib.loads(sample()) == {}


def test_the_defaults_of_the_sample_are_the_defaults() -> None:
    examples = {name for name, field in WrittenSettings.model_fields.items() if field.examples}
    shown = tomllib.loads("\n".join(re.findall(r"^#(\w+ = .*)$", sample().split("#[accounts")[0], re.MULTILINE)))
    defaults = {name: value for name, value in shown.items() if name not in examples}
    assert defaults.keys() == VARIABLES.keys() - examples
    assert WrittenSettings.model_validate(defaults) == WrittenSettings()


def test_the_tables_of_the_sample_are_valid(tmp_path: Path) -> None:
    tables = re.sub("^#(?! )", "", sample()[sample().index("#[accounts") :], flags=re.MULTILINE)
    path = tmp_path / "inventory.toml"
    path.write_text(tables)
    settings = load(path, {}, needs_token=False)
    (account,) = settings.accounts
    assert account.name == "web"
    assert account.droplets.tags == {"prod"}
    assert settings.rules.everywhere == {"unprotected": "warning"}
    assert settings.rules.by_tag == {"prod": {"missed-backup": "critical"}}
    (exemption,) = settings.exemptions
    assert exemption == Exemption("missed-backup", date(2027, 1, 31), "moves with the old shop", droplet="old-01")
