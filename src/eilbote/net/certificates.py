"""Certificates as a server sends them: taken apart for DANE, followed up to an authority of its own, and
described for whoever is to be told what is wrong with one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from eilbote.delivery.dane import Certificate
from eilbote.diagnosis.evidence import Certificate as Described

if TYPE_CHECKING:
    from cryptography.x509 import Certificate as Certificate509

_LONGEST_CHAIN = 10
_MOST_NAMES = 50


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


def described(chain: Sequence[bytes]) -> tuple[Described, ...]:
    """What certificates in DER say of themselves; those that cannot be read are left out."""
    from cryptography import x509  # noqa: PLC0415  # see `taken_apart`

    found: list[Described] = []
    for whole in chain[:_LONGEST_CHAIN]:
        try:
            found.append(_described(x509.load_der_x509_certificate(whole), whole))
        except (ValueError, TypeError):
            continue
    return tuple(found)


def _described(one: Certificate509, whole: bytes) -> Described:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  # see `taken_apart`

    try:
        signed = one.signature_hash_algorithm
        signature = signed.name if signed is not None else ""
    except UnsupportedAlgorithm:
        signature = "unknown"
    key = _key_content(one)
    return Described(
        subject=one.subject.rfc4514_string()[:300],
        issuer=one.issuer.rfc4514_string()[:300],
        names=_names(one),
        not_before=one.not_valid_before_utc.timestamp(),
        not_after=one.not_valid_after_utc.timestamp(),
        fingerprint=hashlib.sha256(whole).hexdigest(),
        key=_key(one),
        signature=signature,
        is_authority=_may_sign(one),
        must_staple=_has(one, "1.3.6.1.5.5.7.1.24"),
        has_ct=_has(one, "1.3.6.1.4.1.11129.2.4.2"),
        issuer_url=_issuer_url(one),
        key_fingerprint=hashlib.sha256(key).hexdigest() if key else "",
        fingerprint_512=hashlib.sha512(whole).hexdigest(),
        key_fingerprint_512=hashlib.sha512(key).hexdigest() if key else "",
    )


def _key_content(one: Certificate509) -> bytes:
    """The public key as records of it mean it (SubjectPublicKeyInfo); empty where it cannot be read."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  # see `taken_apart`
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    try:
        return one.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        return b""


def _names(one: Certificate509) -> tuple[str, ...]:
    from cryptography import x509  # noqa: PLC0415  # see `taken_apart`

    try:
        known = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    names = [name.lower() for name in known.get_values_for_type(x509.DNSName)]
    numbers = [str(number) for number in known.get_values_for_type(x509.IPAddress)]
    return tuple((names + numbers)[:_MOST_NAMES])


def _issuer_url(one: Certificate509) -> str:
    """Where the issuer's certificate lies (RFC 5280 section 4.2.2.1); public authorities always say so."""
    from cryptography import x509  # noqa: PLC0415  # see `taken_apart`
    from cryptography.x509.oid import AuthorityInformationAccessOID  # noqa: PLC0415

    try:
        known = one.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return ""
    for access in known:
        if access.access_method == AuthorityInformationAccessOID.CA_ISSUERS:
            return str(access.access_location.value)[:300]
    return ""


def _key(one: Certificate509) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  # see `taken_apart`
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa  # noqa: PLC0415

    try:
        match one.public_key():
            case rsa.RSAPublicKey() as key:
                return f"rsa {key.key_size}"
            case ec.EllipticCurvePublicKey() as key:
                return f"ec {key.curve.key_size}"
            case ed25519.Ed25519PublicKey():
                return "ed25519"
            case ed448.Ed448PublicKey():
                return "ed448"
            case _:
                return "unknown"
    except (ValueError, UnsupportedAlgorithm):
        return "unknown"


def _has(one: Certificate509, oid: str) -> bool:
    return any(extension.oid.dotted_string == oid for extension in one.extensions)


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
