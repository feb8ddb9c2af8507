"""Says before a mail is sent what will become of it: it arrives encrypted, perhaps not, or not at all.

Nothing is sent: of a mail server no more is asked than whether it offers encryption and who it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from eilbote.delivery.dane import match
from eilbote.delivery.foresight import Forecast, Heard, forecast
from eilbote.delivery.route import Hop, Proof
from eilbote.engine.app import App
from eilbote.engine.connect import terms_of_strangers
from eilbote.engine.route import Surroundings, find_route
from eilbote.errors import EilboteError, NotAllowed, Problem
from eilbote.mail.identity import same_address
from eilbote.net.certificates import leads_to, taken_apart
from eilbote.net.smtp import OUR_NAME, SmtpSession
from eilbote.net.smtp_conversation import Protection, StartTls
from eilbote.store.values import Security, Server

_SECONDS = 8.0
"""How long a mail server is given to say what it offers; many networks let nobody ask."""
_MOST_ASKED = 2
_AT_ONCE = 10


async def foresee(app: App, around: Surroundings, addresses: Sequence[str]) -> list[Forecast]:
    """A forecast for each domain among the addresses, in their order."""
    domains = list(dict.fromkeys(same_address(one).rpartition("@")[2] for one in addresses))
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(domain: str) -> Forecast:
        async with gate:
            return await _of_domain(app, around, domain)

    return await asyncio.gather(*map(one, domains))


async def _of_domain(app: App, around: Surroundings, domain: str) -> Forecast:
    found = await find_route(app, around, domain)
    if found.problem is not None:
        return forecast(domain, found)
    asked = found.hops[:_MOST_ASKED]
    said = await asyncio.gather(*(_heard(app, around, hop) for hop in asked))
    return forecast(domain, found, {hop.host: one for hop, one in zip(asked, said, strict=True)})


async def _heard(app: App, around: Surroundings, hop: Hop) -> Heard:
    """What the server says of itself; nothing where it cannot be reached."""
    server = Server(hop.host, around.smtp_port, Security.STARTTLS)
    try:
        addresses = await around.addresses_of(hop.host)
        if not addresses:
            return Heard(problem=Problem("route.no_address", {"host": hop.host}))
        async with asyncio.timeout(_SECONDS):
            session = await SmtpSession.open_mx(
                server,
                terms_of_strangers(app),
                protection(hop, app.clock.now()),
                name=app.config.host_name or OUR_NAME,
                addresses=addresses,
            )
    except NotAllowed as error:
        if error.problem.code == "smtp.no_starttls":
            return Heard(starttls=False, proven=False, problem=error.problem)
        return Heard(starttls=True, proven=False, problem=error.problem)
    except (EilboteError, TimeoutError) as error:
        problem = error.problem if isinstance(error, EilboteError) else None
        is_certificate = problem is not None and problem.code.startswith("net.certificate")
        return Heard(True, False, problem) if is_certificate else Heard(problem=problem)
    offered = session.is_protected
    await session.quit()
    return Heard(starttls=offered, proven=offered if hop.proof is not Proof.NOTHING else None)


def protection(hop: Hop, now: float) -> Protection:
    """What the line to a server has to be, as its route says (RFC 7672 section 2.2, RFC 8461 section 4.1)."""
    match hop.proof:
        case Proof.NOTHING:
            return Protection(StartTls.OFFERED, verified=False)
        case Proof.ENCRYPTION:
            return Protection(StartTls.REQUIRED, verified=False)
        case Proof.AUTHORITY:
            return Protection(StartTls.REQUIRED, verified=True)
        case Proof.DANE:
            return Protection(StartTls.REQUIRED, verified=False, judge=lambda chain: _fits(hop, chain, now))


def _fits(hop: Hop, chain: tuple[bytes, ...], now: float) -> None:
    found = match(hop.records, taken_apart(chain))
    if found is None or not (found.server_only or leads_to(chain, found.anchor.whole, hop.names, now)):
        raise NotAllowed("route.not_dane", host=hop.host)
