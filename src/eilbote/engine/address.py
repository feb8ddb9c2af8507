"""What people type when they set up an account, checked: addresses, servers, fingerprints.

Each check gives a value or raises Misused (NotAllowed for a line without protection) that names the input.
"""

from __future__ import annotations

import ipaddress
import re

from eilbote.errors import Misused, NotAllowed
from eilbote.mail.domain import domain_for_people, domain_for_wire
from eilbote.store.values import Security, Server

_LONGEST_ADDRESS = 254  # RFC 5321 section 4.5.3.1.3, the path without its brackets
_LONGEST_LOCAL = 64  # section 4.5.3.1.1
_LOCAL = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]+")
_LABEL = re.compile(r"(?!-)[^\W_](?:[\w-]{0,61}[^\W_])?", re.UNICODE)
_HOST = re.compile(r"[\w.-]{1,253}", re.UNICODE)

_PORTS = {
    "imap": {Security.TLS: 993, Security.STARTTLS: 143, Security.NONE: 143},
    "smtp": {Security.TLS: 465, Security.STARTTLS: 587, Security.NONE: 25},
    "pop3": {Security.TLS: 995, Security.STARTTLS: 110, Security.NONE: 110},
    "managesieve": {Security.TLS: 4190, Security.STARTTLS: 4190, Security.NONE: 4190},
}
_PLAIN_PORTS = {143, 1143, 110, 1110, 25, 587, 1025, 2525}


def checked_address(text: str) -> str:
    """A mail address with its domain in lower case. Raises Misused `account.bad_address`."""
    address = text.strip()
    local, at, domain = address.rpartition("@")
    domain = domain_for_people(domain.lower())
    fits = (
        bool(at)
        and len(address) <= _LONGEST_ADDRESS
        and len(local) <= _LONGEST_LOCAL
        and _LOCAL.fullmatch(local) is not None
        and all(_LABEL.fullmatch(label) for label in domain.split("."))
    )
    if not fits:
        raise Misused("account.bad_address", address=text)
    return f"{local}@{domain}"


def server_from(text: str, protocol: str, security: str | None) -> Server:
    """A server out of `HOST` or `HOST:PORT` (an IPv6 address in brackets).

    What is not given follows from the rest: TLS unless the port or the protocol is known for STARTTLS.
    Raises Misused `account.bad_server`, NotAllowed `account.insecure` for a line without protection
    to anything but this machine itself.
    """
    host, port = _host_and_port(text.strip(), text)
    if security is not None:
        kind = Security(security)
    else:
        known = protocol == "managesieve" or port in _PLAIN_PORTS
        kind = Security.STARTTLS if known else Security.TLS
    if kind is Security.NONE and not is_loopback(host):
        raise NotAllowed("account.insecure", host=host)
    return Server(host, port or _PORTS[protocol][kind], kind)


def is_loopback(host: str) -> bool:
    """Whether the name or address is this machine itself."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_fingerprint(text: str) -> str:
    """SHA-256 of a certificate as 64 lower-case hex digits; colons and spaces may stand between.

    Raises Misused `account.bad_fingerprint`.
    """
    digits = re.sub(r"[\s:]", "", text).lower().removeprefix("sha256").lstrip("=")
    if not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise Misused("account.bad_fingerprint", fingerprint=text)
    return digits


def _host_and_port(text: str, given: str) -> tuple[str, int]:
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::(\d{1,5}))?", text)
    if bracketed:
        host, port = bracketed[1], bracketed[2]
    else:
        host, colon, port = text.partition(":")
        if not _HOST.fullmatch(host) or (colon and not (port.isascii() and port.isdigit() and len(port) < 6)):
            raise Misused("account.bad_server", server=given)
    number = int(port or 0)
    if number > 65535 or (port and number == 0):
        raise Misused("account.bad_server", server=given)
    return domain_for_wire(host), number
