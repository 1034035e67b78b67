"""The API of a simulated account: requests in, answers out, without a socket.

    request | fault | token | rate limit | routes.find | paging.page | answer

Every answer is of the instant that the fleet's clock shows, and so is its date.
"""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from email.utils import format_datetime
from itertools import count
from threading import RLock
from uuid import UUID

from pydantic_core import to_json

from inventory.simulator.documents import Document, account_document
from inventory.simulator.faults import Fault, struck
from inventory.simulator.fleet import Fleet
from inventory.simulator.limits import Allowance, RateLimits, no_limits
from inventory.simulator.messages import (
    FORBIDDEN,
    METHOD_NOT_ALLOWED,
    TOO_MANY_REQUESTS,
    UNAUTHORIZED,
    Answer,
    Problem,
    Request,
    problem_of,
)
from inventory.simulator.paging import MAXIMUM_PER_PAGE, Listing, page
from inventory.simulator.routes import EVERY_SCOPE, Found, Single, View, find
from inventory.simulator.values import SimulatedDroplet
from inventory.simulator.variants import Variants

# Of the form of a token, and obviously none.
DEFAULT_TOKEN = "dop_v1_" + "simulated"

_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_OK = 200
_SEEN_IN_THE_PAST_SECONDS = 25 * 60


class SimulatedApi:
    """The API of one account; several threads may ask it.

    Attributes:
        fleet: What it shows.
        uuid: Of the account.
        status: Of the account; `active` but for trouble.
        tokens: Token -> its scopes.
        variants: Where DigitalOcean may do one thing or another.
        faults: What is wrong, by path or by a pattern of paths such as `/v2/droplets/*/backups`.
        most_per_page: The most entries of any page, whatever is asked for.
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        token: str = DEFAULT_TOKEN,
        uuid: str | None = None,
        limits: Callable[[], RateLimits] = no_limits,
        follow: Callable[[], datetime] | None = None,
    ) -> None:
        """Begin with one token that may read everything.

        Args:
            fleet: Where other threads ask meanwhile, advance it through `advance` alone.
            token: More may be put into `tokens`.
            uuid: None derives it from the fleet's seed.
            limits: Makes the rate limits of each token.
            follow: A clock; the fleet is advanced to what it shows before each answer.
        """
        self.fleet = fleet
        self.token = token
        self.uuid = uuid or str(UUID(int=fleet.chance.random("account").getrandbits(128), version=4))
        self.status = "active"
        self.tokens: dict[str, Collection[str]] = {token: EVERY_SCOPE}
        self.variants = Variants()
        self.faults: dict[str, Fault] = {}
        self.most_per_page = MAXIMUM_PER_PAGE
        self._limits: defaultdict[str, RateLimits] = defaultdict(limits)
        self._follow = follow
        self._numbers = count(1)
        self._lock = RLock()

    @property
    def droplets(self) -> Mapping[int, SimulatedDroplet]:
        """The Droplets that exist for whoever asks, by id, oldest first."""
        return self.fleet.droplets

    def advance(self, *, to: datetime) -> None:
        """Advance the fleet between two answers.

        Raises:
            ValueError: `to` is earlier than the fleet's clock.
        """
        with self._lock:
            self.fleet.advance(to=to)

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        with self._lock:
            if self._follow is not None:
                self.fleet.advance(to=max(self._follow(), self.fleet.now))
            fault = struck(self.faults, request.path)
            token = _token(request)
            allowance = self._limits[token].ask()
            found = self._found(request, self.tokens.get(token), allowance, fault)
            headers = self._headers(found, allowance)
            document = self._document(found, request, fault, request_id=headers["x-request-id"])
        status = found.status if isinstance(found, Problem) else _OK
        body = fault.body(to_json(document))
        return Answer(status, {**headers, **fault.headers}, body, fault.delay_seconds, fault.is_reset)

    def _found(self, request: Request, scopes: Collection[str] | None, allowance: Allowance, fault: Fault) -> Found:
        """Return what there is to show; who may not ask learns nothing else."""
        if scopes is None:
            return UNAUTHORIZED
        if not allowance.is_granted:
            return TOO_MANY_REQUESTS
        if fault.status != _OK:
            return problem_of(fault.status)
        account = account_document(self.uuid, status=self.status)
        return find(request, View(self.fleet, self.droplets, account, scopes, self.variants))

    def _document(self, found: Found, request: Request, fault: Fault, *, request_id: str) -> Document:
        match found:
            case Problem():
                words = self.variants.words(found)
                return {"id": words.id, "message": words.message, "request_id": request_id}
            case Single():
                return {found.key: next(iter(fault.shows([found.document])), None)}
            case Listing():
                return page(
                    found,
                    request,
                    variants=self.variants,
                    account=self.uuid,
                    most_per_page=self.most_per_page,
                    fault=fault,
                )

    def _headers(self, found: Found, allowance: Allowance) -> dict[str, str]:
        headers = {
            "date": format_datetime(self.fleet.now, usegmt=True),
            "content-type": "application/json; charset=utf-8",
            "x-request-id": str(UUID(int=next(self._numbers))),
        }
        if found == METHOD_NOT_ALLOWED:
            headers["allow"] = "GET"
        if found in (UNAUTHORIZED, FORBIDDEN) and self.variants.refused_by == "gateway":
            return {**headers, "content-type": "application/json", "x-response-from": "Edge-Gateway"}
        return headers | self._limit_headers(allowance)

    def _limit_headers(self, allowance: Allowance) -> dict[str, str]:
        reset_in_seconds = allowance.reset_seconds
        if not allowance.is_granted and self.variants.rate_limit == "reset in the past":
            reset_in_seconds = -_SEEN_IN_THE_PAST_SECONDS
        retry = {} if allowance.retry_seconds is None else {"retry-after": str(allowance.retry_seconds)}
        return {
            "ratelimit-limit": str(allowance.limit),
            "ratelimit-remaining": str(allowance.remaining),
            "ratelimit-reset": str(math.ceil(self.fleet.now.timestamp() + reset_in_seconds)),
            **retry,
        }


def _token(request: Request) -> str:
    """Return what is sent as a bearer token, or "", which is none."""
    match = _BEARER.fullmatch(request.headers.get("authorization", ""))
    return match[1] if match else ""
