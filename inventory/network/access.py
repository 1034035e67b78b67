"""A token, and where it goes: values that are checked once, when they are made.

A ValueError is one sentence for the operator; it holds nothing of the text that was read.
"""

import ipaddress
import re
from typing import Self

from pydantic import AnyUrl, GetCoreSchemaHandler, Secret, ValidationError
from pydantic_core import CoreSchema, core_schema

# RFC 6750, "b64token".
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,512}=*")

# The standard for URLs also reads https:x and https:///x as https://x.
_WITH_HOST = re.compile(r"[A-Za-z]+://[^/\\]")


def web_url(text: str, name: str) -> AnyUrl:
    """Read a URL that secrets may go to: https, or http on this machine only, without a user.

    Args:
        text: The URL.
        name: What it is called in sentences.

    Raises:
        ValueError: It is something else.
    """
    # The standard silently removes some of these.
    if " " in text or not (text.isascii() and text.isprintable()):
        raise ValueError(f"{name} contains characters that do not belong there")
    try:
        url = AnyUrl(text)
    except ValidationError:
        raise ValueError(f"{name} cannot be read; it begins with https:// and the name of a host") from None
    if url.username or url.password:
        raise ValueError(f"{name} must not contain a user name or password")
    if url.scheme != "https" and not (url.scheme == "http" and _is_this_machine(url.host)):
        raise ValueError(f"{name} must be https (http for this machine's own addresses only)")
    if not _WITH_HOST.match(text) or _is_nowhere(url.host):
        raise ValueError(f"{name} names no host that could be meant")
    return url


def _is_this_machine(host: str | None) -> bool:
    address = ip_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _is_nowhere(host: str | None) -> bool:
    address = ip_address(host)
    return address is not None and (address.is_link_local or address.is_unspecified)


def ip_address(host: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a host is written as, with or without brackets; None if it is a name."""
    try:
        return ipaddress.ip_address((host or "").strip("[]"))
    except ValueError:
        return None


class Token(Secret[str]):
    """An API token that can be sent, without the newline that files and shells add."""

    def __init__(self, text: str) -> None:
        token = text.rstrip("\r\n")
        if not token:
            raise ValueError("the token is empty")
        if not _TOKEN.fullmatch(token):
            raise ValueError(
                "the API token contains characters that cannot be part of a token; check where it is read from"
            )
        super().__init__(token)


class Origin(str):
    """The scheme, host and port that a token goes to (R9): https, or http on this machine only."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Read a URL; a slash at its end is dropped."""
        url = web_url(text, "the API base URL")
        if url.path not in (None, "/") or "?" in text or "#" in text:
            raise ValueError("the API base URL must end after the host; paths are added to it")
        return super().__new__(cls, str(url).rstrip("/"))

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())


DIGITALOCEAN = Origin("https://api.digitalocean.com")
"""Where DigitalOcean's API is."""
