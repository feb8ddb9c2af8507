"""One-time codes that change with time (RFC 6238 over RFC 4226, SHA-1, 30 seconds, 6 digits: what the
programs that people have on their phones understand).
"""

from __future__ import annotations

import hmac
from base64 import b32encode
from urllib.parse import quote

STEP_SECONDS = 30
SECRET_BYTES = 20
"""RFC 4226 section 4: at least 16, 20 recommended."""

_DIGITS = 6
_LEEWAY = 1
"""Steps before and after now that count too (RFC 6238 section 5.2)."""


def code_at(secret: bytes, step: int) -> str:
    """The six digits of a time step (seconds since 1970, divided by 30)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    at = digest[-1] & 15  # RFC 4226 section 5.3
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF
    return str(number % 10**_DIGITS).zfill(_DIGITS)


def matching_step(secret: bytes, code: str, now: float) -> int | None:
    """The time step that the code belongs to, None where it is of no step near `now`. Spaces in
    the code are left out."""
    given = "".join(code.split()).encode()
    current = int(now) // STEP_SECONDS
    for step in range(current - _LEEWAY, current + _LEEWAY + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), given):
            return step
    return None


def typed_secret(secret: bytes) -> str:
    """The secret as a person types it into a program on the phone."""
    return b32encode(secret).decode().rstrip("=")


def secret_address(secret: bytes, name: str) -> str:
    """The address (`otpauth:`) from which such programs take a secret over."""
    return f"otpauth://totp/Eilbote:{quote(name)}?secret={typed_secret(secret)}&issuer=Eilbote"
