"""The ladder: what is looked at, in which order, and where a branch ends.

A generator without I/O: it yields probes that may be made side by side, is sent their evidence in the same
order, and returns the report. The same evidence gives the same report, whoever gathered it and when.

It never asks for a login over a line that is not proven, after a refusal in the same run, or beyond the
limit that keeps anybody from being locked out.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from msgspec.structs import replace

from eilbote.diagnosis.cause import report
from eilbote.diagnosis.checks import auth, disc, env, net, oauth, tls
from eilbote.diagnosis.checks.box import judge_box
from eilbote.diagnosis.checks.smtp import judge_form, judge_tries
from eilbote.diagnosis.checks.talk import judge_talk
from eilbote.diagnosis.closer import Closer
from eilbote.diagnosis.domain.climb import climb_domain
from eilbote.diagnosis.evidence import (
    Asked,
    Conversed,
    Dialled,
    Evidence,
    LoggedIn,
    Machine,
    NamesTested,
    Outcome,
    Place,
    Protocol,
    Resolved,
    Searched,
    SecretShape,
    SettingsFile,
    Target,
    Unmade,
)
from eilbote.diagnosis.finding import found, skipped
from eilbote.diagnosis.network import is_ipv6, is_name
from eilbote.diagnosis.probes import (
    Ask,
    Converse,
    Dial,
    DoubtNames,
    FetchSettings,
    LogIn,
    LookAtMachine,
    LookAtSecret,
    LookCloser,
    Probe,
    Resolve,
    Search,
)
from eilbote.diagnosis.proof_by_mail import prove_by_mail
from eilbote.diagnosis.registry import CHECKS
from eilbote.diagnosis.trips import Trip
from eilbote.diagnosis.values import Confidence, Finding, Layer, Report, Verdict
from eilbote.mail.domain import domain_for_wire

Ladder = Generator[tuple[Probe, ...], Sequence[Evidence], Report]
Step = Generator[tuple[Probe, ...], Sequence[Evidence], None]

_MOST_OTHERS = 2
_MOST_ADDRESSES = 2
"""Of each family and host."""


def climb(target: Target) -> Ladder:
    """The whole diagnosis of one address or account."""
    climber = _Climb(target)
    yield from climber.machine()
    yield from climber.search()
    climber.preflight()
    yield from climber.names()
    yield from climber.reach()
    yield from climber.talk()
    yield from climber.log_in()
    yield from climber.round_trip()
    if target.oauth:
        climber.findings += oauth.judge_token_clock(climber.findings)
    yield from climber.domain()
    if climber.is_domain_alone or target.domain is None:
        return report(target.address, climber.findings, climber.places)
    return report(target.address, climber.findings, climber.places, climber.records, target.domain.name)


class _Climb:
    """Where one diagnosis stands."""

    def __init__(self, target: Target) -> None:
        self.findings: list[Finding] = []
        self.records: list[Finding] = []  # of them those about the domain's records
        self._target = target
        self._now = 0.0
        self._shape: SecretShape | None = None
        self._remembered: Finding | None = None
        self._addresses: dict[str, tuple[str, ...]] = {}
        self._names_work = False
        self._places: list[Place] = []
        self._open: list[Place] = []  # places that nothing speaks against so far
        self._reached: dict[Place, tuple[str, ...]] = {}  # the addresses that answer
        self._seen: dict[Place, Conversed] = {}
        self._trip: Trip | None = None

    @property
    def places(self) -> tuple[Place, ...]:
        """The servers, that mail is received from first."""
        return self._target.places

    @property
    def is_domain_alone(self) -> bool:
        """Nobody's mailbox is looked at."""
        return self._target.domain is not None and "@" not in self._target.address

    # --- this machine --------------------------------------------------------------------------------

    def machine(self) -> Step:
        """The computer, the secret's shape, and what is remembered of the last login."""
        target = self._target
        if not self.is_domain_alone:
            self.findings += disc.judge_address(target)
        probes: list[Probe] = [LookAtMachine()]
        if target.is_account and target.places:
            probes.append(LookAtSecret())
        for evidence in (yield tuple(probes)):
            match evidence:
                case Machine():
                    self._now = evidence.now
                    machine = env.judge_machine(evidence)
                    if any(one.protocol is Protocol.SMTP for one in target.places):
                        machine += judge_form(evidence.misshapen)
                    if self.is_domain_alone:  # nobody logs in
                        machine = [one for one in machine if CHECKS[one.id].layer is Layer.ENV]
                    self.findings += machine
                case SecretShape():
                    self._shape = evidence
                    provider = next((one.provider for one in target.places if one.provider), "")
                    self.findings += auth.judge_secret(evidence, provider, oauth=target.oauth)
                case Unmade():
                    self._unmade("ENV12", evidence)
                case _:
                    pass
        if target.remembered is not None:
            self._remembered = auth.judge_remembered(target.remembered, target, self._shape, self._now)

    def search(self) -> Step:
        """The servers of an address that is no account."""
        if (
            self.is_domain_alone
            or self._target.is_account
            or self._target.places
            or any(_has_failed([one]) for one in self.findings)
        ):
            return
        domain = domain_for_wire(self._target.address.rpartition("@")[2])
        answer, settings = yield (Search(self._target.address), FetchSettings(domain))
        if isinstance(settings, SettingsFile):
            self.findings += disc.judge_settings(domain, settings)
        match answer:
            case Searched():
                found_there = disc.judge_search(self._target, answer)
                known = {one.id for one in found_there}
                self.findings = [one for one in self.findings if one.id not in known] + found_there
                self._target = replace(self._target, places=disc.chosen_places(answer))
            case Unmade():
                self._unmade("DISC02", answer)
            case _:
                pass

    def preflight(self) -> None:
        """What is known to be in vain by the provider's own word: that branch ends before it begins."""
        target = self._target
        for place in target.places:
            no = auth.forbidden(place, target, self._now) if target.is_account else None
            soon = auth.ends_soon(place, target, self._now) if target.is_account else None
            self.findings += [one for one in (no, soon) if one is not None]
            if no is None:
                self._places.append(place)

    # --- names and ports -----------------------------------------------------------------------------

    def names(self) -> Step:
        hosts = list(dict.fromkeys(one.host for one in self._places))
        if not hosts:
            return
        # Where no name is looked up, no name server is asked.
        testing = (DoubtNames(),) if any(map(is_name, hosts)) else ()
        answers = yield (*(Resolve(host) for host in hosts), *testing)
        looked = [one for one in answers if isinstance(one, Resolved)]
        self._names_work = any(one.outcome is Outcome.OK for one in looked) or any(
            one.told in (Outcome.OK, Outcome.NO_SUCH_NAME, Outcome.NO_RECORDS) for one in looked
        )
        self.findings += env.judge_names(looked)
        for one in answers:
            if isinstance(one, NamesTested):
                self.findings += env.judge_truth(one)
        self._addresses = {
            one.host: _some(one.addresses) for one in looked if one.outcome is Outcome.OK and one.addresses
        }

    def reach(self) -> Step:
        """Every address of every place at once; where none connects, what stands around it."""
        places = [one for one in self._places if one.host in self._addresses]
        for place in self._places:
            if place not in places:
                self.findings.append(skipped(net.port_check(place), "DNS05", place))
        wanted = [
            (place, Dial(place.host, one, place.port))
            for place in places
            for one in self._addresses[place.host]
        ]
        if not wanted:
            return
        answers = yield tuple(probe for _, probe in wanted)
        dialled: dict[Place, list[Dialled]] = {place: [] for place in places}
        for (place, _), answer in zip(wanted, answers, strict=True):
            if isinstance(answer, Dialled):
                dialled[place].append(answer)
        for place in places:
            if any(one.outcome is Outcome.OK for one in dialled[place]):
                self._open.append(place)
                self.findings += net.judge_reached(place, dialled[place])
            good = (one.address for one in dialled[place] if one.outcome is Outcome.OK)
            self._reached[place] = tuple(good)
        closed = [place for place in places if place not in self._open]
        if closed:
            yield from self._look_around(closed, dialled)

    def _look_around(self, closed: Sequence[Place], dialled: dict[Place, list[Dialled]]) -> Step:
        unknown = [host for host in self._target.others if host not in self._addresses][:_MOST_OTHERS]
        for looked in (yield tuple(Resolve(host) for host in unknown)) if unknown else ():
            if isinstance(looked, Resolved) and looked.outcome is Outcome.OK:
                self._addresses[looked.host] = _some(looked.addresses)
        probes: list[tuple[Place, str, Dial]] = []
        for place in closed:
            address = self._addresses[place.host][0]
            if all(one.outcome is Outcome.UNREACHABLE for one in dialled[place]):
                continue  # there is no way to it at all
            probes.append((place, "https", Dial(place.host, address, 443)))
            probes += [
                (place, "other", Dial(host, numbers[0], place.port))
                for host, numbers in self._addresses.items()
                if host != place.host and numbers and numbers[0] != address
            ][:_MOST_OTHERS]
        answers = (yield tuple(probe for _, _, probe in probes)) if probes else ()
        around: dict[tuple[Place, str], list[Dialled]] = {}
        for (place, kind, _), answer in zip(probes, answers, strict=True):
            if isinstance(answer, Dialled):
                around.setdefault((place, kind), []).append(answer)
        for place in closed:
            self.findings.append(
                net.judge_not_reached(
                    place,
                    dialled[place],
                    around.get((place, "https"), []),
                    around.get((place, "other"), []),
                    names_work=self._names_work,
                )
            )

    # --- what is said before a login -----------------------------------------------------------------

    def talk(self) -> Step:
        """TLS, greeting and capabilities of every place that answers."""
        if not self._open:
            return
        places, self._open = self._open, []
        answers = yield tuple(Converse(place) for place in places)
        seen = [one for one in answers if isinstance(one, Conversed)]
        self._seen = {one.place: one for one in seen}
        for place, answer in zip(places, answers, strict=True):
            if isinstance(answer, Unmade):
                self._unmade("TLS01" if place.security != "none" else "NET10", answer, place)
        for one in seen:
            self._judge_talk(one)
        yield from self._compare()
        if self._target.deep:
            yield from self._look_closer()
        yield from self._clock(seen)

    def _compare(self) -> Step:
        """The other addresses of every server that has proven itself."""
        probes = [
            Converse(place, address)
            for place in self._open
            for address in self._reached.get(place, ())
            if place.security != "none" and address != (self._seen[place].address or self._reached[place][0])
        ]
        answers = (yield tuple(probes)) if probes else ()
        for place in self._open:
            there = [
                answer
                for probe, answer in zip(probes, answers, strict=True)
                if probe.place == place and isinstance(answer, Conversed)
            ]
            self.findings += tls.judge_addresses(self._seen[place], there)

    def _look_closer(self) -> Step:
        """No login follows over a line that takes smuggled commands."""
        places = [one for one in self._open if one.security != "none" and self._seen[one].address]
        answers = (yield tuple(LookCloser(one, self._seen[one].address) for one in places)) if places else ()
        for place, answer in zip(places, answers, strict=True):
            if isinstance(answer, Closer):
                findings = tls.judge_closer(self._seen[place], answer)
                if told := tls.judge_group(self._seen[place], answer):
                    about = str(place)
                    self.findings = [
                        one for one in self.findings if one.id != "TLS04" or one.about != about
                    ] + told
                self.findings += findings
                if _has_failed(findings):
                    self._open.remove(place)

    def _judge_talk(self, seen: Conversed) -> None:
        place = seen.place
        wrong = net.judge_answer(place, seen)
        if wrong is not None:
            self.findings.append(wrong)
            return
        if (
            seen.tls is None
            and seen.outcome in (Outcome.REFUSED, Outcome.TIMEOUT, Outcome.UNREACHABLE)
            and not seen.banner
        ):
            # It answered a moment ago.
            self.findings.append(
                found(
                    "NET12",
                    Verdict.WARN,
                    "unsteady",
                    at=place,
                    cause="temporary.line",
                    sure=Confidence.LIKELY,
                    seen=seen.reason,
                )
            )
            return
        elsewhere = [one.tls for at, one in self._seen.items() if one.tls is not None and at != place]
        findings = tls.judge_tls(seen, self._now, elsewhere)
        proven = tls.is_proven(seen) and not _has_failed(findings)
        if proven or (place.security == "starttls" and not findings):
            findings += judge_talk(seen, oauth=self._target.oauth)
        self.findings += findings
        if proven and not _has_failed(findings):
            self._open.append(place)

    def _clock(self, seen: Sequence[Conversed]) -> Step:
        """Where a certificate's dates do not fit, whose clock is wrong?"""
        wrong_dates = [one for one in self.findings if one.id == "TLS07" and one.verdict is Verdict.FAIL]
        if not wrong_dates:
            banners = [(env.clock_in(one.banner), one.place.host) for one in seen]
            told = [(at, host) for at, host in banners if at is not None]
            if told:
                self.findings.append(env.judge_clock(self._now, told))
            return
        host = next(one.place.host for one in seen if str(one.place) == wrong_dates[0].about)
        answers = yield (Ask(host),)
        told = [(one.date, one.host) for one in answers if isinstance(one, Asked) and one.date is not None]
        clock = env.judge_clock(self._now, told)
        if clock.verdict is Verdict.FAIL:
            # The certificate is good, and our clock is why it does not look so.
            self.findings = [one for one in self.findings if one not in wrong_dates]
        self.findings.append(clock)

    # --- logins --------------------------------------------------------------------------------------

    def log_in(self) -> Step:
        """One login for each protocol, if it may be."""
        target = self._target
        allowed: list[Place] = []
        if self._remembered is not None and self._is_settled():
            self.findings.append(self._remembered)
            for place in self._places:
                if target.remembered is not None and place.protocol is target.remembered.protocol:
                    check = "SMTP05" if place.protocol is Protocol.SMTP else "AUTH03"
                    self.findings.append(
                        found(check, Verdict.SKIP, "remembered", at=place, address=target.address)
                    )
                else:
                    self.findings.append(skipped("SMTP05", self._remembered.id, place))
            return
        for place in self._places:
            check = "SMTP05" if place.protocol is Protocol.SMTP else "AUTH03"
            if place not in self._open:
                if not any(one.id == check and one.about == str(place) for one in self.findings):
                    self.findings.append(skipped(check, self._first_failure(place), place))
                continue
            if not target.is_account:
                self.findings.append(found(check, Verdict.SKIP, "no_secret", at=place))
                continue
            if self._shape is not None and self._shape.problem:
                first = next((one.id for one in self.findings if one.cause and _has_failed([one])), "AUTH01")
                self.findings.append(skipped(check, first, place))
            elif not auth.may_try(target, len(allowed)):
                if self._remembered is not None and self._remembered not in self.findings:
                    self.findings.append(self._remembered)
                self.findings.append(auth.blocked(place))
            else:
                allowed.append(place)
        if allowed:
            answers = yield tuple(
                LogIn(place, target.second if place.protocol is Protocol.SMTP else "") for place in allowed
            )
            self._judge_logins(allowed, answers)

    def _judge_logins(self, places: Sequence[Place], answers: Sequence[Evidence]) -> None:
        logins = []
        for place, answer in zip(places, answers, strict=True):
            if isinstance(answer, LoggedIn):
                logins.append(answer)
            elif isinstance(answer, Unmade):
                self._unmade("SMTP05" if place.protocol is Protocol.SMTP else "AUTH03", answer, place)
        findings: list[Finding] = []
        for login in logins:
            before = self._seen.get(login.place)
            findings += auth.judge_login(login, before, self._target, self._shape, self._now)
            if not login.problem and not login.skipped:
                findings += auth.judge_identity(login.place, self._target)
            if login.box is not None:
                findings += judge_box(login.place, login.box)
            findings += judge_tries(login)
        half = auth.judge_halves(logins, findings)
        self.findings += [*findings, half] if half is not None else findings

    # --- the real proof ------------------------------------------------------------------------------

    def round_trip(self) -> Step:
        """One mail to oneself, where it was asked for and both halves let us in."""
        told, self._trip = yield from prove_by_mail(self._target, self.findings)
        self.findings += told

    # --- the domain ----------------------------------------------------------------------------------

    def domain(self) -> Step:
        """The records of the target's own domain. Last: what keeps mail from being read comes first."""
        own = self._target.domain
        if own is None:
            return
        if any(one.id == "ENV02" and one.verdict is Verdict.FAIL for one in self.findings):
            self.findings.append(skipped("DNS03", "ENV02", own.name))  # nobody answers for any name
        else:
            self.records = yield from climb_domain(own, self._now, self._trip)
            self.findings += self.records

    def _is_settled(self) -> bool:
        """The remembered answer says all there is to say: another try would get the same."""
        one = self._remembered
        return (
            one is not None
            and one.confidence is Confidence.CERTAIN
            and one.verdict is Verdict.FAIL
            and self._target.remembered is not None
            and self._target.remembered.is_fresh
        )

    def _first_failure(self, place: Place) -> str:
        for one in self.findings:
            if one.verdict in (Verdict.FAIL, Verdict.ERROR) and one.about in (str(place), place.host, ""):
                return one.id
        return "NET"

    def _unmade(self, check: str, evidence: Unmade, at: Place | str = "") -> None:
        self.findings.append(
            found(check, Verdict.ERROR, "unmade", at=at, cause="temporary.not_tested", seen=evidence.reason)
        )


def _has_failed(findings: Sequence[Finding]) -> bool:
    return any(one.verdict in (Verdict.FAIL, Verdict.ERROR) for one in findings)


def _some(addresses: Sequence[str]) -> tuple[str, ...]:
    four = [one for one in addresses if not is_ipv6(one)][:_MOST_ADDRESSES]
    six = [one for one in addresses if is_ipv6(one)][:_MOST_ADDRESSES]
    return (*four, *six)
