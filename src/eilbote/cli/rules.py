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
        "list": ("eilbote.cli.rules_list", "list_", mark("List rules and scripts")),
        "show": ("eilbote.cli.rules_list", "show", mark("Show the rule book or one rule, also as Sieve")),
        "add": ("eilbote.cli.rules_add", "add", mark("Add a rule")),
        "ready-made": ("eilbote.cli.rules_ready_made", "ready_made", mark("Ready-made rules to add")),
        "edit": ("eilbote.cli.rules_edit", "edit", mark("Edit the rule book")),
        "enable": ("eilbote.cli.rules_edit", "enable", mark("Switch rules on")),
        "disable": ("eilbote.cli.rules_edit", "disable", mark("Switch rules off")),
        "order": ("eilbote.cli.rules_edit", "order", mark("Put a rule at another place")),
        "remove": ("eilbote.cli.rules_edit", "remove", mark("Remove rules")),
        "check": ("eilbote.cli.rules_try", "check", mark("Check a script or a rule book")),
        "test": ("eilbote.cli.rules_try", "test", mark("Show what rules would do, and change nothing")),
        "run": ("eilbote.cli.rules_try", "run", mark("Carry rules out over mail that is there")),
        "push": ("eilbote.cli.rules_server", "push", mark("Let the server carry rules out")),
        "pull": (
            "eilbote.cli.rules_server",
            "pull",
            mark("Bring a script of the server into the rule book"),
        ),
        "activate": ("eilbote.cli.rules_server", "activate", mark("Let a script on the server filter")),
        "deactivate": ("eilbote.cli.rules_server", "deactivate", mark("Take rules back from the server")),
        "remote": ("eilbote.cli.rules_server", "remote", mark("Show the scripts on the server")),
        "history": ("eilbote.cli.rules_history", "history", mark("Show what rules did, and why")),
        "undo": ("eilbote.cli.rules_history", "undo", mark("Take back what rules did")),
    },
)
