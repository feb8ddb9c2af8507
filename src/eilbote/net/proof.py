"""A server proves itself: its line is protected, its certificate valid and for its name. Nobody logs in.

It must never be given a secret: it is asked before anybody is asked for one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, assert_never

from msgspec import Struct

from eilbote.discovery.values import Protocol
from eilbote.errors import EilboteError
from eilbote.net.imap_conversation import ImapConversation
from eilbote.net.line import Line
from eilbote.net.opening import enter
from eilbote.net.terms import Terms
from eilbote.protocols.imap import session as imap
from eilbote.protocols.imap.dialogue import Dialogue
from eilbote.store.values import Server

_PASSWORD = frozenset({"PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "NTLM", "GSSAPI", "APOP"})
_TOKEN = frozenset({"XOAUTH2", "OAUTHBEARER"})


class Proven(Struct, frozen=True):
    """What a server offers on its protected line. `mechanisms`: SASL, upper case; `password`: one of them, or
    the protocol's own login, takes a password."""

    mechanisms: tuple[str, ...] = ()
    password: bool = True

    @property
    def token(self) -> bool:
        """OAuth is offered."""
        return bool(_TOKEN & set(self.mechanisms))


async def prove(server: Server, protocol: Protocol, terms: Terms) -> Proven:
    """Connects as a login would, up to the login. Raises what the session of that protocol raises:
    Unreachable (`net.certificate` and others), Refused, Garbled, NotAllowed."""
    match protocol:
        case Protocol.IMAP:
            return await _imap(server, terms)
        case Protocol.SMTP:
            return await _smtp(server, terms)
        case Protocol.POP3:
            return await _pop3(server, terms)
        case _:
            assert_never(protocol)


async def _imap(server: Server, terms: Terms) -> Proven:
    async def learn(talk: ImapConversation) -> None:
        await talk.run(imap.learn(talk.dialogue))

    talk = await enter(
        server, terms, lambda verify: ImapConversation.connect(server, terms, None, verify=verify), learn
    )
    offered = _mechanisms(talk.dialogue)
    await _leave(talk.line, lambda: talk.run(imap.log_out()))
    return _proven(offered, own_login="LOGINDISABLED" not in talk.dialogue.capabilities)


async def _smtp(server: Server, terms: Terms) -> Proven:
    from eilbote.net.smtp import SmtpSession  # noqa: PLC0415  # only who sets sending up pays for it

    session = await SmtpSession.open(server, None, terms)
    offered = session.extensions.mechanisms
    await session.quit()
    return _proven(offered, own_login=False)


async def _pop3(server: Server, terms: Terms) -> Proven:
    from eilbote.net.pop3_conversation import Pop3Conversation  # noqa: PLC0415  # see above
    from eilbote.protocols.pop3 import session as pop3  # noqa: PLC0415

    async def learn(talk: Pop3Conversation) -> None:
        await talk.run(pop3.learn(talk.dialogue))

    talk = await enter(
        server, terms, lambda verify: Pop3Conversation.connect(server, terms, None, verify=verify), learn
    )
    offered = talk.dialogue.capabilities.mechanisms
    await _leave(talk.line, lambda: talk.run(pop3.log_out()))
    return _proven(offered, own_login=True)


def _mechanisms(dialogue: Dialogue) -> tuple[str, ...]:
    return tuple(sorted(one[5:] for one in dialogue.capabilities if one.startswith("AUTH=")))


def _proven(offered: tuple[str, ...], *, own_login: bool) -> Proven:
    takes = own_login or any(one in _PASSWORD or one.startswith("SCRAM-") for one in offered)
    return Proven(offered, takes)


async def _leave(line: Line[Any], say: Callable[[], Awaitable[object]]) -> None:
    """How a server says good-bye proves nothing."""
    try:
        await say()
    except EilboteError:
        line.abort()
    else:
        await line.stream.close()
