"""Networks that no machine can be put into in a test: what each probe would see there, as a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from eilbote.diagnosis.evidence import (
    Asked,
    Certificate,
    Conversed,
    Dialled,
    Evidence,
    Fetched,
    LoggedIn,
    Machine,
    NamesTested,
    Outcome,
    Place,
    Protocol,
    Records,
    Resolved,
    Searched,
    SecretShape,
    Shaken,
    Target,
    Unmade,
)
from eilbote.diagnosis.ladder import climb
from eilbote.diagnosis.probes import (
    Ask,
    Converse,
    Dial,
    DoubtNames,
    FetchPolicy,
    LogIn,
    LookAtMachine,
    LookAtSecret,
    LookUp,
    Probe,
    Resolve,
    Search,
)
from eilbote.diagnosis.transcript import Step, Transcript
from eilbote.diagnosis.values import Report
from eilbote.engine.diagnose import Diagnosed

NOW = 1_795_000_000.0
DAY = 86_400.0
IMAP = Place(Protocol.IMAP, "imap.gmx.net", 993, "tls", "gmx")
SMTP = Place(Protocol.SMTP, "mail.gmx.net", 465, "tls", "gmx")
MACHINE = Machine(NOW, 140, NOW - 400 * DAY, "OpenSSL 3.5.4", True, 50 << 30, key_mode=0o600)
Ports = dict[tuple[str | None, int | None], Outcome]
TRUTH = NamesTested(Outcome.NO_SUCH_NAME, proven=True)
NOTHING_FOUND = Searched(problem="account.servers_unknown")
SECRET_SHAPE = SecretShape(12)
LEAF = Certificate(
    "CN=imap.gmx.net",
    "CN=Telekom Security ServerID",
    ("imap.gmx.net",),
    NOW - 30 * DAY,
    NOW + 60 * DAY,
    "ab" * 32,
    "rsa 4096",
    "sha256",
    has_ct=True,
)
GOOD_TLS = Shaken("TLSv1.3", "TLS_AES_256_GCM_SHA384", verified=True, chain=(LEAF,))
ABILITIES = {
    Protocol.IMAP: ("IMAP4REV1", "AUTH=PLAIN", "IDLE"),
    Protocol.SMTP: ("SIZE 69920427", "AUTH PLAIN LOGIN", "STARTTLS"),
    Protocol.POP3: ("USER", "SASL PLAIN"),
}
GREETINGS = {
    Protocol.IMAP: "* OK gmx IMAP server ready",
    Protocol.SMTP: "220 gmx.net ESMTP",
    Protocol.POP3: "+OK ready",
}


@dataclass
class World:
    """A healthy account, but for what is said otherwise. `ports`: outcome of (host or address, port), where
    a missing one is the first that fits of (address, None), (None, port), (None, None)."""

    places: tuple[Place, ...] = (IMAP, SMTP)
    names: dict[str, Resolved] = field(default_factory=dict)
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ports: Ports = field(default_factory=dict)
    talks: dict[Place, Conversed] = field(default_factory=dict)
    logins: dict[Place, LoggedIn] = field(default_factory=dict)
    machine: Machine = MACHINE
    secret: SecretShape = SECRET_SHAPE
    asked: Asked | None = None
    searched: Searched = NOTHING_FOUND
    truth: NamesTested = TRUTH
    zone: Mapping[tuple[str, str], tuple[str, ...]] | None = None
    address: str = "anna@gmx.de"
    tune: Callable[[Target], Target] = lambda target: target
    asked_for: list[Probe] = field(default_factory=list)

    def target(self) -> Target:
        return self.tune(Target(self.address, self.places, ("pop.gmx.net",), is_account=True))

    def see(self, probe: Probe) -> Evidence:
        self.asked_for.append(probe)
        match probe:
            case LookAtMachine():
                return self.machine
            case LookAtSecret():
                return self.secret
            case Search():
                return self.searched
            case Resolve(host):
                number = f"192.0.2.{len(host)}"
                return self.names.get(host) or Resolved(
                    host, Outcome.OK, self.addresses.get(host, (number,)), ms=12.0
                )
            case DoubtNames():
                return self.truth
            case Dial(host, address, port):
                keys = [
                    (address, port),
                    (host, port),
                    (address, None),
                    (host, None),
                    (None, port),
                    (None, None),
                ]
                outcome = next((self.ports[key] for key in keys if key in self.ports), Outcome.OK)
                return Dialled(host, address, port, outcome, 5000.0 if outcome is Outcome.TIMEOUT else 20.0)
            case Converse(place):
                return self.talks.get(place) or good_talk(place)
            case LogIn(place):
                return self.logins.get(place) or LoggedIn(place, ms=200.0)
            case Ask(host):
                return self.asked or Asked(host, Outcome.TIMEOUT)
            case LookUp(name, kind) if self.zone is not None:
                records = self.zone.get((name, kind), ())
                return Records(name, kind, Outcome.OK if records else Outcome.NO_RECORDS, records)
            case FetchPolicy(domain) if self.zone is not None:
                return Fetched(f"mta-sts.{domain}", problem="http.unreachable", reason="refused")
            case _:
                return Unmade("not here")

    def diagnose(self) -> Diagnosed:
        target = self.target()
        ladder = climb(target)
        steps: list[Step] = []
        try:
            probes = next(ladder)
            while True:
                answers = [self.see(one) for one in probes]
                steps += [Step(*pair) for pair in zip(probes, answers, strict=True)]
                probes = ladder.send(answers)
        except StopIteration as end:
            report: Report = end.value
            return Diagnosed(report, Transcript(target, tuple(steps)))


def good_talk(place: Place, tls: Shaken | None = GOOD_TLS) -> Conversed:
    abilities = ABILITIES[place.protocol]
    return Conversed(
        place,
        Outcome.OK,
        tls=None if place.security == "none" else tls,
        banner=GREETINGS[place.protocol],
        is_greeting=True,
        before=abilities,
        after=abilities,
    )


def only_tls(place: Place, tls: Shaken) -> Conversed:
    """A talk that ended at the handshake."""
    return Conversed(place, Outcome.OK, tls=tls)
