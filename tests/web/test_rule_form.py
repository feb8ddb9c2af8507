"""The rule builder's form carries every rule there and back, and shows no rule that it would change."""

from __future__ import annotations

from typing import get_args

import msgspec
from hypothesis import given, settings
from msgspec.structs import replace

from eilbote.catalogue import LANGUAGES, Catalogue
from eilbote.rule_words import sentence
from eilbote.sieve.rule import (
    AnyCondition,
    Attachment,
    During,
    Flagging,
    MailingList,
    Mark,
    Move,
    Notify,
    Reject,
    Reply,
    Rule,
    Sender,
    Subject,
)
from eilbote.sieve.rule_check import canonical
from eilbote.web.rule_form import (
    ACTIONS,
    GROUPS,
    RuleForm,
    changed,
    form_of,
    form_sent,
    is_carried,
    is_right,
    rule_typed,
    tryable,
)
from tests.sieve.made_rules import RULE


def sent(form: RuleForm) -> dict[str, tuple[str, ...]]:
    """What a browser sends of the form: line ends as HTML has them."""
    fields: dict[str, tuple[str, ...]] = {
        "name": (form.name,),
        "match": (form.match,),
        "account": (form.account,),
        "where": (form.where,),
        "kind": tuple(row.kind for row in form.conditions),
        "then": tuple(row.kind for row in form.actions),
    }
    for name, column in (("op", "op"), ("value", "value"), ("extra", "extra"), ("part", "part")):
        fields[name] = tuple(getattr(row, column).replace("\n", "\r\n") for row in form.conditions)
    for name, column in (("what", "value"), ("more", "more"), ("about", "about"), ("own", "own")):
        fields[name] = tuple(getattr(row, column).replace("\n", "\r\n") for row in form.actions)
    if form.stop:
        fields["stop"] = ("1",)
    if not form.enabled:
        fields["off"] = ("1",)
    return fields


def test_every_kind_is_offered() -> None:
    offered = {kind for _, kinds in GROUPS for kind, _ in kinds}
    assert offered == {str(one.__struct_config__.tag) for one in get_args(AnyCondition)}
    assert {"read", "flagged"} <= {kind for kind, _ in ACTIONS}


@settings(max_examples=300, deadline=None)
@given(RULE)
def test_a_rule_goes_through_the_form_unchanged_or_it_is_said(rule: Rule) -> None:
    typed, form = rule_typed(form_sent(sent(form_of(rule))))
    assert is_right(form)
    same = canonical(typed) == canonical(rule)
    assert same is is_carried(rule)
    texts = texts_of(msgspec.to_builtins((rule.conditions, rule.actions)))
    if not any(one != one.strip() or "," in one for one in texts):
        assert same


def test_the_text_of_an_answer_is_carried_to_the_letter() -> None:
    for action in (
        Reply("  Hallo,\n.\n", 3, "Betreff"),
        Reject("Nein,\n\n"),
        Notify("a@example.org", "\nx \n"),
    ):
        rule = Rule("x", (), (action,), stop=isinstance(action, Reject))
        typed, form = rule_typed(form_sent(sent(form_of(rule))))
        assert is_right(form) and typed == rule


def texts_of(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for one in value.values() for text in texts_of(one)]
        case list() | tuple():
            return [text for one in value for text in texts_of(one)]
        case _:
            return []


def test_lists_without_a_value_mean_any() -> None:
    rule = Rule("x", (Attachment(), MailingList(True)), (Move("y"), Mark(Flagging.READ)), stop=True)
    typed, form = rule_typed(form_sent(sent(form_of(rule))))
    assert is_right(form) and typed == rule


def test_open_ends_of_a_period_stay_open() -> None:
    rule = Rule("x", (During(False, "2026-12-20", ""),), (Move("y"),), stop=True)
    typed, form = rule_typed(form_sent(sent(form_of(rule))))
    assert is_right(form) and typed == rule


def test_what_is_not_typed_yet_is_left_out_of_a_try() -> None:
    form = changed(RuleForm(), "condition")
    assert tryable(form) == (None, False)  # not for every mail
    rows = (replace(form.conditions[0], value="anna@example.org"), form.conditions[1])
    tried, acts = tryable(replace(form, conditions=rows))
    assert tried is not None and tried.conditions == (Sender(False, ("anna@example.org",)),) and not acts
    tried, _ = tryable(replace(form, conditions=()))
    assert tried is not None and tried.conditions == ()


def test_a_form_of_nonsense_is_a_form() -> None:
    for typed in (
        {},
        {"kind": ("x",) * 500, "op": ("!" * 50,)},
        {"then": ("move",) * 500},
        {"match": ("some",), "where": ("moon",), "kind": ("during",), "value": ("\x00",)},
    ):
        form = form_sent(typed)
        rule, checked = rule_typed(form)
        assert not is_right(checked) or rule.stop
        for do in ("without-", "without-9", "undo--1", "action", "condition", "without-٣"):
            changed(form, do)


@settings(max_examples=100, deadline=None)
@given(RULE)
def test_every_rule_is_one_sentence_in_both_languages(rule: Rule) -> None:
    for language in LANGUAGES:
        said = sentence(rule, Catalogue(language))
        assert said.endswith(".") and "\n" not in said


def test_a_sentence_reads_as_people_speak() -> None:
    rule = Rule(
        "x",
        (Sender(False, ("@steuerberater.example",)), Subject(True, ("Werbung",))),
        (Move("Buchhaltung"), Mark(Flagging.FLAGGED)),
        stop=True,
    )
    german, english = (sentence(rule, Catalogue(one)) for one in ("de", "en"))
    assert german == (
        "Wenn die Mail von @steuerberater.example kommt und der Betreff „Werbung“ nicht enthält,"
        " nach „Buchhaltung“ verschieben und markieren."
    )
    assert english == (
        "If it comes from @steuerberater.example and the subject does not contain “Werbung”,"
        " move to “Buchhaltung” and flag."
    )
