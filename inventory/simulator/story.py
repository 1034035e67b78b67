"""The life of a seeded fleet: who is in it, what is sure to happen to it, and what may.

Its days are counted from the fleet's start. What the script names happens in every seeded fleet that is large enough,
so that a demonstration of any seed has something to show; the rest is chance.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from inventory.simulator.fleet import Fleet, OldestGoes
from inventory.simulator.growth import Growth
from inventory.simulator.values import SimulatedBackup

CHANCE_OF_MISSING = 0.01
DAYS_OF_CHANCE = 730
DAYS_BETWEEN_CHANGES = 150


@dataclass(frozen=True, slots=True)
class Member:
    """A Droplet of the fleet; the attributes are those of `Fleet.add_droplet`."""

    name: str
    plan: str | None
    growth: Growth
    size_gigabytes: float
    size_slug: str
    region: str
    tags: tuple[str, ...]
    backups: int


# The first few of a fleet, in this order; what is said of them in SCRIPT goes by the name.
MEMBERS = (
    Member("web-01", "daily", "growing", 2.34, "s-1vcpu-2gb", "nyc3", ("web", "env:prod"), 6),
    Member("web-02", "daily", "flat", 3, "s-1vcpu-2gb", "nyc3", ("web", "env:prod"), 6),
    Member("db-01", "daily", "growing", 18.2, "m-4vcpu-32gb", "fra1", ("db", "env:prod"), 6),
    Member("db-02", "daily", "stepping", 5.5, "s-4vcpu-8gb", "fra1", ("db", "env:prod"), 6),
    Member("gpu-01", "weekly", "growing", 41.7, "gpu-h100x1-80gb", "tor1", ("gpu", "env:prod"), 3),
    Member("mail-01", "weekly", "shrinking", 12.4, "s-2vcpu-4gb", "ams3", ("mail", "env:prod"), 3),
    Member("cache-01", None, "flat", 1, "s-2vcpu-4gb", "nyc3", ("cache",), 0),
    Member("edge-01", "hourly", "flat", 1.07, "s-1vcpu-1gb", "atl1", ("edge", "env:prod"), 12),
    Member("build-01", "weekly", "stepping", 7.9, "g-2vcpu-8gb", "ams3", ("env:staging",), 3),
    Member("old-01", "weekly", "flat", 4.2, "s-1vcpu-1gb", "sfo3", (), 3),
    Member("files-01", "weekly", "growing", 66.1, "s-4vcpu-8gb", "fra1", ("files", "env:prod"), 3),
    Member("web-03", "daily", "growing", 1.9, "s-1vcpu-2gb", "sfo3", ("web", "env:staging"), 0),
)


def convert_one(fleet: Fleet, droplet_id: int) -> None:
    """Convert the last but one of a Droplet's backups to a snapshot, if there is one."""
    for backup in _last_but_one(fleet, droplet_id):
        fleet.convert(backup.id)


def lose_one(fleet: Fleet, droplet_id: int) -> None:
    """Let the last but one of a Droplet's backups disappear without a reason, if there is one."""
    for backup in _last_but_one(fleet, droplet_id):
        fleet.lose(backup.id)


def _last_but_one(fleet: Fleet, droplet_id: int) -> tuple[SimulatedBackup, ...]:
    """Pick a backup that whoever looks once a day has seen: the last may be a minute old."""
    return fleet.backups_of(droplet_id)[-2:-1]


def switch_plan(fleet: Fleet, droplet_id: int) -> None:
    """Change a Droplet's plan from daily to weekly, from any other to daily, or switch backups on."""
    policy = fleet.droplets[droplet_id].policy
    if policy is None:
        fleet.enable_backups(droplet_id, "daily")
    else:
        fleet.change_policy(droplet_id, plan="weekly" if policy.plan == "daily" else "daily")


def rebuild(fleet: Fleet, droplet_id: int) -> None:
    """Destroy a Droplet and create another of the same name, as people do."""
    before = fleet.droplets[droplet_id]
    fleet.destroy(droplet_id)
    fleet.add_droplet(
        name=before.name,
        plan=before.policy.plan if before.policy else None,
        tags=before.tags,
        region=before.region,
        size_slug=before.size.slug,
        growth=before.growth,
        size_gigabytes=before.size_gigabytes,
    )


# Day, Droplet, what happens to it.
SCRIPT: tuple[tuple[float, str, Callable[[Fleet, int], object]], ...] = (
    (9.5, "web-02", lambda fleet, droplet: fleet.miss_next(droplet)),
    (16.6, "web-01", convert_one),
    (23.4, "db-01", lose_one),
    (31.2, "web-03", lambda fleet, droplet: fleet.rename(droplet, "shop-01")),
    (38.7, "mail-01", lambda fleet, droplet: fleet.change_policy(droplet, plan="daily")),
    (45.3, "db-01", lambda fleet, droplet: fleet.resize(droplet, "s-4vcpu-8gb")),
    (52.8, "cache-01", lambda fleet, droplet: fleet.enable_backups(droplet, "weekly")),
    (60.5, "old-01", lambda fleet, droplet: fleet.destroy(droplet)),
    (74.1, "web-02", lambda fleet, droplet: fleet.tag(droplet, "canary")),
    (88.9, "db-02", lambda fleet, droplet: fleet.disable_backups(droplet)),
)
SCRIPT_ENDS_ON_DAY = 90

# What may happen to any Droplet, the likelier the more often it is named.
CHANCES: tuple[Callable[[Fleet, int], object], ...] = (
    *(lambda fleet, droplet: fleet.miss_next(droplet),) * 3,
    *(lambda fleet, droplet: fleet.resize(droplet, "s-2vcpu-4gb"),) * 2,
    *(lambda fleet, droplet: fleet.rename(droplet, f"{fleet.droplets[droplet].name}-b"),) * 2,
    *(switch_plan,) * 2,
    *(convert_one,) * 2,
    rebuild,
    lose_one,
    lambda fleet, droplet: fleet.disable_backups(droplet),
)


def member(number: int) -> Member:
    """Return the Droplet number `number`, counted from 0: MEMBERS again and again, ten added to their numbers."""
    generation, index = divmod(number, len(MEMBERS))
    role, numeral = MEMBERS[index].name.rsplit("-", 1)
    return replace(MEMBERS[index], name=f"{role}-{int(numeral) + 10 * generation:02}")


def seeded_fleet(
    *,
    seed: int = 1,
    droplets: int = 12,
    starts_at: datetime,
    days: int = 0,
    oldest_goes: OldestGoes = "by_age",
) -> Fleet:
    """Return a mixed fleet to which things happen, as it is `days` after `starts_at`."""
    fleet = Fleet(starts_at, seed=seed, oldest_goes=oldest_goes, chance_of_missing=CHANCE_OF_MISSING)
    begin(fleet, droplets)
    fleet.advance(to=starts_at + timedelta(days=days))
    return fleet


def begin(fleet: Fleet, droplets: int) -> None:
    """Add the Droplets to an empty fleet, and schedule what will happen to them."""
    starts_at = fleet.now
    ids = {}
    for number in range(droplets):
        newcomer = member(number)
        ids[newcomer.name] = fleet.add_droplet(**asdict(newcomer))
        _leave_to_chance(fleet, ids[newcomer.name], first_day=SCRIPT_ENDS_ON_DAY if number < len(MEMBERS) else 0)
    for day, name, change in SCRIPT:
        if name in ids:
            fleet.schedule(starts_at + timedelta(days=day), partial(_happen, ids[name], change))


def _leave_to_chance(fleet: Fleet, droplet_id: int, *, first_day: int) -> None:
    random = fleet.chance.random(fleet.droplets[droplet_id].seed, "changes")
    day = first_day + random.expovariate(1 / DAYS_BETWEEN_CHANGES)
    while day < DAYS_OF_CHANCE:
        fleet.schedule(fleet.now + timedelta(days=day), partial(_happen, droplet_id, random.choice(CHANCES)))
        day += random.expovariate(1 / DAYS_BETWEEN_CHANGES)


def _happen(droplet_id: int, change: Callable[[Fleet, int], object], fleet: Fleet) -> None:
    if droplet_id in fleet.droplets:
        change(fleet, droplet_id)
