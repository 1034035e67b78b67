"""Names that were probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str], *, prefix: str = "") -> str:
    """Ask whether the most similar known name was meant; say nothing where none is similar.

    Args:
        name: What was written.
        known: What could have been meant.
        prefix: What is written before each of these names, and makes none of them more similar.
    """
    return "".join(f"; did you mean {prefix}{match}?" for match in get_close_matches(name, known, n=1))
