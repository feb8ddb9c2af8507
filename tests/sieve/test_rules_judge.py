"""What each condition and action of a friendly rule comes to with a mail: here, and as Pigeonhole sees it."""

from __future__ import annotations

from datetime import date
from email.message import EmailMessage

import pytest

from eilbote.sieve.build import build_rule, build_script
from eilbote.sieve.mail import MessageMail
from eilbote.sieve.read_back import read_back
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
)
from eilbote.sieve.rule_check import canonical, faults
from eilbote.sieve.run import run
from eilbote.sieve.script import Script, read_script
from eilbote.sieve.values import Action, Importance, Outcome, Said, World
from tests.servers.pigeonhole import Pigeonhole

TODAY = date(2026, 11, 27)
NOON = 1_795_777_200.0  # 2026-11-27 12:00 at +01:00
SERVER = frozenset({"mailbox", "special-use"})


def mail(
    *files: tuple[str, str],
    text: str = "Guten Tag,\n\nalles gut\n",
    day: str = "Fri, 27 Nov 2026 10:00:00 +0100",
    **fields: str,
) -> bytes:
    message = EmailMessage()
    given = {"From": '"Anna Groß" <anna@example.org>', "To": "team@example.net", "Subject": "Hallo", **fields}
    message.set_content(text)
    for name, value in given.items():
        message[name.replace("_", "-")] = value
    message["Date"] = day
    for media_type, name in files:
        main, _, sub = media_type.partition("/")
        message.add_attachment(b"x" * 100, main, sub, filename=name)
    return message.as_bytes().replace(b"\n", b"\r\n")


PLAIN = mail()
DAYS_30 = mail(day="Wed, 28 Oct 2026 10:00:00 +0000")
DAYS_31 = mail(day="Tue, 27 Oct 2026 10:00:00 +0000")
OF_EXAMPLE = mail(From="example@a.org")
IDN = mail(From="x@xn--mller-kva.example")

CASES: list[tuple[AnyCondition, bytes, bytes]] = [
    (Sender(False, ("anna@example.org",)), PLAIN, mail(From="joanna@example.org")),
    (Sender(False, ("ANNA@Example.org",)), PLAIN, mail(From="anna@example.org.example")),
    (Sender(False, ("@example.org",)), PLAIN, mail(From="anna@mail.example.org")),
    (Sender(False, ("@*.example.org",)), mail(From="a@mail.example.org"), PLAIN),
    (Sender(False, ("@müller.example",)), IDN, PLAIN),
    (Sender(False, ("x@müller.example",)), IDN, mail(From="y@xn--mller-kva.example")),
    (Sender(False, ("groß",)), PLAIN, mail(From="Ben <ben@example.org>")),
    (Sender(False, ("@example.net", "Anna")), PLAIN, mail(From="Ben <ben@example.org>")),
    (Sender(True, ("@example.org",)), IDN, PLAIN),
    (Recipient(False, ("team@example.net",)), PLAIN, mail(To="a@example.net")),
    (Recipient(False, ("@example.com",)), mail(Cc="b@example.com"), PLAIN),
    (Subject(False, ("überweisung",)), mail(Subject="Ihre ÜBERWEISUNG ist da"), PLAIN),
    (Subject(False, ("Größe",)), mail(Subject="GRÖßE"), PLAIN),
    (Subject(False, ("Hallo",), How.IS), PLAIN, mail(Subject="Hallo Welt")),
    (Subject(False, ("[dev]*",), How.BEGINS), mail(Subject="[dev]* x"), mail(Subject="[dev] * x")),
    (Subject(False, ("?",), How.ENDS), mail(Subject="Wann?"), PLAIN),
    (Subject(False, ("*al?o",), How.MATCHES), PLAIN, mail(Subject="Halllo")),
    (Subject(False, ("^ha(l|x)+o$",), How.REGEX), PLAIN, mail(Subject="hao")),
    (Subject(True, ("a", "b")), mail(Subject="xyz"), mail(Subject="bcd")),
    (Body(False, ("ALLES GUT",)), PLAIN, mail(text="nichts\n")),
    (Body(False, ("Kündigung",)), mail(text="die KÜNDIGUNG kommt\n"), PLAIN),
    (HeaderField(False, ("X-Loop",)), mail(X_Loop="1"), PLAIN),
    (HeaderField(False, ("x-loop", "x-other"), ("ja",), How.IS), mail(X_Other="JA"), mail(X_Other="jaja")),
    (HeaderField(False, ("from",), ("ann",), How.BEGINS, Part.LOCAL), PLAIN, mail(From="Ann <x@a.org>")),
    (HeaderField(False, ("from",), ("example",), How.CONTAINS, Part.DOMAIN), PLAIN, OF_EXAMPLE),
    (Priority(False, Level.HIGH), mail(X_Priority="1 (Highest)"), mail(X_Priority="3")),
    (Priority(False, Level.HIGH), mail(Importance="High"), mail(Importance="low")),
    (Priority(False, Level.LOW), mail(X_Priority="5"), mail(X_Priority="1")),
    (Priority(False, Level.LOW), mail(Priority="non-urgent"), mail(Priority="normal")),
    (Priority(False, Level.NORMAL), PLAIN, mail(X_MSMail_Priority="High")),
    (Larger(False, 1000), mail(text="x" * 70 + "\n" * 1000), PLAIN),
    (Smaller(False, 1000), PLAIN, mail(text="x" * 70 + "\n" * 1000)),
    (Older(False, 30), mail(day="Mon, 26 Oct 2026 10:00:00 +0000"), PLAIN),
    (Older(False, 30), DAYS_31, DAYS_30),
    (Newer(False, 7), PLAIN, mail(day="Thu, 19 Nov 2026 10:00:00 +0000")),
    (Newer(False, 30), DAYS_30, DAYS_31),
    (Before(False, "2026-11-27"), mail(day="Thu, 26 Nov 2026 10:00:00 +0100"), PLAIN),
    (Since(False, "2026-11-27"), PLAIN, mail(day="Thu, 26 Nov 2026 10:00:00 +0100")),
    (Attachment(), mail(("application/pdf", "a.pdf")), PLAIN),
    (Attachment(False, ("pdf",)), mail(("application/octet-stream", "A.PDF")), mail(("text/csv", "pdf.csv"))),
    (Attachment(False, ("*rechnung*",)), mail(("image/png", "Rechnung 3.png")), mail(("image/png", "a.png"))),
    (Attachment(False, ("image/*",)), mail(("image/png", "a")), mail(("application/pdf", "image.pdf"))),
    (Attachment(False, ("xml", "image/*")), mail(("text/xml", "a.xml")), mail(("text/csv", "a.csv"))),
    (MailingList(), mail(List_Id="<dev.example.org>"), PLAIN),
    (MailingList(), mail(List_Post="<mailto:dev@example.org>"), mail(Precedence="bulk")),
    (MailingList(False, ("dev.example",)), mail(List_Id="Dev <dev.example>"), mail(List_Id="<a.example>")),
    (Language(False, ("de",)), mail(Content_Language="de-AT"), mail(Content_Language="den", text="\n")),
]  # fmt: skip

SAID: list[tuple[AnyCondition, Said, Said]] = [
    (Contact(), Said(known=True), Said(known=False)),
    (Contact(False, Known.FIRST), Said(first_contact=True), Said(first_contact=False)),
    (Category(False, ("Newsletter", "werbung")), Said(category="newsletter"), Said(category="privat")),
    (SenderImportance(), Said(importance=Importance.HIGH), Said(importance=Importance.LOW)),
    (SenderImportance(False, Importance.LOW), Said(importance=Importance.NORMAL), Said()),
    (Spam(False, 80), Said(spam=0.8), Said(spam=0.79)),
    (Spam(False, 80), Said(spam=1.0), Said()),
    (Spam(True, 80), Said(), Said(spam=0.9)),
]  # fmt: skip


def judged(rule: Rule, raw: bytes, said: Said | None = None) -> Outcome:
    assert not [*faults(rule)]
    script = read_script(build_rule(rule, TODAY))
    assert isinstance(script, Script), script
    world = World(NOON, 3600, "anna@example.org", "team@example.net", said=said or Said())
    outcome = run(script, MessageMail(raw), world)
    assert outcome.problem is None
    return outcome


def holds(rule: Rule, raw: bytes, said: Said | None = None) -> bool:
    return not judged(rule, raw, said).implicit_keep


def rule_of(*conditions: AnyCondition, match: Match = Match.ALL) -> Rule:
    return Rule("x", conditions, (Move("Ziel"),), match, stop=True)


@pytest.mark.parametrize(("condition", "fits", "fits_not"), CASES)
def test_a_condition_holds_for_its_mail_alone(condition: AnyCondition, fits: bytes, fits_not: bytes) -> None:
    assert holds(rule_of(condition), fits)
    assert not holds(rule_of(condition), fits_not)


def test_pigeonhole_judges_the_same(pigeonhole: Pigeonhole) -> None:
    for condition, fits, fits_not in CASES:
        script = build_rule(rule_of(condition), TODAY, SERVER)
        for raw, wanted in ((fits, True), (fits_not, False)):
            verdict = pigeonhole.test(script, raw)
            assert verdict.status == 0, verdict.errors
            moved = [action.said for action in verdict.actions] == ["store message in folder: Ziel"]
            assert moved is wanted, (condition, wanted, verdict.printed)


@pytest.mark.parametrize(("condition", "fits", "fits_not"), SAID)
def test_what_the_assistant_said(condition: AnyCondition, fits: Said, fits_not: Said) -> None:
    assert holds(rule_of(condition), PLAIN, fits)
    assert not holds(rule_of(condition), PLAIN, fits_not)


def test_a_language_is_known_by_its_words() -> None:
    german = mail(text="Ich bin heute nicht da und wir sehen uns morgen, vielen Dank für die Mail\n")
    english = mail(text="I am not here today and we will see you with the others, thanks for this mail\n")
    assert holds(rule_of(Language(False, ("de",))), german)
    assert not holds(rule_of(Language(False, ("de",))), english)
    assert holds(rule_of(Language(False, ("de", "en"))), english)


def test_a_period() -> None:
    assert holds(rule_of(During(False, "2026-11-27", "2026-11-27")), PLAIN)
    assert holds(rule_of(During(False, "", "2026-11-27")), PLAIN)
    assert holds(rule_of(During(False, "2026-11-27", "")), PLAIN)
    assert not holds(rule_of(During(False, "2026-11-28", "")), PLAIN)
    assert not holds(rule_of(During(False, "2026-11-01", "2026-11-26")), PLAIN)


@pytest.mark.parametrize(
    ("match", "first", "second", "wanted"),
    [
        (Match.ALL, True, True, True),
        (Match.ALL, True, False, False),
        (Match.ANY, True, False, True),
        (Match.ANY, False, False, False),
        (Match.NONE, False, False, True),
        (Match.NONE, True, False, False),
    ],
)
def test_conditions_together(match: Match, first: bool, second: bool, wanted: bool) -> None:
    one = Subject(False, ("hallo" if first else "anders",))
    two = Sender(False, ("anna" if second else "ben",))
    assert holds(rule_of(one, two, match=match), PLAIN) is wanted
    assert holds(rule_of(two, one, match=match), PLAIN) is wanted


@pytest.mark.parametrize(
    ("actions", "told"),
    [
        ((Move("A/Ü"),), ["FileInto A/Ü"]),
        ((Copy("A"),), ["FileInto A", "Keep"]),
        ((Archive(),), ["FileInto Archive"]),
        ((Move("A"), Mark(Flagging.READ), Label(("x",))), ["FileInto A \\Seen x"]),
        ((Mark(Flagging.FLAGGED),), ["Keep \\Flagged"]),
        ((Forward("b@example.net"),), ["Redirect b@example.net", "Keep"]),
        ((Redirect("b@example.net"),), ["Redirect b@example.net"]),
        (
            (Copy("A"), Forward("b@example.net"), Move("B")),
            ["FileInto A", "Redirect b@example.net", "FileInto B"],
        ),
        ((Reply("weg\n.\n", 3, "Urlaub"),), ["Vacation weg\n.\n/259200/Urlaub", "Keep"]),
        ((Delete(),), ["Discard"]),
        ((Reject('nein, "danke"'),), ['Reject nein, "danke"']),
        ((Notify("c@example.net", "da"),), ["Notify mailto:c@example.net/da", "Keep"]),
        ((Keep(), Move("A")), ["Keep", "FileInto A"]),
    ],
)
def test_an_action_is_what_it_says(actions: tuple[AnyAction, ...], told: list[str]) -> None:
    outcome = judged(Rule("Die Regel", (), actions, stop=True), PLAIN)
    assert [shown(action) for action in outcome.actions] == told
    assert set(outcome.rules) <= {"Die Regel", ""}


def shown(action: Action) -> str:
    parts: list[str] = []
    for name in ("mailbox", "address", "reason", "method"):
        parts += [value for value in (getattr(action, name, ""),) if value]
    kind = type(action).__name__
    if kind == "Vacation":
        return f"Vacation {action.reason}/{action.seconds}/{action.subject}"  # type: ignore[union-attr]
    if kind == "Notify":
        return f"Notify {action.method}/{action.message}"  # type: ignore[union-attr]
    return " ".join((kind, *parts, *getattr(action, "flags", ())))


def test_of_several_rules_that_answer_the_first_does() -> None:
    rules = [
        Rule("aus", (), (Reply("nie"),), enabled=False),
        Rule("eins", (Subject(False, ("hallo",)),), (Reply("eins"), Mark(Flagging.READ))),
        Rule("zwei", (Sender(False, ("anna",)),), (Reply("zwei"), Copy("B"))),
        Rule("drei", (), (Reply("drei"), Move("C")), stop=True),
        Rule("vier", (), (Reply("vier"),)),
    ]
    text = build_script(rules, TODAY)
    assert read_back(text) == tuple(map(canonical, rules))
    script = read_script(text)
    assert isinstance(script, Script)
    for raw, told in (
        (PLAIN, ["Vacation eins", "FileInto B", "FileInto C"]),
        (mail(Subject="Anders"), ["Vacation zwei", "FileInto B", "FileInto C"]),
        (mail(Subject="Anders", From="ben@example.org"), ["Vacation drei", "FileInto C"]),
    ):
        outcome = run(script, MessageMail(raw), World(NOON))
        assert outcome.problem is None
        assert [shown(each).split("/")[0].removesuffix(" \\Seen") for each in outcome.actions] == told


def test_a_disabled_rule_does_nothing() -> None:
    assert judged(Rule("x", (), (Delete(),), enabled=False), PLAIN).implicit_keep
    rule = Rule("x", (Subject(False, ("hallo",)),), (Delete(),), enabled=False)
    assert judged(rule, PLAIN).implicit_keep
