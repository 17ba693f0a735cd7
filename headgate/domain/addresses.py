"""IP addresses, as those who use them are counted."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

NOWHERE = "unknown"
SITE_BITS = 64
"""Whoever has an IPv6 address has all of its /64 (RFC 6177), and could take another one for each request."""


def site_of(address: str | None) -> str:
    """Name what a client is counted under: an address of IPv4, or a /64 of IPv6."""
    read = read_address(address or "")
    if isinstance(read, IPv6Address):
        return str(ip_network((read.packed, SITE_BITS), strict=False))
    return NOWHERE if read is None else str(read)


def read_address(text: str) -> Address | None:
    """Read an address; one of IPv4 that is written as one of IPv6 is one of IPv4. None for what is none."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
