"""Certificates as a server sends them, taken apart for DANE: the whole one and its public key."""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.delivery.dane import Certificate


def taken_apart(chain: Sequence[bytes]) -> list[Certificate]:
    """Certificates in DER with their public keys; one that cannot be read has none, and fits no record
    of a key."""
    from cryptography import x509  # noqa: PLC0415  # only DANE takes certificates apart
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    found: list[Certificate] = []
    for whole in chain[:10]:
        try:
            public = x509.load_der_x509_certificate(whole).public_key()
            key = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        except ValueError:
            key = b""
        found.append(Certificate(whole, key))
    return found
