"""Whether the channels of `[[notify]]` can be told, and took what they were told lately. No message is sent."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial

from inventory.doctor.diagnosis import Check
from inventory.errors import ConfigurationError
from inventory.judging.findings import Undelivered
from inventory.network.delivery import require_apprise
from inventory.settings.channels import url_of
from inventory.settings.load import Settings
from inventory.terminal import words

_TO_DO = "Syncs are not affected, but nobody is told. inventory notify --test NAME tries a channel."


def examine_channels(settings: Settings, undelivered: Mapping[str, Undelivered | None], now: datetime) -> Check:
    """Judge all of them together; `undelivered` is what each did not take."""
    if not settings.notify:
        return Check("channels", "OK", "off: no [[notify]] is set")
    lacking = [*_problem(require_apprise)]
    unreadable = [text for channel in settings.notify for text in _problem(partial(url_of, channel))]
    not_taken = [
        f"channel {name}: {words.count(what.messages, 'message')} not delivered since {words.instant(what.since, now)}"
        for name, what in undelivered.items()
        if what
    ]
    if found := [*lacking, *unreadable, *not_taken]:
        return Check("channels", "WARN", "; ".join(found), _TO_DO)
    return Check("channels", "OK", f"{words.some(settings.channels)}: nothing was given up")


def _problem(check: Callable[[], object]) -> Iterator[str]:
    try:
        check()
    except ConfigurationError as error:
        yield str(error)
