"""Which of the configured accounts an order means."""

from collections.abc import Sequence

from inventory.errors import Kept, UsageError
from inventory.settings.accounts import AccountSettings
from inventory.settings.load import Settings
from inventory.sync.order import Order
from inventory.terminal import words
from inventory.terminal.spelling import matching


def chosen(settings: Settings, order: Order) -> Sequence[AccountSettings]:
    """Return the accounts whose name and group fit the order, in the order of the configuration.

    Raises:
        UsageError: None fits, or Droplets are named and several accounts fit.
    """
    found = [each for each in settings.accounts if _fits(each.name, order.account) and _fits(each.group, order.group)]
    if not found:
        known = words.some([account.name for account in settings.accounts])
        raise UsageError(f"no {_asked(order)} is configured, only: {known}", kept=Kept.NOTHING_DONE)
    if order.droplets and len(found) > 1:
        several = words.some([account.name for account in found])
        raise UsageError(
            f"--droplet needs --account NAME too, because there are several accounts ({several})",
            kept=Kept.NOTHING_DONE,
        )
    return found


def _fits(name: str | None, pattern: str | None) -> bool:
    return pattern is None or bool(matching([pattern], [name or ""]))


def _asked(order: Order) -> str:
    account = "account" if order.account is None else f'account "{order.account}"'
    return account if order.group is None else f'{account} of the group "{order.group}"'
