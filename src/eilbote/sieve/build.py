"""Friendly rules to standard Sieve: a comment with the rule's name, an `if`, its actions.

`# rule:[Name]` above each rule is what other programs write and read too. Nothing of Eilbote's own
stands in a script but where a rule asks what the assistant says. The one writer of Sieve encodes all
values, so that no text of a rule can become a command.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from typing import assert_never
from urllib.parse import quote

from eilbote.sieve.build_conditions import condition_test, tag, text, texts
from eilbote.sieve.rule import (
    AnyAction,
    Archive,
    Copy,
    Delete,
    Flagging,
    Forward,
    Keep,
    Label,
    Mark,
    Match,
    Move,
    Newer,
    Notify,
    Older,
    OwnScript,
    Redirect,
    Reject,
    Reply,
    Rule,
)
from eilbote.sieve.rule_check import canonical
from eilbote.sieve.tree import Argument, Command, Number, Tag, Test, Text, Tree
from eilbote.sieve.values import Position
from eilbote.sieve.vocabulary import COMMANDS, TESTS, Word
from eilbote.sieve.write import write_script

_NOWHERE = Position(0, 0)

FLAGS = {Flagging.READ: "\\Seen", Flagging.FLAGGED: "\\Flagged"}
"""What IMAP calls the marks."""

MOST_ANSWERS = 50
"""Earlier rules that an answer looks back at."""


def build_script(
    entries: Iterable[Rule | OwnScript], today: date, available: Collection[str] | None = None
) -> str:
    """The script of these rules in their order, a script of the user's as `include :personal`.

    `today` is the owner's day, from which rules by age count (`needs_today`). `available` are the
    extensions of the server that it is for (None: ours): what only makes a rule kinder, such as making a
    mailbox that is missing, is left out where the server cannot; `required` says what is left to ask.

    A mail is answered once (RFC 5230 section 4.7 makes a second answer an error): of several rules that
    would, the first does.
    """
    commands = [*_commands(entries, today, available)]
    needs = sorted(_extensions(commands))
    head = (Command(_NOWHERE, "require", (texts(needs),)),) if needs else ()
    parts = [write_script(Tree(head))] if head else []
    parts += (write_script(Tree((command,))) for command in commands)
    return "\n".join(parts)


def build_rule(rule: Rule, today: date, available: Collection[str] | None = None) -> str:
    """The script of one rule by itself."""
    return build_script((rule,), today, available)


def required(
    entries: Iterable[Rule | OwnScript], today: date, available: Collection[str] | None = None
) -> frozenset[str]:
    """The extensions that `build_script` asks for."""
    return frozenset(_extensions(_commands(entries, today, available)))


def needs_today(rule: Rule) -> bool:
    """Whether the rule must be built anew every day, because it counts days."""
    return any(isinstance(each, (Older, Newer)) for each in rule.conditions)


def rule_test(rule: Rule, today: date, *, here: bool = True) -> Test:
    """What an `if` of this rule asks, whether it is enabled or not."""
    tests = tuple(condition_test(each, today, here=here) for each in rule.conditions)
    match rule.match:
        case _ if not tests:
            return Test(_NOWHERE, "true")
        case Match.ALL:
            return tests[0] if len(tests) == 1 else Test(_NOWHERE, "allof", (), tests, grouped=True)
        case Match.ANY:
            return Test(_NOWHERE, "anyof", (), tests, grouped=True)
        case Match.NONE:
            return Test(_NOWHERE, "not", (), (Test(_NOWHERE, "anyof", (), tests, grouped=True),))
        case _:
            assert_never(rule.match)


def answers_on(rule: Rule) -> bool:
    """Whether the rule answers mail that later rules see too."""
    return rule.enabled and not rule.stop and any(isinstance(each, Reply) for each in rule.actions)


def unanswered(before: Sequence[Test]) -> Test | None:
    """Whether no earlier rule has answered a mail; None where none does. `before` are their tests."""
    asked = tuple(before[:MOST_ANSWERS])
    if not asked:
        return None
    one = asked[0] if len(asked) == 1 else Test(_NOWHERE, "anyof", (), asked, grouped=True)
    return Test(_NOWHERE, "not", (), (one,))


def _commands(
    entries: Iterable[Rule | OwnScript], today: date, available: Collection[str] | None
) -> Iterator[Command]:
    before: list[Test] = []
    for entry in entries:
        if isinstance(entry, Rule):
            rule = canonical(entry)
            test = rule_test(rule, today, here=available is None or "vnd.eilbote.language" in available)
            yield _rule(rule, test, unanswered(before), today, available)
            if answers_on(rule):
                before.append(test)
        elif entry.run and not entry.on:
            arguments: tuple[Argument, ...] = (tag("personal"), text(entry.name))
            yield Command(_NOWHERE, "include", arguments, comments=(f" script:[{entry.name}]",))


def _rule(
    rule: Rule, test: Test, unanswered: Test | None, today: date, available: Collection[str] | None
) -> Command:
    if not rule.enabled:
        false = Test(_NOWHERE, "false")
        test = Test(_NOWHERE, "allof", (), (false, test), grouped=True) if rule.conditions else false
    comments = [f" rule:[{rule.name}]"]
    if needs_today(rule):
        comments.append(f" today:[{today.isoformat()}]")
    block = [*_actions(rule.actions, unanswered, available)]
    if rule.stop:
        block.append(Command(_NOWHERE, "stop"))
    return Command(_NOWHERE, "if", (), (test,), block=tuple(block), comments=tuple(comments))


def _actions(
    actions: tuple[AnyAction, ...], unanswered: Test | None, available: Collection[str] | None
) -> Iterator[Command]:
    flags = [
        flag
        for each in actions
        if isinstance(each, (Mark, Label))
        for flag in ((FLAGS[each.flag],) if isinstance(each, Mark) else each.labels)
    ]
    if flags:
        yield Command(_NOWHERE, "addflag", (texts(flags),))
    for action in actions:
        if not isinstance(action, (Mark, Label)):
            name, arguments = _action(action, available)
            command = Command(_NOWHERE, name, arguments)
            if unanswered is not None and isinstance(action, Reply):
                command = Command(_NOWHERE, "if", (), (unanswered,), block=(command,))
            yield command


def _action(action: AnyAction, available: Collection[str] | None) -> tuple[str, tuple[Argument, ...]]:
    create = (tag("create"),) if available is None or "mailbox" in available else ()
    match action:
        case Move():
            return "fileinto", (*create, text(action.mailbox))
        case Copy():
            return "fileinto", (tag("copy"), *create, text(action.mailbox))
        case Archive():
            role: tuple[Argument, ...] = (tag("specialuse"), text("\\Archive"))
            known = available is None or "special-use" in available
            return "fileinto", (*(role if known else ()), *create, text("Archive"))
        case Forward():
            return "redirect", (tag("copy"), text(action.address))
        case Redirect():
            return "redirect", (text(action.address),)
        case Reply():
            subject: tuple[Argument, ...] = ()
            if action.subject:
                subject = (tag("subject"), text(action.subject))
            mine: tuple[Argument, ...] = ()
            if action.addresses:
                mine = (tag("addresses"), texts(action.addresses))
            days = (tag("days"), Number(_NOWHERE, action.days))
            return "vacation", (*days, *subject, *mine, _long(action.text))
        case Delete():
            return "discard", ()
        case Reject():
            return "reject", (_long(action.reason),)
        case Notify():
            message: tuple[Argument, ...] = ()
            if action.message:
                message = (tag("message"), _long(action.message))
            return "notify", (*message, text(mailto(action.address)))
        case Keep():
            return "keep", ()
        case Mark() | Label():
            raise AssertionError("marks and labels are one command, made before")
        case _:
            assert_never(action)


def mailto(address: str) -> str:
    """The URI of an address (RFC 6068 section 2)."""
    return "mailto:" + quote(address, safe="@!$'*+.-_~")


def _long(value: str) -> Text:
    return Text(_NOWHERE, value, multiline=value.endswith("\n"))


def _extensions(commands: Iterable[Command]) -> set[str]:
    """What must be required for these commands."""
    found: set[str] = set()
    for command in commands:
        found |= _of(COMMANDS[command.name], command.arguments)
        for test in command.tests:
            found |= _of_test(test)
        found |= _extensions(command.block or ())
    return found


def _of_test(test: Test) -> set[str]:
    found = _of(TESTS[test.name], test.arguments)
    for inner in test.tests:
        found |= _of_test(inner)
    return found


def _of(word: Word, arguments: tuple[Argument, ...]) -> set[str]:
    tags = (word.tag(each.name) for each in arguments if isinstance(each, Tag))
    found = {word.needs, *(each.needs for each in tags if each is not None)} - {""}
    if any(isinstance(each, Tag) and each.name == "comparator" for each in arguments):
        found.add("comparator-i;ascii-numeric")  # the only one that is asked for by name
    return found
