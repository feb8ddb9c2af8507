"""What a closer look at the TLS of a server has shown: values, part of the evidence. Never what it means."""

from __future__ import annotations

from msgspec import Struct


class Handshake(Struct, frozen=True):
    """A handshake of another kind, over which nothing was said. `fingerprint`: of the certificate, "" where
    there was no handshake; `protocol`: what the server chose of those it was offered (ALPN, RFC 7301)."""

    fingerprint: str = ""
    protocol: str = ""
    error: str = ""


class Closer(Struct, frozen=True, tag="closer"):
    """`unnamed`: without the server's name (SNI); `right`, `wrong`: with the protocol of this server and with
    one that nobody speaks. `smuggled`: a command that was sent together with STARTTLS was answered under
    TLS; None: not tried."""

    unnamed: Handshake | None = None
    right: Handshake | None = None
    wrong: Handshake | None = None
    smuggled: bool | None = None
