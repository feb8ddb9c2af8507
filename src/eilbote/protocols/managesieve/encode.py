"""The one encoder of ManageSieve commands (RFC 5804 section 4).

Every word that leaves for a server is made here, so that no text of a user, a script or another server can
begin a line of its own: a text is a quoted string, or a literal that says its length.
"""

from __future__ import annotations

import unicodedata
from base64 import b64encode
from collections.abc import Callable

from msgspec import Struct

from eilbote.errors import Misused
from eilbote.protocols.managesieve.values import ScriptName

LONGEST_NAME = 512
"""Bytes of a name: servers must take 128 characters, which may be so long (RFC 5804 section 1.6)."""

LARGEST_SCRIPT = 1024 * 1024
"""Bytes; what Pigeonhole takes at most unless it is told otherwise."""

_LONGEST_QUOTED = 1024  # RFC 5804 section 4: octets between the quotes


class Script(Struct, frozen=True):
    """The content of a script, to be sent as a literal."""

    content: bytes


class Command(Struct, frozen=True):
    """One command as it goes out, with its last CRLF; `line` empty: nothing goes out, and an answer is
    expected all the same (`ANNOUNCED`).

    `shown` is how a trace has it: without secrets and scripts. `respond` gives the reply to each challenge
    (SASL). `content`: the strings of its answer are content, and no trace shows them.
    """

    name: str
    line: bytes
    shown: bytes
    respond: Callable[[bytes], bytes] | None = None
    content: bool = False


def command(
    name: str,
    *arguments: ScriptName | Script | int,
    content: bool = False,
) -> Command:
    """A command of `name` (our own word) and arguments. Misused `managesieve.argument`."""
    sent, shown = [name.encode("ascii")], [name.encode("ascii")]
    for argument in arguments:
        match argument:
            case Script(given):
                sent.append(_literal(script_content(given)))
                shown.append(b"{%d+} <%d bytes>" % (len(given), len(given)))
            case int():
                if not 0 <= argument < 2**32:
                    raise Misused("managesieve.argument", command=name)
                sent.append(b"%d" % argument)
                shown.append(b"%d" % argument)
            case _:
                # A name that a server listed comes back as it was given; nothing in it ends a line.
                word = string(argument, name)
                sent.append(word)
                shown.append(word)
    return Command(name, b" ".join(sent) + b"\r\n", b" ".join(shown), None, content)


def authenticate(mechanism: str, initial: bytes | None, respond: Callable[[bytes], bytes]) -> Command:
    """A login (RFC 5804 section 2.1); `initial` is its first word where the mechanism lets the client begin.
    It never reaches a trace."""
    words = [b"AUTHENTICATE", string(mechanism, "AUTHENTICATE")]
    if initial is not None:
        words.append(answer(initial))
    shown = b" ".join([*words[:2], b"(secret)"] if initial is not None else words)
    return Command("AUTHENTICATE", b" ".join(words) + b"\r\n", shown, respond)


def answer(response: bytes) -> bytes:
    """A word of a login: a string of base64."""
    return string(b64encode(response).decode("ascii"), "AUTHENTICATE")


def string(text: str, name: str) -> bytes:
    """A text for the command of this `name`: quoted where every server reads that, else a literal that the
    server does not have to ask for (RFC 5804 section 4, literal-c2s). Cyrus takes no letters but ASCII
    between quotes. Misused `managesieve.argument` for what no server may be sent: NUL, and halves of
    characters."""
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise Misused("managesieve.argument", command=name) from None
    if b"\0" in raw:
        raise Misused("managesieve.argument", command=name)
    if len(raw) <= _LONGEST_QUOTED and raw.isascii() and not any(byte in b"\r\n" for byte in raw):
        return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return _literal(raw)


def _literal(raw: bytes) -> bytes:
    return b"{%d+}\r\n" % len(raw) + raw


def script_name(text: str) -> ScriptName:
    """A name for a script, in the normal form that the protocol wants (RFC 5804 section 1.6, RFC 5198).
    Misused `managesieve.bad_name`: empty, too long, or with control characters or line separators."""
    try:
        name = unicodedata.normalize("NFC", text)
        length = len(name.encode())
    except UnicodeEncodeError:
        raise Misused("managesieve.bad_name", name=repr(text)[:100]) from None
    if not name.strip() or length > LONGEST_NAME or any(map(is_forbidden, name)):
        raise Misused("managesieve.bad_name", name=_readable(text))
    return ScriptName(name)


def is_forbidden(mark: str) -> bool:
    """Whether no name may hold this character (RFC 5804 section 1.6)."""
    return mark < " " or "\x7f" <= mark <= "\x9f" or mark in "\u2028\u2029"


def _readable(text: str) -> str:
    return "".join(mark if mark.isprintable() else "�" for mark in text[:100])


def script_content(script: bytes) -> bytes:
    """The script, checked: UTF-8 without NUL (RFC 5228 section 2.1), and no larger than what servers take.
    Misused `managesieve.bad_script`, `managesieve.script_too_large`."""
    if len(script) > LARGEST_SCRIPT:
        raise Misused("managesieve.script_too_large", size=len(script), limit=LARGEST_SCRIPT)
    try:
        script.decode()
    except UnicodeDecodeError:
        raise Misused("managesieve.bad_script") from None
    if b"\0" in script:
        raise Misused("managesieve.bad_script")
    return script


ANNOUNCED = Command("(capabilities)", b"", b"")
"""What the server says by itself once TLS is on (RFC 5804 section 2.2)."""

CAPABILITY = command("CAPABILITY")
STARTTLS = command("STARTTLS")
LISTSCRIPTS = command("LISTSCRIPTS")
UNAUTHENTICATE = command("UNAUTHENTICATE")
LOGOUT = command("LOGOUT")


def noop(tag: str) -> Command:
    """Nothing but an answer, which repeats the `tag` (RFC 5804 section 2.13)."""
    return command("NOOP", ScriptName(tag))


def get_script(name: ScriptName) -> Command:
    """The content of a script."""
    return command("GETSCRIPT", name, content=True)


def put_script(name: ScriptName, script: bytes) -> Command:
    """Stores a script, in place of one of the same name."""
    return command("PUTSCRIPT", name, Script(script))


def check_script(script: bytes) -> Command:
    """Has a script judged and not stored."""
    return command("CHECKSCRIPT", Script(script))


def set_active(name: ScriptName | None) -> Command:
    """Makes a script the active one; None: no script is active."""
    return command("SETACTIVE", name or ScriptName(""))


def delete_script(name: ScriptName) -> Command:
    return command("DELETESCRIPT", name)


def rename_script(name: ScriptName, new: ScriptName) -> Command:
    return command("RENAMESCRIPT", name, new)


def have_space(name: ScriptName, size: int) -> Command:
    """Whether a script of so many bytes would fit."""
    return command("HAVESPACE", name, size)
