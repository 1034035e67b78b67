"""What can be written: settings, commands with their options; and the exit codes."""

import json
import re
import socket
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.golden.databases import FINDINGS
from tests.golden.running import ROOT, Json, environment, run


def settings(directory: Path) -> Json:
    """Give each setting's name, variable and default, and what `config` says where each way to set it is used."""
    for name, text in (("token", "of-a-file"), ("url", "of-a-file.db"), ("ping", "https://ping.example/of-a-file")):
        file = directory / name
        file.write_text(text, "utf-8")
        file.chmod(0o600)
    (directory / "ca.pem").touch()
    with environment(directory):
        sample = run("config", "--sample").out
    used = {
        "defaults": ({}, ""),
        "variables": (_variables(_WRITTEN), ""),
        "variables that name secret files": (_variables(_SECRET_FILES), ""),
        "variables of other tools": ({"DIGITALOCEAN_ACCESS_TOKEN": "a", "DIGITALOCEAN_TOKEN": "b"}, ""),
        "a file": ({}, _toml(_WRITTEN)),
        "a file that names secret files": ({}, _toml(_SECRET_FILES)),
        "a file with tables": ({}, _TABLES + FINDINGS),
        "an unknown name": ({"INVENTORY_DATABASE": "x"}, ""),
    }
    return {
        "variables": re.findall(r"\((INVENTORY_\w+)\)", " ".join(sample.split())),
        "defaults, or else examples": _uncommented(sample),
        "config --json": {what: _configured(directory, *given) for what, given in used.items()},
    }


_WRITTEN = {
    "token": "an-example",
    "droplets": "tag:web, 123",
    "api_url": "http://127.0.0.1:9",
    "ca_file": "ca.pem",
    "requests_per_second": "2.5",
    "auto_migrate": "false",
    "run_deadline_minutes": "30",
    "schedule": "17 * * * *",
    "http": "127.0.0.1:9999",
    "http_hosts": "one.example, two.example",
    "droplet_metrics": "7",
    "database_url": "postgresql://me:secret@db.example/inventory",
    "ping_url": "https://ping.example/secret",
}
_SECRET_FILES = {"token_file": "token", "database_url_file": "url", "ping_url_file": "ping"}
_UNQUOTED = {"requests_per_second", "auto_migrate", "run_deadline_minutes", "droplet_metrics"}
_TABLES = """
[accounts.one]
token = "an-example"
droplets = "all"

[accounts.two]
token_file = "token"
droplets = ["tag:web", 123]

[findings."tag:prod"]
missed-backup = "critical"

[findings.123]
size-anomaly = "counted"
"""


def _variables(values: Mapping[str, str]) -> dict[str, str]:
    return {f"INVENTORY_{name.upper()}": value for name, value in values.items()}


def _toml(values: Mapping[str, str]) -> str:
    return "".join(f"{name} = {value if name in _UNQUOTED else json.dumps(value)}\n" for name, value in values.items())


def _uncommented(sample: str) -> Json:
    settings = tomllib.loads(re.sub(r"^#(?! )", "", sample, flags=re.MULTILINE))
    return json.loads(json.dumps(settings, default=str))


def _configured(directory: Path, variables: Mapping[str, str], text: str) -> Json:
    file = directory / "inventory.toml"
    if text:
        file.write_text(text, "utf-8")
        file.chmod(0o600)
    with environment(directory, variables):
        ended = run("config", "--json")
    file.unlink(missing_ok=True)
    return ended.golden(str(directory)) if ended.out else {"exit_code": ended.code}


def commands(directory: Path) -> Json:
    """Give every command with its arguments and options, as the help shows them: names, types and defaults."""
    with environment(directory, {"COLUMNS": "300"}):
        return _helped()


def _helped(*words: str) -> Json:
    text = run(*words, "--help").out
    panels = re.findall(r"^╭─ (.+?) ─+╮\n((?:│.*\n)+)", text, re.MULTILINE)
    found: dict[str, Any] = {}
    for title, lines in panels:
        entries = [line.strip("│ \n").rstrip() for line in lines.splitlines()]
        if title in ("Arguments", "Options"):
            found[title] = [_without_prose(entry) for entry in entries]
        else:
            names = [entry.split()[0] for entry in entries]
            found[title] = {name: _helped(*words, name) for name in names}
    return found


def _without_prose(entry: str) -> str:
    """Leave name, type, and what stands in brackets at the end: the default, or that it must be given."""
    *head, _prose = re.split(r" {2,}", entry)
    marks = re.findall(r"\[(?:default: .*|required)\]$", entry)
    return " ".join([*head, *marks])


def exit_codes(directory: Path) -> Json:
    """Give the codes that the README lists, and those that some commands end with."""
    listed = (ROOT / "README.md").read_text("utf-8").partition("## Exit codes\n")[2].partition("\n## ")[0]
    with environment(directory), closing(socket.create_server(("127.0.0.1", 0))) as silent:
        nobody = f"127.0.0.1:{silent.getsockname()[1]}"
        silent.close()
        asked: Sequence[tuple[str, ...]] = (
            (),
            ("--version",),
            ("--help",),
            ("nonsense",),
            ("sync",),
            ("sync", "--nonsense"),
            ("report",),
            ("report", "nonsense"),
            ("report", "--json", "--csv"),
            ("show", "nobody"),
            ("check",),
            ("check", "--nonsense"),
            ("metrics",),
            ("health", "--http", "off"),
            ("prune", "--keep-days", "1"),
            ("db", "grant-reader", "somebody"),
        )
        found = {" ".join(("inventory", *words)): run(*words).code for words in asked}
        found["inventory health, where no daemon runs"] = run("health", "--http", nobody).code
    return {"listed": re.findall(r"^\| ([\d, ]+) \|", listed, re.MULTILINE), "without settings or a database": found}
