"""What is wrong with a setting, as a sentence that holds no secret."""

import re
from collections.abc import Mapping

from pydantic_core import ErrorDetails

from inventory.settings.declared import SECRETS, VARIABLES, AccountTable, ExemptionTable, WrittenSettings
from inventory.settings.formats import nearest

_KNOWN_VARIABLES = (*VARIABLES.values(), "INVENTORY_CONFIG")

# Kubernetes sets such variables in every pod beside a service whose name begins with "inventory".
_SERVICE_LINK = re.compile(r"INVENTORY(_\w+)?_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_\w+)?)")

_OUR_WORDS = {
    "dict_type": "must be tables, each [accounts.NAME]",
    "tuple_type": "must be tables, each [[exemptions]]",
    "missing": "is missing",
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
    return [f"{variable}: unknown variable{nearest(variable, _KNOWN_VARIABLES)}" for variable in unknown]


def reason(detail: ErrorDetails) -> str:
    """Say what pydantic found wrong; its place is the caller's to name."""
    kind, keys, given = detail["type"], detail["loc"], detail["input"]
    if kind == "extra_forbidden":
        return _unknown_key(str(keys[-1]), tuple(map(str, keys[:-1])))
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "model_type":
        return "must be a table, [[exemptions]]" if keys[0] == "exemptions" else "must be a table, [accounts.NAME]"
    words = _OUR_WORDS.get(kind, detail["msg"][:1].lower() + detail["msg"][1:])
    is_showable = keys[-1] not in SECRETS and isinstance(given, (str, int, float))
    return f"{words}, not {given!r}" if is_showable else words


def _unknown_key(key: str, above: tuple[str, ...]) -> str:
    if above[:1] == ("exemptions",):
        return f"unknown key{nearest(key, ExemptionTable.model_fields)}"
    if above and key in WrittenSettings.model_fields:
        return "is no key of an account; it belongs above the first [accounts.NAME]"
    known = AccountTable.model_fields if above else WrittenSettings.model_fields
    return f"unknown key{nearest(key, known)}"
