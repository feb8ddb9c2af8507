"""Drawings made on the server: SVG with attributes alone, coloured by the style sheet. No script, no inline
style; every drawing says in words what it shows.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

_WIDTH, _HEIGHT, _GAP = 600, 64, 2


def bars(values: Sequence[int], words: str) -> Markup:
    """One bar for each value, the highest as high as the drawing; `words` say what it shows."""
    highest = max(*values, 1)
    width = _WIDTH / len(values)
    drawn = [
        _bar(at * width, width - _GAP, _HEIGHT * value / highest, str(value))
        for at, value in enumerate(values)
    ]
    return Markup(
        '<svg class="bars" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(_WIDTH, _HEIGHT, words, Markup("").join(drawn))


def lengths(values: Sequence[float]) -> Sequence[Markup]:
    """A bar for each value, one after the other: each begins where the one before ends. What it shows stands
    beside it in words."""
    whole = sum(values) or 1.0
    drawn, begin = [], 0.0
    for value in values:
        drawn.append(
            Markup(
                '<svg class="length" viewBox="0 0 {} 8" preserveAspectRatio="none" aria-hidden="true">'
                '<rect x="{:.1f}" y="0" width="{:.1f}" height="8"/></svg>'
            ).format(_WIDTH, _WIDTH * begin / whole, max(_WIDTH * value / whole, 2.0))
        )
        begin += value
    return drawn


def _bar(left: float, width: float, height: float, said: str) -> Markup:
    # What has arrived at all is seen: the lowest bar is a pixel high, an empty day is a line.
    shown = max(height, 1.5 if height else 0.5)
    return Markup(
        '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>'
    ).format(left, _HEIGHT - shown, width, shown, said)
