"""What a diagnosis asks for: values that can be written to a file.

A probe says what to look at, and never holds a secret.
"""

from __future__ import annotations

from msgspec import Struct

from eilbote.diagnosis.evidence import Place


class LookAtMachine(Struct, frozen=True, tag="machine"):
    """The clock, the authorities that are trusted, TLS, disk and store of this computer."""


class LookAtSecret(Struct, frozen=True, tag="secret"):
    """The shape of the secret; no byte of it leaves the vault."""


class Search(Struct, frozen=True, tag="search"):
    """The servers of an address, by every source that may name some; each proven by a handshake."""

    address: str


class Resolve(Struct, frozen=True, tag="resolve"):
    """The addresses of a host."""

    host: str


class DoubtNames(Struct, frozen=True, tag="doubt"):
    """Whether the name servers tell the truth of a name that cannot exist, and prove a signed one."""


class Dial(Struct, frozen=True, tag="dial"):
    """A TCP connection to one numeric address, closed again at once."""

    host: str
    address: str
    port: int


class Converse(Struct, frozen=True, tag="converse"):
    """A connection with all that comes before a login: TLS, greeting, capabilities, STARTTLS. Says nothing
    secret. `address`: only at this numeric one; "" at the first that answers."""

    place: Place
    address: str = ""


class LookCloser(Struct, frozen=True, tag="closer"):
    """Handshakes of other kinds at this numeric address. Asked for by name only; says nothing secret."""

    place: Place
    address: str


class LogIn(Struct, frozen=True, tag="login"):
    """One login, as a sync or a delivery would do it, and a look around: of IMAP the mailboxes, of SMTP
    whether the sender and the account's own address would be taken, and `second`, which is elsewhere."""

    place: Place
    second: str = ""


class Ask(Struct, frozen=True, tag="ask"):
    """One plain request over HTTP to a host of the provider's own, which tells a captive portal."""

    host: str


class SendToSelf(Struct, frozen=True, tag="trip"):
    """One real mail to oneself, looked for, compared and removed."""


class SendToSecond(Struct, frozen=True, tag="second_trip"):
    """One real mail to this other account of the user's, and an answer to it; both removed."""

    address: str


class LookUp(Struct, frozen=True, tag="lookup"):
    """The records of one kind under one name, of the name servers that were named."""

    name: str
    kind: str


class FetchPolicy(Struct, frozen=True, tag="fetch_policy"):
    """The MTA-STS policy of a domain, over HTTPS, of the host that has to serve it."""

    domain: str


class AskNameServer(Struct, frozen=True, tag="name_server"):
    """A name server of the domain, asked itself for the beginning of the zone, over UDP and over TCP."""

    domain: str
    host: str
    address: str


class TryRelay(Struct, frozen=True, tag="relay"):
    """Whether a server of the domain's own would send for a stranger to `recipient`; taken back at once."""

    place: Place
    recipient: str


class FetchSettings(Struct, frozen=True, tag="settings"):
    """The settings that a domain publishes for programs (PACC), of its own host alone."""

    domain: str


Probe = (
    LookAtMachine
    | LookAtSecret
    | Search
    | Resolve
    | DoubtNames
    | Dial
    | Converse
    | LookCloser
    | LogIn
    | Ask
    | SendToSelf
    | SendToSecond
    | LookUp
    | FetchPolicy
    | FetchSettings
    | AskNameServer
    | TryRelay
)
