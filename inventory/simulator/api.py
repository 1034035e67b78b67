"""The API of the simulated account: requests in, answers out, as DigitalOcean would give them; no socket.

    whose token? (401) | rate limit (429) | routes.find: what, and may it (403, 404) | paging.page | fault | Answer

Every answer is of the instant that the fleet's clock shows, and so is its date.
"""

import json
import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from threading import RLock
from uuid import UUID

from inventory.simulator.documents import Document, account_document
from inventory.simulator.faults import Fault, struck
from inventory.simulator.fleet import Fleet
from inventory.simulator.limits import DOCUMENTED_PER_HOUR, DOCUMENTED_PER_MINUTE, Allowance, RateLimits
from inventory.simulator.messages import (
    FORBIDDEN,
    TOO_MANY_REQUESTS,
    UNAUTHORIZED,
    Answer,
    Problem,
    Request,
    problem_of,
)
from inventory.simulator.paging import MAXIMUM_PER_PAGE, Listing, page
from inventory.simulator.routes import EVERY_SCOPE, View, find
from inventory.simulator.values import SimulatedDroplet
from inventory.simulator.variants import Variants

# Obviously made up; a token of this form gives access to nothing.
DEFAULT_TOKEN = "dop_v1_" + "0" * 64
DEFAULT_UUID = str(UUID(int=0xB6FC48DBF6D9A4B1B8E1F0B0C0FFEE00))

_OK = 200
_SEEN_IN_THE_PAST = timedelta(minutes=25)
_GATEWAY_WORDS = {
    UNAUTHORIZED: "Unable to authenticate you",
    FORBIDDEN: "You are not authorized to perform this operation",
}


def documented_limits() -> RateLimits:
    """Return the limits that DigitalOcean documents for a token."""
    return RateLimits(per_minute=DOCUMENTED_PER_MINUTE, per_hour=DOCUMENTED_PER_HOUR, seconds=time.monotonic)


def no_limits() -> RateLimits:
    """Return limits that refuse nothing."""
    return RateLimits(per_minute=None, per_hour=None, seconds=time.monotonic)


class SimulatedApi:
    """The API of one account; several threads may ask it.

    Attributes:
        fleet: What it shows.
        uuid: Of the account.
        status: Of the account; `active` but for trouble.
        tokens: Token -> its scopes.
        variants: Where DigitalOcean was seen to differ from itself.
        faults: What is wrong, by path or pattern.
        most_per_page: The most entries of any page, whatever is asked for.
        visible: Ids of the Droplets that exist for the tokens; None means all.
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        token: str = DEFAULT_TOKEN,
        uuid: str = DEFAULT_UUID,
        limits: Callable[[], RateLimits] = no_limits,
        follow: Callable[[], datetime] | None = None,
    ) -> None:
        """Begin with one token that may read everything.

        Args:
            fleet: Where other threads ask meanwhile, advance it through `advance` alone.
            token: More may be put into `tokens`.
            uuid: Of the account.
            limits: Makes the rate limits of each token.
            follow: A clock; the fleet is advanced to what it shows before each answer.
        """
        self.fleet = fleet
        self.token = token
        self.uuid = uuid
        self.status = "active"
        self.tokens: dict[str, Collection[str]] = {token: EVERY_SCOPE}
        self.variants = Variants()
        self.faults: dict[str, Fault] = {}
        self.most_per_page = MAXIMUM_PER_PAGE
        self.visible: set[int] | None = None
        self._make_limits = limits
        self._limits: dict[str, RateLimits] = {}
        self._follow = follow
        self._answers = 0
        self._lock = RLock()

    @property
    def droplets(self) -> Mapping[int, SimulatedDroplet]:
        """The Droplets that exist for the tokens, by id, oldest first."""
        visible = self.visible
        if visible is None:
            return self.fleet.droplets
        return {number: each for number, each in self.fleet.droplets.items() if number in visible}

    def advance(self, *, to: datetime) -> None:
        """Advance the fleet's clock between two answers."""
        with self._lock:
            self.fleet.advance(to=to)

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        with self._lock:
            if self._follow is not None and (now := self._follow()) > self.fleet.now:
                self.fleet.advance(to=now)
            self._answers += 1
            fault = struck(self.faults, request.path)
            status, body, headers = self._answered(request, fault)
            common = {
                "content-type": "application/json; charset=utf-8",
                "date": format_datetime(self.fleet.now, usegmt=True),
                "x-request-id": str(UUID(int=self._answers)),
            }
        text = json.dumps(body, ensure_ascii=False).encode()
        return Answer(
            status,
            {**common, **headers, **fault.headers},
            fault.body(text),
            fault.delay_seconds,
            is_reset=fault.is_reset,
        )

    def _answered(self, request: Request, fault: Fault) -> tuple[int, Document, dict[str, str]]:
        """Return status, body and the headers that depend on them; who may not ask learns nothing else."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        scopes = self.tokens.get(token) if scheme.lower() == "bearer" else None
        if scopes is None and self.variants.refused_by == "gateway":
            return self._refused_by_gateway(UNAUTHORIZED)
        allowance = self._limits.setdefault(token, self._make_limits()).ask()
        headers = self._rate_headers(allowance)
        found: Document | Problem = UNAUTHORIZED
        if scopes is not None:
            found = self._found(request, scopes, fault) if allowance.is_granted else TOO_MANY_REQUESTS
        if isinstance(found, Problem):
            if found == FORBIDDEN and self.variants.refused_by == "gateway":
                return self._refused_by_gateway(FORBIDDEN)
            return found.status, {"id": found.id, "message": found.message}, headers
        return _OK, found, headers

    def _found(self, request: Request, scopes: Collection[str], fault: Fault) -> Document | Problem:
        """Return the body that is asked for, or why there is none."""
        view = View(
            fleet=self.fleet,
            droplets=self.droplets,
            account=account_document(self.uuid, status=self.status),
            scopes=scopes,
            unreadable=self.variants.unreadable,
        )
        found = find(request, view)
        if isinstance(found, Problem):
            return found
        if fault.status != _OK:
            return problem_of(fault.status)
        if isinstance(found, Listing):
            return page(
                found,
                request,
                variants=self.variants,
                account=self.uuid,
                most_per_page=self.most_per_page,
                fault=fault,
            )
        (shown,) = fault.shows([found.document])
        return {found.key: shown}

    def _rate_headers(self, allowance: Allowance) -> dict[str, str]:
        reset = self.fleet.now + timedelta(seconds=allowance.reset_seconds)
        if not allowance.is_granted and self.variants.rate_limit == "reset in the past":
            reset = self.fleet.now - _SEEN_IN_THE_PAST
        retry = {} if allowance.retry_seconds is None else {"retry-after": str(allowance.retry_seconds)}
        return {
            "ratelimit-limit": str(allowance.limit),
            "ratelimit-remaining": str(allowance.remaining),
            "ratelimit-reset": str(int(reset.timestamp())),
            **retry,
        }

    def _refused_by_gateway(self, problem: Problem) -> tuple[int, Document, dict[str, str]]:
        headers = {"content-type": "application/json", "x-response-from": "Edge-Gateway"}
        body = {"id": problem.id.capitalize(), "message": _GATEWAY_WORDS[problem]}
        return problem.status, body, headers
