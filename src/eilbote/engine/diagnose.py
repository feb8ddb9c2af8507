"""The doctor: what is wrong with an address or an account, why, who must act, and what to do.

Decides nothing about what evidence means (`diagnosis/` does); makes the probes side by side, keeps the time,
counts refused logins, and keeps what was seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from eilbote.diagnosis.checks.auth import WINDOW_SECONDS
from eilbote.diagnosis.evidence import Evidence, LoggedIn, Place, Protocol, Remembered, Target, Unmade
from eilbote.diagnosis.ladder import climb
from eilbote.diagnosis.probes import (
    AskNameServer,
    Converse,
    Dial,
    FetchPolicy,
    FetchSettings,
    LogIn,
    LookAtMachine,
    LookAtSecret,
    LookCloser,
    LookUp,
    Probe,
    Resolve,
    Search,
    SendToSecond,
    SendToSelf,
    TryRelay,
)
from eilbote.diagnosis.transcript import Step, Transcript, judge_again, read_transcript, shared, written
from eilbote.diagnosis.values import Report
from eilbote.discovery.typo import meant
from eilbote.engine.accounts import find_account, is_local
from eilbote.engine.address import checked_address
from eilbote.engine.app import App
from eilbote.engine.own_domain import domain_alone, own_domain_of
from eilbote.engine.probing import TRIP_SECONDS, Prober
from eilbote.engine.route import Surroundings
from eilbote.engine.second_trip import second_of
from eilbote.engine.setup import note_login
from eilbote.errors import Gone, Misused, Problem
from eilbote.mail.domain import domain_for_wire, is_domain_on_wire
from eilbote.net.looking import Patience
from eilbote.providers.table import provider_at, provider_of
from eilbote.providers.values import Provider
from eilbote.store.values import Account, AccountState, Server

MOST_SECONDS = 45.0
_NOBODY_ELSEWHERE = "eilbote-test@example.com"
_FRESH_SECONDS = 600.0


class Looking(Struct, frozen=True):
    """What is being looked at now: `what` is `machine`, `search`, `names`, `ports`, `talk`, `login`, `trip`,
    `records` or `policy`; `where` the server."""

    what: str
    where: str = ""


class Diagnosed(Struct, frozen=True):
    """A report, and all that it rests on."""

    report: Report
    transcript: Transcript


async def diagnose_account(
    app: App,
    name: str,
    tell: Callable[[Looking], None],
    patience: Patience | None = None,
    *,
    round_trip: bool = False,
    deep: bool = False,
    second: str = "",
) -> Diagnosed:
    """Diagnoses the account that `name` means; with `round_trip` by a real mail to itself as well, with
    `deep` by a closer look at its servers; with `second`, another address of the user's, whether mail to it
    would be taken, and where that is an account by a mail there and back. Raises Gone `account.unknown`,
    Misused `account.ambiguous`, `account.bad_address`."""
    account = await asyncio.to_thread(find_account, app, name)
    target = replace(await asyncio.to_thread(target_of, app, account), round_trip=round_trip, deep=deep)
    if second:
        second = checked_address(second)
        other = await asyncio.to_thread(second_of, app, account, second)
        target = replace(target, second=second, second_is_account=other is not None)
    target = replace(target, domain=await asyncio.to_thread(own_domain_of, app, account))
    return await _run(app, target, Prober(app, account, patience), tell)


async def diagnose_address(app: App, address: str, tell: Callable[[Looking], None]) -> Diagnosed:
    """Diagnoses an address that is no account here: as far as anybody gets without its secret."""
    address = checked_address(address)
    return await _run(app, Target(address, meant=meant(_domain(address))), Prober(app, None), tell)


async def diagnose_domain(
    app: App,
    name: str,
    tell: Callable[[Looking], None],
    *,
    fetch: bool = False,
    blocklists: Sequence[str] = (),
    around: Surroundings | None = None,
    deep: bool = False,
    second: str = "",
) -> Diagnosed:
    """Looks at all records of a domain. `fetch`: its MTA-STS policy even where no record asks for it;
    `blocklists`: lists that may be asked about it; `deep`: its own servers may be asked whether they would
    send for a stranger, to `second`. Misused `doctor.no_target`, `account.bad_address`."""
    domain = checked_domain(name)
    own = await asyncio.to_thread(domain_alone, app, domain)
    own = replace(own, fetch=fetch, blocklists=tuple(blocklists))
    if deep:
        own = replace(own, relay_to=checked_address(second) if second else _NOBODY_ELSEWHERE)
    if around is not None:
        own = replace(own, smtp_port=around.smtp_port)
    return await _run(app, Target(domain, domain=own), Prober(app, None, around=around), tell)


def checked_domain(name: str) -> str:
    """A domain as it is asked for. Misused `doctor.no_target`."""
    domain = domain_for_wire(name.strip().rstrip("."))
    if "." not in domain or not is_domain_on_wire(domain):
        raise Misused("doctor.no_target", target=name[:200])
    return domain


def is_account(app: App, name: str) -> bool:
    """Whether `name` means an account of this home."""
    try:
        find_account(app, name)
    except Gone:
        return False
    return True


def judge_file(data: bytes) -> Diagnosed:
    """A transcript judged again, without any network. Misused `doctor.bad_transcript`."""
    transcript = read_transcript(data)
    return Diagnosed(judge_again(transcript), transcript)


def transcript_to_share(diagnosed: Diagnosed) -> bytes:
    """What may be given to somebody else: no address, no secret, nothing of a mail."""
    return written(shared(diagnosed.transcript))


def transcript_whole(diagnosed: Diagnosed) -> bytes:
    """All that was seen, for replaying; with addresses and hosts."""
    return written(diagnosed.transcript)


def target_of(app: App, account: Account) -> Target:
    """What is known of an account before anybody is asked."""
    own = provider_of(account.address)
    # A POP3 server beside IMAP is known from the table, and never asked by anything.
    pop3 = account.pop3 if is_local(account) else None
    servers = ((Protocol.IMAP, account.imap), (Protocol.POP3, pop3), (Protocol.SMTP, account.smtp))
    places = tuple(_place(protocol, server, own) for protocol, server in servers if server is not None)
    hosts = {one.host for one in places}
    others = [
        host
        for provider in dict.fromkeys(filter(None, (provider_at(one.host, one.port) for one in places)))
        for host in provider.hosts
        if host not in hosts
    ]
    now = app.clock.now()
    return Target(
        account.address,
        places,
        tuple(dict.fromkeys(others)),
        is_account=True,
        oauth=account.auth.is_token,
        worked=_worked(app, account),
        remembered=_remembered(app, account, now),
        refused=app.store.refused_logins.count(account.id, now - WINDOW_SECONDS, now),
        trusted=account.trusted,
        user=account.user,
        meant=meant(_domain(account.address)),
    )


def _worked(app: App, account: Account) -> float | None:
    """When a login last worked that was not changed since; None: this one never did."""
    changed = app.store.refused_logins.changed(account.id)
    return None if changed is not None and (account.synced or 0.0) <= changed else account.synced


def _place(protocol: Protocol, server: Server, own: Provider | None) -> Place:
    at = provider_at(server.host, server.port) or own
    return Place(protocol, server.host, server.port, server.security.value, at.id if at is not None else "")


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _remembered(app: App, account: Account, now: float) -> Remembered | None:
    """The answer for which an account is kept as failing, or for which nothing is sent."""
    if account.state is AccountState.FAILING and account.problem is not None:
        latest = app.store.refused_logins.latest(account.id)
        return answer_of(account.problem, fresh=latest is not None and now - latest < _FRESH_SECONDS)
    pause = app.store.sending_pauses.of(account.id)
    if pause is not None:
        return answer_of(pause.problem, fresh=now - pause.since < _FRESH_SECONDS)
    return None


def answer_of(problem: Problem, *, fresh: bool) -> Remembered:
    """A problem as an answer that is remembered."""
    told = problem.parameters
    word = problem.code.partition(".")[0]
    protocol = Protocol(word) if word in ("imap", "smtp", "pop3") else Protocol.IMAP
    return Remembered(problem.code, told.get("text", ""), told.get("response", ""), protocol, fresh)


async def _run(app: App, target: Target, prober: Prober, tell: Callable[[Looking], None]) -> Diagnosed:
    until = app.clock.monotonic() + MOST_SECONDS
    steps: list[Step] = []
    ladder = climb(target)
    answers: Sequence[Evidence] | None = None
    while True:
        try:
            probes = next(ladder) if answers is None else ladder.send(answers)
        except StopIteration as end:
            report: Report = end.value
            return Diagnosed(report, Transcript(target, tuple(steps)))
        for looking in dict.fromkeys(map(_looking, probes)):
            tell(looking)
        left = max(0.5, until - app.clock.monotonic())
        # What was asked for in addition has its own time.
        if any(isinstance(one, SendToSelf) for one in probes):
            left = TRIP_SECONDS + MOST_SECONDS
        if any(isinstance(one, SendToSecond) for one in probes):
            left = 2 * TRIP_SECONDS + MOST_SECONDS
        answers = await asyncio.gather(*(_in_time(prober, one, left) for one in probes))
        steps += [Step(probe, evidence) for probe, evidence in zip(probes, answers, strict=True)]
        if prober.account is not None:
            await asyncio.to_thread(_note_logins, app, prober.account, answers, prober)


async def _in_time(prober: Prober, probe: Probe, left: float) -> Evidence:
    try:
        async with asyncio.timeout(left):
            return await prober.make(probe)
    except TimeoutError:
        return Unmade("out of time")


def _note_logins(app: App, account: Account, answers: Sequence[Evidence], prober: Prober) -> None:
    """The account's state follows its logins. Those that all worked end the count of the refused ones: nobody
    locks an account for them."""
    logins = [one for one in answers if isinstance(one, LoggedIn) and not one.skipped]
    for one in logins:
        problem = prober.problems.get(one.place)
        if one.place.protocol is not Protocol.SMTP and (
            problem is None or not problem.code.startswith("net.")
        ):
            note_login(app, account, problem)
    if logins and all(not one.problem for one in logins):
        app.store.refused_logins.forget(account.id)


def _looking(probe: Probe) -> Looking:
    match probe:
        case LookAtMachine() | LookAtSecret():
            return Looking("machine")
        case Search(address):
            return Looking("search", address)
        case Resolve(host):
            return Looking("names", host)
        case Dial(host, _, port):
            return Looking("ports", f"{host}:{port}")
        case Converse(place) | LookCloser(place):
            return Looking("talk", str(place))
        case LogIn(place):
            return Looking("login", str(place))
        case SendToSelf() | SendToSecond():
            return Looking("trip")
        case LookUp(name):
            return Looking("records", name)
        case FetchPolicy(domain) | FetchSettings(domain):
            return Looking("policy", domain)
        case AskNameServer(_, host):
            return Looking("records", host)
        case TryRelay(place):
            return Looking("talk", str(place))
        case _:
            return Looking("names")
