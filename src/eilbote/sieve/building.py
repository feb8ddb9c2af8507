"""What builders of one script share, and the values that most of them read: fields and their addresses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from eilbote.sieve.addresses import AddressPart, SeenAddress, addresses_of_field
from eilbote.sieve.bound import Bound
from eilbote.sieve.comparing import Probe, Source, comparison
from eilbote.sieve.state import Run
from eilbote.sieve.texts import constants, texts_of
from eilbote.sieve.values import Limits


class Building:
    """What builders of one script share: limits, and the places of values in a run."""

    __slots__ = ("_slots", "_variables", "limits")

    def __init__(self, limits: Limits, *, variables: bool = True) -> None:
        """`variables`: matches set those of RFC 5229 section 3.2, as somebody may ask for them."""
        self.limits = limits
        self._variables = variables
        self._slots: dict[object, int] = {}

    @property
    def slots(self) -> int:
        """How many places a run needs."""
        return len(self._slots)

    def slot_of(self, key: object) -> int:
        """The place of what this key names."""
        return self._slots.setdefault(key, len(self._slots))

    def compared(self, bound: Bound, place: int, source: Source, *, sets_variables: bool = True) -> Probe:
        """The source compared with the keys (or the key) at this place of the arguments."""
        value = bound.arguments[place]
        keys = value if isinstance(value, tuple) else (bound.text(place),)
        sets = sets_variables and self._variables
        return comparison(bound, keys, source, self.slot_of, self.limits, sets_variables=sets)


def fields_of(
    bound: Bound,
    ask: Callable[[Run, str], Sequence[str]],
    take: Callable[[Run, str], list[str]] | None = None,
    kind: str = "",
) -> Source:
    """The values of the fields that the first argument names; `take` makes each of them several."""
    index = signed_index(bound)

    def of(run: Run, names: Sequence[str]) -> list[str]:
        found: list[str] = []
        for name in names:
            values = ask(run, name)
            if index is not None:
                values = nth(values, index)
            found += values if take is None else [each for value in values for each in take(run, value)]
        return found

    names = constants(bound.texts(0))
    if names is None:
        asked = texts_of(bound.texts(0))

        def of_any(run: Run) -> list[str]:
            found = of(run, [name.lower() for name in asked(run)])
            run.pay(sum(map(len, found)))
            return found

        return Source(of_any)
    fixed = tuple(name.lower() for name in names)
    return Source(lambda run: of(run, fixed), (kind or bound.word.name, fixed, index))


def signed_index(bound: Bound) -> int | None:
    """The number behind `:index`, below zero with `:last`."""
    index = bound.tag_number("index")
    return -index if index is not None and "last" in bound.tags else index


def nth(values: Sequence[str], index: int) -> Sequence[str]:
    """The value of this number from 1; from the end where it is negative (RFC 5260 section 6)."""
    if not 0 < abs(index) <= len(values):
        return ()
    return (values[index - 1 if index > 0 else index],)


def address_part(bound: Bound) -> AddressPart:
    """What the tags want of an address; all of it without one. Whichever part is named, `:count` counts
    addresses (RFC 5231 section 4.2)."""
    if "count" in bound.tags:
        return AddressPart.ALL
    return AddressPart(bound.one_of("all", "localpart", "domain", "user", "detail") or "all")


def parts_of(part: AddressPart) -> Callable[[Run, str], list[str]]:
    """What gives that part of every address of a field's text."""

    def parts(run: Run, text: str) -> list[str]:
        found = (address.part(part) for address in seen_addresses(run, text))
        return [each for each in found if each is not None]

    return parts


def seen_addresses(run: Run, text: str) -> tuple[SeenAddress, ...]:
    """The addresses of a field's text, read once a run whichever part of them tests ask for."""
    found = run.addresses.get(text)
    if found is None:
        found = run.addresses[text] = addresses_of_field(text)
    return found
