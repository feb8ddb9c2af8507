"""Tests of what is around a mail: mailboxes, environment, lists, what was seen before, and what the assistant
has said.
"""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.mail.language import language_of
from eilbote.sieve.argument_checks import wrong_method
from eilbote.sieve.bound import Bound
from eilbote.sieve.building import Building
from eilbote.sieve.comparing import Probe, Source
from eilbote.sieve.state import Run
from eilbote.sieve.texts import text_of, texts_of
from eilbote.sieve.values import Remembered

_DAY = 86_400
_LONGEST_MEMORY = 90 * _DAY
"""RFC 7352 section 3.2 lets a site bound `:seconds`."""


def spamtest(bound: Bound, building: Building) -> Probe:
    """RFC 5235 section 2: 0 not tested, 1 surely none, 10 surely spam; with `:percent` 0 to 100."""
    percent = "percent" in bound.tags

    def values(run: Run) -> Sequence[str]:
        spam = run.world.said.spam
        if spam is None:
            return ("0",)
        return (str(int(spam * 100 + 0.5) if percent else 1 + int(spam * 9 + 0.01)),)

    return building.compared(bound, 0, Source(values))


def virustest(bound: Bound, building: Building) -> Probe:
    """RFC 5235 section 3.5: 0 not tested, 1 clean, 5 surely infected."""
    source = Source(lambda run: (str(run.world.said.virus or 0),))
    return building.compared(bound, 0, source)


def environment(bound: Bound, building: Building) -> Probe:
    """RFC 5183 section 4: of an item that is not known nothing matches."""
    name = text_of(bound.text(0))

    def values(run: Run) -> Sequence[str]:
        found = run.world.environment.get(name(run).lower())
        return () if found is None else (found,)

    return building.compared(bound, 1, Source(values))


def valid_notify_method(bound: Bound, building: Building) -> Probe:
    """RFC 5435 section 4."""
    methods = texts_of(bound.texts(0))
    return Probe(lambda run: all(wrong_method(method) is None for method in methods(run)), methods)


def notify_method_capability(bound: Bound, building: Building) -> Probe:
    """RFC 5435 section 5; whether a recipient of mail is online, nobody can say (RFC 5436 section 2.2)."""
    method, capability = text_of(bound.text(0)), text_of(bound.text(1))

    def values(run: Run) -> Sequence[str]:
        known = wrong_method(method(run)) is None and capability(run).lower() == "online"
        return ("maybe",) if known else ()

    return building.compared(bound, 2, Source(values))


def same_mailbox(first: str, second: str) -> bool:
    """Whether two names are of one mailbox: INBOX is written in any case (RFC 9051 section 5.1)."""
    return first == second or first.upper() == second.upper() == "INBOX"


def mailboxexists(bound: Bound, building: Building) -> Probe:
    """RFC 5490 section 3.1: all of them."""
    names = texts_of(bound.texts(0))

    def exist(run: Run) -> bool:
        return all(any(same_mailbox(name, box.name) for box in run.world.mailboxes) for name in names(run))

    return Probe(exist, names)


def mailboxidexists(bound: Bound, building: Building) -> Probe:
    """RFC 9042 section 5."""
    ids = texts_of(bound.texts(0))
    return Probe(lambda run: set(ids(run)) <= {box.id for box in run.world.mailboxes if box.id}, ids)


def specialuse_exists(bound: Bound, building: Building) -> Probe:
    """RFC 8579 section 5: of any mailbox, or of the one that is named."""
    mailbox = text_of(bound.text(0)) if bound.arguments[0] is not None else None
    roles = texts_of(bound.texts(1))

    def exist(run: Run) -> bool:
        name = mailbox(run) if mailbox else None
        boxes = [box for box in run.world.mailboxes if name is None or same_mailbox(name, box.name)]
        held = {box.special_use.lower() for box in boxes if box.special_use}
        return bool(boxes) and all(role.lower() in held for role in roles(run))

    return Probe(exist, roles)


def valid_ext_list(bound: Bound, building: Building) -> Probe:
    """RFC 6134 section 2.7."""
    names = texts_of(bound.texts(0))
    return Probe(lambda run: all(name in run.world.lists for name in names(run)), names)


def sender(bound: Bound, building: Building) -> Probe:
    """vnd.eilbote.sender: the words that the assistant has for who wrote: `known` or `unknown`,
    `first-contact`, and `none`, `low`, `normal` or `high` for how important the sender is."""

    def values(run: Run) -> Sequence[str]:
        said = run.world.said
        found = [] if said.importance is None else [said.importance.value]
        if said.known is not None:
            found.append("known" if said.known else "unknown")
        if said.first_contact:
            found.append("first-contact")
        return found

    return building.compared(bound, 0, Source(values))


def category(bound: Bound, building: Building) -> Probe:
    """vnd.eilbote.category: the category that the assistant has put the mail into."""

    def values(run: Run) -> Sequence[str]:
        category = run.world.said.category
        return () if category is None else (category,)

    return building.compared(bound, 0, Source(values))


def spam(bound: Bound, building: Building) -> Probe:
    """vnd.eilbote.spam: how probable spam is, in percent."""

    def values(run: Run) -> Sequence[str]:
        spam = run.world.said.spam
        return () if spam is None else (f"{spam * 100:.0f}",)

    return building.compared(bound, 0, Source(values))


def language(bound: Bound, building: Building) -> Probe:
    """vnd.eilbote.language: what the text is written in, `de` or `en`; nothing where it does not tell."""

    def values(run: Run) -> Sequence[str]:
        found = language_of(run.message().body_text())
        return (found,) if found else ()

    return building.compared(bound, 0, Source(values, "language"))


def duplicate(bound: Bound, building: Building) -> Probe:
    """RFC 7352: whether a mail of the same unique id was seen. What is remembered, and for how long, the
    run says; a mail without an id is never a duplicate."""
    handle = text_of(words) if (words := bound.tag_text("handle")) else None
    unique = text_of(words) if (words := bound.tag_text("uniqueid")) else None
    field = text_of(words) if (words := bound.tag_text("header")) else None
    asked = bound.tag_number("seconds")
    seconds = min(7 * _DAY if asked is None else asked, _LONGEST_MEMORY)
    last = "last" in bound.tags

    def id_of(run: Run) -> str:
        if unique is not None:
            return unique(run)
        values = run.mail.texts("message-id" if field is None else field(run).lower())
        return values[0].strip() if values else ""

    def duplicate(run: Run) -> bool:
        name, found = "" if handle is None else handle(run), id_of(run)
        if not found:
            return False
        known = (name, found) in run.world.seen_before
        if not known or last:
            run.remember(Remembered(name, found, seconds))
        return known

    return Probe(duplicate, lambda run: (id_of(run),))


def ihave(bound: Bound, building: Building) -> Probe:
    """RFC 5463: known since the script was checked."""
    known = bound.certain is True
    return Probe(lambda run: known)
