"""Where the messages of a channel go."""

from inventory.errors import ConfigurationError
from inventory.settings.declared import NotifyTable
from inventory.settings.files import read_secret
from inventory.settings.formats import read_notify_url


def url_of(channel: NotifyTable) -> str:
    """Return where a channel's messages go, from its file if it has one.

    Raises:
        ConfigurationError: The file cannot be read, or holds no such URL.
    """
    if channel.url is not None:
        return channel.url.get_secret_value()
    try:
        return read_notify_url(read_secret(channel.url_file or ""))
    except ValueError as error:
        raise ConfigurationError(f"channel {channel.name}: {channel.url_file}: {error}") from None
