"""`eilbote rules`: what is done with mail by itself, tried before it acts, told and taken back after."""

from __future__ import annotations

from eilbote.cli.command import Group, mark

rules = Group(
    name="rules",
    help=mark(
        "Rules sort, mark, forward and answer mail by themselves. Try them on the mail that is there before "
        "they act; see why each of them acted; take it back."
    ),
    lazy={
        "check": ("eilbote.cli.rules_try", "check", mark("Check a script or a rule book")),
        "test": ("eilbote.cli.rules_try", "test", mark("Show what rules would do, and change nothing")),
        "run": ("eilbote.cli.rules_try", "run", mark("Carry rules out over mail that is there")),
        "history": ("eilbote.cli.rules_history", "history", mark("Show what rules did, and why")),
        "undo": ("eilbote.cli.rules_history", "undo", mark("Take back what rules did")),
    },
)
