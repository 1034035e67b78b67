"""Whether the receiver of pings knows the URL of the setting `ping_url`."""

from inventory.doctor.diagnosis import Check
from inventory.errors import InventoryError
from inventory.network.ping import send
from inventory.settings.load import Settings

_TO_DO = "Correct ping_url or ping_url_file; syncs are not affected, but nobody is alerted if they cease."


def examine_ping(settings: Settings) -> Check:
    """Send a ping that the receiver only logs: it is neither a success nor a failure."""
    if settings.ping_url is None:
        return Check("ping", "OK", "off: ping_url is not set")
    try:
        send(f"{settings.ping_url.get_secret_value()}/log", "inventory doctor", ca_file=settings.ca_file)
    except InventoryError as error:
        return Check("ping", "WARN", f"the ping could not be sent: {error}", _TO_DO)
    return Check("ping", "OK", "the receiver takes pings")
