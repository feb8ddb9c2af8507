"""Friendly rules in plain words, in German and English: "If it comes from @example.org, move to “Tax”." What
a face shows of a rule, of what one did, and of why. Decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import assert_never

from eilbote import figures
from eilbote.catalogue import Catalogue, mark
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
from eilbote.sieve.rule_table import size_text
from eilbote.sieve.values import Importance
from eilbote.store.rule_values import Deed, Told

_SHOWN = 4
"""Values of a condition that a sentence names; of more it says how many."""
_LONGEST = 80
_FLAGGING = ("addflag", "setflag", "removeflag")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


def sentence(rule: Rule, said: Catalogue) -> str:
    """All of a rule in one sentence."""
    does = actions_said(rule, said)
    if not rule.conditions:
        return said.text("With every mail: {actions}.", actions=does)
    conditions = [condition_said(one, said) for one in rule.conditions]
    match rule.match:
        case Match.ALL:
            return said.text("If {conditions}, {actions}.", conditions=_and(conditions, said), actions=does)
        case Match.ANY:
            return said.text("If {conditions}, {actions}.", conditions=_or(conditions, said), actions=does)
        case Match.NONE if len(conditions) == 1:
            return said.text("Unless {condition}: {actions}.", condition=conditions[0], actions=does)
        case Match.NONE:
            return said.text("Unless {condition}: {actions}.", condition=_or(conditions, said), actions=does)
        case _:
            assert_never(rule.match)


def actions_said(rule: Rule, said: Catalogue) -> str:
    """What is done, and whether later rules still look."""
    parts = [action_said(one, said) for one in rule.actions]
    if rule.stop and not (rule.actions and stops_by_itself(rule.actions)):
        parts.append(said.text("apply no later rule"))
    if stops_by_itself(rule.actions) and not rule.stop:
        parts.append(said.text("then go on with the next rule"))
    return _and(parts, said) if parts else said.text("do nothing")


def condition_said(condition: AnyCondition, said: Catalogue) -> str:
    """A condition as the part of a sentence behind "if"."""
    holds, holds_not = _condition(condition, said)
    return holds_not if condition.negated else holds


def _condition(condition: AnyCondition, said: Catalogue) -> tuple[str, str]:
    """The same, and its opposite."""
    t, quoted = said.text, _quoted
    match condition:
        case Sender(who=who):
            values = _values(who, said)
            return t("it comes from {who}", who=values), t("it does not come from {who}", who=values)
        case Recipient(who=who):
            values = _values(who, said)
            return t("it is addressed to {who}", who=values), t("it is not addressed to {who}", who=values)
        case Contact(known=known):
            if known is Known.KNOWN:
                return t("you know the sender"), t("you do not know the sender")
            return t("the sender writes for the first time"), t("the sender has written before")
        case Subject(texts=texts, how=how):
            return _compared(t("the subject"), how, texts, said)
        case HeaderField(names=names, texts=texts, how=how, part=part):
            field = t("the field {name}", name=_values(names, said))
            if not texts:  # all of them are to be there
                field = t("the field {name}", name=_and([_quoted(one, said) for one in names], said))
                return t("{what} is there", what=field), t("{what} is not there", what=field)
            if part is Part.DOMAIN:
                field = t("the domain in the field {name}", name=_values(names, said))
            if part is Part.ADDRESS:
                field = t("the address in the field {name}", name=_values(names, said))
            if part is Part.LOCAL:
                field = t("the name before the @ in the field {name}", name=_values(names, said))
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
            amount = _size(size, said)
            return t("it is larger than {size}", size=amount), t("it is not larger than {size}", size=amount)
        case Smaller(size=size):
            amount = _size(size, said)
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
            shown = _day(day, said)
            return t("it is dated before {day}", day=shown), t("it is dated {day} or later", day=shown)
        case Since(day=day):
            shown = _day(day, said)
            return t("it is dated {day} or later", day=shown), t("it is dated before {day}", day=shown)
        case During(first=first, last=last):
            return _during(first, last, said)
        case Attachment(kinds=()):
            return t("a file is attached"), t("no file is attached")
        case Attachment(kinds=kinds):
            values = _values(kinds, said)
            return (
                t("a file of the kind {kinds} is attached", kinds=values),
                t("no file of the kind {kinds} is attached", kinds=values),
            )
        case MailingList(ids=()):
            return t("it came over a mailing list"), t("it came over no mailing list")
        case MailingList(ids=ids):
            values = _values(ids, said)
            return (
                t("it came over the mailing list {lists}", lists=values),
                t("it did not come over the mailing list {lists}", lists=values),
            )
        case Language(languages=languages):
            values = _or([language_said(one, said) for one in languages], said)
            return (
                t("it is written in {languages}", languages=values),
                t("it is not written in {languages}", languages=values),
            )
        case Category(names=names):
            values = _or([quoted(name, said) for name in names], said)
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
    values = _or_values([_quoted(text, said) for text in texts], said)
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
    begin, end = _day(first, said), _day(last, said)
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
            return t("move to {mailbox}", mailbox=_quoted(mailbox, said))
        case Copy(mailbox=mailbox):
            return t("copy to {mailbox}", mailbox=_quoted(mailbox, said))
        case Archive():
            return t("put into the archive")
        case Label(labels=labels):
            several = _and([_quoted(one, said) for one in labels], said)
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
            return t("answer with {text}", text=_quoted(text, said))
        case Delete():
            return t("delete")
        case Reject(reason=reason):
            return t("refuse with {text}", text=_quoted(reason, said))
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


# What was done and why

REFUSED = {
    "imported": mark("not sent: the mail was imported"),
    "old": mark("not sent: the mail is too old"),
    "run": mark("not sent: the mail is not new"),
    "own": mark("not sent: it would come back here"),
    "answered-before": mark("not sent: the sender was answered lately"),
    "seen-before": mark("not sent: it was here before"),
    "too-many-forwards": mark("not sent: it was forwarded too often"),
    "too-many-hops": mark("not sent: it went through too many servers"),
    "report": mark("not sent: it is a delivery report"),
    "automatic": mark("not sent: a program wrote it"),
    "list": mark("not sent: it came over a mailing list"),
    "no-sender": mark("not sent: it has no sender"),
    "nobody-reads": mark("not sent: nobody reads at its sender's address"),
    "not-addressed": mark("not sent: it was not written to you"),
}
"""Why an action that was wanted was not done."""


def deed_said(deed: Deed, said: Catalogue, *, done: bool = True) -> str:
    """What became of a mail, or with `done` False what would."""
    t, argument = said.text, _quoted(deed.argument, said)
    match deed.action:
        case "fileinto" if deed.argument.upper() == "INBOX":
            words = t("left in the inbox")
        case "fileinto":
            words = t("put into {mailbox}", mailbox=argument)
        case "keep":
            words = t("left in the inbox")
        case "discard":
            words = t("deleted")
        case "redirect":
            words = t("sent on to {address}", address=deed.argument)
        case "reject":
            words = t("refused with {text}", text=argument)
        case "vacation":
            words = t("answered with {text}", text=argument)
        case "notify":
            words = t("told to {address}", address=deed.argument.removeprefix("mailto:"))
        case "look":
            return t("left where it is and marked for a look")
        case _:
            words = f"{deed.action} {deed.argument}".strip()
    flags = _flags_said(deed.flags, said)
    if flags and deed.action == "keep":
        words = flags
    elif flags:
        words = _and([words, flags], said)
    if deed.refused and done:
        why = t(REFUSED.get(deed.refused, deed.refused))
        return f"{t('not {deed} after all', deed=words)} ({why})"
    return words


def _flags_said(flags: Iterable[str], said: Catalogue) -> str:
    words: list[str] = []
    labels: list[str] = []
    for flag in flags:
        match flag.lower():
            case "\\seen":
                words.append(said.text("marked as read"))
            case "\\flagged":
                words.append(said.text("flagged as important"))
            case _:
                labels.append(_quoted(flag.removeprefix("\\"), said))
    if labels:
        words.append(said.text("labelled {labels}", labels=_and(labels, said)))
    return _and(words, said) if words else ""


def reasons_said(steps: Iterable[Told], rule: str, said: Catalogue) -> list[str]:
    """Why a rule acted: its tests that were true, each once; where none was, those that were not."""
    told = list(steps)
    # Nobody is named where a mail only gets flags: then those rules are meant that gave any.
    meant = {rule} if rule else {one.rule for one in told if one.name in _FLAGGING}
    tests = [one for one in told if one.result is not None and one.rule in meant]
    true = [reason_said(one, said) for one in tests if one.result]
    if true:
        return list(dict.fromkeys(true))
    return list(dict.fromkeys(said.text("not: {reason}", reason=reason_said(one, said)) for one in tests))


def reason_said(step: Told, said: Catalogue) -> str:
    """What one test asked, in words where it is of a kind that friendly rules make, else as Sieve."""
    t = said.text
    asked, _, found = step.detail.partition(" ← ")
    texts = [re.sub(r"\\(.)", r"\1", one) for one in _QUOTED.findall(asked)]
    seen = [re.sub(r"\\(.)", r"\1", one) for one in _QUOTED.findall(found)]
    value = _quoted(seen[0] if seen else texts[-1], said) if texts or seen else ""
    fields = {one.lower() for one in texts}
    match step.name:
        case "address" | "header" | "envelope" if ":mime" not in asked and texts:
            if fields & {"list-id", "list-post", "precedence"}:
                return t("it came over a mailing list")
            contained = _contained(asked, texts, seen)
            if "subject" in fields and contained:
                return t("{what} contains {values}", what=t("the subject"), values=_quoted(contained, said))
            if "from" in fields:
                return t("the sender is {value}", value=value)
            if fields & {"to", "cc"}:
                return t("the recipient is {value}", value=value)
            if "subject" in fields:
                return t("the subject is {value}", value=value)
            return t("the field {name} is {value}", name=texts[0], value=value)
        case "header":
            return t("a file is attached")
        case "exists" if fields & {"list-id", "list-post"}:
            return t("it came over a mailing list")
        case "exists" if texts:
            return t("{what} is there", what=t("the field {name}", name=_values(texts, said)))
        case "body":
            return t("the text contains {value}", value=_quoted(texts[-1], said)) if texts else asked
        case "size":
            number = re.search(r"(\d+)\s*([kKmMgG]?)", asked)
            if number is None:
                return asked
            count = int(number[1]) << 10 * " kmg".index(number[2].lower() or " ")
            amount = _size(count, said)
            if ":over" in asked:
                return t("it is larger than {size}", size=amount)
            return t("it is smaller than {size}", size=amount)
        case "eilbote_language" if texts:
            return t("it is written in {languages}", languages=language_said(texts[-1], said))
        case "eilbote_category" if texts:
            return t("its category is {names}", names=value)
        case "true":
            return t("it is for every mail")
        case _:
            return asked[:200]


def _contained(asked: str, texts: Sequence[str], seen: Sequence[str]) -> str:
    """Which of the texts that a test asked for stands in what it found; empty where it asked otherwise."""
    if ":contains" not in asked or not seen:
        return ""
    return next((one for one in texts[1:] if one.lower() in seen[0].lower()), "")


# Pieces of sentences


def _values(values: Sequence[str], said: Catalogue) -> str:
    """Several of which one is enough; addresses as they are, other texts quoted."""
    return _or_values([one if "@" in one else _quoted(one, said) for one in values], said)


def _or_values(values: Sequence[str], said: Catalogue) -> str:
    if len(values) > _SHOWN + 1:
        rest = len(values) - _SHOWN
        more = said.plural("{count} more", "{count} more", rest)
        values = [*values[:_SHOWN], more]
    return _or(values, said)


def _quoted(value: str, said: Catalogue) -> str:
    line = " ".join(value.split())
    return said.text("“{value}”", value=line if len(line) <= _LONGEST else line[:_LONGEST] + "…")


def _size(size: int, said: Catalogue) -> str:
    """As it was typed, where that is a round number of kilobytes and so on."""
    short = size_text(size)
    if short.isdecimal():
        return figures.size(size, said.language)
    return f"{short[:-1]} {'k' if short[-1] == 'K' else short[-1]}B"


def _day(day: str, said: Catalogue) -> str:
    return figures.plain_day(day, said.language) if day else ""


def _and(parts: Sequence[str], said: Catalogue) -> str:
    return _joined(parts, said.text("{these} and {last}", these="\x00", last="\x01"))


def _or(parts: Sequence[str], said: Catalogue) -> str:
    return _joined(parts, said.text("{these} or {last}", these="\x00", last="\x01"))


def _joined(parts: Sequence[str], how: str) -> str:
    if len(parts) < 2:
        return parts[0] if parts else ""
    return how.replace("\x00", ", ".join(parts[:-1])).replace("\x01", parts[-1])
