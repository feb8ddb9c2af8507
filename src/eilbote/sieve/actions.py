"""Every action of the vocabulary as a function of a run: it adds to what the run has decided.

Nothing is done here: a run only says what should be. What does not hang on variables is made once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256

from eilbote.sieve.argument_checks import (
    bare_address,
    wrong_address,
    wrong_mailbox,
    wrong_method,
    wrong_variable,
)
from eilbote.sieve.bodies import part_text
from eilbote.sieve.bound import Bound, Template, Words
from eilbote.sieve.building import Building
from eilbote.sieve.conditions import variable
from eilbote.sieve.header_actions import addheader, deleteheader
from eilbote.sieve.mime_conditions import here
from eilbote.sieve.state import Run
from eilbote.sieve.strings import Modifier, modified, shortened
from eilbote.sieve.texts import TextOf, constant, text_of, texts_of
from eilbote.sieve.values import (
    Discard,
    FileInto,
    Keep,
    Notify,
    Redirect,
    Reject,
    Vacation,
)

Deed = Callable[[Run], None]
DeedBuilder = Callable[[Bound, Building], Deed]

_DAY = 86_400
_LONGEST_VACATION = 365 * _DAY
_MAX_FLAGS = 100
"""Flags of one variable or action; what follows them is left out."""


def _keep(bound: Bound, building: Building) -> Deed:
    """RFC 5228 section 4.3."""
    at, flags = bound.node.at, _flags_of(bound)
    return lambda run: run.act(Keep(at, flags(run)), cancel=True)


def _discard(bound: Bound, building: Building) -> Deed:
    """RFC 5228 section 4.4."""
    action = Discard(bound.node.at)
    return lambda run: run.act(action, cancel=True)


def _fileinto(bound: Bound, building: Building) -> Deed:
    """RFC 5228 section 4.1; `:copy` RFC 3894, `:create` RFC 5490, `:specialuse` RFC 8579, `:mailboxid`
    RFC 9042."""
    at, flags, mailbox = bound.node.at, _flags_of(bound), text_of(bound.text(0))
    copy, create = "copy" in bound.tags, "create" in bound.tags
    role, known_id = _optional(bound.tag_text("specialuse")), _optional(bound.tag_text("mailboxid"))
    certain = constant(bound.text(0)) is not None

    def fileinto(run: Run) -> None:
        name = mailbox(run)
        if not certain and (wrong := wrong_mailbox(name)):
            run.fail(wrong.code, **wrong.parameters)
        action = FileInto(at, name, flags(run), copy, create, role(run), known_id(run))
        run.act(action, cancel=not copy)

    return fileinto


def _redirect(bound: Bound, building: Building) -> Deed:
    """RFC 5228 section 4.2; `:list` RFC 6134 section 2.5."""
    at, address, copy = bound.node.at, text_of(bound.text(0)), "copy" in bound.tags
    listed, certain = "list" in bound.tags, constant(bound.text(0)) is not None

    def redirect(run: Run) -> None:
        to = address(run)
        if listed:
            run.act(Redirect(at, "", copy, to), cancel=not copy)
            return
        if not certain and (wrong := wrong_address(to)):
            run.fail(wrong.code, **wrong.parameters)
        run.act(Redirect(at, bare_address(to), copy), cancel=not copy)

    return redirect


def _reject(bound: Bound, building: Building) -> Deed:
    """RFC 5429 section 2."""
    at, reason, protocol = bound.node.at, text_of(bound.text(0)), bound.word.name == "ereject"
    return lambda run: run.act(Reject(at, reason(run), protocol), cancel=True)


def _vacation(bound: Bound, building: Building) -> Deed:
    """RFC 5230, RFC 6131. Does not cancel the implicit keep."""
    at, reason = bound.node.at, text_of(bound.text(0))
    days, asked = bound.tag_number("days"), bound.tag_number("seconds")
    # RFC 5230 section 4.1: at least a day; RFC 6131 section 2: 0 seconds answers every mail.
    seconds = asked if asked is not None else max(1, 7 if days is None else days) * _DAY
    seconds = min(seconds, _LONGEST_VACATION)
    subject, sender = _optional(bound.tag_text("subject")), _optional(bound.tag_text("from"))
    handle = _optional(bound.tag_text("handle"))
    addresses, mime = texts_of(bound.tag_texts("addresses")), "mime" in bound.tags
    named = "handle" in bound.tags
    made_sender = isinstance(bound.tag_text("from"), Template)

    def vacation(run: Run) -> None:
        said = (reason(run), subject(run), sender(run))
        if made_sender and (wrong := wrong_address(said[2])):
            run.fail(wrong.code, **wrong.parameters)
        # RFC 5230 section 4.2: without a handle, what is said tells one answer from another.
        key = handle(run) if named else sha256("\0".join((*said, str(mime))).encode()).hexdigest()[:32]
        text, about, by = said
        action = Vacation(at, key, seconds, text, about, by, addresses(run), mime)
        run.act(action, cancel=False)

    return vacation


def _notify(bound: Bound, building: Building) -> Deed:
    """RFC 5435 section 3."""
    at, method = bound.node.at, text_of(bound.text(0))
    sender, message = _optional(bound.tag_text("from")), _optional(bound.tag_text("message"))
    importance = _optional(bound.tag_text("importance"))
    options = texts_of(bound.tag_texts("options"))

    def notify(run: Run) -> None:
        to = method(run)
        if wrong := wrong_method(to):
            run.fail(wrong.code, **wrong.parameters)
        level = importance(run)
        number = int(level) if level in ("1", "2", "3") else 2
        run.act(Notify(at, to, sender(run), number, options(run), message(run)), cancel=False)

    return notify


def _flags_of(bound: Bound) -> Callable[[Run], tuple[str, ...]]:
    """RFC 5232 section 5: those of `:flags`, else the internal variable."""
    if "flags" not in bound.tags:
        return lambda run: run.flags
    lists = texts_of(bound.tag_texts("flags"))
    return lambda run: flags_in(lists(run))


def flags_in(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The flags of a list, each once, several in one text parted by spaces (RFC 5232 section 2)."""
    found: dict[str, str] = {}
    for text in texts:
        for flag in text.split():
            if is_flag(flag):
                found.setdefault(flag.lower(), flag)
    return tuple(found.values())[:_MAX_FLAGS]


def is_flag(flag: str) -> bool:
    """Whether it can be a flag (RFC 9051 section 9, `flag`); others are passed over."""
    bare = flag.removeprefix("\\")
    return bool(bare) and len(flag) <= 200 and flag.isprintable() and not set(bare) & set('(){%*"\\]')


def _change_flags(bound: Bound, building: Building) -> Deed:
    """setflag, addflag and removeflag (RFC 5232 section 3)."""
    name = _optional(bound.text(0)) if bound.arguments[0] is not None else None
    lists, how = texts_of(bound.texts(1)), bound.word.name

    def change(run: Run) -> None:
        key = None if name is None else name(run)
        given = flags_in(lists(run))
        held = run.flags if key is None else flags_in((variable(run, key),))
        match how:
            case "setflag":
                held = given
            case "addflag":
                held = flags_in((*held, *given))
            case _:
                gone = {flag.lower() for flag in given}
                held = tuple(flag for flag in held if flag.lower() not in gone)
        if key is None:
            run.flags, run.flagged_by = held, run.rule or run.script
        else:
            store(run, key, " ".join(held))

    return change


def _set(bound: Bound, building: Building) -> Deed:
    """RFC 5229 section 4."""
    name, value = text_of(bound.text(0)), text_of(bound.text(1))
    modifiers = modifiers_of(bound)
    if not modifiers:
        return lambda run: store(run, name(run), value(run))

    def change(run: Run) -> None:
        text = value(run)
        run.pay(len(text) * len(modifiers))
        store(run, name(run), modified(text, modifiers))

    return change


def modifiers_of(bound: Bound) -> tuple[Modifier, ...]:
    """Those that stand at the command."""
    return tuple(each for each in Modifier if each.value in bound.tags)


def store(run: Run, name: str, value: str) -> None:
    """Give a variable its value, cut to what may be held (RFC 5229 section 6)."""
    key = name.lower()
    if wrong := wrong_variable(name, {"include"}):
        run.fail(wrong.code, **wrong.parameters)
    if key.startswith("global."):
        held, key = run.shared, key[7:]
    else:
        held = run.shared if key in run.locals else run.variables
    if key not in held and len(held) >= run.limits.variables:
        run.fail("sieve.too_many_variables", limit=run.limits.variables)
    held[key] = shortened(value, run.limits.variable_bytes)


def _extracttext(bound: Bound, building: Building) -> Deed:
    """RFC 5703 section 7."""
    name, modifiers, first = text_of(bound.text(0)), modifiers_of(bound), bound.tag_number("first")

    def extract(run: Run) -> None:
        part = here(run)
        run.pay(part.size)
        store(run, name(run), modified(part_text(part, run.limits, first), modifiers))

    return extract


def _global(bound: Bound, building: Building) -> Deed:
    """RFC 6609 section 3.3: these names are shared with the scripts around and included."""
    names = texts_of(bound.texts(0))

    def share(run: Run) -> None:
        run.locals |= {name.lower() for name in names(run)}

    return share


def _error(bound: Bound, building: Building) -> Deed:
    """RFC 5463 section 5."""
    message = text_of(bound.text(0))
    return lambda run: run.fail("sieve.error_wanted", message=message(run)[:400])


def _optional(words: Words | None) -> TextOf:
    """The text, or an empty one."""
    return (lambda run: "") if words is None else text_of(words)


BUILDERS: Mapping[str, DeedBuilder] = {
    "keep": _keep,
    "discard": _discard,
    "fileinto": _fileinto,
    "redirect": _redirect,
    "reject": _reject,
    "ereject": _reject,
    "vacation": _vacation,
    "notify": _notify,
    "setflag": _change_flags,
    "addflag": _change_flags,
    "removeflag": _change_flags,
    "set": _set,
    "addheader": addheader,
    "deleteheader": deleteheader,
    "extracttext": _extracttext,
    "global": _global,
    "error": _error,
}
"""All but what steers the flow: `compile` has those."""
