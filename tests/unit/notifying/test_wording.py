"""More than five new findings of one name are one line."""

from datetime import UTC, datetime

from inventory.judging.verdict import Finding
from inventory.notifying.telling import Change, Message
from inventory.notifying.wording import MOST_OF_ONE_NAME, Line, lines

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def message(number: int, change: Change = Change.NEW, name: str = "missed-backup") -> Message:
    droplet = f"web-{number}"
    return Message(change, Finding(name, "warning", "default", number, droplet, NOW, "a window", droplet))


def test_five_are_told_one_by_one() -> None:
    told = [*lines([message(number) for number in range(MOST_OF_ONE_NAME)])]
    assert [line.subject for line in told] == ["web-0", "web-1", "web-2", "web-3", "web-4"]


def test_six_are_one_line_and_others_stay() -> None:
    others = [message(7, Change.WORSE), message(8, Change.SOLVED)]
    told = [*lines([*map(message, range(6)), *others])]
    assert told == [
        Line(
            "new",
            "warning",
            "6 Droplets",
            "missed-backup",
            "web-0, web-1, web-2 and 3 more; inventory check lists them",
        ),
        Line("worse", "warning", "web-7", "missed-backup", "a window", others[0]),
        Line("solved", "", "web-8", "missed-backup", "was: a window", others[1]),
    ]
