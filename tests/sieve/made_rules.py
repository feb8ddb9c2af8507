"""Friendly rules made by hypothesis: all conditions and actions, with every text that is allowed in them."""

from __future__ import annotations

from hypothesis import strategies as st

from eilbote.sieve.rule import (
    FINAL,
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
)
from eilbote.sieve.rule_check import canonical
from eilbote.sieve.values import Importance

_LETTERS = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
_TEXT = st.one_of(
    st.sampled_from(
        ['"', "\\", "${x}", "a*b?", ". ", "] ; stop", "Überweisung", "/* x */", "# x", "ß", "*", "\\*"]
    ),
    st.text(_LETTERS, min_size=1, max_size=12),
).filter(lambda value: bool(value.strip()))
_TEXTS = st.lists(_TEXT, min_size=1, max_size=3).map(tuple)
_LONG = st.one_of(
    st.sampled_from(["Hallo,\n.\n..x\n", "a\nb", ".", "text:\n", '"\n"\\\n', "\n x", "x\n.\n"]),
    st.text(st.one_of(_LETTERS, st.just("\n")), min_size=1, max_size=30),
).filter(lambda value: bool(value.strip()))
_DOMAIN = st.sampled_from(["example.org", "müller.example", "mail.example.net", "xn--mller-kva.example"])
_ADDRESS = st.builds("{}@{}".format, st.sampled_from(["anna", "a.b+c", "O'Neil", "x_1"]), _DOMAIN)
_WHO = st.one_of(
    _ADDRESS,
    st.builds("@{}".format, _DOMAIN),
    st.builds("@*.{}".format, _DOMAIN),
    _TEXT.filter(lambda value: "@" not in value),
)
_PEOPLE = st.lists(_WHO, min_size=1, max_size=4).map(tuple)
_NOT = st.booleans()
_HOW = st.sampled_from(How).filter(lambda how: how is not How.REGEX)
_SIZE = st.one_of(st.integers(1, (1 << 31) - 1), st.integers(1, 1000).map(lambda mega: mega << 20))
_SPAN = st.integers(1, 36_500)
_DAY = st.dates().map(str)
_KIND = st.one_of(
    st.sampled_from(["pdf", "*.pdf", "*rechnung*", "image/*", "application/pdf", "Rechnung.docx"]),
    _TEXT.filter(lambda value: "/" not in value).map("*{}*".format),
)
_REGEX = st.sampled_from(["^Re: .*[0-9]+$", "(a|b)c", "x{2,3}"])

CONDITION: st.SearchStrategy[AnyCondition] = st.one_of(
    st.builds(Sender, _NOT, _PEOPLE),
    st.builds(Recipient, _NOT, _PEOPLE),
    st.builds(Contact, _NOT, st.sampled_from(Known)),
    st.builds(Subject, _NOT, _TEXTS, _HOW),
    st.builds(Subject, _NOT, st.tuples(_REGEX), st.just(How.REGEX)),
    st.builds(Body, _NOT, _TEXTS),
    st.builds(HeaderField, _NOT, st.sampled_from([("X-Mailer",), ("X-Loop", "Sender")]), _TEXTS, _HOW),
    st.builds(
        HeaderField,
        _NOT,
        st.sampled_from([("reply-to",), ("Sender", "to")]),
        _TEXTS,
        _HOW,
        st.sampled_from(Part),
    ),
    st.builds(HeaderField, _NOT, st.sampled_from([("X-Loop",), ("X-A", "X-B")])),
    st.builds(Priority, _NOT, st.sampled_from(Level)),
    st.builds(Larger, _NOT, _SIZE),
    st.builds(Smaller, _NOT, _SIZE),
    st.builds(Older, _NOT, _SPAN),
    st.builds(Newer, _NOT, _SPAN),
    st.builds(Before, _NOT, _DAY),
    st.builds(Since, _NOT, _DAY),
    st.builds(During, _NOT, st.just(""), _DAY),
    st.builds(During, _NOT, _DAY, st.just("9999-12-31")),
    st.builds(Attachment, _NOT, st.lists(_KIND, max_size=3).map(tuple)),
    st.builds(MailingList, _NOT, st.one_of(st.just(()), _TEXTS)),
    st.builds(
        Language, _NOT, st.lists(st.sampled_from(["de", "en", "pt-BR"]), min_size=1, max_size=2).map(tuple)
    ),
    st.builds(Category, _NOT, _TEXTS),
    st.builds(SenderImportance, _NOT, st.sampled_from(Importance)),
    st.builds(Spam, _NOT, st.integers(1, 100)),
)
ACTION: st.SearchStrategy[AnyAction] = st.one_of(
    st.builds(Move, _TEXT),
    st.builds(Copy, _TEXT),
    st.builds(Archive),
    st.builds(
        Label, st.lists(st.sampled_from(["blau", "to-do", "$Forwarded"]), min_size=1, max_size=2).map(tuple)
    ),
    st.builds(Mark, st.sampled_from(Flagging)),
    st.builds(Forward, _ADDRESS),
    st.builds(Redirect, _ADDRESS),
    st.builds(Reply, _LONG, st.integers(1, 365), st.one_of(st.just(""), _TEXT)),
    st.builds(Reply, _LONG, st.just(7), st.just(""), st.just(("anna@example.org", "a@example.net"))),
    st.builds(Delete),
    st.builds(Reject, _LONG),
    st.builds(Notify, _ADDRESS, st.one_of(st.just(""), _LONG)),
    st.builds(Keep),
)


def _settled(actions: list[AnyAction]) -> tuple[AnyAction, ...]:
    """Without those that cannot be meant together: the first final action stays, one answer."""
    final = next((each for each in actions if isinstance(each, FINAL)), None)
    reply = next((each for each in actions if isinstance(each, Reply)), None)
    never: tuple[type[AnyAction], ...] = ()
    if isinstance(final, Delete):
        never = (Keep,)
    elif isinstance(final, Reject):
        never = (Keep, Copy, Forward, Reply)
    return tuple(
        each
        for each in actions
        if (not isinstance(each, FINAL) or each is final)
        and (not isinstance(each, Reply) or each is reply)
        and not isinstance(each, never)
    )


def _rule(
    name: str, conditions: list[AnyCondition], actions: tuple[AnyAction, ...], match: Match, on: int
) -> Rule:
    return Rule(name, tuple(conditions), actions, match, not actions or bool(on & 1), bool(on & 2))


RULE: st.SearchStrategy[Rule] = st.builds(
    _rule,
    _TEXT.map(str.strip),
    st.lists(CONDITION, max_size=4),
    st.lists(ACTION, max_size=4).map(_settled),
    st.sampled_from(Match),
    st.integers(0, 3),
)
"""Rules without a fault."""

CANONICAL: st.SearchStrategy[Rule] = RULE.map(canonical)
