"""Row 34 of the faults: how long the server asks us to wait, in all the ways it may put it."""

from datetime import UTC, datetime

import httpx
import pytest

from inventory.digitalocean.answer import check_status
from inventory.errors import ApiError, RateLimitedError, TransientError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RESET = int(NOW.timestamp())

RATE_LIMITED: dict[str, tuple[dict[str, str], float]] = {
    "seconds": ({"retry-after": "17"}, 17),
    "zero": ({"retry-after": "0"}, 1),
    "negative": ({"retry-after": "-5"}, 60),
    "far too long": ({"retry-after": "1000000000"}, 3600),
    "exponent": ({"retry-after": "1e9"}, 60),
    "longer than any number": ({"retry-after": "9" * 400}, 60),
    "nan": ({"retry-after": "nan"}, 60),
    "missing": ({}, 60),
    "empty": ({"retry-after": ""}, 60),
    "date": ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT"}, 30),
    "date long past": ({"retry-after": "Sun, 01 Mar 2020 12:00:30 GMT"}, 1),
    "date far off": ({"retry-after": "Sun, 01 Mar 2099 12:00:30 GMT"}, 3600),
    "date that is none": ({"retry-after": "Sun, 99 Mar 2026 12:00:30 GMT"}, 60),
    "date by a server whose clock differs": (
        {"retry-after": "Tue, 01 Mar 2050 00:00:30 GMT", "date": "Tue, 01 Mar 2050 00:00:00 GMT"},
        30,
    ),
    "reset": ({"ratelimit-reset": str(RESET + 90)}, 90),
    "reset in the past": ({"ratelimit-reset": str(RESET - 1500)}, 60),
    "reset far off": ({"ratelimit-reset": str(RESET + 10**6)}, 3600),
    "reset that is none": ({"ratelimit-reset": "soon"}, 60),
    "seconds before reset": ({"retry-after": "5", "ratelimit-reset": str(RESET + 900)}, 5),
}


@pytest.mark.parametrize(("headers", "seconds"), RATE_LIMITED.values(), ids=RATE_LIMITED)
def test_wait_for_the_rate_limit(headers: dict[str, str], seconds: float) -> None:
    with pytest.raises(RateLimitedError) as caught:
        check_status(httpx.Response(429, headers=headers), host="h", scopes="s", now=NOW)
    assert caught.value.wait_seconds == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"retry-after": "7"}, 7), ({"retry-after": "0"}, 1), ({}, None), ({"ratelimit-reset": str(RESET + 9)}, None)],
)
def test_wait_after_a_failure_is_kept_only_where_it_is_asked_for(
    headers: dict[str, str], seconds: float | None
) -> None:
    with pytest.raises(TransientError) as caught:
        check_status(httpx.Response(503, headers=headers), host="h", scopes="s", now=NOW)
    assert caught.value.wait_seconds == seconds


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_request_id_that_holds_the_token_is_dropped(status: int) -> None:
    answer = httpx.Response(status, headers={"x-request-id": "id-of-secret-token"})
    with pytest.raises(ApiError) as caught:
        check_status(answer, host="h", scopes="s", now=NOW, secret="secret-token")
    assert caught.value.request_id is None
    assert "secret" not in str(caught.value)
