"""The address that this process listens at, `ADDRESS:PORT`, as the others of this machine see it. Pure."""

import ipaddress

PAGES_ADDRESS = "127.0.0.1:8081"
"""Where `inventory pages` answers if nothing else is said."""

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def host_and_port(address: str) -> tuple[str, int]:
    """Split `ADDRESS:PORT`; an address of IPv6 loses its brackets."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def names(address: str) -> tuple[str, ...]:
    """Name the hosts by which a listener at `address` may always be asked: this machine's own, and the address."""
    return (*_LOOPBACK_NAMES, host_and_port(address)[0])


def is_loopback(address: str) -> bool:
    """Tell whether only this machine reaches a listener at `address`."""
    host, _ = host_and_port(address)
    return host == "localhost" or ipaddress.ip_address(host).is_loopback


def local_url(address: str) -> str:
    """Return the URL at which a process on this machine reaches a listener at `address`."""
    host, port = host_and_port(address)
    if host != "localhost" and ipaddress.ip_address(host).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
