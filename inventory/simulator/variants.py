"""In what DigitalOcean was seen to differ from its documentation or from itself, or nobody knows what it does.

What can be chosen is in `Variants`. Beside it these are our choices where neither documentation nor evidence was found:

* `page` and `per_page` that are no positive number count as not given.
* A page past the end is empty, has the whole total, and no next page.
* Links keep the filters of the request.
* `tag_name` finds no Droplets with a GPU; an unknown `type` of Droplets counts as not given.
* Asking with a method other than GET is answered with 405.
* A changed policy leaves existing backups the retention they were made under.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from inventory.simulator.messages import FORBIDDEN, TOO_MANY_REQUESTS, UNAUTHORIZED, Problem


@dataclass(frozen=True, slots=True)
class Variants:
    """One choice for each question; the defaults are what is documented, or likeliest.

    Attributes:
        single_page_links: What `links` is where all entries are on one page; DigitalOcean documents all three.
        order: Of every listing. Nobody documents any; none changes while the entries stay.
        refused_by: Who answers 401 and 403. The gateway's own answers have other words, and no rate limit headers.
        rate_limit: Whether a 429 is as documented or, as was seen once, in other words and with its reset in the past.
        unreadable: What a Droplet's field is that the token lacks the scope for.
        usage_based_ids: What `backup_ids` is of a Droplet on a usage-based plan, which lacks the backups feature.
    """

    single_page_links: Literal["empty", "pages", "absent"] = "empty"
    order: Literal["ascending", "descending", "shuffled"] = "ascending"
    refused_by: Literal["api", "gateway"] = "api"
    rate_limit: Literal["documented", "reset in the past"] = "documented"
    unreadable: Literal["empty", "absent"] = "empty"
    usage_based_ids: Literal["present", "empty"] = "present"

    def words(self, problem: Problem) -> Problem:
        """Return a problem in the words that it is told in: not the documented ones where others were seen."""
        if self.refused_by == "gateway" and problem == UNAUTHORIZED:
            return replace(problem, id="Unauthorized", message="Unable to authenticate you")
        if self.refused_by == "gateway" and problem == FORBIDDEN:
            return replace(problem, id="Forbidden", message="You are not authorized to perform this operation")
        if self.rate_limit == "reset in the past" and problem == TOO_MANY_REQUESTS:
            return replace(problem, message="Too many requests")
        return problem

    def ordered(self, ids: Sequence[int], *, of: str) -> Sequence[int]:
        """Put ids, given from the oldest, in the order in which the account `of` lists them."""
        match self.order:
            case "ascending":
                return ids
            case "descending":
                return ids[::-1]
            case "shuffled":
                return sorted(ids, key=lambda number: zlib.crc32(f"{of}/{number}".encode()))
