"""Text that is safe to show: control characters visible, tokens hidden."""

import json
import re
from collections.abc import Callable, Collection
from urllib.parse import quote

# C0, DEL, C1, line separators, bidirectional controls, and lone surrogates, which cannot be encoded.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

# DigitalOcean's personal, OAuth and refresh tokens.
_TOKENS = "do[por]_v1_[0-9a-f]{64}"


# A shorter one could be a word of any sentence; those of DigitalOcean have 71 letters.
_SHORTEST_SECRET = 16
_secrets: set[str] = set()


def hide(secrets: Collection[str]) -> None:
    """Let every redactor that this process makes from now on hide these too: settings say what is secret."""
    _secrets.update(secret for secret in secrets if len(secret) >= _SHORTEST_SECRET)


def shown(text: str) -> str:
    r"""Replace characters that control a terminal, or break the line, by visible escapes such as `\x1b`."""
    return _CONTROLS.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def shown_to_monitoring(text: str) -> str:
    """Make a text safe to show: it cannot be taken for performance data, and can be pasted between single quotes."""
    return shown(text).replace("|", r"\x7c").replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")


def redactor(secrets: Collection[str] = ()) -> Callable[[str], str]:
    """Return a function that replaces each secret, all that `hide` was given, and what looks like a token.

    They become `[token]`, also as they are written in a URL, in JSON or in Python.
    """
    spellings = {spelling for secret in {*secrets, *_secrets} for spelling in _spellings(secret) if spelling}
    longest_first = sorted(spellings, key=lambda spelling: (-len(spelling), spelling))
    pattern = re.compile("|".join([*map(re.escape, longest_first), _TOKENS]))
    return lambda text: pattern.sub("[token]", text)


def _spellings(secret: str) -> tuple[str, ...]:
    return secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]
