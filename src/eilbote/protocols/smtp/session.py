"""How an SMTP session begins and ends, as flows: greeting, EHLO, STARTTLS, login, QUIT.

It must never show a secret on an unprotected line, and never go on in plain text where encryption was
asked for.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Generator
from typing import TypeAlias, TypeVar

from eilbote.errors import NotAllowed, Refused, Unreachable
from eilbote.protocols import sasl
from eilbote.protocols.sasl import Login
from eilbote.protocols.smtp import encode
from eilbote.protocols.smtp.connection import Answered, SmtpConnection
from eilbote.protocols.smtp.encode import Command
from eilbote.protocols.smtp.responses import read_extensions
from eilbote.protocols.smtp.types import Extensions, Reply
from eilbote.protocols.upgrade import StartTls

T = TypeVar("T")

_LONGEST_INITIAL = 400  # RFC 4954 section 4: AUTH with its initial response fits 512 octets, or waits
_LATER_SECONDS = 600.0

Flow: TypeAlias = Generator[tuple[Command, ...] | StartTls, list[Answered], T]
"""A long exchange: yields commands that may go out together, is sent their replies in that order,
and returns its result. Whoever runs it does the I/O and nothing else."""


class Dialogue:
    """What one session knows of its server at `host`."""

    def __init__(self, connection: SmtpConnection, host: str) -> None:
        self.connection = connection
        self.host = host
        self.extensions = Extensions()
        self.is_protected = False
        """TLS is on, with a certificate that was verified, pinned or judged."""
        self.is_introduced = False
        """EHLO was said on the line as it is now."""
        self.transactions = 0
        """How many were begun."""
        self.needs_reset = False
        """The server may still hold a sender or recipients."""

    def can(self, name: str) -> bool:
        return name in self.extensions.names


def check_greeting(dialogue: Dialogue, reply: Reply) -> None:
    """Unreachable `smtp.unavailable` or Refused `smtp.refused` for a no (RFC 5321 section 3.1)."""
    if reply.code != 220:
        raise refusal(dialogue.host, "greeting", reply)


def hello(dialogue: Dialogue, name: str, *, may_fall_back: bool) -> Flow[None]:
    """EHLO; HELO only where `may_fall_back`: there is nothing then but plain mail in plain text."""
    reply = yield from ask(encode.hello(name, esmtp=True))
    if reply.is_ok:
        dialogue.extensions = read_extensions(reply)
        dialogue.is_introduced = True
        return
    if may_fall_back and reply.code in (500, 502, 504, 550):  # RFC 5321 section 3.2
        reply = yield from ask(encode.hello(name, esmtp=False))
        if reply.is_ok:
            dialogue.extensions = Extensions(greeting=reply.text)
            dialogue.is_introduced = True
            return
    raise refusal(dialogue.host, "EHLO", reply)


def secure(dialogue: Dialogue, name: str, *, required: bool) -> Flow[bool]:
    """EHLO and STARTTLS (RFC 3207). What was told in plain text counts no more: EHLO must follow.
    False where the server does not offer it or cannot do it now, and it is not `required`; NotAllowed
    `smtp.no_starttls` where it is."""
    yield from hello(dialogue, name, may_fall_back=not required)
    if not dialogue.can("STARTTLS"):
        if required:
            raise NotAllowed("smtp.no_starttls", host=dialogue.host)
        return False
    reply = yield from ask(encode.STARTTLS)
    if reply.code != 220:
        if not required:
            return False
        if reply.is_later:
            raise refusal(dialogue.host, "STARTTLS", reply)
        raise NotAllowed("smtp.no_starttls", host=dialogue.host)
    dialogue.extensions = Extensions()
    dialogue.is_introduced = False
    yield StartTls()
    return True


def log_in(dialogue: Dialogue, login: Login) -> Flow[None]:
    """Logs in by the best mechanism (RFC 4954).

    Raises Refused (`smtp.login_refused`, `smtp.no_mechanism`), Unreachable `smtp.unavailable`, and what
    the mechanism finds wrong.
    """
    offered = dialogue.extensions.mechanisms
    mechanism = login.choose(offered)
    if mechanism is None:
        raise Refused("smtp.no_mechanism", host=dialogue.host, offered=" ".join(offered))
    exchange = login.start(mechanism)
    initial: bytes | None = None
    # LOGIN's user waits for its prompt: not every server takes it along.
    first = exchange.initial_response() if mechanism != "LOGIN" else None
    respond: Callable[[bytes], bytes] = exchange.respond
    if first is not None:
        initial = b64encode(first) or b"="
        if len(initial) > _LONGEST_INITIAL:
            initial, respond = None, _after_prompt(first, exchange.respond)
    reply = yield from ask(encode.auth(mechanism, initial, respond))
    if not reply.is_ok:
        told, details = sasl.refusal_of(exchange), sasl.refusal_details(exchange)
        raise login_refusal(dialogue.host, login.user, reply, told, details)
    exchange.finish(None)


def _after_prompt(first: bytes, respond: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Answers the empty challenge of a server that got no initial response with `first`."""
    prompts = iter((first,))

    def answer(challenge: bytes) -> bytes:
        waiting = next(prompts, None)
        return respond(challenge) if waiting is None else waiting

    return answer


def login_refusal(
    host: str, user: str, reply: Reply, told: str = "", details: str = ""
) -> Refused | Unreachable:
    """A no to a login: one that may pass (RFC 4954 section 6: 432, 454, 421), or one about user and
    password."""
    if reply.code < 500:
        return refusal(host, "AUTH", reply)
    text = str(reply)[:1000]
    return Refused(
        "smtp.login_refused",
        host=host,
        user=user,
        text=f"{text} ({told})" if told else text,
        response=reply.enhanced,
        token=details,
    )


def try_envelope(dialogue: Dialogue, sender: str, recipient: str | None = None) -> Flow[list[Reply]]:
    """MAIL and RCPT that are taken back at once (RSET): the replies to them. Nothing is sent. Where the
    sender is refused, no recipient is tried. Misused `smtp.address`."""
    utf8 = encode.needs_utf8(sender) or (recipient is not None and encode.needs_utf8(recipient))
    utf8 = utf8 and "SMTPUTF8" in dialogue.extensions.names
    replies = [(yield from ask(encode.mail(sender, utf8=utf8)))]
    if replies[0].is_ok and recipient is not None:
        replies.append((yield from ask(encode.rcpt(recipient, utf8=utf8))))
    yield from ask(encode.RSET)
    return replies


def log_out() -> Flow[None]:
    """QUIT; whatever the server says to it."""
    yield from ask(encode.QUIT)


def refusal(host: str, command: str, reply: Reply) -> Refused | Unreachable:
    """The error for a no to something that is not about one mail."""
    text = str(reply)[:1000]
    if reply.code == 421 or reply.is_later:
        return Unreachable("smtp.unavailable", _LATER_SECONDS, host=host, text=text)
    return Refused("smtp.refused", host=host, command=command, text=text, response=reply.enhanced)


def ask(command: Command) -> Flow[Reply]:
    """Sends one command; its reply."""
    (answered,) = yield (command,)
    return answered.reply
