"""What a closer look at the TLS of a server has shown: values, part of the evidence. Never what it means."""

from __future__ import annotations

from msgspec import Struct


class Handshake(Struct, frozen=True):
    """A handshake of another kind, over which nothing was said. `fingerprint`: of the certificate, "" where
    there was no handshake; `protocol`: what the server chose of those it was offered (ALPN, RFC 7301)."""

    fingerprint: str = ""
    protocol: str = ""
    error: str = ""


class OldFaults(Struct, frozen=True):
    """How a server answers a hello of TLS 1.2. `answered`: it takes that version at all; what follows is
    known only then. `renegotiation`: it protects renegotiation (RFC 5746); `master_secret`: RFC 7627;
    `compression`: it takes compression; `heartbeat`: it has the extension (RFC 6520); `falls_back`: it takes
    an older version although it was told that a newer one has failed (RFC 7507), None: not tried."""

    answered: bool = False
    renegotiation: bool = False
    master_secret: bool = False
    compression: bool = False
    heartbeat: bool = False
    falls_back: bool | None = None


class EarlyData(Struct, frozen=True):
    """Whether a server takes data before the handshake has ended (RFC 8446 section 8): so many bytes at most,
    0 for none. `untested`: why nobody knows."""

    most: int = 0
    version: str = ""
    untested: str = ""


class Closer(Struct, frozen=True, tag="closer"):
    """`unnamed`: without the server's name (SNI); `right`, `wrong`: with the protocol of this server and with
    one that nobody speaks. `smuggled`: a command that was sent together with STARTTLS was answered under
    TLS; None: not tried. `group`: that of the key exchange, "" where it was not told. `faults` None: not
    looked for, or nothing was answered."""

    unnamed: Handshake | None = None
    right: Handshake | None = None
    wrong: Handshake | None = None
    smuggled: bool | None = None
    group: str = ""
    faults: OldFaults | None = None
    early: EarlyData | None = None
