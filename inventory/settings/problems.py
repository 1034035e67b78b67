"""What is wrong with the settings, in sentences that hold no secret, each with the place to change."""

import re
from collections.abc import Iterator, Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from inventory.settings.declared import (
    DEFAULT_ACCOUNT,
    NAME_RULE,
    SECRETS,
    VARIABLES,
    AccountTable,
    ExemptionTable,
    NotifyTable,
    WrittenSettings,
)
from inventory.settings.lines import Keys
from inventory.settings.sources import THE_DEFAULT, Reading, account_tables, value_of
from inventory.terminal.spelling import nearest

_PREFIX = "INVENTORY_"
_KNOWN = {variable.removeprefix(_PREFIX) for variable in (*VARIABLES.values(), "INVENTORY_CONFIG")}

# Kubernetes sets such variables in every pod beside a service whose name begins with "inventory".
_SERVICE_LINK = re.compile(r"INVENTORY(_\w+)?_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_\w+)?)")

# Somebody may write a token where the table of an account belongs.
_MAY_BE_SECRET = {"accounts", "notify", *SECRETS}
_LONGEST_SHOWN = 100

_OUR_WORDS = {
    ("accounts", "dict_type"): "must be tables, each [accounts.NAME]",
    ("accounts", "model_type"): "must be a table, [accounts.NAME]",
    ("accounts", "string_pattern_mismatch"): NAME_RULE,
    ("notify", "tuple_type"): "must be tables, each [[notify]]",
    ("notify", "model_type"): "must be a table, [[notify]]",
    ("notify", "missing"): "is missing",
    ("notify", "string_pattern_mismatch"): NAME_RULE,
    ("exemptions", "tuple_type"): "must be tables, each [[exemptions]]",
    ("exemptions", "model_type"): "must be a table, [[exemptions]]",
    ("exemptions", "missing"): "is missing",
    ("exemptions", "date_from_datetime_parsing"): "write a day, such as 2027-01-31",
    ("exemptions", "date_from_datetime_inexact"): "write a day, such as 2027-01-31",
    ("http_hosts", "string_pattern_mismatch"): "write the name of a host",
}


def find_problems(reading: Reading, environ: Mapping[str, str], *, needs_token: bool) -> list[str]:
    """Return every problem; what is missing only if nothing else is wrong, since it may follow from that."""
    written = reading.written
    found = [
        *_unknown_variables(environ),
        *filter(None, [reading.file.problem]),
        *(_mistakes(written, reading) if isinstance(written, ValidationError) else ()),
        *_second_defaults(reading),
        *(_equal_tokens(reading) if needs_token else ()),
    ]
    return found or [*_missing(reading, needs_token=needs_token)]


def _unknown_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """Name each variable that looks like ours and is not; otherwise a mistyped one would be ignored silently."""
    for variable in sorted(environ):
        name = variable.removeprefix(_PREFIX)
        if name not in {variable, *_KNOWN} and not _SERVICE_LINK.fullmatch(variable):
            yield f"{variable}: unknown variable{nearest(name, _KNOWN, prefix=_PREFIX)}"


def _mistakes(error: ValidationError, reading: Reading) -> Iterator[str]:
    for detail in error.errors(include_url=False):
        keys = tuple(str(key) for key in detail["loc"] if key != "[key]")
        yield f"{reading.place(keys)}: {_reason(detail, keys)}"


def mistakes_in(error: ValidationError, name: str, lines: Mapping[Keys, int]) -> Iterator[str]:
    """Say what is wrong with the file of the account of this name, each with its line where the file has one."""
    for detail in error.errors(include_url=False):
        keys = tuple(str(key) for key in detail["loc"])
        place = f"line {lines[keys[:1]]}: " if keys[:1] in lines else ""
        reason = _reason(detail, ("accounts", name, *keys))
        yield f"{place}{'.'.join(keys)}: {reason}" if keys else reason


def _reason(detail: ErrorDetails, keys: Keys) -> str:
    kind, given = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return _unknown_key(keys[-1], keys[:-1])
    if kind == "value_error" or isinstance(given, ValueError):
        return str(given if isinstance(given, ValueError) else detail["ctx"]["error"])
    if kind == "tuple_type" and len(keys) > 1:
        return f'must be a list, such as {keys[-1]} = ["a", "b"]'
    words = _OUR_WORDS.get((keys[0], kind)) or detail["msg"][:1].lower() + detail["msg"][1:]
    may_be_secret = not _MAY_BE_SECRET.isdisjoint(keys) or len(str(given)) > _LONGEST_SHOWN
    return f"{words}, not {given!r}" if isinstance(given, (str, int, float)) and not may_be_secret else words


def _unknown_key(key: str, above: Keys) -> str:
    if above[:1] == ("exemptions",):
        return f"unknown key{nearest(key, ExemptionTable.model_fields)}"
    if above[:1] == ("notify",):
        return f"unknown key{nearest(key, NotifyTable.model_fields)}"
    if above and key in WrittenSettings.model_fields:
        return "is no key of an account; it belongs above the first [accounts.NAME]"
    known = AccountTable.model_fields if above else WrittenSettings.model_fields
    return f"unknown key{nearest(key, known)}"


def _second_defaults(reading: Reading) -> Iterator[str]:
    token, table = reading.source(("token",)), ("accounts", DEFAULT_ACCOUNT)
    if THE_DEFAULT not in (token, reading.source(table)):
        yield f"{reading.place(table)}: {token} already speaks of the account {DEFAULT_ACCOUNT}"


def _equal_tokens(reading: Reading) -> Iterator[str]:
    first: dict[object, tuple[str, str]] = {}
    tables = [(name, ("accounts", name, "token")) for name, _ in account_tables(reading.values)]
    for account, keys in [(DEFAULT_ACCOUNT, ("token",)), *tables]:
        token, source = value_of(reading.values, keys), reading.source(keys)
        if isinstance(token, str):
            other, its_source = first.setdefault(token.rstrip("\r\n"), (account, source))
            if other != account:
                yield f"accounts {other} and {account} have the same token ({its_source} and {source})"


def _missing(reading: Reading, *, needs_token: bool) -> Iterator[str]:
    if reading.source(("token",)) != THE_DEFAULT:
        return
    has_accounts = bool(reading.values.get("accounts") or reading.values.get("accounts_directory"))
    if needs_token and not has_accounts:
        yield "no API token: set INVENTORY_TOKEN_FILE or INVENTORY_TOKEN, or write token_file in inventory.toml"
    if has_accounts and "droplets" in reading.values:
        yield (
            f"{reading.place(('droplets',))}: speaks of the account {DEFAULT_ACCOUNT}, which has no token; "
            "write droplets in [accounts.NAME]"
        )
