"""How every session begins: connect, check the pin, take the greeting, protect the line, log in.

The order is what keeps secrets safe, so it stands here once: no word goes to a server before its
certificate verified or matched a pin, and none is secret before the line is protected.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from eilbote.clock import Clock
from eilbote.net.credential import Credential
from eilbote.net.line import Line
from eilbote.net.stream import Unverified
from eilbote.net.terms import Terms
from eilbote.protocols import sasl
from eilbote.store.values import Security, Server


class Conversation(Protocol):
    """What each protocol does in its own way. Each step raises what goes wrong."""

    @property
    def line(self) -> Line[Any]: ...

    async def greet(self, within: float) -> None:
        """Takes the server's first words, `within` so many seconds."""
        ...

    async def secure(self) -> None:
        """Has the line encrypted (STARTTLS, STLS); never goes on in plain text."""
        ...

    def said_so_far(self) -> str:
        """What was said, a line each, without secrets; "" where that is not kept."""
        ...


C = TypeVar("C", bound=Conversation)


async def enter(
    server: Server,
    terms: Terms,
    connect: Callable[[bool], Awaitable[C]],
    log_in: Callable[[C], Awaitable[None]],
) -> C:
    """A conversation with `server`, its line protected as `server.security` says, logged in.

    `connect` makes the connection, and has its certificate verified where it is given True. Raises
    Unreachable (`net.certificate` for one that neither verifies nor is pinned), Refused, Garbled,
    NotAllowed; then the connection is gone, and what was said over it, without secrets, is a note of the
    error where the conversation keeps that.
    """
    unverified: str | None = None
    while True:
        try:
            talk = await connect(unverified is None)
            try:
                await _begin(talk, server, terms, unverified)
                await log_in(talk)
            except BaseException as error:
                talk.line.abort()
                if said := talk.said_so_far():
                    error.add_note(said)
                raise
        except Unverified as failure:
            # Once more, without a word to the server before its certificate matches a pin.
            assert unverified is None
            unverified = failure.reason
        else:
            return talk


async def _begin(talk: Conversation, server: Server, terms: Terms, unverified: str | None) -> None:
    stream = talk.line.stream
    if unverified is not None and server.security is Security.TLS:
        stream.check_pin(terms.trusted, unverified)
    await talk.greet(terms.connect_timeout)
    if server.security is Security.STARTTLS:
        await talk.secure()
        if unverified is not None:
            stream.check_pin(terms.trusted, unverified)


def login_over(line: Line[Any], credential: Credential, clock: Clock) -> sasl.Login:
    """How `credential` may be shown over this line: what it allows, bound to its TLS channel where
    that can be."""
    binding = line.stream.channel_binding()

    def start(mechanism: str) -> sasl.Exchange:
        return sasl.start(
            mechanism,
            user=credential.user,
            secret=credential.secret,
            host=line.server.host,
            port=line.server.port,
            nonce=clock.random_bytes(18).hex(),
            channel_binding=binding if mechanism.endswith("-PLUS") else None,
        )

    return sasl.Login(
        user=credential.user,
        secret=credential.secret,
        start=start,
        oauth=credential.oauth,
        # Without TLS only this machine itself is spoken to (`Stream.connect` sees to it).
        protected=line.stream.is_protected or line.server.security is Security.NONE,
        channel_binding=binding is not None,
    )
