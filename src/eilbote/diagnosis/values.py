"""The words of a diagnosis: verdicts, findings, the one cause, the report. Values without logic.

A finding holds no sentence. `text` names its sentences in the message catalogue: `TEXT/what` is what it
means, `TEXT/why` the background, `TEXT/do` the next step; `parameters` fill them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field


class Verdict(StrEnum):
    """What a check came to. ERROR: it could not be made, and why is known. SKIP: something below it failed,
    or nobody asked for it."""

    PASS = "pass"  # noqa: S105  # a verdict
    INFO = "info"
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"
    SKIP = "skip"


class Layer(StrEnum):
    """The rungs of the ladder, from the ground up; the groups of checks."""

    ENV = "env"
    DISC = "disc"
    DNS = "dns"
    NET = "net"
    TLS = "tls"
    IMAP = "imap"
    AUTH = "auth"
    BOX = "box"
    SMTP = "smtp"
    TRIP = "trip"
    OAUTH = "oauth"


class Who(StrEnum):
    """Who must act. DOMAIN: whoever administers the domain; US: the makers of Eilbote."""

    YOU = "you"
    PROVIDER = "provider"
    DOMAIN = "domain"
    NETWORK = "network"
    US = "us"
    NOBODY = "nobody"


class Confidence(StrEnum):
    """How sure a judgement is. CERTAIN: the server or the system has said so itself, in words or codes that
    have one meaning."""

    CERTAIN = "certain"
    LIKELY = "likely"
    GUESS = "guess"


class Check(Struct, frozen=True):
    """A row of the registry. `worst`: the worst verdict that the check may ever give; `who` acts as a rule;
    `reference`: the standard behind it, `P` where the rule is our own."""

    id: str
    layer: Layer
    worst: Verdict
    who: Who
    reference: str


class DnsRecord(Struct, frozen=True):
    """A record to publish, as it is pasted: `name` in full and without its last dot, `kind` (`TXT`), `value`
    as a zone file has it, of a TXT record its bare text. `replaces`: it stands in place of the one there."""

    name: str
    kind: str
    value: str
    replaces: bool = False


class PublishedFile(Struct, frozen=True):
    """A file to put on a web server, and the address under which it is to be found."""

    url: str
    content: str


class Finding(Struct, frozen=True):
    """What one check came to. `text`: see above; "" shows the check's title alone. `about`: what it is about
    where a check is made more than once (`imap.example.org:993`). `seen`: what was seen, without secrets.
    `cause`: the code of the cause that this is a sign of. `ms`: how long the probe took. `link`: a page of
    the provider's on it. `publish`, `file`: what puts it right, to be pasted."""

    id: str
    verdict: Verdict
    text: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    about: str = ""
    seen: str = ""
    who: Who = Who.NOBODY
    confidence: Confidence = Confidence.CERTAIN
    cause: str = ""
    link: str = ""
    ms: float | None = None
    publish: tuple[DnsRecord, ...] = ()
    file: PublishedFile | None = None


class Cause(Struct, frozen=True):
    """The one cause that a report begins with. `code`: a word, a dot, a detail (`app_password.google`);
    `none.*` where nothing is wrong. `finding`: the id of the check that found it; `text` and `parameters`
    as in a finding."""

    code: str
    text: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    who: Who = Who.NOBODY
    confidence: Confidence = Confidence.CERTAIN
    finding: str = ""
    link: str = ""


class Report(Struct, frozen=True):
    """What a run came to: the worst verdict, one cause, and every finding in the order of the ladder."""

    target: str
    verdict: Verdict
    cause: Cause
    findings: tuple[Finding, ...]


CAUSES = frozenset(
    [
        "password",
        "app_password",
        "service_off",
        "oauth_only",
        "web_login",
        "rate",
        "temporary",
        "admin",
        "connections",
        "quota",
        "sender",
        "relay",
        "recipient",
        "size",
        "spam",
        "tls",
        "certificate",
        "dns",
        "refused",
        "filtered",
        "host_down",
        "offline",
        "portal",
        "interception",
        "address",
        "clock",
        "server",
        "none",
    ]
)
"""The first words of every `Cause.code`."""
