"""What the sources said becomes one ordered list, and where they disagree is named.

The order is that of the sources (`Source`), within one that of its own file or records. What is on the list
is not proven yet: that takes a TLS handshake.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from eilbote.discovery.values import Candidate, Disagreement, Protocol, Source, Told

_RANK = {source: rank for rank, source in enumerate(Source)}
_SILENT = frozenset({Source.GUESS})


def ordered(told: Sequence[Told]) -> tuple[Candidate, ...]:
    """Every server once, the most believable first. What one source says is not offered, guesses do not
    bring back. One that a source names whom nobody can forge needs no agreement, whoever named it first;
    a user name that any of them knows is kept."""
    refused = {protocol for one in told for protocol in one.refused}
    found: dict[tuple[Protocol, str, int, str], Candidate] = {}
    for one in sorted(told, key=lambda one: _RANK[one.source]):
        for candidate in one.candidates:
            if candidate.protocol in refused and candidate.source is Source.GUESS:
                continue
            known = found.get(candidate.key)
            found[candidate.key] = candidate if known is None else _joined(known, candidate)
    return tuple(found.values())


def disagreements(told: Sequence[Told]) -> tuple[Disagreement, ...]:
    """Sources whose first choices for one purpose are different hosts (DISC09); guesses say nothing."""
    return tuple(_differing(told))


def _joined(known: Candidate, again: Candidate) -> Candidate:
    return replace(
        known,
        asks=known.asks and again.asks,
        user=known.user or again.user,
        oauth_only=known.oauth_only or again.oauth_only,
    )


def _differing(told: Sequence[Told]) -> Iterator[Disagreement]:
    heard = sorted((one for one in told if one.source not in _SILENT), key=lambda one: _RANK[one.source])
    for protocol in Protocol:
        firsts = [
            first
            for one in heard
            if (first := next((two for two in one.candidates if two.protocol is protocol), None)) is not None
        ]
        for other in firsts[1:]:
            if other.host != firsts[0].host:
                yield Disagreement(protocol, firsts[0], other)
