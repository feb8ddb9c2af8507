"""Which numeric addresses are those of the internet: none of this machine, its network, or its provider's
inner services, in whichever way they are written.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
_GLOBAL = IPv6Network("2000::/3")
# Tunnels lead to an IPv4 address within the IPv6 one: Teredo (RFC 4380), 6to4 (RFC 3056).
_TUNNELS = (IPv6Network("2001::/32"), IPv6Network("2002::/16"))
# Public by its number, answered by the host of a virtual machine (Azure).
_INNER = (IPv4Address("168.63.129.16"),)


def is_public(address: str) -> bool:
    """False for what is no numeric address too."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return _is_public4(found) if isinstance(found, IPv4Address) else _is_public6(found)


def _is_public4(address: IPv4Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved or address in _INNER)


def _is_public6(address: IPv6Address) -> bool:
    if address.scope_id:
        return False
    if address.ipv4_mapped is not None:
        return _is_public4(address.ipv4_mapped)
    if address in _NAT64:
        return _is_public4(IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _GLOBAL and address.is_global and not any(address in one for one in _TUNNELS)
