"""How a ManageSieve session begins and ends, as flows: greeting, STARTTLS, login, good-bye.

It must never show a secret on an unprotected line, never go on in plain text where encryption was
asked for, and never follow a referral: the secret is for the server that it was typed for.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Generator, Sequence
from typing import TypeAlias, TypeVar

from eilbote.errors import EilboteError, Garbled, Gone, NotAllowed, Refused, Unreachable
from eilbote.protocols import sasl
from eilbote.protocols.managesieve import encode
from eilbote.protocols.managesieve.connection import Greeting, Reply
from eilbote.protocols.managesieve.encode import Command
from eilbote.protocols.managesieve.responses import read_capabilities, referred_to
from eilbote.protocols.managesieve.values import Capabilities, Status
from eilbote.protocols.sasl import Login
from eilbote.protocols.upgrade import StartTls

T = TypeVar("T")

_LATER_SECONDS = 300.0

Flow: TypeAlias = Generator[tuple[Command, ...] | StartTls, list[Reply], T]
"""A long exchange: yields commands that may go out together, is sent their replies in that order,
and returns its result. Whoever runs it does the I/O and nothing else."""


class Dialogue:
    """What one session knows of its server at `host`."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.capabilities = Capabilities()

        self._steps = 0
        self._repeats = False

    def can(self, name: str) -> bool:
        return self.capabilities.has(name)

    def step(self) -> tuple[Command, ...]:
        """A NOOP to be sent behind a command (RFC 5804 section 2.13): its answer repeats a tag that was never
        said before, so that a server which answers twice, or not at all, is noticed at once. Cyrus does so
        where it does not understand a name: the answers that follow belong to other commands. Nothing where
        the server does not repeat tags."""
        return (self.noop(),) if self._repeats else ()

    def noop(self) -> Command:
        """A NOOP with a new tag."""
        self._steps += 1
        return encode.noop(str(self._steps))

    def check_step(self, replies: Sequence[Reply]) -> None:
        """Garbled `managesieve.out_of_step` unless the NOOP of the latest `step` was answered last."""
        if self._repeats and not self._is_repeated(replies[-1].status):
            raise Garbled("managesieve.out_of_step", host=self.host)

    def learn_step(self, status: Status) -> None:
        """Takes the answer to the first NOOP: does the server repeat tags?"""
        self._repeats = self._is_repeated(status)

    def _is_repeated(self, status: Status) -> bool:
        return status.ok and status.code == "TAG" and status.arguments[:1] == (str(self._steps),)

    @property
    def is_of_the_rfc(self) -> bool:
        """CHECKSCRIPT, RENAMESCRIPT and NOOP are there: every server of RFC 5804 has them, and says so by
        its VERSION (section 1.7)."""
        return bool(self.capabilities.version)


def greet(dialogue: Dialogue, greeting: Greeting) -> None:
    """Takes the greeting. Garbled `managesieve.no_greeting`, Unreachable `managesieve.unavailable`,
    Refused `managesieve.referral`."""
    if not greeting.status.ok:
        raise refusal(dialogue.host, "greeting", greeting.status)
    _learn(dialogue, greeting)
    if not (dialogue.can("SIEVE") or dialogue.can("IMPLEMENTATION")):
        raise Garbled("managesieve.no_greeting", host=dialogue.host)


def secure(dialogue: Dialogue) -> Flow[None]:
    """STARTTLS (RFC 5804 section 2.2). NotAllowed `managesieve.no_starttls` where the server does not offer
    or refuses it. What was told in plain text counts no more: the server tells it anew."""
    if not dialogue.can("STARTTLS"):
        raise NotAllowed("managesieve.no_starttls", host=dialogue.host)
    replies = yield (encode.STARTTLS,)
    if not replies[0].status.ok:
        raise NotAllowed("managesieve.no_starttls", host=dialogue.host)
    yield StartTls()
    dialogue.capabilities = Capabilities()
    yield from _learned(dialogue, encode.ANNOUNCED)


def log_in(dialogue: Dialogue, login: Login) -> Flow[None]:
    """Logs in by the best mechanism (RFC 5804 section 2.1), then asks again what the server can do: whose
    scripts they are, and what this user may write, is told only now.

    Raises Refused (`managesieve.login_refused`, `managesieve.no_mechanism`, `managesieve.referral`),
    Unreachable `managesieve.unavailable`, and what the mechanism finds wrong.
    """
    offered = dialogue.capabilities.mechanisms
    mechanism = login.choose(offered)
    if mechanism is None:
        raise Refused("managesieve.no_mechanism", host=dialogue.host, offered=" ".join(offered))
    exchange = login.start(mechanism)
    # LOGIN's user waits for its prompt; the others begin (RFC 5804 section 2.1).
    initial = exchange.initial_response() if mechanism != "LOGIN" else None
    replies = yield (encode.authenticate(mechanism, initial, exchange.respond),)
    status = replies[0].status
    if not status.ok:
        raise login_refusal(dialogue.host, login.user, status, sasl.refusal_of(exchange))
    exchange.finish(_proof(status))
    yield from learn(dialogue)
    yield from keep_in_step(dialogue)


def _proof(status: Status) -> bytes | None:
    """What the server's yes carries along (RFC 5804 section 1.3, SASL)."""
    if status.code != "SASL" or not status.arguments:
        return None
    try:
        return b64decode(status.arguments[0], validate=True)
    except ValueError:
        raise Garbled("managesieve.no_answer") from None


def learn(dialogue: Dialogue) -> Flow[None]:
    """CAPABILITY (RFC 5804 section 2.4)."""
    yield from _learned(dialogue, encode.CAPABILITY)


def _learned(dialogue: Dialogue, command: Command) -> Flow[None]:
    replies = yield (command,)
    if not replies[0].status.ok:
        raise refusal(dialogue.host, command.name, replies[0].status)
    _learn(dialogue, replies[0])


def _learn(dialogue: Dialogue, told: Greeting | Reply) -> None:
    dialogue.capabilities = read_capabilities(told.lines)


def keep_in_step(dialogue: Dialogue) -> Flow[None]:
    """Finds out whether the server repeats tags, so that `ask` can rely on it."""
    if dialogue.is_of_the_rfc:
        replies = yield (dialogue.noop(),)
        dialogue.learn_step(replies[0].status)


def keep_alive(dialogue: Dialogue) -> Flow[None]:
    """A question without an effect, so that the server does not end the session for idleness."""
    if dialogue.is_of_the_rfc:
        replies = yield (dialogue.noop(),)
        dialogue.check_step(replies)
    else:
        yield from learn(dialogue)


def unauthenticate(dialogue: Dialogue) -> Flow[None]:
    """Back to before the login (RFC 5804 section 2.14.1). Refused `managesieve.refused` where the server
    does not know it."""
    yield from ask(dialogue, encode.UNAUTHENTICATE)
    yield from learn(dialogue)


def log_out() -> Flow[None]:
    """LOGOUT; whatever the server says to it."""
    yield (encode.LOGOUT,)


def ask(dialogue: Dialogue, command: Command, name: str = "") -> Flow[Reply]:
    """Sends a command, which must succeed; else what `refusal` says. `name`: the script that it is about."""
    reply = yield from try_to(dialogue, command)
    if not reply.status.ok:
        raise refusal(dialogue.host, command.name, reply.status, name)
    return reply


def try_to(dialogue: Dialogue, command: Command) -> Flow[Reply]:
    """Sends a command; its reply, a yes or a no. Garbled where the server has fallen out of step."""
    replies = yield (command, *dialogue.step())
    dialogue.check_step(replies)
    return replies[0]


def login_refusal(host: str, user: str, status: Status, told: str = "") -> EilboteError:
    """A no to a login: one that may pass, one that names another server, or one about user and password."""
    if status.code in ("TRYLATER", "REFERRAL"):
        return refusal(host, "AUTHENTICATE", status)
    text = status.line
    return Refused(
        "managesieve.login_refused",
        host=host,
        user=user,
        text=f"{text} ({told})" if told else text,
        response=status.code,
    )


def refusal(host: str, command: str, status: Status, name: str = "") -> EilboteError:
    """The error for a no, by its response code (RFC 5804 section 1.3); a script that is wrong has none, and
    is told elsewhere (`scripts.put`)."""
    text = status.line
    match status.code:
        case "TRYLATER":
            return Unreachable("managesieve.unavailable", _LATER_SECONDS, host=host, text=text)
        case "REFERRAL":
            return Refused("managesieve.referral", host=host, to=referred_to(status))
        case "QUOTA/MAXSCRIPTS":
            return Refused("managesieve.too_many_scripts", host=host, text=text)
        case "QUOTA" | "QUOTA/MAXSIZE":
            return Refused("managesieve.quota", host=host, name=name, text=text)
        case "NONEXISTENT":
            return Gone("managesieve.no_such_script", host=host, name=name)
        case "ALREADYEXISTS":
            return Refused("managesieve.name_taken", host=host, name=name)
        case "ACTIVE":
            return Refused("managesieve.active", host=host, name=name)
        case _ if command == "greeting":
            return Unreachable("managesieve.unavailable", _LATER_SECONDS, host=host, text=text)
        case code:
            return Refused("managesieve.refused", host=host, command=command, text=text, response=code)
