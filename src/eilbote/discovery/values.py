"""Which servers could belong to an address, as values: who named them, and in which order they are tried."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from eilbote.errors import Problem


class Source(StrEnum):
    """Who names a server. The order here is the order in which they are believed."""

    PROVIDER = "provider"
    """The built-in table, by the domain of the address."""
    SRV = "srv"
    """Records of the domain (RFC 6186, RFC 8314 section 5.1)."""
    AUTOCONFIG = "autoconfig"
    """A file that the domain publishes over HTTPS."""
    MX = "mx"
    """The built-in table, by the server that takes the domain's mail."""
    MX_AUTOCONFIG = "mx-autoconfig"
    """A file that the owner of that server publishes over HTTPS."""
    AUTODISCOVER = "autodiscover"
    """What an Exchange server of the domain answers."""
    GUESS = "guess"
    """A usual name under the domain."""


class Protocol(StrEnum):
    """What a server is for."""

    IMAP = "imap"
    POP3 = "pop3"
    SMTP = "smtp"


class Candidate(Struct, frozen=True):
    """A server that may belong to an address. `security` is `tls` or `starttls`; `user` the user name that
    it wants, empty where nothing is said; `source` the first that named it, `where` the record or file in
    which it stands. `asks`: anybody on the way could have named it, so that a person has to agree before
    it is given a password (RFC 6186 section 6). `oauth_only`: no password works there, says the source.
    """

    protocol: Protocol
    host: str
    port: int
    security: str
    source: Source
    where: str = ""
    user: str = ""
    asks: bool = False
    oauth_only: bool = False

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def key(self) -> tuple[Protocol, str, int, str]:
        """What makes two candidates the same server, whoever named them."""
        return self.protocol, self.host, self.port, self.security


class Disagreement(Struct, frozen=True):
    """Two sources that name different servers for one purpose (DISC09)."""

    protocol: Protocol
    one: Candidate
    other: Candidate


class Told(Struct, frozen=True):
    """What one source said. `candidates` in its own order of preference; `refused`: protocols of which it
    says that they are not offered; `problem`: why it could not be heard, None where it was, even if it had
    nothing to say."""

    source: Source
    candidates: tuple[Candidate, ...] = ()
    refused: frozenset[Protocol] = frozenset()
    problem: Problem | None = None
    where: str = ""
    name: str = ""
    """What the source calls the provider."""


class SrvRecord(Struct, frozen=True):
    """One SRV record (RFC 2782). `target` without its final dot, empty for "not offered"."""

    priority: int
    weight: int
    port: int
    target: str


class DeviceServer(Struct, frozen=True):
    """One server; `security` is `tls`, `starttls` or `none`."""

    protocol: Protocol
    host: str
    port: int
    security: str
    user: str


class DeviceSettings(Struct, frozen=True):
    """What a phone, tablet or mail program needs. `name`: who writes, may be empty. `oauth`: one signs in at
    the provider instead of with a password."""

    address: str
    name: str
    receiving: DeviceServer
    sending: DeviceServer | None
    oauth: bool = False

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    @property
    def servers(self) -> tuple[DeviceServer, ...]:
        return tuple(filter(None, (self.receiving, self.sending)))
