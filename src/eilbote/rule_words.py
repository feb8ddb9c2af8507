"""Friendly rules in plain words, in German and English: "If it comes from @example.org, move to “Tax”." What
a face shows of a rule; `rule_deeds` tells what one did, and why. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from eilbote.catalogue import Catalogue
from eilbote.rule_phrases import and_of, day_said, either, either_of, or_of, quoted, size_said
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
    Part,
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
    stops_by_itself,
)
from eilbote.sieve.values import Importance


def sentence(rule: Rule, said: Catalogue) -> str:
    """All of a rule in one sentence."""
    does = actions_said(rule, said)
    if not rule.conditions:
        return said.text("With every mail: {actions}.", actions=does)
    conditions = [condition_said(one, said) for one in rule.conditions]
    match rule.match:
        case Match.ALL:
            return said.text("If {conditions}, {actions}.", conditions=and_of(conditions, said), actions=does)
        case Match.ANY:
            return said.text("If {conditions}, {actions}.", conditions=or_of(conditions, said), actions=does)
        case Match.NONE if len(conditions) == 1:
            return said.text("Unless {condition}: {actions}.", condition=conditions[0], actions=does)
        case Match.NONE:
            return said.text(
                "Unless {condition}: {actions}.", condition=or_of(conditions, said), actions=does
            )
        case _:
            assert_never(rule.match)


def actions_said(rule: Rule, said: Catalogue) -> str:
    """What is done, and whether later rules still look."""
    parts = [action_said(one, said) for one in rule.actions]
    if rule.stop and not (rule.actions and stops_by_itself(rule.actions)):
        parts.append(said.text("apply no later rule"))
    if stops_by_itself(rule.actions) and not rule.stop:
        parts.append(said.text("then go on with the next rule"))
    return and_of(parts, said) if parts else said.text("do nothing")


def condition_said(condition: AnyCondition, said: Catalogue) -> str:
    """A condition as the part of a sentence behind "if"."""
    holds, holds_not = _condition(condition, said)
    return holds_not if condition.negated else holds


def _condition(condition: AnyCondition, said: Catalogue) -> tuple[str, str]:
    """The same, and its opposite."""
    t = said.text
    match condition:
        case Sender(who=who):
            values = either(who, said)
            return t("it comes from {who}", who=values), t("it does not come from {who}", who=values)
        case Recipient(who=who):
            values = either(who, said)
            return t("it is addressed to {who}", who=values), t("it is not addressed to {who}", who=values)
        case Contact(known=known):
            if known is Known.KNOWN:
                return t("you know the sender"), t("you do not know the sender")
            return t("the sender writes for the first time"), t("the sender has written before")
        case Subject(texts=texts, how=how):
            return _compared(t("the subject"), how, texts, said)
        case HeaderField(names=names, texts=texts, how=how, part=part):
            field = t("the field {name}", name=either(names, said))
            if not texts:  # all of them are to be there
                field = t("the field {name}", name=and_of([quoted(one, said) for one in names], said))
                return t("{what} is there", what=field), t("{what} is not there", what=field)
            if part is Part.DOMAIN:
                field = t("the domain in the field {name}", name=either(names, said))
            if part is Part.ADDRESS:
                field = t("the address in the field {name}", name=either(names, said))
            if part is Part.LOCAL:
                field = t("the name before the @ in the field {name}", name=either(names, said))
            return _compared(field, how, texts, said)
        case Body(texts=texts):
            return _compared(t("the text"), How.CONTAINS, texts, said)
        case Priority(level=level):
            match level:
                case Level.HIGH:
                    return t("it is marked as urgent"), t("it is not marked as urgent")
                case Level.NORMAL:
                    return t("its priority is normal"), t("its priority is not normal")
                case Level.LOW:
                    return t("it is marked as not urgent"), t("it is not marked as not urgent")
                case _:
                    assert_never(level)
        case Larger(size=size):
            amount = size_said(size, said)
            return t("it is larger than {size}", size=amount), t("it is not larger than {size}", size=amount)
        case Smaller(size=size):
            amount = size_said(size, said)
            return t("it is smaller than {size}", size=amount), t(
                "it is not smaller than {size}", size=amount
            )
        case Older(days=days):
            one, many = "it is older than {count} day", "it is older than {count} days"
            no, none = "it is not older than {count} day", "it is not older than {count} days"
            return said.plural(one, many, days), said.plural(no, none, days)
        case Newer(days=days):
            one, many = "it is at most {count} day old", "it is at most {count} days old"
            no, none = "it is more than {count} day old", "it is more than {count} days old"
            return said.plural(one, many, days), said.plural(no, none, days)
        case Before(day=day):
            shown = day_said(day, said)
            return t("it is dated before {day}", day=shown), t("it is dated {day} or later", day=shown)
        case Since(day=day):
            shown = day_said(day, said)
            return t("it is dated {day} or later", day=shown), t("it is dated before {day}", day=shown)
        case During(first=first, last=last):
            return _during(first, last, said)
        case Attachment(kinds=()):
            return t("a file is attached"), t("no file is attached")
        case Attachment(kinds=kinds):
            values = either(kinds, said)
            return (
                t("a file of the kind {kinds} is attached", kinds=values),
                t("no file of the kind {kinds} is attached", kinds=values),
            )
        case MailingList(ids=()):
            return t("it came over a mailing list"), t("it came over no mailing list")
        case MailingList(ids=ids):
            values = either(ids, said)
            return (
                t("it came over the mailing list {lists}", lists=values),
                t("it did not come over the mailing list {lists}", lists=values),
            )
        case Language(languages=languages):
            values = or_of([language_said(one, said) for one in languages], said)
            return (
                t("it is written in {languages}", languages=values),
                t("it is not written in {languages}", languages=values),
            )
        case Category(names=names):
            values = or_of([quoted(name, said) for name in names], said)
            return (
                t("its category is {names}", names=values),
                t("its category is not {names}", names=values),
            )
        case SenderImportance(at_least=level):
            words = importance_said(level, said)
            return (
                t("its sender is at least: {importance}", importance=words),
                t("its sender is less than: {importance}", importance=words),
            )
        case Spam(percent=percent):
            return (
                t("it is spam with at least {percent} %", percent=percent),
                t("it is spam with less than {percent} %", percent=percent),
            )
        case _:
            assert_never(condition)


def _compared(what: str, how: How, texts: Sequence[str], said: Catalogue) -> tuple[str, str]:
    values = either_of([quoted(text, said) for text in texts], said)
    t = said.text
    match how:
        case How.CONTAINS:
            return t("{what} contains {values}", what=what, values=values), t(
                "{what} does not contain {values}", what=what, values=values
            )
        case How.IS:
            return t("{what} is {values}", what=what, values=values), t(
                "{what} is not {values}", what=what, values=values
            )
        case How.BEGINS:
            return t("{what} begins with {values}", what=what, values=values), t(
                "{what} does not begin with {values}", what=what, values=values
            )
        case How.ENDS:
            return t("{what} ends with {values}", what=what, values=values), t(
                "{what} does not end with {values}", what=what, values=values
            )
        case How.MATCHES:
            return t("{what} fits the pattern {values}", what=what, values=values), t(
                "{what} does not fit the pattern {values}", what=what, values=values
            )
        case How.REGEX:
            return t("{what} fits the regular expression {values}", what=what, values=values), t(
                "{what} does not fit the regular expression {values}", what=what, values=values
            )
        case _:
            assert_never(how)


def _during(first: str, last: str, said: Catalogue) -> tuple[str, str]:
    begin, end = day_said(first, said), day_said(last, said)
    t = said.text
    if not last:
        return t("today is {day} or later", day=begin), t("today is before {day}", day=begin)
    if not first:
        return t("today is {day} or earlier", day=end), t("today is after {day}", day=end)
    return (
        t("today lies between {first} and {last}", first=begin, last=end),
        t("today does not lie between {first} and {last}", first=begin, last=end),
    )


def action_said(action: AnyAction, said: Catalogue) -> str:
    """An action as the part of a sentence."""
    t = said.text
    match action:
        case Move(mailbox=mailbox):
            return t("move to {mailbox}", mailbox=quoted(mailbox, said))
        case Copy(mailbox=mailbox):
            return t("copy to {mailbox}", mailbox=quoted(mailbox, said))
        case Archive():
            return t("put into the archive")
        case Label(labels=labels):
            several = and_of([quoted(one, said) for one in labels], said)
            if len(labels) > 1:
                return t("give the labels {labels}", labels=several)
            return t("give the label {labels}", labels=several)
        case Mark(flag=flag):
            return t("mark as read") if flag is Flagging.READ else t("flag")
        case Forward(address=address):
            return t("forward to {address}", address=address)
        case Redirect(address=address):
            return t("send on to {address} and not keep", address=address)
        case Reply(text=text):
            return t("answer with {text}", text=quoted(text, said))
        case Delete():
            return t("delete")
        case Reject(reason=reason):
            return t("refuse with {text}", text=quoted(reason, said))
        case Notify(address=address):
            return t("tell {address}", address=address)
        case Keep():
            return t("leave in the inbox")
        case _:
            assert_never(action)


def importance_said(level: Importance, said: Catalogue) -> str:
    """How important somebody is."""
    match level:
        case Importance.NONE:
            return said.text("unimportant")
        case Importance.LOW:
            return said.text("hardly important")
        case Importance.NORMAL:
            return said.text("as others")
        case Importance.HIGH:
            return said.text("important")
        case _:
            assert_never(level)


LANGUAGES_KNOWN = ("de", "en", "fr", "it", "es", "nl", "pl", "tr")
"""Languages that a page offers by name."""


def language_said(code: str, said: Catalogue) -> str:
    """A language by its name where it is well known, else its code."""
    names = {
        "de": said.text("German"),
        "en": said.text("English"),
        "fr": said.text("French"),
        "it": said.text("Italian"),
        "es": said.text("Spanish"),
        "nl": said.text("Dutch"),
        "pl": said.text("Polish"),
        "tr": said.text("Turkish"),
    }
    return names.get(code.lower(), code)
