"""What rules did or would do, in words for people: actions, why one was not done, steps of a script."""

from __future__ import annotations

from eilbote.cli.command import mark
from eilbote.cli.face import Face
from eilbote.cli.terminal import harmless
from eilbote.rule_deeds import REFUSED
from eilbote.store.rule_values import Deed, Told

DEEDS = {
    "keep": mark("keep"),
    "fileinto": mark("into {argument}"),
    "redirect": mark("on to {argument}"),
    "discard": mark("into the trash"),
    "reject": mark("refuse"),
    "vacation": mark("answer"),
    "notify": mark("notify {argument}"),
    "addheader": mark("add the field {argument}"),
    "deleteheader": mark("take out the field {argument}"),
    "look": mark("marked for a look"),
}
"""What history and previews say of an action."""


def show_step(face: Face, step: Told) -> None:
    """A test with its result, or a command."""
    sign = {True: "✓", False: "✗", None: "·"}[step.result]
    face.line(harmless(f"    {sign} {step.line}: {step.detail or step.name}")[:300], "dim")


def action_words(face: Face, action: str, argument: str) -> str:
    """What an action does. A mail that is kept is marked with the flags in `argument`, if any."""
    if action == "keep" and argument:
        return face.text(mark("mark with {flags}"), flags=harmless(argument))
    return face.text(DEEDS.get(action, action), argument=argument)


def deed_words(face: Face, deed: Deed, *, rule: bool = True) -> str:
    """One action in words, with its flags, its rule if wanted, and why it is not done."""
    marks = " ".join(deed.flags)
    only = deed.action == "keep"
    said = action_words(face, deed.action, marks if only else deed.argument)
    flags = f" [{harmless(marks)}]" if marks and not only else ""
    by = f" ({harmless(deed.rule)})" if rule and deed.rule else ""
    refused = f": {face.text(REFUSED.get(deed.refused, deed.refused))}" if deed.refused else ""
    return said + flags + by + refused
