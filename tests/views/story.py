"""A fleet to which each thing happens once, on a day that is known: what tests/views/truth was worked out from.

Every backup is made an hour after its window opens: daily ones at 05:00, weekly ones on Sundays at 21:00. The fleet is
four weeks old when it is first looked at, on Saturday 28 February 2026 at 12:00 UTC; then it is looked at every day at
12:00 until Friday 3 April, but for Wednesday 18 March, on which nobody looks. Clocks change on 8 March in America and
on 29 March in Europe.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

from inventory.simulator.chance import Chance
from inventory.simulator.faults import Fault
from inventory.simulator.fleet import Fleet
from inventory.store.engine import Database
from tests.simulated import Account, backups_path

BEGINS = datetime(2026, 2, 28, 12, tzinfo=UTC)
ENDS = datetime(2026, 4, 3, 12, tzinfo=UTC)
UNLOOKED = datetime(2026, 3, 18, 12, tzinfo=UTC)
DAY = timedelta(days=1)

DAILY = {"plan": "daily", "hour": 4, "backups": 7}
WEEKLY = {"plan": "weekly", "weekday": "SUN", "hour": 20, "backups": 4}
# By order of addition: name -> how `Fleet.add_droplet` makes it.
MEMBERS: dict[str, dict[str, object]] = {
    "web": {**DAILY, "size_gigabytes": 2.0, "tags": ("env:prod", "web")},
    "mail": {**WEEKLY, "size_gigabytes": 10.0, "tags": ("env:prod",)},
    "cache": {**DAILY, "size_gigabytes": 2.0},
    "gone": {**DAILY, "size_gigabytes": 2.0},
    "lost": {**DAILY, "size_gigabytes": 2.0},
    "back": {**WEEKLY, "size_gigabytes": 10.0},
    "plan": {**DAILY, "size_gigabytes": 2.0},
    "late": {"plan": None, "size_gigabytes": 2.0},
    "odd": {**DAILY, "size_gigabytes": 10.0},
    "grow": {**WEEKLY, "size_gigabytes": 10.0},
    "dark": {**DAILY, "size_gigabytes": 2.0},
    "bare": {"plan": None},
}
ODD_SIZES = {
    (3, 11): 30.0,  # grown
    (3, 13): 4.0,  # shrunk
    (3, 15): 0.0,
    (3, 20): 18.0,  # 1.8 times the median, not above it
    (3, 23): 5.0,  # half of it, not below
    (4, 3): 30.0,  # grown, and the newest
}


class Punctual(Chance):
    """Lets every backup be made an hour after its window opens."""

    def instant_in(self, window: datetime, droplet_seed: str) -> datetime:
        del droplet_seed
        return window + timedelta(hours=1)


@dataclass
class Story:
    """The account whose fleet the script is about.

    Attributes:
        ids: Name, as at the beginning -> id of the Droplet.
    """

    account: Account
    ids: dict[str, int]


def begin(database: Database, *, name: str = "default") -> Story:
    """Make the fleet, as it is before the first look, and schedule what will happen to it."""
    fleet = Fleet(BEGINS)
    fleet.chance = Punctual(1)
    ids = {member: fleet.add_droplet(name=member, **attributes) for member, attributes in MEMBERS.items()}  # type: ignore[arg-type]
    story = Story(Account(database, fleet, name=name), ids)
    fleet.lose(_made(fleet, ids["lost"], _at(2, 25, 5)))  # nobody will have seen it
    for number in range(4):
        fleet.edit_backup(_made(fleet, ids["grow"], _at(2, 1 + 7 * number, 21)), size_gigabytes=10.0 + number)
    for at, happen in _script(story):
        fleet.schedule(at, partial(_call, happen))
    return story


def days(story: Story) -> Iterator[datetime]:
    """Look once a day, and give each day's instant after its look."""
    fleet = story.account.fleet
    for number in count():
        now = BEGINS + number * DAY
        if now > ENDS:
            return
        fleet.advance(to=now)
        if now != UNLOOKED:
            story.account.sync()
            yield now


def _call(happen: Callable[[], object], _fleet: Fleet) -> None:
    happen()


def _at(month: int, day: int, hour: int) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def _made(fleet: Fleet, droplet_id: int, at: datetime) -> int:
    """Find the backup made at an instant."""
    (found,) = [backup.id for backup in fleet.backups_of(droplet_id) if backup.created_at == at]
    return found


def _script(story: Story) -> Iterator[tuple[datetime, Callable[[], object]]]:
    """List what happens, and when."""
    fleet, ids, faults = story.account.fleet, story.ids, story.account.api.faults

    def edit(name: str, at: datetime, size_gigabytes: float, regions: Sequence[str] | None = None) -> None:
        fleet.edit_backup(_made(fleet, ids[name], at), size_gigabytes=size_gigabytes, regions=regions)

    def lose(name: str, at: datetime) -> None:
        fleet.lose(_made(fleet, ids[name], at))

    returning = _made(fleet, ids["back"], _at(2, 22, 21))
    unseen = backups_path(ids["dark"])
    yield _at(3, 4, 15), partial(fleet.lose, returning)
    yield _at(3, 9, 15), partial(fleet.return_backup, returning)
    # Nothing is seen of this Droplet's backups for two weeks; meanwhile one is missed.
    yield _at(3, 6, 15), partial(faults.update, {unseen: Fault(status=500)})
    yield _at(3, 15, 15), partial(fleet.miss_next, ids["dark"])
    yield _at(3, 20, 9), partial(faults.pop, unseen)
    yield _at(3, 9, 15), partial(fleet.miss_next, ids["web"])
    yield _at(3, 10, 15), partial(edit, "mail", _at(3, 8, 21), 11.0, ("nyc3", "ams3"))
    yield _at(3, 12, 15), lambda: fleet.convert(_made(fleet, ids["mail"], _at(3, 1, 21)))
    yield _at(3, 13, 15), partial(lose, "lost", _at(3, 12, 5))
    yield _at(3, 16, 15), partial(fleet.resize, ids["web"], "s-1vcpu-2gb")
    yield _at(3, 16, 15), partial(fleet.change_policy, ids["plan"], plan="weekly", weekday="SUN", hour=20)
    yield _at(3, 19, 15), partial(fleet.disable_backups, ids["cache"])
    yield _at(3, 22, 15), partial(fleet.destroy, ids["gone"])
    yield _at(3, 22, 15), partial(fleet.miss_next, ids["mail"])
    yield _at(3, 24, 15), partial(fleet.rename, ids["web"], "shop")
    yield _at(3, 25, 15), partial(fleet.enable_backups, ids["late"], "daily", hour=4)
    for (month, day), size in ODD_SIZES.items():
        yield _at(month, day, 6), partial(edit, "odd", _at(month, day, 5), size)
    for number in range(5):
        made_at = _at(3, 1, 21) + 7 * number * DAY
        yield made_at + timedelta(hours=1), partial(edit, "grow", made_at, 14.0 + number)
