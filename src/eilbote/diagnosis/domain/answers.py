"""What name servers have said so far, by name and kind."""

from __future__ import annotations

from collections.abc import Iterable

from eilbote.diagnosis.evidence import Evidence, Outcome, Records
from eilbote.diagnosis.probes import LookUp

_NOTHING_SAID = (Outcome.TIMEOUT, Outcome.SERVER_FAILURE, Outcome.ERROR)


class Answers:
    """The records that were looked up. What was not is as good as silent."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Records] = {}

    def note(self, evidence: Iterable[Evidence]) -> None:
        for one in evidence:
            if isinstance(one, Records):
                self._known[plain(one.name), one.kind] = one

    def knows(self, name: str, kind: str) -> bool:
        return (plain(name), kind) in self._known

    def unknown(self, wanted: Iterable[tuple[str, str]]) -> tuple[LookUp, ...]:
        """Of those that are wanted the ones that nobody has asked for yet."""
        names = dict.fromkeys((plain(name), kind) for name, kind in wanted)
        return tuple(LookUp(name, kind) for name, kind in names if (name, kind) not in self._known)

    def of(self, name: str, kind: str) -> Records:
        found = self._known.get((plain(name), kind))
        return found if found is not None else Records(name, kind, Outcome.ERROR, reason="not asked")

    def texts(self, name: str, start: str) -> tuple[str, ...]:
        """TXT records that begin with these words, whatever the case."""
        return tuple(
            one for one in self.of(name, "TXT").records if one.lower().lstrip().startswith(start.lower())
        )

    def is_silent(self, name: str, kind: str) -> bool:
        """Nobody could say whether there is such a record."""
        return self.of(name, kind).outcome in _NOTHING_SAID

    def addresses(self, host: str) -> tuple[str, ...]:
        return self.of(host, "A").records + self.of(host, "AAAA").records

    def all(self) -> Iterable[Records]:
        return self._known.values()


def plain(name: str) -> str:
    """Small letters, no last dot."""
    return name.lower().rstrip(".")


def is_under(name: str, domain: str) -> bool:
    """Whether the name is the domain or lies in it."""
    name, domain = plain(name), plain(domain)
    return name == domain or name.endswith("." + domain)
