"""Who logs in to a server. A value; it never prints its secret."""

from __future__ import annotations

from msgspec import Struct

from eilbote.secret import Secret


class Credential(Struct, frozen=True):
    """Who logs in. `oauth`: the secret is an access token."""

    user: str
    secret: Secret
    oauth: bool = False
