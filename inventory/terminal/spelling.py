"""Names that are meant by a pattern, or were probably meant."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase


def nearest(name: str, known: Iterable[str], *, prefix: str = "") -> str:
    """Ask whether the most similar known name was meant; say nothing where none is similar.

    Args:
        name: What was written.
        known: What could have been meant.
        prefix: What is written before each of these names, and makes none of them more similar.
    """
    return "".join(f"; did you mean {prefix}{match}?" for match in get_close_matches(name, known, n=1))


def matching(patterns: Iterable[str], known: Collection[str]) -> list[str]:
    """Return the known names that each pattern means, in its order; of `acme-*` every one that begins so."""
    return [name for pattern in patterns for name in known if fnmatchcase(name, pattern)]


def expanded(patterns: Iterable[str], known: Collection[str]) -> list[str]:
    """Return the names in place of the patterns; a pattern that means none of the known names stays as it is."""
    return [name for pattern in patterns for name in matching([pattern], known) or [pattern]]
