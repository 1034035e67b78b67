"""Rate limit: a sliding minute and a sliding hour for each token."""

from collections.abc import Callable
from functools import partial

import pytest

from inventory.simulator.api import SimulatedApi
from inventory.simulator.fleet import Fleet
from inventory.simulator.limits import RateLimits, documented_limits
from inventory.simulator.variants import Variants
from tests.simulator.conftest import Told, ask


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


Limited = Callable[..., SimulatedApi]


@pytest.fixture
def limited(fleet: Fleet, watch: Watch) -> Limited:
    """Make the account with limits: three in a "minute" of four seconds, five in an "hour" of forty."""

    def make(*, per_minute: int | None = 3, per_hour: int | None = 5) -> SimulatedApi:
        limits = partial(RateLimits, per_minute=per_minute, per_hour=per_hour, minute_seconds=4, hour_seconds=40)
        return SimulatedApi(fleet, limits=partial(limits, seconds=watch))

    return make


def remaining(answer: Told) -> int:
    return int(answer.headers["ratelimit-remaining"])


def seconds_until_reset(api: SimulatedApi, answer: Told) -> float:
    return int(answer.headers["ratelimit-reset"]) - api.fleet.now.timestamp()


def test_remaining_falls_by_one_a_request_whatever_it_asks_for(limited: Limited) -> None:
    api = limited()
    answers = [ask(api, path) for path in ("/v2/account", "/v2/droplets/1", "/v2/nowhere")]
    assert [remaining(each) for each in answers] == [4, 3, 2]
    assert {each.headers["ratelimit-limit"] for each in answers} == {"5"}


def test_burst_is_refused_with_the_time_to_wait(limited: Limited, watch: Watch) -> None:
    api = limited()
    assert [ask(api, "/v2/account").status for _ in range(4)] == [200, 200, 200, 429]
    watch.seconds += 1
    refused = ask(api, "/v2/account")
    assert (refused.status, refused.document["id"]) == (429, "too_many_requests")
    assert (remaining(refused), refused.headers["retry-after"]) == (0, "3")
    watch.seconds += 3
    granted = ask(api, "/v2/account")
    assert (granted.status, remaining(granted), "retry-after" in granted.headers) == (200, 1, False)


def test_hour_is_refused_without_the_time_to_wait(limited: Limited, watch: Watch) -> None:
    api = limited(per_minute=None)
    for _ in range(5):
        assert ask(api, "/v2/account").status == 200
        watch.seconds += 2
    refused = ask(api, "/v2/account")
    assert (refused.status, remaining(refused), "retry-after" in refused.headers) == (429, 0, False)
    assert seconds_until_reset(api, refused) == 30
    watch.seconds += 30
    assert [ask(api, "/v2/account").status for _ in range(2)] == [200, 429]


def test_reset_is_when_the_oldest_request_expires(limited: Limited, watch: Watch) -> None:
    api = limited(per_minute=None)
    for _ in range(3):
        answer = ask(api, "/v2/account")
        watch.seconds += 5
    assert seconds_until_reset(api, answer) == 30


def test_refused_requests_do_not_prolong_the_wait(limited: Limited, watch: Watch) -> None:
    api = limited()
    for _ in range(20):
        ask(api, "/v2/account")
    watch.seconds += 4
    assert ask(api, "/v2/account").status == 200


def test_tokens_are_counted_apart(limited: Limited) -> None:
    api = limited()
    api.tokens["another"] = {"account:read"}
    assert [ask(api, "/v2/account").status for _ in range(4)][-1] == 429
    assert remaining(ask(api, "/v2/account", token="another")) == 4
    assert ask(api, "/v2/account", token="wrong").status == 401


def test_refusal_can_be_in_other_words_with_its_reset_in_the_past(limited: Limited) -> None:
    api = limited(per_minute=None)
    api.variants = Variants(rate_limit="reset in the past")
    granted, *_, refused = [ask(api, "/v2/account") for _ in range(6)]
    assert seconds_until_reset(api, granted) == 40
    assert seconds_until_reset(api, refused) == -25 * 60
    assert refused.document["message"] == "Too many requests"


def test_documented_limits_are_250_a_minute_and_5000_an_hour(fleet: Fleet) -> None:
    api = SimulatedApi(fleet, limits=documented_limits)
    answers = [ask(api, "/v2/account") for _ in range(251)]
    assert [each.status for each in answers] == [200] * 250 + [429]
    assert (answers[0].headers["ratelimit-limit"], remaining(answers[0])) == ("5000", 4999)
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60


def test_nothing_is_limited_unless_asked_for(api: SimulatedApi) -> None:
    answers = [ask(api, "/v2/account") for _ in range(300)]
    assert {(each.status, remaining(each)) for each in answers} == {(200, 5000)}
