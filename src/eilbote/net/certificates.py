"""Certificates as a server sends them, for DANE: taken apart, and followed up to an authority of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from eilbote.delivery.dane import Certificate

if TYPE_CHECKING:
    from cryptography.x509 import Certificate as Certificate509

_LONGEST_CHAIN = 10


def taken_apart(chain: Sequence[bytes]) -> list[Certificate]:
    """Certificates in DER with their public keys; one that cannot be read has none, and fits no record
    of a key."""
    from cryptography import x509  # noqa: PLC0415  # only DANE takes certificates apart
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    found: list[Certificate] = []
    for whole in chain[:_LONGEST_CHAIN]:
        try:
            public = x509.load_der_x509_certificate(whole).public_key()
            key = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        except ValueError:
            key = b""
        found.append(Certificate(whole, key))
    return found


def leads_to(chain: Sequence[bytes], anchor: bytes, names: Sequence[str], now: float) -> bool:
    """Whether the chain is valid now, is for one of the names, and is signed step by step up to the
    certificate `anchor` (RFC 7672 section 3.1.2)."""
    from cryptography import x509  # noqa: PLC0415  # see `taken_apart`
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    try:
        found = [x509.load_der_x509_certificate(one) for one in chain[:_LONGEST_CHAIN]]
        moment = datetime.fromtimestamp(now, UTC)
        current = found[0]
        if not any(_is_for(current, name) for name in names):
            return False
        for _ in found:
            if not current.not_valid_before_utc <= moment <= current.not_valid_after_utc:
                return False
            if current.public_bytes(Encoding.DER) == anchor:
                return True
            issuers = [one for one in found[1:] if one.subject == current.issuer and _may_sign(one)]
            if not issuers:
                return False
            current.verify_directly_issued_by(issuers[0])
            current = issuers[0]
    except (ValueError, TypeError, InvalidSignature, IndexError):
        return False
    return False


def _is_for(certificate: Certificate509, name: str) -> bool:
    """RFC 6125 section 6.4: `*` is one whole label."""
    from cryptography import x509  # noqa: PLC0415  # see `taken_apart`

    try:
        known = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    wanted = name.lower().rstrip(".")
    parent = wanted.partition(".")[2]
    patterns = [one.lower() for one in known.get_values_for_type(x509.DNSName)]
    return wanted in patterns or bool(parent and f"*.{parent}" in patterns)


def _may_sign(certificate: Certificate509) -> bool:
    from cryptography import x509  # noqa: PLC0415  # see `taken_apart`

    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False
