"""What is diagnosed, and what was seen of it: values that can be written to a file and judged again.

Evidence says what was seen, never what it means, and never holds a secret. Times in milliseconds, moments in
seconds since 1970.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from eilbote.diagnosis.closer import Closer
from eilbote.diagnosis.trips import SecondTrip, Trip

Moment = Annotated[float, Meta(ge=-62_135_596_800.0, lt=253_402_300_800.0)]
"""In a file only moments of the years 1 to 9999 are believed."""


class Protocol(StrEnum):
    """What is spoken with a server."""

    IMAP = "imap"
    SMTP = "smtp"
    POP3 = "pop3"


class Place(Struct, frozen=True):
    """A server of the account; `security`: `tls`, `starttls`, or `none` (this machine only). `provider`: the
    row of the table whose server it is, or whose address the account has; "" where none is known."""

    protocol: Protocol
    host: str
    port: int
    security: str
    provider: str = ""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Remembered(Struct, frozen=True):
    """Why an account is kept as failing: the code of the problem, the server's words and its response code.
    `is_fresh`: the answer is of the last minutes, so that another try would only get it again."""

    code: str
    text: str = ""
    response: str = ""
    protocol: Protocol = Protocol.IMAP
    is_fresh: bool = False


class Selector(Struct, frozen=True):
    """A DKIM key that is known to be in use: its name, whose it is, and the text of its record where the key
    is our own. `certain`: the key is really signed with, so that its record must be there."""

    name: str
    whose: str = ""
    text: str = ""
    certain: bool = False


class OwnDomain(Struct, frozen=True):
    """A domain whose records are looked at. `includes`: what its SPF record has to include for the provider
    that mail really goes out through, with that provider's name in `sender`. `servers`: where its users read
    and send, for records that help programs find them. `fetch`: the MTA-STS policy is fetched even where no
    record asks for it yet. `blocklists`: zones that may be asked about it. `relay_to`: an address elsewhere
    that the domain's own servers may be asked to send to; nothing is sent."""

    name: str
    sender: str = ""
    includes: tuple[str, ...] = ()
    selectors: tuple[Selector, ...] = ()
    servers: tuple[Place, ...] = ()
    direct: bool = False
    fetch: bool = False
    blocklists: tuple[str, ...] = ()
    smtp_port: int = 25
    relay_to: str = ""


class Target(Struct, frozen=True):
    """What is diagnosed. `domain`: the records of this domain, too; alone, where `address` is the
    domain. `user`: the name it logs in with. `is_account`: there is a secret to log in with.
    `worked`: when mail was last fetched, None: never. `refused`: logins refused in the last quarter of an
    hour, that further ones are measured by. `trusted`: pinned certificates. `others`: other hosts of the same
    provider, to tell a broken host from a broken network. `round_trip`: one real mail may be sent to
    oneself. `meant`: the domain that was probably meant. `deep`: servers may be looked at closer. `second`:
    another address of the user's, elsewhere; `second_is_account`: mail may be sent there and back."""

    address: str
    places: tuple[Place, ...] = ()
    others: tuple[str, ...] = ()
    is_account: bool = False
    oauth: bool = False
    worked: Moment | None = None
    remembered: Remembered | None = None
    refused: int = 0
    trusted: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()
    round_trip: bool = False
    user: str = ""
    meant: str = ""
    domain: OwnDomain | None = None
    deep: bool = False
    second: str = ""
    second_is_account: bool = False


# --- evidence ----------------------------------------------------------------------------------------


class Machine(Struct, frozen=True, tag="machine"):
    """This computer. `authorities`: certificates that are trusted; `newest_authority`: when the youngest of
    them began. `free`: bytes. `store`: problem code of the store, "" where it is sound. `key_mode`: rights
    of the file with the key, None where there is no file. `misshapen`: what our own form of a mail gets wrong
    (`line ends`, `dots`, `text`) in mails that tempt it to; None: not tested. `store_faults`: what the store
    says of itself; `store_read`: how much of it was read (`whole`, `part`, `catalogue`), "" for none;
    `store_schema`: the number of its schema."""

    now: Moment
    authorities: int
    newest_authority: Moment
    openssl: str
    has_tls13: bool
    free: int
    is_remote_disk: bool = False
    store: str = ""
    key_mode: int | None = None
    misshapen: tuple[str, ...] | None = None
    proxies: tuple[str, ...] = ()
    store_faults: tuple[str, ...] = ()
    store_read: str = ""
    store_schema: int = 0


class SecretShape(Struct, frozen=True, tag="secret"):
    """What the secret looks like, in no more than what tells a typing mistake. `groups`: lengths between
    blanks or hyphens. `problem`: code of why there is none, `told` its parameters."""

    length: int = 0
    edge_blank: bool = False
    line_break: bool = False
    odd_dash: bool = False
    non_ascii: bool = False
    is_letters: bool = False
    groups: tuple[int, ...] = ()
    problem: str = ""
    command: bool = False
    told: dict[str, str] = {}


class Outcome(StrEnum):
    """What came of a look-up or a connection."""

    OK = "ok"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    NO_SUCH_NAME = "no_such_name"
    NO_RECORDS = "no_records"
    SERVER_FAILURE = "server_failure"
    ENDED = "ended"
    ERROR = "error"


class Resolved(Struct, frozen=True, tag="resolved"):
    """`outcome` is of the system's own resolver; `told`: what the name servers say where they were asked
    too."""

    host: str
    outcome: Outcome
    addresses: tuple[str, ...] = ()
    told: Outcome | None = None
    ms: float = 0.0


class NamesTested(Struct, frozen=True, tag="tested"):
    """`nonsense`: what is said of a name that cannot exist, with `addresses` where it is said to. `proven`:
    DNSSEC has proven the name servers of the root, as far as the resolver says so; None: nothing was told."""

    nonsense: Outcome
    addresses: tuple[str, ...] = ()
    proven: bool | None = None


class Dialled(Struct, frozen=True, tag="dialled"):
    host: str
    address: str
    port: int
    outcome: Outcome
    ms: float = 0.0
    reason: str = ""


class Certificate(Struct, frozen=True):
    """A certificate as a server sent it. `key`: `rsa 2048`, `ec 256`, `ed25519`. `signature`: the hash of
    the signature (`sha256`). `fingerprint`: SHA-256 of the whole, `key_fingerprint`: of its public key;
    `..._512` SHA-512 of the same."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: Moment
    not_after: Moment
    fingerprint: str
    key: str
    signature: str
    is_authority: bool = False
    must_staple: bool = False
    has_ct: bool = False
    issuer_url: str = ""
    key_fingerprint: str = ""
    fingerprint_512: str = ""
    key_fingerprint_512: str = ""


class Shaken(Struct, frozen=True):
    """A TLS handshake. `verified`: chain and name are valid for this machine. `error`: what the library
    said; `verify_code`: OpenSSL's number of why the certificate is not valid. `hung`: nothing came after
    our first words. `lower`: the older version of TLS that the server would have taken; only looked at to
    name the cause. `pinned`: the user trusts exactly this certificate."""

    version: str = ""
    cipher: str = ""
    verified: bool = False
    pinned: bool = False
    verify_code: int = 0
    error: str = ""
    hung: bool = False
    lower: str = ""
    small_worked: bool = False
    group: str = ""
    chain: tuple[Certificate, ...] = ()
    ms: float = 0.0

    @property
    def is_proven(self) -> bool:
        """A secret may go over this line."""
        return self.verified or self.pinned


class Conversed(Struct, frozen=True, tag="conversed"):
    """What was said before a login. `banner`: the greeting, or the first bytes of whatever answered.
    `is_greeting`: it is one of this protocol. `before`/`after`: capabilities before and after STARTTLS (or
    from the beginning where TLS was there first). `starttls`: the answer to STARTTLS. `injected`: bytes
    that came before TLS began. `swapped`: what the other kind of line (plain or TLS) brought."""

    place: Place
    outcome: Outcome
    address: str = ""
    tls: Shaken | None = None
    banner: str = ""
    is_greeting: bool = False
    silent: bool = False
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    starttls: str = ""
    injected: bool = False
    swapped: str = ""
    reason: str = ""
    said: tuple[str, ...] = ()
    greeting_ms: float = 0.0
    ms: float = 0.0


class Folder(Struct, frozen=True):
    """A mailbox as the server lists it; `messages` None: not told."""

    name: str
    role: str = ""
    messages: int | None = None
    subscribed: bool = True


class OddMails(Struct, frozen=True):
    """Of the newest mails that are kept here, `looked` of them, how many are very large, and how many
    have a day of 1970, which is none."""

    looked: int
    huge: int = 0
    undated: int = 0


class Box(Struct, frozen=True):
    """What lies behind an IMAP login. `quota_used`, `quota_limit` in bytes, None: the server has none.
    `uidvalidity`: of the inbox, opened twice. `separator`: between the levels of a name, "" where there are
    none, None: not told. `prefix`: before every mailbox of one's own but the inbox."""

    server: str = ""
    capabilities: tuple[str, ...] = ()
    folders: tuple[Folder, ...] = ()
    quota_used: int | None = None
    quota_limit: int | None = None
    read_only: bool = False
    keywords: bool = True
    uidvalidity: tuple[int, int] = (0, 0)
    uids_stick: bool = True
    modseq: bool = False
    append_limit: int | None = None
    separator: str | None = None
    prefix: str = ""
    odd: OddMails | None = None
    problem: str = ""


class Tried(Struct, frozen=True):
    """One SMTP command that was tried and taken back: its reply in the server's words."""

    what: str
    reply: str
    ok: bool


class LoggedIn(Struct, frozen=True, tag="login"):
    """One login. `problem`: code of what went wrong, "" where the server let us in. `text`, `response`: the
    server's words and its response code. `said`: the last lines of the dialogue, without secrets. `sent`: a
    secret went out. `skipped`: why none was tried. `garbled`: what came was no answer at all. `token`: what
    the server said of a token that it refused, decoded."""

    place: Place
    problem: str = ""
    text: str = ""
    response: str = ""
    said: tuple[str, ...] = ()
    sent: bool = True
    skipped: str = ""
    garbled: bool = False
    token: str = ""
    box: Box | None = None
    extensions: tuple[str, ...] = ()
    tried: tuple[Tried, ...] = ()
    ms: float = 0.0


class Asked(Struct, frozen=True, tag="asked"):
    """The answer of a web server to a plain request: its status line and where it sends us. `date`: its
    clock in seconds since 1970."""

    host: str
    outcome: Outcome
    status: int = 0
    location: str = ""
    date: Moment | None = None
    ms: float = 0.0


class Named(Struct, frozen=True):
    """A server that a source has named. `problem`: why it did not prove itself; `is_proven` False without
    one: it was not needed."""

    source: str
    place: Place
    is_proven: bool = False
    problem: str = ""


class Searched(Struct, frozen=True, tag="searched"):
    """What the sources said of an address. `heard`: each source and the problem that it had, "" for none.
    `differ`: protocol and two hosts. `problem`: why there is nowhere to receive mail from."""

    named: tuple[Named, ...] = ()
    heard: tuple[tuple[str, str], ...] = ()
    differ: tuple[tuple[str, str, str], ...] = ()
    problem: str = ""
    ms: float = 0.0


class Records(Struct, frozen=True, tag="records"):
    """What name servers answered, each record as it stands in a zone, a TXT record as one text. `alias`: the
    name that the records are really under. `secure`: DNSSEC has proven the answer. `bogus`: DNSSEC disproves
    it. `cut`: there was more than is kept."""

    name: str
    kind: str
    outcome: Outcome
    records: tuple[str, ...] = ()
    alias: str = ""
    secure: bool = False
    bogus: bool = False
    cut: bool = False
    reason: str = ""
    ms: float = 0.0


class Fetched(Struct, frozen=True, tag="fetched"):
    """What the host of an MTA-STS policy served. `problem`: code of why there is no content; `certificate`:
    its certificate is why."""

    host: str
    status: int = 0
    content: str = ""
    content_type: str = ""
    location: str = ""
    problem: str = ""
    certificate: bool = False
    reason: str = ""
    ms: float = 0.0


class RelayTried(Struct, frozen=True, tag="relay"):
    """What a server that takes a domain's mail says to a stranger who wants it to send elsewhere: its replies
    to the sender (an empty one, as of a bounce), the recipient, and VRFY of its postmaster. Nothing was
    sent."""

    host: str
    outcome: Outcome
    address: str = ""
    sender: str = ""
    recipient: str = ""
    verify: str = ""
    reason: str = ""


class SettingsFile(Struct, frozen=True, tag="settings"):
    """The settings that a domain publishes for programs (PACC). `problem`: why there are none, `none` where
    the domain has no such host. `fits`: the digest in DNS is that of the file; None: there is no such
    record."""

    host: str
    problem: str = ""
    places: tuple[Place, ...] = ()
    fits: bool | None = None
    reason: str = ""
    ms: float = 0.0


class NameServerAsked(Struct, frozen=True, tag="name_server"):
    """What a name server of a domain said itself when it was asked for the beginning of the zone (SOA).
    `knows_zone`: it answered as one that has the zone; `serial`: the number of the zone's state there."""

    host: str
    address: str
    udp: Outcome
    tcp: Outcome
    knows_zone: bool = False
    serial: int = 0
    ms: float = 0.0

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.address


class Unmade(Struct, frozen=True, tag="unmade"):
    """A probe that could not be made: out of time, or a fault of our own (its name)."""

    reason: str


Evidence = (
    Machine
    | SecretShape
    | Searched
    | Resolved
    | NamesTested
    | Dialled
    | Conversed
    | Closer
    | LoggedIn
    | Asked
    | Trip
    | SecondTrip
    | Records
    | Fetched
    | NameServerAsked
    | RelayTried
    | SettingsFile
    | Unmade
)
