"""A friendly rule in plain words, for lists and pages: "from @example.org → move to “Buchhaltung”".

Pure: `say` gives an English text in the user's language, with its places filled (`Catalogue.text`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, assert_never

from eilbote.sieve.rule import (
    AnyAction,
    AnyCondition,
    Archive,
    Attachment,
    Before,
    Body,
    Category,
    Contact,
    Copy,
    Delete,
    During,
    Flagging,
    Forward,
    HeaderField,
    How,
    Keep,
    Known,
    Label,
    Language,
    Larger,
    Level,
    MailingList,
    Mark,
    Match,
    Move,
    Newer,
    Notify,
    Older,
    Priority,
    Recipient,
    Redirect,
    Reject,
    Reply,
    Rule,
    Sender,
    SenderImportance,
    Since,
    Smaller,
    Spam,
    Subject,
)
from eilbote.sieve.rule_table import size_text
from eilbote.sieve.values import Importance

_SHORT = 60
_SHOWN = 3


class Say(Protocol):
    """As `Catalogue.text`."""

    def __call__(self, english: str, /, **parameters: object) -> str: ...


def conditions_in_words(rule: Rule, say: Say) -> str:
    """When the rule is for a mail."""
    if not rule.conditions:
        return say("every mail")
    parts = [condition_in_words(each, say) for each in rule.conditions]
    match rule.match:
        case Match.ALL:
            return say(" and ").join(parts)
        case Match.ANY:
            return say(" or ").join(parts)
        case Match.NONE:
            return say("none of: {conditions}", conditions=", ".join(parts))
        case _:
            assert_never(rule.match)


def actions_in_words(rule: Rule, say: Say) -> str:
    """What it does."""
    parts = [action_in_words(each, say) for each in rule.actions]
    if rule.stop and not rule.actions:
        parts.append(say("no later rule"))
    return ", ".join(parts)


def name_in_words(rule: Rule, say: Say) -> str:
    """A name for a rule that got none: what it looks for, and where that goes."""
    first = conditions_in_words(rule, say)
    for condition in rule.conditions[:1]:
        match condition:
            case Sender(negated=False) | Recipient(negated=False):
                first = condition.who[0]
            case Subject(negated=False) | Body(negated=False):
                first = condition.texts[0]
            case _:
                first = condition_in_words(condition, say)
    places = [each.mailbox for each in rule.actions if isinstance(each, (Move, Copy))]
    goal = places[0] if places else actions_in_words(rule, say)
    return f"{_short(first.strip())} → {_short(goal.strip())}"


def condition_in_words(condition: AnyCondition, say: Say) -> str:
    """One condition."""
    words = _condition(condition, say)
    return say("not {condition}", condition=words) if condition.negated else words


def action_in_words(action: AnyAction, say: Say) -> str:
    """One action."""
    match action:
        case Move():
            return say("move to “{mailbox}”", mailbox=_short(action.mailbox))
        case Copy():
            return say("copy to “{mailbox}”", mailbox=_short(action.mailbox))
        case Archive():
            return say("move to the archive")
        case Label():
            return say("label {labels}", labels=", ".join(action.labels))
        case Mark():
            return say("mark as read") if action.flag is Flagging.READ else say("flag")
        case Forward():
            return say("forward to {address}, keep", address=action.address)
        case Redirect():
            return say("redirect to {address}, do not keep", address=action.address)
        case Reply():
            return say("answer, once in {days} days", days=action.days)
        case Delete():
            return say("delete")
        case Reject():
            return say("reject")
        case Notify():
            return say("notify {address}", address=action.address)
        case Keep():
            return say("keep in the inbox")
        case _:
            assert_never(action)


def _condition(condition: AnyCondition, say: Say) -> str:
    match condition:
        case Sender():
            return say("from {who}", who=_some(condition.who, say))
        case Recipient():
            return say("to {who}", who=_some(condition.who, say))
        case Contact():
            return say("known sender") if condition.known is Known.KNOWN else say("first mail of its sender")
        case Subject():
            return say("subject {compared}", compared=_compared(condition.how, condition.texts, say))
        case Body():
            return say("text {compared}", compared=_compared(How.CONTAINS, condition.texts, say))
        case HeaderField():
            name = ", ".join(condition.names)
            if not condition.texts:
                return say("has {field}", field=name)
            return f"{name} {_compared(condition.how, condition.texts, say)}"
        case Priority():
            match condition.level:
                case Level.HIGH:
                    return say("high priority")
                case Level.NORMAL:
                    return say("normal priority")
                case Level.LOW:
                    return say("low priority")
                case _:
                    assert_never(condition.level)
        case Larger():
            return say("larger than {size}", size=size_text(condition.size))
        case Smaller():
            return say("smaller than {size}", size=size_text(condition.size))
        case Older():
            return say("older than {days} days", days=condition.days)
        case Newer():
            return say("of the last {days} days", days=condition.days)
        case Before():
            return say("before {day}", day=condition.day)
        case Since():
            return say("since {day}", day=condition.day)
        case During():
            return say(
                "today within {first} to {last}", first=condition.first or "…", last=condition.last or "…"
            )
        case Attachment():
            if not condition.kinds:
                return say("with attachment")
            return say("attached {kinds}", kinds=_some(condition.kinds, say))
        case MailingList():
            return say("list {lists}", lists=_some(condition.ids, say)) if condition.ids else say("of a list")
        case Language():
            return say("written in {languages}", languages=_some(condition.languages, say))
        case Category():
            return say("category {names}", names=_some(condition.names, say))
        case SenderImportance():
            return say("sender at least {importance}", importance=_importance(condition.at_least, say))
        case Spam():
            return say("spam, {percent} % or more", percent=condition.percent)
        case _:
            assert_never(condition)


def _compared(how: How, values: tuple[str, ...], say: Say) -> str:
    some = _some(tuple(say("“{text}”", text=_short(value)) for value in values), say)
    match how:
        case How.CONTAINS:
            return say("contains {texts}", texts=some)
        case How.IS:
            return say("is {texts}", texts=some)
        case How.BEGINS:
            return say("begins with {texts}", texts=some)
        case How.ENDS:
            return say("ends with {texts}", texts=some)
        case How.MATCHES | How.REGEX:
            return say("matches {texts}", texts=some)
        case _:
            assert_never(how)


def _importance(importance: Importance, say: Say) -> str:
    match importance:
        case Importance.HIGH:
            return say("important")
        case Importance.NORMAL:
            return say("of normal importance")
        case Importance.LOW:
            return say("of low importance")
        case Importance.NONE:
            return say("judged")
        case _:
            assert_never(importance)


def _some(values: Iterable[str], say: Say) -> str:
    """The first values; how many more there are."""
    found = [_short(value) for value in values]
    if len(found) <= _SHOWN + 1:
        return say(" or ").join(found)
    return say("{values} or {count} more", values=", ".join(found[:_SHOWN]), count=len(found) - _SHOWN)


def _short(value: str) -> str:
    return value if len(value) <= _SHORT else value[: _SHORT - 1] + "…"
