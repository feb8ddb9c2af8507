"""Tests of what lies in a mail: dates, bodies (RFC 5173), and fields of parts (RFC 5703)."""

from __future__ import annotations

from collections.abc import Sequence

from eilbote.mail.part import Part
from eilbote.mail.words import decode_words
from eilbote.sieve.bodies import Bodies
from eilbote.sieve.bound import Bound
from eilbote.sieve.building import Building, address_part, nth, seen_addresses, signed_index
from eilbote.sieve.comparing import Probe, Source
from eilbote.sieve.dates import DatePart, Moment, date_part, moment_of_field, read_zone
from eilbote.sieve.mime import MimeOption, field_sources, mime_values
from eilbote.sieve.state import Run
from eilbote.sieve.texts import constants, text_of, texts_of


def date(bound: Bound, building: Building) -> Probe:
    """RFC 5260 section 4; a field without a date gives nothing to compare."""
    part = text_of(bound.text(1))
    zone = text_of(words) if (words := bound.tag_text("zone")) else None
    original = "originalzone" in bound.tags
    index = signed_index(bound)
    name = text_of(bound.text(0))

    def values(run: Run) -> Sequence[str]:
        wanted = _date_part(run, part(run))
        offset = None if zone is None else _offset(run, zone(run))
        found: list[str] = []
        sources = run.mail.sources(name(run).lower())
        for source in sources if index is None else nth(sources, index):
            moment = moment_of_field(source)
            if moment is not None:
                if not original:
                    moment = moment.at(_owners(run, moment.seconds) if offset is None else offset)
                found.append(date_part(moment, wanted))
        return found

    known = constants((bound.text(0), bound.text(1), *((words,) if words else ())))
    return building.compared(bound, 2, Source(values, known and ("date", known, original, index)))


def currentdate(bound: Bound, building: Building) -> Probe:
    """RFC 5260 section 5."""
    part = text_of(bound.text(0))
    zone = text_of(words) if (words := bound.tag_text("zone")) else None

    def values(run: Run) -> Sequence[str]:
        now = run.world.now
        moment = Moment(now, _owners(run, now) if zone is None else _offset(run, zone(run)))
        return (date_part(moment, _date_part(run, part(run))),)

    return building.compared(bound, 1, Source(values))


def _date_part(run: Run, name: str) -> DatePart:
    part = next((each for each in DatePart if each.value == name.lower()), None)
    return part or run.fail("sieve.bad_date_part", part=name[:60])


def _offset(run: Run, zone: str) -> int:
    """Minutes east of UTC."""
    offset = read_zone(zone)
    return run.fail("sieve.bad_zone", zone=zone[:60]) if offset is None else offset


def _owners(run: Run, seconds: float) -> int:
    """Minutes east of UTC of the owner's clock at that moment."""
    world = run.world
    return (world.offset if world.offset_at is None else world.offset_at(seconds)) // 60


def body(bound: Bound, building: Building) -> Probe:
    """RFC 5173; sets no match variables (section 6)."""
    kinds = texts_of(bound.tag_texts("content"))

    def values(run: Run) -> Sequence[str]:
        if run.bodies is None:
            run.bodies = Bodies(run.message().root, run.limits)
        if "raw" in bound.tags:
            return (run.bodies.raw(),)
        if "content" in bound.tags:
            return run.bodies.contents(kinds(run))
        return run.bodies.texts()

    named = constants(bound.tag_texts("content"))
    key = None if named is None else ("body", bound.one_of("raw", "content") or "text", named)
    return building.compared(bound, 0, Source(values, key), sets_variables=False)


def exists_in_part(bound: Bound, building: Building) -> Probe:
    """RFC 5703 section 4.4: all of the fields, in the part or, with `:anychild`, in any below."""
    names, below = texts_of(bound.texts(0)), "anychild" in bound.tags

    def exist(run: Run) -> bool:
        part = here(run)
        return all(any(True for _ in _sources(run, part, name, below)) for name in names(run))

    return Probe(exist, names)


def header_in_part(bound: Bound, building: Building) -> Probe:
    """RFC 5703 section 4.2."""
    names, below, index = texts_of(bound.texts(0)), "anychild" in bound.tags, signed_index(bound)
    option = bound.one_of("type", "subtype", "contenttype", "param")
    parameters = texts_of(bound.tag_texts("param"))

    def values(run: Run) -> Sequence[str]:
        part, found = here(run), list[str]()
        for name in names(run):
            sources: Sequence[str] = tuple(_sources(run, part, name, below))
            for source in sources if index is None else nth(sources, index):
                if option is None:
                    found.append(decode_words(source))
                else:
                    found += mime_values(name, source, MimeOption(option), parameters(run))
        return found

    return building.compared(bound, 1, Source(values))


def address_in_part(bound: Bound, building: Building) -> Probe:
    """RFC 5703 section 4.3."""
    names, below, index = texts_of(bound.texts(0)), "anychild" in bound.tags, signed_index(bound)
    wanted = address_part(bound)

    def values(run: Run) -> Sequence[str]:
        part, found = here(run), list[str | None]()
        for name in names(run):
            sources: Sequence[str] = tuple(_sources(run, part, name, below))
            for source in sources if index is None else nth(sources, index):
                found += (address.part(wanted) for address in seen_addresses(run, source))
        return [each for each in found if each is not None]

    return building.compared(bound, 1, Source(values))


def here(run: Run) -> Part:
    """The part that the innermost loop stands at; without one, the mail."""
    return run.parts[-1] if run.parts else run.message().root


def _sources(run: Run, part: Part, name: str, below: bool) -> Sequence[str]:
    for each in part.walk() if below else (part,):
        run.spend(1)
        run.pay(each.header_end - each.header_start)
    return tuple(field_sources(part, name.lower(), any_child=below))
