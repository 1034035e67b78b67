"""A simulated month of hourly syncs, in process: how many requests one makes, on daily and on weekly plans."""

from contextlib import closing

from inventory.store.engine import memory
from inventory.store.upgrade import upgrade
from tests.simulated import Account

_DROPLETS = 100
_SCALED_TO = 1_000
_SETTLING_HOURS = 8 * 24  # until the first relisting is spread over its week
_HOURS = 30 * 24


def main() -> None:
    """Print a line for each plan."""
    at_rest = _at_rest(_SCALED_TO)
    print(f"requests at rest, {_SCALED_TO:,} Droplets: {at_rest}")
    for plan, backups in (("daily", 7), ("weekly", 4)):
        requests, listings = _month(plan, backups)
        scaled = listings * _SCALED_TO / _DROPLETS + at_rest
        print(
            f"requests a run, {plan} plans, hourly for {_HOURS // 24} days: {_DROPLETS} Droplets {requests:.1f}, "
            f"of them {listings:.1f} listings; scaled to {_SCALED_TO:,} Droplets {scaled:.0f}"
        )


def _at_rest(droplets: int) -> int:
    with closing(memory()) as database:
        upgrade(database)
        account = Account(database)
        _fill(account, droplets, "daily", backups=7)
        account.sync()
        return account.sync(is_full=False).requests


def _month(plan: str, backups: int) -> tuple[float, float]:
    """Return the mean requests of a run, and how many of them list one Droplet's backups."""
    with closing(memory()) as database:
        upgrade(database)
        account = Account(database)
        _fill(account, _DROPLETS, plan, backups)
        _sync_hourly(account, _SETTLING_HOURS)
        account.api.asked.clear()
        _sync_hourly(account, _HOURS)
        asked = account.api.asked
        listings = sum(path.endswith("/backups") for path in asked)
        return len(asked) / _HOURS, listings / _HOURS


def _fill(account: Account, droplets: int, plan: str, backups: int) -> None:
    for number in range(droplets):
        account.fleet.add_droplet(name=f"web-{number}", plan=plan, backups=backups)


def _sync_hourly(account: Account, hours: int) -> None:
    for _ in range(hours):
        account.advance(hours=1)
        report = account.sync(is_full=False)
        if report.status != "complete":
            raise SystemExit(f"the sync is {report.status}: {report.error}")


if __name__ == "__main__":
    main()
