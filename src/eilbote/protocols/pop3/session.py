"""How a POP3 session begins, lists, fetches, deletes and ends, as flows.

It must never show a secret on an unprotected line, and never go on in plain text where encryption was
asked for.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import TypeAlias, TypeVar

from eilbote.errors import NotAllowed, Refused, Unreachable
from eilbote.protocols import sasl
from eilbote.protocols.pop3 import encode
from eilbote.protocols.pop3.connection import Reply
from eilbote.protocols.pop3.encode import Command, command
from eilbote.protocols.pop3.responses import Status, read_capabilities, read_maildrop, read_stat
from eilbote.protocols.pop3.types import Capabilities, Maildrop, Stat
from eilbote.protocols.sasl import Login
from eilbote.protocols.upgrade import StartTls

T = TypeVar("T")

WINDOW = 50
"""Commands on the wire at once, where the server takes several."""

_LATER = {"IN-USE": 60.0, "LOGIN-DELAY": 300.0, "SYS/TEMP": 60.0}
"""Response codes that say "later" (RFC 2449 section 8.1, RFC 3206), and how many seconds later."""


Flow: TypeAlias = Generator[tuple[Command, ...] | StartTls, list[Reply], T]
"""A long exchange: yields commands that may go out together, is sent their replies in that order,
and returns its result. Whoever runs it does the I/O and nothing else."""


class Dialogue:
    """What one session knows of its server at `host`."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.capabilities = Capabilities()

    def can(self, name: str) -> bool:
        return name in self.capabilities.names

    @property
    def may_pipeline(self) -> bool:
        return self.can("PIPELINING")

    def learn(self, reply: Reply) -> None:
        """Takes the answer to CAPA; a server that has no CAPA tells nothing."""
        self.capabilities = read_capabilities(reply.lines) if reply.status.ok else Capabilities()


def learn(dialogue: Dialogue) -> Flow[None]:
    """CAPA (RFC 2449)."""
    replies = yield (encode.CAPA,)
    dialogue.learn(replies[0])


def secure(dialogue: Dialogue) -> Flow[None]:
    """STLS (RFC 2595 section 4). NotAllowed where the server does not offer or refuses it. What was
    told in plain text counts no more."""
    yield from learn(dialogue)
    if dialogue.capabilities.known and not dialogue.can("STLS"):
        raise NotAllowed("pop3.no_stls", host=dialogue.host)
    replies = yield (encode.STLS,)
    if not replies[0].status.ok:
        raise NotAllowed("pop3.no_stls", host=dialogue.host)
    yield StartTls()
    dialogue.capabilities = Capabilities()


def log_in(dialogue: Dialogue, login: Login) -> Flow[None]:
    """Logs in by the best mechanism (RFC 5034), or USER and PASS where there is none, then asks again
    what the server can do: much is announced only now.

    Raises Refused (`pop3.login_refused`,
    `pop3.no_mechanism`), Unreachable `pop3.unavailable`, and what the mechanism finds wrong.
    """
    yield from learn(dialogue)
    if dialogue.can("UTF8"):
        # RFC 6856 section 2: only before the login; without it the server rewrites mails in UTF-8
        yield (encode.UTF8,)
    offered = dialogue.capabilities.mechanisms
    mechanism = login.choose(offered)
    told = details = ""
    if mechanism is not None:
        exchange = login.start(mechanism)
        # Never with an initial response: servers of RFC 1734 know none, and lines are short there.
        sign_in = command("AUTH", mechanism, alone=True, secret=True, respond=exchange.respond)
        reply = (yield (sign_in,))[0]
        if reply.status.ok:
            exchange.finish(None)
        told, details = sasl.refusal_of(exchange), sasl.refusal_details(exchange)
    elif login.oauth or not login.protected:
        raise Refused("pop3.no_mechanism", host=dialogue.host, offered=" ".join(offered))
    else:
        reply = (yield (command("USER", login.user, alone=True, secret=True),))[0]
        if reply.status.ok:
            reply = (yield (command("PASS", login.secret.reveal(), alone=True, secret=True),))[0]
    if not reply.status.ok:
        raise login_refusal(dialogue.host, login.user, reply.status, told, details)
    yield from learn(dialogue)


def login_refusal(
    host: str, user: str, status: Status, told: str = "", details: str = ""
) -> Refused | Unreachable:
    """A no to a login: one that may pass (RFC 2449 section 8.1), or one about user and password."""
    text = status.text[:1000]
    if status.code in _LATER:
        return Unreachable("pop3.unavailable", _LATER[status.code], host=host, text=text, code=status.code)
    return Refused(
        "pop3.login_refused",
        host=host,
        user=user,
        text=f"{text} ({told})" if told else text,
        response=status.code,
        token=details,
    )


def stat() -> Flow[Stat]:
    """How many mails there are, and their size together."""
    replies = yield from ask((encode.STAT,))
    return read_stat(replies[0].status.text)


def list_maildrop(dialogue: Dialogue) -> Flow[Maildrop]:
    """Every mail with its size and, where the server has UIDL, its unique id. A no to UIDL is as good
    as not having it; a no to LIST is Refused `pop3.refused`."""
    commands = (encode.STAT, encode.LIST, encode.UIDL)
    replies = yield from in_turn(dialogue, commands)
    counted, sizes, uidls = replies
    check(sizes)
    told = read_stat(counted.status.text).count if counted.status.ok else None
    return read_maildrop(told, sizes.lines, uidls.lines if uidls.status.ok else None)


def delete(dialogue: Dialogue, numbers: Sequence[int]) -> Flow[dict[int, Status]]:
    """Marks mails for deletion; the server's word on each. They are gone only after `log_out`."""
    answers: dict[int, Status] = {}
    for at in range(0, len(numbers), WINDOW):
        part = numbers[at : at + WINDOW]
        replies = yield from in_turn(dialogue, [encode.dele(number) for number in part])
        answers.update(zip(part, (reply.status for reply in replies), strict=True))
    return answers


def log_out() -> Flow[bool]:
    """QUIT. True if the server said that everything marked is deleted (RFC 1939 section 6)."""
    replies = yield (encode.QUIT,)
    return replies[0].status.ok


def in_turn(dialogue: Dialogue, commands: Iterable[Command]) -> Flow[list[Reply]]:
    """Sends commands together where the server takes that (RFC 2449 section 6.6), else one by one."""
    wanted = tuple(commands)
    if dialogue.may_pipeline:
        return (yield wanted)
    replies: list[Reply] = []
    for one in wanted:
        replies += yield (one,)
    return replies


def ask(commands: tuple[Command, ...]) -> Flow[list[Reply]]:
    """Sends commands together; all must succeed."""
    replies = yield commands
    for reply in replies:
        check(reply)
    return replies


def check(reply: Reply) -> None:
    """Raises Refused `pop3.refused` unless the server said +OK."""
    if not reply.status.ok:
        status = reply.status
        raise Refused(
            "pop3.refused",
            _LATER.get(status.code),
            command=reply.command.name,
            text=status.text[:1000],
            response=status.code,
        )
