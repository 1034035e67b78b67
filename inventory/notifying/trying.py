"""What a channel did not take: how often it is tried, and when it is given up. Pure.

    due | open_to, then sent | after

A message that was not taken is still due after the next verdict, as far as it is true then. It is given up 7 days after
it was first tried. One that may have been taken without an answer is sent three times at most. Once the channel takes
anything, all that is still due may be sent again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from inventory.notifying.telling import Change, Extent, Key, Message, key_of

GIVEN_UP_AFTER = timedelta(days=7)
MOST_UNANSWERED = 3


class Ending(Enum):
    """How it ended to send messages."""

    TAKEN = auto()
    REFUSED = auto()
    UNANSWERED = auto()


@dataclass(frozen=True, slots=True)
class Tried:
    """A message that a channel did not take.

    Attributes:
        first_tried_at: UTC.
        unanswered: How often it was sent without an answer in time.
    """

    change: Change
    extent: Extent
    first_tried_at: datetime
    unanswered: int = 0

    def is_of(self, message: Message) -> bool:
        """Tell whether a message of the same key says nothing more than this one."""
        if Change.SOLVED in (message.change, self.change):
            return message.change is self.change
        return not message.extent.is_worse_than(self.extent)

    def is_closed(self, now: datetime) -> bool:
        """Tell whether it is not sent again."""
        return now - self.first_tried_at >= GIVEN_UP_AFTER or self.unanswered >= MOST_UNANSWERED


Attempts = Mapping[Key, Tried]


def still_due(tried: Attempts, due: Sequence[Message]) -> dict[Key, Tried]:
    """Return the attempts of messages that are still due."""
    messages = {key_of(each.finding): each for each in due}
    return {key: each for key, each in tried.items() if key in messages and each.is_of(messages[key])}


def open_to(due: Sequence[Message], tried: Attempts, now: datetime) -> list[Message]:
    """Return those of the messages that are sent."""
    closed = {key for key, each in still_due(tried, due).items() if each.is_closed(now)}
    return [each for each in due if key_of(each.finding) not in closed]


def after(tried: Attempts, due: Sequence[Message], sent: Sequence[Message], ending: Ending, now: datetime) -> Attempts:
    """Return the attempts after messages were sent, some of those that were due."""
    if sent and ending is Ending.TAKEN:
        return {}
    left = still_due(tried, due)
    for message in sent:
        key = key_of(message.finding)
        before = left.get(key) or Tried(message.change, message.extent, now)
        left[key] = replace(before, unanswered=before.unanswered + (ending is Ending.UNANSWERED))
    return left
