"""How a session begins and ends: STARTTLS, login, ID, ENABLE, LOGOUT, as flows.

It must never show a secret on an unprotected line, and never go on in plain text where encryption
was asked for.
"""

from __future__ import annotations

from base64 import b64encode

from eilbote.errors import NotAllowed, Refused, Unreachable
from eilbote.protocols import sasl
from eilbote.protocols.imap import encode
from eilbote.protocols.imap.connection import Reply
from eilbote.protocols.imap.dialogue import (
    Dialogue,
    Flow,
    ask_one,
    check,
    has_too_many_connections,
    is_not_connected,
    is_throttled,
    refusal,
)
from eilbote.protocols.imap.encode import Command, command
from eilbote.protocols.imap.responses import Capabilities, Enabled, Namespaces, ServerId, Status
from eilbote.protocols.imap.traits import Trait
from eilbote.protocols.sasl import Exchange, Login
from eilbote.protocols.upgrade import StartDeflate, StartTls

_CROWDED_SECONDS = 60.0
_LATER_CODES = frozenset({"UNAVAILABLE", "INUSE", "SERVERBUG", "LIMIT", "THROTTLED"})
CAPABILITY = command("CAPABILITY", expects=[Capabilities])


def secure(dialogue: Dialogue, greeting: Status) -> Flow[None]:
    """STARTTLS (RFC 9051 section 6.2.1). NotAllowed where the server does not offer it, or claims
    that the login is done already: then the line would stay open to whoever made it so."""
    if greeting.kind == "PREAUTH":
        raise NotAllowed("imap.preauth_before_tls", host=dialogue.host)
    yield from learn(dialogue)
    if "STARTTLS" not in dialogue.capabilities:
        raise NotAllowed("imap.no_starttls", host=dialogue.host)
    yield from ask_one(command("STARTTLS", alone=True))
    yield StartTls()
    dialogue.forget_before_tls()


def log_in(dialogue: Dialogue, login: Login) -> Flow[None]:
    """Logs in by the best mechanism, or LOGIN where there is none or the server is known to prefer it
    (RFC 9051 section 6.2.2, 6.2.3).

    Raises Refused (`imap.login_refused`,
    `imap.no_mechanism`), Unreachable `imap.unavailable`, and what the mechanism finds wrong.
    """
    yield from learn(dialogue)
    offered = sorted(name[5:] for name in dialogue.capabilities if name.startswith("AUTH="))
    mechanism = login.choose(offered)
    if mechanism == "PLAIN" and _takes_login_rather(dialogue):
        mechanism = None
    told = details = ""
    if mechanism is not None:
        exchange = login.start(mechanism)
        replies = yield (_authenticate(dialogue, mechanism, exchange),)
        reply = replies[0]
        if reply.status.kind == "OK":
            exchange.finish(None)
        told, details = sasl.refusal_of(exchange), sasl.refusal_details(exchange)
    elif login.oauth or not login.protected or "LOGINDISABLED" in dialogue.capabilities:
        if not offered:
            raise Refused("imap.login_disabled", host=dialogue.host)
        raise Refused("imap.no_mechanism", host=dialogue.host, offered=" ".join(offered))
    else:
        arguments = (encode.astring(login.user), encode.astring(login.secret.reveal()))
        replies = yield (command("LOGIN", *arguments, alone=True, secret=True, expects=[Capabilities]),)
        reply = replies[0]
    if reply.status.kind != "OK":
        raise _login_refusal(dialogue, login.user, reply, told, details)
    announced = any(isinstance(one, Capabilities) for one in reply.untagged)
    code = reply.status.code
    if not announced and (code is None or code.name != "CAPABILITY"):
        # RFC 9051 section 6.2.2: what was announced before the login need not hold after it
        yield from ask_one(CAPABILITY)


def _takes_login_rather(dialogue: Dialogue) -> bool:
    """The server is known for it before it has said its name. Only one way is tried: a second try with the
    same secret could lock somebody out."""
    dialogue.judge_server()
    return dialogue.shows(Trait.LOGIN_BEFORE_PLAIN) and "LOGINDISABLED" not in dialogue.capabilities


def _authenticate(dialogue: Dialogue, mechanism: str, exchange: Exchange) -> Command:
    first = exchange.initial_response() if dialogue.can("SASL-IR") else None
    initial = () if first is None else (b64encode(first) or b"=",)  # RFC 4959 section 3
    return command(
        "AUTHENTICATE",
        encode.atom(mechanism),
        *initial,
        alone=True,
        secret=True,
        answer=exchange.respond,
        expects=[Capabilities],
    )


def _login_refusal(
    dialogue: Dialogue, user: str, reply: Reply, told: str, details: str
) -> Refused | Unreachable:
    problem = refusal(reply).problem
    code, text = problem.parameters["code"], problem.parameters["text"]
    if has_too_many_connections(text):
        return Unreachable("imap.too_many_connections", _CROWDED_SECONDS, host=dialogue.host, text=text)
    if is_throttled(reply.status):
        return Unreachable("imap.throttled", problem.retry_after, host=dialogue.host, text=text)
    if is_not_connected(reply.status):
        return _not_connected(dialogue, user, reply)
    if code in _LATER_CODES or (problem.retry_after is not None and code != "AUTHENTICATIONFAILED"):
        return Unreachable("imap.unavailable", problem.retry_after, host=dialogue.host, text=text)
    return Refused(
        "imap.login_refused",
        host=dialogue.host,
        user=user,
        text=f"{text} ({told})" if told else text,
        response=code,
        token=details,
    )


def _not_connected(dialogue: Dialogue, user: str, reply: Reply) -> Refused:
    return Refused("imap.not_connected", host=dialogue.host, user=user, text=reply.status.text[:1000])


def prepare(dialogue: Dialogue, user: str = "") -> Flow[None]:
    """After the login, in one round trip: ID (some servers want it before SELECT), NAMESPACE, and
    ENABLE of what makes a sync cheap. A no to any of these changes nothing else; only Exchange's `User
    is authenticated but not connected` is the end (Refused `imap.not_connected`)."""
    yield from learn(dialogue)
    dialogue.judge_server()
    commands = []
    if dialogue.can("ID"):
        # A non-empty list: several servers refuse `ID ()` (RFC 2971 section 3.1)
        names = encode.listed([b'"name"', b'"eilbote"'])
        commands.append(command("ID", names, expects=[ServerId]))
    if dialogue.can("NAMESPACE"):
        commands.append(command("NAMESPACE", expects=[Namespaces]))
    wanted = _wanted(dialogue)
    if dialogue.can("ENABLE") and wanted:
        commands.append(command("ENABLE", b" ".join(wanted), expects=[Enabled]))
    if commands:
        replies = yield tuple(commands)
        for reply in replies:
            if reply.status.kind != "OK" and is_not_connected(reply.status):
                raise _not_connected(dialogue, user, reply)
    dialogue.judge_server()


def compress(dialogue: Dialogue) -> Flow[bool]:
    """COMPRESS DEFLATE (RFC 4978 section 3); False where the server has none or says no."""
    if not dialogue.can("COMPRESS=DEFLATE"):
        return False
    replies = yield (command("COMPRESS", b"DEFLATE", alone=True),)
    if replies[0].status.kind != "OK":
        return False
    yield StartDeflate(dialogue.connection.framer.take_rest())
    return True


def _wanted(dialogue: Dialogue) -> list[bytes]:
    """RFC 5161: QRESYNC, which brings CONDSTORE; UTF-8; IMAP4rev2."""
    wanted = []
    if dialogue.can("QRESYNC"):
        wanted.append(b"QRESYNC")
    elif dialogue.can("CONDSTORE"):
        wanted.append(b"CONDSTORE")
    if dialogue.can("UTF8=ACCEPT") or dialogue.can("UTF8=ONLY"):
        wanted.append(b"UTF8=ACCEPT")
    if dialogue.can("IMAP4REV2") and "IMAP4REV1" in dialogue.capabilities:
        wanted.append(b"IMAP4rev2")
    return wanted


def log_out() -> Flow[None]:
    """LOGOUT; the server's BYE belongs to it."""
    replies = yield (command("LOGOUT", alone=True),)
    check(replies[0])


def learn(dialogue: Dialogue) -> Flow[None]:
    """CAPABILITY, where nothing was announced yet."""
    if not dialogue.capabilities:
        yield from ask_one(CAPABILITY)
