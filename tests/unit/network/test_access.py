import pytest
from pydantic import BaseModel, ValidationError

from inventory.network.access import DIGITALOCEAN, Origin, Token


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("https://api.digitalocean.com/", "https://api.digitalocean.com"),
        ("https://api.digitalocean.com:443", "https://api.digitalocean.com"),
        ("HTTPS://API.DigitalOcean.com", "https://api.digitalocean.com"),
        ("https://proxy.example:8443", "https://proxy.example:8443"),
        ("http://localhost:8099", "http://localhost:8099"),
        ("http://127.0.0.1:8099", "http://127.0.0.1:8099"),
        ("http://[::1]:8099/", "http://[::1]:8099"),
    ],
)
def test_an_origin_is_scheme_host_and_port(written: str, expected: str) -> None:
    assert Origin(written) == expected
    assert Origin(Origin(written)) == expected


@pytest.mark.parametrize(
    "written",
    [
        "https:api.digitalocean.com",
        "https:///api.digitalocean.com",
        "https://api.digitalocean.com\\@example.org",
        "https://2852039166",
        "https://0xa9fea9fe",
        "https://[fe80::1]",
        "https://0",
        "http://128.0.0.1",
    ],
)
def test_what_parsers_of_urls_read_differently_or_no_api_can_be_at_is_no_origin(written: str) -> None:
    with pytest.raises(ValueError, match="the API base URL"):
        Origin(written)


def test_both_are_read_as_fields() -> None:
    class Access(BaseModel):
        origin: Origin = DIGITALOCEAN
        token: Token | None = None

    access = Access.model_validate({"origin": "https://example.org/", "token": "secret\n"})
    assert access.origin == Origin("https://example.org")
    assert access.token == Token("secret")
    assert "secret" not in repr(access)
    with pytest.raises(ValidationError) as caught:
        Access.model_validate({"origin": 1, "token": ["secret"]})
    assert [detail["type"] for detail in caught.value.errors()] == ["string_type", "string_type"]
