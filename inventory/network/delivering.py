"""The process that sends one message: a parcel on stdin, the name of an outcome and an HTTP status on stdout.

python -m inventory.network.delivering
"""

import ipaddress
import json
import os
import signal
import socket
import sys
from importlib import import_module
from typing import Any

_MAIL = ("mailtos",)
_CONNECT_SECONDS = 10.0
_LONGEST_LIFE_SECONDS = 30
_LONGER_THAN_ANYBODY_WAITS_SECONDS = 60.0
_status: int | None = None


class _PrivateAddressError(OSError):
    """A connection to an address that messages may not go to."""


class _Guard:
    """Lets sockets connect to public addresses only, or to private ones where that is allowed."""

    was_private = False

    def __init__(self, *, allow_private: bool, only_this_machine: bool) -> None:
        self._allow_private = allow_private
        self._only_this_machine = only_this_machine

    def install(self) -> None:
        connect = socket.socket.connect

        def guarded(sock: socket.socket, address: Any) -> None:  # noqa: ANN401 - as the socket takes it
            self._check(sock, address)
            connect(sock, address)

        socket.socket.connect = guarded  # type: ignore[method-assign, assignment]

        def guarded_ex(sock: socket.socket, address: Any) -> int:  # noqa: ANN401 - as above
            guarded(sock, address)
            return 0

        socket.socket.connect_ex = guarded_ex  # type: ignore[method-assign, assignment]

    def _check(self, sock: socket.socket, address: Any) -> None:  # noqa: ANN401 - as above
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            # A name would be looked up again, by something else.
            at = ipaddress.ip_address(address[0].partition("%")[0])
            at = getattr(at, "ipv4_mapped", None) or at
            if (
                at.is_loopback
                if self._only_this_machine
                else self._allow_private or (at.is_global and not at.is_multicast)
            ):
                return
        _Guard.was_private = True
        raise _PrivateAddressError("not a public address")


def _deliver(parcel: dict[str, Any]) -> str:
    import apprise  # noqa: PLC0415 - what it prints while it is loaded must already be thrown away

    asset = apprise.AppriseAsset(http_redirects=False, async_mode=False)
    sender = apprise.Apprise.instantiate(parcel["url"], asset=asset)
    if sender is None:
        return "UNREADABLE"
    schema = sender.schema
    is_mail = schema in _MAIL
    # Whatever its URL says. How long is waited for an answer is for who started this process to say: it then knows that
    # the message may have been taken. Of mail, the first of these is for answers too.
    sender.redirects, sender.verify_certificate = False, True
    sender.socket_connect_timeout = _LONGER_THAN_ANYBODY_WAITS_SECONDS if is_mail else _CONNECT_SECONDS
    sender.socket_read_timeout = _LONGER_THAN_ANYBODY_WAITS_SECONDS
    # A medium that takes less gets the beginning, which has the worst.
    sender.overflow_mode = apprise.OverflowMode.TRUNCATE
    is_secure = schema in _listed(sender.secure_protocol)
    if (not is_secure and not parcel["allow_private"]) or (schema.startswith("mail") and schema not in _MAIL):
        return "INSECURE"
    _Guard(allow_private=parcel["allow_private"] or is_mail, only_this_machine=not is_secure).install()
    body, form = parcel["text"], apprise.NotifyFormat.TEXT
    if is_mail and parcel["html"]:
        body, form = parcel["html"], apprise.NotifyFormat.HTML
        _go_with(body, parcel["text"])
    is_delivered = sender.notify(body=body, title=parcel["title"], body_format=form)
    return "DELIVERED" if is_delivered else "PRIVATE" if _Guard.was_private else "REFUSED"


def _go_with(html: str, text: str) -> None:
    """Let the text go beside the page, in place of what Apprise makes of it."""
    base: Any = import_module("apprise.plugins.email.base")
    convert = base.convert_between

    def converted(from_format: str, to_format: str, content: str, **others: Any) -> Any:  # noqa: ANN401 - as Apprise has it
        return text if content == html else convert(from_format, to_format, content, **others)

    base.convert_between = converted


def _listed(schemas: Any) -> tuple[str, ...]:  # noqa: ANN401 - a text, many or None
    return (schemas,) if isinstance(schemas, str) else tuple(schemas or ())


def _watch_statuses() -> None:
    import requests  # noqa: PLC0415 - as above

    send = requests.Session.send

    def watched(*arguments: Any, **named: Any) -> requests.Response:  # noqa: ANN401 - as it is called
        global _status  # noqa: PLW0603 - one message a process
        answer = send(*arguments, **named)
        _status = answer.status_code
        return answer

    requests.Session.send = watched  # type: ignore[method-assign]


def main() -> None:
    """Send the parcel on stdin; whoever waits for that may be killed before it can end this process."""
    signal.alarm(_LONGEST_LIFE_SECONDS)
    answer_to = os.dup(1)
    for number in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    parcel = json.load(sys.stdin)
    _watch_statuses()
    outcome = _deliver(parcel)
    os.write(answer_to, json.dumps({"outcome": outcome, "status": _status}).encode())


if __name__ == "__main__":
    main()
