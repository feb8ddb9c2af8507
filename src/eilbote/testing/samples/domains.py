"""The DNS of the people of the sample mailbox: each domain takes mail and says who may send it. All addresses
are of networks for documentation (RFC 5737), so that nobody is spoken to.
"""

from __future__ import annotations

from eilbote.testing.samples.people import PEOPLE

_ZONES = ("example.de", "example.org", "example.net", "example.com")


def sample_zones() -> str:
    """A record a line, as `testing.names` reads them."""
    lines: list[str] = []
    for zone in _ZONES:
        lines += (
            f"{zone}. SOA ns1.{zone}. postmaster.{zone}. 1 3600 900 600000 600",
            f"{zone}. NS ns1.{zone}.",
            f"{zone}. NS ns2.{zone}.",
            f"ns1.{zone}. A 192.0.2.53",
            f"ns2.{zone}. A 198.51.100.53",
            f"mx.{zone}. A 192.0.2.25",
        )
    for domain in sorted({one.address.rpartition("@")[2] for one in PEOPLE.values()} | set(_ZONES)):
        zone = ".".join(domain.split(".")[-2:])
        lines += (
            f"{domain}. MX 10 mx.{zone}.",
            f'{domain}. TXT "v=spf1 mx -all"',
            f'_dmarc.{domain}. TXT "v=DMARC1; p=reject; rua=mailto:postmaster@{domain}"',
            f'_smtp._tls.{domain}. TXT "v=TLSRPTv1; rua=mailto:postmaster@{domain}"',
        )
    return "\n".join(lines) + "\n"
