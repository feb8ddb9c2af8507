"""What rules did with a mail and why, in plain words: "put into “Tax”, because the sender is “example.org”".
Told by the tests that history kept, not by the rule as it may be today.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from eilbote.catalogue import Catalogue, mark
from eilbote.rule_phrases import and_of, either, quoted, size_said
from eilbote.rule_words import language_said
from eilbote.store.rule_values import Deed, Told

_FLAGGING = ("addflag", "setflag", "removeflag")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')

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
    t, argument = said.text, quoted(deed.argument, said)
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
        words = and_of([words, flags], said)
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
                labels.append(quoted(flag.removeprefix("\\"), said))
    if labels:
        words.append(said.text("labelled {labels}", labels=and_of(labels, said)))
    return and_of(words, said) if words else ""


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
    value = quoted(seen[0] if seen else texts[-1], said) if texts or seen else ""
    fields = {one.lower() for one in texts}
    match step.name:
        case "address" | "header" | "envelope" if ":mime" not in asked and texts:
            if fields & {"list-id", "list-post", "precedence"}:
                return t("it came over a mailing list")
            contained = _contained(asked, texts, seen)
            if "subject" in fields and contained:
                return t("{what} contains {values}", what=t("the subject"), values=quoted(contained, said))
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
            return t("{what} is there", what=t("the field {name}", name=either(texts, said)))
        case "body":
            return t("the text contains {value}", value=quoted(texts[-1], said)) if texts else asked
        case "size":
            number = re.search(r"(\d+)\s*([kKmMgG]?)", asked)
            if number is None:
                return asked
            count = int(number[1]) << 10 * " kmg".index(number[2].lower() or " ")
            amount = size_said(count, said)
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
