"""DANE for SMTP (RFC 7672): a server's certificate is fixed by signed records in DNS.

Says which TLSA records count and whether a chain of certificates fits them. Only records from answers
that DNSSEC has proven may be given here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import IntEnum

from msgspec import Struct


class Usage(IntEnum):
    """What a record fixes (RFC 7671 section 5): an authority's certificate in the chain, or the server's
    own. The usages 0 and 1 count for nothing in SMTP (RFC 7672 section 3.1.3)."""

    AUTHORITY = 2
    SERVER = 3


class Tlsa(Struct, frozen=True):
    """One record as it stands in DNS. `selector` 0: the whole certificate, 1: its public key;
    `matching` 0: itself, 1: its SHA-256, 2: its SHA-512."""

    usage: int
    selector: int
    matching: int
    data: bytes


class Certificate(Struct, frozen=True):
    """A certificate of the chain, as DER, and its public key (SubjectPublicKeyInfo), as DER."""

    whole: bytes
    public_key: bytes


class Match(Struct, frozen=True):
    """A chain fits. `server_only`: neither its name nor its dates nor its issuer matter (RFC 7672
    section 3.1.1); else name and dates do, and the chain is to be verified up to `anchor`."""

    server_only: bool
    anchor: Certificate


def usable(records: Sequence[Tlsa]) -> tuple[Tlsa, ...]:
    """The records that count. With none of them TLS is required, but the certificate proves nothing
    (RFC 7672 section 2.2)."""
    sizes = {1: 32, 2: 64}
    return tuple(
        one
        for one in records
        if one.usage in (Usage.AUTHORITY, Usage.SERVER)
        and one.selector in (0, 1)
        and one.matching in (0, 1, 2)
        and len(one.data) == sizes.get(one.matching, len(one.data))
        and one.data
    )


def match(records: Sequence[Tlsa], chain: Sequence[Certificate]) -> Match | None:
    """Whether one of the usable `records` fits the chain, which begins with the server's own
    certificate; None if none does."""
    if not chain:
        return None
    for one in records:
        if one.usage == Usage.SERVER and _fits(one, chain[0]):
            return Match(True, chain[0])
    for one in records:
        if one.usage == Usage.AUTHORITY:
            for certificate in chain:
                if _fits(one, certificate):
                    return Match(False, certificate)
    return None


def _fits(record: Tlsa, certificate: Certificate) -> bool:
    chosen = certificate.whole if record.selector == 0 else certificate.public_key
    match record.matching:
        case 0:
            return chosen == record.data
        case 1:
            return hashlib.sha256(chosen).digest() == record.data
        case _:
            return hashlib.sha512(chosen).digest() == record.data
