"""The one encoder of SMTP commands (RFC 5321 section 4.1).

Every word that leaves for a server is made here, so that no address, parameter or name can begin a
line or a parameter of its own: whatever is not exactly of its form is refused (Misused
`smtp.address`, `smtp.argument`), never mended.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from eilbote.errors import Misused
from eilbote.protocols.smtp.limits import Waiting
from eilbote.protocols.smtp.types import Notify

_LONGEST_ADDRESS = 480  # keeps a command below 512 octets without its parameters; RFC 5321 wants 256
_LONGEST_ENVELOPE_ID = 100  # RFC 3461 section 4.4
_LONGEST_ORIGINAL = 500  # RFC 3461 section 4.2

# RFC 5321 section 4.1.2, RFC 6531 section 3.3. Dots may stand anywhere: real addresses have them so.
_LOCAL = re.compile(r"""[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-\u0080-\U0010ffff]++|"(?:[ !#-\[\]-~]|\\[ -~])*+\"""")
_DOMAIN = re.compile(r"(?!-)[A-Za-z0-9_\-\u0080-\U0010ffff]++(?:\.[A-Za-z0-9_\-\u0080-\U0010ffff]++)*+\.?")
_LITERAL = re.compile(r"\[[A-Za-z0-9:.\-]{2,64}\]")
_COMMON = re.compile(r"[A-Za-z0-9_+=.\-]{1,64}@[A-Za-z0-9][A-Za-z0-9\-]{0,62}(?:\.[A-Za-z0-9\-]{1,63}){0,9}")
_MECHANISM = re.compile(r"[A-Z0-9_\-]{1,20}")  # RFC 4422 section 3.1
_PLAIN_XTEXT = re.compile(r"[!-*,-<>-~]*")


class Command(Struct, frozen=True):
    """One command line without its CRLF.

    `waiting`: how long its reply may take. `respond` gives the answer to each challenge (AUTH).
    `last`: nothing may be sent behind it before its reply (RFC 2920 section 3.1). `secret`: its
    arguments never reach a trace.
    """

    name: str
    line: bytes
    waiting: Waiting = Waiting.COMMAND
    respond: Callable[[bytes], bytes] | None = None
    last: bool = False
    secret: bool = False


def _command(name: str, *words: bytes, waiting: Waiting = Waiting.COMMAND, last: bool = False) -> Command:
    return Command(name, b" ".join((name.encode("ascii"), *words)), waiting, None, last)


QUIT: Final = _command("QUIT", last=True)
RSET: Final = _command("RSET")
STARTTLS: Final = _command("STARTTLS", last=True)
DATA: Final = _command("DATA", waiting=Waiting.DATA, last=True)
END: Final = Command(".", b".", Waiting.END)
"""The final dot; behind it the next mail may follow at once."""


def hello(name: str, *, esmtp: bool) -> Command:
    """EHLO, or HELO; `name` is our own, a domain or an address literal."""
    if not name.isascii() or not (_DOMAIN.fullmatch(name) or _LITERAL.fullmatch(name)) or len(name) > 255:
        raise Misused("smtp.argument", command="EHLO")
    return _command("EHLO" if esmtp else "HELO", name.encode("ascii"), last=True)


def auth(mechanism: str, initial: bytes | None, respond: Callable[[bytes], bytes]) -> Command:
    """AUTH (RFC 4954); `initial` is already in base64, b"=" for an empty one."""
    if not _MECHANISM.fullmatch(mechanism):
        raise Misused("smtp.argument", command="AUTH")
    line = b"AUTH " + mechanism.encode("ascii")
    if initial is not None:
        line += b" " + initial
    return Command("AUTH", line, Waiting.COMMAND, respond, last=True, secret=True)


def mail(
    sender: str,
    *,
    utf8: bool = False,
    size: int | None = None,
    body_8bit: bool = False,
    require_tls: bool = False,
    headers_only: bool | None = None,
    envelope_id: str = "",
) -> Command:
    """MAIL FROM with what the server knows of SIZE, 8BITMIME, SMTPUTF8, REQUIRETLS and DSN; `sender` ""
    is the null reverse-path."""
    line = b"MAIL FROM:<" + (_address(sender, utf8) if sender else b"") + b">"
    if size is not None:
        line += b" SIZE=%d" % max(0, size)
    if body_8bit:
        line += b" BODY=8BITMIME"
    if utf8:
        line += b" SMTPUTF8"
    if require_tls:
        line += b" REQUIRETLS"
    if headers_only is not None:
        line += b" RET=HDRS" if headers_only else b" RET=FULL"
    if envelope_id:
        line += b" ENVID=" + _xtext("MAIL", envelope_id, _LONGEST_ENVELOPE_ID)
    return Command("MAIL", line, Waiting.MAIL)


def rcpt(address: str, *, utf8: bool = False, notify: tuple[Notify, ...] = (), original: str = "") -> Command:
    """RCPT TO, with the parameters of DSN where given."""
    line = b"RCPT TO:<" + _address(address, utf8) + b">"
    if notify:
        if Notify.NEVER in notify and len(notify) > 1:
            raise Misused("smtp.argument", command="RCPT")
        line += b" NOTIFY=" + b",".join(one.value.encode("ascii") for one in dict.fromkeys(notify))
    if original:
        line += b" ORCPT=" + _original(original)
    return Command("RCPT", line, Waiting.RCPT)


def bdat(size: int, *, last: bool) -> Command:
    """BDAT (RFC 3030): `size` octets follow this line at once."""
    words = (b"%d" % size, b"LAST") if last else (b"%d" % size,)
    return _command("BDAT", *words, waiting=Waiting.END if last else Waiting.BLOCK)


def needs_utf8(address: str) -> bool:
    """Whether the address can only be sent with SMTPUTF8."""
    return not address.isascii()


def is_sendable(address: str) -> bool:
    """Whether the address has a form that may be sent at all."""
    try:
        _address(address, utf8=True)
    except Misused:
        return False
    return True


def _address(address: str, utf8: bool) -> bytes:
    """`local@domain` (RFC 5321 section 4.1.2) with nothing else in it."""
    if _COMMON.fullmatch(address):
        return address.encode("ascii")
    local, _, domain = address.rpartition("@")
    right = _LOCAL.fullmatch(local) and (_DOMAIN.fullmatch(domain) or _LITERAL.fullmatch(domain))
    if not right or not address.isprintable() or not (utf8 or address.isascii()):
        raise Misused("smtp.address", address=address[:200])
    try:
        encoded = address.encode()
    except UnicodeEncodeError:
        raise Misused("smtp.address", address=ascii(address[:200])) from None
    if len(encoded) > _LONGEST_ADDRESS:
        raise Misused("smtp.address", address=address[:200])
    return encoded


def _original(address: str) -> bytes:
    """The value of ORCPT: type and address (RFC 3461 section 4.2, RFC 6533 section 3)."""
    if address.isascii():
        return b"rfc822;" + _xtext("RCPT", address, _LONGEST_ORIGINAL)
    # utf-8-addr-xtext: fits any server that knows DSN
    shown = "".join(
        mark if "!" <= mark <= "~" and mark not in "\\+=" else f"\\x{{{ord(mark):02X}}}" for mark in address
    )
    if len(shown) > _LONGEST_ORIGINAL or not address.isprintable():
        raise Misused("smtp.argument", command="RCPT")
    return b"utf-8;" + shown.encode("ascii")


def _xtext(name: str, text: str, longest: int) -> bytes:
    """RFC 3461 section 4: what is not plain becomes `+` and two digits."""
    if not text.isascii() or not text.isprintable() or len(text) > longest:
        raise Misused("smtp.argument", command=name)
    if _PLAIN_XTEXT.fullmatch(text):
        return text.encode("ascii")
    return "".join(mark if _PLAIN_XTEXT.fullmatch(mark) else f"+{ord(mark):02X}" for mark in text).encode()
