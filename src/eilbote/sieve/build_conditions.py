"""A condition of a friendly rule as a test of standard Sieve.

Sieve's usual comparison knows upper and lower case of ASCII alone (RFC 5228 section 2.7.3), so a text
with other letters is asked for in both; a domain with letters of its language also as the wire has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from typing import assert_never

from eilbote.mail.domain import domain_for_wire
from eilbote.sieve.rule import (
    AnyCondition,
    Attachment,
    Before,
    Body,
    Category,
    Contact,
    During,
    HeaderField,
    How,
    Known,
    Language,
    Larger,
    Level,
    MailingList,
    Newer,
    Older,
    Part,
    Priority,
    Recipient,
    Sender,
    SenderImportance,
    Since,
    Smaller,
    Spam,
    Subject,
)
from eilbote.sieve.rule_check import lower_letter, upper_letter
from eilbote.sieve.tree import Argument, Number, Tag, Test, Text, TextList
from eilbote.sieve.values import Importance, Position

_NOWHERE = Position(0, 0)
PARTS = {Part.ADDRESS: "all", Part.LOCAL: "localpart", Part.DOMAIN: "domain"}
"""What Sieve calls them (RFC 5228 section 2.7.4)."""

_WILD = re.compile(r"[*?\\]")


def condition_test(condition: AnyCondition, today: date, *, here: bool = True) -> Test:
    """The test of one condition. `today` is the day from which ages count; `here`: it is for Eilbote, which
    knows a language by its words where a server knows it by its field alone."""
    test = _test(condition, today, here)
    return Test(_NOWHERE, "not", (), (test,)) if condition.negated else test


def text(value: str) -> Text:
    """A text in a tree that has no place in a script yet."""
    return Text(_NOWHERE, value)


def texts(values: Iterable[str]) -> Text | TextList:
    """Texts, without brackets where it is one."""
    items = tuple(map(text, values))
    return items[0] if len(items) == 1 else TextList(_NOWHERE, items)


def tag(name: str) -> Tag:
    """A tagged argument."""
    return Tag(_NOWHERE, name)


def spellings(values: Iterable[str]) -> tuple[str, ...]:
    """The texts, and those with letters beyond ASCII in lower and in upper case too."""
    found: dict[str, None] = {}
    for value in values:
        found[value] = None
        if not value.isascii():
            beyond = [each for each in value if not each.isascii()]
            for case, plain in ((lower_letter, str.lower), (upper_letter, str.upper)):
                if any(case(each) != each for each in beyond):
                    found["".join(plain(each) if each.isascii() else case(each) for each in value)] = None
    return tuple(found)


def domain_spellings(domains: Iterable[str]) -> tuple[str, ...]:
    """The domains, and beside each with letters of its language what the wire has."""
    found: dict[str, None] = {}
    for domain in domains:
        found[domain] = None
        if not domain.isascii():
            found[domain_for_wire(domain)] = None
    return tuple(found)


def _test(condition: AnyCondition, today: date, here: bool) -> Test:
    match condition:
        case Sender():
            return _somebody(("from",), condition.who)
        case Recipient():
            return _somebody(("to", "cc"), condition.who)
        case Contact():
            return sender_said("known" if condition.known is Known.KNOWN else "first-contact")
        case Subject():
            return _header(("subject",), condition.how, condition.texts)
        case Body():
            keys = texts(spellings(condition.texts))
            return Test(_NOWHERE, "body", (tag("text"), tag("contains"), keys))
        case HeaderField():
            if not condition.texts:
                return Test(_NOWHERE, "exists", (texts(condition.names),))
            return _header(condition.names, condition.how, condition.texts, condition.part)
        case Priority():
            return priority_test(condition.level)
        case Larger():
            return Test(_NOWHERE, "size", (tag("over"), Number(_NOWHERE, condition.size)))
        case Smaller():
            return Test(_NOWHERE, "size", (tag("under"), Number(_NOWHERE, condition.size)))
        # Ages ask "le" and "gt", days of the calendar "lt" and "ge": so they can be told apart again.
        case Older():
            return _dated("le", (today - timedelta(days=condition.days + 1)).isoformat())
        case Newer():
            return _dated("gt", (today - timedelta(days=condition.days + 1)).isoformat())
        case Before():
            return _dated("lt", condition.day)
        case Since():
            return _dated("ge", condition.day)
        case During():
            return _during(condition.first, condition.last)
        case Attachment():
            return _attachment(condition.kinds)
        case MailingList():
            return list_test(condition.ids)
        case Language():
            return language_test(condition.languages, here=here)
        case Category():
            return Test(_NOWHERE, "eilbote_category", (tag("is"), texts(condition.names)))
        case SenderImportance():
            return sender_said(*_from(condition.at_least))
        case Spam():
            numeric = (tag("value"), text("ge"), tag("comparator"), text("i;ascii-numeric"))
            return Test(_NOWHERE, "eilbote_spam", (*numeric, text(str(condition.percent))))
        case _:
            assert_never(condition)


def sender_said(*words: str) -> Test:
    """Whether the assistant has one of these words for the sender."""
    return Test(_NOWHERE, "eilbote_sender", (tag("is"), texts(words)))


def priority_test(level: Level) -> Test:
    """What X-Priority (1 to 5), Importance (RFC 2156) and Priority say."""
    match level:
        case Level.HIGH:
            return _any(_priority(("1*", "2*"), "high", "urgent"))
        case Level.LOW:
            return _any(_priority(("4*", "5*"), "low", "non-urgent"))
        case Level.NORMAL:
            either = (
                *_priority(("1*", "2*"), "high", "urgent"),
                *_priority(("4*", "5*"), "low", "non-urgent"),
            )
            return Test(_NOWHERE, "not", (), (_any(either),))
        case _:
            assert_never(level)


def list_test(ids: tuple[str, ...]) -> Test:
    """List-Id (RFC 2919), or for any list whatever only lists write (RFC 2369)."""
    if ids:
        return _header(("list-id",), How.CONTAINS, ids)
    return _any(
        (
            Test(_NOWHERE, "exists", (text("list-id"),)),
            Test(_NOWHERE, "exists", (text("list-post"),)),
            Test(_NOWHERE, "header", (tag("is"), text("precedence"), text("list"))),
        )
    )


def language_test(languages: tuple[str, ...], *, here: bool) -> Test:
    """Content-Language (RFC 3282): the language itself, with a region, or before others; and what the text
    is written in."""
    keys = [form for each in languages for form in (each, f"{each}-*", f"{each},*")]
    field = Test(_NOWHERE, "header", (tag("matches"), text("content-language"), texts(keys)))
    if not here:
        return field
    return _any((field, Test(_NOWHERE, "eilbote_language", (tag("is"), texts(languages)))))


def as_pattern(value: str) -> str:
    """A text for `:matches` that means itself."""
    return _WILD.sub(r"\\\g<0>", value)


def _somebody(fields: tuple[str, ...], who: tuple[str, ...]) -> Test:
    groups: dict[str, list[str]] = {"domain": [], "below": [], "all": [], "name": []}
    for each in who:
        if each.startswith("@*."):
            groups["below"].append(each[1:])
        elif each.startswith("@"):
            groups["domain"].append(each[1:])
        else:
            groups["all" if "@" in each else "name"].append(each)
    names = texts(fields)
    found: list[Test] = []
    if groups["domain"]:
        keys = texts(domain_spellings(groups["domain"]))
        found.append(Test(_NOWHERE, "address", (tag("domain"), tag("is"), names, keys)))
    if groups["below"]:
        keys = texts(domain_spellings(groups["below"]))
        found.append(Test(_NOWHERE, "address", (tag("domain"), tag("matches"), names, keys)))
    if groups["all"]:
        keys = texts(_address_spellings(groups["all"]))
        found.append(Test(_NOWHERE, "address", (tag("all"), tag("is"), names, keys)))
    if groups["name"]:
        found.append(_header(fields, How.CONTAINS, tuple(groups["name"])))
    return _any(found)


def _address_spellings(addresses: Iterable[str]) -> Iterable[str]:
    for address in addresses:
        local, _, domain = address.rpartition("@")
        for each in domain_spellings((domain,)):
            yield f"{local}@{each}"


def _header(fields: tuple[str, ...], how: How, values: tuple[str, ...], part: Part = Part.FIELD) -> Test:
    match how:
        case How.CONTAINS | How.IS:
            kind: Argument = tag(how.value)
            keys = spellings(values)
        case How.BEGINS:
            kind, keys = tag("matches"), tuple(as_pattern(each) + "*" for each in spellings(values))
        case How.ENDS:
            kind, keys = tag("matches"), tuple("*" + as_pattern(each) for each in spellings(values))
        case How.MATCHES:
            kind, keys = tag("matches"), spellings(values)
        case How.REGEX:
            kind, keys = tag("regex"), values
        case _:
            assert_never(how)
    if part is not Part.FIELD:
        return Test(_NOWHERE, "address", (tag(PARTS[part]), kind, texts(fields), texts(keys)))
    return Test(_NOWHERE, "header", (kind, texts(fields), texts(keys)))


def _attachment(kinds: tuple[str, ...]) -> Test:
    """RFC 5703 section 4: what the parts say of themselves."""
    every = (tag("mime"), tag("anychild"))
    if not kinds:
        keys: tuple[Argument, ...] = (tag("matches"), text("content-disposition"), text("attachment*"))
        return Test(_NOWHERE, "header", (*every, *keys))
    files = [each if "." in each or "*" in each else f"*.{each}" for each in kinds if "/" not in each]
    types = [each for each in kinds if "/" in each]
    found: list[Test] = []
    if files:
        parameters = (tag("param"), texts(("filename", "name")))
        fields = texts(("content-disposition", "content-type"))
        keys = (tag("matches"), fields, texts(spellings(files)))
        found.append(Test(_NOWHERE, "header", (*every, *parameters, *keys)))
    if types:
        keys = (tag("matches"), text("content-type"), texts(types))
        found.append(Test(_NOWHERE, "header", (*every, tag("contenttype"), *keys)))
    return _any(found)


def _priority(numbers: tuple[str, ...], importance: str, priority: str) -> tuple[Test, ...]:
    return (
        Test(_NOWHERE, "header", (tag("matches"), text("x-priority"), texts(numbers))),
        Test(_NOWHERE, "header", (tag("is"), texts(("importance", "x-msmail-priority")), text(importance))),
        Test(_NOWHERE, "header", (tag("is"), text("priority"), text(priority))),
    )


def _during(first: str, last: str) -> Test:
    """RFC 5260 section 5: the day on which the script runs."""
    found = []
    for relation, day in (("ge", first), ("le", last)):
        if day:
            keys = (tag("value"), text(relation), text("date"), text(day))
            found.append(Test(_NOWHERE, "currentdate", keys))
    return found[0] if len(found) == 1 else Test(_NOWHERE, "allof", (), tuple(found), grouped=True)


def _dated(relation: str, day: str) -> Test:
    keys = (text("date"), text("date"), text(day))
    return Test(_NOWHERE, "date", (tag("value"), text(relation), *keys))


def _from(least: Importance) -> list[str]:
    order = list(Importance)
    return [each.value for each in order[order.index(least) :]]


def _any(tests: Iterable[Test]) -> Test:
    found = tuple(tests)
    return found[0] if len(found) == 1 else Test(_NOWHERE, "anyof", (), found, grouped=True)
