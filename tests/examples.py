"""How many examples a property is tried on: few by `make test` (`--hypothesis-profile=quick`), all by others."""

from hypothesis import settings

QUICK = "quick"


def examples(share: float) -> int:
    """Return the number for a rule that is costly, or cheap: a share of what this run tries elsewhere, 2 at least."""
    return max(2, round(settings().max_examples * share))
