"""Every test of the vocabulary as a function of a run.

Each builder takes the checked test and gives a `Probe`; what a test compares, `comparing` knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from eilbote.mail.language import language_of
from eilbote.sieve.addresses import envelope_address
from eilbote.sieve.argument_checks import wrong_method
from eilbote.sieve.bound import Bound
from eilbote.sieve.building import Building, address_part, fields_of, parts_of
from eilbote.sieve.comparing import Condition, Probe, Source
from eilbote.sieve.mime_conditions import (
    address_in_part,
    body,
    currentdate,
    date,
    exists_in_part,
    header_in_part,
)
from eilbote.sieve.state import Run
from eilbote.sieve.texts import constants, text_of, texts_of
from eilbote.sieve.values import Remembered

_DAY = 86_400
_LONGEST_MEMORY = 90 * _DAY
"""RFC 7352 section 3.2 lets a site bound `:seconds`."""


Builder = Callable[[Bound, Building], Probe]


def _size(bound: Bound, building: Building) -> Probe:
    """RFC 5228 section 5.9: exactly that size is neither over nor under."""
    limit = bound.number(0)

    def seen(run: Run) -> Sequence[str]:
        return (str(run.mail.size),)

    if "over" in bound.tags:
        return Probe(lambda run: run.mail.size > limit, seen)
    return Probe(lambda run: run.mail.size < limit, seen)


def _exists(bound: Bound, building: Building) -> Probe:
    """RFC 5228 section 5.5: all of them."""
    if "mime" in bound.tags:
        return exists_in_part(bound, building)
    names = texts_of(bound.texts(0))
    fixed = constants(bound.texts(0))
    if fixed is not None and len(fixed) == 1:
        only = fixed[0].lower()
        return Probe(
            lambda run: bool(run.mail.sources(only)), lambda run: fixed if run.mail.sources(only) else ()
        )
    return Probe(
        lambda run: all(run.mail.sources(name.lower()) for name in names(run)),
        lambda run: [name for name in names(run) if run.mail.sources(name.lower())],
    )


def _header(bound: Bound, building: Building) -> Probe:
    """RFC 5228 section 5.7; `:index` RFC 5260 section 6."""
    if "mime" in bound.tags:
        return header_in_part(bound, building)
    return building.compared(bound, 1, fields_of(bound, lambda run, name: run.mail.texts(name)))


def _address(bound: Bound, building: Building) -> Probe:
    """RFC 5228 section 5.1."""
    if "mime" in bound.tags:
        return address_in_part(bound, building)
    part = address_part(bound)
    source = fields_of(bound, lambda run, name: run.mail.sources(name), parts_of(part), part)
    return building.compared(bound, 1, source)


def _envelope(bound: Bound, building: Building) -> Probe:
    """RFC 5228 section 5.4; `auth` is the name that the sender logged in with."""
    part, names = address_part(bound), texts_of(bound.texts(0))

    def values(run: Run) -> list[str]:
        world = run.world
        known = {"from": world.envelope_from, "to": world.envelope_to}
        found: list[str | None] = []
        for name in names(run):
            if name.lower() == "auth":
                found.append(world.auth)
            elif (path := known.get(name.lower())) is not None:
                found.append(envelope_address(path).part(part))
        return [each for each in found if each is not None]

    return building.compared(bound, 1, Source(values))


def _string(bound: Bound, building: Building) -> Probe:
    """RFC 5229 section 5; `:count` counts the texts that are not empty."""
    texts = texts_of(bound.texts(0))
    if "count" in bound.tags:
        return building.compared(bound, 1, Source(lambda run: [text for text in texts(run) if text]))
    return building.compared(bound, 1, Source(texts))


def _hasflag(bound: Bound, building: Building) -> Probe:
    """RFC 5232 section 4."""
    names = texts_of(bound.texts(0)) if bound.arguments[0] is not None else None

    def values(run: Run) -> Sequence[str]:
        if names is None:
            return run.flags
        return [flag for name in names(run) for flag in variable(run, name).split()]

    return building.compared(bound, 1, Source(values))


def variable(run: Run, name: str) -> str:
    """What the variable of this name holds, as a command names it."""
    key = name.lower()
    if key.startswith("global."):
        return run.shared.get(key[7:], "")
    return (run.shared if key in run.locals else run.variables).get(key, "")


def _spamtest(bound: Bound, building: Building) -> Probe:
    """RFC 5235 section 2: 0 not tested, 1 surely none, 10 surely spam; with `:percent` 0 to 100."""
    percent = "percent" in bound.tags

    def values(run: Run) -> Sequence[str]:
        spam = run.world.said.spam
        if spam is None:
            return ("0",)
        return (str(int(spam * 100 + 0.5) if percent else 1 + int(spam * 9 + 0.01)),)

    return building.compared(bound, 0, Source(values))


def _virustest(bound: Bound, building: Building) -> Probe:
    """RFC 5235 section 3.5: 0 not tested, 1 clean, 5 surely infected."""
    source = Source(lambda run: (str(run.world.said.virus or 0),))
    return building.compared(bound, 0, source)


def _environment(bound: Bound, building: Building) -> Probe:
    """RFC 5183 section 4: of an item that is not known nothing matches."""
    name = text_of(bound.text(0))

    def values(run: Run) -> Sequence[str]:
        found = run.world.environment.get(name(run).lower())
        return () if found is None else (found,)

    return building.compared(bound, 1, Source(values))


def _valid_notify_method(bound: Bound, building: Building) -> Probe:
    """RFC 5435 section 4."""
    methods = texts_of(bound.texts(0))
    return Probe(lambda run: all(wrong_method(method) is None for method in methods(run)), methods)


def _notify_method_capability(bound: Bound, building: Building) -> Probe:
    """RFC 5435 section 5; whether a recipient of mail is online, nobody can say (RFC 5436 section 2.2)."""
    method, capability = text_of(bound.text(0)), text_of(bound.text(1))

    def values(run: Run) -> Sequence[str]:
        known = wrong_method(method(run)) is None and capability(run).lower() == "online"
        return ("maybe",) if known else ()

    return building.compared(bound, 2, Source(values))


def same_mailbox(first: str, second: str) -> bool:
    """Whether two names are of one mailbox: INBOX is written in any case (RFC 9051 section 5.1)."""
    return first == second or first.upper() == second.upper() == "INBOX"


def _mailboxexists(bound: Bound, building: Building) -> Probe:
    """RFC 5490 section 3.1: all of them."""
    names = texts_of(bound.texts(0))

    def exist(run: Run) -> bool:
        return all(any(same_mailbox(name, box.name) for box in run.world.mailboxes) for name in names(run))

    return Probe(exist, names)


def _mailboxidexists(bound: Bound, building: Building) -> Probe:
    """RFC 9042 section 5."""
    ids = texts_of(bound.texts(0))
    return Probe(lambda run: set(ids(run)) <= {box.id for box in run.world.mailboxes if box.id}, ids)


def _specialuse_exists(bound: Bound, building: Building) -> Probe:
    """RFC 8579 section 5: of any mailbox, or of the one that is named."""
    mailbox = text_of(bound.text(0)) if bound.arguments[0] is not None else None
    roles = texts_of(bound.texts(1))

    def exist(run: Run) -> bool:
        name = mailbox(run) if mailbox else None
        boxes = [box for box in run.world.mailboxes if name is None or same_mailbox(name, box.name)]
        held = {box.special_use.lower() for box in boxes if box.special_use}
        return bool(boxes) and all(role.lower() in held for role in roles(run))

    return Probe(exist, roles)


def _valid_ext_list(bound: Bound, building: Building) -> Probe:
    """RFC 6134 section 2.7."""
    names = texts_of(bound.texts(0))
    return Probe(lambda run: all(name in run.world.lists for name in names(run)), names)


def _sender(bound: Bound, building: Building) -> Probe:
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


def _category(bound: Bound, building: Building) -> Probe:
    """vnd.eilbote.category: the category that the assistant has put the mail into."""

    def values(run: Run) -> Sequence[str]:
        category = run.world.said.category
        return () if category is None else (category,)

    return building.compared(bound, 0, Source(values))


def _spam(bound: Bound, building: Building) -> Probe:
    """vnd.eilbote.spam: how probable spam is, in percent."""

    def values(run: Run) -> Sequence[str]:
        spam = run.world.said.spam
        return () if spam is None else (f"{spam * 100:.0f}",)

    return building.compared(bound, 0, Source(values))


def _language(bound: Bound, building: Building) -> Probe:
    """vnd.eilbote.language: what the text is written in, `de` or `en`; nothing where it does not tell."""

    def values(run: Run) -> Sequence[str]:
        found = language_of(run.message().body_text())
        return (found,) if found else ()

    return building.compared(bound, 0, Source(values, "language"))


def _duplicate(bound: Bound, building: Building) -> Probe:
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


def _ihave(bound: Bound, building: Building) -> Probe:
    """RFC 5463: known since the script was checked."""
    known = bound.certain is True
    return Probe(lambda run: known)


BUILDERS: Mapping[str, Builder] = {
    "true": lambda bound, building: Probe(lambda run: True),
    "false": lambda bound, building: Probe(lambda run: False),
    "size": _size,
    "exists": _exists,
    "header": _header,
    "address": _address,
    "envelope": _envelope,
    "string": _string,
    "hasflag": _hasflag,
    "spamtest": _spamtest,
    "virustest": _virustest,
    "environment": _environment,
    "valid_notify_method": _valid_notify_method,
    "notify_method_capability": _notify_method_capability,
    "mailboxexists": _mailboxexists,
    "mailboxidexists": _mailboxidexists,
    "specialuse_exists": _specialuse_exists,
    "valid_ext_list": _valid_ext_list,
    "eilbote_sender": _sender,
    "eilbote_category": _category,
    "eilbote_language": _language,
    "eilbote_spam": _spam,
    "date": date,
    "currentdate": currentdate,
    "body": body,
    "duplicate": _duplicate,
    "ihave": _ihave,
}
"""All but `not`, `allof` and `anyof`, which hold tests."""


def negated(test: Condition) -> Condition:
    """RFC 5228 section 5.8."""
    return lambda run: not test(run)


def all_of(tests: tuple[Condition, ...]) -> Condition:
    """RFC 5228 section 5.2; what stands behind a false one is not asked."""

    def every(run: Run) -> bool:
        for test in tests:  # noqa: SIM110  # twice as quick as a generator
            if not test(run):
                return False
        return True

    return every


def any_of(tests: tuple[Condition, ...]) -> Condition:
    """RFC 5228 section 5.3; what stands behind a true one is not asked."""

    def some(run: Run) -> bool:
        for test in tests:  # noqa: SIM110  # twice as quick as a generator
            if test(run):
                return True
        return False

    return some
