"""Every test of the vocabulary as a function of a run.

Each builder takes the checked test and gives a `Probe`; what a test compares, `comparing` knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from eilbote.sieve import around_conditions as around
from eilbote.sieve.addresses import envelope_address
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
from eilbote.sieve.texts import constants, texts_of

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
    "spamtest": around.spamtest,
    "virustest": around.virustest,
    "environment": around.environment,
    "valid_notify_method": around.valid_notify_method,
    "notify_method_capability": around.notify_method_capability,
    "mailboxexists": around.mailboxexists,
    "mailboxidexists": around.mailboxidexists,
    "specialuse_exists": around.specialuse_exists,
    "valid_ext_list": around.valid_ext_list,
    "eilbote_sender": around.sender,
    "eilbote_category": around.category,
    "eilbote_language": around.language,
    "eilbote_spam": around.spam,
    "date": date,
    "currentdate": currentdate,
    "body": body,
    "duplicate": around.duplicate,
    "ihave": around.ihave,
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
