"""What the address of a page asks: its moment, whose backups, and which part of a long list. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from urllib.parse import quote, urlencode

from inventory.errors import UsageError
from inventory.terminal import moments

_LONGEST_TEXT = 255
_LARGEST_PAGE = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The parameters of an address, as they were written; empty where one is not there.

    Attributes:
        as_of: To answer by what was known then.
        before: The moment to compare with; empty is a week before.
        account: Only this account, like `group`, which is one of accounts, `tag` and `plan`.
        text: Only Droplets whose name contains it, in any case, or whose id it is.
        page: Which part of a long list, from 1 on.
        by: What sums are shown by: account, group or tag.
        sort: The column to sort by; a minus before it reverses the order.
    """

    as_of: str = ""
    before: str = ""
    account: str = ""
    group: str = ""
    tag: str = ""
    plan: str = ""
    text: str = ""
    page: int = 1
    sort: str = ""
    by: str = ""

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> Self:
        """Read the parameters of an address.

        Raises:
            UsageError: One is not known, too long, or no number.
        """
        unknown = sorted(parameters.keys() - set(cls.__slots__))
        if unknown:
            raise UsageError(f'a page has no parameter "{unknown[0][:_LONGEST_TEXT]}"')
        if any(len(value) > _LONGEST_TEXT for value in parameters.values()):
            raise UsageError(f"a parameter has more than {_LONGEST_TEXT} characters")
        texts = {name: value.strip() for name, value in parameters.items()}
        page = texts.pop("page", "") or "1"
        if not (page.isascii() and page.isdecimal() and 0 < int(page) <= _LARGEST_PAGE):
            raise UsageError(f'page "{page}" is no number from 1 on')
        return cls(page=int(page), **texts)

    def moment(self, now: datetime) -> datetime:
        """Return the moment that the page speaks of.

        Raises:
            UsageError: It cannot be read, or lies in the future.
        """
        return moments.read("as_of", self.as_of or None, now) or now

    @property
    def is_narrowed(self) -> bool:
        """Whether only some Droplets are asked for."""
        return bool(self.account or self.group or self.tag or self.plan or self.text)

    @property
    def narrowed(self) -> str:
        """Which Droplets are asked for, in words; empty if all are."""
        wanted = (
            ("account", self.account),
            ("group", self.group),
            ("tag", self.tag),
            ("plan", self.plan),
            ("name or id", self.text),
        )
        return "; ".join(f"{what} {value}" for what, value in wanted if value)

    def changed(self, **changes: str | int) -> "Asked":
        """Return the same with other values; the part of a list begins again unless it is named."""
        return replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]  # the names are ours

    @property
    def query(self) -> str:
        """The parameters as the end of an address, from the question mark on; empty if there are none."""
        values = {name: getattr(self, name) for name in self.__slots__}
        written = {name: value for name, value in values.items() if value and not (name == "page" and value == 1)}
        return f"?{urlencode(written, errors='replace')}" if written else ""


def address(root: str, place: str, asked: Asked) -> str:
    """Write the address of another page, relative to a page from which `root` leads to the overview."""
    path = "/".join(quote(part, safe="", errors="replace") for part in place.split("/"))
    return f"{root}{path or ('' if root else './')}{asked.query}"
