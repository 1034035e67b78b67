"""The commented sample of a configuration file, made from the settings' own declarations."""

import json
import textwrap

from pydantic.fields import FieldInfo

from inventory.settings import files
from inventory.settings.declared import VARIABLES, WrittenSettings

_WIDTH = 80

_HEAD = f"""Settings of inventory, read from the first of --config, INVENTORY_CONFIG, {", ".join(files.SEARCHED)}.
Environment variables, named in brackets, win over this file. Each line shows the default, or an example where there is
none. Nothing is needed but a token.
"""

_ACCOUNTS = """
#[accounts.web]
#token_file = "/etc/inventory/token-web"
#droplets = "tag:prod, 3164444"
#group = "acme"
"""

_FINDINGS = """
#[findings]
#unprotected = "warning"
#[findings."tag:prod"]
#missed-backup = "critical"
"""

_EXEMPTIONS = """
#[[exemptions]]
#finding = "missed-backup"
#droplet = "old-01"
#until = 2027-01-31
#reason = "moves with the old shop"
"""

_NOTIFY = """
#[[notify]]
#name = "ops"
#url_file = "/etc/inventory/notify-ops"
#on = ["critical", "unknown"]
"""

# A table ends where the next begins: they come last.
_TABLES = {"accounts": _ACCOUNTS, "findings": _FINDINGS, "exemptions": _EXEMPTIONS, "notify": _NOTIFY}


def sample() -> str:
    """Return a TOML file that sets nothing and shows everything."""
    settings = (_setting(name, field) for name, field in WrittenSettings.model_fields.items() if name in VARIABLES)
    tables = (_comment(WrittenSettings.model_fields[name].description or "") + text for name, text in _TABLES.items())
    return "\n".join([_comment(_HEAD) + "\n", *settings, *tables])


def _setting(name: str, field: FieldInfo) -> str:
    has_example = bool(field.examples)
    value = field.examples[0] if field.examples else field.get_default()
    note = "No default. " if has_example else ""
    comment = _comment(f"{field.description} {note}({VARIABLES[name]})")
    # Of the texts, numbers, lists and truth values that settings are, JSON's form is TOML's.
    return f"{comment}\n#{name} = {json.dumps(value)}\n"


def _comment(text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
