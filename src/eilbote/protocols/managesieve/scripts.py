"""What is done with the scripts on a ManageSieve server, as flows: listed, fetched, stored, judged,
activated, renamed, deleted.

It must never overwrite a script that nobody meant, never delete the active one, and never make a script the
active one by the way.
"""

from __future__ import annotations

from eilbote.errors import Garbled, Gone, Refused
from eilbote.protocols.managesieve import encode
from eilbote.protocols.managesieve.responses import read_listing, read_remarks
from eilbote.protocols.managesieve.session import Dialogue, Flow, ask, refusal, try_to
from eilbote.protocols.managesieve.values import Judgement, Remark, ScriptListing, ScriptName, Status

_WORTH_ASKING = 16 * 1024
"""From this size on it is asked first whether a script fits: a literal is sent whole before the server can
say no (RFC 5804 section 2.5)."""

_LONGEST_PLAIN = 60


def listing(dialogue: Dialogue) -> Flow[ScriptListing]:
    """Every script and which is active (RFC 5804 section 2.7)."""
    reply = yield from ask(dialogue, encode.LISTSCRIPTS)
    return read_listing(reply.lines)


def fetch(dialogue: Dialogue, name: ScriptName) -> Flow[bytes]:
    """The content of a script, as it is stored (RFC 5804 section 2.9). Gone `managesieve.no_such_script`."""
    reply = yield from ask(dialogue, encode.get_script(name), name)
    if len(reply.lines) != 1 or len(reply.lines[0]) != 1 or not isinstance(reply.lines[0][0], bytes):
        raise Garbled("managesieve.no_answer", host=dialogue.host)
    return reply.lines[0][0]


def put(
    dialogue: Dialogue, name: ScriptName, script: bytes, *, overwrite: bool = True
) -> Flow[tuple[Remark, ...]]:
    """Stores a script (RFC 5804 section 2.6); the server's warnings. Without `overwrite` one of the same name
    stays as it is: Refused `managesieve.name_taken`. One that the server finds wrong is not stored: Refused
    `managesieve.invalid_script` with its words. The active script stays the active one."""
    command = encode.put_script(name, script)
    _check_name(dialogue, name)
    if not overwrite and (yield from listing(dialogue)).find(name) is not None:
        raise Refused("managesieve.name_taken", host=dialogue.host, name=name)
    if len(script) >= _WORTH_ASKING:
        yield from have_space(dialogue, name, len(script))
    reply = yield from try_to(dialogue, command)
    if not reply.status.ok:
        raise _invalid(dialogue, command.name, reply.status, name)
    return _warnings(reply.status)


def have_space(dialogue: Dialogue, name: ScriptName, size: int) -> Flow[None]:
    """Whether a script of so many bytes fits (RFC 5804 section 2.5). Refused `managesieve.quota`,
    `managesieve.too_many_scripts`."""
    yield from ask(dialogue, encode.have_space(name, size), name)


def check(dialogue: Dialogue, script: bytes, spare: ScriptName) -> Flow[Judgement]:
    """What the server makes of a script; none is changed (RFC 5804 section 2.12). A server without
    CHECKSCRIPT judges what it stores: the script is stored under the name `spare`, which must be free,
    and deleted again. It is never active."""
    if dialogue.is_of_the_rfc:
        status = (yield from try_to(dialogue, encode.check_script(script))).status
    else:
        if (yield from listing(dialogue)).find(spare) is not None:
            raise Refused("managesieve.name_taken", host=dialogue.host, name=spare)
        status = (yield from try_to(dialogue, encode.put_script(spare, script))).status
        if status.ok:
            yield from ask(dialogue, encode.delete_script(spare), spare)
    if status.ok:
        return Judgement(True, status.text, _warnings(status))
    if status.code:
        raise refusal(dialogue.host, "CHECKSCRIPT", status)
    return Judgement(False, status.text, read_remarks(status.text))


def activate(dialogue: Dialogue, name: ScriptName | None) -> Flow[None]:
    """Makes a script the one that filters; None: none does (RFC 5804 section 2.8). Gone
    `managesieve.no_such_script`."""
    yield from ask(dialogue, encode.set_active(name), name or "")


def delete(dialogue: Dialogue, name: ScriptName) -> Flow[None]:
    """Deletes a script (RFC 5804 section 2.10). Refused `managesieve.active` for the one that filters, Gone
    `managesieve.no_such_script`."""
    yield from ask(dialogue, encode.delete_script(name), name)


def rename(dialogue: Dialogue, name: ScriptName, new: ScriptName) -> Flow[None]:
    """Gives a script another name; an active one stays active (RFC 5804 section 2.11). Refused
    `managesieve.name_taken`, Gone `managesieve.no_such_script`.

    A server without RENAMESCRIPT gets a copy under the new name, which becomes the active one where the old
    one was, before the old one is deleted: at every moment one of the two is there and filters."""
    _check_name(dialogue, new)
    if dialogue.is_of_the_rfc:
        command = encode.rename_script(name, new)
        status = (yield from try_to(dialogue, command)).status
        if not status.ok:
            raise refusal(
                dialogue.host, command.name, status, new if status.code == "ALREADYEXISTS" else name
            )
        return
    known = yield from listing(dialogue)
    old = known.find(name)
    if old is None:
        raise Gone("managesieve.no_such_script", host=dialogue.host, name=name)
    if known.find(new) is not None:
        raise Refused("managesieve.name_taken", host=dialogue.host, name=new)
    content = yield from fetch(dialogue, name)
    yield from put(dialogue, new, content)
    if old.active:
        yield from activate(dialogue, new)
    yield from delete(dialogue, name)


def _check_name(dialogue: Dialogue, name: ScriptName) -> None:
    """Refused `managesieve.name_unusable` for a name that this server would store under another one: Cyrus
    (3.6) encodes what is long or not ASCII, finds it no more, and stores one more script at every try; a
    quote in a name breaks its listings."""
    is_plain = name.isascii() and len(name) <= _LONGEST_PLAIN and not any(mark in '"\\' for mark in name)
    if dialogue.capabilities.implementation.startswith("Cyrus") and not is_plain:
        raise Refused("managesieve.name_unusable", host=dialogue.host, name=name)


def _invalid(dialogue: Dialogue, command: str, status: Status, name: ScriptName) -> Exception:
    """A no to a script: for what is in it, where the server names a line of it; else for what its code
    says."""
    placed = [one for one in read_remarks(status.text) if one.line is not None] if not status.code else []
    if not placed:
        return refusal(dialogue.host, command, status, name)
    return Refused(
        "managesieve.invalid_script",
        host=dialogue.host,
        name=name,
        line=placed[0].line,
        text=status.line,
    )


def _warnings(status: Status) -> tuple[Remark, ...]:
    return read_remarks(status.text) if status.code == "WARNINGS" else ()
