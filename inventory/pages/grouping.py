"""By what sums are shown: the accounts of Droplets, the groups of these accounts, or tags."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from inventory.errors import UsageError
from inventory.pages.reading import Reading
from inventory.views.queries import Question, ask
from inventory.views.rows import DropletTag

NO_GROUP = "(no group)"
UNTAGGED = "(untagged)"
"""No tag can be called so; what has no group stands last as well."""

_WAYS = ("account", "group", "tag")


def way(reading: Reading) -> str:
    """Give by what the address asks for sums; by account where it does not say.

    Raises:
        UsageError: There is no such way.
    """
    asked = reading.asked.by or _WAYS[0]
    if asked not in _WAYS:
        raise UsageError(f'sums are shown by account, by group or by tag, not by "{asked}"')
    return asked


def ways(reading: Reading) -> Sequence[str]:
    """Give the ways there are: groups only where an account has one."""
    has_groups = any(reading.groups().values())
    return [each for each in _WAYS if each != "group" or has_groups]


def names(reading: Reading, by: str, account_of: Mapping[int, str]) -> Mapping[int, Collection[str]]:
    """Give the groups in which each of these Droplets counts, by its id: several where they are tags."""
    if by != "tag":
        its = of_accounts(reading, by, set(account_of.values()))
        return {number: its[account] for number, account in account_of.items()}
    tags: dict[int, list[str]] = defaultdict(list)
    for row in ask(reading.connection, DropletTag, Question(reading.now)):
        tags[row.droplet_id].append(row.tag)
    return {number: tags.get(number) or (UNTAGGED,) for number in account_of}


def of_accounts(reading: Reading, by: str, accounts: Collection[str]) -> Mapping[str, Collection[str]]:
    """Give the group in which each of these accounts counts as a whole, where sums are not by tag."""
    if by == "account":
        return {account: (account,) for account in accounts}
    groups = reading.groups()
    return {account: (groups.get(account) or NO_GROUP,) for account in accounts}


def in_order(found: Collection[str]) -> list[str]:
    """Sort names, what has none last."""
    return sorted(found, key=lambda name: (name in (NO_GROUP, UNTAGGED), name))
