"""What is wrong with a setting, as a sentence that holds no secret."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from pydantic_core import ErrorDetails

from inventory.settings.declared import SECRETS, VARIABLES, AccountTable, WrittenSettings

_KNOWN_VARIABLES = (*VARIABLES.values(), "INVENTORY_CONFIG")

# Kubernetes sets such variables in every pod beside a service whose name begins with "inventory".
_SERVICE_LINK = re.compile(r"INVENTORY(_\w+)?_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_\w+)?)")

_OUR_WORDS = {
    "dict_type": "must be tables, each [accounts.NAME]",
    "model_type": "must be a table, [accounts.NAME]",
}


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Name each variable that looks like ours and is not; a mistyped one would else be passed over in silence."""
    unknown = (
        variable
        for variable in sorted(environ)
        if variable.startswith("INVENTORY_")
        and variable not in _KNOWN_VARIABLES
        and not _SERVICE_LINK.fullmatch(variable)
    )
    return [f"{variable}: unknown variable{_nearest(variable, _KNOWN_VARIABLES)}" for variable in unknown]


def reason(detail: ErrorDetails) -> str:
    """Say what pydantic found wrong; its place is the caller's to name."""
    kind, keys, given = detail["type"], detail["loc"], detail["input"]
    if kind == "extra_forbidden":
        return _unknown_key(str(keys[-1]), is_in_table=len(keys) > 1)
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    words = _OUR_WORDS.get(kind, detail["msg"][:1].lower() + detail["msg"][1:])
    is_showable = keys[-1] not in SECRETS and isinstance(given, (str, int, float))
    return f"{words}, not {given!r}" if is_showable else words


def _unknown_key(key: str, *, is_in_table: bool) -> str:
    if is_in_table and key in WrittenSettings.model_fields:
        return "is no key of an account; it belongs above the first [accounts.NAME]"
    known = AccountTable.model_fields if is_in_table else WrittenSettings.model_fields
    return f"unknown key{_nearest(key, known)}"


def _nearest(name: str, known: Iterable[str]) -> str:
    return "".join(f"; did you mean {match}?" for match in get_close_matches(name, known, n=1))
